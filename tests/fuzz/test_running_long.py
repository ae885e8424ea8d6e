"""`python -m tests.fuzz` finds what is there to find, with atheris where it is installed and without."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.every import TARGETS

ATHERIS = importlib.util.find_spec("atheris") is not None


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_few_seconds_of_atheris(target: str) -> None:
    if not ATHERIS:
        pytest.skip("atheris is not installed: pip install atheris (wheels for CPython 3.11 and newer on Linux)")
    executions, trouble = command.run(target, 5, 1, "atheris")
    assert trouble == ""
    assert executions > 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_few_seconds_of_our_own_mutator() -> None:
    executions, trouble = command.run("document", 3, 1, "plain")
    assert trouble == ""
    assert executions > 10


def test_an_unknown_target_is_refused() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "nonsense"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.returncode == 2
    assert "no target nonsense" in ended.stderr
