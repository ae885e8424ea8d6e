"""A purge from the deletion to the last object, under a clock that the test moves."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.assemble import settings, world
from reconciler.cycle.world import World
from reconciler.engine.clock import SystemClock
from reconciler.model.plan import Plan
from tests.scenarios.conftest import MakeStage, applied_once, stages
from tests.scenarios.playing import Line, Stage
from tests.scenarios.words import WORDS, ask

__all__ = ["applied_once", "stages"]
BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
KEPT = "aipress final tenant=linden-yoga uid=n4j8q6sv environment=production"


class Days(SystemClock):
    """A day after BEGAN, from which time goes on as it does."""

    def __init__(self, days: float) -> None:
        self._ahead = BEGAN + timedelta(days=days) - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead


def on_day(stage: Stage, days: float, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in stage.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("reconciler.engine.clock.SystemClock", lambda: Days(days))
    return world(settings({"directory": str(stage.fleet)}))


def do(stage: Stage, command: str, given: str = "") -> str:
    word, _, rest = command.partition(" ")
    return WORDS[word](Line(word, rest, given), stage)


def refused(plan: Plan) -> str:
    return " ".join(f"{v.guard}: {v.message}" for v in plan.refused())


def plan(at: World) -> Plan:
    return make(at, PlanRequest())


def run(at: World, made: Plan) -> Applied:
    return apply(at, ApplyRequest(made))


def approve(stage: Stage, uid: str, expires: datetime) -> None:
    """In a commit of its own."""
    text = f"""  purges:
    - {{ tenant: linden-yoga, uid: {uid}, expires: "{expires:%Y-%m-%d}", approvers: [Ada, Grace] }}
"""
    fleet = stage.fleet / "fleet.yaml"
    fleet.write_text(re.sub(r"  purges:\n    - \{.*\n", "", fleet.read_text()) + text)
    do(stage, "commit Approve a purge")


@pytest.fixture
def deleted(stages: MakeStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Linden Yoga was deleted on day 0."""
    stage = stages(tmp_path, True)
    do(stage, rf"edit {YOGA}: tier: bronze\n -> tier: bronze\n  state: deleted\n  deletion: {{ reason: closed }}\n")
    do(stage, "commit Linden Yoga leaves")
    at = on_day(stage, 0, monkeypatch)
    done = run(at, plan(at))
    assert done.exit_code == 0
    return stage


@pytest.mark.slow
def test_a_purge_waits_for_its_day_and_then_leaves_only_the_last_backup(
    deleted: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on(day: float) -> World:
        return on_day(deleted, day, monkeypatch)

    approve(deleted, "n4j8q6sx", BEGAN + timedelta(days=16))
    assert plan(on(15)).changes == ()  # another owner's uid
    approve(deleted, "n4j8q6sv", BEGAN + timedelta(days=16))
    early = plan(on(13))
    assert "its escrow ends on 2026-11-15" in refused(early)
    before = do(deleted, "holds linden-yoga")
    assert run(on(13), early).exit_code == 5
    assert do(deleted, "holds linden-yoga") == before
    assert "the approval expired on 2026-11-17" in refused(plan(on(17)))
    approve(deleted, "n4j8q6sv", BEGAN + timedelta(days=30))
    assert "more than 7 days ahead" in refused(plan(on(15)))

    approve(deleted, "n4j8q6sv", BEGAN + timedelta(days=16))
    made = plan(on(15))
    assert refused(made) == ""
    assert {str(c.action) for c in made.changes} == {"delete"}
    assert {str(c.address.target) for c in made.changes} == {"tenant/linden-yoga"}
    done = run(on(15), made)
    assert done.exit_code == 0, [i.message for i in done.outcome.items.values()]
    assert plan(on(15)).changes == ()
    assert left_behind(deleted) == [KEPT]


@pytest.mark.slow
def test_a_name_may_come_back_an_owner_does_not(deleted: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    at = on_day(deleted, 15, monkeypatch)
    approve(deleted, "n4j8q6sv", BEGAN + timedelta(days=16))
    first = {c.address: c.name for c in plan(at).changes}
    assert run(at, plan(at)).exit_code == 0
    # The file goes, and nothing is said about it any more.
    subprocess.run(["git", "rm", "-q", YOGA], cwd=deleted.fleet, check=True)
    do(deleted, "commit Linden Yoga is history")
    calm = plan(at)
    assert (calm.changes, calm.refused(), calm.diagnostics) == ((), (), ())

    subprocess.run(["git", "checkout", "-q", "HEAD~3", "--", YOGA], cwd=deleted.fleet, check=True)
    text = (deleted.fleet / YOGA).read_text().replace("n4j8q6sv", "w2c5r7yb")
    (deleted.fleet / YOGA).write_text(re.sub(r"  (state|deletion):.*\n", "", text))
    do(deleted, "commit Another Linden Yoga")
    made = plan(at)
    assert {str(c.action) for c in made.changes} == {"create"}
    again = {c.address: c.name for c in made.changes if c.address in first}
    assert again.keys() == first.keys()
    assert not set(again.values()) & set(first.values())
    assert run(at, made).exit_code == 0
    assert plan(at).changes == ()


def left_behind(stage: Stage) -> list[str]:
    """What the cloud still calls by the tenant's name or uid: the description of the last backup."""
    rows = do(stage, "holds linden-yoga").splitlines()
    assert rows in ([], ["nothing"]), rows
    backups = "sqladmin/sql/v1beta4/projects/aipress-eu-001-e5k1/instances/eu-001-sql-e5k1v8tc/backupRuns"
    return [str(row.get("description")) for row in json.loads(ask(stage, "GET", backups)[1]).get("items", [])]
