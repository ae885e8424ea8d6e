"""A local cloud as its own process, and Google's own clients pointed at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 20


class Server:
    """One process of the local cloud over one state directory; `stop` is SIGTERM, `kill` is SIGKILL."""

    def __init__(self, state: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "reconciler.localcloud", "--state", str(state), *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        try:
            self.address: dict[str, Any] = json.loads(line)
        except ValueError:
            self.process.wait(START_SECONDS)
            raise RuntimeError(f"the local cloud did not start: {line}") from None
        self.url: str = self.address["url"]
        self.state = state

    def call(self, verb: str, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                raw = answer.read()
                return answer.status, json.loads(raw) if raw else None
        except urllib.error.HTTPError as error:
            raw = error.read()
            return error.code, json.loads(raw) if raw else None

    def end(self, number: signal.Signals) -> int:
        os.kill(self.process.pid, number)
        return self.process.wait(START_SECONDS)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the session; every test makes a project of its own."""
    server = Server(tmp_path_factory.mktemp("cloud"), "--time-scale", "2000", "--seed", "7")
    yield server
    if server.process.poll() is None:
        server.end(signal.SIGTERM)


@pytest.fixture
def starts(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that are certainly gone when the test ends."""
    begun: list[Server] = []

    def start(*flags: str) -> Server:
        begun.append(Server(tmp_path / "state", *flags))
        return begun[-1]

    yield start
    for server in begun:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


@pytest.fixture
def project(cloud: Server, request: pytest.FixtureRequest) -> str:
    """A fresh, active project."""
    own = "t-" + format(abs(hash((request.node.nodeid, time.monotonic_ns()))) % 16**10, "010x")
    status, _ = cloud.call("POST", "/cloudresourcemanager/v3/projects", {"projectId": own, "parent": "folders/222222222222"})
    assert status == 200
    cloud.call("POST", "/_aipress/time", {"advance": 60})
    return own
