"""Sinks and exclusions. Every parent has `_Required` and `_Default`, which nobody made (samples)."""

from __future__ import annotations

from dataclasses import replace

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call, Moment
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.logging.names import (
    PARENTS,
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
    writer,
)
from reconciler.localcloud.values import Json

_REQUIRED = (
    "cloudaudit.googleapis.com/activity", "externalaudit.googleapis.com/activity",
    "cloudaudit.googleapis.com/system_event", "externalaudit.googleapis.com/system_event",
    "cloudaudit.googleapis.com/access_transparency", "externalaudit.googleapis.com/access_transparency",
)  # fmt: skip
_DESTINATIONS = (
    "storage.googleapis.com/", "bigquery.googleapis.com/", "pubsub.googleapis.com/", "logging.googleapis.com/",
)  # fmt: skip
_OLD_WRITER = "serviceAccount:cloud-logs@system.gserviceaccount.com"
# Without a mask an update takes these (discovery document).
_OLD_MASK = "destination,filter,includeChildren"


def default(moment: Moment, parent: str, own: str) -> Json | None:
    """`_Required` or `_Default` as they are before anybody changed them."""
    if own not in ("_Required", "_Default"):
        return None
    filters = {
        "_Required": " OR ".join(f'LOG_ID("{name}")' for name in _REQUIRED),
        "_Default": " AND ".join(f'NOT LOG_ID("{name}")' for name in _REQUIRED),
    }
    shown = projects.with_id(moment.state, parent)
    return {
        "name": own, "destination": f"logging.googleapis.com/{shown}/locations/global/buckets/{own}",
        "filter": filters[own], "resourceName": f"{shown}/sinks/{own}",
    }  # fmt: skip


def _load(call: Call, path: str) -> Json:
    row = call.state.get(key(call, path)) or default(call, path.rsplit("/", 2)[0], own_of(path))
    if row is None or row.get("deleted"):
        raise absent(f"Sink {own_of(path)} does not exist")
    return row


def all_of(moment: Moment, parent: str) -> list[Json]:
    """The sinks of a parent, the built-in ones last (samples)."""
    made = {
        row["name"]: row
        for _, row in moment.state.scan(f"logging.sinks/{projects.canonical(moment.state, parent)}/sinks/")
    }
    for own in ("_Required", "_Default"):
        row = made.pop(own, None) or default(moment, parent, own)
        if row and not row.get("deleted"):
            made[own] = row
    return list(made.values())


def _checked(call: Call, parent: str, sink: Json) -> Json:
    where = str(sink.get("destination", ""))
    if not where.startswith(_DESTINATIONS):
        raise invalid(f"The sink destination '{where}' is not valid.", ("sink.destination", "invalid"))
    checked_filter(sink.get("filter"))
    for exclusion in sink.get("exclusions") or []:
        checked_id("Exclusion", exclusion.get("name", ""))
        checked_filter(exclusion.get("filter"))
    own = f"logging.googleapis.com/{projects.with_id(call.state, parent)}/locations/"
    if where.startswith(own):
        sink.pop("writerIdentity", None)  # a log bucket of the same parent needs no writer
    elif call.query("customWriterIdentity"):
        sink["writerIdentity"] = call.query("customWriterIdentity")
    elif call.flag("uniqueWriterIdentity") or not parent.startswith("projects/"):
        sink["writerIdentity"] = f"serviceAccount:{writer(call, parent)}"
    else:
        sink.setdefault("writerIdentity", _OLD_WRITER)
    return without_zero(sink)


def _create(call: Call) -> Answer:
    parent = call.subject
    own = checked_id("Sink", call.body.get("name", ""))
    path = f"{parent}/sinks/{own}"
    if call.state.get(key(call, path)) is not None or default(call, parent, own):
        raise taken(f"Sink {own} already exists")
    stamp = nanoseconds(call)
    shown = f"{projects.with_id(call.state, parent)}/sinks/{own}"
    row = _checked(call, parent, {**call.body, "name": own, "createTime": stamp, "updateTime": stamp})
    row["resourceName"] = shown
    call.state.put(key(call, path), row)
    return row


def _get(call: Call) -> Answer:
    return _load(call, call.subject)


def _list(call: Call) -> Answer:
    found, token = generic.page(call, after(call, [(row["name"], row) for row in all_of(call, call.subject)]))
    return {"sinks": found} | ({"nextPageToken": token} if token else {})


def after(call: Call, rows: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """The rows behind the one that the page token names."""
    start = generic.start_of(call)
    return rows[next((index + 1 for index, (name, _) in enumerate(rows) if name == start), 0) :]


def _update(call: Call) -> Answer:
    stored = _load(call, call.subject)
    if stored["name"] == "_Required":
        raise invalid("The _Required sink cannot be modified.")
    known = call.api.schema("LogSink")["properties"]
    if not call.query("updateMask"):
        query = {**call.request.query, "updateMask": [_OLD_MASK]}
        call.request = replace(call.request, query=query)
    row = changed(call, stored, known, frozenset({"name", "createTime", "updateTime"}))
    if call.body.get("name", stored["name"]) != stored["name"]:
        raise invalid("The name of a sink cannot be changed.", ("sink.name", "immutable"))
    row["updateTime"] = nanoseconds(call)
    row = _checked(call, call.subject.rsplit("/", 2)[0], row)
    call.state.put(key(call, call.subject), row)
    return row


def _delete(call: Call) -> Answer:
    row = _load(call, call.subject)
    if row["name"] == "_Required":
        raise invalid("The _Required sink cannot be deleted.")
    if row["name"] == "_Default":
        call.state.put(key(call, call.subject), {**row, "deleted": True})
    else:
        call.state.delete(key(call, call.subject))
    return {}


# --- exclusions ------------------------------------------------------------------------------------------------


def _exclusion(call: Call) -> Json:
    row = call.state.get(key(call, call.subject))
    if row is None:
        raise absent(f"Exclusion {projects.with_id(call.state, call.subject)} does not exist")
    return row


def _create_exclusion(call: Call) -> Answer:
    own = checked_id("Exclusion", call.body.get("name", ""))
    path = f"{call.subject}/exclusions/{own}"
    if call.state.get(key(call, path)) is not None:
        raise taken(f"Exclusion {own} already exists")
    if not call.body.get("filter"):
        raise invalid("An exclusion must have a filter.", ("exclusion.filter", "required"))
    checked_filter(call.body["filter"])
    stamp = nanoseconds(call)
    row = without_zero({**call.body, "name": own, "createTime": stamp, "updateTime": stamp})
    call.state.put(key(call, path), row)
    return row


def _get_exclusion(call: Call) -> Answer:
    return _exclusion(call)


def _update_exclusion(call: Call) -> Answer:
    row = changed(call, _exclusion(call), call.api.schema("LogExclusion")["properties"], frozenset({"name"}))
    checked_filter(row.get("filter"))
    row = without_zero({**row, "updateTime": nanoseconds(call)})
    call.state.put(key(call, call.subject), row)
    return row


def _delete_exclusion(call: Call) -> Answer:
    _exclusion(call)
    call.state.delete(key(call, call.subject))
    return {}


_SINKS = {"create": _create, "get": _get, "list": _list, "update": _update, "delete": _delete}
_EXCLUSIONS = {
    "create": _create_exclusion, "get": _get_exclusion, "patch": _update_exclusion, "delete": _delete_exclusion,
}  # fmt: skip
METHODS = {
    **everywhere("sinks", _SINKS), **everywhere("exclusions", _EXCLUSIONS),
    # The oldest method ids, without a parent in them, have no patch.
    **{f"logging.{parent}sinks.patch": _update for parent in PARENTS if parent},
}  # fmt: skip
