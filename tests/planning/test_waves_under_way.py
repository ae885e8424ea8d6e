"""A plan beside waves under way: what waits, what is free, and when a commit supersedes them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.ids import Address
from reconciler.model.plan import Plan, Verdict
from reconciler.model.resource import Live
from reconciler.model.wave import Course, Stamp, Waves
from reconciler.planning.plan import make_plan
from reconciler.planning.standing import waiting
from tests.planning.given import NOW, found, labelled, resource, version
from tests.planning.sites import STAMP, Sites, alike, made, verdicts

# --- beside waves that stand ----------------------------------------------------------------------------------------


def test_what_waits_is_said_with_its_wave_and_the_rest_is_free() -> None:
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    waiting_ = waiting([waves], sites.plan().changes)
    first = {str(a.target) for a in waiting_}
    assert first == {f"tenant/{t}" for t in sites.touched} - set(waves.waves[0].targets)
    assert {why for why in waiting_.values() if "wave 2 of" in why} == {
        "waits for wave 2 of 4 of waves w1 (wave 1 is being walked)"
    }
    baking = waves.bake(STAMP, "walked", ())
    assert "waits for wave 2 of 4 of waves w1 (wave 1 bakes until 2026-11-23 09:10Z)" in set(
        waiting([baking], sites.plan().changes).values()
    )


def test_waves_that_stand_are_not_made_twice() -> None:
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    again = sites.plan(waves=(waves,))
    assert again.waves.waves == ()
    assert again.waves.seen == {"w1": 2}
    assert again.waves.superseded == ()
    assert verdicts(again, "blast-radius") == [(Verdict.PASS, "0 of 40 live sites change (0.0 %; limit 10)")]
    assert verdicts(again, "waves") == [(Verdict.WARN, "39 targets wait in waves w1: walking, 0 of 4 walked")]


def test_a_few_sites_beside_running_waves_are_free() -> None:
    sites = alike(40)
    sites.touched = frozenset(sorted(sites.touched)[:20])
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    more = alike(40, touched=sites.touched | {"site-0035", "site-0036"})
    plan = more.plan(waves=(waves,))
    assert plan.waves.superseded == ()
    assert not {a for a in waiting([waves], plan.changes) if a.target.name in ("site-0035", "site-0036")}


def wanted_otherwise(sites: Sites, names: set[str], waves: Waves) -> Plan:
    """The plan of a commit that wants another thing of these."""
    base = sites.facts(waves=(waves,))
    other = {
        a: replace(r, body=labelled({"ingress": "C"})) if a.target.name in names else r
        for a, r in base.desired.resources.items()
    }
    return make_plan(replace(base, desired=replace(base.desired, resources=other)))


def test_a_commit_that_mends_a_few_of_them_leaves_the_waves_going() -> None:
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    few = {f"site-{n:04}" for n in range(20, 30)}
    plan = wanted_otherwise(sites, few, waves)
    assert plan.waves.superseded == ()
    assert plan.waves.waves == ()
    assert few <= {a.target.name for a in waiting([waves], plan.changes)}


def test_a_commit_that_wants_another_thing_of_many_supersedes_and_begins_at_the_canary() -> None:
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    plan = wanted_otherwise(sites, {f"site-{n:04}" for n in range(20, 31)}, waves)
    assert plan.waves.superseded == ("w1",)
    assert plan.waves.waves[0].sites == 1
    assert sum(w.sites for w in plan.waves.waves) == 40
    assert verdicts(plan, "waves") == []


def test_walked_sites_are_no_business_of_the_waves_any_more() -> None:
    """A commit that mends what was walked already does not supersede."""
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course()).bake(STAMP, "walked", ())
    waves = waves.walk(Stamp(NOW + timedelta(hours=1), "jo"), "baked", Course())
    waves = waves.bake(Stamp(NOW + timedelta(hours=1), "jo"), "walked", ())
    done = {t[7:] for w in waves.waves[:2] for t in w.targets}
    plan = wanted_otherwise(sites, done, waves)
    assert plan.waves.superseded == ()
    assert not {a for a in waiting([waves], plan.changes) if a.target.name in done}


def test_what_is_out_of_sight_is_not_what_git_wants_otherwise() -> None:
    """A plan of one tenant knows nothing of the other thirty-nine."""
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    base = sites.facts(waves=(waves,), scope=("tenant/site-0039",))
    only = {a: r for a, r in base.desired.resources.items() if a.target.name == "site-0039"}
    plan = make_plan(replace(base, desired=replace(base.desired, resources=only)))
    assert plan.waves.superseded == ()
    assert [c.address.target.name for c in plan.changes] == ["site-0039"]
    assert len(waiting([waves], plan.changes)) == 1


def test_a_file_that_is_gone_or_wrong_wants_nothing_else() -> None:
    """Its tenant is frozen at what it was: that is no other wish, however many there are."""
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    base = sites.facts(waves=(waves,))
    frozen = {f"site-{n:04}" for n in range(10, 40)}
    left = {a: r for a, r in base.desired.resources.items() if a.target.name not in frozen}
    written = {n: w for n, w in base.fleet.tenants.items() if n not in frozen}
    plan = make_plan(replace(
        base, desired=replace(base.desired, resources=left), fleet=replace(base.fleet, tenants=written)
    ))  # fmt: skip
    assert plan.waves.superseded == ()


def test_an_environment_that_is_no_longer_wanted_is_another_wish() -> None:
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    base = sites.facts(waves=(waves,))
    dropped = {f"site-{n:04}" for n in range(10, 40)}
    left = {a: r for a, r in base.desired.resources.items() if a.target.name not in dropped}
    plan = make_plan(replace(base, desired=replace(base.desired, resources=left)))
    assert plan.waves.superseded == ("w1",)


@pytest.mark.parametrize(("drift", "superseded"), [(False, ("w1",)), (True, ())])
def test_a_second_wish_of_the_same_sites_does_not_ride_along(drift: bool, superseded: tuple[str, ...]) -> None:
    """A change that the canary never had, of many: only something set back after a change outside Git may ride."""
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course())
    base = sites.facts(waves=(waves,))
    more = [resource(f"tenant/{t}/secret/production", labelled({"x": "1"}), shard="s-00") for t in sites.touched]
    old = [replace(r, body=labelled({"x": "0"})) for r in more]
    seen = {str(r.address): found(r.body) for r in old}
    recorded = sites.versions()
    applied = version(more if drift else old, "s-00").resources
    recorded["s-00"] = replace(recorded["s-00"], resources={**recorded["s-00"].resources, **applied})
    desired = replace(base.desired, resources={**base.desired.resources, **{r.address: r for r in more}})
    live = Live({**base.live.observations, **{Address.parse(a): o for a, o in seen.items()}})
    plan = make_plan(replace(base, desired=desired, live=live, history=recorded))
    assert {c.drift for c in plan.changes if c.address.kind == "secret"} == {drift}
    assert plan.waves.superseded == superseded


def test_aborted_waves_stand_in_the_way_until_git_wants_another_thing() -> None:
    sites = alike(40)
    waves = made(sites.plan()).walk(STAMP, "apply", Course()).abort(STAMP, "1 of 1 sites failed")
    plan = sites.plan(waves=(waves,))
    (refused,) = [g for g in plan.refused() if g.guard == "waves"]
    assert {a.target.name for a in refused.items} == set(sites.touched)
    assert "aipress rollback --wave w1" in refused.message
    assert plan.waves.waves == ()
    reverted = wanted_otherwise(sites, set(sites.touched), waves)
    assert reverted.waves.superseded == ("w1",)
    assert [g for g in reverted.refused() if g.guard == "waves"] == []
