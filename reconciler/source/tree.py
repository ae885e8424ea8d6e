"""Fleet files of a working tree or of the index, in the shape in which a commit's files are read.

No symlink is followed, nothing but plain files is opened, and never more of a file than the limit.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reconciler.model.errors import InputError
from reconciler.model.ports import Repository, TreeFile
from reconciler.source.git import MAX_ENTRIES, GitRepository
from reconciler.source.paths import (
    EXECUTABLE,
    FLEET_FILE,
    FOLDERS,
    MAX_DEPTH,
    PLAIN,
    SUBMODULE,
    SYMLINK,
    TREE,
)  # fmt: skip


class Files(Protocol):
    """A set of fleet files from anywhere. `commit` is "" when it is none."""

    @property
    def commit(self) -> str: ...

    def files(self) -> Sequence[TreeFile]: ...

    def read(self, file: TreeFile, limit: int) -> bytes:
        """At most limit + 1 bytes. Raises InputError, or OSError for one file that cannot be opened."""


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The files of one commit."""

    repository: Repository
    commit: str

    def files(self) -> Sequence[TreeFile]:
        return self.repository.files(self.commit)

    def read(self, file: TreeFile, limit: int) -> bytes:
        return self.repository.read(file.blob, limit)


@dataclass(frozen=True, slots=True)
class StagedFiles:
    """The files of the index: what the next commit would hold."""

    repository: GitRepository
    commit: str = ""

    def files(self) -> Sequence[TreeFile]:
        return self.repository.staged()

    def read(self, file: TreeFile, limit: int) -> bytes:
        return self.repository.read(file.blob, limit)


@dataclass(frozen=True, slots=True)
class WorkingFiles:
    """The files of a folder as they stand on the disk. `executable_bits`: whether they mean anything there."""

    folder: Path
    executable_bits: bool = True
    commit: str = ""

    def files(self) -> Sequence[TreeFile]:
        """Raises InputError when the folder is not there."""
        if not self.folder.is_dir():
            raise InputError(f"{self.folder} is not a folder", "name the folder that holds fleet.yaml with -C DIR")
        found = []
        for path, mode in self._walk():
            found.append(TreeFile(path, "", mode))
            if len(found) > MAX_ENTRIES:
                raise InputError(f"more than {MAX_ENTRIES:,} files below {self.folder}", "this is no fleet")
        return sorted(found, key=lambda file: file.path)

    def read(self, file: TreeFile, limit: int) -> bytes:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.folder / file.path, flags)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{file.path} is not a plain file")
            return opened.read(limit + 1)

    def _walk(self) -> Iterator[tuple[str, int]]:
        stack = [name for name in (FLEET_FILE, *FOLDERS) if os.path.lexists(self.folder / name)]
        while stack:
            path = stack.pop()
            mode = self._mode(path)
            if mode != TREE or path.count("/") + 1 >= MAX_DEPTH:
                yield path, mode
                continue
            try:
                with os.scandir(self.folder / path) as entries:
                    names = [entry.name for entry in entries]
            except OSError:
                yield path, mode  # a folder nobody may open: load says so
                continue
            if ".git" in names and path:
                yield path, SUBMODULE
                continue
            stack += [f"{path}/{name}" for name in names]

    def _mode(self, path: str) -> int:
        """Git's mode of what is there; 0 for what git could not hold (a device, a socket)."""
        mode = (self.folder / path).lstat().st_mode
        if stat.S_ISLNK(mode):
            return SYMLINK
        if stat.S_ISDIR(mode):
            return TREE
        if not stat.S_ISREG(mode):
            return 0
        return EXECUTABLE if self.executable_bits and mode & stat.S_IXUSR else PLAIN
