"""Verbs of reservations, future reservations and sole-tenant nodes."""

from __future__ import annotations

from typing import Any

from reconciler.localcloud.api.bodies import camel
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services.compute import engine
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, full, key_of, place_of
from reconciler.localcloud.services.compute.shapes import accepted
from reconciler.localcloud.services.compute.sources import existing, unfound
from reconciler.localcloud.values import Json, digits, hexadecimal


def resize(call: Call) -> Answer:
    """reservations.resize changes the number of reserved machines, nothing else."""
    place, before = engine.load(call, place_of(call))
    count = str(call.body.get("specificSkuCount", "0"))
    held = {**before.get("specificReservation", {}), "count": count}
    return engine.changed_to(call, place, before, before | {"specificReservation": held})


def share(call: Call) -> Answer:
    """reservations.update: `paths` names fields, and single projects of `shareSettings.projectMap`.

    A named project that the body lacks is taken away.
    """
    place, before = engine.load(call, place_of(call))
    body = accepted(call.api, call.api.schema(call.method.request), call.body)
    changed: Json = {**before}
    for text in [part for value in call.request.query.get("paths", []) for part in value.split(",")]:
        _take(changed, body, text.split("."))
    if not call.request.query.get("paths"):
        changed |= body
    return engine.changed_to(call, place, before, changed)


def _take(target: Json, source: Any, path: list[str]) -> None:
    head, rest = camel(path[0]), path[1:]
    inner = source.get(head) if isinstance(source, dict) else None
    if rest:
        target[head] = {**target.get(head, {})} if isinstance(target.get(head, {}), dict) else {}
        _take(target[head], inner, rest)
    elif inner is not None:
        target[head] = inner
    else:
        target.pop(head, None)


def cancel(call: Call) -> Answer:
    """futureReservations.cancel."""
    place, before = engine.load(call, place_of(call))
    status = {**before.get("status", {}), "procurementStatus": "CANCELLED"}
    return engine.changed_to(call, place, before, before | {"status": status})


# --- nodes -------------------------------------------------------------------------------------------------------


def _nodes(call: Call, place: Place) -> list[Json]:
    found = call.state.get(f"compute.nodes/{key_of(call.state, place)}")
    return found["items"] if found else []


def _keep(call: Call, place: Place, group: Json, nodes: list[Json]) -> Answer:
    call.state.put(f"compute.nodes/{key_of(call.state, place)}", {"items": nodes})
    return engine.changed_to(call, place, group, group | {"size": len(nodes)})


def _grown(call: Call, group: Json, nodes: list[Json], count: int) -> list[Json]:
    if not 0 <= len(nodes) + count <= 100:
        raise refused("nodeCount", count, "A node group has at most 100 nodes.")
    template = existing(call.state, str(group["nodeTemplate"])) or {}
    fresh = [
        {"name": f"{group['name']}-{hexadecimal(call.rng, 4)}", "status": "READY", "instances": [],
         "nodeType": template.get("nodeType", ""), "serverId": digits(call.rng, 19),
         "serverBinding": template.get("serverBinding", {"type": "RESTART_NODE_ON_ANY_SERVER"})}
        for _ in range(count)
    ]  # fmt: skip
    return [*nodes, *fresh]


def insert_group(call: Call) -> Answer:
    """nodeGroups.insert makes as many nodes as `initialNodeCount` says."""
    answer = engine.insert(call)
    place, group = engine.load(call, place_of(call).named(str(call.body["name"])))
    nodes = _grown(call, group, [], call.whole("initialNodeCount", 0))
    call.state.put(f"compute.nodes/{key_of(call.state, place)}", {"items": nodes})
    engine.store(call, place, group | {"size": len(nodes)})
    return answer


def add_nodes(call: Call) -> Answer:
    place, group = engine.load(call, place_of(call))
    nodes = _grown(call, group, _nodes(call, place), int(call.body.get("additionalNodeCount", 0)))
    return _keep(call, place, group, nodes)


def delete_nodes(call: Call) -> Answer:
    place, group = engine.load(call, place_of(call))
    gone = set(call.body.get("nodes", []))
    return _keep(call, place, group, [node for node in _nodes(call, place) if node["name"] not in gone])


def list_nodes(call: Call) -> Answer:
    place, _ = engine.load(call, place_of(call))
    return {"kind": "compute#nodeGroupsListNodes", "id": place.path, "items": _nodes(call, place)}


def set_template(call: Call) -> Answer:
    place, group = engine.load(call, place_of(call))
    link = full(call.state, str(call.body.get("nodeTemplate", "")), place.project)
    if existing(call.state, link) is None:
        raise unfound("nodeTemplate", link, "nodeTemplate")
    return engine.changed_to(call, place, group, group | {"nodeTemplate": link})


METHODS: dict[str, Behaviour] = {
    "compute.reservations.resize": resize, "compute.reservations.update": share,
    "compute.futureReservations.cancel": cancel, "compute.nodeGroups.insert": insert_group,
    "compute.nodeGroups.addNodes": add_nodes, "compute.nodeGroups.deleteNodes": delete_nodes,
    "compute.nodeGroups.listNodes": list_nodes, "compute.nodeGroups.setNodeTemplate": set_template,
}  # fmt: skip
