"""Pub/Sub's StreamingPull: what `subscriber.subscribe(…)` speaks, as a loop of pulls over the same core.

https://cloud.google.com/pubsub/docs/pull#streamingpull_api: the first request names the subscription, later ones bring
acknowledgements and longer deadlines; messages come as they are there. Other streams of Google's protos are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from reconciler.localcloud.api.protos import Protos
from reconciler.localcloud.doors import front, transcoding
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.house import House
from reconciler.localcloud.values import Json, Request, Response

PROCEDURE = "/google.pubsub.v1.Subscriber/StreamingPull"
_ASKED, _TOLD = "google.pubsub.v1.StreamingPullRequest", "google.pubsub.v1.StreamingPullResponse"
_EVERY_SECONDS = 0.1
_MOST = 100
# An empty answer now and then: newer clients open a new stream when they hear nothing.
_HEARTBEAT_SECONDS = 15.0

Refuse = Callable[[Any, Response], Any]


class StreamingPull:
    """One subscriber. `refuse` ends the call with an error's status."""

    def __init__(self, house: House, protos: Protos, refuse: Refuse) -> None:
        self._house, self._protos, self._refuse = house, protos, refuse

    async def __call__(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        try:
            first = self._read(await anext(aiter(requests)))
            subscription = str(first.get("subscription", ""))
            if not subscription:
                raise invalid("The first request of a stream names the subscription.")
        except GoogleError as error:
            await self._refuse(context, error.response(""))
            return
        except StopAsyncIteration:
            return
        listening = asyncio.create_task(self._listen(requests, subscription))
        try:
            quiet = 0.0
            while not listening.done():
                answer = self._call(subscription, "pull", {"maxMessages": _MOST})
                if answer.status >= 400:
                    await self._refuse(context, answer)
                    return
                if answer.body.get("receivedMessages") or quiet >= _HEARTBEAT_SECONDS:
                    quiet = 0.0
                    yield transcoding.written(self._protos, _TOLD, answer)
                else:
                    quiet += _EVERY_SECONDS
                    await asyncio.sleep(_EVERY_SECONDS)
        finally:
            listening.cancel()

    async def _listen(self, requests: AsyncIterator[bytes], subscription: str) -> None:
        async for raw in requests:
            asked = self._read(raw)
            if asked.get("ackIds"):
                self._call(subscription, "acknowledge", {"ackIds": asked["ackIds"]})
            deadlines = asked.get("modifyDeadlineSeconds", ())
            for own, seconds in zip(asked.get("modifyDeadlineAckIds", ()), deadlines, strict=False):
                self._call(subscription, "modifyAckDeadline", {"ackIds": [own], "ackDeadlineSeconds": seconds})

    def _read(self, raw: bytes) -> Json:
        return transcoding.read(self._protos, _ASKED, raw)

    def _call(self, subscription: str, verb: str, body: Json) -> Response:
        path, headers = f"/pubsub/v1/{subscription}:{verb}", {"host": "pubsub.googleapis.com"}
        try:
            return front.answer(self._house, Request("POST", path, {}, headers, orjson.dumps(body))).response
        except GoogleError as error:
            return error.response("pubsub")
