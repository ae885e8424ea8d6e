"""A transport that sends what is written in one turn of the loop at once: uvicorn writes head and body apart, and each
of the system's sends costs as much as a request's way through the core."""

from __future__ import annotations

import asyncio
from typing import Any

_LARGE = 64 * 1024


class Joining:
    """Stands in front of an asyncio transport; whatever it does not know goes there."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._kept: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._kept:
            self._loop.call_soon(self._send)
        self._kept.append(data)
        if len(data) > _LARGE:
            self._send()

    def _send(self) -> None:
        kept, self._kept = self._kept, []
        for large in kept if any(len(data) > _LARGE for data in kept) else [b"".join(kept)]:
            if large:
                self._transport.write(large)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._kept.clear()
        self._transport.abort()
