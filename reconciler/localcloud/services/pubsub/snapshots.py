"""Snapshots: what a subscription had not acknowledged at one moment, for at most seven days."""

from __future__ import annotations

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.pubsub import delivery, topics
from reconciler.localcloud.services.pubsub.names import absent, bad_name, changed, checked_name, load, new_name, save
from reconciler.localcloud.values import Json, seconds_of, timestamp

_WEEK = 7 * 86400


def _create(call: Call) -> Answer:
    name = new_name(call, "snapshots")
    source = call.body.get("subscription", "")
    if source.count("/") != 3:
        raise bad_name("subscription", source)
    owner = load(call, checked_name("subscription", source, "subscriptions"))
    if owner["topic"] == topics.DELETED:
        raise failed_precondition("The subscription's topic has been deleted.")
    left = _WEEK - delivery.snapped(call, owner, name)
    if left < 3600:  # discovery document: refused when it would expire in less than an hour
        raise failed_precondition("The snapshot would expire in less than one hour.")
    row: Json = {"name": name, "topic": owner["topic"], "expireTime": timestamp(call.now + left)}
    if call.body.get("labels"):
        row["labels"] = call.body["labels"]
    call.state.put(_index(call, row), {})
    return save(call, row)


def _index(call: Call, row: Json) -> str:
    topic, own = (projects.canonical(call.state, row[name]) for name in ("topic", "name"))
    return f"pubsub.snapped/{topic}/{own}"


def _get(call: Call) -> Answer:
    row = load(call, call.subject)
    if seconds_of(row["expireTime"]) < call.now:
        raise absent(call.subject)
    return row


def _patch(call: Call) -> Answer:
    return save(call, changed(call, "snapshot", frozenset({"name", "topic"})))


def _delete(call: Call) -> Answer:
    row = load(call, call.subject)
    call.state.delete(generic.key_of(call, row["name"]))
    call.state.delete(policies.key_of(call, row["name"]))
    call.state.delete(_index(call, row))
    for key, _ in list(call.state.scan(f"pubsub.snapmessage/{projects.canonical(call.state, row['name'])}/")):
        call.state.delete(key)
    return {}


_S = "pubsub.projects.snapshots."
METHODS = {f"{_S}create": _create, f"{_S}get": _get, f"{_S}patch": _patch, f"{_S}delete": _delete}
