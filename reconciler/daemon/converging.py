"""Counts, while cycles run, how far the targets of the newest commit have come. Any thread may tell it events."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.daemon.serve import Reported
from reconciler.model.convergence import Convergence
from reconciler.model.ids import Address
from reconciler.model.outcome import Event, EventKind, Result
from reconciler.model.plan import Plan
from reconciler.model.ports import Clock

_ENDS = (EventKind.COMPLETE, EventKind.ERRORED)
_WORDS = (
    ("means something else", "a yes"), ("wave", "their wave"), ("on hold", "a hold"), ("quota", "quota"),
    ("breaker", "a circuit breaker"), ("quarantine", "quarantine"), ("window", "their window"), ("limit", "a limit"),
    ("stop", "the stop switch"),
)  # fmt: skip


@dataclass(slots=True)
class Converging:
    """`now()` is what is known. A commit is followed from the first cycle that plans it until a later one comes."""

    clock: Clock
    _now: Convergence = field(default_factory=lambda: Convergence(""))
    _left: Counter[str] = field(default_factory=Counter)
    _begun: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> Convergence:
        with self._lock:
            return self._now

    def planned(self, plan: Plan, left_out: Mapping[Address, str]) -> None:
        """A plan is about to be walked. Of a commit that is followed already it says what is still to be done."""
        todo = {str(c.address.target.whole) for c in plan.changes}
        with self._lock:
            if plan.fleet_head != self._now.commit:
                self._now = Convergence(plan.fleet_head, frozenset(todo))
            self._left = Counter(str(c.address.target.whole) for c in plan.changes if c.address not in left_out)
            self._begun = self.clock.now()

    def happened(self, event: Event) -> None:
        if event.kind not in _ENDS:
            return
        name = str(event.change.address.target.whole)
        with self._lock:
            if event.kind is EventKind.ERRORED or name not in self._left:
                return
            self._left[name] -= 1
            if self._left[name] == 0 and name in self._now.targets:
                self._now = replace(self._now, done=self._now.done | {name}, left=self._seconds_left())

    def told(self, reported: Reported) -> None:
        """A cycle ended: what it failed at, what waits and for what, what is no longer to be done."""
        applied = reported.applied
        if applied is None or applied.plan.fleet_head != self._now.commit:
            return
        with self._lock:
            items, skipped = applied.outcome.items, applied.skipped
            failed = {
                str(a.target.whole): item.message or "no reason given"
                for a, item in items.items() if item.result is Result.FAILED
            }  # fmt: skip
            undone = {
                str(c.address.target.whole): _word(skipped.get(c.address, ""))
                for c in applied.plan.changes
                if (c.address in skipped or c.address not in items or items[c.address].result is not Result.DONE)
            }
            looked = {str(c.address.target.whole) for c in applied.plan.changes}
            looked |= self._now.targets if reported.scope.everything else set()
            targets = self._now.targets
            kept_failed = {t: why for t, why in self._now.failed.items() if t not in looked}
            failed = {**kept_failed, **{t: why for t, why in failed.items() if t in targets}}
            kept_waiting = {t: why for t, why in self._now.waiting.items() if t not in looked}
            waits = {t: why for t, why in undone.items() if t in targets and t not in failed}
            done = (self._now.done | (looked & targets)) - failed.keys() - waits.keys()
            self._now = replace(
                self._now, failed=failed, waiting={**kept_waiting, **waits}, done=frozenset(done), left=None
            )

    def _seconds_left(self) -> float | None:
        """At the pace of this cycle."""
        if self._begun is None or not self._left:
            return None
        over = sum(1 for many in self._left.values() if many <= 0)
        took = (self.clock.now() - self._begun).total_seconds()
        return took / over * (len(self._left) - over) if over else None


def _word(why: str) -> str:
    """A word or two of a reason, so that many targets are told as one number."""
    said = why.lower()
    for sign, word in _WORDS:
        if sign in said:
            return word
    return "a guard" if said else "the next cycle"
