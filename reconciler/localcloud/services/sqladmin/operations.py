"""The operations of a project: get, list, and cancel, which Cloud SQL has for imports and exports only."""

from __future__ import annotations

from reconciler.localcloud import operations
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.services.sqladmin.target import load, refused, shown
from reconciler.localcloud.values import Json

_CANCELLABLE = ("IMPORT", "EXPORT")


def _prefix(call: Call) -> str:
    return operations.key_of(call.state, "sqladmin", f"projects/{call.params['project']}/operations/")


def _find(call: Call) -> Json:
    row = call.state.get(_prefix(call) + call.params["operation"])
    if row is None:
        raise GoogleError(404, "The Cloud SQL instance operation does not exist.", reason="operationDoesNotExist")
    return row


def _get(call: Call) -> Answer:
    return shown(_find(call))


def _list(call: Call) -> Answer:
    wanted, token = call.query("instance"), call.query("pageToken")
    rows = [row for _, row in call.state.scan(_prefix(call)) if wanted in ("", row["extra"]["targetId"])]
    if wanted and not rows:
        call.params["instance"] = wanted
        load(call)
    rows.sort(key=lambda row: -row["started"])
    if token and not (token.isdecimal() and len(token) < 10):
        raise invalid("Invalid page token.")
    start, size = int(token or 0), max(call.whole("maxResults", 100), 0) or 100
    found = [shown(row) for row in rows[start : start + size]]
    more = {"nextPageToken": str(start + size)} if start + size < len(rows) else {}
    return {"kind": "sql#operationsList"} | ({"items": found} if found else {}) | more


def _cancel(call: Call) -> Answer:
    row = _find(call)
    kind = row["extra"]["operationType"]
    if kind not in _CANCELLABLE:
        raise refused(f"Operations of type {kind} cannot be cancelled.")
    if row["done"]:
        raise refused("The operation has already finished.")
    operations.cancel(call, row)
    return {}


METHODS: dict[str, Behaviour] = {
    "sql.operations.get": _get, "sql.operations.list": _list, "sql.operations.cancel": _cancel,
}  # fmt: skip
