"""The Audit port as files: JSON lines in the state folder, each naming the one before; only ever appended to."""

import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reconciler.model.audit import FORMAT, OPENED, TORN, Anchor, Line, Note, digest_of, line_of, recorded
from reconciler.model.errors import AipressError
from reconciler.model.ports import Clock

SEGMENT = 16 * 1024 * 1024
"""Bytes after which the log goes on in another file."""
MOST_LINE = 256 * 1024
"""Bytes looked at from the end of a file for its last record; a record is shorter than 64 KiB."""

REMEMBERED = 4_096
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    """Where the log ends: its newest file and that one's size, the last record, and what a killed process left half
    written behind it (None: nothing; b"" with `fed` False: a whole record that lacks its line feed)."""

    path: Path
    size: int
    last: Anchor
    left: bytes | None = None
    fed: bool = True


class FileAudit:
    """`folder`/audit/NUMBER.jsonl, NUMBER that of a file's first record. Kept until somebody moves files away.

    Several processes may append (a command beside `serve`): each takes the folder's lock and looks at the end anew when
    it is not where it left it. A line that a killed process left half written is never touched: the record behind it
    tells its length and digest.

    What cannot be recorded is not done: a write to the cloud whose record cannot be put on disk is not made, since an
    audit log with a hole that nobody can see is worth less than an apply that waits for free space. The journal of
    intents stops at the same moment for the same reason, so nothing else is lost by it.
    """

    def __init__(self, folder: Path, clock: Clock, log: Callable[[], str]) -> None:
        self._folder = folder / "audit"
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._end: _End | None = None
        self._handle = -1
        self._guard = -1
        self._told: OrderedDict[str, None] = OrderedDict()

    def __del__(self) -> None:
        """A log that nobody holds any more keeps no file open."""
        self._close()
        if self._guard >= 0:
            os.close(self._guard)

    def note(self, note: Note, *, sync: bool = True) -> None:
        """Raises AipressError when it cannot be written: do not act then."""
        with self._lock:
            self._guarded(lambda: self._append(note, sync=sync))

    def anchor(self) -> Anchor | None:
        """The newest record, once all are on disk; None where nothing was recorded yet."""
        with self._lock:
            return self._guarded(self._anchored) if self._folder.is_dir() else None

    def news(self, key: str) -> bool:
        """Of the newest REMEMBERED keys."""
        with self._lock:
            known = key in self._told
            self._told[key] = None
            self._told.move_to_end(key)
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
        return not known

    def lines(self) -> Iterator[Line]:
        """Oldest first, as they are. Raises AipressError when a file cannot be read."""
        for path in _segments(self._folder):
            try:
                with path.open("rb") as file:
                    for number, content in enumerate(iter(lambda: file.readline(MOST_LINE), b""), 1):
                        whole = content.endswith(b"\n")
                        yield Line(f"{path.name}:{number}", content.removesuffix(b"\n"), whole)
            except OSError as error:
                raise AipressError(f"{path} cannot be read: {error.strerror}", "make it readable") from error

    # --- inside -----------------------------------------------------------------------------------------------------

    def _guarded(self, act: Callable[[], T]) -> T:
        try:
            if self._guard < 0:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._guard = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._guard, fcntl.LOCK_EX)
            try:
                return act()
            finally:
                fcntl.flock(self._guard, fcntl.LOCK_UN)
        except OSError as error:
            self._end = None
            self._close()
            raise AipressError(
                f"the audit log in {self._folder} cannot be written: {error.strerror or error}",
                "What cannot be recorded is not done. Free space or make the folder writable, then run again.",
            ) from error

    def _append(self, note: Note, *, sync: bool) -> None:
        end = self._mended(self._at())
        if end.size >= SEGMENT:
            end = self._next(end)
        self._end = self._put(end, note)
        if sync:
            os.fsync(self._handle)

    def _anchored(self) -> Anchor | None:
        end = self._at()
        if not end.last.number:
            return None
        if end.left is not None or not end.fed:
            end = self._end = self._mended(end)
        os.fsync(self._handle)
        return end.last

    def _at(self) -> _End:
        """The end, and the handle of its file."""
        end = self._end
        if end is None or self._handle < 0 or os.fstat(self._handle).st_size != end.size or self._newer(end):
            end = self._found()
            self._open(end.path)
        return end

    def _newer(self, end: _End) -> bool:
        """Whether another process went on in a new file."""
        following = self._folder / _name(end.last.number + 1)
        return following != end.path and following.exists()

    def _found(self) -> _End:
        last: Anchor | None = None
        paths = _segments(self._folder)
        for path in reversed(paths):
            found = _end_of(path)
            if path is paths[-1]:
                newest = found
            if found.last.number:
                last = found.last
                break
        if not paths:
            return _End(self._folder / _name(1), 0, Anchor(self._log(), 0, ""))
        return _End(newest.path, newest.size, last or Anchor(self._log(), 0, ""), newest.left, newest.fed)

    def _mended(self, end: _End) -> _End:
        """With its last line ended, and what was left of one told by a record."""
        if end.left is not None:
            told = {"bytes": len(end.left), "digest": digest_of(end.left)}
            after = Anchor(end.last.log, end.last.number, digest_of(end.left))
            feed = b"" if end.fed else b"\n"
            return self._put(_End(end.path, end.size, after), Note(TORN, actor="aipress", detail=told), feed)
        if not end.fed:
            self._wrote(b"\n")
            return _End(end.path, end.size + 1, end.last)
        if not end.last.number:
            return self._put(end, Note(OPENED, actor="aipress", detail={"format": FORMAT}))
        return end

    def _next(self, end: _End) -> _End:
        os.fsync(self._handle)
        path = self._folder / _name(end.last.number + 1)
        self._open(path)
        return _End(path, 0, end.last)

    def _put(self, end: _End, note: Note, feed: bytes = b"") -> _End:
        self._end = None  # until it is whole
        line = line_of(note, self._clock.now(), end.last)
        self._wrote(feed + line + b"\n")
        last = Anchor(end.last.log, end.last.number + 1, digest_of(line))
        return _End(end.path, end.size + len(feed) + len(line) + 1, last)

    def _wrote(self, content: bytes) -> None:
        if os.write(self._handle, content) != len(content):
            raise OSError(28, "the disk is full")

    def _open(self, path: Path) -> None:
        self._close()
        fresh = not path.exists()
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if fresh:
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


def _name(number: int) -> str:
    return f"{number:012}.jsonl"


def _segments(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == ".jsonl" and path.stem.isdigit())


def _end_of(path: Path) -> _End:
    """How one file ends; a record number 0 where it has no record."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - MOST_LINE, 0))
        content = file.read()
    fed = not content or content.endswith(b"\n")
    lines = [line for line in content.split(b"\n") if line]
    left = None
    for line in reversed(lines):
        try:
            found = recorded(line)
        except ValueError:
            left = line if left is None else left
            continue
        return _End(path, size, Anchor(found.log, found.number, digest_of(line)), left, fed)
    return _End(path, size, Anchor("", 0, ""), left, fed)
