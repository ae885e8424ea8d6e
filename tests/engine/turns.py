"""A process of the durable engine in one thread: its event loop, its hands, its clock and its inbox take turns.

In production an event loop walks, threads call the cloud, another keeps the time, and the thread that asked waits for
all of them. Here whoever waits (`Mailbox.get`, `Turns.until`) drives the rest, one thing at a time, and which of
several comes next follows from `chance`. Calls are carried out outside of the event loop, so that a call may run a
whole process of another host meanwhile.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from queue import Empty
from typing import Any

from reconciler.engine.durable.hands import Hears
from reconciler.engine.durable.site import Message
from reconciler.model.ports import Clock

TICK = 1.0
"""Longest sleep at once, seconds: how late the stop switch is noticed, as in production."""
FOR_EVER = 1e6
"""Seconds."""


class _Silent:
    """What an event loop asks the operating system: nothing ever arrives from outside."""

    def select(self, _timeout: float | None) -> list[Any]:
        return []


class OwnLoop(asyncio.BaseEventLoop):
    """An event loop that no socket and no clock belongs to: it runs what is ready."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Silent()
        self.set_exception_handler(lambda _loop, _context: None)

    def _process_events(self, _events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def set_exception_handler(self, handler: Any) -> None:
        """What a death leaves behind is no news."""
        super().set_exception_handler(lambda _loop, _context: None)

    def run_ready(self) -> None:
        """Until nobody can go on by himself."""
        while self._ready:  # type: ignore[attr-defined]
            self.stop()
            self.run_forever()


Call = Callable[[], Any]


@dataclass
class Turns:
    """What one process has to do. `clock` is its host's."""

    clock: Clock
    chance: random.Random
    loop: OwnLoop = field(default_factory=OwnLoop)
    calls: list[tuple[Call, asyncio.Future[Any]]] = field(default_factory=list)
    waiting: list[tuple[datetime, int, asyncio.Future[Any]]] = field(default_factory=list)
    hears: Hears | None = None
    over: bool = False
    _waits: int = 0
    _unticked: float = 0.0

    async def do(self, call: Call) -> Any:
        """The call's result or Exception, at another turn. What is no Exception ends the process."""
        future = self.loop.create_future()
        self.calls.append((call, future))
        return await future

    async def wait(self, seconds: float) -> None:
        future = self.loop.create_future()
        self._waits += 1
        heappush(self.waiting, (self.clock.now() + timedelta(seconds=seconds), self._waits, future))
        await future

    def take(self, longest: float) -> float:
        """One turn: a call, or a sleep of at most so many seconds. How long was slept."""
        self.loop.run_ready()
        if self.calls:
            self._call(*self.calls.pop(self.chance.randrange(len(self.calls))))
            return 0.0
        pause = min(longest, TICK)
        if self.waiting:
            pause = max(0.0, min(pause, (self.waiting[0][0] - self.clock.now()).total_seconds()))
        self._sleep(pause)
        if self.waiting and self.waiting[0][0] <= self.clock.now():
            future = heappop(self.waiting)[2]
            if not future.done():
                future.set_result(None)
        self.loop.run_ready()
        return pause

    def until(self, holds: Callable[[], bool]) -> None:
        """Let the others work until it holds. Raises AssertionError where it never does."""
        self.loop.run_ready()
        slept = 0.0
        while not holds():
            slept += self.take(TICK)
            assert slept < FOR_EVER, "waited for ever for what is never put on record"

    def close(self) -> None:
        """The process is gone: what was under way ends where it stands, and nothing of it is carried out."""
        self.over = True
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_ready()
        self.calls.clear()
        self.waiting.clear()
        self.loop.close()

    def _call(self, call: Call, future: "asyncio.Future[Any]") -> None:
        if future.done():
            return  # nobody waits for it any more
        try:
            answer = call()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(answer)
        self.loop.run_ready()

    def _sleep(self, pause: float) -> None:
        if pause:
            try:
                self.clock.sleep(pause)
            except KeyboardInterrupt:
                if self.hears is not None:
                    self.hears.interrupted()
        self._unticked += pause
        if self._unticked >= TICK and self.hears is not None:
            self._unticked = 0.0
            self.hears.tick(self.clock.now())


class OneHand:
    """In place of hands.Hands."""

    def __init__(self, turns: Turns) -> None:
        self.do = turns.do

    def dismiss(self) -> None:
        pass


class OneClock:
    """In place of hands.Timekeeper."""

    def __init__(self, turns: Turns, hears: Hears) -> None:
        self.wait, turns.hears = turns.wait, hears

    def look_up(self) -> None:
        pass

    def close(self) -> None:
        pass


class Mailbox:
    """In place of the inbox that the asking thread sleeps on: who reads it lets the others work."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._there: list[Message] = []

    def put(self, message: Message) -> None:
        self._there.append(message)

    def get(self, timeout: float) -> Message:
        """The next message. Raises Empty after so many seconds without one."""
        self._turns.loop.run_ready()
        left = timeout
        while not self._there:
            if left <= 0:
                raise Empty
            left -= self._turns.take(left)
        return self._there.pop(0)
