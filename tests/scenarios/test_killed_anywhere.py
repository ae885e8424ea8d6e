"""SIGKILL in the middle of an apply loses nothing and makes nothing twice, wherever it falls."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import start_local_cloud
from tests.scenarios.playing import Stage, call
from tests.scenarios.words import objects


def killed_after(finished: int, stage: Stage) -> bool:
    """Start `aipress apply --yes`, SIGKILL it when that many changes are complete. False when it ended before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--yes"], cwd=stage.fleet, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL, env={**stage.environment(), "PYTHONPATH": str(Path(__file__).parents[2])}, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    seen = 0
    for line in process.stderr:
        seen += "complete after" in line
        if seen == finished:
            process.send_signal(signal.SIGKILL)
            break
    process.stderr.close()
    return process.wait(60) == -signal.SIGKILL


@pytest.mark.slow
def test_killed_again_and_again_it_ends_where_it_would_have_ended(stage: Stage, tmp_path: Path) -> None:
    for finished in (1, 4, 12, 25):
        assert killed_after(finished, stage)
    code, out, err = call(["apply", "--yes", "-q"], stage)
    assert code == 0, out + err
    assert call(["plan", "--detailed-exitcode", "-q"], stage)[0] == 0
    process, cloud = start_local_cloud(tmp_path / "undisturbed")
    try:
        calm = Stage(stage.fleet, tmp_path / "calm", cloud.url, tmp_path)
        assert call(["apply", "--yes", "-q"], calm)[0] == 0
        assert inventory(stage) == inventory(calm)
    finally:
        os.kill(cloud.pid, signal.SIGKILL)
        process.wait(20)


def inventory(stage: Stage) -> Counter[str]:
    """How many objects of each collection the cloud holds: nothing orphaned, nothing made twice."""
    return Counter(objects(stage))
