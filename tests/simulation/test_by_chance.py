"""A slice of what `make sim` plays by chance: each mode, a few seeds, on scenarios by hand and made up."""

import pytest

from tests.simulation.conftest import MakePlayer
from tests.simulation.edits import generated
from tests.simulation.explore import MODES, by_chance, moments_of, shrunk
from tests.simulation.schedule import Played, Player, Schedule


def played(players: MakePlayer, name: str, mode: str, number: int) -> Played:
    player = players(name)
    moments = moments_of({name: player})
    schedule = by_chance(1, number, mode, moments)
    assert schedule == by_chance(1, number, mode, moments) == Schedule.from_json(schedule.to_json())
    return player.play(schedule, whole=False)


def test_one_stale_and_one_faulty_schedule(players: MakePlayer) -> None:
    for mode in ("stale", "faults"):
        assert played(players, "database", mode, 3).broken == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_some_schedules_of_each_mode(mode: str, players: MakePlayer) -> None:
    for number in range(3):
        one = played(players, "more memory", mode, number)
        assert one.broken == [], one.schedule.to_json()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edits 1/0", "edits 1/2"])
def test_edits_made_up_end_alike_after_a_death(name: str, players: MakePlayer) -> None:
    player = players(name)
    for point in player.points[3::12]:
        assert player.play(Schedule(name, 3, ({"kind": "death", "at": point.number},))).broken == []


def test_made_up_edits_follow_from_their_name() -> None:
    one, same, other = (generated(name) for name in ("edits 1/0", "edits 1/0", "edits 1/3"))
    assert len(one.steps) == len(same.steps)
    assert one.name != other.name


def test_a_failure_is_shrunk_to_what_brings_it_about() -> None:
    class Breaks(Player):
        """Anything with a death at 7 breaks it."""

        def __init__(self) -> None:
            pass

        def play(self, schedule: Schedule, **_: object) -> Played:
            bad = any(one == {"kind": "death", "at": 7} for one in schedule.wrong)
            return Played(schedule, ["broken"] if bad else [])

    wish = {"kind": "fault", "wish": {"kind": "error", "times": 3}}
    whole = Schedule("any", 1, (wish, {"kind": "death", "at": 7}, {"kind": "twice"}))
    assert shrunk(Breaks(), Breaks().play(whole)).schedule.wrong == ({"kind": "death", "at": 7},)
