"""Subscriptions: Google's defaults, what may be combined, and the odd ways in which they are shown.

Defaults (10 s, 7 days, 31 days, ACTIVE, an empty pushConfig) are from the discovery document, the recordings and
the samples. A create or a patch shows `pushConfig.attributes`, a get does not (recording).
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition, invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.pubsub import delivery, topics
from reconciler.localcloud.services.pubsub.names import (
    absent,
    bad_argument,
    bad_name,
    changed,
    checked_name,
    load,
    new_name,
    save,
)
from reconciler.localcloud.values import Json

_FIXED = frozenset({"name", "topic", "filter", "enableMessageOrdering", "detached", "state"})
_DAY = 86400
# Fields of proto type bool, int or string that proto JSON leaves out when they hold their zero.
_ZERO: tuple[object, ...] = (False, 0, "", [], {})
_VERSION = {"x-goog-version": "v1"}


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s") or 0)


def _create(call: Call) -> Answer:
    name = new_name(call, "subscriptions")
    topic = call.body.get("topic", "")
    if topic.count("/") != 3:
        raise bad_name("topic", topic)
    declared = load(call, checked_name("topic", topic, "topics"))
    row = _complete(call, {**call.body, "name": name, "state": "ACTIVE"})
    if declared.get("messageRetentionDuration"):
        row["topicMessageRetentionDuration"] = declared["messageRetentionDuration"]
    save(call, row)
    call.state.put(topics.attached_prefix(call, topic) + projects.canonical(call.state, name), {})
    return _shown_after_write(row, written=bool(row["pushConfig"]))


def _complete(call: Call, row: Json) -> Json:
    row["ackDeadlineSeconds"] = row.get("ackDeadlineSeconds") or 10
    if not 10 <= row["ackDeadlineSeconds"] <= 600:
        raise bad_argument("ack_deadline_seconds")
    row["messageRetentionDuration"] = row.get("messageRetentionDuration") or f"{7 * _DAY}s"
    # The maximum is 31 days today; 7 days before 2024 (https://cloud.google.com/pubsub/quotas).
    if not 600 <= seconds(row["messageRetentionDuration"]) <= 31 * _DAY:
        raise bad_argument("message_retention_duration")
    # An empty policy (`{}`) means: never expires.
    row["expirationPolicy"] = row["expirationPolicy"] if "expirationPolicy" in row else {"ttl": f"{31 * _DAY}s"}
    ttl = (row["expirationPolicy"] or {}).get("ttl")
    if ttl and seconds(ttl) < _DAY:
        raise invalid("The expiration policy's TTL must be at least one day.")
    push = dict(row.get("pushConfig") or {})
    row["pushConfig"] = {key: _without_zero(value) for key, value in push.items()} if push.get("pushEndpoint") else {}
    kinds = [name for name in ("bigqueryConfig", "cloudStorageConfig") if row.get(name)]
    if len(kinds) + bool(row["pushConfig"]) > 1:
        raise invalid("A subscription can have only one of push_config, bigquery_config and cloud_storage_config.")
    for name in kinds:
        row[name] = {**row[name], "state": "ACTIVE"}
    _stored_in_a_bucket(row)
    _policies(call, row)
    for name in ("labels", "retainAckedMessages", "enableMessageOrdering", "enableExactlyOnceDelivery", "filter"):
        if name in row and row[name] in _ZERO:
            del row[name]
    return row


def _without_zero(value: object) -> object:
    return {key: inner for key, inner in value.items() if inner not in _ZERO} if isinstance(value, dict) else value


def _stored_in_a_bucket(row: Json) -> None:
    """Text unless Avro is asked for; the ack deadline grows to the longest time that a file is open (recording)."""
    config = row.get("cloudStorageConfig")
    if not config:
        return
    if "avroConfig" not in config:
        config.setdefault("textConfig", {})
    config.setdefault("maxDuration", "300s")
    row["ackDeadlineSeconds"] = max(row["ackDeadlineSeconds"], int(seconds(config["maxDuration"])))


def _policies(call: Call, row: Json) -> None:
    dead = row.get("deadLetterPolicy")
    if dead:
        load(call, checked_name("dead_letter_topic", dead.get("deadLetterTopic", ""), "topics"))
        dead["maxDeliveryAttempts"] = dead.get("maxDeliveryAttempts") or 5
        if not 5 <= dead["maxDeliveryAttempts"] <= 100:
            raise bad_argument("max_delivery_attempts")
    elif "deadLetterPolicy" in row:
        del row["deadLetterPolicy"]
    retry = row.get("retryPolicy")
    if retry is not None:
        row["retryPolicy"] = {"minimumBackoff": "10s", "maximumBackoff": "600s", **retry}
        least, most = (seconds(row["retryPolicy"][name]) for name in ("minimumBackoff", "maximumBackoff"))
        if not 0 <= least <= most <= 600:
            raise bad_argument("retry_policy")


def _shown_after_write(row: Json, *, written: bool) -> Json:
    if not written:
        return row
    push = row["pushConfig"]
    return {**row, "pushConfig": {**push, "attributes": {**push.get("attributes", {}), **_VERSION}}}


def shown(row: Json) -> Json:
    return {**row, "pushConfig": {key: value for key, value in row["pushConfig"].items() if key != "attributes"}}


def _get(call: Call) -> Answer:
    return shown(load(call, call.subject))


def _list(call: Call) -> Answer:
    rows: Iterable[tuple[str, Json]] = generic.scan(call, call.subject, "subscriptions")
    found, token = generic.page(call, rows)
    return ({"subscriptions": [shown(row) for row in found]} if found else {}) | (
        {"nextPageToken": token} if token else {}
    )


def _patch(call: Call) -> Answer:
    row = _complete(call, changed(call, "subscription", _FIXED))
    return _shown_after_write(save(call, row), written=True)


def _push(call: Call) -> Answer:
    row = load(call, call.subject)
    save(call, _complete(call, {**row, "pushConfig": call.body.get("pushConfig") or {}}))
    return {}


def _detach(call: Call) -> Answer:
    row = load(call, call.subject)
    if row.get("detached"):
        raise failed_precondition("The subscription is already detached.")
    call.state.delete(topics.attached_prefix(call, row["topic"]) + projects.canonical(call.state, row["name"]))
    delivery.forget(call, row["name"])
    save(call, {**row, "detached": True})
    return {}


def _delete(call: Call) -> Answer:
    row = call.state.get(generic.key_of(call, call.subject))
    if row is None:
        raise absent(call.subject)
    call.state.delete(generic.key_of(call, row["name"]))
    call.state.delete(policies.key_of(call, row["name"]))
    if row["topic"] != topics.DELETED:
        call.state.delete(topics.attached_prefix(call, row["topic"]) + projects.canonical(call.state, row["name"]))
    delivery.forget(call, row["name"])
    return {}


_S = "pubsub.projects.subscriptions."
METHODS = {
    f"{_S}create": _create, f"{_S}get": _get, f"{_S}list": _list, f"{_S}patch": _patch, f"{_S}delete": _delete,
    f"{_S}modifyPushConfig": _push, f"{_S}detach": _detach,
}  # fmt: skip
