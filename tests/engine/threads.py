"""A plain driver behind the Engine port, for tests and the simulation: no journal of steps, a clock of any kind.

What runs in production is reconciler/engine/durable; both pass tests/engine/test_the_engine_port.py.

One thread walks: it alone holds the walk and the states, calls progress and `settled`, and keeps what waits in a heap
by due time. The crew only carries requests out. Leaving in a hurry is as safe as a crash, because intents come before
effects and the next run looks before it acts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from reconciler.applying.attempt import step
from reconciler.applying.exchange import Finish, Response, Stopped, Wait, Waited
from reconciler.applying.pace import Rules
from reconciler.applying.state import begin, leave, must_go_on
from reconciler.applying.walk import INTERRUPTED, Turn, Walk
from reconciler.engine.bug import bug
from reconciler.engine.earlier import Earlier, sent
from reconciler.engine.effects import Effects
from reconciler.engine.interrupts import Interrupts
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Outcome, Result
from reconciler.model.ports import Clock, Current, Progress, Settled
from tests.engine.crew import Active, Crew

STILL = 10.0
"""Seconds between two "still at it" events of one change."""
QUIET = 1.0
"""A change that is over within this many seconds tells nothing in between."""
TICK = 1.0
"""Longest the walking thread waits at once, seconds: how soon it notices the stop switch."""


@dataclass(frozen=True, slots=True)
class ThreadEngine:
    """`parallel`: changes at work at once (1 or more). `crew`: who carries requests out; the simulation has its own."""

    effects: Effects
    parallel: int = 8
    rules: Rules = field(default_factory=Rules)
    crew: Callable[[Effects, str], Crew] = Crew

    @property
    def clock(self) -> Clock:
        return self.effects.clock

    def apply(self, order: Order, progress: Progress, settled: Settled) -> Outcome:
        """Walk an order's plan; items in its `skip` are not run, nor what depends on them.

        A change that fails never stops the walk. What `progress` or `settled` raise is raised when the walk is over,
        the first of it. On Ctrl-C, SIGTERM or a thrown stop switch nothing new starts and what is under way is
        finished; on a second Ctrl-C it is left. Raises ValueError for a plan that cannot be walked (a bug).
        """
        plan = order.plan
        self.effects.opened(order)
        run = _Run(
            self, order, Walk(plan.changes, self.parallel), self.crew(self.effects, plan.digest), progress, settled
        )
        earlier = Earlier(self.effects.journal)
        run.crew.muster(min(self.parallel, len(plan.changes)))
        try:
            run.through(order.skip, earlier)
        finally:
            run.crew.dismiss()
        outcome = run.outcome()
        earlier.forget(plan, outcome)
        if run.errors:
            for other in run.errors[1:]:
                run.errors[0].add_note(f"and also: {other}")
            raise run.errors[0]
        return outcome

    def resume(
        self,
        current: Current,
        progress: Progress,
        settled: Settled,
    ) -> Sequence[tuple[Order, Outcome]]:
        """Nothing: no step outlives the process, and the next plan looks at what was left."""
        return ()

    def begun(self) -> Mapping[Address, Body]:
        return sent(self.effects.journal)

    def abandoned(self) -> bool:
        """Never: as above."""
        return False


@dataclass(slots=True)
class _Run:
    """One walk. `parked`: (due, order of arrival, address) of what waits; `results`: live bodies of what is done."""

    engine: ThreadEngine
    order: Order
    walk: Walk
    crew: Crew
    progress: Progress
    settled: Settled
    active: dict[Address, Active] = field(default_factory=dict)
    parked: list[tuple[datetime, int, Address]] = field(default_factory=list)
    results: dict[Address, Body] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)

    def through(self, skip: Mapping[Address, str], earlier: Earlier) -> None:
        interrupts = Interrupts(self.crew.nudge)
        with interrupts.listening():
            self._conclude(self.walk.skip(skip))
            while not self.walk.over:
                self._heed(interrupts)
                self._start(earlier)
                self._wake()
                try:
                    self._take()
                except KeyboardInterrupt:  # from a clock that can be interrupted; signals are only counted
                    interrupts.add()

    def outcome(self, shard: str | None = None) -> Outcome:
        """What has ended so far, and what cut the walk short: a signal, or a word of ours."""
        return self.walk.outcome(shard, cut=self.crew.reason)

    # --- one round --------------------------------------------------------------------------------------------------

    def _heed(self, interrupts: Interrupts) -> None:
        """Stop starting when asked to; on a second interrupt leave what is under way."""
        if not self.crew.reason:
            self.crew.reason = INTERRUPTED if interrupts.count else self.engine.effects.stopped()
            if self.crew.reason:
                self._conclude(self.walk.stop(self.crew.reason))
        if interrupts.count > 1:
            self.crew.left = True
            for active in list(self.active.values()):
                self._finish(active, leave(active.change, active.state))

    def _start(self, earlier: Earlier) -> None:
        for change in self.walk.start():
            now = self.engine.clock.now()
            active = Active(change, begin(change, self.results, self.crew.plan), now, now)
            self.active[change.address] = active
            self._tell(EventKind.START, active, earlier.told(change))
            self._advance(active, None)

    def _wake(self) -> None:
        now = self.engine.clock.now()
        while self.parked and self.parked[0][0] <= now:
            active = self.active.get(heappop(self.parked)[2])
            if active is not None:
                stopped = self.crew.reason if self._stoppable(active) else ""
                self._advance(active, Stopped(stopped) if stopped else Waited())
        if self.crew.reason:
            self._stop_pauses()
        for active in list(self.active.values()):
            if (now - active.told).total_seconds() >= STILL:
                self._tell(EventKind.PROGRESS, active, active.said)

    def _stop_pauses(self) -> None:
        """A pause in which nothing is under way is not slept out once somebody asked to stop."""
        ended = [one for one in self.parked if one[2] in self.active and self._stoppable(self.active[one[2]])]
        self.parked = [one for one in self.parked if one not in ended]
        heapify(self.parked)
        for _, _, address in sorted(ended):
            self._advance(self.active[address], Stopped(self.crew.reason))

    def _stoppable(self, active: Active) -> bool:
        return active.stoppable and not must_go_on(active.change, active.state)

    def _take(self) -> None:
        """Take one response, or wait until something is due."""
        due = (self.parked[0][0] - self.engine.clock.now()).total_seconds() if self.parked else TICK
        pause = min(max(due, 0.0), TICK)
        if not self.crew.busy:
            if self.parked and pause:
                self.engine.clock.sleep(pause)
            return
        answer = self.crew.take(pause)
        if answer is not None and answer[0] in self.active:
            self._advance(self.active[answer[0]], answer[1])

    # --- one change -------------------------------------------------------------------------------------------------

    def _advance(self, active: Active, response: Response | None) -> None:
        """Feed the machine, and see to what it asks for."""
        try:
            active.state, request = step(active.change, active.state, response, self.engine.rules)
        except Exception as error:  # a bug of ours in one change is that change's failure, never the run's
            self._finish(active, ItemOutcome(active.change, Result.FAILED, bug(error)))
            return
        if isinstance(request, Finish):
            self._finish(active, request.item)
        elif isinstance(request, Wait):
            due = self.engine.clock.now() + timedelta(seconds=request.seconds)
            active.stoppable = request.stoppable
            heappush(self.parked, (due, active.state.waits, active.change.address))
            self._say(active, request.why)
        else:
            self.crew.give(active, request)

    def _finish(self, active: Active, item: ItemOutcome) -> None:
        change = active.change
        del self.active[change.address]
        item = replace(item, seconds=(self.engine.clock.now() - active.since).total_seconds())
        if item.result is Result.DONE and item.live is not None:
            self.results[change.address] = item.live
        self._tell(EventKind.COMPLETE if item.result is Result.DONE else EventKind.ERRORED, active, item.message)
        self._conclude(self.walk.finish(item))

    def _conclude(self, turn: Turn) -> None:
        """Tell of what is skipped, and hand over each shard that is settled now."""
        now = self.engine.clock.now()
        for item in turn.skipped:
            self._send(Event(EventKind.SKIPPED, item.change, now, 0.0, item.message))
        for shard in turn.settled:
            try:
                self.settled(self.order, shard, self.outcome(shard))
            except Exception as error:  # kept and raised at the end: the other shards go on
                self.errors.append(error)

    # --- telling ----------------------------------------------------------------------------------------------------

    def _say(self, active: Active, why: str) -> None:
        """A phase of work in words, once, and only of what takes its time."""
        if why and why != active.said and (self.engine.clock.now() - active.since).total_seconds() >= QUIET:
            active.said = why
            self._tell(EventKind.PROGRESS, active, why)

    def _tell(self, kind: EventKind, active: Active, message: str = "") -> None:
        now = self.engine.clock.now()
        active.told = now
        self._send(Event(kind, active.change, now, (now - active.since).total_seconds(), message))

    def _send(self, event: Event) -> None:
        try:
            self.progress(event)
        except Exception as error:  # a closed terminal must not end an apply half way; raised when it is over
            self.errors.append(error)
            self.progress = _unheard


def _unheard(_event: Event) -> None:
    """Where events go once the listener broke."""
