"""Instance groups: their members and named ports. The groups of managed ones are only read here.

Which instances are in a group is kept beside it (`compute.members/…`), because the group itself shows only how many.
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine, filters, work
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import STORED, Place, full, key_of, parsed, place_of, prefix_of
from reconciler.localcloud.services.compute.shapes import accepted
from reconciler.localcloud.services.compute.sources import existing
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_MANAGED = "compute.managed/"


def _key(state: State, place: Place) -> str:
    return f"compute.members/{key_of(state, place)}"


def members(state: State, place: Place) -> list[str]:
    """Links of the instances in the group at `place`."""
    found = state.get(_key(state, place))
    return list(found["instances"]) if found else []


def enrol(state: State, place: Place, links: list[str]) -> None:
    """Set the members of a group, and its size if the group is stored."""
    state.put(_key(state, place), {"instances": links})
    row = state.get(key_of(state, place))
    if row is not None:
        state.put(key_of(state, place), row | {"size": len(links)})


def dissolve(state: State, place: Place) -> None:
    state.delete(_key(state, place))
    state.delete(key_of(state, place))


def of(state: State, instance: Place) -> list[str]:
    """Links of the groups in its project that an instance is a member of."""
    rows = state.scan(f"compute.members/{prefix_of(state, 'instanceGroups', f'projects/{instance.project}')}")
    return [_group_link(key, instance) for key, row in rows if instance.link in row["instances"]]


def _group_link(key: str, instance: Place) -> str:
    path = key.split("/projects/", 1)[1].split("/", 1)[1]
    return f"{STORED}projects/{instance.project}/{path}"


def forget(call: Call, instance: Place) -> None:
    """Take a deleted instance out of its groups."""
    for link in of(call.state, instance):
        place = parsed(link)
        if place:
            enrol(call.state, place, [one for one in members(call.state, place) if one != instance.link])


def insert(call: Call) -> Answer:
    """An empty group; a network may be said (recorded), although its description calls it output-only."""
    body = accepted(call.api, call.api.schema("InstanceGroup"), call.body)
    if call.body.get("network"):
        body["network"] = call.body["network"]
    target = engine.named_in(place_of(call), body)
    stored = engine.make(call, target, body)
    return work.started(call, target, str(stored["id"]))


# --- verbs -----------------------------------------------------------------------------------------------------


def _unmanaged(call: Call) -> tuple[Place, Json]:
    place, group = engine.load(call, place_of(call))
    if call.state.get(_MANAGED + key_of(call.state, place.beside("instanceGroupManagers", place.name))):
        owner = place.beside("instanceGroupManagers", place.name).path
        said = f"The instance group '{place.path}' is managed by '{owner}' and cannot be changed directly."
        raise GoogleError(400, said, reason="invalid")
    return place, group


def _named(call: Call, place: Place) -> list[tuple[str, Json]]:
    """The instances that the request names, each once, which must be in the group's zone."""
    found: dict[str, Json] = {}
    for reference in call.body.get("instances", []):
        text = str(reference.get("instance", ""))
        link = full(call.state, text, place.project)
        if "/" not in text:
            link = f"{STORED}{place.parent}/instances/{text}"
        row = existing(call.state, link)
        if row is None:
            raise GoogleError(404, f"The resource '{link.removeprefix(STORED)}' was not found", reason="notFound")
        found[link] = row
    return list(found.items())


def add(call: Call) -> Answer:
    """addInstances. The first member decides the network of the group."""
    place, group = _unmanaged(call)
    own = members(call.state, place)
    for link, row in _named(call, place):
        if row.get("zone") != group.get("zone"):
            said = f"The instance is not in the zone of the group '{place.path}'."
            raise refused("instances", link, said)
        if link in own:
            said = f"Instance '{link.removeprefix(STORED)}' is already a member of '{place.path}'."
            raise GoogleError(400, said, reason="memberAlreadyExists")
        interface = (row.get("networkInterfaces") or [{}])[0]
        _join(group, interface, link)
        own.append(link)
    engine.store(call, place, group | {"size": len(own)})
    enrol(call.state, place, own)
    return work.started(call, place, str(group["id"]))


def _join(group: Json, interface: Json, link: str) -> None:
    network = interface.get("network")
    if network and group.get("network") and network != group["network"]:
        raise refused("instances", link, f"The instance is not in the network '{group['network']}' of the group.")
    for name in ("network", "subnetwork"):
        if interface.get(name):
            group.setdefault(name, interface[name])


def remove(call: Call) -> Answer:
    place, group = _unmanaged(call)
    own = members(call.state, place)
    for link, _ in _named(call, place):
        if link not in own:
            said = f"Instance '{link.removeprefix(STORED)}' is not a member of '{place.path}'."
            raise GoogleError(400, said, reason="memberNotFound")
        own.remove(link)
    engine.store(call, place, group | {"size": len(own)})
    enrol(call.state, place, own)
    return work.started(call, place, str(group["id"]))


def set_ports(call: Call) -> Answer:
    """setNamedPorts, with the group's fingerprint if one is given."""
    place, group = engine.load(call, place_of(call))
    engine.check_fingerprint(call.body, group)
    return engine.changed_to(call, place, group, group | {"namedPorts": call.body.get("namedPorts", [])})


def listed(call: Call) -> Answer:
    """listInstances, all or only the running ones."""
    place, group = engine.load(call, place_of(call))
    wanted = filters.compiled(call)
    items: list[Json] = []
    for link in members(call.state, place):
        row = existing(call.state, link) or {}
        item: Json = {"instance": link, "status": row.get("status", "RUNNING")}
        if group.get("namedPorts"):
            item["namedPorts"] = group["namedPorts"]
        if (call.body.get("instanceState") != "RUNNING" or item["status"] == "RUNNING") and wanted(item):
            items.append(item)
    regional = place.scope.startswith("regions/")
    kind = f"compute#{'regionI' if regional else 'i'}nstanceGroupsListInstances"
    answer: Json = {"kind": kind, "id": f"{place.path}/listInstances", "selfLink": f"{place.link}/listInstances"}
    return engine.visible(call, answer | ({"items": items} if items else {}))


def delete(call: Call) -> Answer:
    place, _ = _unmanaged(call)
    answer = engine.delete(call)
    call.state.delete(_key(call.state, place))
    return answer


METHODS: dict[str, Behaviour] = {
    "compute.instanceGroups.insert": insert,
    "compute.instanceGroups.addInstances": add, "compute.instanceGroups.removeInstances": remove,
    "compute.instanceGroups.setNamedPorts": set_ports, "compute.regionInstanceGroups.setNamedPorts": set_ports,
    "compute.instanceGroups.listInstances": listed, "compute.regionInstanceGroups.listInstances": listed,
    "compute.instanceGroups.delete": delete,
}  # fmt: skip
