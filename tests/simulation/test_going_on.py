"""The production engine under a death: the next process goes on from the journal, and what is wrong with it is seen."""

from collections.abc import Callable

import pytest

from reconciler.cycle import loop
from reconciler.engine.durable.shop import Shop
from tests.engine.memory_dbos import Reservation
from tests.simulation.conftest import MakePlayer
from tests.simulation.drivers import DURABLE, KEPT_PHASES, PHASES
from tests.simulation.explore import by_chance, moments_of
from tests.simulation.realm import Point
from tests.simulation.schedule import Played, Player, Schedule

AWAY = 9
"""Cycles after which another host has waited for the dead one's leases to end, and has done its work."""
QUICK = ("database", "more memory", "undelete")


def died(player: Player, point: Point, elsewhere: int = 0) -> Played:
    wrong = ({"kind": "death", "at": point.number, "elsewhere": elsewhere},)
    return player.play(Schedule(player.scenario.name, 3, wrong, DURABLE))


def after(player: Player, phase: str, nth: int = 0) -> Point:
    return [point for point in player.clean(DURABLE).points if point.phase == phase][nth]


@pytest.mark.parametrize("name", QUICK)
def test_a_death_at_some_moments(name: str, players: MakePlayer) -> None:
    player = players(name)
    for number, point in enumerate(player.clean(DURABLE).points[QUICK.index(name) :: 11]):
        played = died(player, point, number % 2)
        assert (played.deaths, played.broken) == (1, []), point


@pytest.mark.long
@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("elsewhere", [0, 1])
def test_a_death_at_every_moment(name: str, elsewhere: int, players: MakePlayer) -> None:
    player = players(name)
    for point in player.clean(DURABLE).points:
        played = died(player, point, elsewhere)
        assert (played.deaths, played.broken) == (1, []), point


def test_the_moments_are_of_every_phase(players: MakePlayer) -> None:
    phases = {point.phase for point in players("more memory").clean(DURABLE).points}
    assert phases == {*PHASES, *KEPT_PHASES}


def test_what_was_cut_off_is_gone_on_with_and_not_planned_anew(
    players: MakePlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else this file would prove what test_deaths.py proves."""
    gone_on: list[int] = []

    def heard(*given: object) -> object:
        ended, versions = go_on(*given)  # type: ignore[arg-type]
        gone_on.extend(len(outcome.items) for _, outcome in ended)
        return ended, versions

    go_on = loop.go_on
    monkeypatch.setattr("reconciler.actions.apply.go_on", heard)
    player = players("more memory")
    died(player, after(player, "answered"))
    assert gone_on == [2]
    died(player, after(player, "answered"), elsewhere=AWAY)
    assert gone_on == [2], "another host has published since: that plan is not current"


def test_the_engines_database_may_be_lost_at_any_moment(players: MakePlayer) -> None:
    player = players("more memory")
    for what, phase in (("all", "queued"), ("orders", "step kept"), ("steps", "after a call")):
        point = after(player, phase)
        lost = {"kind": "lose", "at": point.number, "what": what}
        for wrong in ((lost,), (lost, {"kind": "death", "at": point.number + 2})):
            assert player.play(Schedule("more memory", 3, wrong, DURABLE)).broken == [], (what, wrong)


def test_by_chance(players: MakePlayer) -> None:
    player = players("database")
    moments = moments_of({"database": player})
    for number in range(3):
        schedule = by_chance(1, number, "durable death", moments)
        assert schedule.engine == DURABLE and player.play(schedule, whole=False).broken == []


# --- what it would see ----------------------------------------------------------------------------------------------


def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps on record are run again."""
    monkeypatch.setattr(Reservation, "recorded", lambda *_: None)


def going_on_whatever_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that is not current is gone on with (AWS, October 2025)."""
    resume = Shop._resume
    monkeypatch.setattr(Shop, "_resume", lambda shop, _current, *heard: resume(shop, lambda _order: True, *heard))


Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("plant", "name", "phase", "elsewhere", "seen"),
    [
        (forgetful, "more memory", "polling", 0, "run again although it is on record: begin tenant/acme-bakery"),
        (going_on_whatever_happened, "two tenants", "queued", 1, "by a plan for"),
    ],
)
def test_a_planted_bug_is_seen(
    plant: Plant, name: str, phase: str, elsewhere: int, seen: str, players: MakePlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = players(name)
    point = after(player, phase)
    assert died(player, point, elsewhere).broken == []
    plant(monkeypatch)
    broken = died(player, point, elsewhere).broken
    assert any(seen in one for one in broken), broken
