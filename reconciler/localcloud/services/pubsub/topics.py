"""Topics: made as asked, with nothing filled in (recording); a deleted one leaves `_deleted-topic_` behind."""

from __future__ import annotations

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.pubsub.names import (
    bad_argument,
    changed,
    load,
    new_name,
    save,
)
from reconciler.localcloud.values import Json

DELETED = "_deleted-topic_"
_FIXED = frozenset({"name", "kmsKeyName"})


def _create(call: Call) -> Answer:
    name = new_name(call, "topics")
    return save(call, _complete(call, {**call.body, "name": name}))


def _complete(call: Call, topic: Json) -> Json:
    """Checks what is declared; the state is told only for a topic that takes in from elsewhere."""
    kept = topic.get("messageRetentionDuration")
    if kept and not 600 <= float(kept.removesuffix("s")) <= 31 * 86400:  # discovery document: 10 minutes to 31 days
        raise bad_argument("message_retention_duration")
    schema = (topic.get("schemaSettings") or {}).get("schema")
    if schema:
        load(call, schema)
    for name in ("labels", "messageTransforms"):
        if name in topic and not topic[name]:
            del topic[name]
    if topic.get("ingestionDataSourceSettings"):
        topic["state"] = "ACTIVE"
    elif "state" in topic:
        del topic["state"]
    if "allowedPersistenceRegions" in topic.get("messageStoragePolicy", {}):
        regions = topic["messageStoragePolicy"]["allowedPersistenceRegions"]
        if not regions:
            raise invalid("The message storage policy must allow at least one region.")
        topic["messageStoragePolicy"]["allowedPersistenceRegions"] = sorted(set(regions))
    return topic


def _patch(call: Call) -> Answer:
    return save(call, _complete(call, changed(call, "topic", _FIXED)))


def _delete(call: Call) -> Answer:
    topic = load(call, call.subject)
    call.state.delete(generic.key_of(call, topic["name"]))
    call.state.delete(policies.key_of(call, topic["name"]))
    prefix = attached_prefix(call, topic["name"])
    for key, _ in list(call.state.scan(prefix)):
        owner = f"pubsub.subscriptions/{key.removeprefix(prefix)}"
        row = call.state.get(owner)
        if row is not None:
            call.state.put(owner, {**row, "topic": DELETED})
        call.state.delete(key)
    for key, _ in list(call.state.scan(f"pubsub.log/{projects.canonical(call.state, topic['name'])}/")):
        call.state.delete(key)
    return {}


def attached_prefix(call: Call, topic: str) -> str:
    """Keys below it name the topic's subscriptions: `<prefix>projects/<number>/subscriptions/<id>`."""
    return f"pubsub.attached/{projects.canonical(call.state, topic)}/"


def _names(call: Call, prefix: str) -> Answer:
    found, token = generic.page(call, _named(call, prefix))
    field = "snapshots" if ".snapshots." in call.method.id else "subscriptions"
    names = [row["name"] for row in found]
    return ({field: names} if names else {}) | ({"nextPageToken": token} if token else {})


def _named(call: Call, prefix: str) -> list[tuple[str, Json]]:
    rows = call.state.scan(prefix, generic.start_of(call))
    return [(key, {"name": projects.with_id(call.state, key.removeprefix(prefix))}) for key, _ in rows]


def _subscriptions(call: Call) -> Answer:
    return _names(call, attached_prefix(call, load(call, call.subject)["name"]))


def _snapshots(call: Call) -> Answer:
    return _names(call, f"pubsub.snapped/{projects.canonical(call.state, load(call, call.subject)['name'])}/")


_T = "pubsub.projects.topics."
METHODS = {
    f"{_T}create": _create, f"{_T}patch": _patch, f"{_T}delete": _delete,
    f"{_T}subscriptions.list": _subscriptions, f"{_T}snapshots.list": _snapshots,
}  # fmt: skip
