"""Feeds: what changes is told to a topic, from the writes of the very request that changed it.

Messages are google.cloud.asset.v1.TemporalAsset as JSON (https://cloud.google.com/asset-inventory/docs/monitor-asset-changes).
A feed itself is answered generically, as any resource; of conditions only `temporal_asset.deleted` is known.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.regular import pattern
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudasset import inventory, kinds
from reconciler.localcloud.services.cloudasset.inventory import Scope
from reconciler.localcloud.services.cloudasset.kinds import BY_COLLECTION, PROJECT, Kind
from reconciler.localcloud.services.pubsub import delivery
from reconciler.localcloud.values import Json, Response

_ROWS = "cloudasset.feeds/"
# Present while there is any feed, so that a request without one pays for a single look-up.
_WATCHED = "cloudasset.watched"
_DELETED = re.compile(r"temporal_asset\.deleted\s*(==|!=)\s*(true|false)")
_MOST_FEEDS = 200


@dataclass(frozen=True)
class _Change:
    """A resource, or with `policy` its IAM policy, before and after."""

    kind: Kind
    key: str
    before: Json | None
    after: Json | None
    policy: bool


def _create(call: Call) -> Answer:
    feed = call.body.get("feed") or {}
    if not call.body.get("feedId"):
        raise invalid("Request contains an invalid argument.", ("feed_id", "required"))
    _check(feed)
    if sum(1 for _ in call.state.scan(_ROWS)) >= _MOST_FEEDS:
        raise invalid(f"At most {_MOST_FEEDS} feeds are allowed.")
    call.state.put(_WATCHED, {})
    return generic.create(call)


def _update(call: Call) -> Answer:
    answer = generic.update(call)
    _check(answer.body if isinstance(answer, Response) else answer)
    return answer


def _check(feed: Json) -> None:
    """A feed that cannot be told anything would make every later write of others fail."""
    if not ((feed.get("feedOutputConfig") or {}).get("pubsubDestination") or {}).get("topic"):
        raise invalid("Request contains an invalid argument.", ("feed.feed_output_config", "required"))
    for text in feed.get("assetTypes") or []:
        try:
            pattern(text)
        except re.error as error:
            raise invalid(
                "Request contains an invalid argument.", ("feed.asset_types", f"{text} is not RE2")
            ) from error


def _delete(call: Call) -> Answer:
    answer = generic.delete(call)
    if not any(True for _ in call.state.scan(_ROWS)):
        call.state.delete(_WATCHED)
    return answer


def tell(moment: Moment) -> None:
    """Publish every change among the writes in hand to the feeds that want it."""
    state = moment.state
    if state.look(_WATCHED) is None:
        return
    feeds = [row for _, row in state.scan(_ROWS)]
    for change in list(_changes(moment)) if feeds else ():
        row = change.after or change.before or {}
        scope = Scope(state, "", [])
        above = inventory.ancestors_of(scope, change.kind, change.key, _row(moment, change) or row)
        name = kinds.full_name(state, change.kind, change.key, _row(moment, change) or row)
        for feed in feeds:
            if _wants(moment, feed, change, above, name):
                _publish(moment, feed, _message(moment, feed, change, above, name))


def _changes(moment: Moment) -> Iterator[_Change]:
    state = moment.state
    for key in list(state.writes):
        collection, _, path = key.partition("/")
        kind, found = BY_COLLECTION.get(collection), key
        if collection == "iam":
            service, _, path = path.partition("/")
            place = kinds.located(state, f"//{service}.googleapis.com/{path.removeprefix('b/')}")
            if place is None:
                continue
            kind, found = place
        if kind is None:
            continue
        before, after = state.before(key), state.get(key)
        if before != after and kinds.alive(kind, after or before or {}):
            yield _Change(kind, found, before, after, collection == "iam")


def _row(moment: Moment, change: _Change) -> Json | None:
    return moment.state.get(change.key) if change.policy else change.after or change.before


def _wants(moment: Moment, feed: Json, change: _Change, above: list[str], name: str) -> bool:
    parent = projects.canonical(moment.state, feed["name"].partition("/feeds/")[0])
    content = feed.get("contentType") or "CONTENT_TYPE_UNSPECIFIED"
    wanted = {"IAM_POLICY": change.policy}.get(content, not change.policy)
    types = feed.get("assetTypes") or []
    known = any(pattern(text).fullmatch(change.kind.type) for text in types) or name in (feed.get("assetNames") or [])
    condition = _DELETED.search((feed.get("condition") or {}).get("expression") or "")
    if condition:
        wanted = wanted and ((change.after is None) == (condition[2] == "true")) == (condition[1] == "==")
    return parent in above and wanted and known


def _message(moment: Moment, feed: Json, change: _Change, above: list[str], name: str) -> Json:
    base: Json = {"name": name, "assetType": change.kind.type, "ancestors": above, "updateTime": moment.stamp}

    def shown(row: Json) -> Json:
        if change.policy:
            return {**base, "iamPolicy": policies.shown(moment.state, row)}
        if feed.get("contentType") != "RESOURCE":
            return base
        parent = above[1] if change.kind is PROJECT and len(above) > 1 else (above or [""])[0]
        return {**base, "resource": inventory.content_of(change.kind, change.key, row, parent)}

    message: Json = {"window": {"startTime": moment.stamp}, "asset": shown(change.after or change.before or {})}
    if change.before is not None:
        message |= {"priorAssetState": "PRESENT", "priorAsset": shown(change.before)}
    else:
        message["priorAssetState"] = "DOES_NOT_EXIST"
    return message | ({"deleted": True} if change.after is None else {})


def _publish(moment: Moment, feed: Json, message: Json) -> None:
    topic = feed["feedOutputConfig"]["pubsubDestination"]["topic"]
    row = moment.state.get(f"pubsub.topics/{projects.canonical(moment.state, topic)}")
    if row is not None:
        delivery.place(moment, row, {"data": base64.b64encode(orjson.dumps(message)).decode()})


METHODS: dict[str, Behaviour] = {
    "cloudasset.feeds.create": _create,
    "cloudasset.feeds.delete": _delete,
    "cloudasset.feeds.patch": _update,
}
