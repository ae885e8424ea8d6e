"""Threads that do for an event loop what blocks: carry requests out, and wait on our own clock for whoever waits.

They are daemon threads: leaving in a hurry never waits for a call that hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from reconciler.model.ports import Clock

T = TypeVar("T")
SLICE = 0.1
"""Longest sleep of the waiting thread, seconds: how late a shorter wait that comes meanwhile may end."""
TICK = 1.0
"""Seconds between two looks at the stop switch and at what is long at work."""

Future = asyncio.Future[Any]
Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, Future]


class Hands:
    """`died` hears of what ended a thread and is no Exception: the process is being ended, and nobody is answered."""

    def __init__(self, size: int, died: Callable[[BaseException], None]) -> None:
        self._size, self._died = size, died
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        for _ in range(size):
            threading.Thread(target=self._work, daemon=True, name="aipress-apply").start()

    async def do(self, call: Callable[[], T]) -> T:
        """The call's result or Exception, from another thread."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._jobs.put((call, loop, future))
        result: T = await future
        return result

    def dismiss(self) -> None:
        for _ in range(self._size):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, loop, future = job
            try:
                answer, error = call(), None
            except Exception as raised:
                answer, error = None, raised
            except BaseException as ended:
                self._died(ended)
                return
            _soon(loop, future, answer, error)


class Hears(Protocol):
    """Who hears of time, from the clock's thread."""

    def tick(self, now: datetime) -> None:
        """About every second."""

    def interrupted(self) -> None:
        """The clock was interrupted while it slept."""


class Timekeeper:
    """Who waits costs no thread but this one. While fewer wait than are `at_work`, it does not sleep on the clock: one
    that is not the system's must not run ahead of who is between a look and a call."""

    def __init__(self, clock: Clock, at_work: Callable[[], int], hears: "Hears") -> None:
        self._clock, self._at_work, self._hears = clock, at_work, hears
        self._lock, self._news = threading.Lock(), threading.Event()
        self._waiting: list[tuple[datetime, int, asyncio.AbstractEventLoop, Future]] = []
        self._numbers, self._closed = count(), False
        threading.Thread(target=self._keep, daemon=True, name="aipress-clock").start()

    async def wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        due = self._clock.now() + timedelta(seconds=seconds)
        with self._lock:
            heappush(self._waiting, (due, next(self._numbers), loop, future))
        self._news.set()
        try:
            await future
        except asyncio.CancelledError:
            with self._lock:
                self._waiting = [one for one in self._waiting if one[3] is not future]
                heapify(self._waiting)
            self._news.set()
            raise

    def look_up(self) -> None:
        """Fewer are at work."""
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()

    def _keep(self) -> None:
        ticked = self._clock.now()
        while not self._closed:
            self._news.clear()
            with self._lock:
                due = self._waiting[0][0] if self._waiting else None
            idle = due is None and not self._news.wait(TICK)
            if due is not None:
                self._sleep(due)
            now = self._clock.now()
            self._wake(now)
            if idle or (now - ticked).total_seconds() >= TICK:
                ticked = now
                self._hears.tick(now)

    def _sleep(self, due: datetime) -> None:
        pause = min((due - self._clock.now()).total_seconds(), SLICE)
        if pause <= 0:
            return
        if len(self._waiting) < self._at_work():
            self._news.wait(pause)
            return
        try:
            self._clock.sleep(pause)
        except KeyboardInterrupt:
            self._hears.interrupted()

    def _wake(self, now: datetime) -> None:
        with self._lock:
            woken = []
            while self._waiting and self._waiting[0][0] <= now:
                woken.append(heappop(self._waiting))
        for _, _, loop, future in woken:
            _soon(loop, future, None, None)


def _soon(loop: asyncio.AbstractEventLoop, future: Future, answer: Any, error: Exception | None) -> None:
    def settle() -> None:
        if not future.done():
            future.set_exception(error) if error is not None else future.set_result(answer)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return
