"""The door of `aipress serve --listen`: webhooks in, health and metrics out. Plain ASGI; it decides nothing.

What is asked in this order, so that a stranger costs little: the path, the method, the length, room for the body, the
body, its signature. Every refused signature gets the same answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from reconciler.daemon.desk import Desk, Knock, Outcome
from reconciler.daemon.health import Health, ready
from reconciler.daemon.metrics import CONTENT_TYPE, Metrics
from reconciler.forge.signatures import Delivery, Provider

MOST_BODY = 1024 * 1024
"""Bytes of a delivery. GitHub's own limit is 25 MiB; a push or a pull request stays far below this one."""
MOST_AT_ONCE = 32 * MOST_BODY
"""Bytes of bodies that are being read at the same time."""
RETRY_AFTER = 30
"""Seconds after which a sender that was told to come again may."""

Headers = list[tuple[bytes, bytes]]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_WEBHOOKS = {f"/webhooks/{provider}": provider for provider in Provider}


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` ends with a line end. Whatever is not a success ends the connection: the rest of the body may follow."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        body = self.text.encode()
        given = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store", **self.headers}
        if self.status >= 400:
            given["connection"] = "close"
        headers = [(name.encode(), value.encode()) for name, value in given.items()]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


NOT_FOUND = Answer(404, "not found\n")
FORGED = Answer(401, "not authenticated\n")
FULL = Answer(503, "come again later\n", {"retry-after": str(RETRY_AFTER)})


class Door:
    """An ASGI application. `webhooks`, `health`: which of its two halves are open here."""

    def __init__(
        self, desk: Desk, health: Health, metrics: Metrics, *, webhooks: bool = True, private: bool = True
    ) -> None:
        self._desk = desk
        self._health = health
        self._metrics = metrics
        self._hooks = {path: one for path, one in _WEBHOOKS.items() if webhooks and one in desk.keys}
        self._pages = (
            {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics_page} if private else {}
        )
        # One thread takes deliveries in: a slow disk makes them wait, and nothing else.
        self._taking = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._reading = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if provider := self._hooks.get(path):
            answer = await self._webhook(provider, scope, receive) if method == "POST" else _not_this("POST")
        elif page := self._pages.get(path):
            asked = scope["query_string"].decode("latin-1")
            answer = await page(asked) if method in ("GET", "HEAD") else _not_this("GET, HEAD")
        else:
            answer = NOT_FOUND
        if answer is not None:
            await answer.send(send)

    def close(self) -> None:
        self._taking.shutdown(wait=True)

    async def _webhook(self, provider: Provider, scope: Message, receive: Receive) -> Answer | None:
        """None: the sender has gone."""
        began = self._desk.clock.now()
        answer, outcome = await self._delivered(provider, scope["headers"], receive)
        seconds = max(0.0, (self._desk.clock.now() - began).total_seconds())
        told = {name: value.decode("latin-1") for name, value in scope["headers"]}
        client = scope.get("client") or ("", 0)
        size, agent = _length(scope["headers"]) or 0, told.get(b"user-agent", "")
        status = answer.status if answer is not None else 499  # nginx's number for a sender that has gone
        self._desk.knocked(Knock(provider, outcome, scope["path"], status, size, seconds, str(client[0]), agent))
        return answer

    async def _delivered(self, provider: Provider, headers: Headers, receive: Receive) -> tuple[Answer | None, str]:
        """The answer (None: the sender has gone), and what became of it."""
        length = _length(headers)
        if length is None:
            return self._refused(provider, Answer(411, "a Content-Length is needed\n"), "no_length")
        if length > MOST_BODY:
            return self._refused(provider, Answer(413, f"at most {MOST_BODY} bytes\n"), "too_large")
        if self._reading + length > MOST_AT_ONCE:
            return self._refused(provider, FULL, "busy")
        self._reading += length
        try:
            body = await _body(receive)
            if body is None:
                return None, "gone"
            loop = asyncio.get_running_loop()
            outcome = await loop.run_in_executor(self._taking, self._desk.take, Delivery(provider, headers, body))
        finally:
            self._reading -= length
        refused = {Outcome.FORGED: FORGED, Outcome.FULL: FULL}.get(outcome)
        return refused or Answer(202, f"{outcome}\n"), outcome

    def _refused(self, provider: Provider, answer: Answer, outcome: str) -> tuple[Answer, str]:
        self._desk.counted(provider, "", outcome)
        return answer, outcome

    async def _livez(self, _asked: str) -> Answer:
        why = self._health.stuck()
        return Answer(503, f"{why}\n") if why else Answer(200, "ok\n")

    async def _readyz(self, asked: str) -> Answer:
        inbox = await asyncio.get_running_loop().run_in_executor(None, self._desk.told)
        checks = self._health.checks(inbox)
        good = ready(checks)
        lines = [check.line for check in checks] if asked.partition("=")[0] == "verbose" else []
        text = "\n".join([*lines, "readyz: ok" if good else "readyz: not ready"])
        return Answer(200 if good else 503, f"{text}\n")

    async def _metrics_page(self, _asked: str) -> Answer:
        text = await asyncio.get_running_loop().run_in_executor(None, self._metrics.text)
        return Answer(200, text.decode(), {"content-type": CONTENT_TYPE})


def _not_this(allowed: str) -> Answer:
    return Answer(405, "method not allowed\n", {"allow": allowed})


def _length(headers: Headers) -> int | None:
    """None when it is not told, or not once: a body without a length is not read."""
    found = [value for name, value in headers if name == b"content-length"]
    if len(found) != 1 or not found[0].isdigit():
        return None
    return int(found[0][:12])


async def _body(receive: Receive) -> bytes | None:
    """The protocol ends a connection whose body is not there in time, and hands on no more than was announced."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
