"""A house in memory, and its HTTP door called as a server would call it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.localcloud.call import Settings
from reconciler.localcloud.doors.credentials import Credentials
from reconciler.localcloud.doors.http import Door
from reconciler.localcloud.house import House
from reconciler.localcloud.state import MemoryRows

HOST = "127.0.0.1:8085"


class Answered:
    def __init__(self, status: int, headers: dict[str, str], raw: bytes) -> None:
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Doorstep:
    """One house with project acme-eu-001 in it. `folder`: as behind the proxy, where Host names the API."""

    def __init__(self, folder: Path | None = None) -> None:
        self.now = 1_800_000_000.0
        self.house = House(MemoryRows(), Settings(), 1, lambda: self.now)
        self.door = Door(self.house)
        made = self.ask("POST", "/cloudresourcemanager/v3/projects", PROJECT)
        assert made.status == 200, made.raw
        self.now += 1000
        self.door = Door(self.house, Credentials(folder) if folder else None)

    def ask(self, verb: str, target: str, body: object = b"", **headers: str) -> Answered:
        """Headers are given with underscores: `x_http_method_override="GET"`; None leaves the default out."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return asyncio.run(self._ask(verb, target, raw, given))

    async def _ask(self, verb: str, target: str, raw: bytes, headers: dict[str, str]) -> Answered:
        url = urlsplit(target)
        scope = {
            "type": "http", "method": verb, "raw_path": url.path.encode(), "query_string": url.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.door(scope, receive, send)
        start, rest = sent[0], sent[1:]
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answered(start["status"], told, b"".join(message.get("body", b"") for message in rest))


PROJECT = {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
