"""A load generator in one process: raw HTTP/1.1 over a few kept connections, as cheap as Python allows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """How a run went: requests a second, seconds, and answers by status."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: int = 0

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last is whole."""

    def __init__(self, requests: Iterator[bytes], load: Load, done: asyncio.Future[None]) -> None:
        self._requests, self._load, self._done = requests, load, done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
        if len(body) >= int(length or 0):
            self._load.statuses[int(head[9:12])] += 1
            self._load.bodies += len(body)
            self._buffer = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def request(verb: str, path: str, body: bytes = b"") -> bytes:
    head = f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    kind = "Content-Type: application/json\r\n" if body else ""
    return f"{head}{kind}\r\n".encode() + body


def run(port: int, requests: Sequence[bytes], connections: int = 8) -> Load:
    """Send all requests over `connections` connections and wait for every answer."""

    async def all_of_them() -> Load:
        loop, source = asyncio.get_running_loop(), iter(requests)
        load = Load(0.0)
        begun = time.perf_counter()
        waiting = []
        for _ in range(connections):
            done: asyncio.Future[None] = loop.create_future()
            await loop.create_connection(lambda done=done: _Connection(source, load, done), "127.0.0.1", port)  # type: ignore[misc]
            waiting.append(done)
        await asyncio.gather(*waiting)
        load.seconds = time.perf_counter() - begun
        return load

    return asyncio.run(all_of_them())
