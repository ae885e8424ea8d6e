"""The loop of `aipress serve`: what comes next, and that nothing which happens in a cycle ends it or loses a commit."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.daemon.serve import Next, Seen, after, next_cycle
from reconciler.model.ids import Scope
from tests.cycle.small_world import SmallWorld

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
