"""One at a time on this host: a lock file per name, freed by the kernel when its holder ends, however it ends."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.errors import AipressError, RefusedError


class FlockLease:
    """Locks in `folder`/locks. The file's text is the holder's pid, for the message to who comes second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "locks"

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Exclusive until the block ends or the process dies. Raises RefusedError when another holds it."""
        path = self._folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AipressError(
                f"the lock {path} cannot be opened: {error.strerror}",
                "Make its folder writable, or set AIPRESS_STATE to a folder that is.",
            ) from error
        try:
            self._take(handle, path, name)
            yield
        finally:
            os.close(handle)  # closing frees the lock

    def _take(self, handle: int, path: Path, name: str) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode(errors="replace").strip()
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise RefusedError(
                f"`{name}` is held by {who} (lock {path})",
                "Wait for it to end, or stop it; the lock is freed when it ends, however it ends.",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
