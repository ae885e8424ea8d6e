"""A saved plan meets the world as it is when it is applied."""

from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.holds import pause
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import UsageError
from reconciler.model.ids import Target
from tests.cycle.small_world import SmallWorld


def test_a_hold_set_after_a_plan_was_saved_is_honoured(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    plan = make(small.world(), PlanRequest())
    pause(small.world(), Target.parse("tenant/acme-bakery"), "an incident", None)
    applied = apply(small.world(), ApplyRequest(plan))
    assert applied.exit_code == 5
    assert {str(a.target) for a in applied.skipped} == {"tenant/acme-bakery"}
    assert not any("acme-bakery" in name for _, _, name in small.cloud.effects)


@pytest.mark.parametrize("guard", ["data-delete", "ownership", "blast-radios"])
def test_what_no_name_may_pass_is_a_usage_error(tmp_path: Path, guard: str) -> None:
    with pytest.raises(UsageError, match=guard):
        apply(SmallWorld(tmp_path).world(), ApplyRequest(allow=frozenset({guard})))
