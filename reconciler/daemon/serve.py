"""The loop of `aipress serve`: a commit, or the interval, starts a cycle; nothing that happens in one ends the loop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.plan import difference
from reconciler.cycle import World
from reconciler.model.errors import AipressError, InputError
from reconciler.model.ids import Scope
from reconciler.model.ports import Progress

RETRY = 5.0
"""Seconds until a cycle that ended with an error is tried again; doubles each time, up to the interval."""


SOON = 5.0
"""Seconds until a cycle is tried again that another apply kept from running."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a person hears of one cycle. `applied` is None when the cycle ended with `error`."""

    number: int
    trigger: str
    commit: str
    applied: Applied | None
    error: AipressError | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """`folder` is watched for commits (the git folder; None: only the interval counts). `interval` in seconds."""

    folder: Path | None
    interval: float
    progress: Progress
    report: Callable[[Reported], None]


def once(world: World, watch: Watch) -> Reported:
    """One pass over everything."""
    return _cycle(world, watch, 1, "once", Scope())


@dataclass(frozen=True, slots=True)
class Seen:
    """What the loop remembers: the newest commit that a cycle got through, when everything was last looked at, and how
    many cycles in a row ended with an error."""

    commit: str = ""
    swept: datetime | None = None
    failures: int = 0

    def pause(self, interval: float) -> float:
        """Seconds to wait for a commit: a failed cycle (the lease is held) is tried again soon, then less often."""
        return min(interval, RETRY * 2 ** min(self.failures - 1, 10)) if self.failures else interval


@dataclass(frozen=True, slots=True)
class Next:
    """The cycle to run: why, at which commit the loop saw the fleet, over what."""

    trigger: str
    commit: str
    scope: Scope


def next_cycle(world: World, seen: Seen, interval: float) -> Next | None:
    """Everything at start, when the interval is over and after a failure; else what a commit changed; else nothing."""
    head, now = _head(world), world.clock.now()
    if seen.swept is None:
        return Next("retry" if seen.failures else "start", head, Scope())
    if seen.failures:
        return Next("retry", head, Scope())
    if (now - seen.swept).total_seconds() >= interval:
        return Next("interval", head, Scope())
    if not head or head == seen.commit:
        return None
    try:
        return Next("commit", head, difference(world.repository, seen.commit, head, Scope()))
    except AipressError:  # one of the two cannot be compiled, or is gone: the cycle over everything says what is wrong
        return Next("commit", head, Scope())


def after(seen: Seen, run: Next, now: datetime, *, failed: bool) -> Seen:
    """A failed cycle loses no commit: the next one is over everything."""
    if failed:
        return replace(seen, failures=seen.failures + 1)
    return Seen(run.commit or seen.commit, now if run.scope.everything else seen.swept)


def run(world: World, watch: Watch) -> int:
    """Until SIGTERM or SIGINT: everything at start and at each interval (drift), what a commit changed at once.

    Returns 0. Changes under way when the signal comes are finished first; no new one is begun.
    """
    wake, stopping = threading.Event(), threading.Event()
    with _signals(wake, stopping), _watching(watch.folder, wake, stopping):
        seen, number = Seen(), 0
        while True:
            wake.clear()  # first, so that a signal that comes right after is seen below or wakes the wait
            if stopping.is_set():
                break
            chosen = next_cycle(world, seen, watch.interval)
            if chosen is not None:
                number += 1
                reported = _cycle(world, watch, number, chosen.trigger, chosen.scope)
                watch.report(reported)
                seen = after(seen, chosen, world.clock.now(), failed=reported.applied is None)
                if reported.applied is not None and reported.applied.outcome.interrupted:
                    break  # the walk itself hears the signal, and the stop switch
            wake.wait(seen.pause(watch.interval))
    return 0


def _cycle(world: World, watch: Watch, number: int, trigger: str, scope: Scope) -> Reported:
    commit = ""
    try:
        commit = world.repository.resolve("HEAD")
        request = ApplyRequest(scope=scope, trigger=f"serve ({trigger})", progress=watch.progress)
        applied = apply(world, request)
        return Reported(number, trigger, applied.plan.fleet_head, applied)
    except AipressError as error:
        return Reported(number, trigger, commit, None, error)
    except Exception as error:  # a bug, or a disk: this cycle's failure, never the loop's
        wrong = AipressError(f"the cycle ended with {type(error).__name__}: {error}", "please report it")
        return Reported(number, trigger, commit, None, wrong)


def _head(world: World) -> str:
    try:
        return world.repository.resolve("HEAD")
    except InputError:
        return ""


@contextmanager
def _signals(wake: threading.Event, stopping: threading.Event) -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        stopping.set()
        wake.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watching(folder: Path | None, wake: threading.Event, stopping: threading.Event) -> Iterator[None]:
    """Sets `wake` when refs move. The interval remains for what a watch misses (network file systems, packed refs)."""
    if folder is None:
        yield
        return

    def follow() -> None:
        from watchfiles import watch as changes  # noqa: PLC0415 - an extra that only the daemon has

        def is_ref(_change: object, path: str) -> bool:
            return "/refs/" in path or path.endswith(("/HEAD", "/packed-refs"))

        for _ in changes(folder, watch_filter=is_ref, stop_event=stopping, raise_interrupt=False):
            wake.set()

    thread = threading.Thread(target=follow, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=5)
