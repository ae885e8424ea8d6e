"""Log entries: written, routed by the sinks, listed by the query language, deleted with their log.

An entry stands once under `logging.entry/<parent>/<time>/<log>/<insert id>`; it remembers the log buckets it went to.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call, Moment
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.logging import buckets, sinks
from reconciler.localcloud.services.logging.names import PARENTS, absent, everywhere, nanoseconds
from reconciler.localcloud.services.logging.query import SEVERITIES, predicate
from reconciler.localcloud.services.pubsub import delivery
from reconciler.localcloud.values import Json, seconds_of

_LOG = re.compile(r"((?:projects|organizations|folders|billingAccounts)/[^/]+)/logs/(.{1,512})", re.DOTALL)
_DAY = 86_400
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def _parent(moment: Moment, name: str) -> str:
    return projects.canonical(moment.state, name)


def _log_name(call: Call, name: str) -> tuple[str, str]:
    """(parent, whole log name with the project's id). GoogleError 400 for a bad one."""
    found = _LOG.fullmatch(name)
    if not found:
        raise invalid(f'Invalid log_name: "{name}". The log name must be in the form "projects/[PROJECT_ID]/logs/'
                      '[LOG_ID]", with the log ID URL-encoded.', ("log_name", "invalid"))  # fmt: skip
    shown = projects.with_id(call.state, found[1])
    if found[1].startswith("projects/") and projects.find(call.state, found[1].split("/")[1]) is None:
        raise invalid(f"The project {found[1]} does not exist.", ("log_name", "invalid"))
    return found[1], f"{shown}/logs/{quote(unquote(found[2]), safe='')}"


def _write(call: Call) -> Answer:
    common = {name: call.body[name] for name in ("logName", "resource") if call.body.get(name)}
    rows = []
    for entry in call.body.get("entries") or []:
        whole = {**common, **{name: value for name, value in entry.items() if value not in ("", None)}}
        labels = {**(call.body.get("labels") or {}), **(entry.get("labels") or {})}
        if not whole.get("logName"):
            raise invalid("Log entry must have a log name.", ("entries.log_name", "required"))
        parent, whole["logName"] = _log_name(call, whole["logName"])
        whole.setdefault("resource", {"type": "global"})
        if not whole["resource"].get("type"):
            raise invalid("Log entry must have a resource type.", ("entries.resource.type", "required"))
        rows.append((parent, whole | ({"labels": labels} if labels else {})))
    if not call.flag("dryRun") and not call.body.get("dryRun"):
        for parent, row in rows:
            record(call, parent, row)
    return {}


def record(moment: Moment, parent: str, entry: Json) -> None:
    """Store an entry with what Logging fills in, and send it where the sinks want it."""
    row = {**entry, "receiveTimestamp": nanoseconds(moment)}
    row.setdefault("timestamp", row["receiveTimestamp"])
    row.setdefault("insertId", "".join(moment.rng.choice(_LETTERS) for _ in range(14)))
    if SEVERITIES.get(str(row.get("severity", "DEFAULT"))) == 0:
        row.pop("severity", None)
    labels = row["resource"].get("labels") or {}
    if parent.startswith("projects/"):
        labels = {"project_id": projects.with_id(moment.state, parent).split("/")[1], **labels}
    row["resource"] = {**row["resource"], "labels": labels}
    kept = []
    for sink in sinks.all_of(moment, parent):
        if not sink.get("disabled") and _routes(sink, row):
            kept += _sent(moment, sink, row)
    if kept:
        when = seconds_of(row["timestamp"])
        place = f"{when:020.6f}/{row['logName'].partition('/logs/')[2]}/{row['insertId']}"
        moment.state.put(f"logging.entry/{_parent(moment, parent)}/{place}", {"entry": row, "buckets": kept})


def _routes(sink: Json, row: Json) -> bool:
    excluded = any(
        predicate(exclusion.get("filter", ""))(row)
        for exclusion in sink.get("exclusions") or []
        if not exclusion.get("disabled")
    )
    return not excluded and predicate(sink.get("filter", ""))(row)


def _sent(moment: Moment, sink: Json, row: Json) -> list[str]:
    """The log bucket that this sink leads to, if it is one; a topic gets a message at once."""
    host, _, path = sink["destination"].partition("/")
    if host == "logging.googleapis.com" and "/buckets/" in path:
        return [_parent(moment, path)] if buckets.find(moment, path) else []
    if host == "pubsub.googleapis.com":
        topic = moment.state.get(f"pubsub.topics/{_parent(moment, path)}")
        if topic is not None:
            attributes = {"logging.googleapis.com/timestamp": row["timestamp"]}
            data = base64.b64encode(orjson.dumps(row)).decode()
            delivery.place(moment, topic, {"data": data, "attributes": attributes})
    return []


# --- reading ---------------------------------------------------------------------------------------------------


def _resources(call: Call) -> list[str]:
    names = list(call.body.get("resourceNames") or [])
    names += [f"projects/{own}" for own in call.body.get("projectIds") or []]
    if not names:
        raise invalid("At least one resource name must be given.", ("resource_names", "required"))
    return names


def _of(call: Call, resource: str) -> Iterator[tuple[str, Json]]:
    """The entries of a parent, or those that a view shows; expired ones are left out."""
    parent = "/".join(resource.split("/")[:2])
    only, shows = "", predicate("")
    if "/views/" in resource:
        seen = buckets.view(call, resource)
        only, shows = _parent(call, resource.partition("/views/")[0]), predicate(seen.get("filter", ""))
    days: dict[str, int] = {}
    for key, row in call.state.scan(f"logging.entry/{_parent(call, parent)}/"):
        held = [only] if only in row["buckets"] else row["buckets"] if not only else []
        age = (call.now - seconds_of(row["entry"]["timestamp"])) / _DAY
        for name in held:
            if name not in days:
                days[name] = int((buckets.find(call, name) or {"retentionDays": 0})["retentionDays"])
        if any(age <= days[name] for name in held) and shows(row["entry"]):
            yield key, row["entry"]


def _list(call: Call) -> Answer:
    wanted = predicate(call.body.get("filter") or "")
    found = {key: entry for name in _resources(call) for key, entry in _of(call, name) if wanted(entry)}
    order = (call.body.get("orderBy") or "timestamp asc").split()
    if order[0] != "timestamp" or order[1:] not in ([], ["asc"], ["desc"]):
        raise invalid("The order_by must be 'timestamp asc' or 'timestamp desc'.", ("order_by", "invalid"))
    rows = sorted(found.items(), key=lambda item: item[0].rsplit("/", 3)[1:], reverse=order[1:] == ["desc"])
    page, token = generic.page(call, sinks.after(call, rows), default=50)
    return ({"entries": page} if page else {}) | ({"nextPageToken": token} if token else {})


def _logs(call: Call) -> Answer:
    parent = call.subject if "/views/" in call.subject else "/".join(call.subject.split("/")[:2])
    resources = call.request.query.get("resourceNames") or [parent]
    names = sorted({entry["logName"] for name in resources for _, entry in _of(call, name)})
    found, token = generic.page(call, sinks.after(call, [(name, {"name": name}) for name in names]), default=50)
    return ({"logNames": [row["name"] for row in found]} if found else {}) | ({"nextPageToken": token} if token else {})


def _delete(call: Call) -> Answer:
    parent, name = _log_name(call, call.subject)
    found = [
        key
        for key, row in call.state.scan(f"logging.entry/{_parent(call, parent)}/")
        if row["entry"]["logName"] == name
    ]
    if not found:
        raise absent(f"Log {name} does not exist")
    for key in found:
        call.state.delete(key)
    return {}


METHODS = {
    "logging.entries.write": _write, "logging.entries.list": _list,
    **everywhere("logs", {"list": _logs, "delete": _delete}),
    **{f"logging.{parent}locations.buckets.views.logs.list": _logs for parent in PARENTS if parent},
}  # fmt: skip
