"""Pull requests beside the loop: a code host with real git behind it, a fleet that is a clone of it, a cloud in memory.

Commits of strangers are looked at and never planned; what got lost is found by the next look at everything.
"""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.review import Bench
from reconciler.daemon.following import Upstream
from reconciler.daemon.inbox import Inbox
from reconciler.daemon.proposals import FetchedProposals, HostedReviews, Source
from reconciler.daemon.reviewing import SWEEP, Reviewing, Told
from reconciler.forge.github import GitHub
from reconciler.forge.gitlab import GitLab
from reconciler.forge.hints import COMMENT, PULL_REQUEST, Hint
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
    yes: list[tuple[int, str]] = field(default_factory=list)

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
            lambda commit: f"https://code.example/blob/{commit}",
        )  # fmt: skip
        told: list[Told] = []
        yes: list[tuple[int, str]] = []
        reviewing = Reviewing(
            HostedReviews(bench, proposals), small.clock, lambda hint: hint.repository == "org/fleet", told.append,
            lambda number, digest: yes.append((number, digest)), state,
        )  # fmt: skip
        inbox = Inbox(state)
        yield Scene(host, small, served, reviewing, inbox, told, yes)
        inbox.close()


def test_a_push_is_planned_and_told_and_the_next_push_edits_the_same_comment(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.reviewed is not None and (told.reviewed.result, told.waited) == ("planned", 0.0)
    first = scene.mark()
    assert first.head == head and first.plan.startswith("sha256:")
    (row,) = scene.comments()
    assert "`acme-bakery`" in row["body"] and f"https://code.example/blob/{head}" in row["body"]
    assert scene.inbox.waiting() == (), "it was looked at"
    assert [t for t in scene.look() if t.reviewed and t.reviewed.result] == [], "nothing is new"

    second = scene.write("change", "tier: bronze", "tier: gold")
    scene.host.pull(12, second, author=LENA)
    scene.hint()
    scene.look()
    (edited,) = scene.comments()
    assert edited["id"] == row["id"] and scene.mark().head == second
    assert [c["head_sha"] for c in scene.host.checks] in ([head, second], [])
    assert [s["commit"] for s in scene.host.statuses] in ([head, second], [])


def test_what_is_planned_is_what_the_merge_would_make(scene: Scene) -> None:
    """A branch that is behind takes back nothing that its base got since."""
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.write("main", "timeoutSeconds: 60", "timeoutSeconds: 90", LINDEN)
    subprocess.run(
        ["git", "-C", str(scene.served.parent / "clone.git"), "fetch", "-q", "origin", "main:main"], check=True
    )
    scene.git("push", "-qf", str(scene.served / "fleet.git"), f"{head}:refs/pull/12/head",
              f"{head}:refs/merge-requests/12/head")  # fmt: skip
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    scene.look()
    assert scene.mark().base == scene.git("rev-parse", "main")
    assert scene.mark().head == head
    (row,) = scene.comments()
    assert "acme-bakery" in row["body"] and "linden-yoga" not in row["body"], "it would take back what main got since"


def test_a_conflict_is_told_once_and_planned_when_it_is_mended(scene: Scene) -> None:
    scene.write("change", "tier: silver", "tier: bronze")
    scene.write("main", "tier: silver", "tier: gold")
    subprocess.run(
        ["git", "-C", str(scene.served.parent / "clone.git"), "fetch", "-q", "origin", "main:main"], check=True
    )
    head = scene.git("rev-parse", "change")
    scene.git("push", "-qf", str(scene.served / "fleet.git"), f"{head}:refs/pull/12/head",
              f"{head}:refs/merge-requests/12/head")  # fmt: skip
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "failed"
    (row,) = scene.comments()
    assert "conflicts with its base branch" in row["body"] and ACME in row["body"]
    before = row["body"]
    scene.small.clock.at += timedelta(minutes=1)
    scene.hint()
    scene.look()
    assert [one["body"] for one in scene.comments()] == [before]
    scene.git("checkout", "-q", "change")
    scene.git("merge", "-q", "-X", "ours", "main", "-m", "Merge main")
    scene.git("checkout", "-q", "main")
    head = scene.write("change", "tier: bronze", "tier: bronze # meant")
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    scene.look()
    assert scene.mark().head == head and scene.mark().plan.startswith("sha256:")


def test_a_strangers_commit_is_checked_without_a_look_at_the_cloud(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "teir: silver")
    scene.host.pull(12, head, author=STRANGER, fork=True)
    scene.hint()
    before = len(scene.small.cloud.calls)
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "checked"
    assert len(scene.small.cloud.calls) == before, "the cloud was asked for a stranger"
    (row,) = scene.comments()
    assert "teir" in row["body"] and f"/aipress plan head={head}" in row["body"]

    fixed = scene.write("change", "teir: silver", "tier: bronze")
    scene.host.pull(12, fixed, author=STRANGER, fork=True)
    scene.hint()
    scene.look()
    assert len(scene.small.cloud.calls) == before
    assert "valid" in scene.comments()[0]["body"]

    scene.host.say(12, LENA, f"/aipress plan head={fixed}")
    scene.hint(COMMENT)
    scene.look()
    assert len(scene.small.cloud.calls) > before
    assert scene.mark().plan.startswith("sha256:")
    assert scene.host.reactions[-1]["content" if "content" in scene.host.reactions[-1] else "name"] == "eyes"

    third = scene.write("change", "tier: bronze", "tier: gold")
    scene.host.pull(12, third, author=STRANGER, fork=True)
    scene.hint()
    before = len(scene.small.cloud.calls)
    scene.look()
    assert len(scene.small.cloud.calls) == before, "the yes was to another commit"
    assert scene.mark().plan.startswith("checked:")


def test_a_head_that_is_not_the_one_that_was_judged_is_not_planned(scene: Scene) -> None:
    """Between what the host says of a head and the fetch, somebody pushes."""
    scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, "b" * 40, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.error is not None and "moved while" in str(told.error)
    assert scene.comments() == []
    assert len(scene.inbox.waiting()) == 1, "it is looked at again"


def test_a_webhook_that_got_lost_costs_time_alone(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.look()
    scene.host.pull(12, head, author=LENA)
    assert scene.look() == [], "nobody said anything"
    scene.small.clock.at += timedelta(seconds=SWEEP)
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "planned" and told.waited is None


def test_a_pull_request_to_another_branch_is_none_of_ours(scene: Scene) -> None:
    scene.host.pull(12, scene.write("change", "tier: silver", "tier: bronze"), author=LENA, base="release")
    scene.hint()
    scene.look()
    assert scene.comments() == [] and scene.inbox.waiting() == ()


def test_a_command_is_heard_once(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.look()
    scene.host.say(12, LENA, "/aipress plan")
    for _ in range(2):
        scene.hint(COMMENT)
        scene.look()
    assert len(scene.host.reactions) == 1
    # Memory that is lost hears nothing from before our own newest comment again.
    scene.inbox._at.execute("DELETE FROM heard")
    scene.host.say(12, LENA, f"/aipress apply plan={'0' * 12} head={head}")
    scene.hint(COMMENT)
    scene.look()
    assert "nothing is applied before the merge" in scene.host.of(12)[-1]["body"]
    scene.inbox._at.execute("DELETE FROM heard")
    said = len(scene.host.of(12))
    scene.hint(COMMENT)
    scene.look()
    assert len(scene.host.of(12)) == said


def test_one_that_fails_stops_no_other(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(11, head, author=LENA)  # its ref is not there
    scene.host.pull(12, head, author=LENA)
    scene.hint(number=11)
    scene.hint()
    told = scene.look()
    assert [t.number for t in told if t.error] == [11]
    assert len(scene.comments()) == 1
    assert [one.hint.ref for one in scene.inbox.waiting()] == ["refs/pull/11/head"]


def test_a_hint_without_a_ref_means_all_that_are_open(scene: Scene) -> None:
    scene.look()
    scene.host.pull(12, scene.write("change", "tier: silver", "tier: bronze"), author=LENA)
    scene.hint(number=0)
    assert [t.number for t in scene.look()] == [12]
    assert scene.inbox.waiting() == ()


def test_a_host_that_is_away_is_told_and_nothing_is_lost(scene: Scene) -> None:
    scene.hint()
    scene.host.tokens.clear()
    (told,) = scene.look()
    assert told.error is not None and "token" in str(told.error)
    assert len(scene.inbox.waiting()) == 1


def test_the_store_borrows_and_keeps_strangers_out_of_the_fleet(scene: Scene) -> None:
    head = scene.write("change", "tier: silver", "tier: bronze")
    scene.host.pull(12, head, author=LENA)
    scene.look()
    clone = scene.served.parent / "clone.git"
    found = subprocess.run(["git", "-C", str(clone), "cat-file", "-e", head], check=False, capture_output=True)
    assert found.returncode != 0, "a pull request's commit came into the fleet repository"
    assert (scene.reviewing.state / "proposals.git").stat().st_mode & 0o077 == 0
