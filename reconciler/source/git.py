"""A fleet repository read as git objects, by id: never a checkout, never a blob that nobody asked for."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pygit2
from pygit2.enums import FileStatus, ObjectType, RepositoryOpenFlag

from reconciler.model.authorship import Author, Committed
from reconciler.model.errors import InputError
from reconciler.model.ports import Authored, TreeFile
from reconciler.source.blame import written_by
from reconciler.source.commits import fork_point, since
from reconciler.source.git_commit import Committer
from reconciler.source.paths import FLEET_FILE, FOLDERS, MAX_DEPTH, PLAIN, SUBMODULE, TREE, could_be_fleet_file, place
from reconciler.source.upstream import CloneOf, clone_of

MAX_ENTRIES = 500_000
"""Entries below the fleet root, folders included: five times what a fleet of 50,000 tenants has."""

MAX_REVISION = 1_000
"""Characters: git's own names of refs end at 255."""


@dataclass(slots=True)
class _Budget:
    """Entries still to be looked at in one walk. Entries, not files: a few folders that hold each other's names many
    times over make trees without end, and without a single file."""

    commit: str
    left: int = MAX_ENTRIES

    def spend(self, entries: int) -> None:
        self.left -= entries
        if self.left < 0:
            raise InputError(f"more than {MAX_ENTRIES:,} files in commit {self.commit[:12]}", "this is no fleet")


class GitRepository:
    """model.ports.Repository on libgit2. `root` is the fleet root inside the repository ("" : the top). `head` is what
    HEAD stands for: another ref where a daemon follows a remote."""

    def __init__(self, path: Path, root: str = "") -> None:
        self._repo = _open(path)
        self.root = root.strip("/")
        self.head = "HEAD"
        self._entries = lru_cache(maxsize=4096)(self._read_tree)

    @classmethod
    def discover(cls, path: Path) -> "GitRepository":
        """The fleet repository that a folder belongs to: walks up to the folder that holds fleet.yaml, in the
        working tree or in HEAD. Raises InputError when there is none."""
        start = Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow symlinks out of the fleet
        existing = next(folder for folder in (start, *start.parents) if folder.is_dir())
        found = pygit2.discover_repository(str(existing))
        if found is None:
            raise InputError(
                f"{path} is in no git repository", "make one with `aipress fleet init`, or name the fleet with -C DIR"
            )
        repository = cls(Path(found))
        top = Path(repository._repo.workdir or repository._repo.path)
        inside = _relative(start, top)
        while True:
            if repository._holds_fleet(inside):
                repository.root = inside
                return repository
            if not inside:
                break
            inside = inside.rpartition("/")[0]
        raise InputError(
            f"there is no {FLEET_FILE} in {path} nor in a folder above it",
            "name the folder that holds fleet.yaml with -C DIR, or start one with `aipress fleet init`",
        )

    @property
    def git_dir(self) -> Path:
        return Path(self._repo.path)

    @property
    def clone_of(self) -> CloneOf | None:
        """Where it is cloned from."""
        return clone_of(self._repo)

    @property
    def person(self) -> str:
        """The address git knows its user by here; "" when it knows none."""
        try:
            return str(self._repo.default_signature.email)
        except (KeyError, pygit2.GitError):
            return ""

    @property
    def bare(self) -> bool:
        return bool(self._repo.is_bare)

    @property
    def folder(self) -> Path | None:
        """The fleet root in the working tree; None for a bare repository."""
        return None if self.bare else Path(self._repo.workdir) / self.root

    @property
    def executable_bits(self) -> bool:
        """Whether the file system's executable bits mean anything here (git's core.fileMode)."""
        config = self._repo.config
        return "core.filemode" not in config or bool(config.get_bool("core.filemode"))

    def resolve(self, revision: str) -> str:
        """Raises InputError for what is no commit."""
        shown = revision[:100]
        if revision.startswith("-") or "\0" in revision or len(revision) > MAX_REVISION:
            raise InputError(f"`{shown}` is not a revision", "write a branch, a tag, HEAD or a commit id")
        try:
            wanted = self.head if revision == "HEAD" else revision
            return str(self._repo.revparse_single(wanted).peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError) as error:
            if revision == "HEAD" and self._repo.head_is_unborn:
                raise InputError("the fleet repository has no commit yet", "commit the fleet files first") from error
            raise InputError(
                f"`{shown}` is no commit of {self.git_dir}", "fetch it first, or look with `git log`"
            ) from error

    def committed(self, commit: str) -> datetime | None:
        """When a commit was made; None for one that is not there, or whose time nobody can read."""
        try:
            return datetime.fromtimestamp(self._repo[commit].peel(pygit2.Commit).commit_time, UTC)
        except (KeyError, ValueError, OverflowError, OSError, pygit2.GitError):
            return None

    def files(self, commit: str) -> Sequence[TreeFile]:
        """Raises InputError for a tree deeper or larger than any fleet."""
        tree = self._fleet_tree(commit)
        return [TreeFile(path, blob, mode) for path, mode, blob in self._walk(tree, _Budget(commit))]

    def is_behind(self, older: str, newer: str) -> bool:
        try:
            return older == newer or bool(self._repo.descendant_of(newer, older))
        except (KeyError, ValueError, pygit2.GitError):
            return False

    def written_by(self, commit: str, path: str, lines: Sequence[int]) -> Mapping[int, Author]:
        return written_by(self._repo, self.resolve(commit), f"{self.root}/{path}" if self.root else path, lines)

    def told(self, commit: str) -> Committed:
        found = self._repo[self.resolve(commit)].peel(pygit2.Commit)
        subject = (found.message.splitlines() or [""])[0]
        at = datetime.fromtimestamp(max(found.commit_time, 0), UTC)
        who = f"{found.author.name} <{found.author.email}>"
        return Committed(str(found.id), who, at, subject, tuple(str(parent) for parent in found.parent_ids))

    def since(self, base: str, head: str) -> Sequence[Authored]:
        return since(self._repo, self.resolve(base), self.resolve(head))

    def fork_point(self, base: str, head: str) -> str:
        return fork_point(self._repo, self.resolve(base), self.resolve(head))

    def blob(self, commit: str, path: str) -> str:
        object_ = self._fleet_tree(commit)
        for part in path.split("/"):
            found = next(((mode, one) for name, mode, one in self._entries(object_) if name == part), None)
            if found is None:
                return ""
            mode, object_ = found
        return object_ if mode == PLAIN else ""

    def changed(self, base: str, head: str) -> Sequence[str]:
        """Equal subtrees are not opened, so the cost follows the difference. Raises as `files` does."""
        return sorted(set(self._differ(self._fleet_tree(base), self._fleet_tree(head), "", _Budget(head))))

    def read(self, blob: str, limit: int) -> bytes:
        """A blob larger than the limit is cut; git would load it whole, so its size is asked first."""
        try:
            kind, size = self._repo.odb.read_header(blob)
            if kind != ObjectType.BLOB:
                raise InputError(f"the object {blob} is no file", "the repository is damaged: run `git fsck`")
            if size > max(limit * 64, 16 * 1024 * 1024):
                return b" " * (limit + 1)  # refused for its size anyway; not worth the memory
            return bytes(self._repo.odb.read(blob)[1][: limit + 1])
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise InputError(
                f"the object {blob} cannot be read ({error})", "the repository is damaged or shallow: run `git fsck`"
            ) from error

    def edited(self) -> Sequence[str]:
        if self.bare:
            return ()
        prefix = f"{self.root}/" if self.root else ""
        quiet = FileStatus.IGNORED | FileStatus.CURRENT
        with self._index_read():
            found = self._repo.status(untracked_files="all")
        return tuple(
            sorted(
                path.removeprefix(prefix)
                for path, status in found.items()
                if status & ~quiet and path.startswith(prefix) and place(path.removeprefix(prefix))
            )
        )

    def commit(self, files: Mapping[str, str], message: str, author: str) -> str:
        """Paths are relative to the fleet root. The author is "Name <address>"."""
        prefix = f"{self.root}/" if self.root else ""
        return Committer(self._repo).commit({prefix + path: text for path, text in files.items()}, message, author)

    def staged(self) -> Sequence[TreeFile]:
        """The index instead of a commit; git's own GIT_INDEX_FILE is followed (partial commits have one)."""
        if self.bare:
            raise InputError(f"{self.git_dir} is bare and has no index", "validate a commit with --rev instead")
        own = Path(self._repo.workdir) / os.environ.get("GIT_INDEX_FILE", "")
        with self._index_read():
            index = self._repo.index
            if own.is_file() and own.resolve().is_relative_to(self.git_dir.resolve()):
                index = pygit2.Index(str(own))
            index.read(False)
        prefix = f"{self.root}/" if self.root else ""
        return [
            TreeFile(entry.path.removeprefix(prefix), str(entry.id), int(entry.mode))
            for entry in index
            if entry.path.startswith(prefix) and could_be_fleet_file(entry.path.removeprefix(prefix))
        ]

    @contextmanager
    def _index_read(self) -> Iterator[None]:
        """libgit2 says of a damaged index that it "no longer exists"."""
        try:
            yield
        except pygit2.GitError as error:
            raise InputError(
                f"the index of {self.git_dir} cannot be read ({error})",
                "move its file `index` aside and run `git reset`: it is made anew from HEAD; edited files stay as they "
                "are, stage them again",
            ) from error

    # --- trees ------------------------------------------------------------------------------------------------------

    def _fleet_tree(self, commit: str) -> str:
        tree = str(self._repo[self.resolve(commit)].tree_id)
        for part in self.root.split("/") if self.root else ():
            inner = next((o for n, m, o in self._entries(tree) if n == part and m == TREE), None)
            if inner is None:
                return ""  # the fleet was not there yet: an empty tree
            tree = inner
        return tree

    def _read_tree(self, tree: str) -> tuple[tuple[str, int, str], ...]:
        if not tree:
            return ()
        try:
            entries = self._repo[tree]
            if not isinstance(entries, pygit2.Tree):
                raise ValueError("it is no folder")
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise InputError(
                f"the tree {tree} cannot be read ({error})", "the repository is damaged: run `git fsck`"
            ) from error
        return tuple(
            (entry.raw_name.decode("utf-8", "backslashreplace"), int(entry.filemode), str(entry.id))
            for entry in entries
        )

    def _walk(self, tree: str, budget: "_Budget") -> Iterator[tuple[str, int, str]]:
        """(path, mode, object) of all but trees, below the places where fleet files live, in git's order."""
        heads = [e for e in self._entries(tree) if e[0] == FLEET_FILE or e[0] in FOLDERS]
        stack = [(name, mode, object_) for name, mode, object_ in reversed(heads)]
        while stack:
            path, mode, object_ = stack.pop()
            if mode != TREE:
                yield path, mode, object_
                continue
            if path.count("/") + 1 >= MAX_DEPTH:
                yield path, mode, object_  # shown as a folder that is too deep; not opened
                continue
            inner = self._inner(path, object_)
            if inner is None:
                yield path, mode, object_  # shown as a folder that cannot be read: it freezes who lives there
                continue
            budget.spend(len(inner))
            stack += [(f"{path}/{name}", m, o) for name, m, o in reversed(inner)]

    def _inner(self, path: str, tree: str) -> tuple[tuple[str, int, str], ...] | None:
        """The entries of a folder; None for one below the top that cannot be read (a damaged or forged object).

        At the top nearly everything would be missing: that raises."""
        try:
            return self._entries(tree)
        except InputError:
            if "/" not in path:
                raise
            return None

    def _differ(self, base: str, head: str, path: str, budget: "_Budget") -> Iterator[str]:
        if base == head:
            return
        before, after = self._by_name(path, base, budget), self._by_name(path, head, budget)
        if before is None or after is None:
            yield path.rstrip("/")
            return
        for name in before.keys() | after.keys():
            old, new = before.get(name), after.get(name)
            where = f"{path}{name}"
            if old == new or not could_be_fleet_file(where):
                continue
            if old and new and old[0] == new[0] == TREE and where.count("/") + 1 < MAX_DEPTH:
                yield from self._differ(old[1], new[1], f"{where}/", budget)
                continue
            for entry in (old, new):
                if entry:
                    yield from self._all(where, entry, budget)

    def _by_name(self, path: str, tree: str, budget: "_Budget") -> dict[str, tuple[int, str]] | None:
        inner = self._inner(path.rstrip("/"), tree)
        if inner is None:
            return None
        budget.spend(len(inner))
        return {name: (mode, object_) for name, mode, object_ in inner}

    def _all(self, path: str, entry: tuple[int, str], budget: "_Budget") -> Iterator[str]:
        mode, object_ = entry
        inner = self._inner(path, object_) if mode == TREE and path.count("/") + 1 < MAX_DEPTH else None
        if inner is None:
            yield path
            return
        budget.spend(len(inner))
        for name, inner_mode, one in inner:
            yield from self._all(f"{path}/{name}", (inner_mode, one), budget)

    def _holds_fleet(self, inside: str) -> bool:
        if not self.bare and (Path(self._repo.workdir) / inside / FLEET_FILE).is_file():
            return True
        if self._repo.head_is_unborn:
            return self.bare and not inside  # a server's repository before its first push
        try:
            entry = self._repo.head.peel(pygit2.Tree)[f"{inside}/{FLEET_FILE}" if inside else FLEET_FILE]
        except (KeyError, ValueError, pygit2.GitError):
            return False
        return int(entry.filemode) not in (TREE, SUBMODULE)


def _open(path: Path) -> pygit2.Repository:
    try:
        repository = pygit2.Repository(str(path), RepositoryOpenFlag.NO_SEARCH)
    except pygit2.GitError as error:
        hint = "check the path; `git status` there must work"
        if "owned" in str(error):
            top = path.parent if path.name == ".git" else path  # what git compares the setting with
            hint = f"git refuses folders of other users: `git config --global --add safe.directory {top}`"
        raise InputError(f"{path} cannot be opened as a git repository ({error})", hint) from error
    incoming = os.environ.get("GIT_QUARANTINE_PATH", "")
    if incoming and Path(incoming).is_dir():
        repository.odb.add_disk_alternate(incoming)  # a pre-receive hook: the pushed objects are not yet in the store
    return repository


def _relative(path: Path, top: Path) -> str:
    """`path` below `top` with slashes; "" when it is not below it."""
    for candidate, base in ((path, top), (path.resolve(), top.resolve())):
        if candidate.is_relative_to(base):
            inside = candidate.relative_to(base).as_posix()
            return "" if inside == "." else inside
    return ""


def open_repository(directory: Path) -> GitRepository:
    """The fleet repository that a folder is in. Raises InputError."""
    return GitRepository.discover(directory)
