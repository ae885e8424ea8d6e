"""Projects, v1 and v3. Ids are global and never reusable. A project that does not exist answers 403, as the real API
does (recordings). Deleting only marks; undelete brings back; after 30 days the project is gone, and its id with it.

Rules: the Project message in the discovery documents, and
https://cloud.google.com/resource-manager/docs/creating-managing-projects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.localcloud import operations, policies
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, exists, failed_precondition, invalid
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy, liens
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import (
    GRACE_SECONDS,
    OLD_PACKAGE,
    PACKAGE,
    denied,
    parent_of,
    written_parent,
)  # fmt: skip
from reconciler.localcloud.values import Json, digits

# 6 to 30, a letter first, no hyphen last.
_PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DISPLAY_NAME = re.compile(r"[\w'\"!\s.:-]{4,30}")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MOST_LABELS = 256
_QUERIES = Language(
    {"projectid": "projectId", "parent.type": "parentType", "parent.id": "parentId"},
    anywhere=("projectId", "displayName"),
)


def _v3(row: Json) -> Json:
    fields = ("parent", "projectId", "state", "displayName", "createTime", "updateTime", "deleteTime", "etag", "labels")
    return {"name": f"projects/{row['number']}", **{name: row[name] for name in fields if row.get(name)}}


def _v1(row: Json) -> Json:
    kind, _, number = row["parent"].partition("/")
    result = {
        "projectNumber": row["number"], "projectId": row["projectId"], "lifecycleState": row["state"],
        "name": row.get("displayName", ""), "createTime": row["createTime"][:-4] + "Z", "labels": row.get("labels"),
        "parent": {"type": kind.removesuffix("s"), "id": number} if number else None,
    }  # fmt: skip
    return {name: value for name, value in result.items() if value}


def _shown(call: Call, row: Json) -> Json:
    return _v1(row) if call.api.version == "v1" else _v3(row)


def _project(call: Call, verb: str) -> Json:
    name = call.params.get("projectId") or call.subject
    row = hierarchy.project(call.state, name)
    if row is None:
        raise denied(call, verb, name if "/" in name else f"projects/{name}")
    return row


def _save(call: Call, row: Json) -> None:
    row["updateTime"], row["etag"] = call.stamp, hierarchy.etag(call)
    call.state.put(f"project/{row['number']}", row)


# --- what may be written ---------------------------------------------------------------------------------------


def _issue(field: str, what: str) -> GoogleError:
    return invalid(f"field [{field}] has issue [{what}]", (field, what))


def _check_id(wanted: str) -> None:
    if _PROJECT_ID.fullmatch(wanted):
        return
    if len(wanted) < 6:
        raise _issue("project_id", "project_id must be at least 6 characters long")
    if len(wanted) > 30:
        raise _issue("project_id", "project_id must be at most 30 characters long")
    raise _issue("project_id", "project_id contains invalid characters")


def _check_facts(name: str, labels: Json) -> None:
    if name and not _DISPLAY_NAME.fullmatch(name):
        short = len(name) < 4 or len(name) > 30
        what = "must be between 4 and 30 characters long" if short else "contains invalid characters"
        raise _issue("display_name", f"display_name {what}")
    if len(labels) > _MOST_LABELS:
        raise _issue("labels", f"labels must have at most {_MOST_LABELS} entries")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            raise _issue("labels", f"label key {key} does not conform to [a-z][a-z0-9_-]{{0,62}}")
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            raise _issue("labels", f"label value {value} does not conform to [a-z0-9_-]{{0,63}}")


# --- create, read ----------------------------------------------------------------------------------------------


def _create(call: Call) -> Answer:
    body, old = call.body, call.api.version == "v1"
    wanted = body.get("projectId", "")
    _check_id(wanted)
    name = (body.get("name") or "") if old else (body.get("displayName") or wanted)
    labels = body.get("labels") or {}
    _check_facts(name if name != wanted else "", labels)
    parent = parent_of(call, body.get("parent"))
    if call.state.get(f"projectid/{wanted}") is not None:
        raise exists("Requested entity already exists")
    number = digits(call.rng, 12)
    row: Json = {
        "number": number, "projectId": wanted, "parent": parent, "state": "ACTIVE", "displayName": name,
        "labels": labels, "createTime": call.stamp, "pending": True,
    }  # fmt: skip
    _save(call, row)
    call.state.put(f"projectid/{wanted}", {"number": number})
    if parent:
        call.state.put(f"child/{parent}/projects/{number}", {})
    owner: Json = {"bindings": [{"role": "roles/owner", "members": ["user:user@example.com"]}]}
    policies.write(call, f"projects/{wanted}", owner)
    kind = f"{OLD_PACKAGE}.ProjectCreationStatus" if old else f"{PACKAGE}.CreateProjectMetadata"
    metadata: Json = {"@type": kind, "createTime": call.stamp, "gettable": True, "ready": True}
    args = {"number": number, "old": old}
    name = f"operations/cp.{digits(call.rng, 19)}"
    work = Work(name, "cloudresourcemanager.created", args, metadata, f"{OLD_PACKAGE if old else PACKAGE}.Project")
    answer = operations.rendered(operations.start(call, work))
    return {"name": answer["name"]} if old else answer


def _created(ending: Ending) -> None:
    key = f"project/{ending.args['number']}"
    row = ending.state.get(key)
    if row is None:
        return
    if ending.failed:
        row["state"] = "DELETE_REQUESTED"
    row.pop("pending", None)
    ending.state.put(key, row)
    ending.response = _v1(row) if ending.args["old"] else _v3(row)


def _get(call: Call) -> Answer:
    return _shown(call, _project(call, "get"))


def _list(call: Call) -> Answer:
    """v3 lists the children of one parent; `showDeleted` adds those that wait for their deletion."""
    parent = call.query("parent")
    if not parent:
        raise invalid("parent must be set.", ("parent", "parent must be set."))
    if hierarchy.container(call.state, parent) is None or parent.startswith("projects/"):
        raise denied(call, "list", parent)
    rows = hierarchy.children(call.state, parent, "projects", generic.start_of(call))
    return _page(call, ((key, row) for key, row in rows if row["state"] == "ACTIVE" or call.flag("showDeleted")))


def _page(call: Call, rows: Iterable[tuple[str, Json]]) -> Json:
    found, token = generic.page(call, rows, default=100 if call.api.version == "v3" else 500)
    shown = [_shown(call, row) for row in found]
    return ({"projects": shown} if shown else {}) | ({"nextPageToken": token} if token else {})


def _search(call: Call) -> Answer:
    """v3 search and v1 list: everything visible that the query says yes to."""
    if call.api.version == "v1" and not call.query("filter"):
        wanted = predicate("", _QUERIES)
    else:
        wanted = predicate(call.query("query") or call.query("filter"), _QUERIES)
    rows = call.state.scan("project/", generic.start_of(call))
    return _page(call, ((key, row) for key, row in rows if not row.get("pending") and wanted(_facts(row))))


def _facts(row: Json) -> Json:
    """What a query may name: v1's words and v3's at once. `parent:folders/1`, `parent.type:folder parent.id:1`."""
    kind, _, number = row["parent"].partition("/")
    return {
        "id": row["projectId"], "projectId": row["projectId"], "projectNumber": row["number"], "state": row["state"],
        "lifecycleState": row["state"], "parent": row["parent"], "displayName": row["displayName"],
        "name": [row["displayName"], f"projects/{row['number']}"], "labels": row["labels"],
        "createTime": row["createTime"], "parentType": kind.removesuffix("s"), "parentId": number,
    }  # fmt: skip


# --- change ----------------------------------------------------------------------------------------------------


def _patch(call: Call) -> Answer:
    row = _project(call, "update")
    if row["state"] != "ACTIVE":
        raise failed_precondition("Cannot update an inactive project.")
    sent = call.body.get("etag")
    if sent and sent != row["etag"]:
        raise GoogleError(409, "The etag does not match the current state of the project.", "ABORTED", "aborted")
    mask = call.query("updateMask") or ",".join(name for name in ("displayName", "labels") if name in call.body)
    for path in mask.replace("display_name", "displayName").split(","):
        if path.partition(".")[0] not in ("displayName", "labels", "", "*"):
            raise invalid("Request contains an invalid argument.", ("update_mask", f"{path} cannot be changed"))
    changed = masked(row, call.body, mask)
    row |= {"displayName": changed.get("displayName", ""), "labels": changed.get("labels") or {}}
    _check_facts("" if row["displayName"] == row["projectId"] else row["displayName"], row["labels"])
    _save(call, row)
    return _ended(call, row, "UpdateProjectMetadata")


def _put(call: Call) -> Answer:
    """v1: name, labels, and the parent, which moves the project."""
    row = _project(call, "update")
    if row["state"] != "ACTIVE":
        raise failed_precondition("Cannot update an inactive project.")
    row |= {"displayName": call.body.get("name") or "", "labels": call.body.get("labels") or {}}
    _check_facts(row["displayName"], row["labels"])
    parent = written_parent(call.body.get("parent"))
    if parent and parent != row["parent"]:
        _reparent(call, row, parent_of(call, parent, "move"))
    _save(call, row)
    return _v1(row)


def _reparent(call: Call, row: Json, parent: str) -> None:
    call.state.delete(f"child/{row['parent']}/projects/{row['number']}")
    row["parent"] = parent
    call.state.put(f"child/{parent}/projects/{row['number']}", {})


def _move(call: Call) -> Answer:
    row = _project(call, "move")
    parent = parent_of(call, call.body.get("destinationParent"), "move")
    if not parent:
        raise invalid("Request contains an invalid argument.", ("destination_parent", "required"))
    if row["state"] != "ACTIVE":
        raise failed_precondition("Cannot move an inactive project.")
    _reparent(call, row, parent)
    _save(call, row)
    return _ended(call, row, "MoveProjectMetadata")


def _ended(call: Call, row: Json, metadata: str) -> Json:
    if call.api.version == "v1":
        return {}
    work = Work(
        f"operations/up.{digits(call.rng, 19)}", "", metadata={"@type": f"{PACKAGE}.{metadata}"},
        response_type=f"{PACKAGE}.Project",
    )  # fmt: skip
    return operations.rendered(operations.finished(call, work, _v3(row)))


def _delete(call: Call) -> Answer:
    row = _project(call, "delete")
    if row["state"] != "ACTIVE":
        raise failed_precondition("Cannot delete an inactive project.")
    liens.refuse_while_held(call.state, row["number"])
    row |= {"state": "DELETE_REQUESTED", "deleteTime": call.stamp}
    _save(call, row)
    number = {"number": row["number"]}
    operations.later(call, _purge_key(row), GRACE_SECONDS, "cloudresourcemanager.project_purged", number)
    return _ended(call, row, "DeleteProjectMetadata")


def _purge_key(row: Json) -> str:
    return f"cloudresourcemanager.purge/projects/{row['number']}"


def _purged(ending: Ending) -> None:
    """The project is gone for everybody; its id stays taken for ever (the row under `projectid/` stays)."""
    number = ending.args["number"]
    row = ending.state.get(f"project/{number}")
    if row and row["state"] == "DELETE_REQUESTED":
        ending.state.delete(f"project/{number}")
        ending.state.delete(f"child/{row['parent']}/projects/{number}")
        ending.state.delete(f"iam/cloudresourcemanager/projects/{number}")
        ending.state.delete(f"cloudbilling.projects/{number}")


def _undelete(call: Call) -> Answer:
    row = _project(call, "undelete")
    if row["state"] != "DELETE_REQUESTED":
        raise failed_precondition("Cannot undelete an active project.")
    parent = hierarchy.container(call.state, row["parent"]) if row["parent"] else None
    if row["parent"] and (parent is None or parent["state"] != "ACTIVE"):
        raise failed_precondition("The parent of the project is not active.")
    row |= {"state": "ACTIVE", "deleteTime": ""}
    _save(call, row)
    call.state.delete(_purge_key(row))
    return _ended(call, row, "UndeleteProjectMetadata")


_BASE = "cloudresourcemanager.projects."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}search": _search, f"{_BASE}patch": _patch,
    f"{_BASE}update": _put, f"{_BASE}delete": _delete, f"{_BASE}undelete": _undelete, f"{_BASE}move": _move,
    f"{_BASE}list": lambda call: _search(call) if call.api.version == "v1" else _list(call),
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {
    "cloudresourcemanager.created": _created, "cloudresourcemanager.project_purged": _purged,
}  # fmt: skip
