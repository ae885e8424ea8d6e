"""Killing it anywhere loses nothing: at each moment of a scenario the process dies, and a new one takes over."""

import pytest

from tests.simulation.conftest import MakePlayer
from tests.simulation.drivers import PHASES, THREADS
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.schedule import Schedule
from tests.simulation.state import differences

QUICK = ("database", "undelete", "more memory")
WHOLE = ("undelete", "database", "adopt")
PART = ("new tenant", "delete", "tenant changes tier")


def deaths(players: MakePlayer, name: str, every: int, first: int = 0) -> list[str]:
    player = players(name)
    wrong = []
    for point in player.points[first::every]:
        played = player.play(Schedule(name, 3, ({"kind": "death", "at": point.number},)))
        assert played.deaths == 1, point
        wrong += [f"{point}: {each}" for each in played.broken]
    return wrong


@pytest.mark.parametrize("name", QUICK)
def test_a_death_at_some_moments(name: str, players: MakePlayer) -> None:
    assert deaths(players, name, 12, QUICK.index(name)) == []


@pytest.mark.long
@pytest.mark.parametrize("name", WHOLE)
def test_a_death_at_every_moment(name: str, players: MakePlayer) -> None:
    assert deaths(players, name, 1) == []


@pytest.mark.long
@pytest.mark.parametrize("name", PART)
def test_a_death_at_every_seventh_moment(name: str, players: MakePlayer) -> None:
    """`make sim` plays all of them."""
    assert deaths(players, name, 7, PART.index(name)) == []


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_ends_quiet_when_nothing_disturbs_it(name: str, players: MakePlayer) -> None:
    """Making its player plays it; without this the long simulation could rot between two runs of it."""
    assert players(name).points


def test_the_moments_are_of_every_phase(players: MakePlayer) -> None:
    assert {point.phase for point in players("more memory").points} == set(PHASES)


def test_an_undisturbed_run_breaks_nothing(players: MakePlayer) -> None:
    """Also with another seed than the golden one: what Google makes up is left out of the comparison."""
    played = players("undelete").play(Schedule("undelete", 12345))
    assert (played.broken, played.cycles) == ([], 2)


def test_what_is_not_as_in_the_undisturbed_run_is_told(players: MakePlayer) -> None:
    """The oracle itself: a field turned behind our back after the end, a missing object, one too much."""
    player = players("more memory")
    want = dict(player.clean(THREADS).golden.cloud)
    key = next(k for k in want if k.startswith("run.services/"))
    assert differences(want, {**want, key: want[key].replace("1Gi", "2Gi")})[0].startswith(f"different: {key}")
    assert differences(want, {k: v for k, v in want.items() if k != key}) == [f"missing: {key}"]
    assert differences(want, {**want, "run.services/stray": "{}"}) == ["too much: run.services/stray"]
