"""Folders of Resource Manager: display names are unique under one parent; deleting only marks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import failed_precondition, forbidden, invalid
from reconciler.localcloud.operations import Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, digits, etag_like

_PACKAGE = "type.googleapis.com/google.cloud.resourcemanager.v3"


def parent_of(call: Call, value: object) -> str:
    """The parent as `organizations/N` or `folders/N`; a folder must exist."""
    if isinstance(value, dict):
        value = f"{value.get('type', '')}s/{value.get('id', '')}"
    parent = str(value or "")
    if parent.startswith("folders/") and parent != projects.FOLDER:
        folder = call.state.get(f"cloudresourcemanager.folders/{parent}")
        if folder is None:
            raise forbidden()
        if folder["state"] != "ACTIVE":
            raise failed_precondition(f"The parent folder {parent} is not active.")
    return parent


def _folder(call: Call) -> Json:
    row = call.state.get(f"cloudresourcemanager.folders/{call.subject}")
    if row is None:
        raise forbidden()
    return row


def _children_folders(call: Call, parent: str) -> Iterator[tuple[str, Json]]:
    for key, _ in call.state.scan(f"child/{parent}/folders/", generic.start_of(call)):
        row = call.state.get(f"cloudresourcemanager.folders/folders/{key.rsplit('/', 1)[1]}")
        if row:
            yield key, row


def _create_folder(call: Call) -> Answer:
    """Names are unique among the children of one parent: a second one is refused when it is made."""
    parent, wanted = parent_of(call, call.body.get("parent")), call.body.get("displayName", "")
    if not 3 <= len(wanted) <= 30:
        raise invalid("folder_display_name_invalid", ("display_name", "must be between 3 and 30 characters"))
    if any(row["displayName"] == wanted and row["state"] == "ACTIVE" for _, row in _children_folders(call, parent)):
        raise failed_precondition("Folder violates display name uniqueness within the parent.")
    number = digits(call.rng, 12)
    row: Json = {
        "name": f"folders/{number}", "parent": parent, "displayName": wanted, "state": "ACTIVE",
        "createTime": call.stamp, "updateTime": call.stamp, "etag": f'W/"{etag_like(call.rng)}"',
    }  # fmt: skip
    call.state.put(f"cloudresourcemanager.folders/folders/{number}", row)
    call.state.put(f"child/{parent}/folders/{number}", {})
    metadata = {"@type": f"{_PACKAGE}.CreateFolderMetadata", "displayName": wanted, "parent": parent}
    work = Work(
        f"operations/cf.{digits(call.rng, 19)}", "generic.done", {"response": row}, metadata, f"{_PACKAGE}.Folder"
    )
    return operations.rendered(operations.start(call, work))


def _get_folder(call: Call) -> Answer:
    return _folder(call)


def _list_folders(call: Call) -> Answer:
    rows = _children_folders(call, call.query("parent"))
    shown = ((key, row) for key, row in rows if row["state"] == "ACTIVE" or call.flag("showDeleted"))
    found, token = generic.page(call, shown)
    return ({"folders": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _search_folders(call: Call) -> Answer:
    """`parent=folders/1 AND displayName="a b" AND state=ACTIVE`, each term optional."""
    terms = dict(re.findall(r"([\w.]+)\s*[:=]\s*(\"[^\"]*\"|[^\s]+)", call.query("query")))
    wanted = {key: value.strip('"') for key, value in terms.items()}
    rows = call.state.scan("cloudresourcemanager.folders/", generic.start_of(call))
    shown = ((key, row) for key, row in rows if all(row.get(name) == value for name, value in wanted.items()))
    found, token = generic.page(call, shown)
    return ({"folders": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _save(call: Call, row: Json, verb: str) -> Answer:
    row |= {"updateTime": call.stamp, "etag": f'W/"{etag_like(call.rng)}"'}
    call.state.put(f"cloudresourcemanager.folders/{row['name']}", row)
    metadata = {"@type": f"{_PACKAGE}.{verb}FolderMetadata"}
    work = Work(f"operations/uf.{digits(call.rng, 19)}", "", metadata=metadata, response_type=f"{_PACKAGE}.Folder")
    return operations.rendered(operations.finished(call, work, row))


def _patch_folder(call: Call) -> Answer:
    row = _folder(call)
    wanted = masked(row, call.body, call.query("updateMask") or "displayName").get("displayName", row["displayName"])
    twins = (other for _, other in _children_folders(call, row["parent"]) if other["name"] != row["name"])
    if any(other["displayName"] == wanted and other["state"] == "ACTIVE" for other in twins):
        raise failed_precondition("Folder violates display name uniqueness within the parent.")
    return _save(call, {**row, "displayName": wanted}, "Update")


def _delete_folder(call: Call) -> Answer:
    """Only an empty folder: what is in it must be marked deleted first."""
    row = _folder(call)
    for key, _ in call.state.scan(f"child/{row['name']}/"):
        kind, _, number = key.split("/", 3)[3].partition("/")
        inside = call.state.get(
            f"project/{number}" if kind == "projects" else f"cloudresourcemanager.folders/folders/{number}"
        )
        if inside and inside["state"] == "ACTIVE":
            raise failed_precondition("Folder is not empty. Please delete or move its contents first.")
    return _save(call, {**row, "state": "DELETE_REQUESTED", "deleteTime": call.stamp}, "Delete")


def _undelete_folder(call: Call) -> Answer:
    row = {name: value for name, value in _folder(call).items() if name != "deleteTime"}
    return _save(call, {**row, "state": "ACTIVE"}, "Undelete")


_BASE = "cloudresourcemanager.folders."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create_folder, f"{_BASE}get": _get_folder, f"{_BASE}list": _list_folders,
    f"{_BASE}search": _search_folders, f"{_BASE}patch": _patch_folder, f"{_BASE}delete": _delete_folder,
    f"{_BASE}undelete": _undelete_folder,
}  # fmt: skip
