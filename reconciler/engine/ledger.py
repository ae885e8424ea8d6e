"""The Ledger port as files: one a day of JSON lines in the state folder, kept eight days, never rewritten."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from reconciler.model.canonical import canonical
from reconciler.model.effect import Row, row_from_json, row_to_json
from reconciler.model.errors import AipressError

KEPT = timedelta(days=8)


class FileLedger:
    """`folder`/effects/DAY.jsonl. Who writes holds the state folder's lease. A line that cannot be read is passed
    over (`notice` says how many): the versions of the history say again what was done.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "effects"
        self._lock = threading.Lock()
        self._day = date.min
        self._handle = -1
        self.notice = ""

    def __del__(self) -> None:
        """A ledger that nobody holds any more keeps no file open."""
        self._close()

    def append(self, row: Row, *, sync: bool) -> None:
        """Raises AipressError when the row cannot be written whole: nothing may be done then."""
        content = canonical(row_to_json(row)).encode() + b"\n"
        with self._lock:
            try:
                handle = self._opened(row.at.date())
                if os.write(handle, content) != len(content):
                    raise OSError(28, "the disk is full")
                if sync:
                    os.fsync(handle)
            except OSError as error:
                self._close()
                raise AipressError(
                    f"the record of effects in {self._folder} cannot be written: {error.strerror or error}",
                    "Nothing was done for this change. Free space or make the folder writable, then run again.",
                ) from error

    def rows(self, since: datetime) -> Sequence[Row]:
        """Oldest first. Raises AipressError when a file is there and cannot be read: limits would be wrong."""
        try:
            lines = [line for path in self._files() if _day_of(path) >= since.date() for line in _lines(path)]
        except OSError as error:
            raise AipressError(
                f"the record of effects {error.filename or self._folder} cannot be read: {error.strerror}",
                "Nothing was done. Make it readable; or move it away, and the history is counted instead.",
            ) from error
        rows: list[Row] = []
        wrong = 0
        for line in lines:
            try:
                row = row_from_json(json.loads(line))
            except ValueError:
                wrong += 1
                continue
            if row.at > since:
                rows.append(row)
        self.notice = f"{wrong} lines of {self._folder} cannot be read and are not counted" if wrong else ""
        return rows

    # --- inside -----------------------------------------------------------------------------------------------------

    def _opened(self, day: date) -> int:
        if day == self._day and self._handle >= 0:
            return self._handle
        self._close()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{day.isoformat()}.jsonl"
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            os.write(self._handle, b"\n")  # a crash tore the last line: it must not swallow the next
        self._day = day
        for old in self._files():
            if _day_of(old) < day - KEPT:
                old.unlink(missing_ok=True)
        return self._handle

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _day_of(path) > date.min)


def _day_of(path: Path) -> date:
    """The day of a file's name; date.min for a file that is not ours."""
    try:
        return date.fromisoformat(path.stem) if path.suffix == ".jsonl" else date.min
    except ValueError:
        return date.min


def _lines(path: Path) -> Iterator[bytes]:
    return (line for line in path.read_bytes().split(b"\n") if line)
