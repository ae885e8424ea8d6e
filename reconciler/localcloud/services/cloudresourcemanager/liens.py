"""Liens: what keeps a project from being deleted (https://cloud.google.com/resource-manager/docs/project-liens)."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudresourcemanager import hierarchy
from reconciler.localcloud.services.cloudresourcemanager.hierarchy import denied
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, hexadecimal

_RESTRICTION = "resourcemanager.projects.delete"


def refuse_while_held(state: State, number: str) -> None:
    """GoogleError 400 for the deletion of a project with a lien."""
    for _, row in state.scan(f"cloudresourcemanager.liens/liens/p{number}-"):
        origin = row["origin"]
        kind = "type.googleapis.com/google.rpc.PreconditionFailure"
        said = f"A lien to prevent deletion was placed on the project by [{origin}]. Remove the lien to allow deletion."
        held = {"type": "LIEN", "subject": row["name"], "description": said}
        raise GoogleError(
            400, said, "FAILED_PRECONDITION", "failedPrecondition", [{"@type": kind, "violations": [held]}]
        )


def _project(call: Call, name: str) -> Json:
    row = hierarchy.project(call.state, name) if name.startswith("projects/") else None
    if row is None:
        raise denied(call, "updateLiens", name)
    return row


def _create(call: Call) -> Answer:
    body = call.body
    if not body.get("restrictions") or set(body["restrictions"]) != {_RESTRICTION}:
        raise invalid("Request contains an invalid argument.", ("lien.restrictions", f"must be [{_RESTRICTION}]"))
    for name in ("reason", "origin"):
        if not 0 < len(body.get(name) or "") <= 200:
            raise invalid("Request contains an invalid argument.", (f"lien.{name}", "must have 1 to 200 characters"))
    number = _project(call, str(body.get("parent") or ""))["number"]
    row: Json = {
        **body, "name": f"liens/p{number}-l{hexadecimal(call.rng, 16)}", "parent": f"projects/{number}",
        "createTime": call.stamp,
    }  # fmt: skip
    call.state.put(f"cloudresourcemanager.liens/{row['name']}", row)
    return row


def _list(call: Call) -> Answer:
    number = _project(call, call.query("parent"))["number"]
    found, token = generic.page(
        call, call.state.scan(f"cloudresourcemanager.liens/liens/p{number}-", generic.start_of(call))
    )
    return ({"liens": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _get(call: Call) -> Answer:
    row = call.state.get(f"cloudresourcemanager.liens/{call.subject}")
    if row is None:
        raise not_found()
    return row


def _delete(call: Call) -> Answer:
    _get(call)
    call.state.delete(f"cloudresourcemanager.liens/{call.subject}")
    return {}


_BASE = "cloudresourcemanager.liens."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}list": _list, f"{_BASE}get": _get, f"{_BASE}delete": _delete,
}  # fmt: skip
