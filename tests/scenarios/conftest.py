"""Stages for scenarios: an empty cloud, or one in which the small fleet is applied already."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import start_local_cloud
from tests.scenarios.playing import Stage, call

FLEET = Path(__file__).parent / "fleet"
MakeStage = Callable[[Path, bool], Stage]


def laid_out(folder: Path, url: str) -> Stage:
    """The small fleet as a git repository with one commit."""
    shutil.copytree(FLEET, folder / "fleet")
    made = Stage(folder / "fleet", folder / "state", url, folder)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The fleet"]):
        subprocess.run(["git", *words], cwd=made.fleet, env=made.environment(), check=True)
    return made


@pytest.fixture(scope="session")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fleet, state and cloud after one apply; copied by who wants to start from there."""
    folder = tmp_path_factory.mktemp("applied")
    process, cloud = start_local_cloud(folder / "cloud")
    try:
        made = laid_out(folder, cloud.url)
        code, out, err = call(["apply", "--yes", "-q"], made)
        assert code == 0, out + err
    finally:
        process.terminate()
        process.wait(20)
    return folder


@pytest.fixture
def stages(request: pytest.FixtureRequest) -> Iterator[MakeStage]:
    """Makes stages: stages(folder, applied). Their clouds end with the test."""
    processes: list[subprocess.Popen[str]] = []

    def make(folder: Path, applied: bool) -> Stage:
        if applied:
            shutil.copytree(request.getfixturevalue("applied_once"), folder, dirs_exist_ok=True)
        process, cloud = start_local_cloud(folder / "cloud")
        processes.append(process)
        if applied:
            return Stage(folder / "fleet", folder / "state", cloud.url, folder)
        return laid_out(folder, cloud.url)

    yield make
    for process in processes:
        process.kill()
        process.wait(20)


@pytest.fixture
def stage(tmp_path: Path, stages: MakeStage) -> Stage:
    return stages(tmp_path, False)
