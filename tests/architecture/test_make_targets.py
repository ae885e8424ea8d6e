"""The make targets are a contract: each is there, and one with nothing behind it says so and fails."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

BUILT = (
    "install",
    "demo",
    "test",
    "check",
    "test-all",
    "system-deps",
    "sim",
    "sim-long",
    "bench",
    "bench-full",
    "mutants",
    "lock",
    "schemas",
    "reference",
    "clean",
)
NOT_BUILT = ("demo-wordpress",)


def make(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, env={**clean, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("target", BUILT)
def test_a_target_is_there_and_listed(target: str) -> None:
    dry = make("-n", target)
    assert dry.returncode == 0, dry.stderr
    assert f"make {target} " in make("help").stdout


@pytest.mark.parametrize("target", NOT_BUILT)
def test_a_target_without_content_fails_and_says_so(target: str) -> None:
    ended = make(target)
    assert ended.returncode != 0
    assert f"make {target}: not built yet" in ended.stderr
    assert f"make {target} " not in make("help").stdout


def test_system_deps_says_what_is_wrong_when_it_cannot_install(tmp_path: Path) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: no network' >&2\nexit 100\n")
    apt.chmod(0o755)
    ended = make("system-deps", "POSTGRES=/nowhere", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert ended.returncode != 0
    assert ("apt could not install postgresql" if os.geteuid() == 0 else "run it as root") in ended.stderr


def test_system_deps_leaves_alone_what_is_there() -> None:
    ended = make("system-deps", "POSTGRES=/bin/sh")
    assert ended.returncode == 0 and "is there" in ended.stdout


def test_what_needs_system_packages_runs_in_test_all_alone() -> None:
    assert '-m "not system and not long"' in make("-n", "test").stdout
    assert "-m long" in make("-n", "test-long").stdout
    assert "-m system" in make("-n", "test-all").stdout


def test_a_python_that_is_too_old_is_named_with_the_remedy(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\ncase "$*" in *version_info*) exit 1;; -V) echo "Python 3.9.2";; esac\n')
    old.chmod(0o755)
    ended = make(f"{tmp_path}/.venv/.installed", f"VENV={tmp_path}/.venv", f"PYTHON={old}")
    assert ended.returncode != 0
    assert "Python 3.9.2 is too old, 3.11 or newer is needed: apt install" in ended.stderr


def test_continuous_integration_runs_the_tests() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "set -euo pipefail" in script
    assert "goals=(test)" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
