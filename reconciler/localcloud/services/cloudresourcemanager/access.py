"""IAM policies of organisations, folders, projects and tags."""

from __future__ import annotations

from reconciler.localcloud import policies
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import denied


def _resource(call: Call, verb: str) -> str:
    """The name of what the policy is on, a project's with its number. GoogleError 403 if it is not there."""
    kind = call.method.id.split(".")[1]
    name = call.subject if "/" in call.subject else f"{kind}/{call.subject}"
    if kind in ("tagKeys", "tagValues"):
        if call.state.get(f"cloudresourcemanager.{kind}/{name}") is None:
            raise denied(call, verb, name)
        return name
    row = hierarchy.container(call.state, name)
    if row is None:
        raise denied(call, verb, name)
    return f"projects/{row['number']}" if kind == "projects" else name


def _get(call: Call) -> Answer:
    return policies.read(call, _resource(call, "getIamPolicy"))


def _set(call: Call) -> Answer:
    resource = _resource(call, "setIamPolicy")
    if "policy" not in call.body:
        raise invalid("Request contains an invalid argument.", ("policy", "required"))
    return policies.write(call, resource, call.body["policy"])


def _test(call: Call) -> Answer:
    """The caller may do everything; a name with a wildcard is no permission."""
    _resource(call, "get")
    asked = call.body.get("permissions") or []
    if any("*" in permission for permission in asked):
        raise invalid("Request contains an invalid argument.", ("permissions", "wildcards are not allowed"))
    return {"permissions": asked} if asked else {}


METHODS: dict[str, Behaviour] = {
    f"cloudresourcemanager.{kind}.{verb}": behaviour
    for kind in ("organizations", "folders", "projects", "tagKeys", "tagValues")
    for verb, behaviour in {"getIamPolicy": _get, "setIamPolicy": _set, "testIamPermissions": _test}.items()
}
