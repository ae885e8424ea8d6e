"""Verbs of disks, images, snapshots: resize, createSnapshot, resource policies, deprecation, bulk creation."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine, work
from reconciler.localcloud.services.compute.facts import disks as facts
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, full, key_of, parsed, place_of, stored_at
from reconciler.localcloud.services.compute.shapes import accepted
from reconciler.localcloud.values import Json


def resize(call: Call) -> Answer:
    place, before = engine.load(call, place_of(call))
    size = call.body.get("sizeGb")
    if size is None:
        raise refused("sizeGb", "", "A size must be specified.")
    return engine.changed_to(call, place, before, facts.resized(before, size))


def create_snapshot(call: Call) -> Answer:
    """A snapshot of this disk. The operation is about the disk (recorded)."""
    place, disk = engine.load(call, place_of(call))
    body = accepted(call.api, call.api.schema(call.method.request), call.body) | {"sourceDisk": disk["selfLink"]}
    target = engine.named_in(Place(f"projects/{place.project}/global", "snapshots"), body)
    engine.make(call, target, body)
    return work.started(call, place, str(disk["id"]))


def policies(call: Call) -> list[str]:
    """The resource policies a request names, which must exist (recorded: 404), as links."""
    place = place_of(call)
    links: list[str] = []
    for text in call.body.get("resourcePolicies", []):
        link = full(call.state, text, place.project)
        found = parsed(link)
        if found is None or stored_at(call.state, found) is None:
            raise engine.missing(found or Place("", "", text))
        links.append(link)
    return links


def add_policies(call: Call) -> Answer:
    place, before = engine.load(call, place_of(call))
    return engine.changed_to(call, place, before, facts.with_policies(before, policies(call)))


def remove_policies(call: Call) -> Answer:
    place, before = engine.load(call, place_of(call))
    links = [full(call.state, text, place.project) for text in call.body.get("resourcePolicies", [])]
    return engine.changed_to(call, place, before, facts.without_policies(before, links))


def update(call: Call) -> Answer:
    """disks.update takes the fields that `paths` names (or all that came) from the body."""
    place, before = engine.load(call, place_of(call))
    body = accepted(call.api, call.api.schema(call.method.request), call.body)
    named = {path.split(".")[0] for text in call.request.query.get("paths", []) for path in text.split(",")}
    taken = {name: value for name, value in body.items() if not named or name in named}
    if "sizeGb" in taken and taken["sizeGb"] != before["sizeGb"]:
        facts.resized(before, taken["sizeGb"])
    return engine.changed_to(call, place, before, before | taken)


def new_key(call: Call) -> Answer:
    """updateKmsKey: the same disk or snapshot under another key."""
    place, before = engine.load(call, place_of(call))
    name = "snapshotEncryptionKey" if place.collection == "snapshots" else "diskEncryptionKey"
    key: Json = {"kmsKeyName": call.body.get("kmsKeyName", "")}
    return engine.changed_to(call, place, before, before | {name: key})


def deprecate(call: Call) -> Answer:
    """images.deprecate; an empty state makes the image current again."""
    place, before = engine.load(call, place_of(call))
    rest = {name: value for name, value in before.items() if name != "deprecated"}
    if call.body.get("state") in (None, "ACTIVE"):
        return engine.changed_to(call, place, before, rest)
    return engine.changed_to(call, place, before, rest | {"deprecated": call.body})


def bulk_disks(call: Call) -> Answer:
    """disks.bulkInsert clones every disk of a consistency group."""
    place = place_of(call)
    policy = call.body.get("sourceConsistencyGroupPolicy")
    if not policy:
        raise refused("resource.sourceConsistencyGroupPolicy", "", "A consistency group policy must be specified.")
    found = parsed(full(call.state, policy, place.project))
    if found is None or call.state.get(key_of(call.state, found)) is None:
        raise engine.missing(found or Place("", "", policy))
    return work.started(call, place)


def replicate(call: Call) -> Answer:
    """startAsyncReplication and stopAsyncReplication: to a disk that exists."""
    place, disk = engine.load(call, place_of(call))
    secondary = call.body.get("asyncSecondaryDisk")
    if call.method.name == "startAsyncReplication":
        if not secondary:
            raise refused("resource.asyncSecondaryDisk", "", "A secondary disk must be specified.")
        link = full(call.state, secondary, place.project)
        found = parsed(link)
        if found is None:
            raise refused("resource.asyncSecondaryDisk", secondary, "The URL is malformed.")
        engine.load(call, found)
        secondaries = {**disk.get("asyncSecondaryDisks", {}), link: {"asyncReplicationDisk": {"disk": link}}}
        return engine.changed_to(call, place, disk, disk | {"asyncSecondaryDisks": secondaries})
    if "asyncSecondaryDisks" not in disk:
        raise GoogleError(400, f"The disk '{place.path}' is not being replicated.", reason="invalid")
    rest = {name: value for name, value in disk.items() if name != "asyncSecondaryDisks"}
    return engine.changed_to(call, place, disk, rest)


_BOTH: dict[str, Behaviour] = {
    "resize": resize, "createSnapshot": create_snapshot, "addResourcePolicies": add_policies,
    "removeResourcePolicies": remove_policies, "update": update, "updateKmsKey": new_key, "bulkInsert": bulk_disks,
    "startAsyncReplication": replicate, "stopAsyncReplication": replicate,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    **{f"compute.{name}.{verb}": behaviour for name in ("disks", "regionDisks") for verb, behaviour in _BOTH.items()},
    "compute.snapshots.updateKmsKey": new_key,
    "compute.images.deprecate": deprecate,
}
