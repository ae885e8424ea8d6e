"""The front door as one piece: sockets, inbox, desk, health and metrics, open while the loop runs. Needs the extra
`daemon`."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.daemon.beside import Hearer
from reconciler.daemon.desk import Desk, Knock
from reconciler.daemon.door import Door
from reconciler.daemon.following import is_fleet
from reconciler.daemon.health import Health
from reconciler.daemon.inbox import Inbox
from reconciler.daemon.listening import connections, listener, open_doors, url
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.serve import Begun, Reported
from reconciler.daemon.telling import BLIND, Sight
from reconciler.daemon.waking import Bell
from reconciler.forge.signatures import Keys, Provider
from reconciler.model.outcome import Event
from reconciler.model.ports import Clock, Observer


@dataclass(frozen=True, slots=True)
class Listen:
    """`at` (host, port) takes webhooks in and, unless `private` names another place for them, tells health and metrics.
    `names`: what webhooks may call the fleet repository. `state`: the folder of the inbox."""

    at: tuple[str, int]
    private: tuple[str, int] | None
    keys: Mapping[Provider, Keys]
    names: frozenset[str]
    state: Path


class FrontDoor(Hearer):
    """beside.Hearing. `tell` says something to a person, `knocked` hears of each delivery that was answered."""

    def __init__(
        self, listen: Listen, clock: Clock, tell: Callable[[str], None],
        knocked: Callable[[Knock], None] | None = None, sight: Sight = BLIND,
    ) -> None:  # fmt: skip
        self._knocked = knocked or _unheard
        self._listen = listen
        self._clock = clock
        self._tell = tell
        self._health = Health(clock)
        self._desk: Desk | None = None
        self._metrics = Metrics(self._depth, connections, clock, sight)

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        """Raises AipressError when a place is taken or the inbox cannot be used."""
        listen = self._listen
        self._health.until(bell.stopping)
        with ExitStack() as stack:
            inbox = Inbox(listen.state)
            stack.callback(inbox.close)
            desk = Desk(
                listen.keys, inbox, self._clock, lambda hint: is_fleet(hint, listen.names), bell.ring,
                bell.news.set, self._metrics.delivered, self._knocked,
            )  # fmt: skip
            self._desk = desk
            sockets = [self._socket(stack, listen.at)]
            if listen.private is not None:
                sockets.append(self._socket(stack, listen.private))
            doors = [
                Door(desk, self._health, self._metrics, webhooks=n == 0, private=n == len(sockets) - 1)
                for n in range(len(sockets))
            ]
            stack.enter_context(open_doors(list(zip(doors, sockets, strict=True))))
            self._tell(self._sentence(sockets))
            yield

    def tick(self, *, working: bool) -> None:
        self._health.tick(working=working)

    @property
    def observer(self) -> Observer:
        """Counts what is called."""
        return self._metrics.observer

    @property
    def sent(self) -> Callable[[str, str], None]:
        """Counts messages: target, how it ended."""
        return self._metrics.sent

    def begins(self, cycle: Begun) -> None:
        self._metrics.begins(cycle)

    def happened(self, event: Event) -> None:
        self._metrics.happened(event)

    def told(self, reported: Reported) -> None:
        self._health.told(reported)
        self._metrics.told(reported, self._clock.now().timestamp())

    def fetched(self, failure: str) -> None:
        self._health.fetched(failure)
        self._metrics.fetched(None if failure else self._clock.now().timestamp())

    def _depth(self) -> float:
        return 0.0 if self._desk is None else self._desk.depth()

    def _socket(self, stack: ExitStack, place: tuple[str, int]) -> socket.socket:
        made = listener(*place)
        stack.callback(made.close)
        return made

    def _sentence(self, sockets: list[socket.socket]) -> str:
        who = ", ".join(sorted(self._listen.keys)) or "none: no secret is configured"
        private = f"; health and metrics at {url(sockets[-1])}" if len(sockets) > 1 else ""
        return f"Listening at {url(sockets[0])} for webhooks of {who}{private}."


def _unheard(_knock: Knock) -> None:
    """Nobody hears it."""
