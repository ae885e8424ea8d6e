"""What a plan costs: exactly the sum of its parts, with its drivers; and the ceilings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.pricebook import public
from reconciler.kinds.prices import Pricer
from reconciler.model.ids import Address
from reconciler.model.plan import Plan, Verdict
from reconciler.model.resource import Found, Removal, Resource
from reconciler.model.version import TenantState
from reconciler.planning.guards import refused_items
from reconciler.planning.plan import make_plan
from tests.planning.given import INSTANCE, NOW, OWNER, facts, fleet, found, labelled, resource, version

IDLE = 9_855_000
"""One idle minimum instance of 1 vCPU and 512 MiB: 2,628,000 s × 1.5 × 0.0000025."""


def site(name: str, kept: int) -> Resource:
    container = {"resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpuIdle": True}}
    body = {"template": {"scaling": {"minInstanceCount": kept}, "containers": [container]}}
    return resource(f"tenant/{name}/run.service/production", labelled(body))


def instance(disk: str, tier: str = "db-custom-2-8192") -> Resource:
    body = {"settings": {"tier": tier, "dataDiskSizeGb": disk, "userLabels": {"aipress-owner": OWNER}}}
    return resource(INSTANCE, body)


def plan(before: list[Resource], after: list[Resource], ceilings: dict[str, Any] | None = None, **more: Any) -> Plan:
    names = {r.address.target.name for r in (*before, *after) if r.address.target.kind == "tenant"}
    states = {n: TenantState(OWNER, "active", NOW.isoformat()) for n in names}
    seen = {str(r.address): found(r.body) for r in before}
    spec: dict[str, Any] = {"guards": {"cost": ceilings or {}}, "waves": {"enabled": False}, **more.pop("spec", {})}
    where = dict.fromkeys(sorted(names), "eu-001")
    return make_plan(facts(after, seen, version(before, tenants=states), fleet=fleet(where, spec), **more))


def price(one: Resource) -> int:
    return Pricer(public()).price(one.kind, one.name, one.body).fixed


def refused(made: Plan) -> list[str]:
    return sorted(str(a) for g in made.refused() if g.guard == "cost" for a in g.items)


def test_what_does_not_change_costs_the_same_and_drives_nothing() -> None:
    cost = plan([site("a", 1), site("b", 2)], [site("a", 1), site("b", 2)]).cost
    assert (cost.before, cost.after, cost.drivers) == (3 * IDLE, 3 * IDLE, ())


def test_alike_changes_are_one_driver_and_the_dearest_is_first() -> None:
    before = [site(n, 0) for n in "abc"] + [instance("100")]
    after = [site(n, 1) for n in "abc"] + [instance("1000")]
    cost = plan(before, after).cost
    assert [(d.kind, d.count, d.delta) for d in cost.drivers] == [
        ("sql.instance", 1, 153_000_000),
        ("run.service", 3, 3 * IDLE),
    ]
    assert cost.delta == sum(d.delta for d in cost.drivers) + cost.rest


def test_what_is_gone_costs_nothing_and_what_is_new_cost_nothing_before() -> None:
    gone = Removal(Address.parse("tenant/a/run.service/production"), "purge approved", "fleet.yaml:9", approval="x")
    made = make_plan(
        facts([site("b", 1)], {str(gone.address): found(site("a", 2).body)}, version([site("a", 2)]), [gone])
    )
    assert (made.cost.before, made.cost.after) == (2 * IDLE, IDLE)


def test_a_disk_that_grew_by_itself_stays_as_dear_as_it_is() -> None:
    grown, wanted = instance("500"), instance("100", "db-custom-4-16384")
    made = plan([grown], [wanted])
    assert made.cost.after == price(instance("500", "db-custom-4-16384"))


def test_what_has_no_price_is_said() -> None:
    made = plan([], [resource(INSTANCE, {"settings": {"tier": "db-perf-optimized-N-2"}})])
    assert made.cost.after == 0
    assert made.cost.unpriced == ("1 × sql.instance: machine type 'db-perf-optimized-N-2'",)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12), st.integers(10, 60))
def test_before_and_after_are_the_sums_of_their_parts_and_survive_a_file(
    counts: list[tuple[int, int]], disk: int
) -> None:
    before = [site(f"site-{n:02}", old) for n, (old, _) in enumerate(counts)] + [instance("10")]
    after = [site(f"site-{n:02}", new) for n, (_, new) in enumerate(counts)] + [instance(str(disk))]
    made = plan(before, after)
    assert made.cost.before == sum(price(r) for r in before)
    assert made.cost.after == sum(price(r) for r in after)
    assert made.cost.delta == sum(d.delta for d in made.cost.drivers) + made.cost.rest
    assert Plan.from_json(made.to_json()).cost == made.cost
    assert plan(before, after).digest == made.digest


def test_a_damaged_cost_in_a_saved_plan_is_refused() -> None:
    row = plan([site("a", 1)], [site("a", 2)]).to_json()
    for wrong in (1e40, float("inf"), "12", None):
        with pytest.raises(ValueError):
            Plan.from_json({**row, "cost": {**row["cost"], "monthly_usd_after": wrong}})


def test_more_differences_than_are_named_are_one_sum_and_survive_a_file() -> None:
    made = plan([site(f"s-{n:02}", 0) for n in range(12)], [site(f"s-{n:02}", n) for n in range(12)])
    named = [d.delta for d in made.cost.drivers]
    assert named == [n * IDLE for n in range(11, 3, -1)] and made.cost.rest == 6 * IDLE
    assert Plan.from_json(made.to_json()).cost == made.cost


# --- ceilings ---------------------------------------------------------------------------------------------------------


def test_a_ceiling_refuses_what_goes_over_it_and_lets_the_rest_run() -> None:
    before = [site(n, 0) for n in ("cheap", "dear")]
    after = [site("cheap", 1), site("dear", 9)]
    made = plan(before, after, {"increaseUsd": 50})
    assert refused(made) == ["tenant/dear/run.service/production"]
    assert refused(plan(before, after, {"increaseUsd": 99})) == []
    assert list(refused_items(made.guards, made.changes, ())) == [Address.parse("tenant/dear/run.service/production")]
    assert refused_items(made.guards, made.changes, ["cost"]) == {}


def test_a_shard_counts_what_stands_there_though_the_plan_is_about_one_site() -> None:
    before = [site("old", 5), site("new", 0)]
    states = {n: TenantState(OWNER, "active", NOW.isoformat()) for n in ("old", "new")}

    def one(ceiling: int) -> Plan:
        spec = {"guards": {"cost": {"shardUsd": ceiling}}}
        seen = {"tenant/new/run.service/production": found(site("new", 0).body)}
        there = fleet(dict.fromkeys(states, "eu-001"), spec)
        return make_plan(facts([site("new", 1)], seen, version(before, tenants=states), fleet=there))

    assert refused(one(59)) == ["tenant/new/run.service/production"]
    assert refused(one(60)) == []


def test_a_tenant_has_a_ceiling_of_its_own() -> None:
    made = plan([site("a", 1), site("b", 1)], [site("a", 3), site("b", 2)], {"tenantUsd": 20})
    assert refused(made) == ["tenant/a/run.service/production"]
    assert [str(g.target) for g in made.refused() if g.guard == "cost"] == ["tenant/a"]


def test_what_saves_is_never_refused_and_pays_for_what_is_dearer() -> None:
    assert refused(plan([site("a", 9)], [site("a", 5)], {"tenantUsd": 1, "shardUsd": 1, "increaseUsd": 0})) == []
    swap = plan([site("a", 9), site("b", 0)], [site("a", 0), site("b", 9)], {"increaseUsd": 0})
    assert refused(swap) == []


def test_an_item_is_refused_by_one_ceiling_only() -> None:
    made = plan([site("a", 0)], [site("a", 9)], {"tenantUsd": 1, "shardUsd": 1, "increaseUsd": 1})
    assert len([g for g in made.guards if g.guard == "cost"]) == 1


def test_the_ceiling_and_the_prices_are_those_of_the_base_branch() -> None:
    lines = {"run.idle.cpu": {"usd": "0", "source": "a wish", "date": "2026-11-01"}}
    cheap = {"prices": {"lines": lines}, "guards": {"cost": {"increaseUsd": None}}}
    base = fleet({"a": "eu-001"}, {"guards": {"cost": {"increaseUsd": 5}}})
    made = plan([site("a", 0)], [site("a", 1)], spec=cheap, rules=base)
    assert refused(made) == ["tenant/a/run.service/production"]
    assert made.cost.after == IDLE


def test_without_ceilings_everything_may_cost_what_it_costs() -> None:
    none = {"tenantUsd": None, "shardUsd": None, "increaseUsd": None}
    assert refused(plan([site("a", 0)], [site("a", 100)], none)) == []
    assert refused(plan([site("a", 0)], [site("a", 100)])) == ["tenant/a/run.service/production"]
    assert all(
        g.verdict is not Verdict.REFUSE for g in plan([site("a", 0)], [site("a", 50)]).guards if g.guard == "cost"
    )


def test_only_what_is_found_counts() -> None:
    assert isinstance(found({}), Found)
    assert plan([], [site("a", 0)]).cost.before == 0
