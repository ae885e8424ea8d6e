"""Commits of pull requests, brought into a store of their own: strangers' objects never come into the fleet repository.

The store borrows what the fleet repository has, so that only what is new travels; it can be deleted at any time. Which
ref is fetched follows from a number; a commit that is not the one that was judged is not looked at.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pygit2

from reconciler.actions.review import Bench, Reviewed, review
from reconciler.daemon.following import FleetRemote, Upstream
from reconciler.daemon.shown import Shown, ShownPlans
from reconciler.history.remote import TRANSFER
from reconciler.model.errors import AipressError, InputError
from reconciler.model.forge import PullRequest
from reconciler.model.plan import Plan
from reconciler.source.git import GitRepository
from reconciler.source.merging import merged

FOLDER = "proposals.git"
MOST_BYTES = 1 << 30
"""Of the store; a larger one is thrown away and begun anew."""
_INTO = "refs/proposals/{}"
_REF = re.compile(r"refs/(pull|merge-requests)/[0-9]{1,10}/head")


@dataclass(frozen=True, slots=True)
class Source:
    """`form`: the ref of a pull request's head on its host ("refs/pull/{}/head"); `root`: the fleet's folder in the
    repository; `state`: the folder that the store is made in."""

    upstream: Upstream
    form: str
    root: str
    state: Path


class FetchedProposals:
    """actions.review.Proposals. For one thread alone."""

    def __init__(self, source: Source) -> None:
        """Raises UsageError for a remote that is not spoken to, AipressError when the store cannot be made."""
        self._source = source
        self._store = source.state / FOLDER
        self._remote = FleetRemote(source.upstream)
        self._made()
        self._fleet = GitRepository(source.upstream.git_dir, source.root)

    @property
    def repository(self) -> GitRepository:
        """The store as a fleet repository: commits of pull requests and, borrowed, all of the fleet's."""
        return GitRepository(self._store, self._source.root)

    def base(self) -> str:
        return self._fleet.resolve(self._source.upstream.into)

    def merged(self, pull: PullRequest, base: str) -> str:
        ref = self._source.form.format(pull.number)
        if not _REF.fullmatch(ref):
            raise InputError(f"{pull.number} is no number of a pull request")
        into = _INTO.format(pull.number)
        words = [
            f"--git-dir={self._store}", "fetch", "--quiet", "--no-tags", "--force", "--no-write-fetch-head",
            "--no-recurse-submodules", "--no-auto-maintenance", "--no-show-forced-updates", "--",
            self._remote.location.url, f"+{ref}:{into}",
        ]  # fmt: skip
        self._swept()
        ran = self._remote.run(words, TRANSFER)
        if ran.code != 0:
            raise self._remote.failure(ran)
        head = self.repository.resolve(into)
        if head != pull.head:
            raise AipressError(f"pull request {pull.number} moved while it was looked at", "it is looked at again")
        return merged(self._store, base, head)

    def keeper(self, plans: ShownPlans) -> Callable[[PullRequest, Plan], None]:
        """For review.Bench: what was shown is kept, with what its merge would leave in the fleet's files."""

        def keep(pull: PullRequest, plan: Plan) -> None:
            store, base, head = self.repository, plan.fleet_base, plan.fleet_head
            files = {path: store.blob(head, path) for path in store.changed(base, head)}
            plans.keep(Shown(pull.number, pull.head, files, plan))

        return keep

    def _made(self) -> None:
        try:
            if not (self._store / "HEAD").exists():
                self._store.mkdir(parents=True, exist_ok=True, mode=0o700)
                pygit2.init_repository(str(self._store), bare=True)
            objects = (self._source.upstream.git_dir / "objects").resolve()
            (self._store / "objects" / "info").mkdir(parents=True, exist_ok=True)
            (self._store / "objects" / "info" / "alternates").write_text(f"{objects}\n")
        except (OSError, pygit2.GitError) as error:
            raise AipressError(
                f"the store of pull requests {self._store} cannot be made: {error}", "make its folder writable"
            ) from error

    def _swept(self) -> None:
        """A store that a stranger filled is begun anew."""
        size = sum(file.stat().st_size for file in (self._store / "objects").rglob("*") if file.is_file())
        if size > MOST_BYTES:
            shutil.rmtree(self._store)
            self._made()


class HostedReviews:
    """reviewing.Reviewer: of a code host's pull requests, over fetched commits."""

    def __init__(self, bench: Bench, proposals: FetchedProposals) -> None:
        self._bench, self._proposals = bench, proposals

    def open(self, most: int) -> Mapping[int, str]:
        return {p.number: p.head for p in self._bench.forge.open_pulls(most) if p.base == self._bench.branch}

    def review(self, number: int, heard: int | None) -> Reviewed:
        """Reads through a repository opened anew: what it remembers of objects is of one look."""
        world = replace(self._bench.world, repository=self._proposals.repository)
        return review(replace(self._bench, world=world), number, heard)
