"""Pub/Sub: what Google fills in, what it refuses, and that messages really travel."""

from __future__ import annotations

import base64
from typing import Any

import pytest

P = "/pubsub/v1/projects/acme-eu-001"
T, S = f"{P}/topics/news", f"{P}/subscriptions/readers"
TOPIC = "projects/acme-eu-001/topics/news"


@pytest.fixture
def topic(world: Any) -> Any:
    assert world.ask("PUT", T, {"labels": {"a": "b"}})[0] == 200
    return world


@pytest.fixture
def subscribed(topic: Any) -> Any:
    assert topic.ask("PUT", S, {"topic": TOPIC})[0] == 200
    return topic


def publish(world: Any, *texts: str, **more: Any) -> list[str]:
    messages = [{"data": base64.b64encode(text.encode()).decode(), **more} for text in texts]
    status, answer = world.ask("POST", f"{T}:publish", {"messages": messages})
    assert status == 200, answer
    ids: list[str] = answer["messageIds"]
    return ids


def pull(world: Any, most: int = 10, path: str = S) -> list[Any]:
    status, answer = world.ask("POST", f"{path}:pull", {"maxMessages": most})
    assert status == 200, answer
    received: list[Any] = answer.get("receivedMessages", [])
    return received


def texts(received: list[Any]) -> list[str]:
    return [base64.b64decode(one["message"]["data"]).decode() for one in received]


def test_a_topic_shows_only_what_was_declared(topic: Any) -> None:
    assert topic.ask("GET", T) == (200, {"labels": {"a": "b"}, "name": TOPIC})


def test_a_subscription_gets_googles_defaults(topic: Any) -> None:
    _, made = topic.ask("PUT", S, {"topic": TOPIC, "expirationPolicy": None, "deadLetterPolicy": None})
    assert made == {
        "name": "projects/acme-eu-001/subscriptions/readers", "topic": TOPIC, "ackDeadlineSeconds": 10,
        "messageRetentionDuration": "604800s", "expirationPolicy": {"ttl": "2678400s"}, "pushConfig": {},
        "state": "ACTIVE",
    }  # fmt: skip


def test_a_push_subscription_shows_its_version_when_written_only(topic: Any) -> None:
    push = {"pushEndpoint": "https://example.com/push", "noWrapper": {"writeMetadata": False}}
    _, made = topic.ask("PUT", S, {"topic": TOPIC, "pushConfig": push})
    assert made["pushConfig"] == {
        "pushEndpoint": "https://example.com/push", "noWrapper": {}, "attributes": {"x-goog-version": "v1"},
    }  # fmt: skip
    assert "attributes" not in topic.ask("GET", S)[1]["pushConfig"]


def test_files_never_stay_open_longer_than_the_ack_deadline(topic: Any) -> None:
    _, made = topic.ask("PUT", S, {"topic": TOPIC, "cloudStorageConfig": {"bucket": "b", "maxDuration": "400s"}})
    assert made["ackDeadlineSeconds"] == 400
    assert made["cloudStorageConfig"] == {"bucket": "b", "maxDuration": "400s", "textConfig": {}, "state": "ACTIVE"}


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "message"),
    [
        ("GET", f"{P}/topics/none", None, 404, "Resource not found (resource=none)."),
        ("PUT", T, {}, 409, "Resource already exists in the project (resource=news)."),
        ("PUT", f"{P}/topics/1x", {}, 400, "Invalid resource name given (name=projects/acme-eu-001/topics/1x). "),
        ("PUT", f"{P}/topics/goog-x", {}, 400, "Invalid resource name given"),
        ("PUT", S, {"topic": "news"}, 400, "Invalid resource name given (topic=news). "),
        ("PUT", S, {"topic": TOPIC + "x"}, 404, "Resource not found (resource=newsx)."),
        ("PUT", S, {"topic": TOPIC, "ackDeadlineSeconds": 601}, 400, "You have passed an invalid argument"),
        ("PATCH", T, {"topic": {"labels": {}}}, 400, "The update_mask in the UpdateTopicRequest must be set, and must"),
        ("POST", f"{T}:publish", {"messages": [{}]}, 400, "One or more messages in the publish request is empty."),
        ("POST", f"{T}:publish", {"messages": []}, 400, "The value for message_count is too small."),
    ],
)
def test_bad_requests_get_googles_words(topic: Any, verb: str, path: str, body: Any, status: int, message: str) -> None:
    got, answer = topic.ask(verb, path, body)
    assert (got, answer["error"]["message"][: len(message)]) == (status, message)


def test_a_patch_takes_masked_fields_only_and_never_the_filter(subscribed: Any) -> None:
    body = {"subscription": {"labels": {"x": "y"}, "ackDeadlineSeconds": 20}}
    _, row = subscribed.ask("PATCH", S, body, updateMask="labels")
    assert (row["labels"], row["ackDeadlineSeconds"]) == ({"x": "y"}, 10)
    status, answer = subscribed.ask("PATCH", S, body, updateMask="filter,labels")
    assert (status, "the 'filter' field in the Subscription is not mutable" in answer["error"]["message"]) == (
        400,
        True,
    )


def test_a_message_is_delivered_until_it_is_acknowledged(subscribed: Any) -> None:
    (own,) = publish(subscribed, "hello", attributes={"k": "v"})
    (first,) = pull(subscribed)
    assert first["message"]["messageId"] == own
    assert (texts([first]), first["message"]["attributes"]) == (["hello"], {"k": "v"})
    assert pull(subscribed) == []  # leased
    subscribed.pass_time(11)
    (again,) = pull(subscribed)
    subscribed.ask("POST", f"{S}:acknowledge", {"ackIds": [first["ackId"]]})  # too late: the lease is another's
    subscribed.pass_time(11)
    (last,) = pull(subscribed)
    assert subscribed.ask("POST", f"{S}:acknowledge", {"ackIds": [last["ackId"]]}) == (200, {})
    subscribed.pass_time(11)
    assert pull(subscribed) == []
    assert again["ackId"] != last["ackId"]


def test_a_lease_is_extended_or_given_back(subscribed: Any) -> None:
    publish(subscribed, "x")
    (one,) = pull(subscribed)
    subscribed.ask("POST", f"{S}:modifyAckDeadline", {"ackIds": [one["ackId"]], "ackDeadlineSeconds": 60})
    subscribed.pass_time(30)
    assert pull(subscribed) == []
    subscribed.ask("POST", f"{S}:modifyAckDeadline", {"ackIds": [one["ackId"]], "ackDeadlineSeconds": 0})
    assert texts(pull(subscribed)) == ["x"]


def test_ordered_messages_wait_for_the_one_before(topic: Any) -> None:
    topic.ask("PUT", S, {"topic": TOPIC, "enableMessageOrdering": True})
    publish(topic, "1", "2", orderingKey="k")
    (one,) = pull(topic, most=1)
    assert pull(topic) == []
    topic.ask("POST", f"{S}:acknowledge", {"ackIds": [one["ackId"]]})
    assert texts(pull(topic)) == ["2"]


def test_a_filter_keeps_other_messages_away(topic: Any) -> None:
    topic.ask("PUT", S, {"topic": TOPIC, "filter": 'attributes.kind = "a" AND NOT attributes:skip'})
    publish(topic, "yes", attributes={"kind": "a"})
    publish(topic, "no", attributes={"kind": "a", "skip": "1"})
    publish(topic, "no", attributes={"kind": "b"})
    assert texts(pull(topic)) == ["yes"]


def test_after_too_many_attempts_a_message_goes_to_the_dead_letter_topic(topic: Any) -> None:
    topic.ask("PUT", f"{P}/topics/dead", {})
    dead = f"{P}/subscriptions/dead"
    topic.ask("PUT", dead, {"topic": "projects/acme-eu-001/topics/dead"})
    policy = {"deadLetterTopic": "projects/acme-eu-001/topics/dead", "maxDeliveryAttempts": 5}
    topic.ask("PUT", S, {"topic": TOPIC, "deadLetterPolicy": policy})
    publish(topic, "bad")
    for attempt in range(1, 6):
        assert [one["deliveryAttempt"] for one in pull(topic)] == [attempt]
        topic.pass_time(11)
    assert pull(topic) == []
    assert texts(pull(topic, path=dead)) == ["bad"]


def test_seeking_to_a_snapshot_brings_acknowledged_messages_back(subscribed: Any) -> None:
    publish(subscribed, "kept")
    name = "projects/acme-eu-001/snapshots/before"
    status, made = subscribed.ask(
        "PUT", f"{P}/snapshots/before", {"subscription": "projects/acme-eu-001/subscriptions/readers"}
    )
    assert (status, made["topic"]) == (200, TOPIC)
    (one,) = pull(subscribed)
    subscribed.ask("POST", f"{S}:acknowledge", {"ackIds": [one["ackId"]]})
    assert subscribed.ask("POST", f"{S}:seek", {"snapshot": name}) == (200, {})
    assert texts(pull(subscribed)) == ["kept"]
    assert subscribed.ask("GET", f"{T}/snapshots")[1] == {"snapshots": [name]}


def test_seeking_to_now_drops_the_backlog(subscribed: Any) -> None:
    publish(subscribed, "old")
    subscribed.pass_time(60)
    subscribed.ask("POST", f"{S}:seek", {"time": "2027-01-15T08:17:00Z"})
    assert pull(subscribed) == []


def test_a_deleted_topic_leaves_its_subscriptions_orphaned(subscribed: Any) -> None:
    assert subscribed.ask("GET", f"{T}/subscriptions")[1] == {
        "subscriptions": ["projects/acme-eu-001/subscriptions/readers"]
    }
    subscribed.ask("DELETE", T)
    assert subscribed.ask("GET", S)[1]["topic"] == "_deleted-topic_"
    assert subscribed.ask("DELETE", S) == (200, {})


def test_a_policy_that_was_never_set_has_an_etag_only(topic: Any) -> None:
    assert topic.ask("GET", f"{T}:getIamPolicy") == (200, {"etag": "ACAB"})
    assert topic.ask("GET", f"{P}/topics/none:getIamPolicy")[0] == 404


def test_schemas_have_revisions_and_judge_messages(world: Any) -> None:
    avro = '{"type": "record", "name": "N", "fields": [{"name": "n", "type": "int"}]}'
    status, made = world.ask("POST", f"{P}/schemas", {"type": "AVRO", "definition": avro}, schemaId="shape")
    assert (status, len(made["revisionId"])) == (200, 8)
    world.pass_time(1)
    _, second = world.ask("POST", f"{P}/schemas/shape:commit", {"schema": {"type": "AVRO", "definition": avro}})
    assert second["revisionId"] != made["revisionId"]
    assert len(world.ask("GET", f"{P}/schemas/shape:listRevisions")[1]["schemas"]) == 2
    settings = {"schema": "projects/acme-eu-001/schemas/shape", "encoding": "JSON"}
    world.ask("PUT", T, {"schemaSettings": settings})
    publish(world, '{"n": 1}')
    status, answer = world.ask("POST", f"{T}:publish", {"messages": [{"data": base64.b64encode(b"{}").decode()}]})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert world.ask("POST", f"{P}/schemas", {"type": "AVRO", "definition": "{"}, schemaId="other")[0] == 400
