"""What a rollback left does not come back by itself: not by a commit reverted by mistake, not by the daemon, not by
another rollback; and what is held until Git agrees is free when Git does."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.holds import resume
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.proposal import RollbackProposal
from reconciler.actions.rollback import Immediate, RollbackRequest, commit, now, propose
from reconciler.daemon.serve import Watch, once
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ids import Target
from reconciler.model.plan import Plan, Verdict
from reconciler.source.edit import set_value
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
TENANT, SHARD = Target.parse("tenant/acme-bakery"), Target.parse("shard/eu-001")


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    """A site whose last commit made it worse: eu-001/1 has 512Mi, eu-001/2 has 1Gi."""
    made = SmallWorld(tmp_path)
    assert applied(made).exit_code == 0
    memory(made, "1Gi")
    assert applied(made).exit_code == 0
    return made


def applied(small: SmallWorld) -> Applied:
    return apply(small.world(), ApplyRequest())


def memory(small: SmallWorld, size: str) -> None:
    small.write(ACME, set_value(small.read(ACME), ("spec", "runtime", "memory"), size))


def sizes(small: SmallWorld) -> set[str]:
    """The memory of the tenant's services as they run."""
    services = [body for (kind, _), body in small.cloud.objects.items() if kind == "run.service"]
    mine = [s for s in services if s["labels"]["aipress-tenant"] == "acme-bakery"]
    return {s["template"]["containers"][0]["resources"]["limits"]["memory"] for s in mine}


def back(small: SmallWorld, target: Target = TENANT, version: str = "") -> RollbackProposal:
    return propose(small.world(), RollbackRequest((target,), version, reason="pages were slow"))


def at_once(small: SmallWorld, proposal: RollbackProposal, hours: int = 2) -> Applied:
    until = small.clock.at + timedelta(hours=hours)
    return now(small.world(), proposal, Immediate(until, lambda _event: None))


def daemon(small: SmallWorld) -> Applied:
    """One cycle of `aipress serve` over everything."""
    seen = once(small.world(), Watch(None, 60, lambda _event: None, lambda _reported: None))
    assert seen.applied is not None, seen.error
    return seen.applied


def revert_head(small: SmallWorld) -> None:
    subprocess.run(
        ["git", "-c", "user.name=Jo", "-c", "user.email=jo@example.org", "revert", "--no-edit", "HEAD"],
        cwd=small.fleet, check=True, capture_output=True,
    )  # fmt: skip


def refusals(plan: Plan) -> set[str]:
    return {verdict.guard for verdict in plan.refused()}


# --- poisoned -------------------------------------------------------------------------------------------------------


def test_a_rollback_that_is_reverted_by_mistake_is_refused_and_says_what_to_do(small: SmallWorld) -> None:
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    assert sizes(small) == {"512Mi"}
    revert_head(small)
    plan = make(small.world(), PlanRequest())
    (told,) = plan.refused()
    assert (told.guard, str(told.target)) == ("poisoned", "tenant/acme-bakery")
    assert told.message == (
        "this is the state that jo@example.org rolled back from eu-001/2 to eu-001/1 (pages were slow); until "
        "2026-12-23 09:00Z. Commit something that differs, or allow it again: aipress resume tenant/acme-bakery"
    )
    assert daemon(small).exit_code == 5
    assert sizes(small) == {"512Mi"}


def test_however_it_is_written_it_is_the_same_state_and_a_commit_that_differs_is_another(small: SmallWorld) -> None:
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    small.write(ACME, "# once more\n" + set_value(small.read(ACME), ("spec", "runtime", "memory"), "1Gi"))
    assert refusals(make(small.world(), PlanRequest())) == {"poisoned"}
    memory(small, "768Mi")
    assert applied(small).exit_code == 0
    assert sizes(small) == {"768Mi"}


def test_a_neighbour_is_not_kept_by_it_nor_the_other_environment_when_only_one_was_worse(small: SmallWorld) -> None:
    production = ("spec", "environments", "production", "runtime", "memory")
    small.write(ACME, set_value(small.read(ACME), production, "2Gi"))
    assert applied(small).exit_code == 0
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    revert_head(small)
    text = set_value(small.read(ACME), ("spec", "environments", "staging", "runtime", "memory"), "768Mi")
    (small.fleet / ACME).write_text(text)
    small.write(YOGA, small.read(YOGA).replace("timeoutSeconds: 60", "timeoutSeconds: 90"))
    done = applied(small)
    assert done.exit_code == 5
    assert {str(address) for address in done.skipped} == {"tenant/acme-bakery/run.service/production"}
    assert sizes(small) == {"1Gi", "768Mi"}


def test_resume_allows_it_again_and_says_what_it_lifted(small: SmallWorld) -> None:
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    revert_head(small)
    lifted = resume(small.world(), TENANT)
    (one,) = lifted.poisons
    assert (one.version, one.to, one.reason) == ("eu-001/2", "eu-001/1", "pages were slow")
    assert applied(small).exit_code == 0
    assert sizes(small) == {"1Gi"}
    with pytest.raises(InputError, match="is not on hold"):
        resume(small.world(), TENANT)


def test_the_mark_ends_and_the_plan_says_that_it_did(small: SmallWorld) -> None:
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    revert_head(small)
    small.clock.at += timedelta(days=30, seconds=1)
    plan = make(small.world(), PlanRequest())
    told = [verdict for verdict in plan.guards if verdict.guard == "poisoned"]
    assert [verdict.verdict for verdict in told] == [Verdict.WARN]
    assert "jo@example.org rolled back from eu-001/2" in told[0].message
    assert "that is over" in told[0].message
    assert applied(small).exit_code == 0
    assert sizes(small) == {"1Gi"}


def test_no_rollback_goes_to_what_was_left_unless_it_is_allowed_again(small: SmallWorld) -> None:
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    with pytest.raises(InputError, match=r"eu-001/2 differ, and were rolled back from"):
        back(small)
    with pytest.raises(RefusedError, match=r"eu-001/2 is the state that jo@example\.org rolled back") as told:
        back(small, version="eu-001/2")
    assert "aipress resume tenant/acme-bakery" in told.value.hint
    resume(small.world(), TENANT)
    assert back(small).legs[0].chosen.label == "eu-001/2"


def test_the_default_passes_over_what_was_left_to_an_older_one(small: SmallWorld) -> None:
    memory(small, "2Gi")
    assert applied(small).exit_code == 0
    commit(small.world(), back(small))
    assert applied(small).exit_code == 0
    assert sizes(small) == {"1Gi"}
    proposal = back(small)
    assert proposal.legs[0].chosen.label == "eu-001/1"
    assert proposal.notes[0] == "eu-001/3 was itself rolled back from, and is passed over"


def test_a_commit_that_was_not_made_leaves_no_mark(small: SmallWorld) -> None:
    proposal = back(small)
    (small.fleet / ACME).write_text(small.read(ACME) + "# edited\n")
    with pytest.raises(RefusedError, match="not committed"):
        commit(small.world(), proposal)
    assert list(small.world().history.poisons()) == []


# --- at once, and held ----------------------------------------------------------------------------------------------


def test_what_was_applied_at_once_is_not_undone_by_the_daemon_and_is_free_when_git_says_the_same(
    small: SmallWorld,
) -> None:
    assert at_once(small, back(small)).exit_code == 0
    assert sizes(small) == {"512Mi"}
    for _ in range(3):
        small.clock.at += timedelta(minutes=20)
        cycle = daemon(small)
        assert (cycle.exit_code, cycle.lifted, sizes(small)) == (5, (), {"512Mi"})
    commit(small.world(), back(small))
    assert [one.version for one in small.world().history.poisons()] == ["eu-001/2"]
    plan = make(small.world(), PlanRequest())
    assert (plan.changes, plan.refused()) == ((), ())
    cycle = daemon(small)
    assert cycle.exit_code == 0
    assert [(hold.target, hold.kind) for hold in cycle.lifted] == [("tenant/acme-bakery", "rollback")]
    assert list(small.world().history.holds()) == []
    memory(small, "768Mi")
    assert daemon(small).exit_code == 0
    assert sizes(small) == {"768Mi"}


def test_the_hold_binds_its_target_alone(small: SmallWorld) -> None:
    assert at_once(small, back(small)).exit_code == 0
    small.write(YOGA, small.read(YOGA).replace("timeoutSeconds: 60", "timeoutSeconds: 90"))
    done = daemon(small)
    assert {str(address.target) for address in done.skipped} == {"tenant/acme-bakery"}
    assert done.versions[0].items[0]["result"] == "done" or len(done.versions) == 1


def test_drift_of_what_git_agrees_about_is_healed_though_the_hold_is_still_there(small: SmallWorld) -> None:
    assert at_once(small, back(small, SHARD, "eu-001/1")).exit_code == 0
    service = next(n for (k, n), b in small.cloud.objects.items() if k == "run.service" and "linden" in n)
    body = small.cloud.body("run.service", service)
    body["template"]["scaling"]["maxInstanceCount"] = 77
    small.cloud.put("run.service", service, body)
    done = daemon(small)
    assert {str(address.target) for address in done.skipped} == {"tenant/acme-bakery"}
    assert small.cloud.body("run.service", service)["template"]["scaling"]["maxInstanceCount"] != 77


def test_the_hold_ends_and_then_says_so_and_what_was_left_still_does_not_come_back(small: SmallWorld) -> None:
    assert at_once(small, back(small)).exit_code == 0
    small.clock.at += timedelta(hours=3)
    plan = make(small.world(), PlanRequest())
    warned = [verdict.message for verdict in plan.guards if verdict.verdict is Verdict.WARN]
    assert len(warned) == 1
    assert warned[0].startswith(
        "the hold (rollback) by jo@example.org ended 2026-11-23 11:00Z: rolled back to eu-001/1"
    )
    assert refusals(plan) == {"poisoned"}
    assert daemon(small).exit_code == 5
    assert sizes(small) == {"512Mi"}
    memory(small, "768Mi")  # but what is new may come
    assert daemon(small).exit_code == 0
    assert sizes(small) == {"768Mi"}


def test_a_hold_that_ended_long_ago_is_forgotten(small: SmallWorld) -> None:
    assert at_once(small, back(small)).exit_code == 0
    small.clock.at += timedelta(days=8)
    daemon(small)
    assert list(small.world().history.holds()) == []
    small.clock.at += timedelta(days=30)
    daemon(small)
    assert list(small.world().history.poisons()) == []


def test_further_back_at_once_is_not_kept_by_the_hold_of_the_first(small: SmallWorld) -> None:
    memory(small, "2Gi")
    assert applied(small).exit_code == 0
    assert at_once(small, back(small)).exit_code == 0
    assert sizes(small) == {"1Gi"}
    assert at_once(small, back(small, version="eu-001/1")).exit_code == 0
    assert sizes(small) == {"512Mi"}
    assert [hold.reason for hold in small.world().history.holds()] == [
        "rolled back to eu-001/1 (pages were slow); Git does not say so yet"
    ]
    assert daemon(small).exit_code == 5
    assert sizes(small) == {"512Mi"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_the_middle_it_is_still_held_and_goes_on_with_the_same_command(when: str, small: SmallWorld) -> None:
    small.parallel = 1  # a process that is killed has no other thread that goes on
    small.cloud.script(Script("begin", kind="run.service", kill=when))
    with pytest.raises(Killed):
        at_once(small, back(small))
    there = sizes(small)
    daemon(small)
    assert sizes(small) == there
    assert at_once(small, back(small, version="eu-001/1")).exit_code == 0
    assert sizes(small) == {"512Mi"}
    assert daemon(small).exit_code == 5
    assert sizes(small) == {"512Mi"}
