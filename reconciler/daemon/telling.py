"""Makes notices of what happens beside the loop and hands them to those who pass them on: the log, the messages."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.daemon import notices
from reconciler.daemon.beside import Hearer
from reconciler.daemon.commits import Commits
from reconciler.daemon.desk import Knock
from reconciler.daemon.notices import Scene
from reconciler.daemon.serve import Begun, Reported
from reconciler.daemon.waking import Bell
from reconciler.model.fence import Store
from reconciler.model.hold import Hold, HoldKind
from reconciler.model.notice import Grade, Notice
from reconciler.model.outcome import Event
from reconciler.model.ports import Clock

Sink = Callable[[Notice], None]
"""Takes a notice at once and never raises."""
_LATELY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked up beside what is heard; none of it raises. `holds`: None when they cannot be read; `stopped`: why
    the stop switch is thrown ("" : it is not); `owner`: whose daemon owns the fleet."""

    committed: Callable[[str], datetime | None]
    holds: Callable[[], Sequence[Hold] | None]
    stopped: Callable[[], str]
    owner: Callable[[], Store | None]


BLIND = Sight(lambda _commit: None, lambda: None, lambda: "", lambda: None)
"""Nothing is looked up."""


class Telling(Hearer):
    """beside.Hearing. `scene`: without a cycle."""

    def __init__(self, scene: Scene, sight: Sight, clock: Clock, sinks: Sequence[Sink]) -> None:
        self._scene = scene
        self._sight = sight
        self._clock = clock
        self._sinks = tuple(sinks)
        self._commits = Commits(sight.committed)
        self._lock = threading.Lock()
        self._stopped = ""
        self._parked: frozenset[tuple[str, datetime]] | None = None
        self._failure = ""

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        now, owner = self._clock.now(), self._sight.owner()
        self._tell(self._scene.notice("daemon.started", Grade.NOTICE, now, "the daemon begins", once=now.isoformat()))
        if owner is not None and owner.epoch > 1 and now - owner.since <= _LATELY:
            self._tell(notices.took_over(self._scene, owner))
        self._parked = self._quarantines()
        try:
            yield
        finally:
            self._end(bell)

    def begins(self, cycle: Begun) -> None:
        with self._lock:
            self._scene = replace(self._scene, cycle=cycle)
        self._commits.begins(cycle)
        self._tell(notices.begun(self._scene, cycle))
        self._switch()

    def happened(self, event: Event) -> None:
        self._tell(notices.changed(self._scene, event))

    def told(self, reported: Reported) -> None:
        at, scene = self._clock.now(), self._scene
        for notice in notices.ended(scene, reported, at):
            self._tell(notice)
        for commit in self._commits.told(reported, at):
            self._tell(notices.live(replace(scene, cycle=None), commit))
        self._switch()
        if reported.failed or reported.scope.everything or (reported.applied and not reported.applied.outcome.ok):
            self._park(at)

    def fetched(self, failure: str) -> None:
        at = self._clock.now()
        if failure:
            what = "the fleet's remote could not be fetched"
            self._tell(self._scene.notice("git.unreachable", Grade.WARNING, at, what, why=failure,
                                          fix="check the network and who may read it; the fleet stays at its commit",
                                          cause=notices.alike(failure)))  # fmt: skip
        elif self._failure:
            self._tell(self._scene.notice("git.reached", Grade.NOTICE, at, "the fleet's remote answers again",
                                          once=at.isoformat()))  # fmt: skip
        self._failure = failure

    def knocked(self, knock: Knock) -> None:
        """A delivery was answered; from the door's thread."""
        self._tell(notices.delivered(replace(self._scene, cycle=None), knock, self._clock.now()))

    def _switch(self) -> None:
        """The stop switch was thrown, or is back."""
        why, at = self._sight.stopped(), self._clock.now()
        if why and not self._stopped:
            self._tell(self._scene.notice("stop.thrown", Grade.CRITICAL, at, "the stop switch is thrown",
                                          why=why, once=at.isoformat()))  # fmt: skip
        elif self._stopped and not why:
            self._tell(self._scene.notice("stop.lifted", Grade.NOTICE, at, "the stop switch is back: changes go on",
                                          once=at.isoformat()))  # fmt: skip
        self._stopped = why

    def _park(self, at: datetime) -> None:
        held = self._sight.holds()
        if held is None:
            return
        known = self._parked or frozenset()
        parked = [hold for hold in held if hold.kind == HoldKind.QUARANTINE and hold.active(at)]
        if fresh := [hold for hold in parked if (hold.target, hold.since) not in known]:
            self._tell(notices.quarantined(self._scene, fresh, at))
        self._parked = frozenset((hold.target, hold.since) for hold in parked)

    def _quarantines(self) -> frozenset[tuple[str, datetime]]:
        return frozenset((h.target, h.since) for h in self._sight.holds() or () if h.kind == HoldKind.QUARANTINE)

    def _end(self, bell: Bell) -> None:
        why = "it was told to stop" if bell.stopping.is_set() else ""
        at = self._clock.now()
        self._tell(
            self._scene.notice("daemon.ended", Grade.NOTICE, at, "the daemon ends", why=why, once=at.isoformat())
        )

    def _tell(self, notice: Notice) -> None:
        for sink in self._sinks:
            sink(notice)
