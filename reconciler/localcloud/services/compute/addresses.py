"""IP addresses: which one is free. External ones come from 34.0.0.0/9, where Google's own lie."""

from __future__ import annotations

import ipaddress

from reconciler.localcloud.services.compute.kinds import Draft, refused
from reconciler.localcloud.services.compute.places import Place, parsed, prefix_of, stored_at

_EXTERNAL = int(ipaddress.IPv4Address("34.64.0.0"))
_EXTERNAL_SIZE = 1 << 22
# Where an automatic range of Private Services Access is looked for.
_PEERED = ipaddress.IPv4Network("10.0.0.0/8")


def free_external(draft: Draft) -> str:
    """An address of the internet; two projects may get the same one, with a chance of one in four million."""
    if draft.body.get("ipVersion") == "IPV6":
        words = ":".join(f"{draft.call.rng.getrandbits(16):x}" for _ in range(2))
        return f"2600:1901:0:{words}::"
    return str(ipaddress.IPv4Address(_EXTERNAL + draft.call.rng.randrange(_EXTERNAL_SIZE)))


def free_internal(draft: Draft) -> str:
    """A free address of the subnetwork that the draft names, or the start of a free range for its prefix length."""
    subnetwork = parsed(str(draft.body.get("subnetwork", "")))
    found = stored_at(draft.call.state, subnetwork) if subnetwork else _default_subnetwork(draft)
    if draft.place.scope == "global" or (found is None and "prefixLength" in draft.body):
        return _free_range(draft)
    if found is None:
        return str(_PEERED[2 + draft.call.rng.randrange(1 << 16)])
    draft.default("subnetwork", found[1]["selfLink"])
    span = ipaddress.ip_network(str(found[1]["ipCidrRange"]))
    taken = _taken(draft, str(found[1]["selfLink"]))
    # Google keeps the first two and the last two addresses of a range.
    for offset in range(2, span.num_addresses - 2):
        if str(span[offset]) not in taken:
            return str(span[offset])
    said = f"IP space of '{found[0].path}' is exhausted."
    raise refused("resource.subnetwork", found[1]["selfLink"], said)


def _default_subnetwork(draft: Draft) -> tuple[Place, dict[str, object]] | None:
    network = parsed(str(draft.body.get("network", "")))
    name = network.name if network else "default"
    return stored_at(draft.call.state, draft.place.beside("subnetworks", name))


def _taken(draft: Draft, subnetwork: str) -> set[str]:
    state, parent = draft.call.state, f"projects/{draft.place.project}"
    found: set[str] = set()
    for collection, field in (("addresses", "address"), ("forwardingRules", "IPAddress")):
        for _, row in state.scan(prefix_of(state, collection, parent)):
            if row.get("subnetwork") == subnetwork:
                found.add(str(row.get(field)))
    for _, row in state.scan(prefix_of(state, "instances", parent)):
        for card in row.get("networkInterfaces", []):
            if card.get("subnetwork") == subnetwork:
                found.add(str(card.get("networkIP")))
    return found


def _free_range(draft: Draft) -> str:
    """The start of a block of 10.0.0.0/8 that no other reserved range and no subnetwork of the project overlaps."""
    state, parent = draft.call.state, f"projects/{draft.place.project}"
    length = int(draft.body.get("prefixLength") or 32)
    if not 8 <= length <= 32:
        raise refused("resource.prefixLength", length, "Must be between 8 and 32.")
    spans = []
    for _, row in state.scan(prefix_of(state, "addresses", parent)):
        if row.get("addressType") == "INTERNAL" and row.get("address"):
            spans.append(ipaddress.ip_network(f"{row['address']}/{row.get('prefixLength', 32)}", strict=False))
    for _, row in state.scan(prefix_of(state, "subnetworks", parent)):
        spans.append(ipaddress.ip_network(str(row["ipCidrRange"]), strict=False))
    for block in _PEERED.subnets(new_prefix=min(length, 24)):
        if not any(block.overlaps(span) for span in spans if isinstance(span, ipaddress.IPv4Network)):
            return str(block.network_address)
    raise refused("resource.prefixLength", length, "No free range of this size is left.")
