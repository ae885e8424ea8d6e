"""Which engine store's daemon owns the fleet: one object in the history, changed by compare-and-swap.

A daemon claims it before its first cycle and says now and then that it is there. Another store's daemon is refused
while it does; it may be told to take over, and may do so by itself after a long silence. The one that was taken over
finds a higher epoch there and stops, before its next write.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.model.errors import AipressError, RefusedError
from reconciler.model.fence import Holder, Store
from reconciler.model.plan import Change
from reconciler.model.ports import Call, Clock, Halt, LeaseBook

LOOK = timedelta(seconds=5)
"""Between two looks at who owns the fleet: how soon a daemon that was taken over stops."""
BEAT = timedelta(seconds=60)
"""Between two signs that a daemon is there."""
PATIENCE = timedelta(seconds=60)
"""How long the history may be away before a daemon that owns the fleet changes nothing any more."""
TURNS = 5


class StoreTenure:
    """The Tenure port, and a gate: who lost the fleet writes nothing. Safe for threads."""

    def __init__(self, book: LeaseBook, clock: Clock, holder: Holder) -> None:
        self._book = book
        self._clock = clock
        self._holder = holder
        self._lock = threading.Lock()
        self._ours: Store | None = None
        self._sure: datetime | None = None
        self._looked: datetime | None = None
        self._lost = ""

    def claim(self, *, take_over: bool) -> None:
        """From now on it is ours. Raises RefusedError while another's daemon is there, unless told to take over."""
        for _ in range(TURNS):
            now, there = self._clock.now(), self._book.store()
            if there is not None and there.id != self._holder.store and not there.silent(now) and not take_over:
                raise RefusedError(
                    f"the daemon on {there.host} owns this fleet (store {there.id[:8]}, epoch {there.epoch}, last seen "
                    f"{there.seen:%Y-%m-%d %H:%M:%S} UTC)",
                    "stop it and wait five minutes, or take the fleet over: aipress serve --take-over (it stops then)",
                )
            same = there is not None and there.id == self._holder.store
            epoch = there.epoch if there is not None and same else there.epoch + 1 if there is not None else 1
            since = there.since if there is not None and same else now
            ours = Store(self._holder.store, epoch, self._holder.host, since, now)
            if self._book.swap_store(there, ours):
                self._ours, self._sure, self._looked, self._lost = ours, now, now, ""
                return
        raise RefusedError("several daemons claim this fleet at once", "start one of them")

    def stopped(self) -> str:
        """Why this daemon must stop ("" : go on, or nothing was claimed)."""
        with self._lock:
            now = self._clock.now()
            due = self._looked is None or not timedelta() <= now - self._looked < LOOK
            if self._ours is not None and not self._lost and due:
                self._looked = now
                self._lost = self._look(self._ours, now)
            return self._lost

    def leave(self) -> None:
        """Ours ends: the next one need not wait."""
        with self._lock, suppress(AipressError):
            there = self._book.store()
            if self._ours is not None and there is not None and (there.id, there.epoch) == self._mark:
                self._book.swap_store(there, replace(there, gone=True))
            self._ours = None

    @property
    def _mark(self) -> tuple[str, int]:
        return (self._ours.id, self._ours.epoch) if self._ours is not None else ("", 0)

    def ask(self, change: Change, call: Call) -> Halt | None:  # noqa: ARG002 - it is about everything
        why = self.stopped()
        return Halt(why) if why else None

    def _look(self, ours: Store, now: datetime) -> str:
        try:
            there = self._book.store()
            if there is not None and (there.id, there.epoch) == self._mark:
                self._sure = now
                if now - there.seen >= BEAT or now < there.seen:
                    self._book.swap_store(there, replace(there, seen=now))
                return ""
        except AipressError as error:
            if self._sure is not None and timedelta() <= now - self._sure < PATIENCE:
                return ""
            return f"whether this daemon still owns the fleet cannot be read: {error}"
        who = f"the daemon on {there.host} (epoch {there.epoch})" if there else "somebody who deleted the mark"
        return f"the fleet was taken over by {who}; this one (epoch {ours.epoch}) changes nothing any more"
