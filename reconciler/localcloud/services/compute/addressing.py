"""Where an interface lies: its network, subnetwork and internal address."""

from __future__ import annotations

import ipaddress
import random

from reconciler.localcloud.services.compute.places import STORED, Place, key_of, parsed, prefix_of
from reconciler.localcloud.services.compute.sources import existing
from reconciler.localcloud.services.compute.world import zones
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json


def placed_in_network(state: State, place: Place, interface: Json) -> None:
    """Complete an interface of an instance at `place`. Whether its network must exist is judged in `references`."""
    region = zones().get(place.scope.rsplit("/", 1)[-1], "")
    row = existing(state, interface.get("subnetwork", ""))
    if row is not None:
        interface["network"] = row["network"]
    elif not interface.get("subnetwork"):
        network = interface.setdefault("network", f"{STORED}projects/{place.project}/global/networks/default")
        row = _subnet_of(state, place, network, region)
    if row is not None:
        interface["subnetwork"] = row["selfLink"]
        if not interface.get("networkIP"):
            interface["networkIP"] = next_address(state, row)
    reserved = existing(state, interface.get("networkIP", ""))
    if reserved and "address" in reserved:
        interface["networkIP"] = reserved["address"]


def _subnet_of(state: State, place: Place, network: str, region: str) -> Json | None:
    prefix = prefix_of(state, "subnetworks", f"projects/{place.project}/regions/{region}")
    return next((row for _, row in state.scan(prefix) if row.get("network") == network), None)


def external_address(rng: random.Random) -> str:
    """An address of the world, out of a range of Google's."""
    return f"34.{rng.randrange(64, 128)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def next_address(state: State, subnet: Json) -> str:
    """The next address of a subnetwork: the first two and the last two are Google's; none is given twice in a round."""
    place = parsed(subnet["selfLink"])
    try:
        block = ipaddress.ip_network(subnet.get("ipCidrRange", ""), strict=False)
    except ValueError:
        return ""
    if place is None or block.num_addresses < 8:
        return ""
    key = f"compute.addressing/{key_of(state, place)}"
    given = (state.get(key) or {"given": 0})["given"]
    state.put(key, {"given": given + 1})
    return str(block.network_address + 2 + given % (block.num_addresses - 4))
