"""Resource Manager v1 and v3: organisations, folders, projects and their IAM policies.

Project ids are global and never reusable. A project that does not exist answers 403, as the real API does
(recordings). Deleting only marks; undelete brings back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, failed_precondition, forbidden, invalid
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic, resource_folders
from reconciler.localcloud.services.resource_folders import parent_of
from reconciler.localcloud.values import Json, digits, etag_like

_PACKAGE = "type.googleapis.com/google.cloud.resourcemanager.v3"
_OLD_PACKAGE = "type.googleapis.com/google.cloudresourcemanager.v1"
# https://cloud.google.com/resource-manager/docs/creating-managing-projects: 6 to 30, a letter first, no hyphen last.
_PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")


def _v3(row: Json) -> Json:
    fields = ("parent", "projectId", "state", "displayName", "createTime", "updateTime", "deleteTime", "etag", "labels")
    return {"name": f"projects/{row['number']}", **{name: row[name] for name in fields if row.get(name)}}


def _v1(row: Json) -> Json:
    kind, _, number = row["parent"].partition("/")
    result = {
        "projectNumber": row["number"], "projectId": row["projectId"], "lifecycleState": row["state"],
        "name": row.get("displayName", ""), "createTime": row["createTime"], "labels": row.get("labels"),
        "parent": {"type": kind.removesuffix("s"), "id": number} if number else None,
    }  # fmt: skip
    return {name: value for name, value in result.items() if value}


def _shown(call: Call, row: Json) -> Json:
    return _v1(row) if call.api.version == "v1" else _v3(row)


def _project(call: Call) -> Json:
    name = call.params.get("projectId") or call.subject.removeprefix("projects/")
    row = projects.find(call.state, name)
    if row is None or row.get("pending"):
        raise forbidden()
    return row


def _save(call: Call, row: Json) -> None:
    row["updateTime"], row["etag"] = call.stamp, f'W/"{etag_like(call.rng)}"'
    call.state.put(f"project/{row['number']}", row)


def _create(call: Call) -> Answer:
    body, old = call.body, call.api.version == "v1"
    wanted = body.get("projectId", "")
    if not _PROJECT_ID.fullmatch(wanted):
        raise invalid(
            "field [project_id] has issue [project_id contains invalid characters]"
            if wanted
            else "field [project_id] has issue [project_id must be at least 6 characters long]",
            ("project_id", "invalid project id"),
        )
    if call.state.get(f"projectid/{wanted}") is not None:
        raise exists("Requested entity already exists")
    number = digits(call.rng, 12)
    row: Json = {
        "number": number, "projectId": wanted, "parent": parent_of(call, body.get("parent")), "state": "ACTIVE",
        "displayName": body.get("name", "") if old else body.get("displayName", wanted),
        "labels": body.get("labels", {}),
        "createTime": call.stamp, "pending": True,
    }  # fmt: skip
    _save(call, row)
    call.state.put(f"projectid/{wanted}", {"number": number})
    if row["parent"]:
        call.state.put(f"child/{row['parent']}/projects/{number}", {})
    owner: Json = {"bindings": [{"role": "roles/owner", "members": ["user:user@example.com"]}]}
    policies.write(call, f"projects/{wanted}", owner)
    metadata: Json = {
        "@type": f"{_PACKAGE}.CreateProjectMetadata",
        "createTime": call.stamp,
        "gettable": True,
        "ready": True,
    }
    if old:
        metadata = {
            "@type": f"{_OLD_PACKAGE}.ProjectCreationStatus",
            "createTime": call.stamp,
            "gettable": True,
            "ready": True,
        }
    kind = f"{_OLD_PACKAGE}.Project" if old else f"{_PACKAGE}.Project"
    work = Work(
        f"operations/cp.{digits(call.rng, 19)}",
        "cloudresourcemanager.created",
        {"number": number, "old": old},
        metadata,
        kind,
    )
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
    return _shown(call, _project(call))


def _children(call: Call, parent: str, kind: str) -> Iterator[tuple[str, Json]]:
    start = generic.start_of(call)
    for key, _ in call.state.scan(f"child/{parent}/{kind}/", start):
        row = call.state.get(f"project/{key.rsplit('/', 1)[1]}")
        if row and not row.get("pending"):
            yield key, row


def _list(call: Call) -> Answer:
    """v3 lists the children of one parent; `showDeleted` adds those that wait for their deletion."""
    if not call.query("parent"):
        raise invalid("parent must be set.", ("parent", "parent must be set."))
    rows = _children(call, call.query("parent"), "projects")
    shown = ((key, row) for key, row in rows if row["state"] == "ACTIVE" or call.flag("showDeleted"))
    found, token = generic.page(call, shown)
    return _page([_v3(row) for row in found], token)


def _page(found: list[Json], token: str) -> Json:
    return ({"projects": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _search(call: Call) -> Answer:
    """v3 search and v1 list: everything visible, filtered by `key:value` and `key=value` terms."""
    terms = re.findall(r"([\w.]+)\s*[:=]\s*\"?([^\s\"]+)\"?", call.query("query") or call.query("filter"))
    start = generic.start_of(call)
    rows = (
        (key, row) for key, row in call.state.scan("project/", start) if not row.get("pending") and _matches(row, terms)
    )
    found, token = generic.page(call, rows)
    return _page([_shown(call, row) for row in found], token)


def _matches(row: Json, terms: list[tuple[str, str]]) -> bool:
    kind, _, number = row["parent"].partition("/")
    facts = {
        "id": row["projectId"], "projectid": row["projectId"], "projectId": row["projectId"], "state": row["state"],
        "lifecycleState": row["state"], "parent": row["parent"], "parent.id": number,
        "parent.type": kind.removesuffix("s"),
        "displayName": row["displayName"], "name": row["displayName"], "projectNumber": row["number"],
        **{f"labels.{key}": value for key, value in row["labels"].items()},
    }  # fmt: skip
    for key, wanted in terms:
        value = facts.get(key)
        if value is None or (value != wanted and not (wanted.endswith("*") and value.startswith(wanted[:-1]))):
            return False
    return True


def _patch(call: Call) -> Answer:
    row = _project(call)
    if row["state"] != "ACTIVE":
        raise failed_precondition("The project is not active.")
    sent = call.body.get("etag")
    if sent and sent != row["etag"]:
        raise invalid("The etag does not match the current state of the project.")
    mask = call.query("updateMask") or ",".join(name for name in ("displayName", "labels") if name in call.body)
    changed = masked(row, call.body, mask)
    row |= {"displayName": changed.get("displayName", ""), "labels": changed.get("labels", {})}
    _save(call, row)
    return _v1_or_operation(call, row, "UpdateProjectMetadata")


def _put(call: Call) -> Answer:
    row = _project(call)
    row |= {"displayName": call.body.get("name", ""), "labels": call.body.get("labels", {})}
    _save(call, row)
    return _v1(row)


def _v1_or_operation(call: Call, row: Json, metadata: str) -> Json:
    if call.api.version == "v1":
        return {}
    work = Work(
        f"operations/up.{digits(call.rng, 19)}",
        "",
        metadata={"@type": f"{_PACKAGE}.{metadata}"},
        response_type=f"{_PACKAGE}.Project",
    )
    return operations.rendered(operations.finished(call, work, _v3(row)))


def _delete(call: Call) -> Answer:
    row = _project(call)
    if row["state"] != "ACTIVE":
        raise failed_precondition("Project is already scheduled for deletion.")
    row |= {"state": "DELETE_REQUESTED", "deleteTime": call.stamp}
    _save(call, row)
    return _v1_or_operation(call, row, "DeleteProjectMetadata")


def _undelete(call: Call) -> Answer:
    row = _project(call)
    if row["state"] != "DELETE_REQUESTED":
        raise failed_precondition("Project is not scheduled for deletion.")
    row |= {"state": "ACTIVE", "deleteTime": ""}
    _save(call, row)
    return _v1_or_operation(call, row, "UndeleteProjectMetadata")


def _move(call: Call) -> Answer:
    row = _project(call)
    call.state.delete(f"child/{row['parent']}/projects/{row['number']}")
    row["parent"] = parent_of(call, call.body.get("destinationParent"))
    call.state.put(f"child/{row['parent']}/projects/{row['number']}", {})
    _save(call, row)
    return _v1_or_operation(call, row, "MoveProjectMetadata")


def _resource(call: Call) -> str:
    if "projects" in call.method.id:
        return f"projects/{_project(call)['number']}"
    return call.subject if "/" in call.subject else f"{call.method.id.split('.')[1]}/{call.subject}"


def _get_policy(call: Call) -> Answer:
    return policies.read(call, _resource(call))


def _set_policy(call: Call) -> Answer:
    return policies.write(call, _resource(call), call.body.get("policy", {}))


def _operation(call: Call) -> Answer:
    return operations.rendered(operations.find(call, call.subject))


_ID = "cloudresourcemanager.projects."
METHODS: dict[str, Behaviour] = {
    f"{_ID}create": _create, f"{_ID}get": _get, f"{_ID}list": _list, f"{_ID}search": _search, f"{_ID}patch": _patch,
    f"{_ID}update": _put, f"{_ID}delete": _delete, f"{_ID}undelete": _undelete, f"{_ID}move": _move,
    f"{_ID}getIamPolicy": _get_policy, f"{_ID}setIamPolicy": _set_policy,
    "cloudresourcemanager.operations.get": _operation, **resource_folders.METHODS,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"cloudresourcemanager.created": _created}
