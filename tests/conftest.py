"""Fixtures that several rooms' tests share."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud process of this test session."""

    url: str
    pid: int
    state: Path

    def control(self, path: str, body: Any = None, method: str = "") -> Any:
        """Speak to its control door: control("/_aipress/faults", {...}) posts, without a body it gets."""
        content = None if body is None else json.dumps(body).encode()
        request = Request(
            self.url + path,
            content,
            {"content-type": "application/json"},
            method=method or ("GET" if body is None else "POST"),
        )
        with urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None


def start_local_cloud(state: Path, *flags: str) -> tuple["subprocess.Popen[str]", LocalCloud]:
    """Start a local cloud process and wait for the line that says that it answers. The caller ends it."""
    state.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "reconciler.localcloud", "--port", "0", "--state", str(state)]
    process = subprocess.Popen(
        [*command, "--time-scale", "10000", *flags],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"the local cloud ended with {process.wait(10)} before it answered")
    row = json.loads(line)
    return process, LocalCloud(row["url"], row["pid"], state)


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One local cloud for the session (per xdist worker). Tests that use it make their own projects in it."""
    process, cloud = start_local_cloud(tmp_path_factory.mktemp("localcloud"))
    yield cloud
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
