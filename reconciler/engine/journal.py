"""Intents of this host, written down durably before their effect. Never the truth: losing it loses no knowledge."""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.model.canonical import canonical
from reconciler.model.errors import AipressError
from reconciler.model.ports import Intent

SCHEMA = 1
"""Number of the line format; a file of another number is moved aside."""
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
        lines = self._file.read_bytes().split(b"\n")
        whole, torn = lines[:-1], lines[-1]
        try:
            return _replayed(whole)
        except (ValueError, KeyError, TypeError) as error:
            aside = self._file.with_suffix(f".damaged-{os.getpid()}-{len(whole)}")
            self._file.replace(aside)
            self.notice = (
                f"the journal of intents was damaged ({type(error).__name__} in {len(whole)} lines, {len(torn)} bytes "
                f"torn) and is moved aside to {aside}; nothing is lost: the next plan looks at the cloud"
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


def _replayed(lines: Sequence[bytes]) -> dict[str, Intent]:
    """The open intents after these lines. Raises ValueError, KeyError or TypeError on what is not a journal."""
    intents: dict[str, Intent] = {}
    for number, line in enumerate(lines):
        row = json.loads(line)
        if number == 0:
            if row != {"schema": SCHEMA}:
                raise ValueError(f"a journal of another schema: {row!r}")
        elif "close" in row:
            intents.pop(row["close"], None)
        else:
            intent = _from_json(row["record"])
            intents[intent.id] = intent
    return intents


def _to_json(intent: Intent) -> dict[str, Any]:
    return {"id": intent.id, "plan": intent.plan, "change": intent.change, "at": intent.at.isoformat()}


def _from_json(row: Mapping[str, Any]) -> Intent:
    return Intent(row["id"], row["plan"], row["change"], datetime.fromisoformat(row["at"]))
