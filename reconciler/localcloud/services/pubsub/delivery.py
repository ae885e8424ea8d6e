"""Messages on their way: publish, pull, acknowledge, extend, seek; at least once, in virtual time.

A message stands once per subscription under `pubsub.message/<subscription>/<sequence>`, with the time until which it
is leased. Nothing is pushed: the core has no network, so a push subscription only keeps its backlog.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call, Moment
from reconciler.localcloud.errors import failed_precondition, invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.pubsub.names import bad_argument, load
from reconciler.localcloud.services.pubsub.schemas import conforms
from reconciler.localcloud.values import Json, milliseconds, seconds_of

_MOST_BYTES = 10_000_000
_MOST_MESSAGES = 1000
_TERM = re.compile(
    r"^\s*(?:(?P<not>NOT\s+|-))?(?:hasPrefix\(attributes\.(?P<pkey>[\w\"-]+),\s*\"(?P<prefix>[^\"]*)\"\)"
    r"|attributes\.(?P<key>[\w\"-]+)\s*(?P<op>!?=)\s*\"(?P<value>[^\"]*)\"|attributes:(?P<has>[\w\"-]+))\s*$"
)


def _prefix(call: Call, subscription: str) -> str:
    return f"pubsub.message/{projects.canonical(call.state, subscription)}/"


def forget(call: Call, subscription: str) -> None:
    for key, _ in list(call.state.scan(_prefix(call, subscription))):
        call.state.delete(key)


# --- publishing ------------------------------------------------------------------------------------------------


def _publish(call: Call) -> Answer:
    topic = load(call, call.subject)
    messages = call.body.get("messages") or []
    if not messages:
        raise invalid("The value for message_count is too small. You passed 0 in the request, but the minimum is 1.")
    if len(messages) > _MOST_MESSAGES:
        raise invalid(
            f"The value for message_count is too large. You passed {len(messages)} in the request, "
            f"but the maximum is {_MOST_MESSAGES}."
        )
    for message in messages:
        _judge(call, topic, message)
    return {"messageIds": [place(call, topic, message) for message in messages]}


def _judge(call: Call, topic: Json, message: Json) -> None:
    try:
        content = base64.b64decode(message.get("data", "").replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(
            f"Invalid value at 'messages[0].data' (TYPE_BYTES), Base64 decoding failed for \"{message['data']}\""
        ) from error
    if len(content) > _MOST_BYTES:
        raise bad_argument("message")
    if not content and not message.get("attributes"):
        raise invalid("One or more messages in the publish request is empty. Each message must contain either "
                      "non-empty data, or at least one attribute.")  # fmt: skip
    settings = topic.get("schemaSettings")
    if settings:
        conforms(call, settings["schema"], content, settings.get("encoding", "JSON"))


def place(moment: Moment, topic: Json, message: Json) -> str:
    """Put a message into every attached subscription that wants it; returns its id."""
    counter = moment.state.get("pubsub.counter/messages") or {"last": 0}
    counter["last"] = max(counter["last"] + 1, int(moment.now * 1000))
    moment.state.put("pubsub.counter/messages", counter)
    sequence, own = f"{counter['last']:020d}", str(counter["last"])
    told = {key: value for key, value in message.items() if key in ("data", "attributes", "orderingKey") and value}
    told |= {"messageId": own, "publishTime": milliseconds(moment.now)}
    row: Json = {"message": told, "available": moment.now, "attempts": 0, "acked": False, "leased": 0.0}
    attached = f"pubsub.attached/{projects.canonical(moment.state, topic['name'])}/"
    for key, _ in list(moment.state.scan(attached)):
        owner = moment.state.get(f"pubsub.subscriptions/{key.removeprefix(attached)}")
        if owner is not None and wanted(owner.get("filter", ""), told.get("attributes", {})):
            moment.state.put(f"pubsub.message/{key.removeprefix(attached)}/{sequence}", row)
    return own


def wanted(expression: str, attributes: Json) -> bool:
    """Whether the attributes pass a subscription's filter (`attributes.k = "v"`, `attributes:k`, hasPrefix, AND, OR).

    Rules: https://cloud.google.com/pubsub/docs/subscription-message-filter. What cannot be read lets all through.
    """
    if not expression:
        return True
    if re.search(r"\)?\s+OR\s+", expression):
        return any(wanted(part, attributes) for part in re.split(r"\s+OR\s+", expression.strip("() ")))
    return all(_term(part, attributes) for part in re.split(r"\s+AND\s+", expression.strip()))


def _term(text: str, attributes: Json) -> bool:
    found = _TERM.match(text)
    if not found:
        return True
    if found["has"]:
        holds = found["has"].strip('"') in attributes
    elif found["pkey"]:
        holds = str(attributes.get(found["pkey"].strip('"'), "")).startswith(found["prefix"])
    else:
        # A comparison with `!=` also holds for a message that lacks the attribute.
        holds = (attributes.get(found["key"].strip('"')) == found["value"]) == (found["op"] == "=")
    return holds != bool(found["not"])


# --- receiving -------------------------------------------------------------------------------------------------


def _backlog(call: Call, owner: Json) -> Iterator[tuple[str, Json]]:
    """Unacknowledged messages in order; those older than the retention are dropped on the way."""
    oldest = call.now - float(owner["messageRetentionDuration"].removesuffix("s"))
    for key, row in call.state.scan(_prefix(call, owner["name"])):
        if seconds_of(row["message"]["publishTime"]) < oldest:
            call.state.delete(key)
        elif not row["acked"]:
            yield key, row


def _pull(call: Call) -> Answer:
    owner = load(call, call.subject)
    most = call.body.get("maxMessages") or 0
    if most <= 0:
        raise bad_argument("max_messages")
    if owner.get("detached") or owner["pushConfig"] or owner.get("bigqueryConfig") or owner.get("cloudStorageConfig"):
        raise failed_precondition("This method is not supported for this subscription type.")
    received: list[Json] = []
    busy: set[str] = set()
    for key, row in _backlog(call, owner):
        order = row["message"].get("orderingKey", "") if owner.get("enableMessageOrdering") else ""
        if row["available"] > call.now:
            busy.add(order)
        elif not (order and order in busy):
            given = _give(call, owner, key, row)
            received += [given] if given else []
        if len(received) == min(most, _MOST_MESSAGES):
            break
    return {"receivedMessages": received} if received else {}


def _give(call: Call, owner: Json, key: str, row: Json) -> Json | None:
    dead = owner.get("deadLetterPolicy")
    row["attempts"] += 1
    if dead and row["attempts"] > dead["maxDeliveryAttempts"]:
        target = call.state.get(generic.key_of(call, dead["deadLetterTopic"]))
        call.state.delete(key)
        if target is not None:
            place(call, target, row["message"])
        return None
    row["available"] = row["leased"] = call.now + owner["ackDeadlineSeconds"]
    call.state.put(key, row)
    own = base64.urlsafe_b64encode(f"{key}#{row['attempts']}".encode()).decode()
    return {"ackId": own, "message": row["message"]} | ({"deliveryAttempt": row["attempts"]} if dead else {})


def _acked(call: Call, owner: Json) -> Iterator[tuple[str, Json]]:
    """The messages that the request's ack ids stand for, as far as they are still leased under them."""
    ids = call.body.get("ackIds") or []
    if not ids:
        raise bad_argument("ack_ids")
    for own in ids:
        try:
            key, _, attempt = base64.urlsafe_b64decode(own.encode()).decode().rpartition("#")
        except (binascii.Error, ValueError) as error:
            raise invalid(f"You have passed an invalid ack ID to the service (ack_id={own}).") from error
        if not key.startswith("pubsub.message/") or not attempt.isdigit():
            raise invalid(f"You have passed an invalid ack ID to the service (ack_id={own}).")
        if not key.startswith(_prefix(call, owner["name"])):
            name = owner["name"]
            raise invalid(f"You have passed a subscription that does not belong to the given ack ID (resource={name}).")
        row = call.state.get(key)
        if row is not None and not row["acked"] and row["attempts"] == int(attempt):
            yield key, row


def _acknowledge(call: Call) -> Answer:
    owner = load(call, call.subject)
    keeps = owner.get("retainAckedMessages") or owner.get("topicMessageRetentionDuration")
    for key, row in list(_acked(call, owner)):
        if keeps:
            call.state.put(key, {**row, "acked": True})
        else:
            call.state.delete(key)
    return {}


def _extend(call: Call) -> Answer:
    owner = load(call, call.subject)
    more = call.body.get("ackDeadlineSeconds", 0)
    if not 0 <= more <= 600:
        raise bad_argument("ack_deadline_seconds")
    for key, row in list(_acked(call, owner)):
        call.state.put(key, {**row, "available": call.now + (more or _pause(owner, row["attempts"]))})
    return {}


def _pause(owner: Json, attempts: int) -> float:
    """How long a refused message waits: at once without a retry policy, else doubling between its bounds."""
    policy = owner.get("retryPolicy")
    if not policy:
        return 0.0
    least, most = (float(policy[name].removesuffix("s")) for name in ("minimumBackoff", "maximumBackoff"))
    return float(min(least * 2 ** min(attempts - 1, 30), most))


# --- seeking ---------------------------------------------------------------------------------------------------


def _seek(call: Call) -> Answer:
    owner = load(call, call.subject)
    if call.body.get("snapshot"):
        snapshot = load(call, call.body["snapshot"])
        if snapshot["topic"] != owner["topic"]:
            raise failed_precondition("The snapshot and the subscription belong to different topics.")
        kept = f"pubsub.snapmessage/{projects.canonical(call.state, snapshot['name'])}/"
        since, saved = call.state.get(f"{kept}since") or {"last": 0}, {}
        for key, row in call.state.scan(f"{kept}message/"):
            saved[key.rsplit("/", 1)[1]] = row
        for sequence, row in saved.items():
            call.state.put(_prefix(call, owner["name"]) + sequence, {**row, "available": call.now, "acked": False})
        for key, row in list(call.state.scan(_prefix(call, owner["name"]))):
            sequence = key.rsplit("/", 1)[1]
            open_again = sequence in saved or int(sequence) > since["last"]
            call.state.put(key, {**row, "acked": not open_again, "available": call.now, "attempts": 0})
        return {}
    if not call.body.get("time"):
        raise invalid("Either a time or a snapshot must be given.")
    when = seconds_of(call.body["time"])
    for key, row in list(call.state.scan(_prefix(call, owner["name"]))):
        before = seconds_of(row["message"]["publishTime"]) < when
        call.state.put(key, {**row, "acked": before, "available": call.now, "attempts": 0})
    return {}


def snapped(call: Call, owner: Json, snapshot: str) -> float:
    """Keep what is unacknowledged now for `snapshot`; returns the age of the oldest message in seconds."""
    kept = f"pubsub.snapmessage/{projects.canonical(call.state, snapshot)}/"
    counter = call.state.get("pubsub.counter/messages") or {"last": 0}
    call.state.put(f"{kept}since", counter)
    age = 0.0
    for key, row in list(_backlog(call, owner)):
        call.state.put(f"{kept}message/{key.rsplit('/', 1)[1]}", {**row, "attempts": 0})
        age = max(age, call.now - seconds_of(row["message"]["publishTime"]))
    return age


_S = "pubsub.projects.subscriptions."
METHODS = {
    "pubsub.projects.topics.publish": _publish, f"{_S}pull": _pull, f"{_S}acknowledge": _acknowledge,
    f"{_S}modifyAckDeadline": _extend, f"{_S}seek": _seek,
}  # fmt: skip
