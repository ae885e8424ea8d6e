"""The loop of `aipress serve`: a commit, or the interval, starts a cycle; nothing that happens in one ends the loop."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from reconciler.actions.apply import Applied, ApplyRequest, apply, exit_code
from reconciler.actions.plan import PlanRequest, difference, make
from reconciler.actions.selftest import require_guards
from reconciler.actions.waves import bakes
from reconciler.cycle.world import World
from reconciler.daemon.waking import Bell, signals, watching
from reconciler.model.errors import AipressError, InputError, RefusedError
from reconciler.model.ids import Address, Scope, Target
from reconciler.model.outcome import Outcome
from reconciler.model.plan import Plan
from reconciler.model.ports import Progress
from reconciler.source.scope import scope_of

RETRY = 5.0
"""Seconds until a cycle that ended with an error is tried again; doubles each time, up to the interval."""


SIGN = 30.0
"""Seconds between two looks at whether the fleet is still ours, and whether another worker died in an apply."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a person hears of one cycle. `applied` is None when the cycle ended with `error`; it took `seconds`."""

    number: int
    trigger: str
    commit: str
    applied: Applied | None
    error: AipressError | None = None
    scope: Scope = field(default_factory=Scope)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the cycle has to come again: it ended with an error, or was told to stop."""
        return self.applied is None or bool(self.applied.outcome.stopped)


@dataclass(frozen=True, slots=True)
class Begun:
    """A cycle begins, at a fleet commit ("" where there is none)."""

    number: int
    trigger: str
    commit: str
    scope: Scope
    at: datetime


class Beside(Protocol):
    """What goes on beside the loop. None of it raises."""

    def opened(self, bell: Bell) -> AbstractContextManager[None]:
        """Around the whole loop."""

    def tick(self, *, working: bool) -> None:
        """The loop is alive: about to work, or at rest."""

    def fetch(self, *, rung: bool) -> None:
        """Bring what the fleet repository's remote has. `rung`: a webhook says that there is news."""

    def begins(self, cycle: Begun) -> None:
        """Before each cycle."""

    def withhold(self, plan: Plan) -> Mapping[Address, str]:
        """Within a cycle, before its plan is walked: what of it is left out, and why."""

    def asked_for(self) -> Scope | None:
        """What somebody said yes to since this was asked last; None: nothing."""


class Nothing:
    """Beside the loop."""

    def opened(self, _bell: Bell) -> AbstractContextManager[None]:
        return nullcontext()

    def tick(self, *, working: bool) -> None:
        """Nobody asks."""

    def fetch(self, *, rung: bool) -> None:
        """There is no remote."""

    def begins(self, cycle: Begun) -> None:
        """Nobody hears it."""

    def withhold(self, _plan: Plan) -> Mapping[Address, str]:
        return {}

    def asked_for(self) -> Scope | None:
        return None


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Watch:
    """`folder` is watched for commits (the git folder; None: only the interval counts). `interval` in seconds.
    `take_over`: the fleet becomes ours although another store's daemon is there."""

    folder: Path | None
    interval: float
    progress: Progress
    report: Callable[[Reported], None]
    take_over: bool = False
    start: "Start | None" = None
    beside: Beside = NOTHING


class Mark(Protocol):
    """Which release worked here before."""

    def before(self) -> str: ...

    def set(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Start:
    """How the loop begins (row 27 of the study). `delay`: seconds until the first cycle, other on every host. After a
    change of release (`mark`) what was left open is finished, and then the first pass over everything only looks.
    `unfinished`: the targets of which an earlier process left something open.
    """

    delay: float
    mark: Mark
    unfinished: Callable[[], Sequence[Target]]


def once(world: World, watch: Watch) -> Reported:
    """One pass over everything. Raises AipressError when a guard is lost."""
    require_guards()
    with watch.beside.opened(Bell()):
        watch.beside.fetch(rung=True)
        reported = _cycle(world, watch, 1, "once", Scope())
        watch.report(reported)
    return reported


@dataclass(frozen=True, slots=True)
class Seen:
    """What the loop remembers: the newest commit that a cycle got through, when everything was last looked at, how many
    cycles in a row ended with an error, and the bakes ("ID/WAVE") that were over when everything was looked at."""

    commit: str = ""
    swept: datetime | None = None
    failures: int = 0
    baked: frozenset[str] = frozenset()

    def pause(self, interval: float) -> float:
        """Seconds to wait for a commit: a failed cycle (the lease is held) is tried again soon, then less often."""
        return min(interval, RETRY * 2 ** min(self.failures - 1, 10)) if self.failures else interval


@dataclass(frozen=True, slots=True)
class Next:
    """The cycle to run: why, at which commit the loop saw the fleet, over what."""

    trigger: str
    commit: str
    scope: Scope
    baked: frozenset[str] = frozenset()


def next_cycle(world: World, seen: Seen, interval: float) -> Next | None:
    """Everything at start, when the interval or the bake of a wave is over, after a failure and when another worker
    died in an apply (its end comes first in every cycle); else what a commit changed; else nothing."""
    head, now = _head(world), world.clock.now()
    baked = frozenset(key for key, until in _bakes(world).items() if until <= now)
    if seen.swept is None:
        return Next("retry" if seen.failures else "start", head, Scope(), baked)
    if seen.failures:
        return Next("retry", head, Scope(), baked)
    if world.engine.abandoned():
        return Next("left by another worker", head, Scope(), baked)
    if (now - seen.swept).total_seconds() >= interval:
        return Next("interval", head, Scope(), baked)
    if baked - seen.baked:
        return Next("wave", head, Scope(), baked)
    if not head or head == seen.commit:
        return None
    try:
        return Next("commit", head, difference(world.repository, seen.commit, head, Scope()))
    except AipressError:  # one of the two cannot be compiled, or is gone: the cycle over everything says what is wrong
        return Next("commit", head, Scope())


def _asked_for(world: World, beside: Beside) -> Next | None:
    scope = beside.asked_for()
    return None if scope is None else Next("approved", _head(world), scope)


def after(seen: Seen, run: Next, now: datetime, *, failed: bool) -> Seen:
    """A failed cycle loses no commit: the next one is over everything."""
    if failed:
        return replace(seen, failures=seen.failures + 1)
    if run.scope.everything:
        return Seen(run.commit or seen.commit, now, baked=run.baked)
    return Seen(run.commit or seen.commit, seen.swept, baked=seen.baked)


def patience(world: World, seen: Seen, interval: float) -> float:
    """Seconds until the next look, unless a commit comes: a bake that ends before the interval is not slept through."""
    due = [until for key, until in _bakes(world).items() if key not in seen.baked]
    left = [max(0.0, (until - world.clock.now()).total_seconds()) for until in due]
    return seen.pause(interval) if seen.failures else min([interval, *left])


def _bakes(world: World) -> dict[str, datetime]:
    try:
        return bakes(world)
    except AipressError:  # the next cycle says what is wrong with the history
        return {}


def run(world: World, watch: Watch) -> int:
    """Until SIGTERM or SIGINT: everything at start and at each interval (drift), what a commit changed at once.

    Returns 0. Changes under way when the signal comes are finished first; no new one is begun. Raises RefusedError when
    the fleet is another daemon's, or becomes it; AipressError when a guard is lost.
    """
    require_guards()
    world.tenure.claim(take_over=watch.take_over)
    try:
        _loop(world, watch)
        lost = world.tenure.stopped()
    finally:
        world.tenure.leave()
    if lost:
        raise RefusedError(lost, "one daemon at a time: leave the fleet to it, or take it back with --take-over")
    return 0


def _loop(world: World, watch: Watch) -> None:
    bell, beside = Bell(), watch.beside
    with signals(bell), watching(watch.folder, bell), beside.opened(bell):
        seen, number, shadow = Seen(), 0, False
        if watch.start is not None:
            _rest(world, bell.stopping, watch.start.delay, beside=beside)
            shadow = not bell.stopping.is_set() and _finished_first(world, watch, watch.start)
        while True:
            bell.wake.clear()  # first, so that a signal that comes right after is seen below or wakes the wait
            if bell.stopping.is_set():
                break
            beside.tick(working=True)
            beside.fetch(rung=bell.answered())
            chosen = next_cycle(world, seen, watch.interval) or _asked_for(world, beside)
            if chosen is not None:
                number += 1
                looking = shadow and watch.start is not None
                reported = (_looked if looking else _cycle)(world, watch, number, chosen.trigger, chosen.scope)
                watch.report(reported)
                if watch.start is not None and reported.error is None:
                    watch.start.mark.set()
                    shadow = False
                seen = after(seen, chosen, world.clock.now(), failed=reported.failed)
                if reported.applied is not None and reported.applied.outcome.interrupted:
                    break  # the walk itself hears the signal
            left = patience(world, seen, watch.interval)
            if not _rest(world, bell.wake, left, heeding=not seen.failures, beside=beside):
                break


def _rest(
    world: World, wake: threading.Event, seconds: float, *, heeding: bool = False, beside: Beside = NOTHING
) -> bool:
    """Until there is news or the time is over, telling now and then that we are here; False when we must not go on.
    `heeding`: what a worker that died left is news, too."""
    left = seconds
    while not world.tenure.stopped():
        beside.tick(working=False)
        if left <= 0 or wake.wait(min(left, SIGN)):
            return True
        left -= SIGN
        if heeding and world.engine.abandoned():
            return True
    return False


def _finished_first(world: World, watch: Watch, start: Start) -> bool:
    """Whether the first pass only looks. What an earlier process left open is finished before."""
    if not start.mark.before():
        return False
    if targets := tuple(start.unfinished()):
        watch.report(_cycle(world, watch, 0, "what was left open", scope_of(targets)))
    return True


def _looked(world: World, watch: Watch, number: int, trigger: str, scope: Scope) -> Reported:
    """A pass that changes nothing: what the release of now would do to what the one before left."""
    before, begun = watch.start.mark.before() if watch.start is not None else "", world.clock.now()
    watch.beside.begins(Begun(number, trigger, _head(world), scope, begun))
    try:
        plan = make(world, PlanRequest(scope=scope))
    except AipressError as error:
        return Reported(number, trigger, "", None, error, scope, _since(world, begun))
    why = f"the first pass after a change of release (from {before}) only looks; the next one applies this"
    skipped = dict.fromkeys((change.address for change in plan.changes), why)
    code = exit_code(plan, Outcome({}), frozenset(), bool(skipped))
    applied = Applied(plan, Outcome({}), (), skipped, code)
    told = f"{trigger}, looking only"
    return Reported(number, told, plan.fleet_head, applied, None, scope, _since(world, begun))


def _cycle(world: World, watch: Watch, number: int, trigger: str, scope: Scope) -> Reported:
    commit, begun = "", world.clock.now()
    watch.beside.begins(Begun(number, trigger, _head(world), scope, begun))
    try:
        commit = world.repository.resolve("HEAD")
        request = ApplyRequest(
            scope=scope, trigger=f"serve ({trigger})", progress=watch.progress, withhold=watch.beside.withhold
        )
        applied = apply(world, request)
        return Reported(number, trigger, applied.plan.fleet_head, applied, None, scope, _since(world, begun))
    except AipressError as error:
        return Reported(number, trigger, commit, None, error, scope, _since(world, begun))
    except Exception as error:  # a bug, or a disk: this cycle's failure, never the loop's
        wrong = AipressError(f"the cycle ended with {type(error).__name__}: {error}", "please report it")
        wrong.__cause__ = error
        return Reported(number, trigger, commit, None, wrong, scope, _since(world, begun))


def _since(world: World, begun: datetime) -> float:
    return max(0.0, (world.clock.now() - begun).total_seconds())


def _head(world: World) -> str:
    try:
        return world.repository.resolve("HEAD")
    except InputError:
        return ""
