"""`aipress trace`: a commit's way to a target, told without a cloud."""

from pathlib import Path

import pygit2
import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.audit import Records
from reconciler.actions.holds import pause
from reconciler.actions.trace import Trace, trace
from reconciler.model.errors import Failure, InputError, Next
from reconciler.model.ids import Target
from reconciler.report.escape import plain
from reconciler.report.trace import trace_text
from tests.cycle.small_world import SmallWorld
from tests.doubles import Script

TENANT = Target.parse("tenant/acme-bakery")
FILE = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    apply(made.world(), ApplyRequest())
    return made


def traced(small: SmallWorld, target: Target = TENANT, commit: str = "") -> Trace:
    world = small.world()
    log = (small.folder / "state" / "store").read_text().strip()
    found = trace(Records(world.repository, world.history, world.audit, world.clock, log), target, commit)
    assert trace_text(found).endswith(f"{plain(found.end)}\n")
    return found


def states(found: Trace) -> dict[str, str]:
    return {step.name: step.state for step in found.steps}


def bigger(small: SmallWorld) -> None:
    small.write(FILE, f"{small.read(FILE)}  runtime:\n    memory: 2Gi\n")


def test_a_commit_that_nobody_applied_waits(small: SmallWorld) -> None:
    bigger(small)
    found = traced(small)
    assert states(found) == {"commit": "done", "files": "done", "applied": "waiting"}
    assert FILE in found.steps[1].told
    assert "aipress apply tenant/acme-bakery" in found.end


def test_an_applied_one_is_told_with_its_plan_version_and_writes(small: SmallWorld) -> None:
    bigger(small)
    done = apply(small.world(), ApplyRequest(trigger="push"))
    found = traced(small)
    assert states(found) == {"commit": "done", "files": "done", "planned": "done", "applied": "done"}
    by_name = {step.name: step for step in found.steps}
    assert by_name["planned"].told == done.plan.digest
    assert "eu-001/2" in by_name["applied"].told
    assert "writes of its own" in by_name["applied"].told
    assert by_name["applied"].who == "jo@example.org (push)"
    assert found.end.startswith("It is applied")


def test_a_hold_is_what_it_waits_for(small: SmallWorld) -> None:
    pause(small.world(), TENANT, "migration\x1b[2J")
    bigger(small)
    apply(small.world(), ApplyRequest())
    found = traced(small)
    assert states(found)["hold"] == "held"
    assert found.end.startswith("It is stopped: tenant/acme-bakery: ")
    assert "aipress resume tenant/acme-bakery" in found.end
    assert "\x1b" not in trace_text(found)


def test_a_wrong_file_is_told_with_its_line(small: SmallWorld) -> None:
    small.write(FILE, f"{small.read(FILE)}  nonsense: 1\n")
    found = traced(small)
    assert states(found)["file"] == "held"
    assert f"{FILE}:" in found.end


def test_a_commit_that_is_of_somebody_else_says_so(small: SmallWorld) -> None:
    bigger(small)
    apply(small.world(), ApplyRequest())
    found = traced(small, Target.parse("tenant/linden-yoga"), small.world().repository.resolve("HEAD"))
    assert states(found)["files"] == "none"
    assert states(found)["applied"] == "none"


def test_without_a_commit_the_newest_one_about_the_target_is_meant(small: SmallWorld) -> None:
    before = small.world().repository.resolve("HEAD")
    bigger(small)
    assert traced(small, Target.parse("tenant/linden-yoga")).commit == before
    assert traced(small).commit != before


def test_a_commit_beside_the_branch_is_not_applied(small: SmallWorld) -> None:
    before = small.world().repository.resolve("HEAD")
    bigger(small)
    beside = small.world().repository.resolve("HEAD")
    repository = small.world().repository
    assert repository.is_behind(before, beside)
    pygit2.Repository(str(small.fleet)).reset(pygit2.Oid(hex=before), pygit2.enums.ResetMode.HARD)
    found = traced(small, commit=beside)
    assert states(found) == {"commit": "done", "branch": "held"}
    assert "merge it" in found.end


def test_a_failed_write_is_told_with_what_google_said(small: SmallWorld) -> None:
    failure = Failure(Next.PERSON, "memory is too large", 400)
    small.cloud.script(Script("begin", kind="run.service", failure=failure, times=20))
    bigger(small)
    apply(small.world(), ApplyRequest())
    found = traced(small)
    assert states(found)["applied"] == "failed"
    assert "memory is too large" in found.end


def test_a_tenant_that_is_nowhere_is_refused(small: SmallWorld) -> None:
    with pytest.raises(InputError, match="no version records"):
        traced(small, Target.parse("tenant/nobody-here"))
