"""What a killed apply left half done: gone on with by the next one, as long as its plan is current and still wanted."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.holds import Window, pause
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.ids import Target
from reconciler.model.outcome import Event, Result
from reconciler.model.version import Version
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

TENANT = "shards/us-001/tenants/brass-lantern/tenant.yaml"


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path, durable=True)


def killed(small: SmallWorld, name: str, after: int = 0) -> int:
    """Apply, and die at a write to a name like that. The number of effects so far."""
    small.cloud.script(Script("begin", name=name, kill="after", after=after))
    small.cloud.whole_process = True
    with pytest.raises(Killed):
        apply(small.world(), ApplyRequest(trigger="serve (commit)"))
    small.cloud = small.cloud.reborn()
    for item in small.cloud.stored.values():
        item.orphan = True
    return len(small.cloud.effects)


def test_the_next_apply_goes_on_and_records_what_came_of_it(small: SmallWorld) -> None:
    before = killed(small, "*eu-001*", after=6)
    events: list[Event] = []
    world = small.world()
    applied = apply(world, ApplyRequest(progress=events.append))
    assert applied.exit_code == 0 and applied.plan.changes == (), "all of it was gone on with"
    assert {v.shard for v in applied.versions} | {""} == {"", "eu-001", "us-001"}
    assert all(v.trigger == "serve (commit)" and v.result == "healthy" for v in applied.versions)
    assert len(small.cloud.effects) == len(set(small.cloud.effects)) > before
    assert events, "its progress was told"
    assert make(small.world(), PlanRequest()).changes == ()
    assert set(world.history.heads()) == {"", "eu-001", "us-001"}


def test_a_version_that_was_published_by_who_died_is_not_published_again(small: SmallWorld) -> None:
    world = small.world()
    publish = world.history.publish

    def dying(version: Version) -> Version:
        published = publish(version)
        if version.shard == "eu-001":
            raise Killed
        return published

    world.history.publish = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        apply(world, ApplyRequest())
    effects = list(small.cloud.effects)
    applied = apply(small.world(), ApplyRequest())
    assert applied.exit_code == 0
    assert set(small.cloud.effects) >= set(effects)
    assert len(small.cloud.effects) == len(set(small.cloud.effects)), "nothing twice"
    assert [v.number for v in small.world().history.versions("eu-001")] == [1]
    assert make(small.world(), PlanRequest()).changes == ()


def test_what_another_host_changed_since_is_planned_anew(small: SmallWorld) -> None:
    """The one rule of staleness: only a plan whose parents are the current versions is walked."""
    killed(small, "*us-001*", after=2)
    small.clock.at += timedelta(hours=1)  # the dead one's leases run out
    small.durable = False
    assert apply(small.world("other"), ApplyRequest()).exit_code == 0
    effects = len(small.cloud.effects)
    small.durable = True
    world = small.world()
    events: list[Event] = []
    assert apply(world, ApplyRequest(progress=events.append)).exit_code == 0
    assert len(small.cloud.effects) == effects and not events


def test_what_was_put_on_hold_since_is_left_alone(small: SmallWorld) -> None:
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    small.write(TENANT, small.read(TENANT).replace("The Brass Lantern", "The Brass Lamp"))
    small.write("tiers/silver.yaml", small.read("tiers/silver.yaml").replace("memory: 512Mi", "memory: 768Mi"))
    effects = killed(small, "*")
    pause(small.world(), Target.parse("shard/eu-001"), "an incident", Window(until="1h"))
    pause(small.world(), Target.parse("shard/us-001"), "an incident", Window(until="1h"))
    applied = apply(small.world(), ApplyRequest())
    assert applied.exit_code == 5
    assert len(small.cloud.effects) == effects


def test_a_stop_while_going_on_ends_the_command(small: SmallWorld) -> None:
    killed(small, "*us-001*", after=2)
    (small.folder / "state" / "STOP").write_text("incident 42")
    applied = apply(small.world(), ApplyRequest())
    assert applied.exit_code == 5 and "incident 42" in applied.outcome.stopped
    assert any(i.result is Result.INTERRUPTED for i in applied.outcome.items.values())
    (small.folder / "state" / "STOP").unlink()
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert make(small.world(), PlanRequest()).changes == ()


def test_what_was_cut_off_too_long_ago_is_planned_anew(small: SmallWorld) -> None:
    killed(small, "*us-001*", after=2)
    small.clock.at += timedelta(minutes=61)  # guards.planAgeMinutes is 60
    events: list[Event] = []
    applied = apply(small.world(), ApplyRequest(progress=events.append))
    assert applied.exit_code == 0 and applied.plan.changes, "a new plan, of what was left"
    assert {str(e.change.address) for e in events} <= {str(c.address) for c in applied.plan.changes}
    assert make(small.world(), PlanRequest()).changes == ()


@pytest.mark.parametrize("durable", [False, True])
def test_what_died_unrecorded_is_taken_back_when_git_takes_it_back(durable: bool, tmp_path: Path) -> None:
    """A field is set, its run dies before a version says so, and the commit is reverted: nothing but the run itself
    knows that the field is ours. The one with a journal of steps was cut off too long ago to be gone on with."""
    small = SmallWorld(tmp_path, durable=durable)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    text = small.read(TENANT)
    small.write(TENANT, text.replace('.git" }', '.git", path: site }'))
    killed(small, "*brass-lantern-p*")

    def paths() -> set[str]:
        services = [body for (kind, name), body in small.cloud.objects.items() if kind == "run.service"]
        return {
            body["annotations"]["aipress.io/source-path"] for body in services if "path" in str(body["annotations"])
        }

    assert paths() == {"site"}
    small.write(TENANT, text)
    small.clock.at += timedelta(minutes=61)
    plan = make(small.world(), PlanRequest())
    assert [(c.reason, c.drift) for c in plan.changes] == [("it was changed in Git", False)]
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    assert paths() == set()
    assert make(small.world(), PlanRequest()).changes == ()
    assert not small.world().engine.begun()


def test_a_plan_beside_a_daemon_leaves_its_journal_alone(small: SmallWorld) -> None:
    killed(small, "*us-001*", after=2)
    file = small.folder / "state" / "intents.jsonl"
    before = (file.stat().st_ino, file.read_bytes())
    make(small.world(), PlanRequest())
    assert (file.stat().st_ino, file.read_bytes()) == before
