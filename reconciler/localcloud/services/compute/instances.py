"""Instances: created with their disks (from a template, too), stopped, started, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import attachments, engine, groups, tending, work
from reconciler.localcloud.services.compute.disks import policies
from reconciler.localcloud.services.compute.facts import disks as disk_facts
from reconciler.localcloud.services.compute.facts.groups import zones_in
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, full, key_of, place_of
from reconciler.localcloud.services.compute.shapes import accepted
from reconciler.localcloud.services.compute.sources import existing, unfound
from reconciler.localcloud.values import Json

Change = Callable[[Call, Json], Json]
_PROTECTED = "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion.'."


# --- creation and end ------------------------------------------------------------------------------------------


def insert(call: Call) -> Answer:
    """instances.insert; `sourceInstanceTemplate` gives every field that the body does not have."""
    place = place_of(call)
    body = accepted(call.api, call.api.schema("Instance"), call.body)
    body = from_template(call, place, body, call.query("sourceInstanceTemplate"))
    body = from_image(call, place, body)
    target = engine.named_in(place, body)
    stored = built(call, target, body)
    return work.started(call, target, str(stored["id"]))


def from_template(call: Call, place: Place, body: Json, text: str) -> Json:
    if not text:
        return body
    link = full(call.state, text, place.project)
    template = existing(call.state, link)
    if template is None or "properties" not in template:
        raise GoogleError(404, f"The resource '{link.split('/v1/')[-1]}' was not found", reason="notFound")
    usual: Json = template["properties"]
    return usual | body


def from_image(call: Call, place: Place, body: Json) -> Json:
    """`sourceMachineImage` gives every field that the body does not have; its disks are made anew."""
    if not body.get("sourceMachineImage"):
        return body
    link = full(call.state, body["sourceMachineImage"], place.project)
    image = existing(call.state, link)
    if image is None:
        raise unfound("resource.sourceMachineImage", link, "machineImage")
    usual: Json = {**image["instanceProperties"]}
    usual["disks"] = [
        {"boot": disk.get("boot", False), "autoDelete": disk.get("autoDelete", False), "deviceName": disk["deviceName"],
         "initializeParams": {"diskSizeGb": disk.get("diskSizeGb", "10")}}
        for disk in usual.get("disks", [])
    ]  # fmt: skip
    usual["networkInterfaces"] = [
        {name: value for name, value in interface.items() if name in ("network", "subnetwork", "stackType")}
        for interface in usual.get("networkInterfaces", [])
    ]
    return usual | body


def built(call: Call, place: Place, body: Json) -> Json:
    """Store a new instance with the disks that it is made with."""
    if call.state.get(key_of(call.state, place)) is not None:
        raise GoogleError(409, f"The resource '{place.path}' already exists", reason="alreadyExists")
    wanted = [attachments.created(call, place, number, disk) for number, disk in enumerate(body.get("disks", []))]
    stored = engine.make(call, place, {**body, "disks": wanted} if wanted else body)
    for disk in stored.get("disks", []):
        attachments.use(call, disk, place.link)
    return stored


def bulk(call: Call) -> Answer:
    """bulkInsert: `count` machines, named by a pattern (`vm-####`) or one by one."""
    place, body = place_of(call), call.body
    properties = accepted(call.api, call.api.schema("InstanceProperties"), body.get("instanceProperties") or {})
    properties = from_template(call, place, properties, str(body.get("sourceInstanceTemplate", "")))
    count = int(body.get("count", 0))
    named = list(body.get("perInstanceProperties") or {})
    pattern = str(body.get("namePattern", ""))
    if not named and "#" not in pattern:
        raise refused("namePattern", pattern, "A name pattern with '#' or names of instances must be given.")
    if not 1 <= (count or len(named)) <= 1000:
        raise refused("count", count, "The count must be between 1 and 1000.")
    width = pattern.count("#")
    names = named or [pattern.replace("#" * width, f"{number:0{width}d}") for number in range(1, count + 1)]
    if place.scope.startswith("regions/"):
        place = Place(f"projects/{place.project}/zones/{zones_in(place.scope)[0]}", "instances")
    for name in names:
        target = engine.named_in(place, {"name": name})
        built(call, target, {**properties, "name": name})
    return work.started(call, Place(place.parent, "instances"))


def delete(call: Call) -> Answer:
    """Deleting an instance deletes its disks with `autoDelete` and takes it out of its groups."""
    place, stored = engine.load(call, place_of(call))
    work.refuse_unready(call, place)
    if stored.get("deletionProtection"):
        raise GoogleError(400, _PROTECTED, reason="invalidResourceUsage")
    gone(call, place, stored)
    return work.started(call, place, str(stored["id"]))


def gone(call: Call, place: Place, stored: Json) -> None:
    attachments.removed(call.state, place, stored, call.stamp)
    if not tending.lost(call, place, stored):
        groups.forget(call, place)


# --- changes ---------------------------------------------------------------------------------------------------


def changing(change: Change) -> Behaviour:
    """A verb that changes the stored instance and answers with an operation."""

    def answer(call: Call) -> Answer:
        place, before = engine.load(call, place_of(call))
        return engine.changed_to(call, place, before, change(call, before))

    return answer


def _start(call: Call, stored: Json) -> Json:
    if stored.get("status") == "RUNNING":
        return stored
    return stored | {"status": "RUNNING", "lastStartTimestamp": call.stamp}


def _stop(call: Call, stored: Json) -> Json:
    return stored | {"status": "TERMINATED", "lastStopTimestamp": call.stamp}


def _suspend(call: Call, stored: Json) -> Json:
    _need(stored, "RUNNING")
    return stored | {"status": "SUSPENDED", "lastSuspendedTimestamp": call.stamp}


def _resume(call: Call, stored: Json) -> Json:
    _need(stored, "SUSPENDED")
    return stored | {"status": "RUNNING", "lastStartTimestamp": call.stamp}


def _need(stored: Json, status: str) -> None:
    if stored.get("status") != status:
        said = f"Instance '{stored['name']}' is in state {stored.get('status')}, but must be {status}."
        raise GoogleError(400, f"Invalid resource usage: '{said}'.", reason="invalidResourceUsage")


def _reset(_: Call, stored: Json) -> Json:
    _need(stored, "RUNNING")
    return stored


def _same(_: Call, stored: Json) -> Json:
    return stored


def _set_type(call: Call, stored: Json) -> Json:
    """setMachineType. A running instance is changed as well: so it is recorded."""
    if not call.body.get("machineType"):
        raise refused("machineType", "", "Machine type must be specified.")
    return stored | {"machineType": call.body["machineType"]}


def _set_metadata(call: Call, stored: Json) -> Json:
    said = "Supplied fingerprint does not match current metadata fingerprint."
    engine.check_fingerprint(call.body, stored.get("metadata", {}), said=said)
    keys = [item.get("key") for item in call.body.get("items", [])]
    if len(set(keys)) < len(keys):
        raise refused("metadata.items", "", "Metadata has duplicate keys.")
    return stored | {"metadata": {"items": call.body["items"]} if call.body.get("items") else {}}


def _set_tags(call: Call, stored: Json) -> Json:
    said = "Supplied fingerprint does not match current tags fingerprint."
    engine.check_fingerprint(call.body, stored.get("tags", {}), said=said)
    return stored | {"tags": {"items": call.body["items"]} if call.body.get("items") else {}}


def _set_account(call: Call, stored: Json) -> Json:
    rest = {name: value for name, value in stored.items() if name != "serviceAccounts"}
    return rest | ({"serviceAccounts": [call.body]} if call.body.get("email") else {})


def _set_protection(call: Call, stored: Json) -> Json:
    return stored | {"deletionProtection": call.query("deletionProtection", "true").lower() == "true"}


def _set_resources(call: Call, stored: Json) -> Json:
    return stored | {"guestAccelerators": call.body.get("guestAccelerators", [])}


def _set_platform(call: Call, stored: Json) -> Json:
    return stored | {"minCpuPlatform": call.body.get("minCpuPlatform", "")}


def _under(name: str) -> Change:
    """The whole body replaces one field."""
    return lambda call, stored: stored | {name: {**stored.get(name, {}), **call.body}}


def _add_policies(call: Call, stored: Json) -> Json:
    return disk_facts.with_policies(stored, policies(call))


def _remove_policies(call: Call, stored: Json) -> Json:
    project = place_of(call).project
    links = [full(call.state, text, project) for text in call.body.get("resourcePolicies", [])]
    return disk_facts.without_policies(stored, links)


def set_name(call: Call) -> Answer:
    """setName: a stopped instance gets another name."""
    place, before = engine.load(call, place_of(call))
    if call.body.get("currentName") != before["name"]:
        raise refused("currentName", call.body.get("currentName", ""), "It is not the current name of the instance.")
    _need(before, "TERMINATED")
    target = engine.named_in(place, call.body)
    if call.state.get(key_of(call.state, target)) is not None:
        raise GoogleError(409, f"The resource '{target.path}' already exists", reason="alreadyExists")
    call.state.delete(key_of(call.state, place))
    engine.store(call, target, before | {"name": target.name, "selfLink": target.link})
    return work.started(call, target, str(before["id"]))


# --- reading ---------------------------------------------------------------------------------------------------


def serial_port(call: Call) -> Answer:
    """Nothing boots here, so nothing was ever printed."""
    place, _ = engine.load(call, place_of(call))
    start = call.query("start", "0")
    link = f"{place.link}/serialPort"
    return {"kind": "compute#serialPortOutput", "selfLink": link, "contents": "", "start": start, "next": start}


def guest_attributes(call: Call) -> Answer:
    place, _ = engine.load(call, place_of(call))
    query = call.query("queryPath") or call.query("variableKey")
    return {"kind": "compute#guestAttributes", "queryPath": query, "selfLink": f"{place.link}/guestAttributes/"}


def referrers(call: Call) -> Answer:
    """The groups that an instance is a member of."""
    place, _ = engine.load(call, place_of(call))
    items = [
        {"kind": "compute#reference", "referenceType": "MEMBER_OF", "referrer": group, "target": place.link}
        for group in groups.of(call.state, place)
    ]
    answer: Json = {"kind": "compute#instanceListReferrers", "id": f"{place.path}/referrers"}
    return answer | ({"items": items} if items else {})


_CHANGES: dict[str, Change] = {
    "start": _start, "startWithEncryptionKey": _start, "stop": _stop, "suspend": _suspend, "resume": _resume,
    "reset": _reset, "setMachineType": _set_type, "setMetadata": _set_metadata, "setTags": _set_tags,
    "setServiceAccount": _set_account, "setScheduling": _under("scheduling"),
    "setDeletionProtection": _set_protection, "setMachineResources": _set_resources,
    "setMinCpuPlatform": _set_platform, "updateDisplayDevice": _under("displayDevice"),
    "updateShieldedInstanceConfig": _under("shieldedInstanceConfig"),
    "setShieldedInstanceIntegrityPolicy": _under("shieldedInstanceIntegrityPolicy"),
    "addResourcePolicies": _add_policies, "removeResourcePolicies": _remove_policies,
    "simulateMaintenanceEvent": _same, "performMaintenance": _same, "reportHostAsFaulty": _same,
    **attachments.CHANGES,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    "compute.instances.insert": insert, "compute.instances.delete": delete, "compute.instances.bulkInsert": bulk,
    "compute.regionInstances.bulkInsert": bulk, "compute.instances.setName": set_name,
    "compute.instances.getSerialPortOutput": serial_port, "compute.instances.getGuestAttributes": guest_attributes,
    "compute.instances.listReferrers": referrers,
    **{f"compute.instances.{verb}": changing(change) for verb, change in _CHANGES.items()},
    "compute.instances.attachDisk": attachments.attach, "compute.instances.detachDisk": attachments.detach,
}  # fmt: skip
