"""One at a time on this host: a lock file per name, freed by the kernel when its holder ends, however it ends."""

import fcntl
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.model.errors import AipressError, InputError, RefusedError


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


def shared_store_id(url: str) -> str:
    """The id of an engine's database that several processes share: where it is, without who signs in."""
    parts = urlsplit(url)
    return hashlib.sha256(f"{parts.hostname}:{parts.port or ''}{parts.path}".encode()).hexdigest()[:32]


def store_id(folder: Path) -> str:
    """The id of a state folder, written down once. Raises InputError when it can be neither read nor written."""
    path = folder / "store"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as file:
                file.write(f"{uuid.uuid4().hex}\n")
        except FileExistsError:  # it was written down before, and is read below
            pass
        found = path.read_text().strip()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "make the state folder writable, or choose another") from error
    if len(found) != 32:
        raise InputError(f"{path} holds no id of a store", "delete it: the next command writes another")
    return found
