"""Operations as the API model describes them: what they return, and what their metadata says.

Google's newer services share one OperationMetadata (target, verb, apiVersion, times) and print `done` while an
operation runs (recordings of certificatemanager, networksecurity, redis, workflows).
"""

from __future__ import annotations

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.api.model import packages, rpc_of
from reconciler.localcloud.api.protos import installed
from reconciler.localcloud.call import Call
from reconciler.localcloud.operations import Work
from reconciler.localcloud.values import Json

_PREFIX = "type.googleapis.com/"
_VERBS = {"create": "create", "patch": "update", "update": "update", "delete": "delete"}
# Fields that tell the shared metadata from others, by proto name.
_SHARED = frozenset({"create_time", "end_time", "target", "verb", "api_version"})


def types(call: Call) -> tuple[str, str]:
    """The full names of the response's and the metadata's message, without `type.googleapis.com/`."""
    rpc = rpc_of(call.api, call.method)
    known = packages(call.api)
    package = (
        rpc.package if rpc is not None else known[0] if known else f"google.cloud.{call.service}.{call.api.version}"
    )
    if rpc is not None and rpc.operation_response:
        about = rpc.operation_metadata
        # Some protos say `Any` and mean what the service always sends (recordings of Redis).
        return rpc.operation_response, f"{package}.OperationMetadata" if about == "google.protobuf.Any" else about
    response = "google.protobuf.Empty" if call.method.name == "delete" else f"{package}.{call.method.request}"
    return response, f"{package}.OperationMetadata"


def shares_metadata(api: Api) -> bool:
    """Whether the API is one of those whose operations have the shared metadata."""
    found: bool = api.cached(
        "shared metadata", lambda: any(_shared(f"{name}.OperationMetadata") for name in packages(api))
    )
    return found


def _shared(kind: str) -> bool:
    message = installed().descriptor(kind)
    return message is not None and {field.name for field in message.fields} >= _SHARED


def metadata(call: Call, path: str, kind: str) -> Json:
    """The metadata of an operation on `path` that starts now; empty but for its type where it is of another kind."""
    result: Json = {"@type": _PREFIX + kind}
    message = installed().descriptor(kind)
    if message is None and not shares_metadata(call.api):
        return result
    if message is not None and not _shared(kind):
        return result
    names = {field.name: field for field in message.fields} if message is not None else {}
    result |= {
        "createTime": call.stamp,
        "target": projects.with_id(call.state, path),
        "verb": _VERBS.get(call.method.name, call.method.name),
        "apiVersion": call.api.version,
    }
    for name in ("requested_cancellation", "cancel_requested"):
        if name in names:
            result[names[name].json_name] = False
    return result


def started(call: Call, path: str, finisher: str, args: Json) -> Json:
    """Start an operation on a resource, answered as google.longrunning.Operation."""
    response, about = types(call)
    told = metadata(call, path, about)
    name = operations.location_name(call, path)
    work = Work(name, finisher, args, told, _PREFIX + response)
    return operations.rendered(operations.start(call, work))
