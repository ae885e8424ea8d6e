"""Copying a large file as fast as the file system can: by sharing its blocks where it knows how."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_FICLONE = 0x40049409
_CHUNK = 1 << 30


def copied(source: Path, target: Path) -> None:
    """Make `target` a copy of `source` for its owner only, in no time on file systems that share blocks."""
    target.unlink(missing_ok=True)
    opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as reading, os.fdopen(opened, "wb") as writing:
        try:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        except OSError:
            _copy(reading.fileno(), writing.fileno(), os.fstat(reading.fileno()).st_size)


def _copy(reading: int, writing: int, size: int) -> None:
    done = 0
    while done < size:
        try:
            step = os.copy_file_range(reading, writing, min(_CHUNK, size - done), done, done)
        except OSError:
            step = os.sendfile(writing, reading, done, min(_CHUNK, size - done))
        if not step:
            return
        done += step
