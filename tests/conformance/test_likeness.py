"""The likeness to recorded traffic of the real APIs is what the local cloud says of itself, and has not fallen.

The recordings are not in the repository: without them the tests that need them skip.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.localcloud import coverage
from tests.conformance.recorded import RECORDINGS, replayed

needs_recordings = pytest.mark.skipif(
    not (RECORDINGS / "replay.py").exists(), reason="no recordings beside the repository (../shared/conformance)"
)


@pytest.mark.slow
@needs_recordings
@pytest.mark.timeout(300)
def test_the_figures_are_those_of_today() -> None:
    told = json.loads(coverage.MEASURED.read_bytes())
    for name, learns in (("recorded", False), ("client", True)):
        for service, row in replayed(learns=learns).table().items():
            # Half a point is room for what the order of a set may change; a real fall is larger.
            held = told[service][name]
            worse = [had - got for had, got in zip(held, row[1:], strict=True)]
            assert max(worse) < 0.5, f"{service} as {name}: {row[1:]}, was {held}; mend it, or run `make coverage`"


@pytest.mark.slow
@needs_recordings
@pytest.mark.timeout(300)
def test_over_http_it_scores_as_in_process(tmp_path: Path) -> None:
    """The script that others judge with, against a running server: no door may cost likeness."""
    flags = ["--state", str(tmp_path), "--time-scale", "10000000"]
    server = subprocess.Popen(
        [sys.executable, "-m", "reconciler.localcloud", *flags], stdout=subprocess.PIPE, text=True
    )
    try:
        url = json.loads(server.stdout.readline() if server.stdout else "{}")["url"]
        replay = [sys.executable, str(RECORDINGS / "replay.py"), url, "--json"]
        answer = subprocess.run(replay, capture_output=True, text=True, timeout=250, check=True)
    finally:
        server.terminate()
        server.wait(20)
    told = json.loads(coverage.MEASURED.read_bytes())
    for row in json.loads(answer.stdout)["scores"]:
        held = told[row["service"]]["recorded"]
        got = [row[name] for name in ("same_status", "leaves_present", "leaves_equal", "error_messages_equal")]
        # Doors honour `fields=`, which a recording may not; in a service of few exchanges that is several points.
        room = 1.5 if row["exchanges"] > 60 else 8
        assert max(had - now for had, now in zip(held, got, strict=True)) < room, (row, held)
