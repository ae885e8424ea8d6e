"""The state directory: rows in one SQLite file. What is flushed is in the write-ahead log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.localcloud import files

# Keys of things that are due at a time: asked about on every request, and nearly always nothing is due.
_TIMETABLES = ("pending/", "timers/", "expiry/")
# Rows that nearly every request reads (projects, enabled APIs), and those just written, which are soon read again.
_HOT_ROWS = 4096
_HOT_BYTES = 4096
_END = "\U0010ffff"
# SQLite's application id, "AIPr": by it a file is known as ours before it is put in place of the state.
_OURS = 0x41495072


class SqliteRows:
    """Rows that survive SIGKILL: WAL keeps what was committed when the process dies.

    synchronous=NORMAL may lose the last transactions on loss of power, never on the death of the process, and never
    corrupts. A rowid table with a unique index, because WITHOUT ROWID doubled the file and the insert time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hot: dict[str, bytes | None] = {}
        self._first: dict[str, str] = {}
        self._broken: sqlite3.Error | None = None
        self.shared = False
        self._open()

    def _open(self) -> None:
        # The rows hold secrets and passwords. SQLite gives its log the mode of the file.
        self.path.touch(mode=0o600)
        self.path.chmod(0o600)
        self._base = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=64)
        # The state directory is locked for us alone, so SQLite need not ask the file system for every read.
        self._base.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=NORMAL")
        self._base.execute("PRAGMA cache_size=-32768")
        self._base.execute("PRAGMA wal_autocheckpoint=8000")
        self._base.execute(f"PRAGMA application_id={_OURS}")
        self._base.execute("CREATE TABLE IF NOT EXISTS rows (key TEXT NOT NULL UNIQUE, value BLOB NOT NULL)")

    def get(self, key: str) -> bytes | None:
        if key in self._hot:
            return self._hot[key]
        row = self._base.execute("SELECT value FROM rows WHERE key = ?", (key,)).fetchone()
        value = None if row is None else bytes(row[0])
        self._keep(key, value)
        return value

    def _keep(self, key: str, value: bytes | None) -> None:
        if value is not None and len(value) > _HOT_BYTES:
            self._hot.pop(key, None)
            return
        if len(self._hot) >= _HOT_ROWS:
            self._hot.clear()
        self._hot[key] = value

    def scan(self, low: str, high: str, limit: int) -> list[tuple[str, bytes]]:
        if low in _TIMETABLES and high.startswith(low) and high <= self._earliest(low):
            return []
        query = "SELECT key, value FROM rows WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
        return self._base.execute(query, (low, high, limit)).fetchall()

    def keys(self, low: str, limit: int) -> list[str]:
        query = "SELECT key FROM rows WHERE key >= ? ORDER BY key LIMIT ?"
        return [key for (key,) in self._base.execute(query, (low, limit))]

    def names(self, prefix: str) -> Iterator[str]:
        """Every key with a prefix, in order, without its value."""
        query = "SELECT key FROM rows WHERE key >= ? AND key < ? ORDER BY key"
        yield from (key for (key,) in self._base.execute(query, (prefix, prefix + _END)))

    def _earliest(self, timetable: str) -> str:
        """The first key of a timetable, kept in memory between commits that take it away."""
        if timetable not in self._first:
            query = "SELECT min(key) FROM rows WHERE key >= ? AND key < ?"
            found = self._base.execute(query, (timetable, timetable + _END)).fetchone()[0]
            self._first[timetable] = found or _END
        return self._first[timetable]

    @property
    def open(self) -> bool:
        """Whether there is something that `flush` must still do or tell."""
        return self._base.in_transaction or self._broken is not None

    def commit(self, writes: Mapping[str, bytes | None]) -> None:
        """Write, and with `shared` leave it to a later `flush` to make it last: many writes, one commit."""
        kept = [(key, value) for key, value in writes.items() if value is not None]
        gone = [(key,) for key, value in writes.items() if value is None]
        query = "INSERT INTO rows (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        try:
            if not self._base.in_transaction:
                self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(query, kept)
            if gone:
                self._base.executemany("DELETE FROM rows WHERE key = ?", gone)
        except sqlite3.Error as error:
            self._undo(error)
            raise
        self._remember(writes)
        if not self.shared:
            self.flush()

    def flush(self) -> None:
        """Make all writes last. Raises what went wrong with any of them since the flush before; all are undone then."""
        broken, self._broken = self._broken, None
        if broken is not None:
            self._rollback()
            raise broken
        try:
            if self._base.in_transaction:
                self._base.execute("COMMIT")
        except sqlite3.Error:
            self._rollback()
            raise

    def _undo(self, error: sqlite3.Error) -> None:
        self._rollback()
        # Those who wrote before us in this transaction have not been answered yet, and must hear of it.
        self._broken = error if self.shared else None

    def _rollback(self) -> None:
        if self._base.in_transaction:
            self._base.execute("ROLLBACK")
        self._forget()

    def _remember(self, writes: Mapping[str, bytes | None]) -> None:
        for key, value in writes.items():
            self._keep(key, value)
            if key.startswith(_TIMETABLES):
                timetable = key[: key.index("/") + 1]
                first = self._first.get(timetable)
                if first is not None and value is not None and key < first:
                    self._first[timetable] = key
                elif first == key:
                    del self._first[timetable]

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Many rows in one transaction, all or none; those that are there are replaced."""
        self.flush()
        self._base.execute("BEGIN IMMEDIATE")
        try:
            self._base.executemany("INSERT OR REPLACE INTO rows (key, value) VALUES (?, ?)", rows)
            self._base.execute("COMMIT")
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        finally:
            self._forget()

    def snapshot(self, target: Path) -> int:
        """Copy all rows into the file `target`; returns its size. A power loss may lose it, a crash of ours cannot."""
        self.flush()
        self._base.execute("PRAGMA synchronous=OFF")
        self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._base.execute("PRAGMA synchronous=NORMAL")
        fresh = target.with_name(f"{target.name}.new")
        files.copied(self.path, fresh)
        fresh.replace(target)
        return target.stat().st_size

    def restore(self, source: Path) -> None:
        """Put the rows of a snapshot in place of ours. Raises ValueError when it is none, and changes nothing then."""
        if not is_snapshot(source):
            raise ValueError(f"{source} is no snapshot of a local cloud; make one with POST /_aipress/snapshot")
        fresh = self.path.with_name(f"{self.path.name}.new")
        files.copied(source, fresh)
        self.close()
        for tail in ("-wal", "-shm"):
            self.path.with_name(self.path.name + tail).unlink(missing_ok=True)
        fresh.replace(self.path)
        self._forget()
        self._open()

    def _forget(self) -> None:
        self._hot.clear()
        self._first.clear()

    def counts(self) -> dict[str, int]:
        """Objects per collection (what stands before the first slash of the key)."""
        query = "SELECT substr(key, 1, instr(key || '/', '/') - 1), count(*) FROM rows GROUP BY 1 ORDER BY 1"
        return dict(self._base.execute(query).fetchall())

    def clear(self) -> None:
        self._base.execute("DELETE FROM rows")
        self._forget()

    def close(self) -> None:
        self.flush()
        self._base.close()


def is_snapshot(path: Path) -> bool:
    """Whether a file is a whole database of ours: by SQLite's magic and, at byte 68, our application id."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and head[68:72] == _OURS.to_bytes(4, "big")
