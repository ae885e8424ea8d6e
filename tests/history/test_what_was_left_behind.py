"""Marks of states that rollbacks left: all hosts see them, they are dropped exactly, and the log tells who and why."""

from datetime import timedelta
from pathlib import Path

from reconciler.history.store import GitHistory
from reconciler.model.hold import Hold, Poison
from tests.history.made import AT, StillClock


def store(folder: Path) -> GitHistory:
    return GitHistory(folder / "history.git", StillClock())


def poison(target: str = "tenant/acme", bad: str = "sha256:1", actor: str = "jo <jo@example.org>") -> Poison:
    states = {f"{target}@production": (bad,)}
    return Poison(target, states, "eu-001/2", "eu-001/1", "c0ffee", "too slow", actor, AT, AT + timedelta(days=30))


def test_marks_are_seen_by_everyone_and_another_state_stands_beside_the_first(tmp_path: Path) -> None:
    assert store(tmp_path).poisons() == []
    one, other = poison(), poison(bad="sha256:2")
    store(tmp_path).set_poisons([one])
    store(tmp_path).set_poisons([other])
    assert set(map(repr, store(tmp_path).poisons())) == {repr(one), repr(other)}
    again = poison(actor="ann <ann@example.org>")
    store(tmp_path).set_poisons([again])
    assert len(store(tmp_path).poisons()) == 2
    assert list(store(tmp_path).drop_poisons([again], "jo", "resumed")) == [again]
    assert list(store(tmp_path).poisons()) == [other]


def test_a_hold_that_was_set_anew_meanwhile_is_not_dropped_for_the_old_one(tmp_path: Path) -> None:
    old = Hold("tenant/acme", "first", "jo", AT, None, "rollback", states={"tenant/acme@production": "sha256:1"})
    new = Hold("tenant/acme", "second", "ann", AT, None, "rollback", states={"tenant/acme@production": "sha256:2"})
    history = store(tmp_path)
    history.set_hold(old)
    assert list(history.holds()) == [old]
    history.set_hold(new)
    assert list(history.drop_holds([old], "aipress", "Git says the same")) == []
    assert list(history.holds()) == [new]
    assert list(history.drop_holds([new], "aipress", "Git says the same")) == [new]
    assert list(history.holds()) == []


def test_a_hold_is_in_force_from_its_beginning_to_its_end_and_says_so() -> None:
    hold = Hold("fleet", "sales", "jo", AT, AT + timedelta(days=3), "freeze", begins=AT + timedelta(days=1))
    told = [(hold.active(at), hold.told(at)) for at in (AT, AT + timedelta(days=2), AT + timedelta(days=3))]
    assert told == [
        (False, "on hold (freeze) by jo from 2026-11-24 09:00Z until 2026-11-26 09:00Z: sales"),
        (True, "on hold (freeze) by jo until 2026-11-26 09:00Z: sales"),
        (False, "the hold (freeze) by jo ended 2026-11-26 09:00Z: sales"),
    ]
