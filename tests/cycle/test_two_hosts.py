"""Two hosts, each with its own state folder, share one history and one cloud."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.kinds.ownership import GENERATION_LABEL
from reconciler.model.errors import RefusedError
from reconciler.model.fence import SKEW, TTL
from reconciler.model.ids import Target
from reconciler.model.outcome import Result
from reconciler.model.version import Version
from tests.cycle.small_world import SmallWorld, SteadyClock
from tests.doubles import Killed

TIER = "tiers/silver.yaml"
FIRST = int(SteadyClock().at.timestamp())
APART = TTL + SKEW + timedelta(seconds=1)


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)


def shards(small: SmallWorld) -> set[str]:
    return {change.shard for change in make(small.world(), PlanRequest()).changes}


def test_a_shard_that_another_host_applies_is_skipped_and_the_others_go_on(small: SmallWorld) -> None:
    plan = make(small.world(), PlanRequest())
    assert {"", "eu-001", "us-001"} == {change.shard for change in plan.changes}
    other = small.world("other")
    with other.fence.walking(plan.parents):
        assert isinstance(other.fence.enter("eu-001"), int)
        applied = apply(small.world(), ApplyRequest(plan))
        assert applied.exit_code == 5
        assert {version.shard for version in applied.versions} == {"", "us-001"}
        ends = {(c.shard, applied.outcome.items[c.address].result) for c in plan.changes}
        assert ends == {("", Result.DONE), ("us-001", Result.DONE), ("eu-001", Result.SKIPPED)}
        assert any("is being applied by" in why for why in applied.skipped.values())
        assert not any("eu-001" in name for _, _, name in small.cloud.effects)
        other.fence.leave("eu-001")
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert make(small.world(), PlanRequest()).changes == ()


def test_what_is_only_to_be_recorded_is_recorded_under_the_lease_too(small: SmallWorld) -> None:
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    small.write(TIER, small.read(TIER).replace("memory: 512Mi", "memory: 768Mi"))
    world, before = small.world(), small.world().history.head("eu-001")

    def dying(version: Version) -> Version:
        raise Killed

    world.history.publish = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        apply(world, ApplyRequest())
    small.clock.at += APART
    plan = make(small.world(), PlanRequest(targets=(Target.parse("shard/eu-001"),)))
    assert plan.changes == () and plan.to_record
    other = small.world("other")
    with other.fence.walking(plan.parents):
        assert isinstance(other.fence.enter("eu-001"), int)
        with pytest.raises(RefusedError, match="what was done is not recorded: shard/eu-001 is being applied by"):
            apply(small.world(), ApplyRequest(plan))
        assert small.world().history.head("eu-001") == before
        other.fence.leave("eu-001")
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert small.world().history.head("eu-001") != before


def test_leases_are_given_back_so_that_the_next_host_need_not_wait(small: SmallWorld) -> None:
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    small.write(TIER, small.read(TIER).replace("memory: 512Mi", "memory: 768Mi"))
    assert apply(small.world("other"), ApplyRequest()).exit_code == 0
    lease = small.world().history.lease("eu-001")  # type: ignore[attr-defined]
    assert lease.generation == FIRST + 1 and lease.released


def test_what_was_not_touched_was_not_leased(small: SmallWorld) -> None:
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    path = "shards/us-001/tenants/brass-lantern/tenant.yaml"
    small.write(path, small.read(path).replace("The Brass Lantern", "The Brass Lamp"))
    apply(small.world(), ApplyRequest())
    assert small.world().history.lease("eu-001").generation == FIRST  # type: ignore[attr-defined]


@pytest.mark.parametrize("point", [0, 3, 8, 15, 24, 35])
def test_a_sleeper_that_wakes_after_another_apply_changes_and_records_nothing(small: SmallWorld, point: int) -> None:
    """It sleeps inside one of its looks, which is as good as anywhere before the call."""
    small.parallel = 1
    looks, woke = iter(range(10_000)), []
    get = small.cloud.get

    def sleepy(*given: Any) -> Any:
        seen = get(*given)
        if next(looks) == point:
            small.cloud.get = get  # type: ignore[method-assign]
            small.clock.at += APART
            assert apply(small.world("other"), ApplyRequest()).exit_code == 0
            woke.append((list(small.cloud.effects), dict(small.world().history.heads())))
        return seen

    sleeper = small.world()
    plan = make(sleeper, PlanRequest())
    small.cloud.get = sleepy  # type: ignore[method-assign]
    try:
        applied = apply(sleeper, ApplyRequest(plan))
        assert applied.exit_code == 5 and not applied.versions
    except RefusedError as refused:
        assert "not recorded" in str(refused)
    (effects, heads) = woke[0]
    assert small.cloud.effects == effects and dict(small.world().history.heads()) == heads
    assert max(Counter(effects).values()) == 1, "nothing was made twice"
    assert make(small.world(), PlanRequest()).changes == ()
    assert make(small.world("other"), PlanRequest()).changes == ()


def test_a_sleeper_that_nobody_replaced_goes_on(small: SmallWorld) -> None:
    small.parallel = 1
    looks, get = iter(range(10_000)), small.cloud.get

    def sleepy(*given: Any) -> Any:
        small.clock.at += APART if next(looks) == 12 else timedelta()
        return get(*given)

    small.cloud.get = sleepy  # type: ignore[method-assign]
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert make(small.world(), PlanRequest()).changes == ()


def test_objects_carry_the_generation_that_wrote_them_last_and_no_plan_sees_it(small: SmallWorld) -> None:
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    (secret,) = [body for (kind, name), body in small.cloud.objects.items() if kind == "secret" and "acme" in name][:1]
    assert secret["labels"]["aipress-generation"] == str(FIRST)
    plan = make(small.world(), PlanRequest())
    assert plan.changes == () and GENERATION_LABEL not in str(plan.to_json())
    small.write(TIER, small.read(TIER).replace("memory: 512Mi", "memory: 768Mi"))
    plan = make(small.world("other"), PlanRequest())
    assert plan.changes and GENERATION_LABEL not in str(plan.to_json())
    assert apply(small.world("other"), ApplyRequest(plan)).exit_code == 0
    sites = {
        name: body["labels"][GENERATION_LABEL]
        for (kind, name), body in small.cloud.objects.items()
        if kind == "run.service" and "acme" in name
    }
    assert set(sites.values()) == {str(FIRST + 1)}, "updated, though its labels were not in the plan"
    assert make(small.world(), PlanRequest()).changes == ()
    recorded = small.world().history.head("eu-001")
    assert recorded is not None and not any(GENERATION_LABEL in str(r.body) for r in recorded.resources.values())
