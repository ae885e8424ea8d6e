"""The tree of organisations, folders and projects: who is whose parent, and how Google says "not yours to see"."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call, Moment
from reconciler.localcloud.errors import GoogleError, failed_precondition, forbidden, invalid
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, etag_like

PACKAGE = "type.googleapis.com/google.cloud.resourcemanager.v3"
OLD_PACKAGE = "type.googleapis.com/google.cloudresourcemanager.v1"
# What is marked deleted is gone after 30 days (https://cloud.google.com/resource-manager/docs/creating-managing-projects).
GRACE_SECONDS = 30 * 86_400.0
_BORN = "2024-01-15T09:00:00.000000Z"
# The organisation and the folder that are there from the start.
ORGANISATION: Json = {
    "name": projects.ORGANISATION, "displayName": "example.com", "directoryCustomerId": "C0localcl", "state": "ACTIVE",
    "createTime": _BORN, "updateTime": _BORN, "etag": 'W/"bG9jYWwtY2xvdWQ="',
}  # fmt: skip
FOLDER: Json = {
    "name": projects.FOLDER, "parent": projects.ORGANISATION, "displayName": "local cloud", "state": "ACTIVE",
    "createTime": _BORN, "updateTime": _BORN, "etag": 'W/"bG9jYWwtY2xvdWQ="',
}  # fmt: skip


def etag(moment: Moment) -> str:
    return f'W/"{etag_like(moment.rng)}"'


def denied(call: Call, verb: str, name: str) -> GoogleError:
    """What is not there answers 403: v1 and v2 with few words (recordings), v3 with the permission and the name."""
    if call.api.version != "v3":
        return forbidden()
    kind = name.partition("/")[0]
    permission = f"resourcemanager.{kind}.{verb}"
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED",
        "domain": "cloudresourcemanager.googleapis.com", "metadata": {"permission": permission, "resource": name},
    }  # fmt: skip
    said = f"Permission '{permission}' denied on resource '//cloudresourcemanager.googleapis.com/{name}'"
    return GoogleError(403, f"{said} (or it may not exist).", details=[info])


def folder_key(name: str) -> str:
    return f"cloudresourcemanager.folders/{name}"


def folder(state: State, name: str) -> Json | None:
    found = state.get(folder_key(name))
    return dict(FOLDER) if found is None and name == projects.FOLDER else found


def project(state: State, name: str) -> Json | None:
    """The project under an id or a number, once it has been made."""
    row = projects.find(state, name.removeprefix("projects/"))
    return None if row is None or row.get("pending") else row


def container(state: State, name: str) -> Json | None:
    """An organisation, folder or project by its name."""
    kind = name.partition("/")[0]
    if kind == "organizations":
        return dict(ORGANISATION) if name == projects.ORGANISATION else None
    return folder(state, name) if kind == "folders" else project(state, name) if kind == "projects" else None


def written_parent(value: object) -> str:
    """A parent as `organizations/N` or `folders/N`, from v1's object or v3's string."""
    if isinstance(value, dict):
        return f"{value.get('type') or ''}s/{value.get('id') or ''}" if value.get("id") else ""
    return str(value or "")


def parent_of(call: Call, value: object, permission: str = "create") -> str:
    """The parent for a new or moved resource: it must be there, be ours and be active; none at all is allowed."""
    parent = written_parent(value)
    if not parent:
        return ""
    if parent.partition("/")[0] not in ("organizations", "folders"):
        raise invalid(f"parent is invalid: {parent}", ("parent", "must be organizations/{id} or folders/{id}"))
    row = container(call.state, parent)
    if row is None:
        raise denied(call, permission, parent)
    if row["state"] != "ACTIVE":
        raise failed_precondition(f"The parent {parent} is not active.")
    return parent


def children(state: State, parent: str, kind: str, after: str = "") -> Iterator[tuple[str, Json]]:
    """The children of a kind with their keys, in the order of the keys, those up to `after` left out."""
    builtin = f"child/{projects.ORGANISATION}/{projects.FOLDER}"
    waiting = (parent, kind) == (projects.ORGANISATION, "folders") and builtin > after
    for key, _ in state.scan(f"child/{parent}/{kind}/", after):
        if waiting and builtin <= key:
            waiting = False
            if builtin < key:
                yield builtin, folder(state, projects.FOLDER) or {}
        row = container(state, f"{kind}/{key.rsplit('/', 1)[1]}")
        if row:
            yield key, row
    if waiting:
        yield builtin, folder(state, projects.FOLDER) or {}


def at_once(kind: str, row: Json) -> Json:
    """An operation that is done when it is answered: it has a response, and no name to ask for it by (recordings)."""
    return {"done": True, "response": {"@type": kind, **row}}


def ancestors(state: State, name: str) -> list[str]:
    """The names from a resource's parent up to the organisation."""
    found: list[str] = []
    row = container(state, name)
    while row and row.get("parent"):
        found.append(row["parent"])
        row = container(state, row["parent"])
    return found
