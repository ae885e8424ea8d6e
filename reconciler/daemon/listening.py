"""Opens the door: a socket, a thread with an event loop, and a protocol that lets nobody hold a place for nothing."""

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reconciler.daemon.door import RETRY_AFTER, Door
from reconciler.model.errors import AipressError, UsageError

MOST_CONNECTIONS = 128
DEADLINE = 10.0
"""Seconds from the first byte we wait for to the last that we send. GitHub itself gives up after ten."""
SLOW = 1.0
"""Seconds after which a connection that has sent no whole request may be ended to make room for another."""
MOST_HEAD = 16 * 1024
"""Bytes of a request's first line and headers."""
_KEEP_ALIVE = 5
_GRACE = 3

_FULL = (
    f"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: {RETRY_AFTER}\r\nconnection: close\r\n\r\n"
).encode()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's, with one deadline for a whole exchange (sending a byte now and then does not move it), a bound for
    the head, and a bound for the connections: the slowest gives way to a new one."""

    began = 0.0
    """On the loop's clock: since when we wait for a request."""
    whole = False
    """A request has come to its end, and its answer has not."""
    _late: asyncio.TimerHandle | None = None
    _head = 0
    _refusal = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_CONNECTIONS and not self._make_room():
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._at_rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._late is None:
            self._wait()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head, self._refusal = 0, HTTPStatus.BAD_REQUEST

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)  # ": " and the line's end

    def on_headers_complete(self) -> None:
        if not self.url.startswith(b"/"):
            raise ValueError("absolute request target")  # uvicorn answers 400
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.whole = False
        self._at_rest()
        super().on_response_complete()
        if not self.cycle.response_complete:  # one that was sent behind it, without waiting for the answer
            self._wait()

    def send_400_response(self, msg: str) -> None:
        if self._refusal is HTTPStatus.BAD_REQUEST:
            super().send_400_response(msg)
            return
        head = (
            f"HTTP/1.1 {self._refusal.value} {self._refusal.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode())
        self.transport.close()

    def _count(self, more: int) -> None:
        """Raises inside the parser, which uvicorn takes for a malformed request: an answer, and the connection ends."""
        self._head += more
        if self._head > MOST_HEAD:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("headers too large")

    def _wait(self) -> None:
        self.began = self.loop.time()
        self._late = self.loop.call_later(DEADLINE, self._end)

    def _at_rest(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        """Abort, not close: closing waits until the other side has read, which is what a slow one does not do."""
        self._at_rest()
        self.transport.abort()

    def _make_room(self) -> bool:
        slow = [
            one
            for one in self.connections
            if isinstance(one, GuardedProtocol) and one is not self and not one.whole
            and not one.transport.is_closing() and self.began - one.began > SLOW
        ]  # fmt: skip
        if not slow:
            return False
        min(slow, key=lambda one: one.began)._end()
        return True


_SERVERS: list[uvicorn.Server] = []
"""Those of this process that are open."""


def connections() -> float:
    return float(sum(len(server.server_state.connections) for server in _SERVERS))


def place(text: str, setting: str) -> tuple[str, int]:
    """(host, port) of "127.0.0.1:8090", "[::1]:8090", "localhost:0" or ":8090" (every address). Raises UsageError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    try:
        if not colon or not port.isdigit() or int(port) > 65_535:
            raise ValueError
        shown = {"localhost": "127.0.0.1", "": "::" if socket.has_dualstack_ipv6() else "0.0.0.0"}.get(host, host)  # noqa: S104
        return str(ipaddress.ip_address(shown)), int(port)
    except ValueError as error:
        raise UsageError(
            f"{setting} is {text[:60]!r}; it is HOST:PORT with an address of this host", f"{setting} = 127.0.0.1:8090"
        ) from error


def listener(host: str, port: int) -> socket.socket:
    """Listening; port 0 takes any free one. Raises AipressError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's delay off only for sockets that say TCP.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((host, port))
        made.listen(512)
    except OSError as error:
        made.close()
        raise AipressError(
            f"{host}:{port} cannot be listened at: {error.strerror or error}",
            "choose another with --listen, or end what listens there",
        ) from error
    return made


def url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def open_doors(doors: Sequence[tuple[Door, socket.socket]]) -> Iterator[None]:
    """Served from a thread of their own until the block ends; what is under way then has three seconds."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # strangers' malformed requests fill no log
    servers = [(uvicorn.Server(_config(door)), sock) for door, sock in doors]

    async def serve() -> None:
        await asyncio.gather(*(server.serve(sockets=[sock]) for server, sock in servers))

    _SERVERS.extend(server for server, _ in servers)
    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="door", daemon=True)
    thread.start()
    try:
        yield
    finally:
        for server, _ in servers:
            server.should_exit = True
            _SERVERS.remove(server)
        thread.join(timeout=_GRACE + 2)
        for door, sock in doors:
            door.close()
            sock.close()


def _config(door: Any) -> uvicorn.Config:
    return uvicorn.Config(
        door, http=GuardedProtocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=_KEEP_ALIVE, timeout_graceful_shutdown=_GRACE, loop="asyncio",
    )  # fmt: skip
