"""Killed before or after any write to the cloud, the history or the waves: the next process goes on with the same
waves, walks none twice, begins none before its time, and ends where a quiet life would have."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.cycle.world import World
from reconciler.model.wave import Phase
from tests.cycle.many_sites import ManySites
from tests.cycle.test_walking_in_waves import CANARY, SECOND, THIRD
from tests.doubles import Killed


class Dying:
    """A port whose n-th write, counted over all ports, kills the process before or after it happens."""

    def __init__(self, inner: Any, writes: tuple[str, ...], die: Callable[[], str]) -> None:
        self._inner, self._writes, self._die = inner, writes, die

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._writes:
            return found

        def write(*given: Any, **named: Any) -> Any:
            when = self._die()
            if when == "before":
                raise Killed
            answer = found(*given, **named)
            if when == "after":
                raise Killed
            return answer

        return write


def dying(many: ManySites, at: int, when: str) -> World:
    count = itertools.count(1)

    def die() -> str:
        return when if next(count) == at else ""

    world = many.world()
    history = Dying(world.history, ("publish", "move_waves"), die)
    engine: Any = world.engine
    effects = replace(engine.effects, cloud=Dying(engine.effects.cloud, ("begin",), die))
    return replace(world, history=history, engine=replace(engine, effects=effects))


def quiet(many: ManySites) -> None:
    """Apply as `serve` would, every ten minutes, until all is done."""
    for _ in range(40):
        if many.apply().exit_code == 0:
            return
        many.later(10)
    raise AssertionError("the waves do not end")


WRITES = 26
"""Of the whole story: 10 sites, each once; versions of two shards and three waves; the moves of the waves."""


SOME = (3, 9, 15, 21)
"""Those that every run tries; the others are for `make test-long`."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "at", [pytest.param(n, marks=pytest.mark.slow if n in SOME else pytest.mark.long) for n in range(1, WRITES)]
)
def test_killed_anywhere(tmp_path: Path, at: int, when: str) -> None:
    check(tmp_path, at, when)


def check(folder: Path, at: int, when: str) -> None:
    many = ManySites(folder)
    assert many.apply().exit_code == 0
    many.bigger()
    world = dying(many, at, when)
    died = False
    for _ in range(40):
        try:
            if apply(world, ApplyRequest()).exit_code == 0:
                break
        except Killed:
            died = True
            break
        many.later(10)
    quiet(many)
    (waves,) = many.world().history.waves()
    assert waves.phase is Phase.DONE
    assert [m.wave for m in waves.log if m.phase is Phase.WALKING] == [1, 2, 3]
    wrote = many.cloud.wrote
    first = {site: min(moment for moment, name in wrote if name == site) for _, site in wrote}
    assert sorted(first) == sorted(CANARY + SECOND + THIRD)
    for earlier, later, bake in ((CANARY, SECOND, 10), (SECOND, THIRD, 30)):
        last = max(moment for moment, site in wrote if site in earlier)
        assert min(first[site] for site in later) >= last + timedelta(minutes=bake)
    assert len(wrote) == 10, "no site is written twice"
    assert set(many.memory().values()) == {"768Mi"}
    assert make(many.world(), PlanRequest()).changes == ()
    assert died or at >= WRITES - 5
