"""The state directory: rows in one SQLite file. A commit returns after the write is in the write-ahead log."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path


class SqliteRows:
    """Rows that survive SIGKILL: WAL keeps what was committed when the process dies.

    synchronous=NORMAL may lose the last transactions on loss of power, never on the death of the process, and never
    corrupts. A rowid table with a unique index, because WITHOUT ROWID doubled the file and the insert time.
    """

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=NORMAL")
        self._base.execute("PRAGMA cache_size=-32768")
        self._base.execute("CREATE TABLE IF NOT EXISTS rows (key TEXT NOT NULL UNIQUE, value BLOB NOT NULL)")

    def get(self, key: str) -> bytes | None:
        row = self._base.execute("SELECT value FROM rows WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def scan(self, low: str, high: str, limit: int) -> list[tuple[str, bytes]]:
        query = "SELECT key, value FROM rows WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
        return self._base.execute(query, (low, high, limit)).fetchall()

    def commit(self, writes: Mapping[str, bytes | None]) -> None:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            kept = [(key, value) for key, value in writes.items() if value is not None]
            query = "INSERT INTO rows (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            self._base.executemany(query, kept)
            gone = [(key,) for key, value in writes.items() if value is None]
            self._base.executemany("DELETE FROM rows WHERE key = ?", gone)
            self._base.execute("COMMIT")
        except BaseException:
            self._base.execute("ROLLBACK")
            raise

    def counts(self) -> dict[str, int]:
        """Objects per collection (what stands before the first slash of the key)."""
        query = "SELECT substr(key, 1, instr(key || '/', '/') - 1), count(*) FROM rows GROUP BY 1 ORDER BY 1"
        return dict(self._base.execute(query).fetchall())

    def clear(self) -> None:
        self._base.execute("DELETE FROM rows")

    def close(self) -> None:
        self._base.close()
