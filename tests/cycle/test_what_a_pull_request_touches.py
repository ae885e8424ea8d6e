"""`plan --base`: only the targets whose desired state differs; a file that is gone is told, and never an error."""

from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import InputError
from reconciler.model.ids import Target
from tests.cycle.small_world import SmallWorld

LINDEN = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


def test_a_removed_file_is_warned_about_and_the_rest_is_planned(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    (small.fleet / LINDEN).unlink()
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    plan = make(small.world(), PlanRequest(base="HEAD~1"))
    assert {str(c.address.target) for c in plan.changes} == {"tenant/acme-bakery"}
    assert [d.target for d in plan.diagnostics if d.code == "AP401"] == ["tenant/linden-yoga"]


def test_only_a_file_removed_changes_nothing_and_is_warned_about(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    (small.fleet / LINDEN).unlink()
    small.write("README.md", "")
    plan = make(small.world(), PlanRequest(base="HEAD~1"))
    assert plan.changes == ()
    assert [d.target for d in plan.diagnostics if d.code == "AP401"] == ["tenant/linden-yoga"]


def test_a_saved_plan_with_a_removed_file_in_it_can_be_made_anew(tmp_path: Path) -> None:
    """A version that came in between makes the plan anew from the scope it recorded."""
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    (small.fleet / LINDEN).unlink()
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    plan = make(small.world(), PlanRequest(base="HEAD~1"))
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert apply(small.world(), ApplyRequest(plan)).exit_code == 0


def test_an_environment_that_a_tenant_does_not_have_is_no_empty_plan(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    with pytest.raises(InputError, match="acme-bakery@nosuch") as raised:
        make(small.world(), PlanRequest((Target.parse("tenant/acme-bakery@nosuch"),)))
    assert "production" in raised.value.hint
    assert make(small.world(), PlanRequest((Target.parse("tenant/acme-bakery@staging"),))).changes


def test_one_environment_is_planned_alone_against_a_base_too(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    plan = make(small.world(), PlanRequest((Target.parse("tenant/acme-bakery@staging"),), base="HEAD~1"))
    assert [str(c.address) for c in plan.changes] == ["tenant/acme-bakery/run.service/staging"]
    assert plan.scope == ("tenant/acme-bakery@staging",)


def test_a_base_whose_fleet_yaml_was_broken_is_compared_with_as_nothing(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    whole = small.read("fleet.yaml")
    small.write("fleet.yaml", "kind: [")
    small.write("fleet.yaml", whole)
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))
    plan = make(small.world(), PlanRequest(base="HEAD~2"))
    assert {str(c.address.target) for c in plan.changes} == {"tenant/acme-bakery"}
    one = make(small.world(), PlanRequest((Target.parse("tenant/acme-bakery@staging"),), base="HEAD~2"))
    assert [str(c.address) for c in one.changes] == ["tenant/acme-bakery/run.service/staging"]
