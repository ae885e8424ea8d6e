"""Determinism: the same seed gives the same calls at the same times, in this process and in another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.conftest import MakePlayer
from tests.simulation.drivers import ENGINES
from tests.simulation.schedule import Schedule

SCRIPT = """
import tempfile, pathlib
from tests.simulation.realm import Place
from tests.simulation.scenarios import ONE_SHARD, SCENARIOS
from tests.simulation.schedule import Player, Schedule
folder = pathlib.Path(tempfile.mkdtemp())
player = Player(Place.make(folder / "place", ONE_SHARD), SCENARIOS["database"], folder / "it")
print(player.play(Schedule("database", 5, WRONG, "ENGINE")).trace)
"""
WRONG = ({"kind": "death", "at": 9},)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_seed_repeats_and_another_does_not(engine: str, players: MakePlayer) -> None:
    player = players("undelete")
    once, again, other = (player.play(Schedule("undelete", seed, WRONG, engine)) for seed in (5, 5, 6))
    assert once.trace == again.trace != other.trace


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_seed_repeats_in_another_process_and_with_other_hashes(engine: str, players: MakePlayer) -> None:
    traces = set()
    for number in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.replace("WRONG", repr(WRONG)).replace("ENGINE", engine)],
            env={**os.environ, "PYTHONHASHSEED": number}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        traces.add(done.stdout.strip())
    assert traces == {players("database").play(Schedule("database", 5, WRONG, engine)).trace}
