"""uvicorn's HTTP protocol, with limits for what a hostile or broken client may send, and a way to drop a connection."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reconciler.localcloud.doors.hosts import is_loopback
from reconciler.localcloud.doors.joining import Joining

TRANSPORT = "aipress.transport"
MAXIMUM_HEAD = 64 * 1024
"""Bytes of a request's first line and headers. Google's own limit is not documented; clients stay far below this."""


class DoorProtocol(HttpToolsProtocol):
    """Hands the transport to the application, which aborts it for the fault `lost_response`."""

    heard = 0.0
    """When the client last sent something, on the loop's clock."""
    waiting = True
    """For the client: it has opened a connection, or begun a request, and not sent a whole one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self.heard = self.loop.time()
        super().connection_made(Joining(transport, self.loop))  # type: ignore[arg-type]  # all that uvicorn asks of one

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.waiting = True
        self._head = 0
        self._refusal = HTTPStatus.BAD_REQUEST
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # an extension that ASGI's types do not know
        scope["extensions"] = {TRANSPORT: self.transport}

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        # `GET http://elsewhere/ HTTP/1.1` asks a proxy. This is one for its own names only (gcloud's regional ones do
        # not resolve, so it is told that we are its proxy); for others the path alone would mean something else.
        if not self.url.startswith(b"/") and self.url != b"*":
            scheme, _, rest = self.url.decode("latin-1").partition("://")
            if scheme != "http" or not is_loopback(rest.partition("/")[0]):
                raise ValueError("absolute request target")
        super().on_headers_complete()

    def _count(self, more: int) -> None:
        """Raises inside the parser, which uvicorn takes for a malformed request: an answer, and the connection ends."""
        self._head += more
        if self._head > MAXIMUM_HEAD:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("headers too large")

    def send_400_response(self, msg: str) -> None:
        refusal: HTTPStatus = getattr(self, "_refusal", HTTPStatus.BAD_REQUEST)
        if refusal is HTTPStatus.BAD_REQUEST:
            super().send_400_response(msg)
            return
        head = f"HTTP/1.1 {refusal.value} {refusal.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode())
        self.transport.close()

    def on_message_complete(self) -> None:
        self.waiting = False
        super().on_message_complete()

    def impatient(self, now: float, seconds: float) -> bool:
        """Whether the client began a request and then kept silent for that long."""
        return self.waiting and now - self.heard > seconds
