"""One part, walked on an event loop: the pure machines fed, each change in two durable steps.

`begin ADDRESS` reads, judges, records the intent and calls; it ends at the end of the change, or with an operation
under way. `wait ADDRESS` is one step for the whole of that operation, polls and confirmation included. A step that is
run again after a crash looks before it acts, as the machine does after any answer that was lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from reconciler.applying.attempt import step
from reconciler.applying.exchange import Begin, Broken, Finish, Request, Response, Stopped, Wait, Waited
from reconciler.applying.pace import poll_pause
from reconciler.applying.state import Phase, State, begin, leave, must_go_on
from reconciler.applying.walk import INTERRUPTED, Turn, Walk
from reconciler.engine.bug import bug
from reconciler.engine.durable.coding import from_json, to_json
from reconciler.engine.durable.parts import Given, Part
from reconciler.engine.durable.site import Site
from reconciler.engine.earlier import Earlier
from reconciler.model.canonical import Body
from reconciler.model.errors import AipressError
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Outcome, Result
from reconciler.model.plan import Change

STILL = 10.0
"""Seconds between two "still at it" events of one change."""
QUIET = 1.0
"""A change that is over within this many seconds tells nothing in between."""
_LOG = logging.getLogger(__name__)

Row = dict[str, Any]


class Steps(Protocol):
    """The one way to a durable step."""

    async def run(self, what: str, address: Address, act: Callable[[], Awaitable[Row]]) -> Row:
        """What `act` comes to, or came to when the step was run before."""


@dataclass(slots=True)
class Active:
    """A change at work: its machine's state, and what was told about it (`told` when, `said` what)."""

    change: Change
    state: State
    since: datetime
    told: datetime
    said: str = ""
    heard: bool = False
    """Something was really done for it here, not only read in the journal: its events are news."""
    due: datetime | None = None
    """When its operation is first asked after, once it was begun here: not a pause later because it was put on record
    meanwhile."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is walked: a part of the order with this number."""

    number: int
    order: Order
    part: Part
    given: Given


@dataclass(slots=True, eq=False)
class PartWalk:
    site: Site
    errand: Errand
    steps: Steps
    walk: Walk = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    news: asyncio.Event = field(init=False)
    stopping: asyncio.Event = field(init=False)
    active: dict[Address, Active] = field(default_factory=dict)
    results: dict[Address, Body] = field(init=False)
    earlier: Earlier = field(init=False)
    changes: dict[str, Change] = field(init=False)
    digest: str = field(init=False)
    stopped: bool = False
    over: bool = False

    def __post_init__(self) -> None:
        self.walk = Walk(self.errand.part.changes, self.site.parallel)
        self.loop, self.news, self.stopping = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self.results = dict(self.errand.given.results)
        self.earlier = Earlier(self.site.effects.journal)
        self.digest = self.errand.order.plan.digest  # of the whole plan: not to be made for every step
        self.changes = {str(change.address): change for change in self.errand.part.changes}

    async def through(self) -> Outcome:
        """To the end, or until it is left. Raises what a step raises: its journal cannot be written or read."""
        self.site.walks.add(self)
        try:
            return await self._through()
        finally:
            self.site.walks.discard(self)

    def look_up(self) -> None:
        self.loop.call_soon_threadsafe(self._looked_up)

    def _looked_up(self) -> None:
        self.news.set()
        if self.site.reason:
            self.stopping.set()

    def still_at_it(self, now: datetime) -> None:
        for active in tuple(self.active.values()):
            if active.heard and (now - active.told).total_seconds() >= STILL:
                self._tell(EventKind.PROGRESS, active, active.said)

    # --- many changes -----------------------------------------------------------------------------------------------

    async def _through(self) -> Outcome:
        tasks: set[asyncio.Future[ItemOutcome]] = set()
        news: asyncio.Future[Any] = asyncio.ensure_future(self.news.wait())
        try:
            self._conclude(self.walk.skip(self.errand.given.skip))
            while not self.walk.over:
                if self.site.reason and not self.stopped:
                    self.stopped = True
                    self._conclude(self.walk.stop(self.site.reason))
                if self.site.left:
                    await self._unless_dead()
                    return self._left()
                tasks |= {asyncio.ensure_future(self._change(self._started(c))) for c in self.walk.start()}
                done, _ = await asyncio.wait([*tasks, news], return_when=asyncio.FIRST_COMPLETED)
                if news in done:
                    self.news.clear()
                    news = asyncio.ensure_future(self.news.wait())
                for task in tasks & done:
                    tasks.discard(task)
                    self._conclude(self.walk.finish(task.result()))
            return self.walk.outcome(cut=self.site.reason if self.stopped else "")
        finally:
            self.over = True
            news.cancel()
            for other in tasks:
                other.cancel()

    def _left(self) -> Outcome:
        """What is under way goes on in the cloud; what attended to it never acts again, and is not waited for."""
        self._conclude(self.walk.stop(self.site.reason or "left"))
        for active in tuple(self.active.values()):
            self._conclude(self.walk.finish(self._ended(active, leave(active.change, active.state))))
        return self.walk.outcome(cut=self.site.reason or INTERRUPTED)

    def _conclude(self, turn: Turn) -> None:
        now = self.site.effects.clock.now()
        for item in turn.skipped:
            self._send(Event(EventKind.SKIPPED, item.change, now, 0.0, item.message))

    # --- one change -------------------------------------------------------------------------------------------------

    def _started(self, change: Change) -> Active:
        now = self.site.effects.clock.now()
        active = Active(change, begin(change, self.results, self.digest), now, now)
        self.active[change.address] = active
        return active

    async def _change(self, active: Active) -> ItemOutcome:
        change = active.change
        async with self.site.place():
            row = await self.steps.run("begin", change.address, partial(self._begin, active))
            if row["item"] is None:
                active.state = from_json(State, row["state"], self.changes)
                row = await self.steps.run("wait", change.address, partial(self._wait_for_operation, active))
        return self._ended(active, from_json(ItemOutcome, row["item"], self.changes))

    def _ended(self, active: Active, item: ItemOutcome) -> ItemOutcome:
        if self.active.pop(active.change.address, None) is None:
            return item
        if item.result is Result.DONE and item.live is not None:
            self.results[item.change.address] = item.live
        if active.heard:
            self._tell(EventKind.COMPLETE if item.result is Result.DONE else EventKind.ERRORED, active, item.message)
        return item

    async def _begin(self, active: Active) -> Row:
        if self.site.reason:
            message = f"not started: {self.site.reason}"
            self._conclude(Turn([ItemOutcome(active.change, Result.INTERRUPTED, message)]))
            return _row(active, ItemOutcome(active.change, Result.INTERRUPTED, message, attempts=0))
        active.heard = True
        active.since = self.site.effects.clock.now()
        self._tell(EventKind.START, active, self.earlier.told(active.change))
        return await self._driven(active, None, until_operation=True)

    async def _wait_for_operation(self, active: Active) -> Row:
        if not active.heard:
            active.heard = True
            active.since = self.site.effects.clock.now()
            self._tell(EventKind.START, active, self.earlier.told(active.change))
        pause = poll_pause(active.state.polls, self.site.rules)
        if active.due is not None:
            pause = min(pause, max(0.0, (active.due - self.site.effects.clock.now()).total_seconds()))
        await self._pause(pause)
        return await self._driven(active, Waited(), until_operation=False)

    async def _driven(self, active: Active, response: Response | None, *, until_operation: bool) -> Row:
        """Feed the machine, and see to what it asks for."""
        while True:
            asked = await self.site.hands.do(partial(self._as_far_as_it_goes, active, response))
            await self._unless_left()
            if isinstance(asked, Finish):
                return _row(active, self._timed(active, asked.item))
            self._say(active, asked.why)
            if until_operation and active.state.operation and active.state.then is Phase.POLLING:
                active.due = self.site.effects.clock.now() + timedelta(seconds=asked.seconds)
                return _row(active, None)
            stoppable = asked.stoppable and not must_go_on(active.change, active.state)
            await self._pause(asked.seconds, stoppable=stoppable)
            response = Stopped(self.site.reason) if stoppable and self.site.reason else Waited()

    def _as_far_as_it_goes(self, active: Active, response: Response | None) -> Finish | Wait:
        """From one wait to the next, in one hand: each way back to the loop costs more than most requests do."""
        while True:
            try:
                active.state, request = step(active.change, active.state, response, self.site.rules)
            except Exception as error:  # a bug of ours in one change is that change's failure, never the run's
                return Finish(ItemOutcome(active.change, Result.FAILED, bug(error)))
            if isinstance(request, Finish | Wait):
                return request
            if self.site.left or self.over:
                return Wait(0.0, "", stoppable=False)  # nobody waits for it any more: see `_unless_left`
            why = self._leaving(active) if isinstance(request, Begin) else ""
            response = Stopped(why) if why else self._carry_out(active, request)

    def _carry_out(self, active: Active, request: Request) -> Response:
        try:
            return self.site.effects.carry_out(active.change, active.state, request, self.digest)
        except AipressError as error:
            return Broken(f"{error}. {error.hint}" if error.hint else str(error))
        except Exception as error:  # whatever breaks one change is told as that change's failure
            _LOG.debug("a request of %s broke", active.change.address, exc_info=error)
            return Broken(bug(error))

    def _leaving(self, active: Active) -> str:
        """Why an effect must not happen now: an interrupt lets what has begun go on."""
        begun = active.state.calls > 1 or must_go_on(active.change, active.state)
        return "" if begun else self.site.reason

    async def _pause(self, seconds: float, *, stoppable: bool = False) -> None:
        """`stoppable`: nothing is under way, so a stop is not slept through."""
        ends: set[asyncio.Future[Any]] = {asyncio.ensure_future(self.site.clock.wait(seconds))}
        if stoppable:
            ends.add(asyncio.ensure_future(self.stopping.wait()))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        await self._unless_left()

    async def _unless_left(self) -> None:
        if self.site.left or self.over:
            await asyncio.Future()  # never: what nobody waits for does nothing more, and records nothing

    async def _unless_dead(self) -> None:
        if self.site.dead:
            await asyncio.Future()  # as if the process were gone

    # --- telling ----------------------------------------------------------------------------------------------------

    def _timed(self, active: Active, item: ItemOutcome) -> ItemOutcome:
        return replace(item, seconds=(self.site.effects.clock.now() - active.since).total_seconds())

    def _say(self, active: Active, why: str) -> None:
        """A phase of work in words, once, and only of what takes its time."""
        if why and why != active.said and (self.site.effects.clock.now() - active.since).total_seconds() >= QUIET:
            active.said = why
            self._tell(EventKind.PROGRESS, active, why)

    def _tell(self, kind: EventKind, active: Active, message: str = "") -> None:
        now = self.site.effects.clock.now()
        active.told = now
        self._send(Event(kind, active.change, now, (now - active.since).total_seconds(), message))

    def _send(self, event: Event) -> None:
        self.site.tell(self.errand.number, event)


def _row(active: Active, item: ItemOutcome | None) -> Row:
    return {"state": to_json(active.state) if item is None else None, "item": to_json(item)}
