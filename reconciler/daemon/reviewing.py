"""Pull requests beside the loop: what a webhook hints at is reviewed at once, and all that are open now and then, so
that a delivery that got lost costs time and nothing else. In a thread of its own: a long cycle delays no comment."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from reconciler.actions.review import Reviewed
from reconciler.daemon.inbox import Inbox, Waiting
from reconciler.daemon.waking import Bell
from reconciler.forge.hints import PUSH, Hint
from reconciler.forge.where import number_of
from reconciler.model.errors import AipressError
from reconciler.model.ports import Clock

SWEEP = 600.0
"""Seconds between two looks at every open pull request."""
MOST_OPEN = 200
"""Those that moved last are looked at."""
MOST_AGAIN = 20
"""Of those whose head is as it was, in one look at everything: the ones that were looked at longest ago. A look takes
five calls, and GitHub answers 5,000 an hour: 200 each time would be more than that."""
_FIRST, _LONGEST = 15.0, 600.0
"""Seconds of silence after the host failed; they double."""
_LOG = logging.getLogger(__name__)


class Reviewer(Protocol):
    """One code host's pull requests of the fleet."""

    def open(self, most: int) -> Mapping[int, str]:
        """Number -> head, the one that moved last first. Raises as the Forge does."""

    def review(self, number: int, heard: int | None) -> Reviewed:
        """Raises AipressError."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one look at a pull request. `waited`: seconds since the first word of it (None: nobody hinted)."""

    reviewed: Reviewed | None
    number: int
    waited: float | None = None
    error: AipressError | None = None


@dataclass(slots=True)
class Reviewing:
    """`is_fleet` tells which hints are about the fleet repository, `told` hears what came of each pull request,
    `approved` a yes to what waits after a merge (its number, a digest). `state`: the folder of the inbox."""

    reviewer: Reviewer
    clock: Clock
    is_fleet: Callable[[Hint], bool]
    told: Callable[[Told], None]
    approved: Callable[[int, str], None]
    state: Path
    _swept: datetime | None = None
    _failures: int = 0
    _heads: dict[int, str] = field(default_factory=dict)
    """Number -> head that was looked at, the one of longest ago first."""

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        """Raises AipressError when the inbox cannot be used."""
        inbox = Inbox(self.state)
        thread = threading.Thread(target=self._run, args=(inbox, bell), name="reviews", daemon=True)
        thread.start()
        try:
            yield
        finally:
            bell.stop()
            thread.join(timeout=10)
            inbox.close()

    def _run(self, inbox: Inbox, bell: Bell) -> None:
        while not bell.stopping.is_set():
            bell.news.clear()
            self.once(inbox, bell.stopping)
            if self._failures:
                bell.stopping.wait(_FIRST)  # news does not make a host answer
                bell.news.wait(min(_FIRST * 2.0 ** (self._failures - 1), _LONGEST) - _FIRST)
            else:
                bell.news.wait(SWEEP)

    def once(self, inbox: Inbox, stopping: threading.Event) -> None:
        """What waits, and, when it is time, everything that is open. Never raises."""
        try:
            fine = self._looked(inbox, stopping)
        except AipressError as error:
            fine = False
            self.told(Told(None, 0, None, error))
        except Exception as error:
            fine = False
            _LOG.exception("a look at the pull requests ended with an error of ours")
            wrong = AipressError(f"it ended with {type(error).__name__}: {error}", "please report it")
            self.told(Told(None, 0, None, wrong))
        self._failures = 0 if fine else self._failures + 1

    def _looked(self, inbox: Inbox, stopping: threading.Event) -> bool:
        """A pull request that fails stops no other; whether none did. Its hints wait until it was looked at."""
        hinted: dict[int, list[Waiting]] = {}
        for one in inbox.waiting():
            if one.hint.event != PUSH and self.is_fleet(one.hint):
                hinted.setdefault(number_of(one.hint.ref), []).append(one)
        everything = self._due() or 0 in hinted
        numbers = [number for number in hinted if number]
        if everything:
            numbers += [n for n in self._open() if n not in hinted]
        failed = set()
        for number in numbers:
            if stopping.is_set():
                return True
            if not self._reviewed(inbox, number, hinted.get(number, ())):
                failed.add(number)
        for number in hinted.keys() - failed:
            for one in hinted[number]:
                inbox.done(one)
        if everything:
            self._swept = self.clock.now()
        return not failed

    def _open(self) -> list[int]:
        """Those whose head moved since they were looked at, and some of the others in turn."""
        there = self.reviewer.open(MOST_OPEN)
        for gone in self._heads.keys() - there.keys():
            del self._heads[gone]
        moved = [number for number, head in there.items() if self._heads.get(number) != head]
        return moved + [number for number in self._heads if number not in moved][:MOST_AGAIN]

    def _due(self) -> bool:
        swept = self._swept
        return swept is None or not 0 <= (self.clock.now() - swept).total_seconds() < SWEEP

    def _reviewed(self, inbox: Inbox, number: int, hints: Sequence[Waiting]) -> bool:
        try:
            found = self.reviewer.review(number, inbox.heard(number))
        except AipressError as error:
            self.told(Told(None, number, None, error))
            return False
        waited = max(0.0, (self.clock.now() - min(one.first for one in hints)).total_seconds()) if hints else None
        self._heads.pop(number, None)
        self._heads[number] = found.pull.head  # last, as the one that was looked at just now
        if found.heard:
            inbox.hears(number, found.heard, self.clock.now())
        if found.apply:
            self.approved(number, found.apply)
        self.told(Told(found, number, waited))
        return True
