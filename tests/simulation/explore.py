"""Which schedules there are: all deaths, all pairs of them, and by chance whatever else may go wrong.

A schedule made by chance follows from the seed and its number alone, so any of them can be played again.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.simulation import console
from tests.simulation.drivers import DURABLE, ENGINES
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.schedule import Perturbation, Played, Player, Schedule

DAY = 86_400
ERRORS = (400, 401, 403, 404, 408, 409, 412, 429, 499, 500, 501, 502, 503, 504)
SERVICES = ("run", "secretmanager", "sqladmin", "storage", "iam", "artifactregistry", "cloudresourcemanager", "")
MODES = ("stale", "faults", "world", "stale and death", "durable death", "everything")
QUICK_SCENARIOS = tuple(s.name for s in SCENARIOS.values() if not s.first and s.name != "new shard")


Moments = Mapping[tuple[str, str], int]
"""(scenario, engine) -> how many moments its undisturbed run has."""


def moments_of(players: Mapping[str, Player]) -> Moments:
    return {(name, engine): len(player.clean(engine).points) for name, player in players.items() for engine in ENGINES}


def single_deaths(player: Player) -> Iterator[Schedule]:
    """One at each moment of each engine's undisturbed run."""
    for engine in ENGINES:
        for point in player.clean(engine).points:
            yield Schedule(player.scenario.name, 3, ({"kind": "death", "at": point.number},), engine)


def pairs_of_deaths(player: Player) -> Iterator[Schedule]:
    """A second one at each later moment; moments are counted through both processes."""
    for engine in ENGINES:
        last = len(player.clean(engine).points)
        for first in range(last):
            for second in range(first + 1, first + 1 + last):
                wrong = ({"kind": "death", "at": first}, {"kind": "death", "at": second})
                yield Schedule(player.scenario.name, 3, wrong, engine)


def by_chance(seed: int, number: int, mode: str, moments: Moments) -> Schedule:
    """The schedule with this number."""
    chance = random.Random(f"schedule {seed}/{number}/{mode}")
    name = chance.choice(sorted({name for name, _ in moments}))
    engine = DURABLE if mode == "durable death" else chance.choice(ENGINES)
    last = max(1, moments[name, engine])
    wrong = [make(chance, last) for make in _OF[mode](chance)]
    return Schedule(name, chance.randrange(10**6), tuple(wrong), engine)


Make = Callable[[random.Random, int], Perturbation]


def _stale(chance: random.Random, last: int) -> Perturbation:
    kind = chance.choice(("stale_read", "stale_read", "stale_list", "lags", "short", "old then new"))
    if kind == "lags":
        seconds = chance.choice((1, 5, 30, 120, 420))
        which = chance.choice(({"gets": {"*": seconds}}, {"lists": {"*": seconds}}, {"enable": float(seconds)}))
        return {"kind": "lags", "lags": which}
    if kind == "short":
        return {"kind": "short", "method": "*", "after": chance.randrange(40), "times": chance.randint(1, 4)}
    wish: dict[str, Any] = {
        "kind": "stale_list" if kind == "stale_list" else "stale_read", "service": chance.choice(SERVICES),
        "behind": chance.randint(1, 10), "after": chance.randrange(30), "times": chance.randint(1, 8),
    }  # fmt: skip
    if kind == "old then new":
        wish |= {"every": chance.randint(2, 4)}
    return {"kind": "fault", "wish": wish}


def _fault(chance: random.Random, last: int) -> Perturbation:
    kind = chance.choice((
        "error", "error", "error", "lost_request", "lost_response", "half_finished", "stuck_operation",
        "late_operation", "latency",
    ))  # fmt: skip
    wish: dict[str, Any] = {
        "kind": kind, "service": chance.choice(SERVICES), "after": chance.randrange(25), "times": chance.randint(1, 3),
    }  # fmt: skip
    if kind in ("half_finished", "stuck_operation", "late_operation", "lost_response") and chance.random() < 0.8:
        wish |= {"method": chance.choice(_WRITES), "service": "", "after": chance.randrange(3)}
    if kind == "error":
        wish |= {"status": chance.choice(ERRORS), "effect": chance.random() < 0.3}
        if wish["status"] in (429, 503) and chance.random() < 0.5:
            wish["retryAfter"] = chance.choice((1, 20, 90))
        if chance.random() < 0.6:
            wish |= {"method": chance.choice(_WRITES), "service": "", "after": chance.randrange(3)}
    if kind == "late_operation":
        wish["seconds"] = chance.choice((10, 300, 4000))
    return {"kind": "fault", "wish": wish}


_WRITES = ("*.patch", "*.create", "*.insert", "*.delete", "*.setIamPolicy", "*.update", "*.executeSql", "*.addVersion")


def _death(chance: random.Random, last: int) -> Perturbation:
    return {"kind": "death", "at": chance.randrange(last)}


def _failover(chance: random.Random, last: int) -> Perturbation:
    """A death after which another host may take the fleet over for some cycles, or the engine's database lost."""
    at = chance.randrange(last)
    if chance.random() < 0.3:
        return {"kind": "lose", "at": at, "what": chance.choice(("all", "orders", "steps"))}
    return {"kind": "death", "at": at, "elsewhere": chance.choice((0, 0, 1, 2, 9))}


def _world(chance: random.Random, last: int) -> Perturbation:
    kind = chance.choice(("console", "console", "pause", "pause", "stop", "forget", "clock", "twice", "missed"))
    at = chance.randrange(last)
    if kind == "console":
        return {"kind": kind, "at": at, "act": chance.choice(sorted(console.ACTS))}
    if kind == "pause":
        seconds = chance.choice((10, 100, 200, 3600, DAY))
        return {
            "kind": kind,
            "at": at,
            "seconds": seconds,
            "cycles": chance.randint(1, 2),
            "takeOver": chance.random() < 0.5,
        }
    if kind == "forget":
        return {"kind": kind, "at": at, "tear": chance.choice((0, 0, 1, 7, 40, 400))}
    if kind == "clock":
        return {"kind": kind, "at": at, "by": chance.choice((-3600, -60, 60, 3600, DAY, 365 * DAY))}
    return {"kind": kind, "at": at} if kind == "stop" else {"kind": kind}


_OF: Mapping[str, Callable[[random.Random], list[Make]]] = {
    "stale": lambda chance: [_stale] * chance.randint(1, 3),
    "stale and death": lambda chance: [_stale] * chance.randint(1, 2) + [_death] * chance.randint(1, 2),
    "durable death": lambda chance: [_failover] * chance.randint(1, 3),
    "faults": lambda chance: [_fault] * chance.randint(1, 3),
    "world": lambda chance: [_world] * chance.randint(1, 2),
    "everything": lambda chance: chance.choices((_stale, _fault, _death, _world), k=chance.randint(2, 5)),
}


def shrunk(player: Player, played: Played, tries: int = 40) -> Played:
    """The same failure with as few perturbations as still bring it about, and each as small as it can be."""
    best = played
    again = True
    while again and tries > 0:
        again = False
        for smaller in _smaller(best.schedule):
            tries -= 1
            tried = player.play(smaller)
            if tried.broken:
                best, again = tried, True
                break
            if tries <= 0:
                break
    return best


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    wrong = schedule.wrong
    for n in range(len(wrong)):
        yield replace(schedule, wrong=wrong[:n] + wrong[n + 1 :])
    for n, one in enumerate(wrong):
        for less in _less(one):
            yield replace(schedule, wrong=(*wrong[:n], less, *wrong[n + 1 :]))


def _less(one: Perturbation) -> Iterator[Perturbation]:
    if one["kind"] == "fault":
        wish = one["wish"]
        if wish.get("times", 1) > 1:
            yield {**one, "wish": {**wish, "times": 1}}
        if wish.get("behind", 1) > 1:
            yield {**one, "wish": {**wish, "behind": 1}}
    if one["kind"] == "death" and one.get("elsewhere"):
        yield {**one, "elsewhere": one["elsewhere"] - 1}
    if one["kind"] == "pause" and one["cycles"] > 1:
        yield {**one, "cycles": 1}
