"""Replays recorded traffic of the real Google APIs and holds the likeness that was reached.

The floors stand a little under what is reached. The recordings are not in the repository: without them this skips.
What cannot match: etags and server-made ids that the recordings have replaced by placeholders.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "conformance"

# service: (same status, leaves present, leaves equal, error messages equal), in percent
FLOORS = {
    "sqladmin": (99, 95, 86, 99), "run": (99, 98, 88, 0), "storage": (99, 97, 96, 99),
    "secretmanager": (95, 96, 91, 99),
    "cloudresourcemanager": (86, 22, 12, 99), "serviceusage": (99, 95, 57, 99), "iam": (94, 99, 99, 99),
    "cloudbilling": (99, 99, 99, 99), "compute": (77, 85, 65, 78), "pubsub": (85, 79, 77, 99),
    "spanner": (87, 13, 6, 0),
    "redis": (99, 35, 26, 99),
    "workflows": (99, 77, 64, 99),
}  # fmt: skip


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not (RECORDINGS / "replay.py").exists():
        pytest.skip(f"no recordings beside the repository ({RECORDINGS.name} is missing)")
    state = tmp_path_factory.mktemp("replay")
    # Recorded clients waited for operations; the replay does not, so durations are next to nothing.
    flags = ["--state", str(state), "--time-scale", "10000000"]
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
    return {row["service"]: row for row in json.loads(answer.stdout)["scores"]}


@pytest.mark.parametrize("service", sorted(FLOORS))
def test_likeness_to_the_recordings_has_not_fallen(scores: dict[str, Any], service: str) -> None:
    row = scores[service]
    reached = tuple(row[name] for name in ("same_status", "leaves_present", "leaves_equal", "error_messages_equal"))
    for got, floor in zip(reached, FLOORS[service], strict=True):
        assert got >= floor, f"{service}: reached {reached}, floors {FLOORS[service]}"
