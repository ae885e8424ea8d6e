"""Service Networking: private connections of a network to Google's services, which Cloud SQL's private addresses need.

A connection is a VPC peering by the name `servicenetworking-googleapis-com` with ranges reserved in Compute Engine; the
network shows it among its peerings, and when somebody removes that peering the connection is gone (recordings). Words
of the operations' failures: gruntwork-io/terraform-google-sql#36 (create with other ranges) and Google's documentation
on deleting private connections (still in use); of an absent network and range: ours.
https://cloud.google.com/service-infrastructure/docs/service-networking/reference/rest
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, digits, hexadecimal, uuid_like

_NETWORK = re.compile(r"projects/([^/]+)/global/networks/([^/]+)")
_TYPES = "type.googleapis.com/google.cloud.servicenetworking.v1."
_OTHER_RANGES = "Cannot modify allocated ranges in CreateConnection. Please use UpdateConnection."
_IN_USE = (
    "Failed to delete connection; Producer services (e.g. CloudSQL, Cloud Memstore, etc.) are still using this "
    "connection."
)


# --- where things are ------------------------------------------------------------------------------------------


def _network(call: Call, given: str) -> str:
    """A network by the project's number, as the API wants it. GoogleError 400 for another form, 404 for none there."""
    at = given.find("projects/")
    if not _NETWORK.fullmatch(given[max(at, 0) :]):
        raise invalid(f"Invalid network: '{given}'. Expected projects/{{project}}/global/networks/{{network}}.")
    path = projects.canonical(call.state, given[max(at, 0) :])
    if call.state.get(f"compute.networks/{path}") is None:
        raise not_found(f"The resource '{projects.with_id(call.state, path)}' was not found")
    return path


def _service(call: Call) -> str:
    """`services/<name>` of the call."""
    return "/".join(call.subject.split("/")[:2])


def _peering(service: str) -> str:
    return service.removeprefix("services/").replace(".", "-")


def _key(network: str, service: str) -> str:
    return f"servicenetworking.connections/{network}/{service}"


def _alive(state: State, network: str, service: str) -> Json | None:
    """The connection, if its network still has the peering."""
    row = state.get(_key(network, service))
    peerings = (state.get(f"compute.networks/{network}") or {}).get("peerings", [])
    return row if any(peering["name"] == _peering(service) for peering in peerings) else None


def connection_of(state: State, network: str) -> Json | None:
    """Any connection that a network (a path or a URL) has, for the services that want an address in it."""
    path = projects.canonical(state, network[max(network.find("projects/"), 0) :])
    rows = state.scan(f"servicenetworking.connections/{path}/")
    return next((row for _, row in rows if _alive(state, path, row["service"]) is not None), None)


# --- operations ------------------------------------------------------------------------------------------------


def _started(call: Call, finisher: str, args: Json, response: str) -> Answer:
    """Operations of this API belong to no project, and have no metadata (recordings)."""
    name = f"operations/pssn.p24-{digits(call.rng, 12)}-{uuid_like(call.rng)}"
    return operations.rendered(operations.start(call, Work(name, finisher, args, None, response)))


def _failed(ending: Ending, said: str) -> None:
    ending.failed = f"FAILED_PRECONDITION: {said}"


# --- connections -----------------------------------------------------------------------------------------------


def _ranges(call: Call, network: str) -> list[str]:
    """The names of the ranges in the body; each must be reserved in the network's project."""
    named: list[str] = call.body.get("reservedPeeringRanges", [])
    home = network.split("/global/", maxsplit=1)[0]
    for name in named:
        if call.state.get(f"compute.addresses/{home}/global/addresses/{name}") is None:
            shown = projects.with_id(call.state, f"{home}/global/addresses/{name}")
            raise not_found(f"The resource '{shown}' was not found")
    return named


def _create(call: Call) -> Answer:
    network = _network(call, call.body.get("network", ""))
    named = _ranges(call, network)
    if not named:
        raise invalid("At least one allocated IP range is required.")
    args = {"network": network, "service": _service(call), "ranges": named, "shown": call.body["network"]}
    return _started(call, "servicenetworking.connected", args, f"{_TYPES}Connection")


def _connected(ending: Ending) -> None:
    args = ending.args
    there = _alive(ending.state, args["network"], args["service"])
    if there is not None and sorted(there["reservedPeeringRanges"]) != sorted(args["ranges"]) and "force" not in args:
        _failed(ending, _OTHER_RANGES)
    if ending.failed:
        return
    row = {
        "network": args["shown"], "peering": _peering(args["service"]), "reservedPeeringRanges": args["ranges"],
        "service": args["service"],
    }  # fmt: skip
    ending.state.put(_key(args["network"], args["service"]), row)
    ending.response = row
    _peer(ending, args["network"], row["peering"])


def _peer(ending: Ending, network: str, name: str) -> None:
    """The producer's network becomes a peer of the consumer's."""
    key = f"compute.networks/{network}"
    stored = ending.state.get(key)
    if stored is None or any(peering["name"] == name for peering in stored.get("peerings", [])):
        return
    tenant = f"{hexadecimal(ending.moment.rng, 17)}-tp"
    peering = {
        "name": name, "network": f"https://www.googleapis.com/compute/v1/projects/{tenant}/global/networks/servicenetworking",
        "state": "ACTIVE", "stateDetails": f"[{ending.stamp}]: Connected.", "autoCreateRoutes": True,
        "exchangeSubnetRoutes": True, "exportCustomRoutes": False, "importCustomRoutes": False,
        "exportSubnetRoutesWithPublicIp": False, "importSubnetRoutesWithPublicIp": False, "stackType": "IPV4_ONLY",
    }  # fmt: skip
    ending.state.put(key, {**stored, "peerings": [*stored.get("peerings", []), peering]})


def _patch(call: Call) -> Answer:
    """`connections/-` changes the ranges of whatever connection the network has; with `force` it makes one."""
    network, service = _network(call, call.body.get("network", "")), _service(call)
    named = _ranges(call, network)
    if _alive(call.state, network, service) is None and not call.flag("force"):
        raise not_found(f"No connection found for network '{call.body['network']}' and {service}.")
    args = {"network": network, "service": service, "ranges": named, "shown": call.body["network"], "force": True}
    return _started(call, "servicenetworking.connected", args, f"{_TYPES}Connection")


def _list(call: Call) -> Answer:
    wanted, service = call.query("network"), _service(call)
    if not wanted:
        raise invalid("Field [network] is required.")
    found = _NETWORK.fullmatch(wanted)
    if not found:
        raise invalid(f"Invalid network: '{wanted}'. Expected projects/{{project}}/global/networks/{{network}}.")
    names = [service]
    path = projects.canonical(call.state, wanted)
    if service == "services/-":
        names = [row["service"] for _, row in call.state.scan(f"servicenetworking.connections/{path}/")]
    rows = [row for name in names if (row := _alive(call.state, path, name)) is not None]
    return {"connections": rows} if rows else {}


def _delete(call: Call) -> Answer:
    network = _network(call, call.body.get("consumerNetwork", ""))
    if _alive(call.state, network, _service(call)) is None:
        raise not_found(f"No connection found for network '{call.body['consumerNetwork']}'.")
    args = {"network": network, "service": _service(call)}
    return _started(call, "servicenetworking.disconnected", args, "type.googleapis.com/google.protobuf.Empty")


def _disconnected(ending: Ending) -> None:
    network, service = ending.args["network"], ending.args["service"]
    if not ending.failed and _used(ending.state, network):
        _failed(ending, _IN_USE)
    if ending.failed:
        return
    ending.state.delete(_key(network, service))
    key = f"compute.networks/{network}"
    stored = ending.state.get(key)
    if stored is not None:
        left = [peering for peering in stored.get("peerings", []) if peering["name"] != _peering(service)]
        stored.pop("peerings", None)
        ending.state.put(key, stored | ({"peerings": left} if left else {}))


def _used(state: State, network: str) -> bool:
    """Whether a Cloud SQL instance or a Redis instance has an address in the network."""
    home = network.split("/global/", maxsplit=1)[0]
    for _, row in state.scan(f"sqladmin.instances/{home}/"):
        private = row["settings"].get("ipConfiguration", {}).get("privateNetwork", "")
        if private and projects.canonical(state, private) == network:
            return True
    return any(
        row.get("connectMode") == "PRIVATE_SERVICE_ACCESS"
        and projects.canonical(state, row.get("authorizedNetwork", "")) == network
        for _, row in state.scan(f"redis.instances/{home}/")
    )


# --- DNS domains and the consumer's view -----------------------------------------------------------------------


def _domain_key(call: Call, name: str) -> str:
    path = projects.canonical(call.state, "/".join(call.subject.split("/")[2:7]))
    return f"servicenetworking.domains/{path}/{name}"


def _create_domain(call: Call) -> Answer:
    name, suffix = call.body.get("name", ""), call.body.get("dnsSuffix", "")
    if not name or not suffix.endswith("."):
        raise invalid("A peered DNS domain needs a name and a DNS suffix that ends with a dot.")
    row = {"name": name, "dnsSuffix": suffix}
    call.state.put(_domain_key(call, name), row)
    return _started(call, "servicenetworking.done", {"response": row}, f"{_TYPES}PeeredDnsDomain")


def _list_domains(call: Call) -> Answer:
    rows = [row for _, row in call.state.scan(_domain_key(call, ""))]
    return {"peeredDnsDomains": rows} if rows else {}


def _delete_domain(call: Call) -> Answer:
    key = _domain_key(call, call.subject.rsplit("/", 1)[1])
    if call.state.get(key) is None:
        raise not_found(f"Peered DNS domain '{call.subject}' was not found.")
    call.state.delete(key)
    return _started(call, "servicenetworking.done", {}, "type.googleapis.com/google.protobuf.Empty")


def _done(ending: Ending) -> None:
    ending.response = ending.args.get("response")


def _consumer(call: Call) -> Answer:
    """What the producer knows of a consumer's network."""
    path = projects.canonical(call.state, "/".join(call.subject.split("/")[2:7]))
    row = _alive(call.state, path, _service(call))
    if row is None:
        raise not_found(f"No connection found for network '{call.subject}'.")
    home = path.split("/global/")[0]
    reserved = []
    for name in row["reservedPeeringRanges"]:
        block = call.state.get(f"compute.addresses/{home}/global/addresses/{name}") or {}
        shown = {"name": name, "address": block.get("address"), "ipPrefixLength": block.get("prefixLength")}
        reserved.append({field: value for field, value in shown.items() if value is not None})
    return {"consumerPeeringActive": True, "reservedRanges": reserved}


# --- VPC Service Controls, validation --------------------------------------------------------------------------


def _controls(call: Call) -> Answer:
    """Turn VPC Service Controls of a connection on or off."""
    network = _network(call, call.body.get("consumerNetwork", ""))
    if _alive(call.state, network, _service(call)) is None:
        raise not_found(f"No connection found for network '{call.body['consumerNetwork']}'.")
    on = call.method.name == "enableVpcServiceControls"
    args = {"key": f"servicenetworking.controls/{network}/{_service(call)}", "on": on}
    return _started(call, "servicenetworking.controlled", args, "type.googleapis.com/google.protobuf.Empty")


def _controlled(ending: Ending) -> None:
    if not ending.failed:
        ending.state.put(ending.args["key"], {"enabled": ending.args["on"]})


def _get_controls(call: Call) -> Answer:
    path = projects.canonical(call.state, "/".join(call.subject.split("/")[2:7]))
    return call.state.get(f"servicenetworking.controls/{path}/{_service(call)}") or {"enabled": False}


def _validate(call: Call) -> Answer:
    """Whether a network can take an instance; the first failure is told, in the order of the discovery document."""
    given = call.body.get("consumerNetwork", "")
    found = _NETWORK.fullmatch(given)
    if not found:
        raise invalid(f"Invalid network: '{given}'. Expected projects/{{project}}/global/networks/{{network}}.")
    path = projects.canonical(call.state, given)
    if call.body.get("validateNetwork") and call.state.get(f"compute.networks/{path}") is None:
        return {"isValid": False, "validationError": "NETWORK_NOT_FOUND"}
    if _alive(call.state, path, _service(call)) is None:
        removed = call.state.get(_key(path, _service(call))) is not None
        error = "NETWORK_PEERING_DELETED" if removed else "NETWORK_NOT_PEERED"
        return {"isValid": False, "validationError": error}
    return {"isValid": True}


def _absent(call: Call) -> Answer:
    raise GoogleError(501, f"The local cloud does not implement {call.method.id}.")


FALLBACK = _absent
FINISHERS: dict[str, Finisher] = {
    "servicenetworking.connected": _connected, "servicenetworking.disconnected": _disconnected,
    "servicenetworking.done": _done, "servicenetworking.controlled": _controlled,
}  # fmt: skip
_NETWORKS = "servicenetworking.services.projects.global.networks"
METHODS: dict[str, Behaviour] = {
    **{f"servicenetworking.operations.{verb}": generic.answer for verb in ("get", "list", "cancel", "delete")},
    "servicenetworking.services.connections.create": _create, "servicenetworking.services.connections.patch": _patch,
    "servicenetworking.services.connections.list": _list,
    "servicenetworking.services.connections.deleteConnection": _delete,
    "servicenetworking.services.enableVpcServiceControls": _controls,
    "servicenetworking.services.disableVpcServiceControls": _controls,
    f"{_NETWORKS}.getVpcServiceControls": _get_controls, "servicenetworking.services.validate": _validate,
    f"{_NETWORKS}.peeredDnsDomains.create": _create_domain, f"{_NETWORKS}.peeredDnsDomains.list": _list_domains,
    f"{_NETWORKS}.peeredDnsDomains.delete": _delete_domain, f"{_NETWORKS}.get": _consumer,
}  # fmt: skip
