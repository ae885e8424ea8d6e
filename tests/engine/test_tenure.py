"""Whose daemon owns the fleet: one at a time, and the one that was taken over stops before its next write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.engine.tenure import BEAT, LOOK, PATIENCE, StoreTenure
from reconciler.history.store import GitHistory
from reconciler.model.errors import HistoryUnreachableError, RefusedError
from reconciler.model.fence import SILENCE, SKEW, Holder, Store
from reconciler.model.ports import Halt
from tests.applying.builders import LABELS, change
from tests.engine.test_effects import CALL

ONE = change("tenant/t1/secret/production", "projects/p/secrets/t1", {"labels": LABELS})


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 27, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Away(GitHistory):
    away = False

    def store(self) -> Store | None:
        if self.away:
            raise HistoryUnreachableError("no route to the history")
        return super().store()


class Daemons:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.history = Away(folder / "history.git", self.clock)

    def on(self, host: str) -> StoreTenure:
        return StoreTenure(self.history, self.clock, Holder(host, 1, f"store-{host}", "x"))


@pytest.fixture
def daemons(tmp_path: Path) -> Daemons:
    return Daemons(tmp_path)


def test_a_second_hosts_daemon_is_refused_and_told_how_to_take_over(daemons: Daemons) -> None:
    one, two = daemons.on("one"), daemons.on("two")
    one.claim(take_over=False)
    with pytest.raises(RefusedError, match="the daemon on one owns this fleet") as refused:
        two.claim(take_over=False)
    assert "--take-over" in refused.value.hint
    assert one.stopped() == "" and two.stopped() == "", "who claimed nothing is not stopped: a single apply, say"


def test_who_was_taken_over_stops_before_its_next_write(daemons: Daemons) -> None:
    one, two = daemons.on("one"), daemons.on("two")
    one.claim(take_over=False)
    assert one.ask(ONE, CALL) is None
    two.claim(take_over=True)
    daemons.clock.at += LOOK
    said = one.ask(ONE, CALL)
    assert isinstance(said, Halt) and "taken over by the daemon on two (epoch 2); this one (epoch 1)" in said.why
    assert two.ask(ONE, CALL) is None
    one.claim(take_over=True)
    daemons.clock.at += LOOK
    assert one.stopped() == "" and "epoch 3" in two.stopped()


def test_the_same_store_goes_on_in_its_epoch(daemons: Daemons) -> None:
    daemons.on("one").claim(take_over=False)
    daemons.clock.at += timedelta(hours=3)
    daemons.on("one").claim(take_over=False)
    there = daemons.history.store()
    assert there is not None and there.epoch == 1 and there.seen == daemons.clock.at


def test_a_store_that_is_lost_needs_no_person_after_a_while(daemons: Daemons) -> None:
    """The state folder is gone with its host: nobody knows its id any more."""
    daemons.on("one").claim(take_over=False)
    daemons.clock.at += SILENCE + SKEW
    with pytest.raises(RefusedError):
        daemons.on("two").claim(take_over=False)
    daemons.clock.at += timedelta(seconds=1)
    daemons.on("two").claim(take_over=False)
    assert daemons.history.store().epoch == 2  # type: ignore[union-attr]


def test_a_daemon_that_ends_leaves_the_fleet_to_the_next(daemons: Daemons) -> None:
    one, two = daemons.on("one"), daemons.on("two")
    one.claim(take_over=False)
    one.leave()
    two.claim(take_over=False)
    one.leave()
    daemons.clock.at += LOOK
    assert two.stopped() == "" and daemons.history.store().epoch == 2  # type: ignore[union-attr]
    one.claim(take_over=True)
    assert daemons.history.store().gone is False  # type: ignore[union-attr]


def test_a_daemon_that_is_there_says_so_and_not_at_every_look(daemons: Daemons) -> None:
    one, two = daemons.on("one"), daemons.on("two")
    one.claim(take_over=False)
    marks = set()
    for _ in range(240):
        daemons.clock.at += timedelta(seconds=5)
        assert one.stopped() == ""
        marks.add(daemons.history.store().seen)  # type: ignore[union-attr]
    assert len(marks) <= 240 * 5 / BEAT.total_seconds() + 1
    with pytest.raises(RefusedError):
        two.claim(take_over=False)


def test_a_history_that_is_away_for_long_stops_the_daemon(daemons: Daemons) -> None:
    one = daemons.on("one")
    one.claim(take_over=False)
    daemons.history.away = True
    daemons.clock.at += PATIENCE - timedelta(seconds=1)
    assert one.stopped() == ""
    daemons.clock.at += LOOK
    assert "cannot be read: no route" in one.stopped()


def test_a_mark_that_somebody_deleted_is_not_ours(daemons: Daemons) -> None:
    import pygit2

    one = daemons.on("one")
    one.claim(take_over=False)
    pygit2.Repository(str(daemons.history._shelf.path)).references.delete("refs/aipress/store")
    daemons.clock.at += LOOK
    assert "deleted the mark" in one.stopped()
