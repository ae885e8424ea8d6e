"""`apply` of a plan of many sites walks the wave whose turn it is, and no process, commit or death breaks the order."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions import waves as under_way
from reconciler.actions.holds import pause as hold
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import Failure, Next, RefusedError
from reconciler.model.ids import Target
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Verdict
from reconciler.model.wave import Phase
from tests.cycle.many_sites import ManySites, site_of
from tests.doubles import Script

CANARY = ["site-03"]
SECOND = ["linden-yoga", "site-00", "site-02"]
THIRD = ["brass-lantern", "site-01", "site-04", "site-05", "site-06", "site-07"]


@pytest.fixture
def many(tmp_path: Path) -> ManySites:
    made = ManySites(tmp_path)
    assert made.apply().exit_code == 0
    return made


def reasons(skipped: dict[object, str]) -> set[str]:
    return set(skipped.values())


def test_a_wave_at_a_time_and_then_there_is_nothing_to_do(many: ManySites) -> None:
    many.bigger()
    first = many.apply()
    assert (first.exit_code, many.wrote()) == (5, CANARY)
    assert reasons(dict(first.skipped)) == {
        f"waits for wave {n} of 3 of waves {first.waves[0].id} (wave 1 bakes until 2026-11-23 09:10Z)" for n in (2, 3)
    }
    many.later(10)
    second = many.apply()
    assert (second.exit_code, many.wrote()) == (5, SECOND)
    assert (second.waves[0].phase, second.waves[0].at_wave) == (Phase.BAKING, 2)
    many.later(30)
    third = many.apply()
    assert (third.exit_code, many.wrote(), dict(third.skipped)) == (0, THIRD, {})
    assert third.waves[0].phase is Phase.DONE
    assert set(many.memory().values()) == {"768Mi"}
    assert make(many.world(), PlanRequest()).changes == ()


def test_no_wave_begins_a_second_too_early(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    many.clock.at += timedelta(minutes=10) - timedelta(seconds=1)
    assert (many.apply().exit_code, many.wrote()) == (5, [])
    many.clock.at += timedelta(seconds=1)
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)


def test_the_log_says_who_moved_it_when_and_why(many: ManySites) -> None:
    many.bigger()
    many.apply()
    told = [(m.phase, m.wave, m.actor, m.why) for m in many.standing().log]
    assert told == [
        (Phase.PROPOSED, 0, "jo@example.org", "apply"), (Phase.WALKING, 1, "jo@example.org", "apply"),
        (Phase.BAKING, 1, "jo@example.org", "wave 1 is walked"),
    ]  # fmt: skip


def test_allowed_by_name_all_of_it_is_walked_at_once(many: ManySites) -> None:
    many.bigger()
    applied = many.apply(allow="blast-radius")
    assert (applied.exit_code, many.wrote()) == (0, sorted(CANARY + SECOND + THIRD))
    assert many.world().history.waves() == []


def test_allowed_in_mid_wave_the_rest_goes_at_once_and_the_waves_run_out(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    assert (many.apply(allow="blast-radius").exit_code, many.wrote()) == (0, sorted(SECOND + THIRD))
    many.later(10)
    for _ in range(3):
        assert many.apply().exit_code == 0
    assert many.standing().phase is Phase.DONE


def test_an_urgent_change_of_a_site_beside_them_waits_for_nobody(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    acme = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
    many.edit(acme, "tier: silver\n", "tier: silver\n  runtime: { memory: 2Gi }\n")
    applied = many.apply("tenant/acme-bakery")
    assert (applied.exit_code, many.wrote()) == (0, ["acme-bakery"])
    assert many.standing().phase is Phase.BAKING


def test_a_commit_for_one_waiting_site_waits_with_it_and_leaves_the_waves_going(many: ManySites) -> None:
    many.bigger()
    before = many.apply().waves[0]
    many.wrote()
    many.edit("shards/us-001/tenants/site-07/tenant.yaml", "timeoutSeconds: 60", "timeoutSeconds: 90")
    applied = many.apply("tenant/site-07")
    assert (applied.exit_code, many.wrote()) == (5, [])
    many.later(10)
    assert (many.apply().waves[0].id, many.wrote()) == (before.id, SECOND)
    many.later(30)
    assert (many.apply().exit_code, many.wrote()) == (0, THIRD)


def test_a_commit_for_a_site_that_was_walked_is_applied_at_once(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    many.edit("shards/us-001/tenants/site-03/tenant.yaml", "timeoutSeconds: 60", "timeoutSeconds: 90")
    assert (many.apply().exit_code, many.wrote()) == (5, CANARY)
    assert many.standing().phase is Phase.BAKING


def test_a_commit_that_wants_another_thing_of_the_rest_begins_again_at_the_canary(many: ManySites) -> None:
    many.bigger()
    old = many.apply().waves[0]
    many.later(10)
    many.apply()
    many.bigger("896Mi")
    applied = many.apply()
    (over, new) = many.world().history.waves()
    assert (over.id, over.phase) == (old.id, Phase.SUPERSEDED)
    assert "wants something else" in over.last.why
    assert (new.phase, new.at_wave, many.wrote()) == (Phase.BAKING, 1, CANARY)
    assert applied.exit_code == 5
    for minutes in (10, 30):
        many.later(minutes)
        applied = many.apply()
    assert applied.exit_code == 0
    assert set(many.memory().values()) == {"896Mi"}


def test_a_revert_in_mid_wave_takes_back_what_was_walked_and_ends_them(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.bigger("512Mi")
    applied = many.apply()
    assert (applied.exit_code, many.wrote()) == (0, CANARY)
    assert many.standing().phase is Phase.SUPERSEDED
    assert set(many.memory().values()) == {"512Mi"}


def test_a_plan_of_one_waiting_site_does_not_begin_its_wave(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    many.later(10)
    assert (many.apply("tenant/site-02").exit_code, many.wrote()) == (5, [])
    assert many.standing().phase is Phase.BAKING
    assert (many.apply("shard/eu-001").exit_code, many.wrote()) == (5, SECOND)


def test_a_saved_plan_goes_on_wave_by_wave(many: ManySites) -> None:
    many.bigger()
    saved = make(many.world(), PlanRequest())
    assert (many.apply(plan=saved).exit_code, many.wrote()) == (5, CANARY)
    many.later(10)
    assert (many.apply(plan=saved).exit_code, many.wrote()) == (5, SECOND)
    many.later(30)
    assert (many.apply(plan=saved).exit_code, many.wrote()) == (0, THIRD)


def test_paused_waves_wait_whatever_the_hour(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    under_way.pause(many.world(), under_way.find(many.world()), "an incident")
    many.later(600)
    applied = many.apply()
    assert (applied.exit_code, many.wrote()) == (5, [])
    assert any("paused by jo@example.org: an incident" in why for why in applied.skipped.values())
    under_way.resume(many.world(), under_way.find(many.world()), "over")
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)


def test_new_sites_come_with_the_canary_and_later_ones_beside_the_waves(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.wrote()
    text = many.read("shards/us-001/tenants/site-07/tenant.yaml")
    folder = many.fleet / "shards/us-001/tenants/late-comer"
    folder.mkdir()
    many.write(
        "shards/us-001/tenants/late-comer/tenant.yaml",
        text.replace("site-07", "late-comer").replace("uaaahzzz", "uaaaazzx"),
    )
    assert (many.apply().exit_code, many.wrote()) == (5, ["late-comer"])


# --- is it well? ----------------------------------------------------------------------------------------------------


def service(many: ManySites, site: str) -> str:
    return next(name for kind, name in many.cloud.objects if kind == "run.service" and site_of(name) == site)


def degrade(many: ManySites, site: str) -> None:
    name = service(many, site)
    many.cloud.put("run.service", name, {
        **many.cloud.body("run.service", name), "terminalCondition": {"state": "CONDITION_FAILED"},
    })  # fmt: skip


def test_a_site_that_was_well_and_is_not_ends_them_for_good_at_this_commit(many: ManySites) -> None:
    many.bigger()
    many.apply()
    degrade(many, "site-03")
    many.later(10)
    many.wrote()
    applied = many.apply()
    assert (applied.exit_code, many.wrote()) == (5, [])
    over = many.standing()
    assert over.phase is Phase.ABORTED
    assert over.last.why == "tenant/site-03 was well before wave 1 and is degraded now"
    many.later(6000)
    again = many.apply()
    assert (again.exit_code, many.wrote()) == (5, [])
    assert any(g.guard == "waves" and g.verdict is Verdict.REFUSE for g in again.plan.guards)
    assert many.apply(allow="blast-radius").exit_code == 5
    assert many.wrote() == []


def test_after_an_abort_another_wish_is_walked_from_the_canary(many: ManySites) -> None:
    many.bigger()
    many.apply()
    degrade(many, "site-03")
    many.later(10)
    many.apply()
    many.bigger("640Mi")
    assert (many.apply().exit_code, many.wrote()) == (5, CANARY)
    assert [w.phase for w in many.world().history.waves()] == [Phase.SUPERSEDED, Phase.BAKING]


def test_a_site_that_was_unwell_before_is_no_regression(many: ManySites) -> None:
    degrade(many, "site-03")
    many.bigger()
    many.apply()
    assert many.standing().courses[1].sick == ("tenant/site-03",)
    degrade(many, "site-03")
    many.later(10)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)


def test_a_site_changed_by_hand_holds_the_next_wave_until_it_is_as_applied(many: ManySites) -> None:
    many.bigger()
    many.apply()
    name = service(many, "site-03")
    body = many.cloud.body("run.service", name)
    body["template"]["timeout"] = "7s"
    many.cloud.put("run.service", name, body)
    many.later(10)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, CANARY)
    assert many.standing().phase is Phase.BAKING
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)


def test_a_canary_that_fails_ends_them_at_once(many: ManySites) -> None:
    many.bigger()
    refuse = Failure(Next.PERSON, "the image does not start", 400)
    many.cloud.script(Script("begin", kind="run.service", name="*site-03*", failure=refuse, times=9))
    applied = many.apply()
    assert applied.exit_code == 1
    over = many.standing()
    assert (over.phase, over.courses[1].failed) == (Phase.ABORTED, ("tenant/site-03",))
    assert over.last.why == "1 of 1 sites of wave 1 failed (tenant/site-03)"
    many.later(600)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, [])


def test_what_was_left_out_on_purpose_is_no_failure_and_does_not_hold_them(many: ManySites) -> None:
    many.bigger()
    hold(many.world(), Target.parse("tenant/site-00"), "an incident")
    many.apply()
    many.later(10)
    many.wrote()
    applied = many.apply()
    assert (applied.exit_code, many.wrote()) == (5, ["linden-yoga", "site-02"])
    assert (many.standing().phase, many.standing().at_wave) == (Phase.BAKING, 2)


def test_a_site_that_moved_under_the_walk_keeps_its_wave_open(many: ManySites) -> None:
    many.bigger()
    plan = make(many.world(), PlanRequest())
    name = service(many, "site-03")
    many.cloud.put("run.service", name, {**many.cloud.body("run.service", name), "labels": {"by": "hand"}})
    assert many.apply(plan=plan).exit_code == 5
    assert (many.standing().phase, many.standing().at_wave) == (Phase.WALKING, 1)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, CANARY)
    assert many.standing().phase is Phase.BAKING


# --- two hosts ------------------------------------------------------------------------------------------------------


def test_two_hosts_begin_one_wave_once(many: ManySites, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has its plan, and looks at the sites' health, while the first begins the wave."""
    many.bigger()
    many.apply()
    many.later(10)
    many.wrote()
    gate, inside = under_way.gate, []

    def overtaken(*given: object) -> under_way.Gate:
        if not inside:
            inside.append(1)
            assert many.apply(host="ann").exit_code == 5
        return gate(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(under_way, "gate", overtaken)
    with pytest.raises(RefusedError, match="moved on: ann"):
        many.apply(host="bob")
    assert sorted(site for _, site in many.cloud.wrote) == SECOND
    walks = [m for m in many.standing().log if m.phase is Phase.WALKING]
    assert [(m.wave, m.actor) for m in walks] == [(1, "jo@example.org"), (2, "ann")]


def test_a_plan_from_before_somebody_paused_them_begins_nothing(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.later(10)
    world = many.world()
    plan = make(world, PlanRequest())
    under_way.pause(many.world("ann"), under_way.find(many.world()), "stop that")
    with pytest.raises(RefusedError, match="moved on while this plan was made"):
        under_way.begin(world, plan, "apply")
    assert (many.standing().phase, many.standing().last.actor) == (Phase.PAUSED, "ann")


def test_paused_by_another_host_while_it_is_walked_it_stays_paused(many: ManySites) -> None:
    many.bigger()
    plan = make(many.world(), PlanRequest())
    world = many.world()
    turn = under_way.begin(world, plan, "apply")
    under_way.pause(many.world("ann"), under_way.find(many.world()), "stop that")
    done = Outcome({c.address: ItemOutcome(c, Result.DONE) for c in plan.changes if c.address not in turn.skip})
    (after,) = under_way.finish(world, turn, plan, done, ())
    assert (after.phase, after.last.actor) == (Phase.PAUSED, "ann")
