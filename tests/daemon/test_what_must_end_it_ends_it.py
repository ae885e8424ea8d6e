"""What must end the process ends the loop of `serve`: nothing there swallows it, wherever it comes from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cycle.world import World
from reconciler.daemon.serve import Reported, Watch, once, run
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

PLACES = (
    ("repository", "resolve"), ("cloud", "list"), ("cloud", "get"), ("cloud", "begin"), ("history", "heads"),
    ("history", "waves"), ("history", "publish"), ("engine", "resume"), ("engine", "apply"), ("engine", "abandoned"),
    ("lease", "hold"), ("fence", "walking"), ("tenure", "claim"), ("tenure", "stopped"), ("clock", "now"),
)  # fmt: skip


class Ending:
    """A port one of whose methods is where the process ends."""

    def __init__(self, inner: Any, method: str, error: type[BaseException]) -> None:
        self._inner, self._method, self._error = inner, method, error

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            raise self._error
        return getattr(self._inner, name)


def watch(told: list[Reported]) -> Watch:
    return Watch(None, 60, lambda event: None, told.append)


@pytest.mark.parametrize("error", [Killed, SystemExit, KeyboardInterrupt], ids=lambda error: error.__name__)
@pytest.mark.parametrize(("port", "method"), PLACES, ids=str)
def test_it_is_swallowed_nowhere(port: str, method: str, error: type[BaseException], tmp_path: Path) -> None:
    if (method, error) == ("begin", KeyboardInterrupt):
        return  # a walk hears it as Ctrl-C: what is under way is finished, and the loop ends (tests/engine)
    small, told = SmallWorld(tmp_path), list[Reported]()
    world = ending(small, port, method, error)
    with pytest.raises(error):
        run(world, watch(told))
    assert all(cycle.error is None for cycle in told), "the end of the process is not the failure of a cycle"


def ending(small: SmallWorld, port: str, method: str, error: type[BaseException]) -> World:
    """The cloud is the effects' too, so there the small world's own is made to end."""
    if port == "cloud":
        small.cloud = Ending(small.cloud, method, error)  # type: ignore[assignment]
        return small.world()
    world = small.world()
    return replace(world, **{port: Ending(getattr(world, port), method, error)})


def test_nor_is_what_the_report_meets(tmp_path: Path) -> None:
    def telling(_cycle: Reported) -> None:
        raise Killed

    with pytest.raises(Killed):
        run(SmallWorld(tmp_path).world(), replace(watch([]), report=telling))


@pytest.mark.parametrize("driver", ["threads", "durable"])
@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("call", [run, once], ids=lambda call: str(call.__name__))
def test_a_death_in_the_middle_of_an_apply_ends_it_and_the_next_start_goes_on(
    driver: str, kill: str, call: Any, tmp_path: Path
) -> None:
    small, told = SmallWorld(tmp_path, durable=driver == "durable"), list[Reported]()
    small.cloud.script(Script("begin", kind="run.service", kill=kill))
    with pytest.raises(Killed):
        call(small.world(), watch(told))
    assert told == []
    applied = once(small.world(), watch([])).applied
    assert applied is not None and applied.exit_code == 0
    made = [effect for effect in small.cloud.effects if effect[0] == "create"]
    assert len(made) == len(set(made)), "nothing is made twice"
