"""The server hook's stdin: whatever is handed over, nothing but object ids reaches a command."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.repositories import fleet_repository

HOOK = Path(__file__).parents[2] / "hooks" / "pre-receive"
ZERO = "0" * 40
LINES = {
    "empty": "",
    "blank": "\n\n",
    "one-word": "x\n",
    "nul": "\0\n",
    "option": f"{ZERO} --upload-pack=x refs/heads/main\n",
    "option-as-old": f"-x {ZERO} refs/heads/main\n",
    "shell": f"{ZERO} $(touch${{IFS}}pwned) refs/heads/main\n",
    "backticks": f"{ZERO} `touch\\tpwned` refs/heads/main\n",
    "semicolon": f"{ZERO} a;touch\\tpwned refs/heads/main\n",
    "glob": f"{ZERO} * refs/heads/*\n",
    "missing-object": f"{ZERO} {'1' * 40} refs/heads/main\n",
    "short": f"{ZERO} abc refs/heads/x\n",
    "upper": f"{ZERO} {'A' * 40} refs/heads/x\n",
    "ansi": f"{ZERO} zz refs/heads/\x1b[2K\x9b31m\n",
    "long": f"{ZERO} {'a' * 100_000} x\n",
    "many": f"{ZERO} {'1' * 40} refs/heads/x\n" * 500,
    "no-line-feed": f"{ZERO} {'1' * 40} refs/heads/x",
    "not-utf-8": f"{ZERO} \udcff\udcfe x\n",
    "backslash": f"{ZERO} \\\\x refs/heads/\\n\n",
    "tabs": f"{ZERO}\t{'1' * 40}\trefs/heads/x\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare fleet repository, and an aipress that only writes down how it is called."""
    folder = tmp_path_factory.mktemp("hook")
    fleet_repository(folder / "fleet.git")
    fake = folder / "bin" / "aipress"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{folder}/calls"\n')
    fake.chmod(0o755)
    return folder


@pytest.mark.parametrize("name", LINES)
def test_hostile_lines_reach_no_command(name: str, place: Path) -> None:
    (place / "calls").unlink(missing_ok=True)
    ended = subprocess.run(
        ["sh", str(HOOK)], input=LINES[name].encode("utf-8", "surrogateescape"), capture_output=True, timeout=60,
        check=False,
        cwd=place / "fleet.git", env={**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "GIT_DIR": "."},
    )  # fmt: skip
    assert ended.returncode in (0, 1)
    assert not any((byte < 32 and byte not in (9, 10)) or byte == 127 for byte in ended.stderr), ended.stderr[:300]
    assert not (place / "calls").exists(), (place / "calls").read_text()
    assert not list(place.rglob("pwned"))
