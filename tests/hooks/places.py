"""Folders that git commands and hooks run in."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HOOKS = Path(__file__).parents[2] / "hooks"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A folder, and the environment that commands run in there."""

    folder: Path
    environment: Mapping[str, str]
    calls_file: Path

    def run(self, *command: str, feed: str = "", **environment: str) -> Ended:
        done = subprocess.run(
            command, cwd=self.folder, env={**self.environment, **environment}, input=feed, text=True,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def git(self, *arguments: str) -> str:
        ended = self.run("git", *arguments)
        assert ended.code == 0, ended.err
        return ended.out.strip()

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, text: str, path: str = "fleet.yaml") -> str:
        self.write(path, text)
        self.git("add", path)
        self.git("commit", "--quiet", "--no-verify", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


class MakePlace(Protocol):
    """`stand_in`: the folder whose `aipress` is on the PATH; None for none. Default: the stub."""

    def __call__(self, folder: Path, stand_in: Path | None = ...) -> Place: ...


def install(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes((HOOKS / name).read_bytes())
    (folder / name).chmod(0o755)
