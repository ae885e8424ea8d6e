"""Whether the daemon lives and whether it is ready, from what it saw: answering asks nobody and waits for nothing."""

import threading
from dataclasses import dataclass
from datetime import timedelta

from reconciler.daemon.serve import Reported
from reconciler.model.errors import AipressError, ForbiddenError, HistoryUnreachableError, RefusedError
from reconciler.model.ports import Clock

RESTING = timedelta(minutes=2)
"""The loop says every half minute that it is there."""
WORKING = timedelta(hours=1)
"""Within a cycle a step may take long and say nothing (a Cloud SQL instance is made). Restarting heals only what is
stuck for good; whatever else is wrong is for /readyz to tell."""
FETCHED = timedelta(minutes=10)
"""Age of what we know of the fleet repository's remote."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `/readyz?verbose`. `why`: in words, for a line that says no, or to know more of one that says yes."""

    name: str
    good: bool
    why: str = ""

    @property
    def line(self) -> str:
        told = " ".join(self.why.split())[:300]
        if self.good:
            return f"[+]{self.name} ok" + (f": {told}" if told else "")
        return f"[-]{self.name} failed: {told}"


class Health:
    """Written by the loop, read by the door: any thread may call any method."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ticked, self._working = clock.now(), False
        self._last: Reported | None = None
        self._followed, self._fetched, self._failure = False, clock.now(), ""
        self._stopping = threading.Event()

    # --- what the loop says -----------------------------------------------------------------------------------------

    def tick(self, *, working: bool) -> None:
        with self._lock:
            self._ticked, self._working = self._clock.now(), working

    def told(self, reported: Reported) -> None:
        """Of the end of a cycle."""
        with self._lock:
            self._last = reported

    def fetched(self, failure: str = "") -> None:
        """The fleet repository's remote was asked; `failure`: why that did not work."""
        with self._lock:
            self._followed, self._failure = True, failure
            if not failure:
                self._fetched = self._clock.now()

    def until(self, stopping: threading.Event) -> None:
        """`stopping` is set once we are told to end."""
        self._stopping = stopping

    # --- what the door asks -----------------------------------------------------------------------------------------

    def stuck(self) -> str:
        """Why the process should be started again; "" : it should not."""
        with self._lock:
            age, most = self._clock.now() - self._ticked, WORKING if self._working else RESTING
        if age <= most:
            return ""
        return f"the loop was last seen {_minutes(age)} ago, {'within a cycle' if self._working else 'at rest'}"

    def checks(self, inbox: str | AipressError) -> tuple[Check, ...]:
        """All of them, good or not. `inbox`: what to say of it, or why it cannot be used."""
        with self._lock:
            stopping = self._stopping.is_set()
            shutdown = Check("shutdown", not stopping, "it was told to stop" if stopping else "")
            full = isinstance(inbox, AipressError)
            fetch = (self._fetch(),) if self._followed else ()
            return (shutdown, *self._cycles(), *fetch, Check("inbox", not full, str(inbox)))

    def _cycles(self) -> tuple[Check, ...]:
        last = self._last
        if last is None:
            return (Check("history", False, "the first cycle is not over"),)
        error = last.error
        lost = isinstance(error, HistoryUnreachableError)
        history = Check("history", not lost, str(error) if lost else "")
        if lost:
            return (history,)
        shut_out = isinstance(error, ForbiddenError)
        cloud = Check("access", not shut_out, str(error) if shut_out else "")
        told = f"cycle {last.number} ({last.trigger})" + (f" ended with: {error}" if error else "")
        # That another apply holds the lease, or a guard says no, is no reason to send deliveries elsewhere.
        good = error is None or isinstance(error, RefusedError)
        return (history, cloud) if shut_out else (history, cloud, Check("cycle", good, told))

    def _fetch(self) -> Check:
        age = self._clock.now() - self._fetched
        if self._failure and age > FETCHED:
            return Check("git-fetch", False, f"last done {_minutes(age)} ago: {self._failure}")
        return Check("git-fetch", True, f"the last one failed: {self._failure}" if self._failure else "")


def ready(checks: tuple[Check, ...]) -> bool:
    return all(check.good for check in checks)


def _minutes(age: timedelta) -> str:
    return f"{age / timedelta(minutes=1):.0f} min"
