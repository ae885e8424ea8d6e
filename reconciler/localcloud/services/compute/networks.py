"""Verbs of networks and what is in them: automatic subnetworks, peerings, ranges that grow, gateways' status."""

from __future__ import annotations

import ipaddress

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine, work
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, full, key_of, parsed, place_of, prefix_of, stored_at
from reconciler.localcloud.services.compute.world import REGIONS, pacific
from reconciler.localcloud.values import Json

_ROUTE = "Default route to the Internet."


def insert(call: Call) -> Answer:
    operation = engine.insert(call)
    place = place_of(call).named(str(call.body["name"]))
    populate(call, place)
    return operation


def populate(call: Call, place: Place) -> None:
    """What comes with a new network: the route to the internet, and in auto mode a subnetwork in every region."""
    stored = engine.load(call, place)[1]
    name = f"default-route-{call.rng.getrandbits(64):016x}"
    route = {
        "name": name, "description": _ROUTE, "network": place.link, "destRange": "0.0.0.0/0", "priority": 1000,
        "nextHopGateway": f"projects/{place.project}/global/gateways/default-internet-gateway",
    }  # fmt: skip
    engine.make(call, Place(place.parent, "routes", name), route)
    if stored.get("autoCreateSubnetworks"):
        links = []
        for region, (span, _) in REGIONS.items():
            at = Place(f"projects/{place.project}/regions/{region}", "subnetworks", place.name)
            if stored_at(call.state, at) is None:
                engine.make(call, at, {"name": place.name, "network": place.link, "ipCidrRange": span})
                links.append(at.link)
        call.state.put(key_of(call.state, place), {**stored, "subnetworks": [*stored.get("subnetworks", []), *links]})


def delete(call: Call) -> Answer:
    """Automatic subnetworks and the default route go with their network."""
    place, _ = engine.load(call, place_of(call))
    own = _own(call, place)
    operation = engine.delete(call, ignoring=frozenset(at.link for at in own))
    if engine.absent(call, place):
        for at in own:
            call.state.delete(key_of(call.state, at))
        _forget_peers(call, place)
    return operation


def _own(call: Call, place: Place) -> list[Place]:
    found = []
    for collection in ("routes", "subnetworks"):
        for _, row in call.state.scan(prefix_of(call.state, collection, f"projects/{place.project}")):
            at = parsed(str(row["selfLink"]))
            automatic = row.get("description") == _ROUTE or (collection == "subnetworks" and row["name"] == place.name)
            if at and automatic and row.get("network") == place.link:
                found.append(at)
    return found


def _forget_peers(call: Call, place: Place) -> None:
    for _, row in list(call.state.scan(prefix_of(call.state, "networks", f"projects/{place.project}"))):
        for peering in row.get("peerings", []):
            if peering.get("network") == place.link:
                peering |= {"state": "INACTIVE", "stateDetails": "The peer network has been deleted."}
                call.state.put(key_of(call.state, place.named(str(row["name"]))), row)


def insert_subnetwork(call: Call) -> Answer:
    place = place_of(call)
    network = parsed(full(call.state, str(call.body.get("network", "")), place.project))
    if network and "ipCidrRange" in call.body:
        _refuse_overlap(call, network, str(call.body["ipCidrRange"]))
    operation = engine.insert(call)
    _listed(call, network, place.named(str(call.body["name"])).link, present=True)
    return operation


def _refuse_overlap(call: Call, network: Place, span: str) -> None:
    try:
        wanted = ipaddress.ip_network(span)
    except ValueError:
        return
    for _, row in call.state.scan(prefix_of(call.state, "subnetworks", f"projects/{network.project}")):
        other = ipaddress.ip_network(str(row["ipCidrRange"]))
        if row.get("network") == network.link and other.version == wanted.version and other.overlaps(wanted):
            at = parsed(str(row["selfLink"]))
            said = f"Invalid IPCidrRange: {span} conflicts with existing subnetwork '{row['name']}' in region '"
            raise GoogleError(400, f"{said}{at.scope.rsplit('/', 1)[-1] if at else ''}'.", reason="invalid")


def delete_subnetwork(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    operation = engine.delete(call)
    if engine.absent(call, place):
        _listed(call, parsed(str(stored.get("network", ""))), place.link, present=False)
    return operation


def _listed(call: Call, network: Place | None, link: str, *, present: bool) -> None:
    """Keep a network's own list of its subnetworks."""
    found = stored_at(call.state, network) if network else None
    if found:
        links = [one for one in found[1].get("subnetworks", []) if one != link] + ([link] if present else [])
        row = {**found[1], "subnetworks": links}
        if not links:
            del row["subnetworks"]
        call.state.put(key_of(call.state, found[0]), row)


def expand(call: Call) -> Answer:
    """A subnetwork's range may grow, never shrink or move."""
    place, stored = engine.load(call, place_of(call))
    span = str(call.body.get("ipCidrRange", ""))
    try:
        old, new = ipaddress.ip_network(str(stored["ipCidrRange"])), ipaddress.ip_network(span)
    except ValueError as error:
        raise refused("ipCidrRange", span, "Must be a valid IPV4 CIDR address range.") from error
    if not (isinstance(old, ipaddress.IPv4Network) and isinstance(new, ipaddress.IPv4Network)) or (
        old == new or not old.subnet_of(new)
    ):
        said = f"The new IP range must be a superset of the existing range {stored['ipCidrRange']}."
        raise refused("ipCidrRange", span, said)
    return engine.changed_to(call, place, stored, {**stored, "ipCidrRange": span})


def custom_mode(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    if not stored.get("autoCreateSubnetworks"):
        raise GoogleError(400, f"The network '{place.path}' is already in custom subnet mode.", reason="invalid")
    return engine.changed_to(call, place, stored, {**stored, "autoCreateSubnetworks": False})


# --- peerings --------------------------------------------------------------------------------------------------


def add_peering(call: Call) -> Answer:
    """A peering is ACTIVE when both sides have one."""
    place, stored = engine.load(call, place_of(call))
    sent = call.body.get("networkPeering") or {
        "name": call.body.get("name"), "network": call.body.get("peerNetwork"),
        "exchangeSubnetRoutes": call.body.get("autoCreateRoutes", True),
    }  # fmt: skip
    name = str(sent.get("name") or call.body.get("name") or "")
    peers = stored.get("peerings", [])
    if any(peering["name"] == name for peering in peers):
        said = f"There is already a peering with the name '{name}' in '{place.path}'."
        raise GoogleError(409, said, reason="alreadyExists")
    row = {
        "exchangeSubnetRoutes": True, "autoCreateRoutes": True, "exportCustomRoutes": False,
        "importCustomRoutes": False, "exportSubnetRoutesWithPublicIp": True, "importSubnetRoutesWithPublicIp": False,
        "stackType": "IPV4_ONLY", **{key: value for key, value in sent.items() if value is not None}, "name": name,
    }  # fmt: skip
    row["network"] = full(call.state, str(row.get("network", "")), place.project)
    other = parsed(row["network"])
    found = stored_at(call.state, other) if other else None
    back = next((one for one in (found[1].get("peerings", []) if found else []) if one["network"] == place.link), None)
    row |= _state(call, active=back is not None)
    if found and back:
        back |= _state(call, active=True)
        call.state.put(key_of(call.state, found[0]), found[1])
    return engine.changed_to(call, place, stored, {**stored, "peerings": [*peers, row]})


def _state(call: Call, *, active: bool) -> Json:
    if active:
        return {"state": "ACTIVE", "stateDetails": f"[{pacific(call.now)}]: Connected."}
    return {"state": "INACTIVE", "stateDetails": "Waiting for peer network to connect."}


def remove_peering(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    name = str(call.body.get("name", ""))
    gone = next((one for one in stored.get("peerings", []) if one["name"] == name), None)
    if gone is None:
        said = f"There is no peering named '{name}' in '{place.path}'."
        raise refused("name", name, said)
    other = parsed(gone["network"])
    found = stored_at(call.state, other) if other else None
    for back in found[1].get("peerings", []) if found else []:
        if found and back["network"] == place.link:
            back.update(_state(call, active=False))
            call.state.put(key_of(call.state, found[0]), found[1])
    kept = [one for one in stored["peerings"] if one["name"] != name]
    return engine.changed_to(call, place, stored, {**stored, "peerings": kept})


def update_peering(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    sent = call.body.get("networkPeering") or {}
    peers = stored.get("peerings", [])
    row = next((one for one in peers if one["name"] == sent.get("name")), None)
    if row is None:
        raise refused("networkPeering.name", sent.get("name", ""), f"There is no such peering in '{place.path}'.")
    row |= {key: value for key, value in sent.items() if key not in ("name", "network")}
    return engine.changed_to(call, place, stored, {**stored, "peerings": peers})


# --- reading ---------------------------------------------------------------------------------------------------


def effective_firewalls(call: Call) -> Answer:
    place, _ = engine.load(call, place_of(call))
    rows = call.state.scan(prefix_of(call.state, "firewalls", f"projects/{place.project}"))
    found = [engine.visible(call, row) for _, row in rows if row.get("network") == place.link]
    return {"firewalls": found} if found else {}


def peering_routes(call: Call) -> Answer:
    engine.load(call, place_of(call))
    return {"kind": "compute#exchangedPeeringRoutesList", "id": call.params["network"]}


def usable(call: Call) -> Answer:
    project = call.params["project"]
    rows = call.state.scan(prefix_of(call.state, "subnetworks", f"projects/{project}"))
    found = []
    for _, row in rows:
        shown = {"subnetwork": row["selfLink"]}
        shown |= {key: row[key] for key in ("network", "ipCidrRange", "purpose", "stackType") if key in row}
        found.append(engine.visible(call, shown))
    result: Json = {
        "kind": "compute#usableSubnetworksAggregatedList",
        "id": f"projects/{project}/aggregated/subnetworks",
    }
    return result | ({"items": found} if found else {})


def router_status(call: Call) -> Answer:
    _, stored = engine.load(call, place_of(call))
    status: Json = {"network": stored["network"]}
    if stored.get("nats"):
        status["natStatus"] = [{"name": nat["name"], "minExtraNatIpsNeeded": 0} for nat in stored["nats"]]
    return engine.visible(call, {"kind": "compute#routerStatusResponse", "result": status})


def gateway_status(call: Call) -> Answer:
    """The tunnels of a VPN gateway, by their peer."""
    place, stored = engine.load(call, place_of(call))
    rows = call.state.scan(prefix_of(call.state, "vpnTunnels", place.parent))
    own = [row for _, row in rows if row.get("vpnGateway") == stored["selfLink"]]
    tunnels = [
        {"tunnelUrl": row["selfLink"], "localGatewayInterface": row.get("vpnGatewayInterface", 0)} for row in own
    ]
    connections = [{"tunnels": tunnels, "state": {"state": "CONNECTION_REDUNDANCY_NOT_MET"}}] if tunnels else []
    return engine.visible(call, {"result": {"vpnConnections": connections} if connections else {}})


def nat_mapping(call: Call) -> Answer:
    """No machine of this cloud sends anything, so nothing is translated."""
    engine.load(call, place_of(call))
    schema = call.api.schema(call.method.response)["properties"]
    return {"kind": schema["kind"]["default"]} if "default" in schema.get("kind", {}) else {}


def router_preview(call: Call) -> Answer:
    _, stored = engine.load(call, place_of(call))
    return {"resource": engine.visible(call, {**stored, **call.body})}


def move_address(call: Call) -> Answer:
    """An address goes to another project, or gets another name."""
    place, stored = engine.load(call, place_of(call))
    to = parsed(full(call.state, str(call.body.get("destinationAddress", "")), place.project))
    if to is None or to.collection != "addresses":
        raise refused("destinationAddress", call.body.get("destinationAddress", ""), "Must be the URL of an address.")
    if not engine.absent(call, to):
        raise GoogleError(409, f"The resource '{to.path}' already exists", reason="alreadyExists")
    call.state.delete(key_of(call.state, place))
    call.state.put(key_of(call.state, to), {**stored, "name": to.name, "selfLink": to.link})
    return work.started(call, place, str(stored["id"]))


METHODS: dict[str, Behaviour] = {
    "compute.networks.insert": insert,
    "compute.networks.delete": delete,
    "compute.networks.addPeering": add_peering,
    "compute.networks.removePeering": remove_peering,
    "compute.networks.updatePeering": update_peering,
    "compute.networks.switchToCustomMode": custom_mode,
    "compute.networks.getEffectiveFirewalls": effective_firewalls,
    "compute.networks.listPeeringRoutes": peering_routes,
    "compute.subnetworks.insert": insert_subnetwork,
    "compute.subnetworks.delete": delete_subnetwork,
    "compute.subnetworks.expandIpCidrRange": expand,
    "compute.subnetworks.listUsable": usable,
    "compute.routers.getRouterStatus": router_status,
    "compute.routers.preview": router_preview,
    "compute.routers.getNatMappingInfo": nat_mapping,
    "compute.routers.getNatIpInfo": nat_mapping,
    "compute.vpnGateways.getStatus": gateway_status,
    "compute.addresses.move": move_address,
    "compute.globalAddresses.move": move_address,
}
