"""A fleet repository that is a clone: its branch is brought up to what its remote has, forward only, by fixed words.

The remote is the one in the clone's own configuration, never one that a webhook names. What is fetched is read as
objects and never checked out. A branch that was rewound there moves nothing here: a person has to say which is right.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.forge.hints import Hint
from reconciler.forge.signatures import Provider
from reconciler.history.location import Location, is_url, located, shown
from reconciler.history.remote import LOOK, TRANSFER, GitRemote, Ran
from reconciler.model.errors import AipressError, ForbiddenError, RefusedError, UsageError
from reconciler.model.ports import Clock, Repository

_BRANCH = re.compile(r"refs/heads/[A-Za-z0-9._/-]{1,200}")
_LINE = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(refs/heads/[A-Za-z0-9._/-]+)")
_REACH = "check the network and `git fetch` there; the fleet stays at the commit it has meanwhile"


@dataclass(frozen=True, slots=True)
class Upstream:
    """`branch` of the repository at `url` ("refs/heads/main") is kept in `into`, a ref of the clone in `git_dir`."""

    git_dir: Path
    url: str
    branch: str
    into: str


class FleetRemote(GitRemote):
    """The remote of a clone. `move` raises AipressError, saying what to do."""

    def __init__(self, upstream: Upstream) -> None:
        """Raises UsageError for a remote that is not spoken to."""
        super().__init__(_location(upstream))
        self.upstream = upstream

    def move(self, repository: Repository) -> bool:
        """Bring the branch here up to there; whether it moved."""
        branch, into = self.upstream.branch, self.upstream.into
        ran = self._git(["ls-remote", "--", self.location.url, branch], LOOK)
        if ran.code != 0:
            raise self.failure(ran)
        there = [found[1] for line in ran.out.splitlines() if (found := _LINE.fullmatch(line)) and found[2] == branch]
        if len(there) != 1:
            raise RefusedError(
                f"the fleet's remote {self.location.url} has no branch {_short(branch)}", "push it there"
            )
        here = _here(repository, into)
        if here == there[0]:
            return False
        words = [
            f"--git-dir={self.upstream.git_dir}", "fetch", "--no-tags", "--no-write-fetch-head",
            "--no-recurse-submodules", "--no-auto-maintenance", "--show-forced-updates", "--",
            self.location.url, f"{branch}:{into}",
        ]  # fmt: skip
        # With --no-show-forced-updates git takes a rewind for a step forward and moves the ref.
        ran = self._git(words, TRANSFER)
        if ran.code != 0:
            raise self._rewound(branch) if "non-fast-forward" in ran.said else self.failure(ran)
        return True

    def run(self, words: Sequence[str], seconds: float) -> Ran:
        """git with those words, and what says how to get to the remote."""
        return self._git(words, seconds)

    def _rewound(self, branch: str) -> AipressError:
        return RefusedError(
            f"the branch {_short(branch)} of the remote {self.location.url} does not lead on from what is here: "
            "it was rewound there, or has commits only here",
            "look with `git log`; then push what is only here, or, if the rewind is meant, set the ref here by hand",
        )

    def failure(self, ran: Ran, first: str = "") -> AipressError:
        where = f"the fleet's remote {self.location.url}"
        if ran.code is None:
            return AipressError(f"{where} did not answer in time", first + _REACH)
        if ran.denied:
            return ForbiddenError(
                f"{where} lets us not in: {ran.said}", f"{first}sign in as git does, or ask for access"
            )
        return AipressError(f"{where} cannot be fetched from: {ran.said}", first + _REACH)


def _location(upstream: Upstream) -> Location:
    if not _BRANCH.fullmatch(upstream.branch) or ".." in upstream.branch:
        raise UsageError(f"the branch {upstream.branch[:80]!r} has a name that is not followed", "rename it")
    if not is_url(upstream.url):
        return Location(f"file://{(upstream.git_dir / upstream.url).resolve()}", "file")
    try:
        return located(upstream.url)
    except UsageError as error:
        why = str(error).partition("' ")[2]
        raise UsageError(
            f"the fleet's remote {shown(upstream.url)!r} {why}", "change it: git remote set-url, or follow = no"
        ) from error


def _here(repository: Repository, ref: str) -> str:
    try:
        return repository.resolve(ref)
    except AipressError:
        return ""


def _short(branch: str) -> str:
    return branch.removeprefix("refs/heads/")


Told = Callable[[str], None]


class Following:
    """When it is fetched: a webhook rang, or the interval is over. `heard` is told how each ended ("" : well), `tell`
    a person, once when it begins to fail and once when it works again."""

    def __init__(self, remote: FleetRemote, repository: Repository, clock: Clock, interval: float) -> None:
        self._remote = remote
        self._repository = repository
        self._clock = clock
        self._interval = timedelta(seconds=interval)
        self._asked: datetime | None = None
        self._failing = False

    @property
    def sentence(self) -> str:
        """ "main of https://git.example/fleet.git"."""
        return f"{_short(self._remote.upstream.branch)} of {self._remote.location.url}"

    def fetch(self, *, rung: bool, heard: Told, tell: Told) -> None:
        """Never raises: the loop goes on with the commit that is here."""
        now = self._clock.now()
        if not rung and self._asked is not None and timedelta() <= now - self._asked < self._interval:
            return
        self._asked = now
        try:
            self._remote.move(self._repository)
        except AipressError as error:
            heard(str(error))
            if not self._failing:
                tell(f"{error}\n  help: {error.hint}")
            self._failing = True
            return
        heard("")
        if self._failing:
            tell(f"the fleet's remote {self._remote.location.url} answers again")
        self._failing = False


def names_of(git_dir: Path, url: str) -> frozenset[str]:
    """What webhooks may call the fleet repository, in small letters: the path in its remote's URL, and its folder."""
    path = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*/|^[^/:]+:", "", url) if is_url(url) else url
    folders = [path, str(git_dir.parent if git_dir.name == ".git" else git_dir)]
    return frozenset(name for folder in folders if (name := folder.strip("/").removesuffix(".git").lower()))


def is_fleet(hint: Hint, names: frozenset[str]) -> bool:
    """Whether a hint may be about the fleet. Wrong at times, which costs one look; a plain git server knows folders."""
    said = hint.repository.lower().removesuffix(".git")
    last = {name.rpartition("/")[2] for name in names}
    return said in names or (hint.provider is Provider.GIT and said.rpartition("/")[2] in last)
