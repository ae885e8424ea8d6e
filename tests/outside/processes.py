"""Real processes: a local cloud that comes back at the same address, and hosts on which `aipress` runs and dies."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
FLEET = ROOT / "tests" / "scenarios" / "fleet"
WHO = {
    "GIT_AUTHOR_NAME": "Jo", "GIT_AUTHOR_EMAIL": "jo@example.org", "GIT_COMMITTER_NAME": "Jo",
    "GIT_COMMITTER_EMAIL": "jo@example.org", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip
ENDING = 60
"""Seconds that a process may take to end after it was asked to."""


@dataclass
class CloudProcess:
    """The local cloud over `folder`. Faults end with the process: `boot` arms them again. Its calls are kept here,
    because its recorder ends with it too; what it had not told when it was killed is not among them."""

    folder: Path
    seed: int
    flags: tuple[str, ...] = ()
    faults: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    _told: int = 0
    _process: subprocess.Popen[str] | None = None
    _door: http.client.HTTPConnection | None = None

    def boot(self) -> None:
        command = [
            sys.executable, "-m", "reconciler.localcloud", "--port", str(self.port), "--state", str(self.folder),
            "--time-scale", "10000", "--seed", str(self.seed), *self.flags,
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=_python())
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the local cloud ended with {self._process.wait(10)} before it answered"
        self.port = urlsplit(json.loads(line)["url"]).port or 0
        self._door, self._told = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), 0
        if self.faults:
            self.control("POST", "faults", {"faults": self.faults, "seed": self.seed})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def control(self, verb: str, path: str, body: Any = None) -> Any:
        """Through the control door, on one connection that is kept open."""
        assert self._door is not None
        content = None if body is None else json.dumps(body).encode()
        self._door.request(verb, f"/_aipress/{path}", content, {"content-type": "application/json"})
        answer = self._door.getresponse()
        told = json.loads(answer.read() or b"null")
        assert answer.status == 200, told
        return told

    def arm(self, faults: Sequence[dict[str, Any]]) -> None:
        """These faults and no others, from now on and after each boot."""
        self.faults = list(faults)
        self.control("DELETE", "faults")
        if self.faults:
            self.control("POST", "faults", {"faults": self.faults, "seed": self.seed})

    def listen(self) -> int:
        """Take what was called since the last time; the number of writes that took effect so far."""
        told = self.control("GET", f"calls?since={self._told}&mutating=true")
        self._told = told["last"]
        self.calls += told["calls"]
        return sum(1 for call in self.calls if call["wrote"])

    def end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        if self._door is not None:
            self._door.close()
        self._process.send_signal(number)
        self._process.wait(ENDING)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Host:
    """A machine with a state folder of its own. Hosts share fleet repository, history and cloud."""

    folder: Path
    fleet: Path
    history: Path
    cloud: CloudProcess
    started: int = 0

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def environment(self) -> dict[str, str]:
        return {
            **_python(), **WHO, "AIPRESS_CLOUD_URL": self.cloud.url, "AIPRESS_STATE": str(self.state),
            "AIPRESS_HISTORY": str(self.history), "AIPRESS_ACTOR": "jo@example.org", "NO_COLOR": "1",
        }  # fmt: skip

    def start(self, *words: str, largest_file: int = 0) -> subprocess.Popen[bytes]:
        """`aipress WORDS`; what it says goes to a file in `folder`. `largest_file`: bytes that its disk takes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.started += 1
        command = [sys.executable, "-m", "reconciler", *words]
        if largest_file:  # in blocks of 512 bytes; Python ignores SIGXFSZ, so that a write fails as on a full disk
            command = ["/bin/sh", "-c", 'ulimit -f "$0" && exec "$@"', str(largest_file // 512), *command]
        with (self.folder / f"said-{self.started:04}.txt").open("wb") as said:
            return subprocess.Popen(
                command, cwd=self.fleet, env=self.environment(), stdout=said, stderr=said, stdin=subprocess.DEVNULL
            )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        """The command to its end: exit code, and what it said."""
        code = self.start(*words).wait(ENDING * 2)
        return code, (self.folder / f"said-{self.started:04}.txt").read_text(errors="replace")


def kill(process: subprocess.Popen[bytes]) -> bool:
    """SIGKILL (a stopped process too); whether it was that which ended it."""
    process.send_signal(signal.SIGKILL)
    return process.wait(ENDING) == -signal.SIGKILL


def fleet_repository(folder: Path) -> Path:
    """The small fleet of the scenarios as a git repository with one commit. Its breakers close again after a minute:
    nobody here waits for five."""
    shutil.copytree(FLEET, folder)
    file, guards = folder / "fleet.yaml", "  guards:\n"
    file.write_text(file.read_text().replace(guards, f"{guards}    breakers: {{ windowMinutes: 1 }}\n"))
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "The fleet")
    return folder


def commit(fleet: Path, message: str) -> None:
    git(fleet, "add", "-A")
    git(fleet, "commit", "-q", "--allow-empty", "-m", message)


def git(folder: Path, *words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=folder, env={**_python(), **WHO}, capture_output=True, check=True)
    return done.stdout


def _python() -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("AIPRESS_", "GIT_"))}
    return {**own, "PYTHONPATH": str(ROOT)}


def kept(folder: Path, name: str, rows: Any) -> None:
    """For who looks at a failure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(rows, indent=1))
