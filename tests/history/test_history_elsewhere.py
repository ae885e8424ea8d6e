"""A history at a git URL: two hosts share it, exactly one of two publishers wins, and silence is not emptiness."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.history.mirror import Mirror
from reconciler.history.remote import Ran
from reconciler.history.store import GitHistory
from reconciler.model.errors import HistoryUnreachableError, RefusedError, UsageError
from reconciler.model.fence import TTL, Holder, released, renewed, taken
from tests.history.made import StillClock, version


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A bare repository behind `git daemon` on loopback."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "served" / "history.git")], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = subprocess.Popen(
        ["git", "daemon", "--reuseaddr", "--export-all", "--enable=receive-pack", "--listen=127.0.0.1",
         f"--port={port}", f"--base-path={tmp_path / 'served'}", "--verbose"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert daemon.stderr is not None
    assert "Ready to rumble" in daemon.stderr.readline()
    yield f"git://127.0.0.1:{port}/history.git"
    daemon.terminate()
    daemon.wait(20)


@pytest.mark.slow
def test_what_one_host_publishes_the_other_reads_and_only_one_of_two_wins(url: str, tmp_path: Path) -> None:
    one, other = (GitHistory(url, StillClock(), tmp_path / name) for name in ("one", "other"))
    assert one.heads() == {}
    first = one.publish(version())
    seen = GitHistory(url, StillClock(), tmp_path / "other").head(first.shard)
    assert seen is not None
    assert (seen.id, seen.resources) == (first.id, first.resources)
    late = replace(version(), number=1, parent=None)
    with pytest.raises(RefusedError):
        other.publish(replace(late, summary="a rival"))


@pytest.mark.slow
def test_a_copy_that_was_lost_is_fetched_again(url: str, tmp_path: Path) -> None:
    first = GitHistory(url, StillClock(), tmp_path / "one").publish(version())
    second = GitHistory(url, StillClock(), tmp_path / "fresh")
    assert second.heads() == {first.shard: first.id}


@pytest.mark.slow
def test_a_lease_is_granted_elsewhere_to_one_of_two_hosts(url: str, tmp_path: Path) -> None:
    clock = StillClock()
    one, two = (GitHistory(url, clock, tmp_path / name) for name in ("one", "two"))
    now, mine, theirs = clock.now(), Holder("one", 1, "s1", "a"), Holder("two", 1, "s2", "b")
    first = taken(None, "eu-001", mine, now, TTL)
    assert two.lease("eu-001") is None
    assert one.swap_lease(None, first)
    assert not two.swap_lease(None, taken(None, "eu-001", theirs, now, TTL)), "its look was from before the other's"
    fresh = GitHistory(url, clock, tmp_path / "two")
    assert fresh.lease("eu-001") == first and fresh.heads() == {}
    assert one.swap_lease(first, released(first))
    again = GitHistory(url, clock, tmp_path / "two")
    assert again.swap_lease(released(first), taken(released(first), "eu-001", theirs, now, TTL))
    assert not one.swap_lease(released(first), renewed(first, now)), "a zombie's swap"
    assert GitHistory(url, clock, tmp_path / "three").lease("eu-001").generation == first.generation + 1  # type: ignore[union-attr]


def test_no_answer_is_unreachable_and_shows_no_password(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(HistoryUnreachableError) as told:
        GitHistory(f"git://127.0.0.1:{port}/h.git", StillClock(), tmp_path).heads()
    assert "cannot be reached" in str(told.value)


def test_a_password_in_a_refused_url_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        GitHistory("ssh://jo:hunter2@git.example/h.git", StillClock(), tmp_path)
    assert "hunter2" not in str(told.value)


class CountingRemote:
    """A repository elsewhere with nothing in it, asked how often."""

    def __init__(self) -> None:
        self.looks = 0

    def refs(self) -> dict[str, str]:
        self.looks += 1
        return {}

    def fetch(self, into: Path, first: bool) -> None:
        raise AssertionError

    def push(self, source: Path, ref: str, expected: str | None, identity: str) -> Ran:
        raise AssertionError

    def failure(self, ran: Ran, first: str = "") -> HistoryUnreachableError:
        raise AssertionError


def test_what_is_read_of_one_moment_is_looked_for_once_however_long_reading_takes(tmp_path: Path) -> None:
    clock, remote = StillClock(), CountingRemote()
    mirror = Mirror(tmp_path / "copy.git", remote, clock)
    with mirror.still():
        for _ in range(5):
            clock.sleep(10)
            mirror.refresh()
    assert remote.looks == 1
    clock.sleep(10)
    mirror.refresh()
    assert remote.looks == 2, "afterwards it is looked at again"


def test_a_look_that_failed_is_made_again_by_who_reads(tmp_path: Path) -> None:
    class Silent(CountingRemote):
        def refs(self) -> dict[str, str]:
            self.looks += 1
            raise HistoryUnreachableError("no answer")

    remote = Silent()
    mirror = Mirror(tmp_path / "copy.git", remote, StillClock())
    with mirror.still(), pytest.raises(HistoryUnreachableError):
        mirror.refresh()
    assert remote.looks == 2
