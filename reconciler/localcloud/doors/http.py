"""The HTTP door: an ASGI application over one House. It parses, hands over, and prints; nothing is decided here."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from reconciler.localcloud import control
from reconciler.localcloud.core import MAXIMUM_BODY
from reconciler.localcloud.doors import batch, descriptions, front
from reconciler.localcloud.doors.credentials import Credentials
from reconciler.localcloud.doors.hosts import Hosts, is_google, is_loopback
from reconciler.localcloud.doors.protocol import TRANSPORT
from reconciler.localcloud.doors.together import Together
from reconciler.localcloud.errors import GoogleError, forbidden
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.values import Json, Request, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Media uploads may be larger than a JSON request: a WordPress archive of a test site still fits.
_MAXIMUM_UPLOAD = 512 * 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORM = "application/x-www-form-urlencoded"


class Door:
    """ASGI 3. One request is handled at a time, so the state needs no lock.

    A path begins with the API's name. With `tokens` it does not, because the Host header names the API (behind the
    proxy), and the host that hands out tokens is there too.
    """

    def __init__(self, house: House, tokens: Credentials | None = None) -> None:
        self.house = house
        self._tokens = tokens
        self._hosts = Hosts(house.cloud.library.knows)
        self._together = Together(house.rows)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw_path: str = scope["raw_path"].decode("latin-1")
        most = _MAXIMUM_UPLOAD if "/upload/" in raw_path or raw_path.startswith("/upload") else MAXIMUM_BODY
        body = await _read(receive, most)
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if body is None:
            error = GoogleError(413, f"Request payload size exceeds the limit: {most} bytes.", "INVALID_ARGUMENT")
            await _send(send, error.response(""), headers)
            return
        outcome = self._answer(_request(scope, raw_path, headers, body))
        try:
            await self._together.kept()
        except Exception as error:
            outcome = Outcome(GoogleError(500, f"Internal error encountered. (local cloud: {error!r})").response(""))
        if outcome.delay:
            await asyncio.sleep(outcome.delay)
        if outcome.lost:
            scope["extensions"][TRANSPORT].abort()
            await receive()  # returns once the connection is gone, so that the server does not answer 500 for us
            return
        await _send(send, outcome.response, headers)

    def _answer(self, request: Request) -> Outcome:
        try:
            if not self._tokens:
                _refuse_browsers(request)
                if request.path.startswith(control.PREFIX):
                    return Outcome(control.answer(self.house, _unpacked(request), _json(request.body)))
            if request.verb == "OPTIONS":
                return Outcome(Response(204, None, {"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}))
            found = batch.is_batch(request.verb, request.path, request.headers.get("content-type", ""))
            return self._batch(request, found[1] or "") if found else self._one(request, "")
        except GoogleError as error:
            return Outcome(error.response(""))
        except Exception as error:  # a defect of ours must look like Google's 500, and be seen on stderr
            traceback.print_exc()
            return Outcome(GoogleError(500, f"Internal error encountered. (local cloud: {error!r})").response(""))

    def _one(self, request: Request, prefix: str) -> Outcome:
        if self._tokens and (told := self._tokens.answer(_host(request), request)):
            return Outcome(told)
        if described := descriptions.answer(self.house.cloud.library, request, _host(request)):
            return Outcome(described)
        return front.answer(self.house, self._placed(_unpacked(request), prefix))

    def _placed(self, request: Request, prefix: str) -> Request:
        """The request with the core's path, and in its Host header the host of Google's, where it named one."""
        host = _host(request)
        if is_google(host):
            path = self._hosts.path(host, request.path)
            if not path:
                raise GoogleError(404, f"The local cloud has no API at https://{host}{request.path}")
            return _moved(request, path, host)
        if self._tokens:
            raise GoogleError(
                421, f"Host {host!r} is none of Google's APIs, and the local cloud answers only for those."
            )
        path, host = self._hosts.prefixed(prefix + request.path)
        return _moved(request, path, host) if host or prefix else request

    def _batch(self, request: Request, prefix: str) -> Outcome:
        """A batch: its calls one after the other, each with its own answer."""
        answers: list[tuple[batch.Part, batch.Printed]] = []
        delay, lost = 0.0, False
        for part in batch.parts(request.headers["content-type"], _unpacked(request).body):
            outcome = self._part(part, request, prefix)
            body, kind = front.printed(outcome.response)
            headers = {"content-type": kind, **outcome.response.headers}
            answers.append((part, batch.Printed(outcome.response.status, headers, body)))
            delay, lost = max(delay, outcome.delay), lost or outcome.lost
        content, kind = batch.printed(answers)
        return Outcome(Response(200, content, {"content-type": kind}), delay, lost)

    def _part(self, part: batch.Part, outer: Request, prefix: str) -> Outcome:
        target = urlsplit(part.target)
        host = (target.hostname or "") if target.netloc else outer.headers.get("host", "")
        prefix = "" if target.netloc else prefix
        headers = {"authorization": outer.headers.get("authorization", ""), **part.headers, "host": host}
        query = parse_qs(target.query, keep_blank_values=True)
        request = Request(part.verb, target.path, query, headers, part.body)
        try:
            return self._one(request, prefix)
        except GoogleError as error:
            return Outcome(error.response(""))


def _host(request: Request) -> str:
    return request.headers.get("host", "").partition(":")[0].lower()


def _refuse_browsers(request: Request) -> None:
    """The plain door is for programs on this machine. A web page can reach 127.0.0.1 too, but cannot hide that it is
    one: its browser sends Origin or Sec-Fetch-Site, and after DNS rebinding the Host of the page."""
    headers = request.headers
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise forbidden("The local cloud does not answer web pages: the request came with an Origin.")
    host = headers.get("host", "127.0.0.1")
    if not is_loopback(host):
        raise forbidden(f"The local cloud answers as 127.0.0.1 or localhost, not as {host!r}.")


def _json(raw: bytes) -> Json:
    """The object in a control request; what is not one counts as empty, and the control door says what is missing."""
    try:
        value = orjson.loads(raw) if raw else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _request(scope: Message, raw_path: str, headers: dict[str, str], body: bytes) -> Request:
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    verb: str = scope["method"]
    if "x-http-method-override" in headers and verb == "POST":
        verb = headers["x-http-method-override"].upper()
        # google-api-python-client sends a GET that is too long for a URL as a form.
        if verb == "GET" and headers.get("content-type", "").startswith(_FORM):
            query, body = query | parse_qs(body.decode("latin-1"), keep_blank_values=True), b""
    return Request(verb, raw_path.split("?", maxsplit=1)[0], query, headers, body)


def _unpacked(request: Request) -> Request:
    if request.headers.get("content-encoding") != "gzip" or "/upload/" in request.path:
        return request
    return replace(request, body=front.unpacked(request.body))


def _moved(request: Request, path: str, host: str) -> Request:
    return replace(request, path=path, headers={**request.headers, "host": host} if host else request.headers)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None when it is larger than `most` (it is read to its end all the same)."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks) if size <= most else None


async def _send(send: Send, response: Response, asked: dict[str, str]) -> None:
    body, kind = front.printed(response)
    headers = {"content-type": kind, **{key.lower(): value for key, value in response.headers.items()}}
    if packed := front.packed(response, body, asked):
        body = packed
        headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    headers.setdefault("content-length", str(len(body)))
    listed = [(key.encode("latin-1"), _spoken(value)) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


def _spoken(value: str) -> bytes:
    """A header's value. Some are what a caller stored (an object's type), and a line break would begin a new header."""
    return _CONTROL.sub(" ", value).encode("latin-1", "replace")
