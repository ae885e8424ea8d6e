"""Logs-based metrics, with the descriptor that Logging fills in (samples and discovery document)."""

from __future__ import annotations

import re

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services.logging.names import absent, checked_filter, nanoseconds, taken, without_zero
from reconciler.localcloud.values import Json

_NAME = re.compile(r"(?!/)[A-Za-z0-9_\-.,+!*',()%/]{1,100}")


def _own(call: Call) -> str:
    return call.subject.split("/metrics/", 1)[1]


def _key(call: Call, parent: str, own: str) -> str:
    # A name may hold slashes, escaped in a path; so it does not go through the common key.
    return f"logging.metrics/{projects.canonical(call.state, parent)}/metrics/{own}"


def _load(call: Call) -> tuple[str, Json]:
    path = _key(call, call.subject.split("/metrics/")[0], _own(call))
    row = call.state.get(path)
    if row is None:
        raise absent(f"Metric {_own(call)} does not exist.")
    return path, row


def _complete(call: Call, parent: str, row: Json) -> Json:
    own = row["name"]
    if not _NAME.fullmatch(own):
        raise invalid(f"Invalid metric name: {own}", ("metric.name", "invalid"))
    if not row.get("filter"):
        raise invalid("A metric must have a filter.", ("metric.filter", "required"))
    checked_filter(row["filter"])
    declared = row.get("metricDescriptor") or {}
    shown = projects.with_id(call.state, parent)
    descriptor: Json = {
        "metricKind": "DELTA", "valueType": "INT64", "unit": "1",
        **{name: value for name, value in declared.items() if name not in ("metadata", "launchStage")},
        "name": f"{shown}/metricDescriptors/logging.googleapis.com/user/{own}",
        "type": f"logging.googleapis.com/user/{own}", "description": row.get("description", ""),
    }  # fmt: skip
    labels = descriptor.get("labels") or []
    # A label is text unless it says otherwise, and then does not say so (samples).
    descriptor["labels"] = [
        {name: value for name, value in label.items() if (name, value) != ("valueType", "STRING")} for label in labels
    ]
    keys = {label.get("key") for label in labels}
    if keys != set(row.get("labelExtractors") or {}):
        raise invalid("Each label of the metric descriptor must have an extractor.", ("metric.label_extractors", "bad"))
    if descriptor["valueType"] == "DISTRIBUTION" and not row.get("valueExtractor"):
        raise invalid("A distribution metric must have a value extractor.", ("metric.value_extractor", "required"))
    row["metricDescriptor"] = without_zero(descriptor)
    row["resourceName"] = f"{shown}/metrics/{own}"
    return without_zero(row)


def _create(call: Call) -> Answer:
    own, stamp = call.body.get("name", ""), nanoseconds(call)
    path = _key(call, call.subject, own)
    if call.state.get(path) is not None:
        raise taken(f"Metric {own} already exists.")
    row = _complete(call, call.subject, {**call.body, "createTime": stamp, "updateTime": stamp, "name": own})
    call.state.put(path, row)
    return row


def _get(call: Call) -> Answer:
    return _load(call)[1]


def _update(call: Call) -> Answer:
    """Replaces; makes the metric when there is none (discovery document)."""
    parent, own, stamp = call.subject.split("/metrics/")[0], _own(call), nanoseconds(call)
    path = _key(call, parent, own)
    stored = call.state.get(path) or {"createTime": stamp}
    if call.body.get("name", own) != own:
        raise invalid("The name of a metric cannot be changed.", ("metric.name", "immutable"))
    wish = {**call.body, "name": own, "createTime": stored["createTime"], "updateTime": stamp}
    if "metricDescriptor" not in wish and "metricDescriptor" in stored:
        wish["metricDescriptor"] = stored["metricDescriptor"]
        wish.setdefault("labelExtractors", stored.get("labelExtractors", {}))
    row = _complete(call, parent, wish)
    call.state.put(path, row)
    return row


def _delete(call: Call) -> Answer:
    call.state.delete(_load(call)[0])
    return {}


_M = "logging.projects.metrics."
METHODS = {f"{_M}create": _create, f"{_M}get": _get, f"{_M}update": _update, f"{_M}delete": _delete}
