"""A commit on top of the branch: objects, then the ref by compare-and-swap, then index and working tree of the
touched files only. Nothing else in the working tree is looked at or changed."""

import contextlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import FileMode, FileStatus, RepositoryState

from reconciler.model.errors import InputError, RefusedError
from reconciler.source.paths import odd

_AUTHOR = re.compile(r"(?P<name>[^<>\n]*[^<>\s])\s*<(?P<address>[^<>\s]+)>\Z")


_Tree = dict[str, Any]
"""Entry name -> blob id, or the _Tree of a folder."""


class Committer:
    def __init__(self, repository: pygit2.Repository) -> None:
        self._repo = repository

    def commit(self, files: Mapping[str, str], message: str, author: str, at: int | None = None) -> str:
        """Commit texts by path (relative to the repository). Returns the commit id. `at`: epoch seconds, default now.

        Raises RefusedError when a touched file has edits, a merge or rebase is going on, HEAD is detached, or the
        branch moved meanwhile; InputError for a path that cannot be written.
        """
        repo = self._repo
        signature = _signature(author, at)
        for path in files:
            _checked(path)
        if repo.state() != RepositoryState.NONE:
            raise RefusedError(
                "a merge, rebase or the like is going on in the fleet repository", "finish it, then try again"
            )
        if repo.head_is_detached:
            raise RefusedError("the fleet repository is on no branch (detached HEAD)", "check a branch out first")
        if not repo.is_bare:
            self._refuse_edits(files)
        parents = [] if repo.head_is_unborn else [repo.head.target]
        blobs = {path: str(repo.create_blob(text.encode())) for path, text in files.items()}
        base = repo[parents[0]].peel(pygit2.Tree) if parents else None
        tree = self._tree(base, _nested(blobs))
        branch = str(repo.lookup_reference("HEAD").target)
        try:
            made = repo.create_commit(branch, signature, signature, message, tree, parents)
        except (pygit2.GitError, ValueError) as error:
            raise RefusedError(
                f"the branch {branch.removeprefix('refs/heads/')} moved while the commit was made ({error})",
                "nothing was changed: run the command again",
            ) from error
        if not repo.is_bare:
            self._write(files, blobs)
        return str(made)

    def first(self, files: Mapping[str, str], message: str, author: str, at: int) -> str:
        """The first commit of a repository whose working tree holds these texts already."""
        signature = _signature(author, at)
        blobs = {path: str(self._repo.create_blob(text.encode())) for path, text in files.items()}
        tree = self._tree(None, _nested(blobs))
        made = self._repo.create_commit("HEAD", signature, signature, message, tree, [])
        index = self._repo.index
        index.add_all()  # with the files' times, so that nothing is hashed again to see that nothing was edited
        index.write()
        return str(made)

    def _tree(self, base: pygit2.Tree | None, changes: _Tree) -> pygit2.Oid:
        """`base` with some entries set, building only the trees on the way."""
        builder = self._repo.TreeBuilder(base) if base is not None else self._repo.TreeBuilder()
        for name, change in changes.items():
            if isinstance(change, str):
                builder.insert(name, pygit2.Oid(hex=change), FileMode.BLOB)
                continue
            inner = base[name] if base is not None and name in base else None
            below = inner if isinstance(inner, pygit2.Tree) else None
            builder.insert(name, self._tree(below, change), FileMode.TREE)
        return builder.write()

    def _refuse_edits(self, files: Mapping[str, str]) -> None:
        for path in files:
            self._refuse_links(path)
            try:
                status = self._repo.status_file(path)
            except KeyError:
                continue  # in neither HEAD, index nor working tree: a new file
            except (ValueError, pygit2.GitError) as error:
                raise InputError(f"{path} cannot be written ({error})", "choose another path") from error
            if status != FileStatus.CURRENT and not self._already(path, files[path], status):
                raise RefusedError(f"{path} has edits that are not committed", "commit or undo them, then try again")

    def _already(self, path: str, text: str, status: FileStatus) -> bool:
        """A new file that stands there with exactly this text (an interrupted run) is no edit of anybody's."""
        file = Path(self._repo.workdir) / path
        return bool(status == FileStatus.WT_NEW) and file.read_bytes() == text.encode()

    def _refuse_links(self, path: str) -> None:
        place = Path(self._repo.workdir)
        for part in path.split("/"):
            place /= part
            try:
                mode = place.lstat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                return
            if stat.S_ISLNK(mode):
                raise RefusedError(f"{place} is a symlink; nothing is written through it", "replace it by a real file")

    def _write(self, files: Mapping[str, str], blobs: Mapping[str, str]) -> None:
        top = Path(self._repo.workdir)
        index = self._repo.index
        index.read(False)
        for path, text in files.items():
            _replace(top / path, text.encode())
            index.add(pygit2.IndexEntry(path, pygit2.Oid(hex=blobs[path]), FileMode.BLOB))
        index.write()


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise InputError(
            f"{file} cannot be written ({error.strerror})",
            "the commit is made: free the file or the disk, then `git checkout -- PATH` brings it here",
        ) from error


def _nested(blobs: Mapping[str, str]) -> _Tree:
    root: _Tree = {}
    for path, blob in blobs.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = blob
    return root


def _checked(path: str) -> None:
    if odd(path):
        raise InputError(f"{path!r} is no path inside the fleet repository", "choose another name")


def _with_address(actor: str) -> str:
    """A person known by an address or a login name alone, as git wants it: `jo@x.example` -> `jo <jo@x.example>`."""
    name = actor.partition("@")[0]
    if not name or any(character.isspace() or character in "<>" for character in actor):
        return ""
    return f"{name} <{actor}>" if "@" in actor else f"{name} <{name}@localhost>"


def _signature(author: str, at: int | None) -> pygit2.Signature:
    found = _AUTHOR.match(author.strip()) or _AUTHOR.match(_with_address(author.strip()))
    if not found:
        raise InputError(
            f"the author {author!r} is not of the form `Name <address>`", "set `actor`, or git's user.name"
        )
    if at is None:
        return pygit2.Signature(found["name"], found["address"])
    return pygit2.Signature(found["name"], found["address"], at, 0)
