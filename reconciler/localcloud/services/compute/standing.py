"""Which methods of compute the engine answers by rule: what the table of coverage counts as generic."""

from __future__ import annotations

from reconciler.localcloud.api.discovery import Api, Method

_VERBS = frozenset({
    "insert", "patch", "update", "delete", "setLabels", "list", "aggregatedList", "get", "getIamPolicy", "setIamPolicy",
    "testIamPermissions",
})  # fmt: skip


def by_rule(api: Api, method: Method) -> bool:
    """The standard verbs, operations, and custom verbs whose fields are all fields of the resource (`setTarget`)."""
    owner = method.id.split(".")[-2]
    if method.name in _VERBS or owner.lower().endswith("operations"):
        return True
    if method.verb != "POST" or method.response != "Operation" or owner == "projects":
        return False
    kind = next((one.response for one in api.methods if one.id == f"compute.{owner}.get"), "")
    known, wanted = (api.schema(name).get("properties", {}) for name in (kind, method.request))
    if wanted and all(name in known for name in wanted if name != "fingerprint"):
        return True
    field = method.name.removeprefix("set")
    told = known.get(field[:1].lower() + field[1:], {})
    one = len(wanted) == 1 and told.get("type") == "string"
    return one or (method.name.startswith("set") and told.get("$ref") == method.request)
