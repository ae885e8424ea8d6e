"""The API model: a method of a discovery document joined with the procedure of Google's protos behind it."""

from __future__ import annotations

import re

from reconciler.localcloud.api.discovery import Api, Method
from reconciler.localcloud.api.protos import Behaviour, Rpc, installed

_NOTHING = Behaviour(frozenset(), frozenset(), frozenset())


def rpc_of(api: Api, method: Method) -> Rpc | None:
    """The procedure that a REST method calls, or None where Google publishes no proto of it."""
    return installed().over_http(api.host, method.verb, method.shape)


def packages(api: Api) -> tuple[str, ...]:
    """The proto packages of an API, most used first."""
    found = api.cached("packages", lambda: _packages(api))
    return tuple(found)


def _packages(api: Api) -> list[str]:
    counted: dict[str, int] = {}
    for method in api.methods:
        rpc = rpc_of(api, method)
        if rpc is not None and not rpc.package.startswith(
            ("google.longrunning", "google.cloud.location", "google.iam.v1")
        ):
            counted[rpc.package] = counted.get(rpc.package, 0) + 1
    return sorted(counted, key=lambda name: (-counted[name], name)) or _relatives(api)


def _relatives(api: Api) -> list[str]:
    """For a version without protos: its package's name as that of another version says it."""
    others = sorted({rpc.package for rpc in installed().rpcs.values() if rpc.host == api.host})
    return [re.sub(r"v\d+\w*$", api.version, others[0])] if others else []


def body_message(api: Api, method: Method) -> str:
    """The full name of the message that a request's JSON body is, or an empty string."""
    rpc = rpc_of(api, method)
    if rpc is None or not method.request:
        return ""
    binding = next((one for one in rpc.bindings if (one.verb, one.shape) == (method.verb, method.shape)), None)
    if binding is None or not binding.body:
        return ""
    if binding.body == "*":
        return rpc.request
    descriptor = installed().descriptor(rpc.request)
    field = descriptor.fields_by_name.get(binding.body) if descriptor else None
    return field.message_type.full_name if field is not None and field.message_type is not None else ""


def body_behaviour(api: Api, method: Method) -> Behaviour:
    """Which fields of a request's body are required, output only and immutable, by JSON name."""
    name = body_message(api, method)
    return installed().behaviour(name) if name else _NOTHING


def wrapped_in(api: Api, method: Method) -> str:
    """The JSON field that holds the resource when a body is the whole request (`{"feedId": …, "feed": {…}}`), or ""."""
    rpc = rpc_of(api, method)
    if rpc is None or body_message(api, method) != rpc.request:
        return ""
    resource = rpc.operation_response or rpc.response
    message = installed().descriptor(rpc.request)
    fields = message.fields if message is not None else ()
    for field in fields:
        if field.message_type is not None and field.message_type.full_name == resource:
            return str(field.json_name)
    return ""


def resource_behaviour(api: Api, method: Method) -> Behaviour:
    """Like `body_behaviour`, of the resource itself where the body is the whole request."""
    name, inner = body_message(api, method), wrapped_in(api, method)
    if inner:
        rpc = rpc_of(api, method)
        name = (rpc.operation_response or rpc.response) if rpc is not None else ""
    return installed().behaviour(name) if name else _NOTHING
