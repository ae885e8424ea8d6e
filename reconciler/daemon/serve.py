"""The loop of `aipress serve`: a commit, or the interval, starts a cycle; nothing that happens in one ends the loop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.plan import difference
from reconciler.cycle import World
from reconciler.model.errors import AipressError, InputError
from reconciler.model.ids import Scope
from reconciler.model.ports import Progress


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


def run(world: World, watch: Watch) -> int:
    """Until SIGTERM or SIGINT: everything at start and at each interval (drift), what a commit changed at once.

    Returns 0. A cycle under way when the signal comes is finished first.
    """
    wake, stopping = threading.Event(), threading.Event()
    with _signals(wake, stopping), _watching(watch.folder, wake, stopping):
        last, number = "", 0
        while not stopping.is_set():
            number += 1
            head = _head(world)
            on_commit = bool(last) and bool(head) and head != last
            scope = difference(world.repository, last, head, Scope()) if on_commit else Scope()
            trigger = "commit" if on_commit else "start" if not last else "interval"
            watch.report(_cycle(world, watch, number, trigger, scope))
            last = head or last
            wake.wait(watch.interval)
            wake.clear()
    return 0


def _cycle(world: World, watch: Watch, number: int, trigger: str, scope: Scope) -> Reported:
    commit = ""
    try:
        commit = world.repository.resolve("HEAD")
        request = ApplyRequest(scope=scope, trigger=f"serve ({trigger})", progress=watch.progress)
        return Reported(number, trigger, commit, apply(world, request))
    except AipressError as error:
        return Reported(number, trigger, commit, None, error)


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
