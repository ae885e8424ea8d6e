"""Calling `aipress` in this process, as a person would type it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.__main__ import main


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Aipress = Callable[..., Ended]


@pytest.fixture
def aipress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aipress:
    """`aipress("plan", "--json")` in an empty folder, with no setting of this machine in the way."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("AIPRESS_CLOUD", "AIPRESS_CLOUD_URL", "AIPRESS_HISTORY", "NO_COLOR", "AIPRESS_CLOUD_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIPRESS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(*words: str) -> Ended:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], None]:
    """A person at a terminal who types these lines."""

    def person(lines: Sequence[str]) -> None:
        answers = iter(lines)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stdin.readline", lambda: next(answers) + "\n", raising=False)

    return person
