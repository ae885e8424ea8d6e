"""A hold on the fleet, a shard, a tenant or one environment stops exactly that: in a plan, an apply and the daemon."""

from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.holds import pause, resume
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.status import status
from reconciler.daemon.serve import Watch, once
from reconciler.model.errors import InputError
from reconciler.model.ids import Target
from reconciler.model.plan import Plan, Verdict
from reconciler.planning.guards import refused_items
from tests.cycle.small_world import SmallWorld

EVERY = frozenset(
    {
        "tenant/acme-bakery@production", "tenant/acme-bakery@staging", "tenant/brass-lantern@production",
        "tenant/linden-yoga@production",
    }
)  # fmt: skip
HELD = {
    "fleet": EVERY,
    "shard/eu-001": EVERY - {"tenant/brass-lantern@production"},
    "tenant/acme-bakery": frozenset({"tenant/acme-bakery@production", "tenant/acme-bakery@staging"}),
    "tenant/acme-bakery@production": frozenset({"tenant/acme-bakery@production"}),
}


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    """Every site is to change."""
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    for path in sorted(made.fleet.glob("shards/*/tenants/*/tenant.yaml")):
        name = str(path.relative_to(made.fleet))
        text = made.read(name).replace("timeoutSeconds: 60", "timeoutSeconds: 90")
        more = "" if "runtime:" in text else "  runtime: { concurrency: 33 }\n"
        made.write(name, text.replace("\nspec:\n", f"\nspec:\n{more}"))
    return made


def units(addresses: object) -> frozenset[str]:
    return frozenset(f"{a.target}@{a.environment}" for a in addresses)  # type: ignore[attr-defined]


def planned(small: SmallWorld) -> Plan:
    return make(small.world(), PlanRequest())


def changed(small: SmallWorld) -> frozenset[str]:
    """Environments whose live service has the new value."""
    plan = planned(small)
    return EVERY - units(c.address for c in plan.changes)


@pytest.mark.parametrize("target", HELD)
def test_a_plan_says_what_is_held_by_whom_and_why(small: SmallWorld, target: str) -> None:
    assert units(c.address for c in planned(small).changes) == EVERY
    pause(small.world(), Target.parse(target), "an incident")
    plan = planned(small)
    assert units(refused_items(plan.guards, plan.changes, ())) == HELD[target]
    told = [(str(g.target), g.message) for g in plan.guards if g.guard == "hold" and g.verdict is Verdict.REFUSE]
    assert told == [(target, "on hold by jo@example.org until resumed: an incident")]


@pytest.mark.parametrize("target", HELD)
def test_an_apply_leaves_it_alone_and_does_the_rest(small: SmallWorld, target: str) -> None:
    pause(small.world(), Target.parse(target), "an incident")
    applied = apply(small.world(), ApplyRequest())
    assert applied.exit_code == 5
    assert units(applied.skipped) == HELD[target]
    assert changed(small) == EVERY - HELD[target]
    resume(small.world(), Target.parse(target))
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert planned(small).changes == ()


@pytest.mark.parametrize("target", HELD)
def test_the_daemon_leaves_it_alone_and_goes_on_when_it_is_lifted(small: SmallWorld, target: str) -> None:
    watch = Watch(None, 60, lambda _event: None, lambda _reported: None)
    pause(small.world(), Target.parse(target), "an incident")
    for _ in range(2):
        once(small.world(), watch)
        assert changed(small) == EVERY - HELD[target]
    resume(small.world(), Target.parse(target))
    once(small.world(), watch)
    assert planned(small).changes == ()


@pytest.mark.parametrize("target", HELD)
def test_status_says_of_whom_it_holds(small: SmallWorld, target: str) -> None:
    pause(small.world(), Target.parse(target), "an incident")
    held = {row.target for row in status(small.world(), ()) if row.sync == "Held"}
    assert held == {unit.partition("@")[0] for unit in HELD[target]}


def test_a_hold_on_what_is_not_there_is_an_input_error(small: SmallWorld) -> None:
    for text in ("shard/eu-009", "tenant/nobody", "tenant/acme-bakery@preview"):
        with pytest.raises(InputError, match=f"there is no {text}"):
            pause(small.world(), Target.parse(text), "a typo")
    assert list(small.world().history.holds()) == []
