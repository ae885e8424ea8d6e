"""A code host with real git behind it, a fleet that is a clone of it, a cloud in memory, and the thread that looks at
pull requests, one look at a time."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.actions.review import Bench
from reconciler.daemon.following import Upstream
from reconciler.daemon.inbox import Inbox
from reconciler.daemon.proposals import FetchedProposals, HostedReviews, Source
from reconciler.daemon.reviewing import Reviewing, Told
from reconciler.daemon.shown import ShownPlans
from reconciler.forge.github import GitHub
from reconciler.forge.gitlab import GitLab
from reconciler.forge.hints import PULL_REQUEST, Hint
from reconciler.forge.signatures import Provider
from reconciler.model.mark import Mark
from reconciler.report.markdown import CommentView
from reconciler.source.git import GitRepository
from tests.cycle.small_world import SmallWorld
from tests.forge.host import CodeHost, Row, listening

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
LINDEN = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
OURS, LENA, STRANGER = 41, 500, 600
TOKEN = "ours-0123456789abcdef"


@dataclass
class Scene:
    """`write` pushes to a branch; `look` is one pass of the thread beside the loop."""

    host: CodeHost
    small: SmallWorld
    served: Path
    reviewing: Reviewing
    inbox: Inbox
    told: list[Told]
    yes: list[tuple[int, str]]
    plans: ShownPlans
    clone: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.small.fleet), *words], capture_output=True, text=True, check=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.served), "GIT_CONFIG_NOSYSTEM": "1",
                 "GIT_AUTHOR_NAME": "Lena", "GIT_AUTHOR_EMAIL": "lena@example.org", "GIT_COMMITTER_NAME": "Lena",
                 "GIT_COMMITTER_EMAIL": "lena@example.org"},
        )  # fmt: skip
        return done.stdout.strip()

    def write(self, branch: str, old: str, new: str, path: str = ACME) -> str:
        """An edit on a branch, made where it does not exist; pushed as the host keeps heads of pull requests."""
        self.git("checkout", "-q", branch) if branch in self.git("branch") else self.git("checkout", "-qb", branch)
        text = self.small.read(path)
        assert old in text
        (self.small.fleet / path).write_text(text.replace(old, new))
        self.git("commit", "-qam", f"{old} becomes {new}")
        head = self.git("rev-parse", "HEAD")
        self.git("push", "-qf", str(self.served / "fleet.git"), f"{branch}:{branch}", f"{branch}:refs/pull/12/head",
                 f"{branch}:refs/merge-requests/12/head")  # fmt: skip
        self.git("checkout", "-q", "main")
        return head

    def fetch(self) -> None:
        """What the loop does before each cycle: the clone follows."""
        subprocess.run(["git", "-C", str(self.clone), "fetch", "-q", "origin", "main:main"], check=True)

    def offered(self, head: str) -> None:
        """The host keeps it as the head of the pull request, though it was pushed before something else was."""
        self.git("push", "-qf", str(self.served / "fleet.git"), f"{head}:refs/pull/12/head",
                 f"{head}:refs/merge-requests/12/head")  # fmt: skip

    def hint(self, event: str = PULL_REQUEST, number: int = 12) -> None:
        provider = Provider.GITHUB
        ref = f"refs/pull/{number}/head" if number else ""
        self.inbox.receive([], [Hint(provider, "d", event, "org/fleet", "7", ref)], self.small.clock.now())

    def look(self) -> list[Told]:
        del self.told[:]
        self.reviewing.once(self.inbox, threading.Event())
        return self.told

    def comments(self) -> list[Row]:
        return [row for row in self.host.of(12) if row["author"] == OURS]

    def mark(self) -> Mark:
        (row,) = self.comments()
        found = Mark.of(row["body"])
        assert found is not None
        return found


@pytest.fixture(params=["github", "gitlab"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    small, served = SmallWorld(tmp_path / "small"), tmp_path / "served"
    subprocess.run(["git", "clone", "-q", "--bare", str(small.fleet), str(served / "fleet.git")], check=True)
    with listening(CodeHost(served)) as host:
        clone = tmp_path / "clone.git"
        subprocess.run(["git", "clone", "-q", "--bare", f"{host.url}/git/fleet.git", str(clone)], check=True)
        host.user(TOKEN, OURS, "aipress")
        host.user("lenas", LENA, "lena")
        host.user("strangers", STRANGER, "stranger", level="none")
        fleet = GitRepository(clone)
        there = fleet.clone_of
        assert there is not None
        upstream = Upstream(fleet.git_dir, there.url, there.branch, there.into)
        state = tmp_path / "state"
        state.mkdir()
        forge = GitHub("org/fleet", TOKEN, small.clock, host.url)
        if request.param == "gitlab":
            forge = GitLab("org/fleet", TOKEN, small.clock, f"{host.url}/api/v4")  # type: ignore[assignment]
        form = "refs/merge-requests/{}/head" if request.param == "gitlab" else "refs/pull/{}/head"
        proposals = FetchedProposals(Source(upstream, form, "", state))
        bench = Bench(
            replace(small.world("beside"), repository=fleet), forge, proposals, "main", CommentView(version="1"),
            lambda commit: f"https://code.example/blob/{commit}", proposals.keeper(plans := ShownPlans(state)),
        )  # fmt: skip
        told: list[Told] = []
        yes: list[tuple[int, str]] = []
        reviewing = Reviewing(
            HostedReviews(bench, proposals), small.clock, lambda hint: hint.repository == "org/fleet", told.append,
            lambda number, digest: yes.append((number, digest)), state,
        )  # fmt: skip
        inbox = Inbox(state)
        yield Scene(host, small, served, reviewing, inbox, told, yes, plans, clone)
        inbox.close()
