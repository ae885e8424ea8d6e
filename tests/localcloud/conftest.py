"""A local cloud as its own process, and Google's own clients pointed at it."""

from __future__ import annotations

import json
import os
import random
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

from reconciler.localcloud.call import Settings
from reconciler.localcloud.core import Cloud
from reconciler.localcloud.state import MemoryRows, State
from reconciler.localcloud.values import Request, Response
from tests.localcloud.gcloud import Gcloud, gcloud_for

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
    status, _ = cloud.call(
        "POST", "/cloudresourcemanager/v3/projects", {"projectId": own, "parent": "folders/222222222222"}
    )
    assert status == 200
    cloud.call("POST", "/_aipress/time", {"advance": 60})
    return own


@pytest.fixture
def gcloud(cloud: Server, project: str, tmp_path: Path) -> Gcloud:
    """gcloud in a fresh project of the session's server; skips visibly where gcloud is missing."""
    return gcloud_for(cloud, tmp_path / "gcloud", project)


class World:
    """The pure core over memory, with a clock that only moves when told."""

    def __init__(self, **settings: Any) -> None:
        self.cloud, self.rows, self.now, self.seed = (
            Cloud(settings=Settings(**settings)),
            MemoryRows(),
            1_800_000_000.0,
            0,
        )

    def ask(self, verb: str, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        """Handle one request and commit what it wrote; `more` are query parameters (and `half_finish`)."""
        answer = self.send(verb, path, body, **more)
        return answer.status, answer.body

    def send(self, verb: str, path: str, body: object = None, **more: Any) -> Response:
        """`ask`, with `headers`, and with the whole response."""
        state, self.seed = State(self.rows), self.seed + 1
        half, headers = more.pop("half_finish", ""), more.pop("headers", {})
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        query = {name: value if isinstance(value, list) else [str(value)] for name, value in more.items()}
        request = Request(verb, path, query, headers, raw, half)
        answer = self.cloud.handle(state, request, self.now, random.Random(self.seed))
        state.commit()
        return answer

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def done(self, path: str, operation: Any, seconds: float = 1000) -> Any:
        """Let time pass and read the operation under `path` (`/run/v2/`)."""
        self.pass_time(seconds)
        status, answer = self.ask("GET", path + operation["name"])
        assert status == 200
        assert answer["done"]
        return answer

    def project(self, own: str = "acme-eu-001") -> str:
        status, operation = self.ask(
            "POST", "/cloudresourcemanager/v3/projects", {"projectId": own, "parent": "folders/222222222222"}
        )
        assert status == 200
        name: str = self.done("/cloudresourcemanager/v3/", operation)["response"]["name"]
        return name.removeprefix("projects/")

    def instance(self, own: str = "acme-eu-001", name: str = "main") -> str:
        """A running MySQL instance; returns its path."""
        base = f"/sqladmin/sql/v1beta4/projects/{own}/instances"
        settings = {"tier": "db-custom-2-8192", "dataApiAccess": "ALLOW_DATA_API"}
        status, _ = self.ask("POST", base, {"name": name, "region": "europe-west1", "settings": settings})
        assert status == 200
        self.pass_time(1000)
        return f"{base}/{name}"

    def sql(self, instance: str, statement: str, user: str = "", database: str = "") -> Any:
        body = {"sqlStatement": statement, "user": user, "database": database}
        status, answer = self.ask("POST", f"{instance}/executeSql", body)
        assert status == 200, answer
        return answer


@pytest.fixture
def world() -> World:
    found = World()
    found.project()
    return found
