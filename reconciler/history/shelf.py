"""A bare git repository as a set of compare-and-swap refs, each pointing to a chain of trees of files.

Git's own rules make it tamper-evident: every object is named by its content. Objects are not synced one by one (nor
does git): a power cut may damage the newest version, which reading finds, and which can be rebuilt from what is live.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pygit2

from reconciler.history.turn import own_turn
from reconciler.model.errors import AipressError, HistoryUnreachableError
from reconciler.model.ports import Clock

BLOB = 0o100644
PATIENCE = 40
"""Tries, 50 ms apart, for a ref that another git process has locked."""
STALE = 10.0
"""Seconds after which a ref's lock file is taken for what a killed process left (a ref update takes milliseconds)."""

WAITS, WAITS_FOR_A_PUSH = 30.0, 150.0
"""Seconds that a writer waits for another on this host, who may send what it writes elsewhere (remote.TRANSFER)."""

MOST_BYTES, MOST_FILES, MOST_DEPTH = 128 * 1024 * 1024, 100_000, 16
"""Of one version: a shard of 250 tenants has some 5,000 resources of a few kilobytes."""

_TRIMMED = " .,:;<>\"\\'"


class MovedError(Exception):
    """The ref is no longer what the caller believed."""


class DamagedError(Exception):
    """What the ref leads to cannot be read; the text says what."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit to put on a ref: its files, message, author ("Name <mail>" or a name) and time (Unix seconds)."""

    files: Mapping[str, bytes]
    message: str
    author: str
    at: int


@dataclass(frozen=True, slots=True)
class Commit:
    id: str
    parent: str | None
    tree: pygit2.Tree


class Elsewhere(Protocol):
    """What a shelf asks of the repository that it is a copy of; mirror.Mirror is the one there is."""

    def refresh(self) -> None: ...

    def still(self) -> AbstractContextManager[None]: ...

    def publish(self, ref: str, expected: str | None, identity: str) -> None: ...


class Shelf:
    """Created on the first write; before that everything reads as empty. Safe for threads and for processes.

    With a `mirror`, `path` is the copy of a repository elsewhere: brought up to date before it is read, and a ref moves
    there first.
    """

    def __init__(self, path: Path, clock: Clock, mirror: "Elsewhere | None" = None) -> None:
        self.path = path
        self.clock = clock
        self._mirror = mirror
        self._lock = threading.RLock()
        self._repository: pygit2.Repository | None = None

    def still(self) -> AbstractContextManager[None]:
        """What is read until the block ends is of one moment, as far as it lies elsewhere."""
        return self._mirror.still() if self._mirror is not None else nullcontext()

    # --- reading ----------------------------------------------------------------------------------------------------

    def heads(self, prefix: str) -> dict[str, str]:
        """Rest of the ref's name -> commit id, for refs below a prefix."""
        with self._reading() as repository:
            if repository is None:
                return {}
            names = [name for name in repository.references if name.startswith(prefix)]
            return {name.removeprefix(prefix): str(repository.references[name].target) for name in sorted(names)}

    def head(self, ref: str) -> str | None:
        with self._reading() as repository:
            found = repository.references.get(ref) if repository is not None else None
            return str(found.target) if found is not None else None

    def commit(self, identity: str) -> Commit:
        """Raises DamagedError when it is not there or no commit."""
        with self._reading() as repository:
            found = repository.get(identity) if repository is not None else None
            if not isinstance(found, pygit2.Commit):
                raise DamagedError(f"commit {identity} is missing")
            parents = [str(parent) for parent in found.parent_ids]
            return Commit(identity, parents[0] if parents else None, found.tree)

    def find(self, prefix: str) -> str | None:
        """The one commit whose id starts so; None when there is none or more than one."""
        with self._reading() as repository:
            try:
                found = repository.get(prefix) if repository is not None else None
            except ValueError:  # too short, or more than one
                return None
            return str(found.id) if isinstance(found, pygit2.Commit) else None

    def is_behind(self, identity: str, head: str) -> bool:
        """Whether a commit is `head` or an ancestor of it."""
        with self._reading() as repository:
            return identity == head or bool(repository is not None and repository.descendant_of(head, identity))

    def file(self, commit: Commit, path: str) -> bytes:
        """Raises DamagedError when it is not there."""
        with self._reading() as repository:
            try:
                found = commit.tree[path]
            except KeyError as error:
                raise DamagedError(f"{path} is missing") from error
            if not isinstance(found, pygit2.Blob) or repository is None:
                raise DamagedError(f"{path} is no file")
            _weighed(repository, found, path, MOST_BYTES)
            return bytes(found.data)

    def files(self, commit: Commit) -> dict[str, bytes]:
        """Raises DamagedError for more files, bytes or folders within each other than any version has."""
        with self._reading() as repository:
            content: dict[str, bytes] = {}
            left = MOST_BYTES
            for path, blob in _blobs(commit.tree, "") if repository is not None else ():
                if repository is not None:
                    left -= _weighed(repository, blob, path, left)
                content[path] = bytes(blob.data)
            return content

    # --- writing ----------------------------------------------------------------------------------------------------

    def put(self, ref: str, expected: str | None, entry: Entry) -> str:
        """Put a commit on a ref whose head is still `expected` (None: not there). Returns its id.

        Raises MovedError when it is not; AipressError when the repository cannot be written.
        """
        if self._mirror is not None:
            self._mirror.refresh()
        with self._lock, self._writing() as repository:
            head = repository.references.get(ref)
            if (str(head.target) if head is not None else None) != expected:
                raise MovedError
            identity = self._commit(repository, expected, entry)
            if self._mirror is not None:
                self._mirror.publish(ref, expected, str(identity))
            else:
                self._swap(repository, ref, head, identity)
            return str(identity)

    def _commit(self, repository: pygit2.Repository, parent: str | None, entry: Entry) -> pygit2.Oid:
        known = {path: blob.id for path, blob in _blobs(repository[parent].tree, "")} if parent else {}
        index = pygit2.Index()
        for path, content in entry.files.items():
            oid = pygit2.hash(content)
            if known.get(path) != oid:
                oid = repository.create_blob(content)
            index.add(pygit2.IndexEntry(path, oid, BLOB))
        author = _signature(entry.author, entry.at)
        committer = pygit2.Signature("aipress", "aipress@localhost", entry.at, 0)
        tree = index.write_tree(repository)
        return repository.create_commit(None, author, committer, entry.message, tree, [parent] if parent else [])

    def _swap(self, repository: pygit2.Repository, ref: str, head: pygit2.Reference | None, to: pygit2.Oid) -> None:
        """libgit2 compares with what `head` held when it was read, under the ref's own lock."""
        for turn in range(PATIENCE + 1):
            try:
                if head is None:
                    repository.references.create(ref, to, force=False)
                else:
                    head.set_target(to)
                return
            except pygit2.AlreadyExistsError as error:
                raise MovedError from error
            except pygit2.GitError as error:
                if "does not match" in str(error):
                    raise MovedError from error
                raise
            except OSError as error:
                if "lock file" not in str(error) or turn == PATIENCE:
                    raise
                self._clear_stale(ref)
                self.clock.sleep(0.05)

    def _clear_stale(self, ref: str) -> None:
        """We hold our own lock, so an old lock on the ref is what a killed process left behind."""
        left = Path(self.path, f"{ref}.lock")
        try:
            if self.clock.now().timestamp() - left.stat().st_mtime > STALE:
                left.unlink()
        except OSError:
            return  # gone, or not ours to remove: the next turn says which

    # --- border -----------------------------------------------------------------------------------------------------

    def _opened(self) -> pygit2.Repository | None:
        if self._repository is None and self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            self._repository = pygit2.Repository(str(self.path))
        return self._repository

    @contextmanager
    def _reading(self) -> Iterator[pygit2.Repository | None]:
        if self._mirror is not None:
            self._mirror.refresh()
        with self._lock:
            try:
                yield self._opened()
            except (pygit2.GitError, OSError, KeyError) as error:
                if self._repository is None or isinstance(error, PermissionError):
                    raise HistoryUnreachableError(
                        f"the history {self.path} cannot be read: {error}",
                        "Check that it is a bare git repository you may read, or set AIPRESS_HISTORY.",
                    ) from error
                raise DamagedError(str(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[pygit2.Repository]:
        """Our own lock beside git's: held through the whole update, freed by death, waited for a while only."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self._opened() is None:
                self._repository = pygit2.init_repository(str(self.path), bare=True)
            with own_turn(self.path / "aipress.lock", WAITS if self._mirror is None else WAITS_FOR_A_PUSH):
                if self._repository is not None:
                    yield self._repository
        except (pygit2.GitError, OSError) as error:
            raise AipressError(
                f"the history {self.path} cannot be written: {error}",
                "What was applied stays applied. Free space or make the folder writable, then run `aipress apply` "
                "again: it finds everything as wanted and records it.",
            ) from error


def _blobs(tree: pygit2.Tree, at: str) -> Iterator[tuple[str, pygit2.Blob]]:
    """Raises DamagedError: a few forged folders that hold each other many times over are a tree without end."""
    stack, seen = [(at, tree)], 0
    while stack:
        where, folder = stack.pop()
        for entry in folder:
            seen += 1
            if seen > MOST_FILES or where.count("/") > MOST_DEPTH:
                raise DamagedError(f"more files than any version has, below {where[:200] or '/'}")
            if isinstance(entry, pygit2.Tree):
                stack.append((f"{where}{entry.name}/", entry))
            elif isinstance(entry, pygit2.Blob):
                yield f"{where}{entry.name}", entry


def _weighed(repository: pygit2.Repository, blob: pygit2.Blob, path: str, left: int) -> int:
    """The size of a file, asked before it is loaded. Raises DamagedError when it is more than what is `left`."""
    size: int = repository.odb.read_header(blob.id)[1]
    if size > left:
        raise DamagedError(f"{path[:200]} is larger than any version")
    return size


def _signature(author: str, at: int) -> pygit2.Signature:
    """Any text makes one: libgit2 refuses a name or mail that is empty once it has trimmed `_TRIMMED`."""
    name, _, mail = author.partition("<")
    clean_name, clean_mail = _clean(name), "".join(_clean(mail).split())
    if not clean_mail:
        clean_mail = clean_name if "@" in clean_name and " " not in clean_name else "aipress@localhost"
    return pygit2.Signature(clean_name or "aipress", clean_mail, at, 0)


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "<>").strip(_TRIMMED)
