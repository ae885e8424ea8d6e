"""Limits, quarantine and the stop switch over whole cycles: what is counted outlives the process, the host's own record
and the commit; and what is parked comes back."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.holds import resume
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import Failure, Next
from reconciler.model.hold import Hold
from reconciler.model.ids import Target
from reconciler.model.outcome import Result
from tests.cycle.small_world import SmallWorld
from tests.doubles import Script

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
LANTERN = "shards/us-001/tenants/brass-lantern/tenant.yaml"


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    return made


def run(small: SmallWorld, *targets: str) -> Applied:
    """One apply by a new process."""
    return apply(small.world(), ApplyRequest(targets=tuple(Target.parse(t) for t in targets)))


def rename(small: SmallWorld, path: str) -> None:
    """A change that is an update of a live tenant."""
    small.write(path, small.read(path).replace("displayName: ", "displayName: New "))


def limit(small: SmallWorld, text: str) -> None:
    """Write guards into fleet.yaml."""
    said = small.read("fleet.yaml")
    small.write("fleet.yaml", said.replace("  guards:\n", f"  guards:\n    {text}\n"))


def reasons(applied: Applied) -> str:
    return " ".join(sorted(set(applied.skipped.values())))


# --- what is counted ------------------------------------------------------------------------------------------------


STRICT = "velocity: { projectPercentPerHour: 1, rolloutPerMinute: 5, projectPerSecond: 2, fleetPerSecond: 50 }"


@pytest.fixture
def strict(small: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    """A fleet in which one live tenant of a project may change in an hour (percentages bind)."""
    monkeypatch.setattr("reconciler.model.bounds.PERCENT_FROM", 3)
    limit(small, STRICT)
    run(small)
    small.clock.sleep(3600)
    return small


def test_a_new_process_a_lost_record_and_another_host_all_count_the_same(strict: SmallWorld) -> None:
    rename(strict, ACME)
    assert run(strict).exit_code == 0
    rename(strict, YOGA)
    assert "limit 1: guards.velocity.projectPercentPerHour" in reasons(run(strict))
    shutil.rmtree(strict.folder / "state" / "effects")
    said = run(strict)
    assert (said.exit_code, said.outcome.count(Result.DONE)) == (5, 0)
    assert "limit 1" in reasons(said)
    rename(strict, LANTERN)  # another project is not held up
    assert {a.target.name for a in run(strict).versions[0].tenants and run(strict).skipped} == {"linden-yoga"}
    strict.clock.sleep(3600)
    assert run(strict).exit_code == 0
    assert make(strict.world(), PlanRequest()).changes == ()


def test_the_limits_are_those_of_the_plans_own_commit(strict: SmallWorld) -> None:
    rename(strict, ACME)
    run(strict)
    rename(strict, YOGA)
    strict.write(
        "fleet.yaml", strict.read("fleet.yaml").replace("projectPercentPerHour: 1", "projectPercentPerHour: 100")
    )
    assert run(strict).exit_code == 0


# --- quarantine -----------------------------------------------------------------------------------------------------


def held(small: SmallWorld) -> list[tuple[str, str]]:
    now = small.clock.now()
    return [(h.target, h.kind) for h in small.world().history.holds() if h.active(now)]


def service_of(small: SmallWorld, tenant: str) -> str:
    services = [(name, body["labels"]) for (kind, name), body in small.cloud.objects.items() if kind == "run.service"]
    return next(name for name, labels in services if labels["aipress-tenant"] == tenant)


def grow(small: SmallWorld, path: str) -> None:
    """A change of what runs."""
    text = small.read(path)
    runtime = "" if "  runtime:" in text else "  runtime: { timeoutSeconds: 60 }\n"
    small.write(path, (text + runtime).replace("timeoutSeconds: 6", "timeoutSeconds: 9"))


def test_a_tenant_that_fails_three_times_at_a_commit_is_parked_and_its_neighbours_are_not(small: SmallWorld) -> None:
    grow(small, ACME)
    name = service_of(small, "acme-bakery")
    small.cloud.script(
        Script("begin", "run.service", name, failure=Failure(Next.PERSON, "broken image", 400), times=99)
    )
    for _ in range(3):
        assert held(small) == []
        assert run(small).exit_code == 1
    assert held(small) == [("tenant/acme-bakery", "quarantine")]
    [hold] = small.world().history.holds()
    head = small.world().repository.resolve("HEAD")
    assert hold.commit == head
    assert hold.reason.startswith(f"it failed 3 times at commit {head[:12]}; the last time: run.service: ")
    assert hold.reason.endswith("broken image")
    calls = small.cloud.count("begin")
    fourth = run(small)
    assert fourth.exit_code == 5
    assert "on hold (quarantine)" in reasons(fourth)
    assert small.cloud.count("begin") == calls
    grow(small, YOGA)  # a commit that does not touch it
    fifth = run(small)
    assert {a.target.name for a in fifth.skipped} == {"acme-bakery"}
    assert fifth.outcome.count(Result.DONE) == 1
    assert held(small) == [("tenant/acme-bakery", "quarantine")]
    small.write(ACME, small.read(ACME).replace("timeoutSeconds: 90", "timeoutSeconds: 70"))  # one that does
    small.cloud._scripts.clear()
    assert run(small).exit_code == 0
    assert held(small) == []
    assert make(small.world(), PlanRequest()).changes == ()


def test_a_resumed_tenant_has_three_tries_again(small: SmallWorld) -> None:
    grow(small, ACME)
    small.cloud.script(Script("begin", "run.service", failure=Failure(Next.PERSON, "broken image", 400), times=99))
    for _ in range(3):
        run(small)
    [lifted] = resume(small.world(), Target.parse("tenant/acme-bakery")).holds
    assert lifted.kind == "quarantine"
    for _ in range(3):
        assert held(small) == []
        assert run(small).exit_code == 1
    assert held(small) == [("tenant/acme-bakery", "quarantine")]


def test_more_parked_tenants_than_the_limit_stop_the_fleet(small: SmallWorld) -> None:
    limit(small, "quarantine: { parked: 1 }")
    head, history = small.world().repository.resolve("HEAD"), small.world().history
    for name in ("a", "b"):
        history.set_hold(Hold(f"tenant/{name}", "it failed", "jo", small.clock.now(), None, "quarantine", head))
    grow(small, YOGA)
    applied = run(small)
    assert applied.exit_code == 5
    said = " ".join(item.message for item in applied.outcome.items.values())
    assert "2 tenants are parked (limit 1: guards.quarantine.parked in fleet.yaml)" in said
    assert small.cloud.count("begin:update") == 0
    resume(small.world(), Target.parse("tenant/a"))
    assert run(small).exit_code == 0


# --- the stop switch ------------------------------------------------------------------------------------------------


def test_a_thrown_stop_switch_ends_with_5_and_says_why(small: SmallWorld) -> None:
    grow(small, YOGA)
    stop = small.folder / "state" / "STOP"
    stop.write_text("incident 7")
    applied = run(small)
    assert applied.exit_code == 5
    assert applied.outcome.stopped.startswith("the stop switch is thrown (incident 7)")
    assert not applied.outcome.interrupted
    assert small.cloud.count("begin:update") == 0
    stop.unlink()
    assert run(small).exit_code == 0


def test_serve_waits_while_the_switch_is_thrown_and_loses_no_commit(small: SmallWorld) -> None:
    from reconciler.daemon.serve import Seen, Watch, after, next_cycle, once

    watch = Watch(None, 60, lambda event: None, lambda reported: None)
    grow(small, YOGA)
    (small.folder / "state" / "STOP").touch()
    chosen = next_cycle(small.world(), Seen(), 60)
    assert chosen is not None
    reported = once(small.world(), watch)
    assert reported.failed
    seen = after(Seen(), chosen, small.clock.now(), failed=reported.failed)
    again = next_cycle(small.world(), seen, 60)
    assert again is not None
    assert again.trigger == "retry"
    assert timedelta(seconds=seen.pause(60)) < timedelta(seconds=10)
