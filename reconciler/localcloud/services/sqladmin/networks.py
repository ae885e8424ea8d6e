"""Addresses of an instance: public ones, a private one from a peered range, and Private Service Connect names.

A private address needs a Service Networking connection of the network, as on Google
(https://cloud.google.com/sql/docs/mysql/configure-private-ip). The words of the failure are Google's, as people quote
them; that it is the operation that fails, and not the request, is documented less clearly.
"""

from __future__ import annotations

import ipaddress
import random

from reconciler.localcloud import projects
from reconciler.localcloud.services.servicenetworking import connection_of
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, hexadecimal

NOT_PEERED = "Incorrect Service Networking config for instance: {}:{}:NETWORK_NOT_PEERED."


def relative(network: str) -> str:
    """`projects/…/global/networks/…` of a network that may be given as a URL."""
    at = network.find("projects/")
    return network[at:] if at >= 0 else network


def addresses(state: State, row: Json, rng: random.Random) -> list[Json]:
    """`ipAddresses` of an instance: those it has stay, those its settings no longer ask for go."""
    network = row["settings"]["ipConfiguration"]
    before = {entry["type"]: entry for entry in row.get("ipAddresses", [])}
    wanted = []
    if network.get("ipv4Enabled"):
        # PostgreSQL shows the address from which it calls out too (recordings).
        wanted += ["PRIMARY", "OUTGOING"] if engine(row["databaseVersion"]) == "POSTGRES" else ["PRIMARY"]
    if network.get("privateNetwork"):
        wanted.append("PRIVATE")
    return [
        before.get(kind) or {"type": kind, "ipAddress": _address(state, kind, network.get("privateNetwork", ""), rng)}
        for kind in wanted
    ]


def _address(state: State, kind: str, network: str, rng: random.Random) -> str:
    tail = f"{rng.randrange(1, 250)}.{rng.randrange(250)}.{rng.randrange(3, 250)}"
    if kind != "PRIVATE":
        return f"{'34' if kind == 'PRIMARY' else '35'}.{tail}"
    return _from_range(state, network, rng) or f"10.{tail}"


def _from_range(state: State, network: str, rng: random.Random) -> str:
    """An address from the first reserved range of the peering whose size and place Compute Engine knows."""
    home = projects.canonical(state, relative(network)).split("/global/")[0]
    for name in (connection_of(state, network) or {}).get("reservedPeeringRanges", []):
        reserved = state.get(f"compute.addresses/{home}/global/addresses/{name}") or {}
        try:
            block = ipaddress.ip_network(
                f"{reserved.get('address', '')}/{reserved.get('prefixLength', 32)}", strict=False
            )
        except ValueError:  # a range that nobody reserved
            continue
        if block.num_addresses >= 256:
            return str(block.network_address + 3 + rng.randrange(min(block.num_addresses, 65_536) - 6))
    return ""


def private_service(row: Json, rng: random.Random) -> Json:
    """Link and DNS name of an instance that is reached by Private Service Connect."""
    if not row["settings"]["ipConfiguration"].get("pscConfig", {}).get("pscEnabled"):
        return {}
    own = hexadecimal(rng, 12)
    tenant = f"{hexadecimal(rng, 17)}-tp"
    name = f"{own}.{hexadecimal(rng, 13)}.{row['region']}.sql.goog."
    return {
        "dnsName": name,
        "dnsNames": [{"name": name, "connectionType": "PRIVATE_SERVICE_CONNECT", "dnsScope": "INSTANCE"}],
        "pscServiceAttachmentLink": f"projects/{tenant}/regions/{row['region']}/serviceAttachments/"
        f"a-{own}-psc-service-attachment-{hexadecimal(rng, 16)}",
    }
