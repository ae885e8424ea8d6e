"""No write without a sign of life: a process that could not give one in time never writes again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.engine.durable.ledger import Ledger
from reconciler.engine.durable.pulse import Pulse
from reconciler.engine.durable.terms import Terms
from reconciler.model.order import Order
from reconciler.model.plan import Action, Plan
from reconciler.model.ports import Call, Halt
from tests.applying.builders import change
from tests.cycle.small_world import SteadyClock

TERMS = Terms(lifetime=120.0, longest_call=45.0)


class Shared(Ledger):
    """A file that counts as a database of many."""

    def __init__(self, file: Path, clock: SteadyClock) -> None:
        super().__init__(f"sqlite:///{file}", clock, 5.0)
        self.prepare()
        self.embedded = False


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock(datetime(2026, 11, 1, tzinfo=UTC))


def test_the_life_left_must_be_longer_than_a_call(tmp_path: Path, clock: SteadyClock) -> None:
    pulse = Pulse(Shared(tmp_path / "db", clock), "a", clock, TERMS)
    pulse.start()
    write = change("fleet/folder/x", "folders/x", {}), Call(Action.CREATE, "folder", "folders/x", "", {})
    clock.at += timedelta(seconds=74)
    assert pulse.stopped() == "" and pulse.ask(*write) is None
    clock.at += timedelta(seconds=2)
    assert "no sign of life" in pulse.stopped()
    assert pulse.ask(*write) == Halt(pulse.stopped()), "asked at each write, not between changes alone"
    pulse.beat()
    assert pulse.stopped() == "", "in time: nobody counts it as dead"
    pulse.close()


def test_who_slept_through_its_life_stays_out_even_when_its_heart_beats_again(
    tmp_path: Path, clock: SteadyClock
) -> None:
    pulse = Pulse(Shared(tmp_path / "db", clock), "a", clock, TERMS)
    pulse.start()
    clock.at += timedelta(seconds=121)
    pulse.beat()
    assert "another may have taken" in pulse.stopped()
    pulse.close()


def test_who_retires_may_be_taken_over_at_once(tmp_path: Path, clock: SteadyClock) -> None:
    ledger = Shared(tmp_path / "db", clock)
    pulse = Pulse(ledger, "a", clock, TERMS)
    pulse.start()
    assert ledger.alive(120.0) == {"a"}
    pulse.close()
    assert ledger.alive(120.0) == frozenset()


def test_one_process_with_its_own_file_needs_no_sign_of_life(tmp_path: Path, clock: SteadyClock) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'db'}", clock, 5.0)
    pulse = Pulse(ledger, "a", clock, TERMS)
    pulse.start()
    clock.at += timedelta(days=1)
    assert pulse.stopped() == "" and pulse.alive() == {"a"}


def test_an_order_is_taken_by_one_only_and_a_closed_one_by_nobody(tmp_path: Path, clock: SteadyClock) -> None:
    ledger = Shared(tmp_path / "db", clock)
    entry = ledger.add(
        Order(Plan("local:test", "", "c0ffee", {}, (change("fleet/folder/x", "folders/x", {}),))), "dead"
    )
    assert ledger.take(entry, "b") and not ledger.take(entry, "c")
    assert ledger.owner(entry.number) == "b"
    ledger.shut(entry.number, "over")
    (row,) = [ledger.owner(entry.number)]
    assert row == "" and not ledger.take(entry, "b")
    with pytest.raises(LookupError):
        ledger.owner(99)
