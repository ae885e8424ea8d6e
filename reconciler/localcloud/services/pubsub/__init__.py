"""Cloud Pub/Sub v1: topics, subscriptions with real delivery, snapshots and schemas; one file per kind.

Nothing here may push a message to an endpoint: the core has no network.
"""

from __future__ import annotations

from reconciler.localcloud.services.pubsub import delivery, schemas, snapshots, subscriptions, topics
from reconciler.localcloud.services.pubsub.names import set_policy, shown_policy

_KINDS = ("schemas", "snapshots", "subscriptions", "topics")
METHODS = {
    **topics.METHODS,
    **subscriptions.METHODS,
    **delivery.METHODS,
    **snapshots.METHODS,
    **schemas.METHODS,
    **{f"pubsub.projects.{kind}.getIamPolicy": shown_policy for kind in _KINDS},
    **{f"pubsub.projects.{kind}.setIamPolicy": set_policy for kind in _KINDS},
}
