"""Holds of a history that lies elsewhere: every host sees them, none is lost, and a process that dies between the push
and its own copy's update has set its hold all the same."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.history.held import HOLD, Board, Stamp
from reconciler.history.location import located
from reconciler.history.mirror import Mirror
from reconciler.history.remote import GitRemote, Ran
from reconciler.history.shelf import Shelf
from reconciler.history.store import GitHistory
from reconciler.model.hold import Hold
from tests.doubles import Killed
from tests.history.made import AT, StillClock

REF = "refs/aipress/holds"
Host = Callable[[str], Board[Hold]]


class DiesAfterPush(GitRemote):
    """The process ends when the other side has the commit and this one does not know it yet."""

    def push(self, source: Path, ref: str, expected: str | None, identity: str) -> Ran:
        super().push(source, ref, expected, identity)
        raise Killed


def hold(target: str, reason: str = "an incident") -> Hold:
    return Hold(target, reason, "jo <jo@example.org>", AT, AT + timedelta(hours=2))


def put(board: Board[Hold], one: Hold) -> None:
    board.put([one], Stamp(one.actor, int(AT.timestamp()), f"hold {one.target}\n"))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    made = tmp_path / "served.git"
    subprocess.run(["git", "init", "-q", "--bare", str(made)], check=True)
    return made


@pytest.fixture
def host(bare: Path, tmp_path: Path) -> Host:
    """A host's own copy of the bare repository, by name; each call is another process."""
    return lambda name: board_of(tmp_path / f"{name}.git", GitRemote(located(f"file://{bare}")))


def board_of(copy: Path, remote: GitRemote) -> Board[Hold]:
    clock = StillClock()
    return Board(Shelf(copy, clock, Mirror(copy, remote, clock)), REF, HOLD)


def targets(board: Board[Hold]) -> list[str]:
    return [one.target for one in board.all()]


def test_a_file_url_is_shared_by_who_can_reach_it(tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'history.git'}"
    GitHistory(url, StillClock()).set_hold(hold("fleet"))
    assert [one.target for one in GitHistory(url, StillClock()).holds()] == ["fleet"]
    assert len(GitHistory(url, StillClock()).clear_hold("fleet", "ann <ann@example.org>")) == 1
    assert list(GitHistory(url, StillClock()).holds()) == []


def test_what_one_host_holds_the_other_sees_and_may_lift(host: Host) -> None:
    put(host("one"), hold("tenant/acme"))
    put(host("two"), hold("shard/eu-001"))
    assert targets(host("one")) == targets(host("two")) == ["shard/eu-001", "tenant/acme"]
    stamp = Stamp("ann <ann@example.org>", int(AT.timestamp()), "resume tenant/acme\n")
    assert len(host("two").drop(lambda one: one.target == "tenant/acme", stamp)) == 1
    assert targets(host("one")) == ["shard/eu-001"]


def test_two_that_hold_at_once_from_an_old_look_are_both_kept(host: Host) -> None:
    one, two = host("one"), host("two")
    assert targets(one) == targets(two) == []
    put(one, hold("tenant/acme"))
    put(two, hold("tenant/other"))  # its copy does not know of the first: the push is refused, and made anew
    assert targets(host("three")) == ["tenant/acme", "tenant/other"]


def test_killed_between_the_push_and_the_own_copy_the_hold_is_set(bare: Path, host: Host, tmp_path: Path) -> None:
    put(host("one"), hold("shard/eu-001"))
    with pytest.raises(Killed):
        put(board_of(tmp_path / "one.git", DiesAfterPush(located(f"file://{bare}"))), hold("tenant/acme"))
    assert targets(host("two")) == ["shard/eu-001", "tenant/acme"]
    assert targets(host("one")) == ["shard/eu-001", "tenant/acme"]
    put(host("one"), hold("tenant/acme", "said once more"))
    assert [one.reason for one in host("two").all()] == ["an incident", "said once more"]
    told = subprocess.run(
        ["git", f"--git-dir={bare}", "log", "--format=%an %s", REF], check=True, capture_output=True, text=True
    ).stdout
    assert told.splitlines() == ["jo hold tenant/acme", "jo hold tenant/acme", "jo hold shard/eu-001"]
