"""The HTTP door: an ASGI application over one House. It parses, hands over, and prints; nothing is decided here."""

from __future__ import annotations

import asyncio
import gzip
import traceback
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from reconciler.localcloud import control
from reconciler.localcloud.core import MAXIMUM_BODY
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.protocol import TRANSPORT
from reconciler.localcloud.values import Json, Request, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Media uploads may be larger than a JSON request: a WordPress archive of a test site still fits.
_MAXIMUM_UPLOAD = 512 * 1024 * 1024


class Door:
    """ASGI 3. One request is handled at a time, so the state needs no lock."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw_path: str = scope["raw_path"].decode("latin-1")
        most = _MAXIMUM_UPLOAD if "/upload/" in raw_path or raw_path.startswith("/upload") else MAXIMUM_BODY
        body = await _read(receive, most)
        if body is None:
            error = GoogleError(413, f"Request payload size exceeds the limit: {most} bytes.", "INVALID_ARGUMENT")
            await _send(send, error.response(""))
            return
        outcome = self._answer(scope, raw_path, body)
        if outcome.delay:
            await asyncio.sleep(outcome.delay)
        if outcome.lost:
            scope["extensions"][TRANSPORT].abort()
            await receive()  # returns once the connection is gone, so that the server does not answer 500 for us
            return
        await _send(send, outcome.response)

    def _answer(self, scope: Message, raw_path: str, body: bytes) -> Outcome:
        try:
            request = _request(scope, raw_path, body)
            if request.path.startswith(control.PREFIX):
                return Outcome(control.answer(self.house, request, _json(request.body)))
            return self.house.answer(request)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            return Outcome(GoogleError(400, f"Invalid gzip body: {error}").response(""))
        except Exception as error:  # a defect of ours must look like Google's 500, and be seen on stderr
            traceback.print_exc()
            return Outcome(GoogleError(500, f"Internal error encountered. (local cloud: {error!r})").response(""))


def _json(raw: bytes) -> Json:
    """The object in a control request; what is not one counts as empty, and the control door says what is missing."""
    try:
        value = orjson.loads(raw) if raw else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _request(scope: Message, raw_path: str, body: bytes) -> Request:
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    if headers.get("content-encoding") == "gzip" and "/upload/" not in raw_path:
        body = gzip.decompress(body)
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    verb: str = headers.get("x-http-method-override") or scope["method"]
    return Request(verb, raw_path.split("?", maxsplit=1)[0], query, headers, body)


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


async def _send(send: Send, response: Response) -> None:
    body, kind = _printed(response.body)
    headers = {"content-type": kind, **{key.lower(): value for key, value in response.headers.items()}}
    headers.setdefault("content-length", str(len(body)))
    listed = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


def _printed(body: Json | bytes | None) -> tuple[bytes, str]:
    if body is None:
        return b"", "application/json; charset=UTF-8"
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    return orjson.dumps(body), "application/json; charset=UTF-8"
