"""What a secret tells its topics: every change of it and of its versions, and that the time to rotate has come.

Attributes and event types: https://cloud.google.com/secret-manager/docs/event-notifications.
"""

from __future__ import annotations

import base64

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Moment
from reconciler.localcloud.services.pubsub import delivery
from reconciler.localcloud.values import Json


def tell(moment: Moment, secret: Json, event: str, row: Json | None = None) -> None:
    """Publish an event on a secret, or on its version `row`; a topic that is not there hears nothing."""
    attributes = {
        "eventType": event,
        "dataFormat": "JSON_API_V1",
        "secretId": secret["name"],
        "timestamp": moment.stamp,
    }
    if row is not None:
        attributes["versionId"] = row["name"]
    if event == "SECRET_DELETE":
        attributes["deleteType"] = "EXPIRATION" if secret.get("expireTime") == moment.stamp else "REQUESTED"
    data = base64.b64encode(orjson.dumps(secret if row is None else row)).decode()
    for topic in secret.get("topics") or []:
        found = moment.state.get(f"pubsub.topics/{projects.canonical(moment.state, topic['name'])}")
        if found is not None:
            delivery.place(moment, found, {"data": data, "attributes": attributes})
