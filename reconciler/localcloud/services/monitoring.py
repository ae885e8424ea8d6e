"""Cloud Monitoring: alert policies, channels, uptime checks, groups and time series (v3), dashboards (v1).

Alert policies and dashboards are recorded; the rest follows the discovery documents. Nothing is measured and no alert
fires: a time series holds the points that somebody wrote.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import exists, invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, digits, seconds_of, uuid_like

_P = "monitoring.projects."
_TYPE = re.compile(r'metric\.type\s*=\s*"([^"]+)"')
_LABEL = re.compile(r'(metric|resource)\.labels?\.(\w+)\s*=\s*"([^"]*)"')


def _record(call: Call) -> Json:
    return {"mutateTime": call.stamp, "mutatedBy": "user@example.com"}


def _numbered(complete: Callable[[Call, Json], Json]) -> Callable[[Call], Answer]:
    """create of a collection whose ids are numbers that the server makes."""

    def create(call: Call) -> Answer:
        parent = projects.with_id(call.state, generic.path_of(call))
        row = complete(call, {**call.body, "name": f"{parent}/{digits(call.rng, 19)}"})
        call.state.put(generic.key_of(call, row["name"]), row)
        return row

    return create


def _policy(call: Call, row: Json) -> Json:
    if not row.get("conditions"):
        raise invalid("Field alert_policy.conditions had an invalid value: At least one condition must be specified.")
    row["conditions"] = [
        {**condition, "name": condition.get("name") or f"{row['name']}/conditions/{digits(call.rng, 19)}"}
        for condition in row["conditions"]
    ]
    row.setdefault("enabled", True)
    row.setdefault("creationRecord", _record(call))
    row["mutationRecord"] = _record(call)
    return row


def _channel(call: Call, row: Json) -> Json:
    if not row.get("type"):
        raise invalid("Field notification_channel.type had an invalid value: The type must be specified.")
    row.setdefault("enabled", True)
    row.setdefault("creationRecord", _record(call))
    row["mutationRecords"] = [*row.get("mutationRecords", []), _record(call)]
    return row


def _group(_: Call, row: Json) -> Json:
    if not row.get("displayName") or not row.get("filter"):
        raise invalid("Field group had an invalid value: display_name and filter must be set.")
    return row


def _patched(complete: Callable[[Call, Json], Json]) -> Callable[[Call], Answer]:
    """patch that keeps what the server made; without a mask the body replaces the resource (v3 documentation)."""

    def patch(call: Call) -> Answer:
        stored = generic.load(call, call.subject)
        mask = call.query("updateMask")
        changed = masked(stored, call.body, mask, generic.resource_schema(call)["properties"]) if mask else call.body
        kept: Json = {name: stored[name] for name in ("creationRecord", "mutationRecords") if name in stored}
        row = complete(call, {**changed, **kept, "name": stored["name"]})
        call.state.put(generic.key_of(call, call.subject), row)
        return row

    return patch


def _uptime(call: Call) -> Answer:
    name = str(call.body.get("displayName", ""))
    if not name:
        raise invalid("Field uptime_check_config.display_name had an invalid value: must not be empty.")
    own = f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{uuid_like(call.rng)[:11]}"
    path = projects.with_id(call.state, f"{generic.path_of(call)}/{own}")
    row: Json = {"period": "60s", "timeout": "10s", "checkerType": "STATIC_IP_CHECKERS", **call.body, "name": path}
    if isinstance(row.get("httpCheck"), dict):
        check = {"requestMethod": "GET", "path": "/", **row["httpCheck"]}
        check.setdefault("port", 443 if check.get("useSsl") else 80)
        codes = [{"statusClass": "STATUS_CLASS_2XX"}]
        row["httpCheck"] = {"acceptedResponseStatusCodes": codes, **check}
    call.state.put(generic.key_of(call, path), row)
    return row


# --- metrics -----------------------------------------------------------------------------------------------------


def _descriptor(call: Call) -> Answer:
    kind = str(call.body.get("type", ""))
    if not kind:
        raise invalid("Field metric_descriptor.type had an invalid value: must not be empty.")
    path = projects.with_id(call.state, f"{generic.path_of(call)}/{kind}")
    row = {"metricKind": "GAUGE", "valueType": "DOUBLE", **call.body, "name": path}
    call.state.put(_descriptor_key(call, kind), row)
    return row


def _descriptor_key(call: Call, kind: str) -> str:
    """A metric's type has slashes: it is one name all the same."""
    project = projects.canonical(call.state, "/".join(call.subject.split("/")[:2]))
    return f"monitoring.metricDescriptors/{project}/metricDescriptors/{kind}"


def _named_descriptor(call: Call) -> tuple[str, Json]:
    kind = call.subject.partition("/metricDescriptors/")[2]
    key = _descriptor_key(call, kind)
    row = call.state.get(key)
    if row is None:
        raise not_found(f"Could not find descriptor for metric '{kind}'.")
    return key, row


def _get_descriptor(call: Call) -> Answer:
    return _named_descriptor(call)[1]


def _delete_descriptor(call: Call) -> Answer:
    call.state.delete(_named_descriptor(call)[0])
    return {}


def _series_key(call: Call, series: Json) -> str:
    said = orjson.dumps([series.get("metric"), series.get("resource")], option=orjson.OPT_SORT_KEYS)
    project = projects.canonical(call.state, "/".join(call.subject.split("/")[:2]))
    kind = str((series.get("metric") or {}).get("type", ""))
    return f"monitoring.timeSeries/{project}/{kind}/{hashlib.sha256(said).hexdigest()[:24]}"


def _end(point: Json) -> float:
    try:
        return seconds_of(str((point.get("interval") or {}).get("endTime", "")))
    except ValueError as error:
        raise invalid("Field timeSeries.points.interval had an invalid value: the end time is missing.") from error


def _write(call: Call) -> Answer:
    """Points must be newer than those before (https://cloud.google.com/monitoring/custom-metrics/creating-metrics)."""
    for index, series in enumerate(call.body.get("timeSeries", [])):
        points = series.get("points") or []
        if len(points) != 1:
            where = f"timeSeries[{index}].points"
            raise invalid(f"Field {where} had an invalid value: must have exactly one point.", (where, "one point"))
        key = _series_key(call, series)
        stored = call.state.get(key) or {**series, "points": []}
        if stored["points"] and _end(points[0]) <= _end(stored["points"][0]):
            where = f"timeSeries[{index}]"
            raise invalid(
                f"One or more TimeSeries could not be written: {where}: Points must be written in order. One or more "
                "of the points specified had an older start time than the most recent point."
            )
        _end(points[0])
        call.state.put(key, {**stored, "points": [*points, *stored["points"]][:1000]})
    return {}


def _read(call: Call) -> Answer:
    wanted = _TYPE.search(call.query("filter"))
    if wanted is None:
        raise invalid('Field filter had an invalid value of "": must specify a metric type.', ("filter", "required"))
    try:
        until = seconds_of(call.query("interval.endTime"))
        since = seconds_of(call.query("interval.startTime")) if call.query("interval.startTime") else until
    except ValueError as error:
        raise invalid("Field interval.end_time had an invalid value: must be specified.") from error
    project = projects.canonical(call.state, "/".join(call.subject.split("/")[:2]))
    found: list[Json] = []
    for _, series in call.state.scan(f"monitoring.timeSeries/{project}/{wanted[1]}/"):
        if not all(_label(series, *term) for term in _LABEL.findall(call.query("filter"))):
            continue
        points = [point for point in series["points"] if since <= _end(point) <= until]
        if points:
            found.append({**series, "points": points})
    return {"timeSeries": found} if found else {}


def _label(series: Json, part: str, name: str, value: str) -> bool:
    return bool(((series.get(part) or {}).get("labels") or {}).get(name) == value)


# --- dashboards --------------------------------------------------------------------------------------------------


def _widgets(value: Any) -> Any:
    """A dashboard with the defaults of its text widgets (recordings)."""
    if isinstance(value, list):
        return [_widgets(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {key: _widgets(inner) for key, inner in value.items()}
    if isinstance(found.get("text"), dict):
        found["text"] = {"format": "MARKDOWN", "style": {}, **found["text"]}
    return found


def _create_dashboard(call: Call) -> Answer:
    own = str(call.body.get("name") or uuid_like(call.rng)).rsplit("/", 1)[-1]
    path = f"{generic.path_of(call)}/{own}"
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists("Requested entity already exists")
    if not call.body.get("displayName"):
        raise invalid("Field display_name must be set.", ("dashboard.display_name", "required"))
    call.body = _widgets({**call.body, "name": own})
    return generic.create(call)


def _patch_dashboard(call: Call) -> Answer:
    stored = generic.load(call, call.subject)
    generic.check_etag(call, stored)
    row = {**_widgets(call.body), "name": stored["name"], "etag": generic.fresh_etag(call)}
    if not call.flag("validateOnly"):
        call.state.put(generic.key_of(call, call.subject), row)
    return row


METHODS: dict[str, Callable[[Call], Answer]] = {
    f"{_P}alertPolicies.create": _numbered(_policy), f"{_P}alertPolicies.patch": _patched(_policy),
    f"{_P}notificationChannels.create": _numbered(_channel), f"{_P}notificationChannels.patch": _patched(_channel),
    f"{_P}groups.create": _numbered(_group), f"{_P}groups.update": _patched(_group),
    f"{_P}uptimeCheckConfigs.create": _uptime, f"{_P}metricDescriptors.create": _descriptor,
    f"{_P}metricDescriptors.get": _get_descriptor, f"{_P}metricDescriptors.delete": _delete_descriptor,
    f"{_P}timeSeries.create": _write, f"{_P}timeSeries.list": _read, f"{_P}dashboards.create": _create_dashboard,
    f"{_P}dashboards.patch": _patch_dashboard,
}  # fmt: skip
