"""Workflows v1: revisions and the keys a workflow was encrypted with (recordings); the rest is generic."""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, hexadecimal

_BASE = "workflows.projects.locations.workflows."
# https://cloud.google.com/workflows/quotas: 128 KB of source.
_LARGEST = 128 * 1024
# What starts a new revision (proto: "a new revision … whenever source_contents, service_account … change").
_REVISED = ("sourceContents", "serviceAccount", "cryptoKeyName")


def _account(call: Call, given: str) -> str:
    """An account as Workflows tells it: the whole name, the default one where none was given."""
    row = projects.find(call.state, projects.of(generic.path_of(call))) or {}
    email = given.rsplit("/", 1)[-1] or f"{row.get('number')}-compute@developer.gserviceaccount.com"
    return f"projects/{row.get('projectId')}/serviceAccounts/{email}"


def _number(call: Call, before: Json | None) -> str:
    last = int(str((before or {}).get("revisionId", "000000-0")).split("-")[0])
    return f"{last + 1:06d}-{hexadecimal(call.rng, 3)}"


def _keys(key: str, before: Json | None) -> Json:
    """All keys that some revision used, and the version that is used now (the first; nobody rotates it here)."""
    if not key:
        return {name: before[name] for name in ("allKmsKeys", "allKmsKeysVersions") if before and name in before}
    old, version = before or {}, f"{key}/cryptoKeyVersions/1"
    return {
        "allKmsKeys": list(dict.fromkeys([*old.get("allKmsKeys", []), key])), "cryptoKeyVersion": version,
        "allKmsKeysVersions": list(dict.fromkeys([*old.get("allKmsKeysVersions", []), version])),
    }  # fmt: skip


def _check(call: Call) -> None:
    if len(str(call.body.get("sourceContents", "")).encode()) > _LARGEST:
        raise invalid("source_contents exceeds the limit of 128 KB.", ("source_contents", "too large"))


def _create(call: Call) -> Answer:
    _check(call)
    call.body |= {
        "serviceAccount": _account(call, str(call.body.get("serviceAccount", ""))),
        "revisionId": _number(call, None), "revisionCreateTime": call.stamp,
        **_keys(str(call.body.get("cryptoKeyName", "")), None),
    }  # fmt: skip
    return generic.create(call)


def _patch(call: Call) -> Answer:
    _check(call)
    before = generic.load(call, call.subject)
    if call.body.get("serviceAccount"):
        call.body["serviceAccount"] = _account(call, str(call.body["serviceAccount"]))
    answer = generic.update(call)
    row = generic.load(call, call.subject)
    if any(row.get(name) != before.get(name) for name in _REVISED):
        row |= {"revisionId": _number(call, before), "revisionCreateTime": call.stamp}
        row |= _keys(str(row.get("cryptoKeyName", "")), before)
        call.state.put(generic.key_of(call, call.subject), row)
    return answer


METHODS = {f"{_BASE}create": _create, f"{_BASE}patch": _patch}
