"""The copy on this host of a history elsewhere: brought up to date before it is read, never the truth.

Refs live elsewhere. A commit is written into the copy first, where no ref leads to it; moving the ref elsewhere makes
it a version; then the ref of the copy follows. Die in between, and the next look elsewhere says what is true.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pygit2

from reconciler.history.remote import REFS, Ran
from reconciler.history.shelf import STALE, MovedError
from reconciler.history.turn import own_turn
from reconciler.model.errors import AipressError, ForbiddenError, HistoryUnreachableError
from reconciler.model.ports import Clock

FRESH = timedelta(seconds=3)
"""How old a look elsewhere may be. A publish does not depend on it: the ref is compared there."""
TRIES = 3
"""Times a push is sent whose failure left the ref where it was."""
WAITS = 150.0
"""Seconds that a process waits for another of this host that brings the copy up to date (remote.TRANSFER)."""
PAUSE = 1.0
"""Seconds before it is sent again."""


class Remote(Protocol):
    """A repository elsewhere; `GitRemote` is the one there is."""

    def refs(self) -> Mapping[str, str]: ...

    def fetch(self, into: Path, first: bool) -> None: ...

    def push(self, source: Path, ref: str, expected: str | None, identity: str) -> Ran: ...

    def failure(self, ran: Ran, first: str = "") -> AipressError: ...


class Mirror:
    """`path` is the bare repository of the copy; beside it stands its lock. Safe for threads and for processes."""

    def __init__(self, path: Path, remote: Remote, clock: Clock) -> None:
        self.path = path
        self._remote = remote
        self._clock = clock
        self._lock = threading.RLock()
        self._seen: datetime | None = None
        self._still = 0

    @contextmanager
    def still(self) -> Iterator[None]:
        """One look elsewhere, and none until the block ends: what is read in it is of one moment. A look that failed is
        made again by whoever reads; so is one after somebody else's move was met."""
        with contextlib.suppress(HistoryUnreachableError, ForbiddenError):
            self.refresh()
        with self._lock:
            self._still += 1
        try:
            yield
        finally:
            with self._lock:
                self._still -= 1

    def refresh(self) -> None:
        """Make the copy say what the refs elsewhere say, unless that was done moments ago.

        Raises HistoryUnreachableError or ForbiddenError.
        """
        with self._lock:
            now = self._clock.now()
            if self._seen is not None and (self._still or timedelta() <= now - self._seen < FRESH):
                return
            self._seen = None
            self._follow(self._remote.refs())
            self._seen = self._clock.now()

    def publish(self, ref: str, expected: str | None, identity: str) -> None:
        """Move a ref elsewhere from `expected` (None: not there) to a commit of the copy.

        Raises MovedError when it stands elsewhere by now, ForbiddenError when the server does not let us,
        HistoryUnreachableError when it is not known what happened or nothing did.
        """
        for turn in range(1, TRIES + 1):
            ran = self._remote.push(self.path, ref, expected, identity)
            if ran.code == 0 or self._arrived(ref, expected, identity, ran):
                self._moved(ref, identity)
                return
            if ran.denied or "[remote rejected]" in ran.said or turn == TRIES:
                break
            self._clock.sleep(PAUSE)
        raise self._not_recorded(ran)

    def _arrived(self, ref: str, expected: str | None, identity: str, ran: Ran) -> bool:
        """After a push that did not end well only the ref elsewhere tells what became of it."""
        with self._lock:
            self._seen = None
            try:
                there = self._remote.refs()
                if there.get(ref) in (identity, expected):
                    return there.get(ref) == identity
                self._follow(there)
            except (HistoryUnreachableError, ForbiddenError) as error:
                raise self._not_recorded(ran) from error
            head = there.get(ref)
            with self._exclusive():
                if head is not None and pygit2.Repository(str(self.path)).descendant_of(head, identity):
                    return True  # it arrived, and somebody has put the next one on top
            raise MovedError

    def _not_recorded(self, ran: Ran) -> AipressError:
        failure = self._remote.failure(ran)
        return type(failure)(
            f"{failure}. Whether this is written there is not known"
            if ran.code is None
            else f"{failure}. Nothing was written there",
            f"What was applied stays applied. {failure.hint} Then run the command again: an apply finds everything "
            "as wanted and records it.",
        )

    # --- the copy ---------------------------------------------------------------------------------------------------

    def _follow(self, there: Mapping[str, str]) -> None:
        with self._exclusive():
            first = not (self.path / "HEAD").is_file()
            if first and not there:
                return
            if first or self._here() != there:
                if first:
                    pygit2.init_repository(str(self.path), bare=True)
                self._clear_locks()
                self._remote.fetch(self.path, first)

    def _here(self) -> dict[str, str]:
        repository = pygit2.Repository(str(self.path))
        names = [name for name in repository.references if name.startswith(REFS)]
        return {name: str(repository.references[name].target) for name in names}

    def _moved(self, ref: str, identity: str) -> None:
        """The ref of the copy follows; should that fail, the next look elsewhere sees the difference."""
        try:
            with self._exclusive():
                repository = pygit2.Repository(str(self.path))
                head = repository.references.get(ref)
                if head is None or repository.descendant_of(identity, head.target):
                    repository.references.create(ref, identity, force=True)
        except (pygit2.GitError, OSError, KeyError, HistoryUnreachableError):
            self._seen = None

    def _clear_locks(self) -> None:
        """Whoever writes refs here holds our lock, so an old lock on a ref is what a killed process left behind."""
        for left in (self.path / "refs").rglob("*.lock"):
            if self._clock.now().timestamp() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One process at a time changes the refs of the copy; freed by death, waited for a while only."""
        lock = self.path.with_suffix(".lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with own_turn(lock, WAITS):
                yield
        except (pygit2.GitError, OSError) as error:
            raise HistoryUnreachableError(
                f"the copy of the history in {self.path} cannot be kept: {error}",
                "Free space or make the folder writable; or delete it: it is only a copy, and is fetched again.",
            ) from error
