"""Roles: those of Google, and custom ones of projects and organisations, which are deleted softly.

https://cloud.google.com/iam/docs/creating-custom-roles: seven days to undelete, 37 until the id is free. Texts as users
report them (terraform-google-iam#158 for a permission that is not valid) or, where marked, recalled.
"""

from __future__ import annotations

import base64
import re

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import aborted, exists, failed_precondition, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.iam.role_table import PREDEFINED, permissions_of
from reconciler.localcloud.values import Json

_ID = re.compile(r"[a-zA-Z0-9_.]{3,64}")
_PERMISSION = re.compile(r"[a-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+){2,3}")
# Only an organisation's role may have these (https://cloud.google.com/iam/docs/custom-roles-permissions-support).
_ABOVE_PROJECTS = ("resourcemanager.organizations.", "resourcemanager.folders.", "resourcemanager.projects.list")
_UNDELETE_SECONDS, _PURGE_SECONDS = 7 * 86_400.0, 37 * 86_400.0
_FIELDS = ("title", "description", "includedPermissions", "stage")
_MOST_PERMISSIONS = 3000
_NOT_FOUND = "The role named {} was not found."
_CONCURRENT = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."


def _key(call: Call, name: str) -> str:
    return f"iam.roles/{projects.canonical(call.state, name)}"


def _etag(call: Call) -> str:
    return base64.b64encode(b"\x07\x06" + call.rng.randbytes(6)).decode()


def _checked(role: Json, name: str) -> Json:
    """The fields of a role as they are kept: permissions sorted, ALPHA (the zero of its enum) left out."""
    kept = {field: role[field] for field in _FIELDS if role.get(field)}
    if len(kept.get("title", "")) > 100 or len(kept.get("description", "")) > 300:
        raise invalid("Request contains an invalid argument.", ("role", "title: 100 characters, description: 300"))
    permissions = sorted(set(kept.get("includedPermissions") or []))
    for permission in permissions:
        above = name.startswith("projects/") and permission.startswith(_ABOVE_PROJECTS)
        if not _PERMISSION.fullmatch(permission) or above:
            raise invalid(f"Permission {permission} is not valid.")
    if len(permissions) > _MOST_PERMISSIONS:
        raise invalid(f"The number of permissions must be at most {_MOST_PERMISSIONS}.")
    if permissions:
        kept["includedPermissions"] = permissions
    if kept.get("stage") == "ALPHA":
        del kept["stage"]
    return kept


def _create(call: Call) -> Answer:
    own, parent = call.body.get("roleId") or "", projects.with_id(call.state, call.subject)
    if not _ID.fullmatch(own):
        raise invalid(f"The role_id {own!r} must match [a-zA-Z0-9_.]{{3,64}}.", ("role_id", "invalid"))
    name = f"{parent}/roles/{own}"
    stored = call.state.get(_key(call, name))
    if stored and stored.get("deleted"):
        raise failed_precondition(f"You can't create a role_id ({own}) which has been marked for deletion.")
    if stored:
        raise exists(f"A role named {own} in {parent} already exists.")
    row = {"name": name, **_checked(call.body.get("role") or {}, name), "etag": _etag(call)}
    call.state.put(_key(call, name), row)
    return row


def _load(call: Call) -> Json:
    row = call.state.get(_key(call, call.subject))
    if row is None:
        raise not_found(_NOT_FOUND.format(call.subject))
    return row


def _shown(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "deletedAt"}


def _get(call: Call) -> Answer:
    return _shown(_load(call))


def _same(call: Call, row: Json) -> None:
    sent = call.body.get("etag") or call.query("etag")
    if sent and sent.rstrip("=").replace("-", "+").replace("_", "/") != row["etag"].rstrip("="):
        raise aborted(_CONCURRENT)


def _patch(call: Call) -> Answer:
    row = _load(call)
    _same(call, row)
    if row.get("deleted"):
        raise failed_precondition(
            f"You can't update role_id ({call.subject.rpartition('/')[2]}) because it is deleted."
        )
    mask = call.query("updateMask")
    wish = {name: value for name, value in call.body.items() if name in _FIELDS}
    changed = masked(row, wish, mask, call.api.schema("Role")["properties"]) if mask else {**row, **wish}
    row = {"name": row["name"], **_checked(changed, row["name"]), "etag": _etag(call)}
    call.state.put(_key(call, call.subject), row)
    return row


def _delete(call: Call) -> Answer:
    row = _load(call)
    _same(call, row)
    if row.get("deleted"):
        raise failed_precondition(f"You can't delete role_id ({call.subject.rpartition('/')[2]}) twice.")
    row |= {"deleted": True, "etag": _etag(call), "deletedAt": call.now}
    key = _key(call, call.subject)
    call.state.put(key, row)
    operations.later(call, f"iam.purge/{key}", _PURGE_SECONDS, "iam.role_purged", {"key": key})
    return _shown(row)


def _purged(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row and row.get("deleted"):
        ending.state.delete(ending.args["key"])


def _undelete(call: Call) -> Answer:
    row = _load(call)
    _same(call, row)
    if not row.get("deleted") or call.now - row["deletedAt"] > _UNDELETE_SECONDS:
        raise failed_precondition(f"You can't undelete role_id ({call.subject.rpartition('/')[2]}).")
    row = {**{name: row[name] for name in ("name", *_FIELDS) if name in row}, "etag": _etag(call)}
    call.state.put(_key(call, call.subject), row)
    call.state.delete(f"iam.purge/{_key(call, call.subject)}")
    return row


def _full(call: Call) -> bool:
    return (call.query("view") or str(call.body.get("view") or "")) == "FULL"


def _viewed(call: Call, row: Json) -> Json:
    """BASIC, the view without being asked, leaves the permissions out."""
    hidden = () if _full(call) else ("includedPermissions",)
    return {name: value for name, value in _shown(row).items() if name not in hidden}


def _list(call: Call) -> Answer:
    rows = call.state.scan(_key(call, f"{call.subject}/roles/"), generic.start_of(call))
    shown = ((key, _viewed(call, row)) for key, row in rows if not row.get("deleted") or call.flag("showDeleted"))
    found, token = generic.page(call, shown, default=300)
    return ({"roles": found} if found else {}) | ({"nextPageToken": token} if token else {})


# --- predefined ------------------------------------------------------------------------------------------------


def _predefined(name: str) -> Json:
    """A role of the table, or the outline of one that only Google's own table has."""
    row: Json = {"name": name, "stage": "GA", "etag": "AA=="}
    if name in PREDEFINED:
        title = PREDEFINED[name][0]
        return {**row, "title": title, "description": f"{title} role.", "includedPermissions": permissions_of(name)}
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("roles/").replace(".", " "))
    return {**row, "title": words.title(), "description": f"{words.title()} role."}


def _get_predefined(call: Call) -> Answer:
    name = call.subject
    if name not in PREDEFINED and not re.fullmatch(r"roles/[a-z][A-Za-z0-9]*\.[A-Za-z0-9_.]+", name):
        raise not_found(_NOT_FOUND.format(name))
    return _predefined(name)


def _paged(call: Call, names: list[str]) -> Json:
    start = generic.start_of(call)
    rows = [(name, _viewed(call, _predefined(name))) for name in sorted(names) if name > start]
    found, token = generic.page(call, rows, default=300)
    return ({"roles": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _list_predefined(call: Call) -> Answer:
    """`parent` may ask for custom roles here, too."""
    parent = call.query("parent")
    if not parent:
        return _paged(call, list(PREDEFINED))
    rows = call.state.scan(_key(call, f"{parent}/roles/"), generic.start_of(call))
    shown = ((key, _viewed(call, row)) for key, row in rows if not row.get("deleted") or call.flag("showDeleted"))
    found, token = generic.page(call, shown, default=300)
    return ({"roles": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _grantable(call: Call) -> Answer:
    if not str(call.body.get("fullResourceName") or "").startswith("//"):
        raise invalid("Request contains an invalid argument.", ("full_resource_name", "must begin with //"))
    return _paged(call, list(PREDEFINED))


def _testable(call: Call) -> Answer:
    start = generic.start_of(call)
    names = sorted({permission for role in PREDEFINED for permission in permissions_of(role)})
    rows = [(name, {"name": name, "stage": "GA"}) for name in names if name > start]
    found, token = generic.page(call, rows, default=100)
    return {"permissions": found} | ({"nextPageToken": token} if token else {})


_OWN: dict[str, Behaviour] = {
    "create": _create, "get": _get, "list": _list, "patch": _patch, "delete": _delete, "undelete": _undelete,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    f"iam.{kind}.roles.{verb}": behaviour for kind in ("projects", "organizations") for verb, behaviour in _OWN.items()
} | {
    "iam.roles.get": _get_predefined, "iam.roles.list": _list_predefined, "iam.roles.queryGrantableRoles": _grantable,
    "iam.permissions.queryTestablePermissions": _testable,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"iam.role_purged": _purged}
