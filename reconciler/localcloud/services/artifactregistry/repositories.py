"""Repositories. Texts from recordings and mocks of them; rules from the discovery document."""

from __future__ import annotations

import re

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, invalid, not_found
from reconciler.localcloud.services import generic, lro
from reconciler.localcloud.values import Json

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_FIXED = ("format", "mode", "kmsKeyName", "createTime", "name", "registryUri")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_CONFIGS = {"REMOTE_REPOSITORY": "remoteRepositoryConfig", "VIRTUAL_REPOSITORY": "virtualRepositoryConfig"}


def load(call: Call, path: str) -> Json:
    row = call.state.get(generic.key_of(call, path))
    if row is None:
        raise not_found("Requested entity was not found.")
    return row


def _check(row: Json) -> None:
    mode = row["mode"]
    for kind, config in _CONFIGS.items():
        if (mode == kind) != bool(row.get(config)):
            raise invalid("Request contains an invalid argument.", (f"repository.{config}", f"goes with mode {kind}"))
    for key, value in (row.get("labels") or {}).items():
        if not key or not _LABEL.fullmatch(key) or not _LABEL.fullmatch(str(value)):
            raise invalid("Request contains an invalid argument.", ("repository.labels", f"{key}: {value}"))
    for name, policy in (row.get("cleanupPolicies") or {}).items():
        if not policy.get("action") or bool(policy.get("condition")) == bool(policy.get("mostRecentVersions")):
            raise invalid(
                "Request contains an invalid argument.",
                (f"repository.cleanup_policies[{name}]", "an action, and a condition or most_recent_versions"),
            )
        policy.setdefault("id", name)


def _create(call: Call) -> Answer:
    own = call.query("repositoryId")
    if not _ID.fullmatch(own):
        raise invalid(f'repository id "{own}" does not match the required pattern: ^[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$')
    if call.body.get("format") in (None, "", "FORMAT_UNSPECIFIED"):
        raise invalid("repository.format is required", ("repository.format", "required"))
    path = projects.with_id(call.state, f"{call.subject}/repositories/{own}")
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists("the repository already exists")
    place, project = path.split("/")[3], path.split("/")[1]
    row: Json = {**call.body, "name": path, "createTime": call.stamp, "updateTime": call.stamp}
    if row.get("mode") in (None, "MODE_UNSPECIFIED"):
        row["mode"] = "STANDARD_REPOSITORY"
    _check(row)
    uri = f"{place}-{row['format'].lower()}.pkg.dev/{project}/{own}"
    row |= {"registryUri": uri, "satisfiesPzi": True, "vulnerabilityScanningConfig": _scanning(call, project)}
    call.state.put(generic.key_of(call, path), row)
    told = {name: value for name, value in row.items() if name not in ("createTime", "updateTime")}
    return lro.started(call, path, "generic.done", {"response": told})


def _scanning(call: Call, project: str) -> Json:
    """Scanned where the scanning API is on; it says so."""
    row = projects.find(call.state, project) or {"number": ""}
    wish = call.body.get("vulnerabilityScanningConfig") or {}
    asked = {"lastEnableTime": call.stamp, **wish}
    if projects.enabled(call.state, row["number"], "containerscanning") and wish.get("enablementConfig") != "DISABLED":
        return {**asked, "enablementState": "SCANNING_ACTIVE"}
    reason = "API containerscanning.googleapis.com is not enabled."
    return {**asked, "enablementState": "SCANNING_DISABLED", "enablementStateReason": reason}


def _get(call: Call) -> Answer:
    return load(call, call.subject)


def _patch(call: Call) -> Answer:
    before = load(call, call.subject)
    for name in ("format", "mode"):
        if call.body.get(name, before[name]) not in (before[name], f"{name.upper()}_UNSPECIFIED"):
            raise invalid(f"repository.{name} is immutable and cannot be changed", (f"repository.{name}", "immutable"))
    mask = call.query("updateMask") or ",".join(name for name in call.body if name not in ("name", *_FIXED))
    row = masked(before, call.body, mask, call.api.schema("Repository")["properties"]) if mask else dict(before)
    row |= {name: before[name] for name in _FIXED if name in before}
    _check(row)
    row["updateTime"] = call.stamp
    call.state.put(generic.key_of(call, call.subject), row)
    return row


def _delete(call: Call) -> Answer:
    load(call, call.subject)
    own = projects.canonical(call.state, call.subject)
    for collection in ("packages", "versions", "tags"):
        for key, _ in list(call.state.scan(f"artifactregistry.{collection}/{own}/")):
            call.state.delete(key)
    return generic.delete(call)


def _get_policy(call: Call) -> Answer:
    load(call, call.subject)
    return policies.read(call, call.subject)


def _set_policy(call: Call) -> Answer:
    load(call, call.subject)
    return policies.write(call, call.subject, call.body.get("policy") or {})


def _test(call: Call) -> Answer:
    load(call, call.subject)
    asked = call.body.get("permissions") or []
    return {"permissions": asked} if asked else {}


# --- settings of a project -------------------------------------------------------------------------------------


def _settings(call: Call) -> Json:
    key = f"artifactregistry.settings/{projects.canonical(call.state, call.subject)}"
    return call.state.get(key) or {
        "name": call.subject, "legacyRedirectionState": "REDIRECTION_FROM_GCR_IO_DISABLED",
    }  # fmt: skip


def _set_settings(call: Call) -> Answer:
    wish = {name: value for name, value in call.body.items() if name != "name"}
    row = (
        masked(_settings(call), wish, call.query("updateMask")) if call.query("updateMask") else _settings(call) | wish
    )
    call.state.put(f"artifactregistry.settings/{projects.canonical(call.state, call.subject)}", row)
    return row


_BASE = "artifactregistry.projects.locations.repositories."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}get": _get, f"{_BASE}patch": _patch, f"{_BASE}delete": _delete,
    f"{_BASE}getIamPolicy": _get_policy, f"{_BASE}setIamPolicy": _set_policy, f"{_BASE}testIamPermissions": _test,
    "artifactregistry.projects.getProjectSettings": _settings,
    "artifactregistry.projects.updateProjectSettings": _set_settings,
}  # fmt: skip
