"""The engine's database where it is a file: for this user alone, in WAL mode, moved aside when it is damaged."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from reconciler.model.errors import AipressError

FILE = "engine.sqlite"
_LOG = logging.getLogger(__name__)


_AGE = "SELECT (julianday('now') - 2440587.5) * 86400.0 - min(began) FROM aipress_orders WHERE closed IS NULL"


def oldest_open(folder: Path) -> float | None:
    """Seconds since the oldest apply that is not over began; None: all are over. Loads nothing of what walks them.

    None, too, where the file is damaged: who opens it for walking sees to that.
    """
    file = folder / FILE
    if file.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as at:
            age: float | None = at.execute(_AGE).fetchone()[0]
            return age
    return None


def prepared(folder: Path) -> Path:
    """The database file, for this user alone and in WAL mode; a damaged one is moved aside. Raises AipressError."""
    file = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            for old in _beside(file):  # of a file that was deleted: it must not be read into the new one
                old.unlink(missing_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if not _sound(file):
            for one in (file, *_beside(file)):
                if one.exists():
                    one.replace(one.with_name(f"{one.name}.damaged"))
            _LOG.warning("the engine's database was damaged and is moved to %s.damaged; nothing is lost", file)
            return prepared(folder)
    except OSError as error:
        raise AipressError(
            f"the engine's database {file} cannot be used: {error.strerror or error}",
            "make its folder writable, or set AIPRESS_STATE to a folder that is",
        ) from error
    return file


def _beside(file: Path) -> tuple[Path, Path]:
    return file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")


def _sound(file: Path) -> bool:
    """Whether it is a database that holds together; set to WAL on the way, which it stays."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(file)) as at:
        at.execute("PRAGMA journal_mode=wal")
        return bool(at.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    return False
