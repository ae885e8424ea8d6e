"""Artifact Registry v1: repositories. Standard methods are generic; here are texts and server-set fields."""

from __future__ import annotations

import re

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import exists, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_FIXED = ("format", "mode", "kmsKeyName", "createTime", "name")


def _load(call: Call) -> Json:
    row = call.state.get(generic.key_of(call, call.subject))
    if row is None:
        raise not_found("Requested entity was not found.")
    return row


def _create(call: Call) -> Answer:
    own = call.query("repositoryId")
    if not _ID.fullmatch(own):
        raise invalid(f'repository id "{own}" does not match the required pattern: ^[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$')
    if not call.body.get("format"):
        raise invalid("repository.format is required", ("repository.format", "required"))
    path = projects.with_id(call.state, f"{call.subject}/repositories/{own}")
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists("the repository already exists")
    place, project = path.split("/")[3], path.split("/")[1]
    row: Json = {
        "mode": "STANDARD_REPOSITORY",
        **call.body,
        "name": path,
        "createTime": call.stamp,
        "updateTime": call.stamp,
    }
    row |= {
        "registryUri": f"{place}-{row['format'].lower()}.pkg.dev/{project}/{own}",
        "vulnerabilityScanningConfig": _scanning(call),
    }
    call.state.put(generic.key_of(call, path), row)
    return generic.started(call, path, "generic.done", {"response": row})


def _scanning(call: Call) -> Json:
    wish = call.body.get("vulnerabilityScanningConfig") or {}
    return {
        "enablementState": "SCANNING_DISABLED",
        "enablementStateReason": "API containerscanning.googleapis.com is not enabled.",
        **wish,
    }


def _get(call: Call) -> Answer:
    return _load(call)


def _patch(call: Call) -> Answer:
    before = _load(call)
    for name in ("format", "mode"):
        if name in call.body and call.body[name] != before[name]:
            raise invalid(f"repository.{name} is immutable and cannot be changed", (f"repository.{name}", "immutable"))
    generic.update(call)
    row = _load(call)
    row |= {name: before[name] for name in _FIXED if name in before}
    row["updateTime"] = call.stamp
    call.state.put(generic.key_of(call, call.subject), row)
    return row


def _get_policy(call: Call) -> Answer:
    _load(call)
    return policies.read(call, call.subject)


def _set_policy(call: Call) -> Answer:
    _load(call)
    return policies.write(call, call.subject, call.body.get("policy", {}))


_BASE = "artifactregistry.projects.locations.repositories."
METHODS = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}patch": _patch,
    f"{_BASE}getIamPolicy": _get_policy, f"{_BASE}setIamPolicy": _set_policy,
}  # fmt: skip
