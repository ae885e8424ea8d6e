"""When an apply does not begin, or is not recorded: somebody else applies, or did, or nobody knows what was applied."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import HistoryUnreachableError, RefusedError
from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from tests.cycle.small_world import SmallWorld


def test_two_applies_on_one_host_are_one_too_many(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    heard: list[RefusedError] = []

    def meanwhile(_plan: Plan) -> bool:
        with pytest.raises(RefusedError, match="`apply` is held by") as refused:
            apply(small.world(), ApplyRequest())
        heard.append(refused.value)
        return True

    assert apply(small.world(), ApplyRequest(confirm=meanwhile)).exit_code == 0
    assert heard
    assert "Wait for it to end" in heard[0].hint


def test_what_another_host_applied_meanwhile_is_neither_done_nor_recorded_again(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    (small.folder / "state").mkdir()
    other: list[Applied] = []

    def meanwhile(_plan: Plan) -> bool:
        other.append(apply(small.world("another-host"), ApplyRequest()))
        return True

    late = apply(small.world(), ApplyRequest(confirm=meanwhile))
    assert late.versions == ()
    assert {item.result for item in late.outcome.items.values()} == {Result.SKIPPED}
    assert other[0].exit_code == 0
    assert dict(small.world().history.heads()) == {v.shard: v.id for v in other[0].versions}
    assert make(small.world(), PlanRequest()).changes == ()


def test_a_plan_made_without_the_history_is_shown_and_not_applied(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    (small.folder / "state").mkdir()
    (small.folder / "state" / "history.git").write_text("no repository")
    plan = make(small.world(), PlanRequest())
    assert plan.two_way
    assert plan.changes
    with pytest.raises(RefusedError, match="this plan is two-way and cannot be applied"):
        apply(small.world(), ApplyRequest())
    with pytest.raises(HistoryUnreachableError):
        apply(small.world(), ApplyRequest(plan))
    assert small.cloud.effects == []


def test_a_confirmation_that_took_hours_is_of_an_old_plan(tmp_path: Path) -> None:
    """A terminal left open over lunch: what was shown may not be what is."""
    small = SmallWorld(tmp_path)

    def later(_plan: Plan) -> bool:
        small.clock.at += timedelta(hours=2)
        return True

    with pytest.raises(RefusedError, match=r"shown more than 60 min ago \(guards.planAgeMinutes\)"):
        apply(small.world(), ApplyRequest(confirm=later))
    assert not small.cloud.effects
