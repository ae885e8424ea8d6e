"""Log buckets and their views. `_Default` and `_Required` exist in every parent; a deleted bucket waits seven days."""

from __future__ import annotations

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call, Moment
from reconciler.localcloud.errors import failed_precondition, invalid
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic, lro
from reconciler.localcloud.services.logging.names import (
    absent,
    changed,
    checked_filter,
    checked_id,
    everywhere,
    key,
    nanoseconds,
    own_of,
    taken,
    without_zero,
)
from reconciler.localcloud.services.logging.sinks import after
from reconciler.localcloud.values import Json, seconds_of, timestamp

_GRACE = 7 * 86_400
_BUILT_IN = {
    "_Default": {"description": "Default bucket", "retentionDays": 30, "lifecycleState": "ACTIVE"},
    "_Required": {"description": "Audit bucket", "retentionDays": 400, "lifecycleState": "ACTIVE", "locked": True},
}
_DATA_ACCESS = (
    'NOT LOG_ID("cloudaudit.googleapis.com/data_access") AND NOT LOG_ID("externalaudit.googleapis.com/data_access")'
)


def _built_in(moment: Moment, path: str) -> Json | None:
    row = _BUILT_IN.get(own_of(path))
    if row is None or "/locations/global/" not in path:
        return None
    return {"name": projects.with_id(moment.state, path), **row}


def find(moment: Moment, path: str) -> Json | None:
    row = moment.state.get(key(moment, path)) or _built_in(moment, path)
    if row and row["lifecycleState"] == "DELETE_REQUESTED" and seconds_of(row["goesAt"]) <= moment.now:
        return None
    return row


def load(call: Call, path: str) -> Json:
    row = find(call, path)
    if row is None:
        place = path.rsplit("/locations/", maxsplit=1)[-1].split("/", maxsplit=1)[0]
        raise absent(f"Bucket `{own_of(path)}` in location `{place}` does not exist")
    return row


def _shown(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "goesAt"}


def _checked(row: Json) -> Json:
    row["retentionDays"] = row.get("retentionDays") or 30
    if not 1 <= row["retentionDays"] <= 3650:
        raise invalid("The retention period must be between 1 and 3650 days.", ("bucket.retention_days", "invalid"))
    return without_zero(row)


def _made(call: Call, state: str) -> Json:
    own = checked_id("Bucket", call.query("bucketId") or call.body.get("bucketId", ""))
    path = f"{call.subject}/buckets/{own}"
    if find(call, path) is not None:
        raise taken(f"Bucket `{own}` already exists")
    stamp = nanoseconds(call)
    row = {**call.body, "name": projects.with_id(call.state, path), "createTime": stamp, "updateTime": stamp}
    row = _checked({**row, "lifecycleState": state})
    call.state.put(key(call, path), row)
    return row


def _create(call: Call) -> Answer:
    return _made(call, "ACTIVE")


def _create_later(call: Call) -> Answer:
    row = _made(call, "CREATING")
    return lro.started(call, row["name"], "logging.bucket_ready", {"key": key(call, row["name"])})


def _ready(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is not None:
        row |= {**ending.args.get("change", {}), "lifecycleState": "ACTIVE"}
        ending.state.put(ending.args["key"], row)
        ending.response = _shown(row)


def _get(call: Call) -> Answer:
    return _shown(load(call, call.subject))


def _list(call: Call) -> Answer:
    """The buckets of a location, or of all (`-`); the built-in ones stand in `global`."""
    made = {row["name"]: row for _, row in generic.scan_all(call, call.subject, "buckets")}
    parent, _, place = call.subject.rpartition("/")
    if place in ("-", "global"):
        for own in _BUILT_IN:
            row = _built_in(call, f"{parent}/global/buckets/{own}")
            if row:
                made.setdefault(row["name"], row)
    rows = [(name, _shown(row)) for name, row in sorted(made.items()) if find(call, name) is not None]
    found, token = generic.page(call, after(call, rows))
    return {"buckets": found} | ({"nextPageToken": token} if token else {})


def _changed(call: Call) -> Json:
    stored = load(call, call.subject)
    if stored["lifecycleState"] == "DELETE_REQUESTED":
        raise failed_precondition(f"Bucket `{own_of(call.subject)}` is marked for deletion.")
    row = changed(call, stored, call.api.schema("LogBucket")["properties"], frozenset({"name"}))
    if stored.get("locked") and row.get("retentionDays") != stored["retentionDays"]:
        raise invalid("The retention period of a locked bucket cannot be changed.", ("bucket.retention_days", "locked"))
    if stored.get("analyticsEnabled") and not row.get("analyticsEnabled"):
        raise invalid("Log Analytics cannot be disabled once it is enabled.", ("bucket.analytics_enabled", "invalid"))
    return _checked({**row, "updateTime": nanoseconds(call)})


def _patch(call: Call) -> Answer:
    row = _changed(call)
    call.state.put(key(call, call.subject), row)
    return _shown(row)


def _patch_later(call: Call) -> Answer:
    row = _changed(call)
    path = key(call, call.subject)
    call.state.put(path, {**load(call, call.subject), "lifecycleState": "UPDATING"})
    return lro.started(call, row["name"], "logging.bucket_ready", {"key": path, "change": row})


def _delete(call: Call) -> Answer:
    row = load(call, call.subject)
    own = own_of(call.subject)
    if own in _BUILT_IN:
        raise invalid(f"Bucket `{own}` cannot be deleted.")
    if row["lifecycleState"] == "DELETE_REQUESTED":
        raise failed_precondition(f"Bucket `{own}` is marked for deletion.")
    gone = {"lifecycleState": "DELETE_REQUESTED", "goesAt": timestamp(call.now + _GRACE)}
    call.state.put(key(call, call.subject), {**row, **gone})
    return {}


def _undelete(call: Call) -> Answer:
    row = load(call, call.subject)
    if row["lifecycleState"] != "DELETE_REQUESTED":
        raise failed_precondition(f"Bucket `{own_of(call.subject)}` is not marked for deletion.")
    call.state.put(key(call, call.subject), {**_shown(row), "lifecycleState": "ACTIVE"})
    return {}


# --- views -----------------------------------------------------------------------------------------------------


def view(call: Call, path: str) -> Json:
    """A view that was made, or one of the two that a bucket comes with. GoogleError 404."""
    bucket, _, own = path.rpartition("/views/")
    load(call, bucket)
    row = call.state.get(key(call, path))
    shown = projects.with_id(call.state, path)
    if row is None and own == "_AllLogs":
        row = {"name": shown, "description": "All logs in the bucket"}
    if row is None and own == "_Default" and own_of(bucket) == "_Default":
        row = {"name": shown, "description": "All logs except data access logs", "filter": _DATA_ACCESS}
    if row is None:
        raise absent(f"View {own} does not exist")
    return row


def _create_view(call: Call) -> Answer:
    load(call, call.subject)
    own = checked_id("View", call.query("viewId"))
    path = f"{call.subject}/views/{own}"
    if call.state.get(key(call, path)) is not None or own == "_AllLogs":
        raise taken(f"View {own} already exists")
    checked_filter(call.body.get("filter"))
    stamp = nanoseconds(call)
    shown = projects.with_id(call.state, path)
    row = without_zero({**call.body, "name": shown, "createTime": stamp, "updateTime": stamp})
    call.state.put(key(call, path), row)
    return row


def _get_view(call: Call) -> Answer:
    return view(call, call.subject)


def _list_views(call: Call) -> Answer:
    load(call, call.subject)
    made = {own_of(row["name"]): row for _, row in generic.scan_all(call, call.subject, "views")}
    for own in ("_AllLogs", *(["_Default"] if own_of(call.subject) == "_Default" else [])):
        made.setdefault(own, view(call, f"{call.subject}/views/{own}"))
    found, token = generic.page(call, after(call, sorted(made.items())))
    return {"views": found} | ({"nextPageToken": token} if token else {})


def _patch_view(call: Call) -> Answer:
    row = changed(call, view(call, call.subject), call.api.schema("LogView")["properties"], frozenset({"name"}))
    checked_filter(row.get("filter"))
    row = without_zero({**row, "updateTime": nanoseconds(call)})
    call.state.put(key(call, call.subject), row)
    return row


def _delete_view(call: Call) -> Answer:
    row = view(call, call.subject)
    if own_of(row["name"]) in ("_AllLogs", "_Default"):
        raise invalid(f"View {own_of(row['name'])} cannot be deleted.")
    call.state.delete(key(call, call.subject))
    call.state.delete(policies.key_of(call, call.subject))
    return {}


METHODS = {
    **everywhere(
        "locations.buckets",
        {
            "create": _create, "createAsync": _create_later, "get": _get, "list": _list, "patch": _patch,
            "updateAsync": _patch_later, "delete": _delete, "undelete": _undelete,
        },
    ),
    **everywhere(
        "locations.buckets.views",
        {"create": _create_view, "get": _get_view, "list": _list_views, "patch": _patch_view, "delete": _delete_view},
    ),
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"logging.bucket_ready": _ready}
