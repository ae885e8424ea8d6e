"""Calls that come in together share one commit, and each is answered when it is done."""

from __future__ import annotations

import asyncio

from reconciler.localcloud.store import SqliteRows


class Together:
    """Of a door: after a call, `kept` returns when what it wrote is in the log."""

    def __init__(self, rows: SqliteRows) -> None:
        rows.shared = True
        self._rows = rows
        self._waiting: asyncio.Future[None] | None = None

    async def kept(self) -> None:
        """Raises what went wrong when the writes could not be kept."""
        if not self._rows.open:
            return
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            loop.call_soon(self._keep, self._waiting)
        # Shielded, as a client that goes away must not take the others' answer along.
        await asyncio.shield(self._waiting)

    def _keep(self, waiting: asyncio.Future[None]) -> None:
        self._waiting = None
        try:
            self._rows.flush()
        except Exception as error:
            waiting.set_exception(error)
        else:
            waiting.set_result(None)
