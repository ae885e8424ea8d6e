"""The proxy door: CONNECT to a host of Google's, answered here. Nothing that comes in goes out to a network.

After CONNECT the client speaks TLS to us, under the name it asked for. What it says inside goes to the HTTP door, or,
where the client negotiated HTTP/2 (only gRPC insists on it), to the gRPC door, byte for byte.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable

from reconciler.localcloud.doors.hosts import is_google

_HEAD_BYTES = 16 * 1024
_SECONDS = 30.0
# An idle client does not answer the end of TLS before its next call; stopping must not wait for it.
_FAREWELL_SECONDS = 0.2
_CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9._-]{1,253}):(\d{1,5}) HTTP/1\.[01]\r\n")
_OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
_ADVICE = "unset HTTPS_PROXY and https_proxy for commands that need another host"


class Proxy:
    """`context` gives the TLS of a host; `http` makes the protocol that serves HTTP; `grpc` is the gRPC door's port."""

    grpc = 0

    def __init__(self, context: Callable[[str], ssl.SSLContext], http: Callable[[], asyncio.Protocol]) -> None:
        self.context, self.http = context, http
        self.tunnels: set[asyncio.Task[None]] = set()
        self.hosts: dict[int, str] = {}
        """Host by the port from which a pipe comes to the gRPC door: its server does not tell us what was asked for."""

    def host_of(self, port: int) -> str:
        return self.hosts.get(port, "")

    def protocol(self) -> asyncio.Protocol:
        return _Asked(self)

    async def secure(self, transport: asyncio.Transport, host: str) -> None:
        """Speak TLS as `host`, then hand the connection over."""
        loop = asyncio.get_running_loop()
        first = _Kept()
        try:
            inside = await loop.start_tls(
                transport, first, self.context(host), server_side=True, ssl_handshake_timeout=_SECONDS,
                ssl_shutdown_timeout=_FAREWELL_SECONDS,
            )  # fmt: skip
        except (OSError, ssl.SSLError):  # the client went away, or does not trust us: its own message says so
            transport.abort()
            return
        if inside is None:
            return
        found = inside.get_extra_info("ssl_object")
        if found.selected_alpn_protocol() != "h2":
            first.give(inside, self.http())
        else:
            await self._pipe(inside, first, host)

    async def _pipe(self, inside: asyncio.Transport, first: _Kept, host: str) -> None:
        loop = asyncio.get_running_loop()
        here, there = _End(), _End()
        here.other, there.other = there, here
        try:
            transport, _ = await loop.create_connection(lambda: there, "127.0.0.1", self.grpc)
        except OSError:
            inside.abort()
            return
        port = transport.get_extra_info("sockname")[1]
        self.hosts[port] = host
        there.ended = lambda: self.hosts.pop(port, None)
        if not first.give(inside, here):
            transport.close()


class _Asked(asyncio.Protocol):
    """Waits for one CONNECT; everything else is refused, in words."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP listener makes nothing else
        self._transport = transport
        self._patience = asyncio.get_running_loop().call_later(_SECONDS, transport.abort)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the protocol's shape
        self._patience.cancel()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if len(self._head) > _HEAD_BYTES:
            self._refuse("431 Request Header Fields Too Large", "the request's head is too large")
            return
        head, end, more = self._head.partition(b"\r\n\r\n")
        if not end:
            return
        self._patience.cancel()
        found = _CONNECT.match(head + b"\r\n")
        if found is None or more:
            line = head.split(b"\r\n", 1)[0].decode("latin-1")[:200]
            self._refuse("403 Forbidden", f"{line!r} is refused: it only opens tunnels (CONNECT host:443)")
            return
        host, port = found[1].decode().lower().rstrip("."), found[2].decode()
        if not is_google(host) or port != "443":
            self._refuse(
                "403 Forbidden",
                f"{host}:{port} is refused: only https://*.googleapis.com is here, and nothing leaves this machine;"
                f" {_ADVICE}",
            )
            return
        # The handshake's first bytes must wait for the TLS layer.
        self._transport.pause_reading()
        self._transport.write(_OPEN)
        opening = asyncio.get_running_loop().create_task(self._proxy.secure(self._transport, host))
        self._proxy.tunnels.add(opening)
        opening.add_done_callback(self._proxy.tunnels.discard)

    def _refuse(self, status: str, why: str) -> None:
        body = f"The local cloud's proxy: {why}.\n".encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}"
        self._transport.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
        self._transport.close()


class _Kept(asyncio.Protocol):
    """Keeps what arrives between the handshake and the protocol that will read it."""

    def __init__(self) -> None:
        self._data = b""
        self._gone = False

    def data_received(self, data: bytes) -> None:
        self._data += data

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the protocol's shape
        self._gone = True

    def give(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> bool:
        """False when the client went away in between."""
        if self._gone:
            return False
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._data:
            protocol.data_received(self._data)
        return True


class _End(asyncio.Protocol):
    """One end of a pipe: what it reads is written at the other, as fast as that one takes it."""

    other: _End
    transport: asyncio.Transport | None = None

    def __init__(self) -> None:
        self.ended: Callable[[], object] = bool

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - as above
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other.transport:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other.transport and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the protocol's shape
        self.ended()
        if self.other.transport:
            self.other.transport.close()
