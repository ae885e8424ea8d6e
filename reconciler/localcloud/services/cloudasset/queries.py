"""Saved queries: as any resource, with who changed them last and when (recordings)."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json

_USER = "user:user@example.com"


def _kept(call: Call, row: Json, path: str, **more: str) -> Json:
    row = {**row, **more, "lastUpdateTime": call.stamp, "lastUpdater": _USER}
    call.state.put(generic.key_of(call, path), row)
    return _shown(row)


def _shown(row: Json) -> Json:
    """Who wrote it is kept, and told to nobody: the real API leaves it out for callers like ours (recordings)."""
    return {name: value for name, value in row.items() if name not in ("creator", "lastUpdater")}


def _create(call: Call) -> Answer:
    if not call.query("savedQueryId"):
        raise invalid("Request contains an invalid argument.", ("saved_query_id", "required"))
    made = generic.create(call)
    path = f"{generic.path_of(call)}/{call.query('savedQueryId')}"
    return _kept(call, made if isinstance(made, dict) else {}, path, creator=_USER)


def _patch(call: Call) -> Answer:
    changed = generic.update(call)
    return _kept(call, changed if isinstance(changed, dict) else {}, generic.path_of(call))


METHODS: dict[str, Behaviour] = {
    "cloudasset.savedQueries.create": _create, "cloudasset.savedQueries.patch": _patch,
}  # fmt: skip
