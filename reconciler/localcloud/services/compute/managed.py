"""Managed instance groups, zonal and regional: created with their instance group, resized, updated, deleted."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine, instances, tending, work
from reconciler.localcloud.services.compute.crew import MOULD, Crew, crew_at, disband, mould_key
from reconciler.localcloud.services.compute.facts.groups import fitting
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, full, key_of, place_of, prefix_of
from reconciler.localcloud.services.compute.shapes import accepted
from reconciler.localcloud.services.compute.sources import existing
from reconciler.localcloud.values import Json

_SAID = (
    "This instance group is controlled by Instance Group Manager '{}'. To modify instances in this group, use the "
    "Instance Group Manager API: https://cloud.google.com/compute/docs/reference/latest/instanceGroupManagers"
)
_AUTOSCALED = (
    "Resizing of autoscaled regional managed instance groups is not allowed. If you want to manually adjust target "
    "size remove the autoscaler or set autoscaling policy mode to OFF."
)


def crew_of(call: Call, place: Place) -> Crew:
    place, _ = engine.load(call, place)
    crew = crew_at(call, place)
    if crew is None:
        raise engine.missing(place)
    return crew


# --- the group itself --------------------------------------------------------------------------------------------


def insert(call: Call) -> Answer:
    """A managed group comes with an instance group of the same name."""
    body = accepted(call.api, call.api.schema("InstanceGroupManager"), call.body)
    if call.body.get("namedPorts"):
        body["namedPorts"] = call.body["namedPorts"]
    place = engine.named_in(place_of(call), body)
    stored = engine.make(call, place, body)
    group: Json = {"name": place.name, "description": _SAID.format(place.name)}
    engine.make(call, place.beside("instanceGroups", place.name), group | {"namedPorts": body.get("namedPorts", [])})
    _tend(call, place)
    return work.started(call, place, str(stored["id"]))


def _tend(call: Call, place: Place) -> None:
    crew = crew_of(call, place)
    _forge(call, crew)
    _join(call, crew)
    tending.go_on(crew)


def _join(call: Call, crew: Crew) -> None:
    """The instance group lies in the network of its machines."""
    mould: Json = next((mould["instance"] for mould in crew.row["moulds"].values() if "instance" in mould), {})
    interface = (mould.get("networkInterfaces") or [{}])[0]
    key = key_of(call.state, crew.place.beside("instanceGroups", crew.place.name))
    group = call.state.get(key)
    if group is not None:
        call.state.put(key, group | {name: interface[name] for name in ("network", "subnetwork") if name in interface})


def _forge(call: Call, crew: Crew) -> None:
    """Make the moulds that the group's versions need in its zones, and forget those that nobody has any more."""
    group, row = crew.group, crew.row
    templates = {str(version["instanceTemplate"]) for version in group["versions"]}
    wanted = {mould_key(template, zone): (template, zone) for template in templates for zone in crew.zones}
    used = {mould_key(member["template"], member["zone"]) for member in crew.members}
    row["moulds"] = {key: mould for key, mould in row["moulds"].items() if key in wanted or key in used}
    for key, (template, zone) in wanted.items():
        if "instance" not in row["moulds"].get(key, {}):
            row["moulds"][key] = _mould(
                call, template, Place(f"projects/{crew.place.project}/zones/{zone}", "instances")
            )


def _mould(call: Call, template: str, home: Place) -> Json:
    """An instance as the template makes it, built once under a name that stands for all; what was stored is undone."""
    properties = (existing(call.state, template) or {}).get("properties", {})
    known = call.api.schema("Instance")["properties"]
    body = {name: value for name, value in properties.items() if name in known} | {"name": MOULD}
    before = dict(call.state.writes)
    try:
        built = instances.built(call, home.named(MOULD), body)
        sources = [existing(call.state, disk.get("source", "")) for disk in built.get("disks", [])]
        disks = [disk for disk in sources if disk and MOULD in disk["name"]]
        return {"instance": built, "disks": disks, "properties": properties}
    except GoogleError as error:
        return {"error": error.message, "properties": properties}
    finally:
        call.state.writes = before


def change(call: Call) -> Answer:
    """patch and update."""
    answer = engine.change(call)
    _tend(call, place_of(call))
    return answer


def delete(call: Call) -> Answer:
    """With all machines, its instance group and its autoscaler; unless a backend service uses the group."""
    crew = crew_of(call, place_of(call))
    place = crew.place
    group = place.beside("instanceGroups", place.name)
    user = engine.user_of(call, group, {"selfLink": group.link})
    if user is not None:
        said = f"The instance_group_manager resource '{place.path}' is already being used by '{user.path}'"
        raise GoogleError(400, said, reason="resourceInUseByAnotherResource")
    scaler = autoscaler_of(call, place)
    if scaler:
        call.state.delete(key_of(call.state, place.beside("autoscalers", str(scaler["name"]))))
    disband(crew)
    return work.started(call, place, str(crew.group["id"]))


def autoscaler_of(call: Call, place: Place) -> Json | None:
    rows = call.state.scan(prefix_of(call.state, "autoscalers", place.parent))
    return next((row for _, row in rows if row.get("target") == place.link), None)


def resize(call: Call) -> Answer:
    crew = crew_of(call, place_of(call))
    size = call.query("size")
    if not (size.isdecimal() and len(size) < 20):
        raise refused("size", size, "Must be greater than or equal to 0.")
    scaler = autoscaler_of(call, crew.place)
    if scaler and crew.place.scope.startswith("regions/") and scaler["autoscalingPolicy"].get("mode") != "OFF":
        raise GoogleError(400, _AUTOSCALED, reason="invalid")
    return sized(call, crew, int(size))


def grow(crew: Crew, size: int) -> None:
    """Set the size of a group, which then makes or deletes machines."""
    crew.group["targetSize"] = fitting(size, crew.place.scope, "size")
    tending.go_on(crew)


def sized(call: Call, crew: Crew, size: int) -> Answer:
    grow(crew, size)
    return work.started(call, crew.place, str(crew.group["id"]))


def set_template(call: Call) -> Answer:
    place, before = engine.load(call, place_of(call))
    link = full(call.state, str(call.body.get("instanceTemplate", "")), place.project)
    answer = engine.changed_to(call, place, before, before | {"instanceTemplate": link})
    _tend(call, place)
    return answer


def set_pools(call: Call) -> Answer:
    place, before = engine.load(call, place_of(call))
    return engine.changed_to(call, place, before, before | {"targetPools": call.body.get("targetPools", [])})


_VERBS: dict[str, Behaviour] = {
    "insert": insert, "patch": change, "update": change, "delete": delete, "resize": resize,
    "setInstanceTemplate": set_template, "setTargetPools": set_pools,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    f"compute.{name}.{verb}": behaviour for verb, behaviour in _VERBS.items()
    for name in ("instanceGroupManagers", "regionInstanceGroupManagers")
}  # fmt: skip
