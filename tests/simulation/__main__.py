"""`make sim` and `make sim-long`: schedules on all cores, and what they broke.

    python -m tests.simulation --seconds 150          a budgeted slice: deaths at each moment, and by chance
    python -m tests.simulation --count 100000         so many by chance (modes in turn, or --mode stale)
    python -m tests.simulation --replay '{"scenario": …}'    one schedule, told moment by moment

The seed is AIPRESS_SIM_SEED (default 1). What fails is shrunk, printed with the command that plays it again, and
written to build/simulation as a test that can be committed.
"""

import argparse
import contextlib
import gc
import hashlib
import itertools
import json
import logging
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.drivers import ENGINES
from tests.simulation.edits import MARK, generated
from tests.simulation.explore import (
    MODES,
    QUICK_SCENARIOS,
    by_chance,
    moments_of,
    pairs_of_deaths,
    shrunk,
    single_deaths,
)
from tests.simulation.realm import Place
from tests.simulation.scenarios import ONE_SHARD, SCENARIOS
from tests.simulation.schedule import Played, Player, Schedule

BUILD = Path("build/simulation")
ROW = ("scenario", "seed", "wrong", "engine")
MOST_FAILURES = 25
"""Then a worker stops: more of the same says no more."""


@dataclass
class Tally:
    """What a worker has done. `deaths`: (phase, kind) that a process died in; `struck`: (fault, method)."""

    schedules: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0

    def add(self, mode: str, played: Played) -> None:
        self.schedules[mode] += 1
        self.engines[played.schedule.engine] += 1
        self.calls += played.calls
        self.struck.update(played.struck)
        self.deaths.update(played.died_in)

    def merge(self, other: "Tally") -> None:
        for mine, theirs in zip(self._counters(), other._counters(), strict=True):
            mine.update(theirs)
        self.failures += other.failures
        self.calls += other.calls

    def _counters(self) -> tuple[Counter[str], ...]:
        return self.schedules, self.engines, self.deaths, self.struck


@dataclass
class Work:
    """What a worker is to do: its part of `parts`, until `until` (a monotonic time) or `count` schedules by chance."""

    seed: int
    part: int
    parts: int
    until: float
    count: int
    modes: tuple[str, ...]
    deaths: bool
    pairs: bool


def schedules(work: Work, players: dict[str, Player]) -> Iterator[tuple[str, Schedule]]:
    """This worker's share: the complete enumerations, in an order of the seed so that a part of them is of all, and one
    by chance after each two of them; then more by chance."""
    listed: list[tuple[str, Schedule]] = []
    for player in players.values():
        listed += [("death", each) for each in single_deaths(player)] if work.deaths else []
        if work.pairs and player.scenario.small:
            listed += [("pair", each) for each in pairs_of_deaths(player)]
    random.Random(work.seed).shuffle(listed)
    mine, chance = iter(listed[work.part :: work.parts]), _by_chance(work, players)
    for first in mine:
        yield from (first, *itertools.islice(mine, 1), *itertools.islice(chance, 1))
    yield from chance


def _by_chance(work: Work, players: dict[str, Player]) -> Iterator[tuple[str, Schedule]]:
    some = (*QUICK_SCENARIOS, *(name for name in players if name.startswith(MARK)))
    moments = moments_of({name: player for name, player in players.items() if name in some})
    for number in range(work.part, work.count, work.parts):
        mode = work.modes[(number // work.parts) % len(work.modes)]
        yield mode, by_chance(work.seed, number, mode, moments)


def worked(work: Work, players: dict[str, Player], tally: Tally, tell: Any) -> None:
    told = time.monotonic()
    for mode, schedule in schedules(work, players):
        if time.monotonic() > work.until or len(tally.failures) >= MOST_FAILURES:
            break
        player = players[schedule.scenario]
        played = player.play(schedule, whole=mode in ("death", "pair"))
        if played.broken:
            # A death is cut short only when the end is alike; look again with the empty plan asked for.
            small = shrunk(player, played)
            tally.failures.append({"mode": mode, **small.schedule.to_json(), "broken": small.broken})
            print(f"FAILED ({mode}): {small.broken[0]}\n    {json.dumps(small.schedule.to_json())}", flush=True)
        tally.add(mode, played)
        if sum(tally.schedules.values()) % 50 == 0:
            gc.collect()
        if time.monotonic() - told > 10:
            told = time.monotonic()
            tell(tally)
    tell(tally)


def worker(work: Work, players: dict[str, Player], folder: Path, queue: Any) -> None:
    """In a forked process: clients and snapshots are there already; files are its own."""
    logging.disable(logging.NOTSET)
    place = next(iter(players.values())).place
    place.move(folder)
    for player in players.values():
        player.folder = folder / player.folder.name
    gc.freeze()
    gc.disable()
    try:
        worked(work, players, Tally(), lambda tally: queue.put((work.part, tally, False)))
    finally:
        queue.put((work.part, None, True))


def run(options: argparse.Namespace) -> int:
    began = time.monotonic()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="aipress-sim-", dir=memory if memory.is_dir() else None))
    names = [name for name in SCENARIOS if not options.scenario or name in options.scenario]
    try:
        place = Place.make(folder / "place", ONE_SHARD)
        players = {name: Player(place, SCENARIOS[name], folder / name.replace(" ", "-")) for name in names}
        players |= made_up(place, folder, options)
        points = sum(moments_of(players).values())
        print(f"{len(players)} scenarios, {points} moments; ready after {time.monotonic() - began:.0f} s", flush=True)
        tallies = shared(options, players, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    total = Tally()
    for tally in tallies.values():
        total.merge(tally)
    return report(total, time.monotonic() - began, players, options)


def made_up(place: Place, folder: Path, options: argparse.Namespace) -> dict[str, Player]:
    """So many scenarios by chance; one whose plan a guard refuses is left out, and said."""
    found: dict[str, Player] = {}
    for number in range(options.edits):
        name = f"{MARK}{options.seed}/{number}"
        try:
            found[name] = Player(place, generated(name), folder / f"edits-{number}")
        except AssertionError as refused:
            print(f"{name} is left out: {str(refused)[:300]}", flush=True)
    return found


def shared(options: argparse.Namespace, players: dict[str, Player], folder: Path) -> dict[int, Tally]:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    parts = options.workers
    modes = (options.mode,) if options.mode else MODES
    until = time.monotonic() + (options.seconds or 10**9)
    tallies: dict[int, Tally] = {}
    workers = []
    for part in range(parts):
        work = Work(options.seed, part, parts, until, options.count, modes, options.deaths, options.pairs)
        one = context.Process(target=worker, args=(work, players, folder / f"worker-{part}", queue))
        one.start()
        workers.append(one)
    left = set(range(parts))
    told = began = time.monotonic()
    while left:
        with contextlib.suppress(Exception):
            part, tally, over = queue.get(timeout=20)
            if tally is not None:
                tallies[part] = tally
            if over:
                left.discard(part)
        left = {part for part in left if workers[part].is_alive() or not queue.empty()}
        if time.monotonic() - told > 30:
            told = time.monotonic()
            done = sum(sum(t.schedules.values()) for t in tallies.values())
            wrong = sum(len(t.failures) for t in tallies.values())
            print(f"{done} schedules, {done / (told - began):.1f} a second, {wrong} failed", flush=True)
    for one in workers:
        one.join()
    if any(one.exitcode for one in workers):
        raise SystemExit("a worker of the simulation died: see above")
    return tallies


def report(total: Tally, seconds: float, players: dict[str, Player], options: argparse.Namespace) -> int:
    done = sum(total.schedules.values())
    said = ", ".join(f"{count} {mode}" for mode, count in sorted(total.schedules.items()))
    print(f"\n{done} schedules in {seconds:.0f} s, {done / seconds:.1f} a second, {total.calls} calls: {said}")
    print("walked by: " + ", ".join(f"{count} {engine}" for engine, count in sorted(total.engines.items())))
    there = {p.cell for player in players.values() for engine in ENGINES for p in player.clean(engine).points}
    print(f"deaths: {len(total.deaths.keys() & there)} of {len(there)} phases × kinds of effect")
    print(f"faults: {len(total.struck)} kinds × methods struck, {sum(total.struck.values())} times")
    for failure in total.failures:
        print(f"\nFAILED ({failure['mode']}): {failure['broken'][0]}")
        for other in failure["broken"][1:4]:
            print(f"    and: {other}")
        row = {name: failure[name] for name in ROW}
        print(f"    python -m tests.simulation --replay '{json.dumps(row)}'")
        print(f"    written to {written(failure)}")
    print(f"{len(total.failures)} failed (seed {options.seed})")
    return 1 if total.failures else 0


TEST = '''"""Found by the simulation; written by `python -m tests.simulation`, seed and all."""

from tests.simulation.conftest import MakePlayer
from tests.simulation.schedule import Schedule

SCHEDULE = {row}


def test_{name}(players: MakePlayer) -> None:
    schedule = Schedule.from_json(SCHEDULE)
    assert players(schedule.scenario).play(schedule).broken == []
'''


def written(failure: dict[str, Any]) -> Path:
    row = {name: failure[name] for name in ROW}
    name = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:10]
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / f"{name}.json").write_text(json.dumps({**row, "broken": failure["broken"][:5]}, indent=1) + "\n")
    path = BUILD / f"test_{name}.py"
    path.write_text(TEST.format(row=row, name=name))
    return path


def replay(text: str) -> int:
    """Play one schedule, and tell each moment and each call."""
    schedule = Schedule.from_json(json.loads(Path(text).read_text() if Path(text).is_file() else text))
    folder = Path(tempfile.mkdtemp(prefix="aipress-sim-"))
    try:
        name = schedule.scenario
        scenario = generated(name) if name.startswith(MARK) else SCENARIOS[name]
        player = Player(Place.make(folder / "place", ONE_SHARD), scenario, folder / "it")
        played = player.play(schedule, tell=print)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{played.cycles} cycles, {played.deaths} deaths, {played.calls} calls, trace {played.trace[:16]}")
    print("\n".join(played.broken) or "nothing is broken")
    return 1 if played.broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long")
    parser.add_argument("--count", type=int, default=10**9, help="schedules by chance")
    parser.add_argument("--mode", choices=MODES, default="")
    parser.add_argument("--scenario", action="append")
    parser.add_argument("--edits", type=int, default=4, help="scenarios by chance")
    parser.add_argument("--no-deaths", dest="deaths", action="store_false")
    parser.add_argument("--pairs", action="store_true", help="all pairs of deaths of the small scenarios too")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("AIPRESS_SIM_SEED", "1")))
    parser.add_argument("--replay", default="")
    options = parser.parse_args()
    return replay(options.replay) if options.replay else run(options)


if __name__ == "__main__":
    sys.exit(main())
