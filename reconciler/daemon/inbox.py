"""The hints that webhooks brought, kept through a kill, until somebody has looked: bounded, each ref once.

A small database in the state folder, for this user alone. It is never the truth: losing it loses no commit, because
git is polled all the same. What was delivered is remembered for seven days, so that it counts once.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

from reconciler.forge.hints import Hint
from reconciler.forge.signatures import Provider
from reconciler.model.errors import AipressError

FILE = "inbox.sqlite"
KEPT = timedelta(days=7)
"""GitHub lets people send a delivery again for three days; that is well inside."""
MOST_WAITING = 10_000
"""Refs that may wait at once; beyond them the sender is told to come again."""
MOST_HEARD = 2_000
"""Pull requests of which it is remembered how far their comments were read."""
MOST_MARKS = 1_000_000
"""About 60 MB. Beyond them the oldest are forgotten early, which costs a look too many, should one come again."""

_VERSION = 1
_PRUNED = 50
"""Marks that go with each delivery, at most: more than one delivery brings, so that they do not pile up."""
_LOG = logging.getLogger(__name__)

_TABLES = f"""
CREATE TABLE IF NOT EXISTS marks (mark BLOB PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS marks_by_age ON marks (at);
CREATE TABLE IF NOT EXISTS hints (
    provider TEXT NOT NULL, about TEXT NOT NULL, ref TEXT NOT NULL, delivery TEXT NOT NULL, event TEXT NOT NULL,
    repository TEXT NOT NULL, number TEXT NOT NULL, said_commit TEXT NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
    times INTEGER NOT NULL, PRIMARY KEY (provider, about, ref)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (
    pull INTEGER PRIMARY KEY, comment INTEGER NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""
_PUT = """
INSERT INTO hints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (provider, about, ref) DO UPDATE SET delivery = excluded.delivery, event = excluded.event,
    repository = excluded.repository, said_commit = excluded.said_commit, last = excluded.last, times = times + 1
"""
_COLUMNS = "provider, delivery, event, repository, number, ref, said_commit, first, last, times"


class Received(StrEnum):
    """What became of a delivery. FULL: nothing of it is kept, so it counts when it is sent again."""

    NEW = "accepted"
    AGAIN = "duplicate"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ref that moved, as the newest delivery said. `times`: deliveries since `first` that nobody has looked after."""

    hint: Hint
    first: datetime
    last: datetime
    times: int


class Inbox:
    """Any thread may use it. Every method raises AipressError when the database cannot be used (a full disk)."""

    def __init__(self, folder: Path, most: int = MOST_WAITING, most_marks: int = MOST_MARKS) -> None:
        self._file = folder / FILE
        self._most = most
        self._most_marks = most_marks
        self._lock = threading.Lock()
        with self._told():
            self._at = _opened(self._file)
            self._marks: int = self._at.execute("SELECT count(*) FROM marks").fetchone()[0]

    def receive(self, marks: Sequence[str], hints: Sequence[Hint], now: datetime) -> Received:
        """All of a delivery or nothing; it survives a kill once this returns. `marks`: what it is known by."""
        hashes = [blake2b(mark.encode(), digest_size=16).digest() for mark in marks]
        with self._told(), self._lock, self._at:
            self._at.execute("BEGIN IMMEDIATE")
            oldest = (now - KEPT).timestamp()
            if any(self._at.execute("SELECT 1 FROM marks WHERE mark = ? AND at > ?", (h, oldest)).fetchone()
                   for h in hashes):  # fmt: skip
                return Received.AGAIN
            for hint in hints:
                self._at.execute(_PUT, _row(hint, now.timestamp()))
            if hints and self._count() > self._most:
                self._at.rollback()
                return Received.FULL
            self._at.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", ((h, now.timestamp()) for h in hashes))
            self._marks += len(hashes) - self._prune(oldest)
        return Received.NEW

    def waiting(self, most: int = MOST_WAITING) -> tuple[Waiting, ...]:
        """Oldest first."""
        with self._told(), self._lock:
            return _read(self._at, most)

    def depth(self) -> int:
        with self._told(), self._lock:
            return self._count()

    def done(self, seen: Waiting) -> bool:
        """Somebody has looked after it. False, and it stays, when another delivery came meanwhile."""
        hint = seen.hint
        with self._told(), self._lock, self._at:
            left = self._at.execute(
                "DELETE FROM hints WHERE provider = ? AND about = ? AND ref = ? AND times = ? AND last = ?",
                (hint.provider, _about(hint), hint.ref, seen.times, seen.last.timestamp()),
            )
            return left.rowcount == 1

    def heard(self, pull: int) -> int | None:
        """The newest comment of a pull request that commands were looked for in; None: nobody looked yet."""
        with self._told(), self._lock:
            row = self._at.execute("SELECT comment FROM heard WHERE pull = ?", (pull,)).fetchone()
        return int(row[0]) if row else None

    def hears(self, pull: int, comment: int, now: datetime) -> None:
        """Of the pull requests that were looked at longest ago, more than MOST_HEARD are forgotten."""
        with self._told(), self._lock, self._at:
            self._at.execute("INSERT OR REPLACE INTO heard VALUES (?, ?, ?)", (pull, comment, now.timestamp()))
            self._at.execute(
                "DELETE FROM heard WHERE pull IN (SELECT pull FROM heard ORDER BY at DESC, pull LIMIT -1 OFFSET ?)",
                (MOST_HEARD,),
            )

    def close(self) -> None:
        with self._lock:
            self._at.close()

    def _count(self) -> int:
        return int(self._at.execute("SELECT count(*) FROM hints").fetchone()[0])

    def _prune(self, oldest: float) -> int:
        """How many marks went: too old ones, and the oldest when there are too many."""
        by_age = "DELETE FROM marks WHERE mark IN (SELECT mark FROM marks WHERE at <= ? ORDER BY at LIMIT ?)"
        gone = self._at.execute(by_age, (oldest, _PRUNED)).rowcount
        if self._marks - gone >= self._most_marks:
            gone += self._at.execute(by_age, (float("inf"), _PRUNED)).rowcount
        return gone

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise AipressError(
                f"the inbox of webhooks {self._file} cannot be used: {error}",
                "free space or make its folder writable; git is polled meanwhile",
            ) from error


def waiting_in(folder: Path, most: int = 100) -> tuple[Waiting, ...]:
    """What waits in the inbox of a state folder, for who only looks; nothing where there is none."""
    file = folder / FILE
    if file.exists():
        with suppress(sqlite3.Error, ValueError, OverflowError), closing(sqlite3.connect(file, timeout=1)) as at:
            return _read(at, most)
    return ()


def _read(at: sqlite3.Connection, most: int) -> tuple[Waiting, ...]:
    rows = at.execute(f"SELECT {_COLUMNS} FROM hints ORDER BY first LIMIT ?", (most,))  # noqa: S608 -- constants
    return tuple(
        Waiting(
            Hint(Provider(provider), *map(str, said)),
            datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), int(times),
        )
        for provider, *said, first, last, times in rows
    )  # fmt: skip


def _about(hint: Hint) -> str:
    """A repository keeps its number when it is renamed."""
    return f"#{hint.number}" if hint.number else hint.repository


def _row(hint: Hint, at: float) -> tuple[object, ...]:
    about = (hint.provider, _about(hint), hint.ref)
    return (*about, hint.delivery, hint.event, hint.repository, hint.number, hint.commit, at, at)


def _opened(file: Path) -> sqlite3.Connection:
    """In WAL mode; one that is damaged or another release's is moved aside. Raises sqlite3.Error, OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    at = sqlite3.connect(file, timeout=2, isolation_level=None, check_same_thread=False)
    try:
        # A kill loses nothing that was committed; a power cut may lose the last deliveries, and the poll finds them.
        at.execute("PRAGMA journal_mode=wal")
        at.execute("PRAGMA synchronous=normal")
        version = at.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION) or at.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("it is not ours")
        at.executescript(_TABLES)
    except sqlite3.OperationalError:
        at.close()
        raise  # locked, read-only, full: it is not the database that is at fault
    except sqlite3.DatabaseError:
        at.close()
        for one in (file, file.with_name(f"{FILE}-wal"), file.with_name(f"{FILE}-shm")):
            if one.exists():
                one.replace(one.with_name(f"{one.name}.damaged"))
        _LOG.warning(
            "the inbox of webhooks was damaged and is moved to %s.damaged; git is polled, nothing is lost", file
        )
        return _opened(file)
    return at
