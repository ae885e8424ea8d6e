"""Who writes the history while another process stands still in the middle of it waits a while, and says for whom."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.history.store import GitHistory
from reconciler.history.turn import own_turn
from reconciler.model.errors import HistoryUnreachableError
from tests.history.made import StillClock, version

HOLDER = """
import sys, time
from pathlib import Path
from reconciler.history.turn import own_turn
with own_turn(Path(sys.argv[1]), 5):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has its turn at the history, and was stopped in it."""
    (tmp_path / "history.git").mkdir()
    GitHistory(tmp_path / "history.git", StillClock()).publish(version())
    lock = tmp_path / "history.git" / "aipress.lock"
    running = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None and running.stdout.readline() == "mine\n"
    os.kill(running.pid, signal.SIGSTOP)
    yield running
    running.kill()
    running.wait(20)
    for pipe in (running.stdin, running.stdout):
        assert pipe is not None
        pipe.close()


def test_it_waits_for_a_while_and_says_who_stands_still(
    stopped: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.history.shelf.WAITS", 0.2)
    history = GitHistory(tmp_path / "history.git", StillClock())
    head = history.head(version().shard)
    assert head is not None, "reading waits for nobody"
    who = rf"process {stopped.pid} on .* has held .*aipress\.lock for more than 0\.2 s"
    with pytest.raises(HistoryUnreachableError, match=who) as told:
        history.publish(version(2, parent=head.id))
    assert "let it go on or end it" in told.value.hint
    stopped.kill()
    stopped.wait(20)
    assert history.publish(version(2, parent=head.id)).number == 2


def test_a_turn_that_comes_in_time_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "lock"
    holding = own_turn(lock, 1)
    holding.__enter__()
    monkeypatch.setattr("threading.Event.wait", lambda *_: holding.__exit__(None, None, None))
    with own_turn(lock, 1):
        assert lock.read_text().startswith(f"process {os.getpid()} on ")


def test_what_stands_in_the_lock_is_not_believed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with own_turn(lock, 0.1):
        lock.write_text("\x1b[31mrm -rf /\n")
        with pytest.raises(HistoryUnreachableError, match=r"^another process has held"), own_turn(lock, 0.1):
            pass
