"""Operations of Memorystore, and where its resources are.

Recordings: instances of v1beta1 say `google.cloud.common.OperationMetadata`, clusters a message of their own package;
those of v1 instances are by the proto. The words for an absent or existing resource: recordings.
"""

from __future__ import annotations

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import paths
from reconciler.localcloud.api.protos import installed
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, failed_precondition, invalid, not_found
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.places import REGIONS
from reconciler.localcloud.values import Json

_PREFIX = "type.googleapis.com/"
_VERBS = {"patch": "update"}
_MESSAGES = {"instances": "Instance", "clusters": "Cluster", "backups": "Backup"}


def shown(call: Call) -> str:
    """The name of the call's resource, with the project's id."""
    return projects.with_id(call.state, generic.path_of(call).strip("/"))


def load(call: Call) -> Json:
    stored = call.state.get(generic.key_of(call, shown(call)))
    if stored is None:
        raise not_found(f"Resource '{shown(call)}' was not found")
    return stored


def ready(call: Call, state: str) -> Json:
    """The resource of the call, which no other operation is changing."""
    row = load(call)
    if row["state"] != state:
        raise failed_precondition(f"The resource '{shown(call)}' is not ready: its state is {row['state']}.")
    return row


def new_name(call: Call, own: str) -> str:
    """The name of a resource to be made. GoogleError 404 for a region that is not there, 409 for a name that is."""
    parent = shown(call)
    if region_of(parent) not in REGIONS:
        raise not_found(f"Location {region_of(parent)} is not found.")
    name = f"{parent}/{own}"
    if call.state.get(generic.key_of(call, name)) is not None:
        raise exists(f"Resource '{name}' already exists")
    return name


def region_of(name: str) -> str:
    return name.split("/")[3]


def project_of(name: str) -> str:
    return name.split("/")[1]


def begun(call: Call, name: str, finisher: str, args: Json) -> Answer:
    """Start an operation on the resource `name`; the finisher finds its key in `args`."""
    kind = name.split("/")[-2]
    package = f"google.cloud.redis{'' if kind == 'instances' else '.cluster'}.{call.api.version}"
    response = "google.protobuf.Empty" if call.method.name == "delete" else f"{package}.{_MESSAGES[kind]}"
    about = f"{package}.OperationMetadata"
    if call.api.version == "v1beta1" and kind == "instances":
        about = "google.cloud.common.OperationMetadata"
    told: Json = {
        "@type": _PREFIX + about, "createTime": call.stamp, "target": name, "apiVersion": call.api.version,
        "verb": _VERBS.get(call.method.name, call.method.name),
    }  # fmt: skip
    if kind != "instances":
        told["requestedCancellation"] = False
    own = operations.location_name(call, name)
    work = Work(own, finisher, {**args, "key": generic.key_of(call, name)}, told, _PREFIX + response)
    return operations.rendered(operations.start(call, work))


def marked(call: Call, name: str, row: Json, state: str) -> None:
    """While an operation runs, the resource says so."""
    call.state.put(generic.key_of(call, name), {**row, "state": state})


def settled(ending: Ending, state: str) -> None:
    """The resource is ready again, with what the operation was to change; the operation's response is the resource."""
    row = ending.state.get(ending.args["key"])
    if row is None:
        return
    if not ending.failed:
        row |= ending.args.get("change", {})
    row["state"] = state
    ending.state.put(ending.args["key"], row)
    ending.response = shown_to_clients(row)


def shown_to_clients(row: Json | None) -> Json | None:
    """A resource as an operation's response: Google's clients parse that strictly, and lack the newest fields.

    Recorded responses have a few of those (`effectiveMaintenanceVersion`), which google-cloud-redis-cluster refuses.
    """
    if row is None:
        return None
    kind = "cluster.v1.Cluster" if "/clusters/" in row["name"] else "v1.Instance"
    message = installed().descriptor(f"google.cloud.redis.{kind}")
    known = {field.json_name for field in message.fields} if message is not None else set(row)
    return {name: value for name, value in row.items() if name in known}


def gone(ending: Ending, state: str) -> None:
    row = ending.state.get(ending.args["key"])
    if row is not None and ending.failed:
        ending.state.put(ending.args["key"], {**row, "state": state})
    elif row is not None:
        ending.state.delete(ending.args["key"])


def mask(call: Call, known: frozenset[str]) -> list[str]:
    """The fields that a patch may change, by its mask. GoogleError 400 for none, and for any other."""
    named = [path[0] for path in paths(call.query("updateMask"))]
    if not named:
        raise invalid("Field 'update_mask' is required.", ("update_mask", "At least one path must be supplied."))
    for name in named:
        if name not in known:
            raise invalid(f"Field '{name}' cannot be updated.", ("update_mask", f"{name} is immutable or unknown."))
    return named


def required(call: Call, *names: str) -> None:
    for name in names:
        if not call.body.get(name):
            raise invalid(f"Field '{name}' is required.", (name, "The field is required."))


def bad(field: str, said: str) -> GoogleError:
    return invalid(said, (field, said))
