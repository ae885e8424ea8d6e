"""The map of the house: which room may import which. The contracts stand in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.house import ROOT


def lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=110)


def test_every_room_keeps_to_its_floor() -> None:
    ended = lint_imports(ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 broken" in ended.stdout
