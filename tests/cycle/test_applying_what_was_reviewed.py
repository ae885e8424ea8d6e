"""A saved plan meets the world as it is when it is applied."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.actions import bootstrap
from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.holds import pause
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import UsageError
from reconciler.model.ids import Target
from reconciler.planning.approved import unapproved_items
from tests.cycle.small_world import SmallWorld
from tests.doubles import Unlimited

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


@pytest.mark.parametrize("limits", [True, False])
def test_a_hold_set_after_a_plan_was_saved_is_honoured(
    limits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the apply itself, and again at each write."""
    if not limits:
        monkeypatch.setattr("tests.cycle.small_world.CountedLimits", lambda *_: Unlimited())
    small = SmallWorld(tmp_path)
    plan = make(small.world(), PlanRequest())
    pause(small.world(), Target.parse("tenant/acme-bakery"), "an incident")
    applied = apply(small.world(), ApplyRequest(plan))
    assert applied.exit_code == 5
    assert {str(a.target) for a in applied.skipped} == {"tenant/acme-bakery"}
    assert not any("acme-bakery" in name for _, _, name in small.cloud.effects)


def test_a_value_that_has_become_known_is_no_other_meaning(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    reviewed = make(small.world(), PlanRequest())
    assert any(field.unknown for change in reviewed.changes for field in change.fields)
    own = bootstrap.plan(small.world())
    assert bootstrap.run(small.world(), own, ApplyRequest()).exit_code == 0
    applied = apply(small.world(), ApplyRequest(reviewed))
    assert (applied.exit_code, applied.skipped) == (0, {})
    assert make(small.world(), PlanRequest()).changes == ()


def test_a_known_value_that_is_another_now_was_not_approved(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    text = small.read(ACME)
    small.write(ACME, text.replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    plan = make(small.world(), PlanRequest())
    fields = [(c, f) for c in plan.changes for f in c.fields]
    (change, field), *_ = fields
    other = replace(change, fields=(replace(field, after="2Gi"), *change.fields[1:]))
    fresh = replace(plan, changes=(other, *plan.changes[1:]))
    assert list(unapproved_items(plan, fresh)) == [change.address]


@pytest.mark.parametrize("guard", ["data-delete", "ownership", "blast-radios"])
def test_what_no_name_may_pass_is_a_usage_error(tmp_path: Path, guard: str) -> None:
    with pytest.raises(UsageError, match=guard):
        apply(SmallWorld(tmp_path).world(), ApplyRequest(allow=frozenset({guard})))
