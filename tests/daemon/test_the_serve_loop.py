"""The loop of `aipress serve`: what comes next, and that nothing which happens in a cycle ends it or loses a commit."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.daemon.serve import Next, Reported, Seen, Watch, _rest, after, next_cycle, patience, run
from reconciler.model.errors import Failure, RefusedError
from reconciler.model.errors import Next as Next_
from reconciler.model.ids import Scope
from reconciler.model.wave import Phase
from tests.cycle.many_sites import ManySites
from tests.cycle.small_world import SmallWorld
from tests.cycle.test_walking_in_waves import SECOND, THIRD
from tests.doubles import Script

EPOCH = datetime(2026, 11, 23, 9, tzinfo=UTC)

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)


def first(small: SmallWorld) -> Seen:
    begun = next_cycle(small.world(), Seen(), 60)
    assert begun is not None
    assert (begun.trigger, begun.scope) == ("start", Scope())
    return after(Seen(), begun, small.clock.now(), failed=False)


def step(small: SmallWorld, seen: Seen) -> Next | None:
    return next_cycle(small.world(), seen, 60)


def edit(small: SmallWorld) -> None:
    small.write(ACME, small.read(ACME).replace("displayName:", "displayName: The"))


def test_a_commit_is_planned_alone(small: SmallWorld) -> None:
    seen = first(small)
    edit(small)
    chosen = step(small, seen)
    assert chosen is not None
    assert chosen.trigger == "commit"
    assert not chosen.scope.everything


def test_refs_that_move_beside_head_start_nothing(small: SmallWorld) -> None:
    assert step(small, first(small)) is None


def test_a_commit_that_breaks_fleet_yaml_does_not_end_the_loop(small: SmallWorld) -> None:
    seen = first(small)
    small.write("fleet.yaml", "kind: [")
    chosen = step(small, seen)
    assert chosen is not None
    assert (chosen.trigger, chosen.scope) == ("commit", Scope())


def test_commits_in_quick_succession_do_not_keep_drift_from_being_healed(small: SmallWorld) -> None:
    seen = first(small)
    triggers = []
    for _ in range(4):
        small.clock.at += timedelta(seconds=25)
        edit(small)
        chosen = step(small, seen)
        assert chosen is not None
        triggers.append(chosen.trigger)
        seen = after(seen, chosen, small.clock.now(), failed=False)
    assert triggers == ["commit", "commit", "interval", "commit"]


def test_a_cycle_that_failed_is_tried_again_soon_and_over_everything(small: SmallWorld) -> None:
    seen = first(small)
    edit(small)
    chosen = step(small, seen)
    assert chosen is not None
    lost = after(seen, chosen, small.clock.now(), failed=True)
    assert lost.commit == seen.commit
    assert lost.pause(60) < 10
    again = step(small, lost)
    assert again is not None
    assert (again.trigger, again.scope) == ("retry", Scope())
    for _ in range(9):
        lost = after(lost, again, small.clock.now(), failed=True)
    assert lost.pause(60) == 60
    assert after(lost, again, small.clock.now(), failed=False).commit == chosen.commit


def test_a_second_daemon_does_not_begin_and_one_that_was_taken_over_ends(small: SmallWorld) -> None:
    reported: list[Reported] = []
    one, two = small.world("one"), small.world("two")
    watch = Watch(None, 60, lambda _event: None, reported.append)
    one.tenure.claim(take_over=False)
    with pytest.raises(RefusedError, match="owns this fleet"):
        run(two, watch)
    assert not reported

    def taken_over(cycle: Reported) -> None:
        reported.append(cycle)
        two.tenure.claim(take_over=True)
        small.clock.at += timedelta(seconds=10)

    with pytest.raises(RefusedError, match="taken over by the daemon"):
        run(one, replace(watch, report=taken_over))
    assert len(reported) == 1
    assert two.tenure.stopped() == "", "and it leaves alone what is no longer its own"


class Left:
    """An engine beside which another worker died in an apply, once it was asked so often."""

    def __init__(self, inner: object, asked: int) -> None:
        self._inner, self._left = inner, asked

    def abandoned(self) -> bool:
        self._left -= 1
        return self._left < 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


class Slept(threading.Event):
    """Nothing ever happens; time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.slept.append(timeout or 0.0)
        return False


def test_what_another_worker_left_is_seen_to_within_half_a_minute_however_long_the_interval(small: SmallWorld) -> None:
    world = small.world()
    seen = after(Seen(), Next("start", "", Scope()), small.clock.now(), failed=False)
    rest = Slept()
    assert _rest(replace(world, engine=Left(world.engine, 1)), rest, 86_400, heeding=True)  # type: ignore[arg-type]
    assert rest.slept == [30.0, 30.0]
    chosen = next_cycle(replace(world, engine=Left(world.engine, 0)), seen, 86_400)  # type: ignore[arg-type]
    assert chosen is not None and (chosen.trigger, chosen.scope) == ("left by another worker", Scope())
    calm = Slept()
    assert _rest(world, calm, 90) and calm.slept == [30.0, 30.0, 30.0]


@pytest.fixture
def many(tmp_path: Path) -> ManySites:
    made = ManySites(tmp_path / "many")
    assert made.apply().exit_code == 0
    return made


def serve(many: ManySites, seen: Seen, interval: float) -> tuple[Seen, str]:
    """One turn of the loop: waits as long as it would, then runs what is due; what the cycle's trigger was."""
    world = many.world()
    chosen = next_cycle(world, seen, interval)
    if chosen is None:
        return seen, ""
    once_applied = apply(world, ApplyRequest(scope=chosen.scope, trigger=f"serve ({chosen.trigger})"))
    assert not once_applied.outcome.interrupted
    return after(seen, chosen, many.clock.now(), failed=False), chosen.trigger


def test_waves_are_walked_to_their_end_without_anybody(many: ManySites) -> None:
    many.bigger()
    seen, told = Seen(), []
    for _ in range(12):
        at = many.clock.at
        seen, trigger = serve(many, seen, 86_400)
        told.append((int((at - EPOCH).total_seconds() / 60), trigger, many.wrote()))
        if many.standing().phase is Phase.DONE:
            break
        many.clock.at += timedelta(seconds=patience(many.world(), seen, 86_400))
    assert told == [(0, "start", ["site-03"]), (10, "wave", SECOND), (40, "wave", THIRD)]
    assert patience(many.world(), seen, 60) == 60


def test_a_gate_that_waits_is_asked_again_at_the_interval_and_not_all_the_time(many: ManySites) -> None:
    many.bigger()
    seen, _ = serve(many, Seen(), 3600)
    name = next(n for kind, n in many.cloud.objects if kind == "run.service" and "site-03" in n)
    many.cloud.script(Script("list", kind="run.service", failure=Failure(Next_.RETRY, "no answer", 503), times=99))
    many.clock.at += timedelta(minutes=10)
    seen, trigger = serve(many, seen, 3600)
    assert (trigger, many.standing().phase) == ("wave", Phase.BAKING), name
    assert next_cycle(many.world(), seen, 3600) is None
    assert patience(many.world(), seen, 3600) == 3600


def test_a_wave_in_which_nothing_is_to_do_holds_nothing_up(many: ManySites) -> None:
    many.bigger()
    seen, _ = serve(many, Seen(), 3600)
    assert many.apply(allow="blast-radius").exit_code == 0
    many.clock.at += timedelta(minutes=10)
    triggers = []
    for _ in range(2):
        assert patience(many.world(), seen, 3600) == 0
        seen, trigger = serve(many, seen, 3600)
        triggers.append(trigger)
    assert (triggers, many.standing().phase) == (["wave", "wave"], Phase.DONE)
