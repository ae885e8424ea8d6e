"""A turn at what one process of a host changes at a time: a lock file, freed by death, waited for a while only.

A process that is stopped (SIGSTOP, a frozen container, a debugger) keeps its lock for as long as it lives: who waits
for it is told who that is instead of waiting with it.
"""

import fcntl
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.errors import HistoryUnreachableError

LOOKS = 0.05
"""Seconds between two looks whether the lock is free."""


@contextmanager
def own_turn(lock: Path, patience: float) -> Iterator[None]:
    """Exclusive until the block ends or the process dies. `patience`: seconds, real ones, for who is waited for is a
    real process. The file's text names its holder.

    Raises HistoryUnreachableError when another holds it for longer, OSError when it cannot be opened.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(handle, lock, patience)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, lock: Path, patience: float) -> None:
    pause = threading.Event()
    for left in range(int(patience / LOOKS), -1, -1):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if not left:
                said = " ".join(os.pread(handle, 200, 0).decode(errors="replace").split())
                who = said if said.startswith("process ") and said.isprintable() else "another process"
                raise HistoryUnreachableError(
                    f"{who} has held the history's lock {lock} for more than {patience:g} s. Nothing was written",
                    "It writes for a long time, or stands still: look at it (`ps`), let it go on or end it (that frees "
                    "the lock), then run the command again: what was applied stays applied, and is recorded then.",
                ) from error
        pause.wait(LOOKS)
