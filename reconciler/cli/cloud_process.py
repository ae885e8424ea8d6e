"""The local cloud as a process: started detached, found again by what it wrote, stopped by its own lock."""

import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import reconciler
from reconciler.model.errors import AipressError, CloudUnreachableError, UsageError

ANSWER_SECONDS = 30
STOP_SECONDS = 20
ADDRESS = "cloud.json"
LOCK = "lock"
NEEDED = ("uvicorn", "httptools", "orjson", "googleapiclient", "google.protobuf", "google.longrunning")
"""What the extra `localcloud` installs."""


@dataclass(frozen=True, slots=True)
class Wanted:
    port: int
    time_scale: float
    seed: int
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudProcess:
    """The local cloud of one state folder. Whether it runs is what its lock says, never a process number alone: a
    number may belong to somebody else by now."""

    folder: Path

    def running(self) -> dict[str, Any] | None:
        """What it wrote about itself (url, grpc, proxy, pid, state …), or None when it does not run."""
        if not self._locked():
            return None
        try:
            found = json.loads((self.folder / ADDRESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and "url" in found and "pid" in found else None

    def start(self, wanted: Wanted) -> dict[str, Any]:
        """Returns when it answers. Raises AipressError with its last words when it does not, UsageError without what it
        needs."""
        _check_needs()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self.folder / "cloud.log"
        command = [
            sys.executable, "-m", "reconciler.localcloud", "--state", str(self.folder), "--port", str(wanted.port),
            "--time-scale", str(wanted.time_scale), "--seed", str(wanted.seed), *wanted.more,
        ]  # fmt: skip
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
                cwd=Path(reconciler.__file__).parents[1],
            )  # fmt: skip
        said = _first_line(process)
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            process.terminate()
            process.wait(STOP_SECONDS)
            raise AipressError(f"the local cloud did not start: {_last_line(log)}", f"all it said is in {log}")
        return found

    def stop(self) -> bool:
        """End it and wait until it has let go of its folder. False when it was not running."""
        found = self.running()
        if found is None:
            if not self._locked():
                (self.folder / ADDRESS).unlink(missing_ok=True)
            return False
        os.kill(int(found["pid"]), signal.SIGTERM)
        if not self._freed():
            os.kill(int(found["pid"]), signal.SIGKILL)
            self._freed()
        (self.folder / ADDRESS).unlink(missing_ok=True)
        return True

    def ask(self, found: dict[str, Any], method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Its control door; a refusal is told as `error`. Raises CloudUnreachableError."""
        content = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(  # noqa: S310 - http on loopback, as it wrote itself
            f"{found['url']}{path}", content, {"content-type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                told = json.loads(answer.read() or b"{}")
        except (OSError, ValueError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 400:
                return {"error": json.loads(error.read())["error"]}
            raise CloudUnreachableError(
                f"the local cloud at {found['url']} does not answer ({error})",
                "aipress cloud down, then aipress cloud up",
            ) from error
        return told if isinstance(told, dict) else {"answer": told}

    def _locked(self) -> bool:
        """Whether a process holds the folder."""
        try:
            with (self.folder / LOCK).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _freed(self) -> bool:
        """Wait for the lock, at most STOP_SECONDS."""

        def wait() -> None:
            with (self.folder / LOCK).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(STOP_SECONDS)
        return not waiting.is_alive()


def _check_needs() -> None:
    if missing := next((name for name in NEEDED if find_spec(name) is None), None):
        raise UsageError(f"the local cloud needs {missing}", "pip install 'aipress-reconciler[all]'")


def coverage() -> dict[str, Any]:
    """What the local cloud has, as `reconciler.localcloud.coverage` counts it. Raises UsageError without its needs."""
    _check_needs()
    command = [sys.executable, "-m", "reconciler.localcloud.coverage", "--json"]
    folder = Path(reconciler.__file__).parents[1]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=folder, timeout=ANSWER_SECONDS)
    if ended.returncode:
        last = ended.stderr.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1]
        raise AipressError(f"the local cloud cannot count its methods: {last}")
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _first_line(process: "subprocess.Popen[bytes]") -> str:
    """The line in which it says that it answers; "" when it ended, or said nothing in time."""
    pipe = process.stdout
    if pipe is None:
        return ""
    with pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return pipe.readline().decode("utf-8", "replace") if selector.select(ANSWER_SECONDS) else ""


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing"
