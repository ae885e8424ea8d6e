"""The front door, open on loopback in this process, and ways to knock at it."""

import http.client
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.daemon.desk import Knock
from reconciler.daemon.front import FrontDoor, Listen
from reconciler.daemon.inbox import Waiting, waiting_in
from reconciler.daemon.waking import Bell
from reconciler.forge.signatures import Delivery, Keys, Provider, keys_of
from tests.cycle.small_world import SteadyClock
from tests.forge.signing import AT, SECRET, STANDARD

KEYS = {one: keys_of(one, (STANDARD if one is Provider.GITLAB else SECRET,)) for one in Provider}
LOOPBACK = ("127.0.0.1", 0)


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Opened:
    front: FrontDoor
    bell: Bell
    state: Path
    clock: SteadyClock
    said: list[str] = field(default_factory=list)

    @property
    def ports(self) -> list[int]:
        words = [word.rstrip(".;") for word in self.said[-1].split()]
        return [urlsplit(word).port or 0 for word in words if word.startswith("http://")]

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.ports[0]

    def ask(self, method: str, path: str, body: bytes | None = None, port: int = 0, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.ports[0], timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Reply(answer.status, answer.read().decode(), {n.lower(): v for n, v in answer.getheaders()})
        finally:
            connection.close()

    def post(self, delivery: Delivery, path: str = "") -> Reply:
        headers = {name.decode(): value.decode("latin-1") for name, value in delivery.headers}
        return self.ask("POST", path or f"/webhooks/{delivery.provider}", delivery.body, **headers)

    def raw(self, *parts: bytes) -> bytes:
        """What comes back when these bytes are sent, until the other side ends it."""
        with socket.create_connection(self.address, timeout=20) as talk:
            for part in parts:
                talk.sendall(part)
            found = b""
            try:
                while piece := talk.recv(65536):
                    found += piece
            except ConnectionResetError:
                return found
            return found

    def waiting(self) -> tuple[Waiting, ...]:
        return waiting_in(self.state)

    def metric(self, line: str) -> float:
        """The value of one series; 0 where it has no line."""
        found = [
            row
            for row in self.ask("GET", "/metrics", port=self.ports[-1]).text.splitlines()
            if row.startswith(line + " ")
        ]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


@contextmanager
def front_door(
    state: Path, keys: Mapping[Provider, Keys] = KEYS, private: tuple[str, int] | None = None,
    knocked: Callable[[Knock], None] | None = None,
) -> Iterator[Opened]:  # fmt: skip
    clock = SteadyClock(datetime.fromtimestamp(AT, UTC))
    said: list[str] = []
    listen = Listen(LOOPBACK, private, keys, frozenset({"agency/fleet"}), state)
    front, bell = FrontDoor(listen, clock, said.append, knocked), Bell()
    with front.opened(bell):
        yield Opened(front, bell, state, clock, said)
