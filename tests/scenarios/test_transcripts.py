"""Every transcript in this folder still reads as it does; and every one ends with a plan that finds nothing to do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios.playing import GIVEN, Stage, play

HERE = Path(__file__).parent
SCENARIOS = sorted(HERE.glob("*.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_the_transcript_is_what_happens(scenario: Path, stages: Callable[[Path, bool], Stage], tmp_path: Path) -> None:
    text = scenario.read_text()
    now = play(text, stages(tmp_path, GIVEN in text))
    if os.environ.get("AIPRESS_GOLDEN") == "write":
        scenario.write_text(now)
    assert now == text


def test_every_scenario_ends_with_a_plan_that_finds_nothing() -> None:
    assert SCENARIOS
    for scenario in SCENARIOS:
        last = [line for line in scenario.read_text().splitlines() if line.startswith("$ ")][-1]
        assert last == "$ aipress plan --detailed-exitcode", scenario.name
        tail = scenario.read_text().rsplit("$ ", 1)[1]
        assert "No changes" in tail and "[exit" not in tail, scenario.name
