"""What the walks of one process share: hands, clock, room for so many changes at once, and who listens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from queue import SimpleQueue
from typing import Protocol

from reconciler.applying.pace import Rules
from reconciler.applying.walk import INTERRUPTED
from reconciler.engine.durable.hands import Hands, Timekeeper
from reconciler.engine.effects import Effects
from reconciler.model.outcome import Event


@dataclass(frozen=True, slots=True)
class Over:
    """A part was walked to its end; what it came to is on record."""

    part: int


@dataclass(frozen=True, slots=True)
class Broke:
    """A part cannot go on, and its order with it. `error` is what broke it."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Nudge:
    """Look again. `interrupted`: somebody asked to stop."""

    interrupted: bool = False


Message = Event | Over | Broke | Nudge
Inbox = SimpleQueue[Message]


class Walking(Protocol):
    """A walk of this site, as its site sees it."""

    def look_up(self) -> None:
        """Something changed: stop or leave. From any thread."""

    def still_at_it(self, now: datetime) -> None:
        """Tell of what takes its time. From any thread."""


@dataclass(slots=True)
class Site:
    """`reason`: why no first effect may happen any more ("" while it may). `left`: nothing may. `dead`: nor may
    anything be recorded, for the process is being ended."""

    effects: Effects
    parallel: int
    rules: Rules
    reason: str = ""
    left: bool = False
    dead: bool = False
    at_work: int = 0
    listeners: dict[int, Inbox] = field(default_factory=dict)
    walks: set[Walking] = field(default_factory=set)
    room: asyncio.Semaphore = field(init=False)
    hands: Hands = field(init=False)
    clock: Timekeeper = field(init=False)

    def __post_init__(self) -> None:
        self.room = asyncio.Semaphore(self.parallel)
        self.hands = Hands(self.parallel, self._died)
        self.clock = Timekeeper(self.effects.clock, lambda: self.at_work, self)

    def tell(self, order: int, message: Message) -> None:
        inbox = self.listeners.get(order)
        if inbox is not None:
            inbox.put(message)

    def stop(self, reason: str) -> None:
        """Start nothing any more; what is under way is finished."""
        self.reason = self.reason or reason
        self._look_up()

    def leave(self) -> None:
        """Nobody waits any longer for what is under way."""
        self.left = True
        self._look_up()

    def close(self) -> None:
        self.left = self.dead = True
        self.hands.dismiss()
        self.clock.close()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of `parallel` places to work at a change."""
        async with self.room:
            self.at_work += 1
            try:
                yield
            finally:
                self.at_work -= 1
                self.clock.look_up()

    # --- from other threads -----------------------------------------------------------------------------------------

    def _look_up(self) -> None:
        for walk in tuple(self.walks):
            walk.look_up()

    def tick(self, now: datetime) -> None:
        if self.walks and not self.reason and (why := self.effects.stopped()):
            self.stop(why)
        for walk in tuple(self.walks):
            walk.still_at_it(now)

    def interrupted(self) -> None:
        self.stop(INTERRUPTED)  # at once, as a signal does: who listens may be slower than the walk
        for inbox in tuple(self.listeners.values()):
            inbox.put(Nudge(interrupted=True))

    def _died(self, error: BaseException) -> None:
        self.left = self.dead = True
        for inbox in tuple(self.listeners.values()):
            inbox.put(Broke(error))
