"""A plan of many live sites in waves: each change in one, no further than its step, in order, never backwards."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.ids import Address
from reconciler.model.plan import Change, Plan, Verdict
from reconciler.planning.plan import make_plan
from reconciler.planning.waves import split
from tests.planning.sites import REGIONS, TIERS, Sites, alike, sizes, verdicts

# --- properties -----------------------------------------------------------------------------------------------------

reaches = st.one_of(
    st.integers(1, 12).map(lambda n: {"sites": n}), st.sampled_from([1.0, 10.0, 50.0]).map(lambda p: {"percent": p})
)
steps = st.lists(reaches, min_size=1, max_size=4).map(
    lambda rows: [{**row, "bake": f"{n}m"} for n, row in enumerate(rows, 1)]
)
"""Each bakes for as many minutes as it is steps in: so a wave shows which step it is."""


@st.composite
def fleets(draw: st.DrawFn) -> Sites:
    shards = [f"s-{n}" for n in range(draw(st.integers(1, 4)))]
    tenants = {
        f"t-{n:03}": (
            draw(st.sampled_from(shards)), draw(st.sampled_from(TIERS)),
            draw(st.sampled_from(["active", "active", "active", "suspended", ""])),
        )
        for n in range(draw(st.integers(12, 40)))
    }  # fmt: skip
    names = sorted(tenants)
    waves: dict[str, Any] = {"steps": draw(steps)}
    if draw(st.booleans()):
        waves["canaries"] = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    spec = {"waves": waves, "guards": {"blastRadius": {"sites": 3, "shardPercent": 100.0}}}
    touched = frozenset(draw(st.lists(st.sampled_from(names), min_size=8, unique=True)))
    shared = frozenset(draw(st.lists(st.sampled_from(shards), max_size=2, unique=True)))
    leaning = frozenset(draw(st.lists(st.sampled_from(names), max_size=6, unique=True)))
    return Sites(tenants, spec, touched, shared, leaning)


@settings(deadline=None, max_examples=150)
@given(fleets())
def test_every_change_is_in_exactly_one_wave_and_never_before_what_it_needs(sites: Sites) -> None:
    plan = sites.plan()
    waves = plan.waves.waves
    if not waves:
        assert len(sites.live([str(c.address.target) for c in plan.changes])) <= 3
        return
    numbers: dict[str, int] = {}
    for number, wave in enumerate(waves, 1):
        for target in wave.targets:
            assert numbers.setdefault(target, number) == number
    assert set(numbers) == {str(c.address.target.whole) for c in plan.changes}
    assert set(plan.waves.wishes) == {c.address for c in plan.changes}
    for change in plan.changes:
        for address in change.after:
            assert numbers[str(address.target)] <= numbers[str(change.address.target)]


@settings(deadline=None, max_examples=150)
@given(fleets())
def test_no_wave_reaches_further_than_its_step(sites: Sites) -> None:
    """But for the canaries, and for the first shard that changes as a whole."""
    waves = sites.plan().waves.waves
    live = sum(1 for _, _, state in sites.tenants.values() if state == "active")
    written = [step.get("sites") or int(live * step["percent"] / 100) for step in sites.spec["waves"]["steps"]]
    taken, before = 0, 0
    for number, wave in enumerate(waves):
        assert wave.sites == len(sites.live(wave.targets))
        taken += wave.sites
        step = wave.bake // 60 or len(written) + 1
        assert step > before
        before = step
        assert number == 0 or step > len(written) or taken <= max(written[:step])
    assert taken == len(sites.live([t for w in waves for t in w.targets]))


@settings(deadline=None, max_examples=100)
@given(fleets())
def test_the_cheaper_tier_goes_first_and_the_same_facts_give_the_same_waves(sites: Sites) -> None:
    plan = sites.plan()
    assert sites.plan().waves == plan.waves
    rank = {"bronze": 0, "silver": 1, "gold": 2}
    alone = {
        name: rank[kind]
        for name, (at, kind, state) in sites.tenants.items()
        if state == "active" and at not in sites.shared and name in sites.touched and name not in sites.leaning
    }
    walked = [[alone[t[7:]] for t in w.targets if t[7:] in alone] for w in plan.waves.waves]
    for earlier, later in pairwise(walked[1:]):  # the first has the canaries
        assert not earlier or not later or max(earlier) <= min(later)


# --- by example -----------------------------------------------------------------------------------------------------


def test_a_fleet_of_a_thousand_is_walked_one_ten_a_hundred_the_rest() -> None:
    plan = alike(1000, 20).plan()
    assert sizes(plan) == [1, 9, 90, 400, 500]
    assert [w.bake for w in plan.waves.waves] == [600, 1800, 14_400, 14_400, 0]
    assert plan.waves.waves[0].targets == ("tenant/site-0000",)


def test_the_guard_says_in_how_many_waves_and_refuses_nothing() -> None:
    (said,) = verdicts(alike(1000, 20).plan(), "blast-radius")
    assert said == (
        Verdict.WARN,
        "1,000 of 1,000 live sites change (100.0 %; limit 10): walked in 5 waves, the first of 1",
    )


def test_where_waves_are_off_it_is_refused_as_ever() -> None:
    plan = alike(40, spec={"waves": {"enabled": False}}).plan()
    assert not plan.waves
    assert verdicts(plan, "blast-radius") == [(Verdict.REFUSE, "40 of 40 live sites change (100.0 %; limit 10)")]


def test_below_the_limit_there_are_no_waves() -> None:
    sites = alike(40)
    sites.touched = frozenset(sorted(sites.touched)[:10])
    assert not sites.plan().waves
    assert "waves" not in sites.plan().document()


def test_named_canaries_go_first_all_of_them() -> None:
    sites = alike(40, spec={"waves": {"canaries": ["site-0030", "site-0017"]}})
    assert sites.plan().waves.waves[0].targets == ("tenant/site-0017", "tenant/site-0030")


def test_a_shard_whose_own_objects_change_goes_whole_with_all_its_tenants() -> None:
    sites = alike(40, shared=frozenset({"s-01"}))
    waves = sites.plan().waves.waves
    whole = next(w for w in waves if "shard/s-01" in w.targets)
    ours = {f"tenant/{t}" for t, (at, _, _) in sites.tenants.items() if at == "s-01"}
    assert ours <= set(whole.targets)
    assert len(ours) == 10


def test_new_sites_do_not_wait_for_a_rollout_of_the_old_ones() -> None:
    sites = alike(40)
    sites.tenants = {**sites.tenants, "brand-new": ("s-01", "gold", "")}
    assert "tenant/brand-new" in sites.plan().waves.waves[0].targets


def test_one_region_after_the_other() -> None:
    waves = alike(40, 4).plan().waves.waves
    regions = [{REGIONS[int(t[-4:]) % 4 % 2] for t in w.targets} for w in waves]
    assert regions == [{REGIONS[0]}, {REGIONS[0]}, {REGIONS[0]}, {REGIONS[1]}]


def test_a_tier_change_over_two_hundred_tenants_on_four_shards() -> None:
    """Configuration that many inherit is walked like everything else: its changes are the tenants' own."""
    plan = alike(200, 4).plan()
    assert sizes(plan) == [1, 9, 10, 80, 100]
    assert [w.shards for w in plan.waves.waves] == [1, 1, 1, 2, 2]
    assert plan.refused() == ()


def test_a_plan_in_waves_survives_being_saved() -> None:
    plan = alike(40).plan()
    assert Plan.from_json(plan.to_json()) == plan
    row = plan.to_json()
    row["waves"]["waves"][0]["sites"] = 2
    with pytest.raises(ValueError, match="changed after it was made"):
        Plan.from_json(row)


def changes_of(plan: Plan) -> list[Change]:
    return list(plan.changes)


def test_a_change_that_waits_for_its_shard_is_not_walked_before_it() -> None:
    """Even where the two are split by hand: moving up is by need, not by unit."""
    sites = alike(40, shared=frozenset({"s-03"}))
    base = sites.facts()
    changes = changes_of(make_plan(base))
    last = Address.parse("shard/s-03/sql.instance/main")
    leaning = [replace(c, after=(last,)) if c.address.target.name == "site-0000" else c for c in changes]
    waves = split(base, leaning)
    number = {t: n for n, w in enumerate(waves) for t in w.targets}
    assert number["tenant/site-0000"] >= number["shard/s-03"]
