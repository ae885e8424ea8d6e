"""Every transcript in this folder still reads as it does; and every one ends with a plan that finds nothing to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import LocalCloud, start_local_cloud
from tests.scenarios.playing import Stage, play

HERE = Path(__file__).parent
SCENARIOS = sorted(HERE.glob("*.txt"))


@pytest.fixture
def stage(tmp_path: Path) -> "pytest.Generator[Stage]":
    fleet = tmp_path / "fleet"
    shutil.copytree(HERE / "fleet", fleet)
    process, cloud = start_local_cloud(tmp_path / "cloud")
    made = Stage(fleet, tmp_path / "state", cloud.url, tmp_path)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The fleet"]):
        subprocess.run(["git", *words], cwd=fleet, env=made.environment(), check=True)
    yield made
    process.kill()
    process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_the_transcript_is_what_happens(scenario: Path, stage: Stage) -> None:
    text = scenario.read_text()
    now = play(text, stage)
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


__all__ = ["LocalCloud"]
