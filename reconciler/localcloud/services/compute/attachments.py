"""What is attached to an instance: disks and external addresses."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import catalogue, engine
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import STORED, Place, full, key_of, parsed, place_of
from reconciler.localcloud.services.compute.sources import existing
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

# Fields of `initializeParams` that are fields of the disk, too.
_SHARED = (
    "sourceImage", "sourceSnapshot", "description", "labels", "resourcePolicies", "replicaZones", "provisionedIops",
    "provisionedThroughput", "sourceImageEncryptionKey", "sourceSnapshotEncryptionKey", "architecture", "licenses",
    "enableConfidentialCompute", "storagePool",
)  # fmt: skip
# The disk's own words for a field, and those of the instance that it comes with.
_RENAMED = {"sizeGb": "diskSizeGb", "type": "diskType"}


# --- disks -----------------------------------------------------------------------------------------------------


def created(call: Call, place: Place, number: int, disk: Json) -> Json:
    """The attached disk as it is kept, after the disk that `initializeParams` describes was made."""
    params = disk.get("initializeParams") or {}
    kept = {name: value for name, value in disk.items() if name != "initializeParams"}
    if kept.get("source") or kept.get("type") == "SCRATCH":
        return kept
    fallback = place.name if disk.get("boot") or number == 0 else f"{place.name}-{number}"
    target = place.beside("disks", str(params.get("diskName") or fallback))
    if params.get("replicaZones"):
        target = Place(f"projects/{place.project}/regions/{_region(place)}", "disks", target.name)
    body: Json = {name: params[name] for name in _SHARED if name in params} | {"name": target.name}
    body["type"] = _type(params.get("diskType") or catalogue.DEFAULT_DISK_TYPE, target)
    size = params.get("diskSizeGb") or disk.get("diskSizeGb")
    if size:
        body["sizeGb"] = size
    if disk.get("diskEncryptionKey"):
        body["diskEncryptionKey"] = disk["diskEncryptionKey"]
    try:
        engine.make(call, engine.named_in(target, body), body)
    except GoogleError as error:
        for mine, theirs in (*_RENAMED.items(), *((name, name) for name in (*_SHARED, "name"))):
            where = f"field 'resource.disks[{number}].initializeParams.{theirs}'"
            error.message = error.message.replace(f"field 'resource.{mine}'", where)
        raise
    return kept | {"source": target.link}


def _region(place: Place) -> str:
    return place.scope.rsplit("/", 1)[-1].rpartition("-")[0]


def _type(text: str, place: Place) -> str:
    return f"{STORED}{place.parent}/diskTypes/{text.rsplit('/', 1)[-1]}"


def use(call: Call, disk: Json, user: str) -> None:
    """Note on a disk which instance has it. GoogleError 400 if another one writes to it already."""
    place = parsed(str(disk.get("source", "")))
    row = call.state.get(key_of(call.state, place)) if place else None
    if place is None or row is None:
        return
    others = [link for link in row.get("users", []) if link != user]
    if others and disk.get("mode") != "READ_ONLY":
        holder = others[0].removeprefix(STORED)
        said = f"The disk resource '{place.path}' is already being used by '{holder}'"
        raise GoogleError(400, said, reason="resourceInUseByAnotherResource")
    call.state.put(key_of(call.state, place), row | {"users": [*others, user], "lastAttachTimestamp": call.stamp})


def released(state: State, source: str, user: str, stamp: str) -> None:
    place = parsed(source)
    row = state.get(key_of(state, place)) if place else None
    if place is None or row is None:
        return
    left = [link for link in row.get("users", []) if link != user]
    rest = {name: value for name, value in row.items() if name != "users"}
    kept = rest | ({"users": left} if left else {}) | {"lastDetachTimestamp": stamp}
    state.put(key_of(state, place), kept)


def removed(state: State, place: Place, stored: Json, stamp: str = "") -> None:
    """Delete a stored instance, with its disks where they go with it."""
    for disk in stored.get("disks", []):
        source = parsed(str(disk.get("source", "")))
        if source is None:
            continue
        if disk.get("autoDelete"):
            _erase(state, source)
        else:
            released(state, source.link, place.link, stamp or str(stored.get("creationTimestamp")))
    _erase(state, place)


def _erase(state: State, place: Place) -> None:
    """A resource goes with its IAM policy."""
    state.delete(key_of(state, place))
    state.delete(f"iam/compute/{projects.canonical(state, place.path)}")


def attach(call: Call) -> Answer:
    """attachDisk: a disk that exists, under a device name that is free."""
    place, before = engine.load(call, place_of(call))
    disks = before.get("disks", [])
    if not call.body.get("source"):
        raise refused("resource.source", "", "A source disk must be specified.")
    disk = {**call.body, "source": full(call.state, call.body["source"], place.project)}
    disk.setdefault("deviceName", f"persistent-disk-{len(disks)}")
    if any(one["deviceName"] == disk["deviceName"] for one in disks):
        said = f"The device name '{disk['deviceName']}' is already in use."
        raise refused("resource.deviceName", disk["deviceName"], said)
    if existing(call.state, disk["source"]) is None:
        raise GoogleError(404, f"The resource '{disk['source'].removeprefix(STORED)}' was not found", reason="notFound")
    use(call, disk, place.link)
    return engine.changed_to(call, place, before, before | {"disks": [*disks, disk]})


def detach(call: Call) -> Answer:
    place, before = engine.load(call, place_of(call))
    disk = _device(call, before)
    released(call.state, str(disk.get("source", "")), place.link, call.stamp)
    left = [one for one in before["disks"] if one is not disk]
    return engine.changed_to(call, place, before, before | {"disks": left})


def _device(call: Call, stored: Json) -> Json:
    name = call.query("deviceName")
    for disk in stored.get("disks", []):
        if disk.get("deviceName") == name:
            found: Json = disk
            return found
    raise refused("deviceName", name, f"No attached disk found with device name '{name}'.")


def _auto_delete(call: Call, stored: Json) -> Json:
    _device(call, stored)["autoDelete"] = call.flag("autoDelete")
    return stored


# --- interfaces and their external addresses ---------------------------------------------------------------------


def _interface(call: Call, stored: Json) -> Json:
    name = call.query("networkInterface")
    for interface in stored.get("networkInterfaces", []):
        if interface.get("name") == name:
            found: Json = interface
            return found
    raise refused("networkInterface", name, f"The network interface '{name}' does not exist.")


def _add_access(call: Call, stored: Json) -> Json:
    interface = _interface(call, stored)
    if interface.get("accessConfigs"):
        raise GoogleError(400, "At most one access config currently supported.", reason="invalid")
    interface["accessConfigs"] = [call.body]
    return stored


def _delete_access(call: Call, stored: Json) -> Json:
    interface, name = _interface(call, stored), call.query("accessConfig")
    left = [config for config in interface.get("accessConfigs", []) if config.get("name") != name]
    if len(left) == len(interface.get("accessConfigs", [])):
        raise refused("accessConfig", name, f"The access config '{name}' does not exist.")
    interface["accessConfigs"] = left
    if not left:
        del interface["accessConfigs"]
    return stored


def _update_access(call: Call, stored: Json) -> Json:
    interface = _interface(call, stored)
    configs = interface.get("accessConfigs") or [{}]
    interface["accessConfigs"] = [{**configs[0], **call.body}]
    return stored


def _update_interface(call: Call, stored: Json) -> Json:
    interface = _interface(call, stored)
    engine.check_fingerprint(call.body, interface)
    interface |= {name: value for name, value in call.body.items() if name not in ("name", "fingerprint")}
    return stored


CHANGES: dict[str, Callable[[Call, Json], Json]] = {
    "setDiskAutoDelete": _auto_delete, "addAccessConfig": _add_access, "deleteAccessConfig": _delete_access,
    "updateAccessConfig": _update_access, "updateNetworkInterface": _update_interface,
}  # fmt: skip
