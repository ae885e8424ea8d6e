"""A history at a git URL: two hosts share it, exactly one of two publishers wins, and silence is not emptiness."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.history.store import GitHistory
from reconciler.model.errors import HistoryUnreachableError, RefusedError, UsageError
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
