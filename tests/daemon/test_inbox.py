"""The inbox of hints: each delivery counts once, each ref waits once, a kill loses nothing, and it never overflows."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.daemon.inbox import FILE, KEPT, Inbox, Received, waiting_in
from reconciler.forge.hints import Hint
from reconciler.forge.signatures import Provider
from reconciler.model.errors import AipressError
from tests.architecture.house import ROOT

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HINT = Hint(Provider.GITHUB, "d-1", "push", "agency-north/acme-bakery", "4711", "refs/heads/main", "a" * 40)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


def test_a_delivery_counts_once_for_seven_days(inbox: Inbox) -> None:
    assert inbox.receive(["a", "b"], [HINT], NOW) is Received.NEW
    assert inbox.receive(["b", "c"], [HINT], NOW + timedelta(hours=1)) is Received.AGAIN, "one mark in common is enough"
    assert inbox.receive(["c"], [HINT], NOW) is Received.NEW, "what came again left no mark of its own"
    assert inbox.receive(["a"], [], NOW + KEPT - timedelta(seconds=1)) is Received.AGAIN
    assert inbox.receive(["a"], [], NOW + KEPT) is Received.NEW
    assert [w.times for w in inbox.waiting()] == [2]


def test_hints_at_one_ref_wait_as_one_and_the_newest_speaks(inbox: Inbox) -> None:
    later = NOW + timedelta(minutes=3)
    inbox.receive(["a"], [HINT], NOW)
    inbox.receive(["b"], [replace(HINT, commit="b" * 40, delivery="d-2", repository="agency-north/renamed")], later)
    inbox.receive(["c"], [replace(HINT, ref="refs/heads/develop")], later)
    inbox.receive(["d"], [replace(HINT, provider=Provider.GIT)], later)
    inbox.receive(["e"], [replace(HINT, number="", delivery="d-5")], later)
    found = inbox.waiting()
    assert len(found) == inbox.depth() == 4
    first = found[0]
    assert (first.times, first.first, first.last) == (2, NOW, later)
    assert (first.hint.commit, first.hint.delivery, first.hint.repository) == ("b" * 40, "d-2", "agency-north/renamed")
    assert [w.hint.ref for w in inbox.waiting(1)] == ["refs/heads/main"]


def test_what_was_looked_after_goes_unless_it_moved_meanwhile(inbox: Inbox) -> None:
    inbox.receive(["a"], [HINT], NOW)
    [seen] = inbox.waiting()
    inbox.receive(["b"], [HINT], NOW)
    assert not inbox.done(seen)
    [again] = inbox.waiting()
    assert inbox.done(again) and not inbox.done(again)
    assert inbox.waiting() == ()


def test_a_full_inbox_takes_nothing_and_forgets_that_it_was_offered(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, most=2)
    one, two, three = (replace(HINT, ref=f"refs/heads/{n}") for n in "123")
    assert inbox.receive(["a"], [one], NOW) is Received.NEW
    assert inbox.receive(["b"], [two, three], NOW) is Received.FULL
    assert inbox.depth() == 1, "all of a delivery or nothing"
    assert inbox.receive(["b"], [two], NOW) is Received.NEW
    assert inbox.receive(["c"], [three], NOW) is Received.FULL
    assert inbox.receive(["d"], [one], NOW) is Received.NEW, "a ref that waits already needs no room"
    assert inbox.receive(["e"], [], NOW) is Received.NEW
    inbox.done(inbox.waiting()[0])
    assert inbox.receive(["c"], [three], NOW) is Received.NEW


def test_old_marks_go_and_too_many_do_too(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, most_marks=100)

    def marks() -> int:
        with sqlite3.connect(tmp_path / FILE) as at:
            return int(at.execute("SELECT count(*) FROM marks").fetchone()[0])

    for n in range(320):
        assert inbox.receive([f"{n}"], [], NOW + timedelta(seconds=n)) is Received.NEW
    assert 50 <= marks() <= 101
    for n in range(280, 320):
        assert inbox.receive([f"{n}"], [], NOW + timedelta(seconds=320)) is Received.AGAIN, "the newest are kept"
    inbox.close()
    again = Inbox(tmp_path, most_marks=100)
    for n in range(3):
        again.receive([f"later {n}"], [], NOW + 2 * KEPT)
    assert marks() == 3


def test_it_survives_being_opened_again_and_is_for_this_user_alone(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.receive(["a"], [HINT], NOW)
    assert waiting_in(tmp_path) == inbox.waiting()
    inbox.close()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    again = Inbox(tmp_path)
    assert [w.hint for w in again.waiting()] == [HINT]
    assert again.receive(["a"], [HINT], NOW) is Received.AGAIN


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from reconciler.daemon.inbox import Inbox
from reconciler.forge.hints import Hint
from reconciler.forge.signatures import Provider
inbox = Inbox(Path(sys.argv[1]), most=10**6)
for n in range(10**6):
    hint = Hint(Provider.GIT, str(n), "push", "fleet", "", f"refs/heads/{n}", "")
    inbox.receive([str(n)], [hint], datetime(2026, 11, 27, tzinfo=UTC))
    print(n, flush=True)
"""


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    for _ in range(3):
        told = [sys.executable, "-c", WRITER, str(tmp_path)]
        process = subprocess.Popen(told, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        last = -1
        for line in process.stdout:
            last = int(line)
            if last == 40:
                os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert last >= 40
        inbox = Inbox(tmp_path)
        kept = {int(w.hint.delivery) for w in inbox.waiting()}
        assert kept >= set(range(last + 1))
        assert inbox.receive([str(last)], [], datetime(2026, 11, 27, tzinfo=UTC)) is Received.AGAIN
        inbox.close()
        (tmp_path / FILE).unlink()


@pytest.mark.parametrize("damage", [b"no database at all, this is", b""])
def test_a_damaged_one_is_moved_aside(tmp_path: Path, damage: bytes) -> None:
    inbox = Inbox(tmp_path)
    inbox.receive(["a"], [HINT], NOW)
    inbox.close()
    (tmp_path / FILE).write_bytes(damage * 1000)
    again = Inbox(tmp_path)
    assert again.waiting() == ()
    assert again.receive(["a"], [HINT], NOW) is Received.NEW
    assert (tmp_path / f"{FILE}.damaged").exists() == bool(damage)


def test_another_releases_one_is_moved_aside(tmp_path: Path) -> None:
    Inbox(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as at:
        at.execute("PRAGMA user_version = 99")
    assert Inbox(tmp_path).waiting() == ()
    assert (tmp_path / f"{FILE}.damaged").exists()


def test_one_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AipressError, match="cannot be used"):
        Inbox(tmp_path / "file")
    inbox = Inbox(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as at:
        at.execute("DROP TABLE hints")
    with pytest.raises(AipressError, match="cannot be used") as told:
        inbox.receive(["a"], [HINT], NOW)
    assert "polled" in told.value.hint


def test_who_only_looks_needs_no_inbox(tmp_path: Path) -> None:
    assert waiting_in(tmp_path) == ()
    (tmp_path / FILE).write_bytes(b"x" * 5000)
    assert waiting_in(tmp_path) == ()


def test_threads_share_one(inbox: Inbox) -> None:
    def fill(who: int) -> None:
        for n in range(50):
            inbox.receive([f"{who} {n}"], [HINT, replace(HINT, ref=f"refs/heads/{who}-{n}")], NOW)

    threads = [threading.Thread(target=fill, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inbox.depth() == 201
    assert max(w.times for w in inbox.waiting()) == 200
