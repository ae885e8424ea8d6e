"""Notifications to Pub/Sub topics: their configurations, and the messages that changes of objects send."""

from __future__ import annotations

import base64
import re

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call, Moment
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.pubsub import delivery
from reconciler.localcloud.services.storage.rules import LINK, bucket_of, refused
from reconciler.localcloud.values import Json, Response

_TOPIC = re.compile(r"(?:/*pubsub\.googleapis\.com/)?(projects/[^/]+/topics/[^/]+)")
_EVENTS = ("OBJECT_FINALIZE", "OBJECT_METADATA_UPDATE", "OBJECT_DELETE", "OBJECT_ARCHIVE")


def _key(bucket: str, own: str) -> str:
    return f"storage.notifications/{bucket}/{own}"


def _insert(call: Call) -> Answer:
    bucket = bucket_of(call)["name"]
    topic = _TOPIC.fullmatch(call.body.get("topic", ""))
    if not topic or _topic(call, topic[1]) is None:
        raise refused("Invalid Google Cloud Pub/Sub topic.")
    if call.body.get("payload_format", "JSON_API_V1") not in ("JSON_API_V1", "NONE"):
        raise refused("Invalid argument.")
    if any(event not in _EVENTS for event in call.body.get("event_types", [])):
        raise refused("Invalid argument.")
    last = call.state.get(f"storage.lastnotification/{bucket}") or {"id": 0}
    own = str(last["id"] + 1)
    call.state.put(f"storage.lastnotification/{bucket}", {"id": last["id"] + 1})
    row: Json = {
        "payload_format": "JSON_API_V1", **call.body, "kind": "storage#notification", "id": own, "etag": own,
        "selfLink": f"{LINK}{bucket}/notificationConfigs/{own}", "topic": f"//pubsub.googleapis.com/{topic[1]}",
    }  # fmt: skip
    call.state.put(_key(bucket, own), row)
    return row


def _topic(call: Moment, name: str) -> Json | None:
    return call.state.get(f"pubsub.topics/{projects.canonical(call.state, name)}")


def _get(call: Call) -> Answer:
    row = call.state.get(_key(bucket_of(call)["name"], call.params["notification"]))
    if row is None:
        own = call.params["notification"]
        raise GoogleError(404, f"The specified notification configuration does not exist: {own}.", reason="notFound")
    return row


def _list(call: Call) -> Answer:
    found = [row for _, row in call.state.scan(_key(bucket_of(call)["name"], ""))]
    found.sort(key=lambda row: int(row["id"]))
    return {"kind": "storage#notifications"} | ({"items": found} if found else {})


def _delete(call: Call) -> Answer:
    _get(call)
    call.state.delete(_key(call.params["bucket"], call.params["notification"]))
    return Response(204, None)


def send(moment: Moment, event: str, row: Json, **more: str) -> None:
    """Tell every configuration of the bucket that wants this event of the object `row`.

    Attributes: https://cloud.google.com/storage/docs/pubsub-notifications#attributes.
    """
    for _, wish in list(moment.state.scan(_key(row["bucket"], ""))):
        if event not in wish.get("event_types", _EVENTS):
            continue
        if not row["name"].startswith(wish.get("object_name_prefix", "")):
            continue
        topic = _topic(moment, wish["topic"].removeprefix("//pubsub.googleapis.com/"))
        if topic is None:
            continue
        attributes = {
            **wish.get("custom_attributes", {}), "notificationConfig": f"projects/_/buckets/{row['bucket']}"
            f"/notificationConfigs/{wish['id']}", "eventType": event, "payloadFormat": wish["payload_format"],
            "bucketId": row["bucket"], "objectId": row["name"], "objectGeneration": row["generation"],
            "eventTime": moment.stamp, **more,
        }  # fmt: skip
        message: Json = {"attributes": attributes}
        if wish["payload_format"] == "JSON_API_V1":
            message["data"] = base64.b64encode(orjson.dumps({k: v for k, v in row.items() if k != "acl"})).decode()
        delivery.place(moment, topic, message)


_N = "storage.notifications."
METHODS = {f"{_N}insert": _insert, f"{_N}get": _get, f"{_N}list": _list, f"{_N}delete": _delete}
