"""Intents of this host, written down durably before their effect. Never the truth: losing it loses no knowledge."""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.model.canonical import canonical
from reconciler.model.errors import AipressError
from reconciler.model.ports import Intent
from reconciler.model.shape import OBJECT, TEXT, shaped

SCHEMA = 1
"""Number of the line format; a file of another number is moved aside."""
MOST_LINE = 16 * 1024 * 1024
"""Bytes of one line: an intent is one change, some kilobytes."""
COMPACT = 10_000
"""Lines after which a long-lived process writes the file anew."""


class FileJournal:
    """One file of JSON lines, synced on every intent, rewritten with the open ones alone when it is opened.

    Who writes holds the state folder's lease. A torn last line (a crash while writing) is dropped; any other damage
    moves the file aside, and `notice` says so: an apply can always be planned anew.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "intents.jsonl"
        self._lock = threading.Lock()
        self._open: dict[str, Intent] | None = None
        self._handle = -1
        self._lines = 0
        self.notice = ""

    def __del__(self) -> None:
        """A journal that nobody holds any more keeps no file open."""
        if self._handle >= 0:
            os.close(self._handle)

    def record(self, intent: Intent) -> None:
        """Returns when the intent is on disk. Raises AipressError when it cannot be put there: do not act then."""
        with self._lock:
            intents = self._opened()
            self._append({"record": _to_json(intent)}, sync=True)
            intents[intent.id] = intent

    def close(self, intent_id: str) -> None:
        """Unknown ids are fine. Not synced: an intent that seems open after a power cut costs one more look."""
        with self._lock:
            if self._opened().pop(intent_id, None) is not None:
                self._append({"close": intent_id}, sync=False)
                if self._lines > COMPACT:
                    self._open = None  # the next use rewrites the file with the open ones alone

    def open_intents(self) -> Sequence[Intent]:
        """Oldest first."""
        with self._lock:
            return tuple(self._opened().values())

    def seen(self) -> Sequence[Intent]:
        """The same for who only looks, beside another process that writes: nothing is written, moved or made, and what
        cannot be read is nothing."""
        with self._lock:
            if self._open is not None:
                return tuple(self._open.values())
        try:
            with self._file.open("rb") as lines:
                return tuple(_replayed(lines).values())
        except (OSError, ValueError, RecursionError):
            return ()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _opened(self) -> dict[str, Intent]:
        if self._open is None:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                intents = self._read()
                self._rewrite(intents)
                self._handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            except OSError as error:
                raise self._unwritable(error) from error
            self._open, self._lines = intents, len(intents)
        return self._open

    def _read(self) -> dict[str, Intent]:
        if not self._file.exists():
            return {}
        try:
            with self._file.open("rb") as lines:
                return _replayed(lines)
        except (ValueError, RecursionError) as error:
            aside = self._file.with_suffix(f".damaged-{os.getpid()}-{self._file.stat().st_size}")
            self._file.replace(aside)
            self.notice = (
                f"the journal of intents was damaged ({type(error).__name__}: {str(error)[:100]}) and is moved aside "
                f"to {aside}; nothing is lost: the next plan looks at the cloud"
            )
            return {}

    def _rewrite(self, intents: Mapping[str, Intent]) -> None:
        fresh = self._file.with_suffix(".new")
        with open(fresh, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(_line({"schema": SCHEMA}))
            for intent in intents.values():
                out.write(_line({"record": _to_json(intent)}))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _append(self, row: Mapping[str, Any], *, sync: bool) -> None:
        try:
            content = _line(row)
            if os.write(self._handle, content) != len(content):
                raise OSError(28, "the disk is full")
            self._lines += 1
            if sync:
                os.fsync(self._handle)
        except OSError as error:
            self._open = None  # a line may be torn: read what is there before writing again
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> AipressError:
        return AipressError(
            f"the journal {self._file} cannot be written: {error.strerror or error}",
            "Nothing was done for this change. Free space or make the folder writable, then run again.",
        )


def _line(row: Mapping[str, Any]) -> bytes:
    return canonical(row).encode() + b"\n"


def _replayed(file: BinaryIO) -> dict[str, Intent]:
    """The open intents after the lines of a file, one read at a time. Raises ValueError on what is not a journal."""
    intents: dict[str, Intent] = {}
    number = 0
    while line := file.readline(MOST_LINE):
        if not line.endswith(b"\n"):
            if len(line) == MOST_LINE:
                raise ValueError("a line without end")
            break  # torn: a crash while it was written
        row = json.loads(line)
        if number == 0:
            if row != {"schema": SCHEMA}:
                raise ValueError("a journal of another schema")
        elif isinstance(row, dict) and "close" in row:
            intents.pop(str(row["close"]), None)
        else:
            intent = _from_json(shaped(row, {"record": OBJECT})["record"])
            intents[intent.id] = intent
        number += 1
    return intents


def _to_json(intent: Intent) -> dict[str, Any]:
    return {"id": intent.id, "plan": intent.plan, "change": intent.change, "at": intent.at.isoformat()}


def _from_json(row: Mapping[str, Any]) -> Intent:
    shaped(row, {"id": TEXT, "plan": TEXT, "change": OBJECT, "at": TEXT})
    return Intent(row["id"], row["plan"], row["change"], datetime.fromisoformat(row["at"]))
