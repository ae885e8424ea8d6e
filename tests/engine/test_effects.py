"""The one door: what it asks, in which order, and what it never lets through."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from reconciler.applying.exchange import Aged, Answered, Begin, Deferred, Observed, Poll, Refused, Reread, Stopped
from reconciler.applying.state import Phase, begin
from reconciler.engine.effects import Effects, StopGate
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Call, Gate, Halt, Intent, Later, No
from tests.applying.builders import LABELS, PLAN, change
from tests.doubles import FakeCloud, Unfenced, plain_effects
from tests.engine.rig import FastClock, MemoryJournal, Rig, Switch

ONE = change("tenant/t1/secret/production", "projects/p/secrets/t1", {"labels": LABELS})
CALL = Call(Action.CREATE, "secret", ONE.name, ONE.parent, ONE.body)


@dataclass
class Says:
    """A gate with one answer, which may take its time."""

    said: Later | No | Halt | None = None
    clock: FastClock | None = None
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)

    def stopped(self) -> str:
        return self.said.why if isinstance(self.said, Halt) else ""

    def ask(self, change: Change, call: Call) -> Later | No | Halt | None:
        self.asked.append(f"{call.action} {change.address}")
        if self.clock is not None:
            self.clock.sleep(self.seconds)
        return self.said


def door(*gates: Gate) -> Effects:
    return plain_effects(FakeCloud(), MemoryJournal(), FastClock(), gates)


def carried(effects: Effects) -> object:
    looked = effects.carry_out(ONE, begin(ONE, {}, PLAN), Reread(), PLAN)
    assert isinstance(looked, Observed)
    return effects.carry_out(ONE, begin(ONE, {}, PLAN), Begin(CALL, looked.at), PLAN)


@pytest.mark.parametrize(
    ("said", "response"),
    [
        (Halt("STOP"), Stopped("STOP")),
        (Later(3.0, "slowly"), Deferred(3.0, "slowly")),
        (No("quarantined"), Refused("quarantined")),
    ],
)
def test_a_gates_word_is_an_answer_and_the_call_is_not_made(said: Later | No | Halt, response: object) -> None:
    effects, after = door(Says(), Says(said)), Says()
    effects = door(Says(), Says(said), after)
    assert carried(effects) == response
    assert effects.cloud.count("begin") == 0 and not after.asked  # type: ignore[attr-defined]


def test_the_stop_switch_is_asked_before_each_call_not_only_between_changes() -> None:
    effects = door(StopGate(Switch("maintenance")))
    assert effects.stopped() == "maintenance"
    assert carried(effects) == Stopped("maintenance")
    assert effects.cloud.count("begin") == 0  # type: ignore[attr-defined]


def test_with_no_objection_the_call_is_made() -> None:
    first, second = Says(), Says()
    assert isinstance(carried(door(first, second, StopGate(Switch()))), Answered)
    assert first.asked == second.asked == [f"create {ONE.address}"]


def test_a_gate_that_takes_its_time_makes_the_look_too_old() -> None:
    """Renewing a lease over a slow network, say: the object may have changed meanwhile."""
    effects = door()
    slow = plain_effects(effects.cloud, effects.journal, effects.clock, (Says(None, effects.clock, 5.5),))  # type: ignore[arg-type]
    assert carried(slow) == Aged()
    assert effects.cloud.count("begin") == 0  # type: ignore[attr-defined]


def test_an_intent_that_took_long_to_write_is_followed_by_another_look() -> None:
    rig = Rig()

    class SlowDisk(MemoryJournal):
        def record(self, intent: Intent) -> None:
            super().record(intent)
            rig.clock.sleep(30)

    rig.journal = SlowDisk()
    assert rig.apply([ONE]).ok
    assert [call for call, _, _ in rig.cloud.calls] == ["get", "get", "begin:create"]


def test_a_clock_that_jumps_back_means_another_look() -> None:
    effects = door()
    now = effects.clock.now()
    assert effects.carry_out(ONE, begin(ONE, {}, PLAN), Begin(CALL, now + timedelta(hours=1)), PLAN) == Aged()


# --- the fence ------------------------------------------------------------------------------------------------------


@dataclass
class Fenced(Unfenced):
    """A fence that says what it is told to."""

    entered: int | No | Halt = 7
    kept: No | Halt | None = None
    asked: list[str] = field(default_factory=list)

    def enter(self, shard: str) -> int | No | Halt:  # type: ignore[override]
        self.asked.append(f"enter {shard}")
        return self.entered

    def keep(self, shard: str) -> No | Halt | None:  # type: ignore[override]
        self.asked.append(f"keep {shard}")
        return self.kept

    def tend(self, shard: str) -> None:
        self.asked.append(f"tend {shard}")

    def leave(self, shard: str) -> None:
        self.asked.append(f"leave {shard}")


def fenced(fence: Fenced, *gates: Gate) -> Effects:
    return plain_effects(FakeCloud(), MemoryJournal(), FastClock(), gates, fence)


@pytest.mark.parametrize(("said", "response"), [(No("held"), Refused("held")), (Halt("away"), Stopped("away"))])
def test_nobody_looks_at_what_he_may_not_write(said: No | Halt, response: object) -> None:
    effects = fenced(Fenced(said))
    assert effects.carry_out(ONE, begin(ONE, {}, PLAN), Reread(), PLAN) == response
    assert not effects.cloud.calls  # type: ignore[attr-defined]


def test_a_look_knows_its_generation() -> None:
    looked = fenced(Fenced(7)).carry_out(ONE, begin(ONE, {}, PLAN), Reread(), PLAN)
    assert isinstance(looked, Observed) and looked.generation == 7


def test_a_lease_that_does_not_outlive_the_call_stops_it_and_is_asked_last() -> None:
    fence, gate = Fenced(kept=Halt("it was lost")), Says()
    effects = fenced(fence, gate)
    assert carried(effects) == Stopped("it was lost")
    assert effects.cloud.count("begin") == 0 and gate.asked and fence.asked == ["enter s", "keep s"]  # type: ignore[attr-defined]
    fence = Fenced()
    assert isinstance(carried(fenced(fence, Says(No("quarantined")))), Refused)
    assert fence.asked == ["enter s"], "no renewal for a call that is not made"


def test_what_is_under_way_is_followed_and_confirmed_whoever_holds_the_lease() -> None:
    fence = Fenced(Halt("lost"))
    effects = fenced(fence)
    confirming = replace(begin(ONE, {}, PLAN), phase=Phase.CONFIRMING, generation=3)
    looked = effects.carry_out(ONE, confirming, Reread(), PLAN)
    assert isinstance(looked, Observed) and looked.generation == 3
    assert isinstance(effects.carry_out(ONE, confirming, Poll("operations/1", CALL), PLAN), Answered)
    assert fence.asked == ["tend s"]
