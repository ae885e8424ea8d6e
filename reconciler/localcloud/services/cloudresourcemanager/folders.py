"""Folders, v2 and v3: display names are unique under one parent, ten levels, 300 children; deleting only marks.

What an operation on folders violates is told by the operation, not by the request (k8s-config-connector#405); a
rename is refused at once (terraform-provider-google#1903). Limits: https://cloud.google.com/resource-manager/quotas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.localcloud import operations, policies
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, failed_precondition, invalid
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import GRACE_SECONDS, PACKAGE, denied, parent_of
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, digits

_DEEPEST = 10
_MOST_CHILDREN = 300
_NAME = re.compile(r"[^\W_](?:[\w '-]{1,28})[^\W_]")
_VIOLATION = "The folder operation violates {}."
_TWIN = _VIOLATION.format("display name uniqueness within the parent")
_HEIGHT = _VIOLATION.format("the max folder depth constraint")
_FANOUT = _VIOLATION.format("the max child folders constraint")
_CYCLE = "The folder operation would introduce cycle in resource path."
_QUERIES = Language({"lifecycleState": "state"}, anywhere=("displayName", "name"))


def _shown(call: Call, row: Json) -> Json:
    """v2 calls the state lifecycleState, and has no times but the creation's, and no etag."""
    if call.api.version != "v2":
        return row
    old = {name: row[name] for name in ("name", "parent", "displayName", "createTime")}
    return {**old, "createTime": row["createTime"][:-4] + "Z", "lifecycleState": row["state"]}


def _folder(call: Call, verb: str = "get") -> Json:
    row = hierarchy.folder(call.state, call.subject)
    if row is None:
        raise denied(call, verb, call.subject)
    return row


def _checked_name(wanted: str) -> str:
    if not _NAME.fullmatch(wanted):
        raise invalid(
            "Request contains an invalid argument.",
            ("folder.display_name", "must be 3 to 30 letters, digits, spaces, hyphens and underscores"),
        )
    return wanted


def _twin(state: State, parent: str, wanted: str, own: str = "") -> bool:
    rows = hierarchy.children(state, parent, "folders")
    return any(row["displayName"] == wanted and row["state"] == "ACTIVE" and row["name"] != own for _, row in rows)


def _height(state: State, name: str) -> int:
    """How many levels of folders hang below a folder, itself included."""
    below = (row["name"] for _, row in hierarchy.children(state, name, "folders") if row["state"] == "ACTIVE")
    return 1 + max((_height(state, child) for child in below), default=0)


def _violation(state: State, parent: str, row: Json) -> str:
    """Why a folder cannot be put under a parent, in Google's words; empty if it can."""
    above = [name for name in [parent, *hierarchy.ancestors(state, parent)] if name.startswith("folders/")]
    if row["name"] in above:
        return _CYCLE
    if len(above) + _height(state, row["name"]) > _DEEPEST:
        return _HEIGHT
    if _twin(state, parent, row["displayName"], row["name"]):
        return _TWIN
    siblings = sum(1 for _, other in hierarchy.children(state, parent, "folders") if other["state"] == "ACTIVE")
    return _FANOUT if siblings >= _MOST_CHILDREN else ""


def _create(call: Call) -> Answer:
    parent = parent_of(call, call.body.get("parent") or call.query("parent"))
    if not parent:
        raise invalid("Request contains an invalid argument.", ("folder.parent", "required"))
    number = digits(call.rng, 12)
    row: Json = {
        "name": f"folders/{number}", "parent": parent, "displayName": _checked_name(call.body.get("displayName", "")),
        "state": "ACTIVE", "createTime": call.stamp, "updateTime": call.stamp, "etag": hierarchy.etag(call),
    }  # fmt: skip
    wrong = _violation(call.state, parent, row)
    if not wrong:
        call.state.put(hierarchy.folder_key(row["name"]), row)
        call.state.put(f"child/{parent}/folders/{number}", {})
        _own(call, row["name"])
    facts = {"displayName": row["displayName"], "parent": parent}
    return _started(call, row, "CreateFolder", facts, wrong)


def _own(call: Call, name: str) -> None:
    """Who makes a folder may administer it (https://cloud.google.com/resource-manager/docs/access-control-folders)."""
    for role in ("roles/resourcemanager.folderAdmin", "roles/resourcemanager.folderEditor"):
        policies.grant(call, policies.key_of(call, name), role, "user:user@example.com")


def _started(call: Call, row: Json, verb: str, facts: Json, wrong: str) -> Json:
    if call.api.version == "v2":
        kind = "type.googleapis.com/google.cloud.resourcemanager.v2"
        old = {"displayName": facts["displayName"], "operationType": verb.removesuffix("Folder").upper()}
        old["destinationParent"] = facts.get("parent") or facts["destinationParent"]
        if "sourceParent" in facts:
            old["sourceParent"] = facts["sourceParent"]
        metadata, package = {"@type": f"{kind}.FolderOperation", **old}, kind
    else:
        metadata, package = {"@type": f"{PACKAGE}.{verb}Metadata", **facts}, PACKAGE
    work = Work(
        f"operations/{verb[0].lower()}f.{digits(call.rng, 19)}", "generic.done", {"response": _shown(call, row)},
        metadata, f"{package}.Folder",
    )  # fmt: skip
    started = operations.start(call, work)
    if wrong:
        started["fail"] = f"FAILED_PRECONDITION: {wrong}"
        call.state.put(operations.key_of(call.state, call.service, work.name), started)
    return operations.rendered(started)


def _get(call: Call) -> Answer:
    return _shown(call, _folder(call))


def _list(call: Call) -> Answer:
    parent = call.query("parent")
    if not parent:
        raise invalid("Request contains an invalid argument.", ("parent", "required"))
    if hierarchy.container(call.state, parent) is None:
        raise denied(call, "list", parent)
    rows = hierarchy.children(call.state, parent, "folders", generic.start_of(call))
    return _page(call, ((key, row) for key, row in rows if row["state"] == "ACTIVE" or call.flag("showDeleted")))


def _page(call: Call, rows: Iterable[tuple[str, Json]]) -> Json:
    found, token = generic.page(call, rows)
    shown = [_shown(call, row) for row in found]
    return ({"folders": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _search(call: Call) -> Answer:
    """`parent=folders/1 AND displayName="a b" AND state=ACTIVE`, each term optional; all folders that are ours."""
    wanted = predicate(call.query("query") or call.body.get("query", ""), _QUERIES)
    first = hierarchy.folder_key("")
    start = generic.start_of(call)
    rows = list(call.state.scan(first, start))
    builtin = hierarchy.folder_key(hierarchy.FOLDER["name"])
    if call.state.get(builtin) is None and builtin > start:
        rows = sorted([*rows, (builtin, dict(hierarchy.FOLDER))], key=lambda item: item[0])
    return _page(call, ((key, row) for key, row in rows if wanted(row)))


def _save(call: Call, row: Json, verb: str) -> Answer:
    row |= {"updateTime": call.stamp, "etag": hierarchy.etag(call)}
    call.state.put(hierarchy.folder_key(row["name"]), row)
    call.state.put(f"child/{row['parent']}/{row['name']}", {})
    if call.api.version == "v2":
        return _shown(call, row)
    metadata = {"@type": f"{PACKAGE}.{verb}FolderMetadata"}
    work = Work(f"operations/uf.{digits(call.rng, 19)}", "", metadata=metadata, response_type=f"{PACKAGE}.Folder")
    return operations.rendered(operations.finished(call, work, row))


def _patch(call: Call) -> Answer:
    row = _folder(call, "update")
    mask = call.query("updateMask") or "displayName"
    if any(path.strip() not in ("displayName", "display_name") for path in mask.split(",")):
        raise invalid("Request contains an invalid argument.", ("update_mask", "only display_name can be changed"))
    sent = call.body.get("etag")
    if sent and sent != row.get("etag"):
        raise _stale()
    wanted = _checked_name(masked(row, call.body, mask).get("displayName", ""))
    if row["state"] != "ACTIVE" or _twin(call.state, row["parent"], wanted, row["name"]):
        raise failed_precondition("Precondition check failed.")
    return _save(call, {**row, "displayName": wanted}, "Update")


def _stale() -> GoogleError:
    return GoogleError(409, "The etag does not match the current state of the folder.", "ABORTED", "aborted")


def _move(call: Call) -> Answer:
    row = _folder(call, "move")
    if row["state"] != "ACTIVE":
        raise failed_precondition("Precondition check failed.")
    before, after = row["parent"], parent_of(call, call.body.get("destinationParent"), "move")
    if not after:
        raise invalid("Request contains an invalid argument.", ("destination_parent", "required"))
    wrong = "" if after == before else _violation(call.state, after, row)
    facts = {"displayName": row["displayName"], "sourceParent": before, "destinationParent": after}
    if not wrong:
        call.state.delete(f"child/{before}/{row['name']}")
        row |= {"parent": after, "updateTime": call.stamp, "etag": hierarchy.etag(call)}
        call.state.put(hierarchy.folder_key(row["name"]), row)
        call.state.put(f"child/{after}/{row['name']}", {})
    return _started(call, row, "MoveFolder", facts, wrong)


def _delete(call: Call) -> Answer:
    """Only an empty folder: what is in it must be marked deleted first."""
    row = _folder(call, "delete")
    if row["state"] != "ACTIVE":
        raise failed_precondition("Precondition check failed.")
    for kind in ("folders", "projects"):
        if any(inside["state"] == "ACTIVE" for _, inside in hierarchy.children(call.state, row["name"], kind)):
            raise failed_precondition("Folder is not empty. Please delete or move its contents first.")
    operations.later(call, _purge_key(row), GRACE_SECONDS, "cloudresourcemanager.folder_purged", {"name": row["name"]})
    answer = _save(call, {**row, "state": "DELETE_REQUESTED", "deleteTime": call.stamp}, "Delete")
    return answer if call.api.version == "v2" else hierarchy.at_once(f"{PACKAGE}.Folder", _folder(call))


def _purge_key(row: Json) -> str:
    return f"cloudresourcemanager.purge/{row['name']}"


def _purged(ending: Ending) -> None:
    name = ending.args["name"]
    row = hierarchy.folder(ending.state, name)
    if row and row["state"] == "DELETE_REQUESTED":
        ending.state.delete(hierarchy.folder_key(name))
        ending.state.delete(f"child/{row['parent']}/{name}")
        ending.state.delete(f"iam/cloudresourcemanager/{name}")


def _undelete(call: Call) -> Answer:
    row = {name: value for name, value in _folder(call, "undelete").items() if name != "deleteTime"}
    parent = hierarchy.container(call.state, row["parent"])
    twin = _twin(call.state, row["parent"], row["displayName"], row["name"])
    if row["state"] == "ACTIVE" or twin or parent is None or parent["state"] != "ACTIVE":
        raise failed_precondition("Precondition check failed.")
    call.state.delete(_purge_key(row))
    return _save(call, {**row, "state": "ACTIVE"}, "Undelete")


_BASE = "cloudresourcemanager.folders."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}list": _list, f"{_BASE}search": _search,
    f"{_BASE}patch": _patch, f"{_BASE}delete": _delete, f"{_BASE}undelete": _undelete, f"{_BASE}move": _move,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"cloudresourcemanager.folder_purged": _purged}
