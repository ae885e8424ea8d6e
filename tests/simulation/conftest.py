"""One place for a test session: Google's clients and players are made once."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulation.edits import MARK, generated
from tests.simulation.realm import Place
from tests.simulation.scenarios import ONE_SHARD, SCENARIOS
from tests.simulation.schedule import Player

MakePlayer = Callable[[str], Player]
_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def players() -> Iterator[MakePlayer]:
    """A player by the name of its scenario."""
    folder = Path(tempfile.mkdtemp(prefix="aipress-sim-", dir=_MEMORY if _MEMORY.is_dir() else None))
    made: dict[str, Player] = {}
    places: list[Place] = []

    def player(name: str) -> Player:
        if name not in made:
            if not places:
                places.append(Place.make(folder / "place", ONE_SHARD))
            scenario = generated(name) if name.startswith(MARK) else SCENARIOS[name]
            made[name] = Player(places[0], scenario, folder / name.replace(" ", "-").replace("/", "-"))
        return made[name]

    yield player
    shutil.rmtree(folder, ignore_errors=True)
