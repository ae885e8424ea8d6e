"""The hooks with the sample fleet and the real command, where git's own traps are: quarantine, partial indexes."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.hooks.places import MakePlace, Place, install

ROOT = Path(__file__).parents[2]
TENANT = "shards/eu-001/tenants/acme-bakery/tenant.yaml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "reconciler/cli/validate.py").exists(), reason="the command line is being built"),
]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A folder with the real aipress."""
    folder = tmp_path / "real"
    folder.mkdir()
    script = f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m reconciler "$@"\n'
    (folder / "aipress").write_text(script)
    (folder / "aipress").chmod(0o755)
    return folder


@pytest.fixture
def fleet(tmp_path: Path, place: MakePlace, real: Path) -> Place:
    """A clone of the sample fleet with the pre-commit hook, and a bare server (origin) with pre-receive."""
    server = place(tmp_path / "fleet.git", stand_in=real)
    server.git("init", "--quiet", "--bare", "--initial-branch=main")
    install(server.folder / "hooks", "pre-receive")
    clone = place(tmp_path / "fleet", stand_in=real)
    shutil.copytree(ROOT / "fleet", clone.folder, dirs_exist_ok=True)
    clone.git("init", "--quiet", "--initial-branch=main")
    install(clone.folder / ".git" / "hooks", "pre-commit")
    clone.git("remote", "add", "origin", str(server.folder))
    clone.git("add", ".")
    clone.git("commit", "--quiet", "-m", "the fleet")
    return clone


def misspell(fleet: Place) -> None:
    text = (fleet.folder / TENANT).read_text()
    fleet.write(TENANT, text.replace("  tier:", "  teir:"))


def test_the_first_push_of_a_right_fleet_gets_in(fleet: Place) -> None:
    ended = fleet.run("git", "push", "origin", "main")
    assert ended.code == 0, ended.err


def test_a_wrong_tenant_is_refused_at_the_server_with_its_position(fleet: Place) -> None:
    fleet.git("push", "origin", "main")
    misspell(fleet)
    fleet.git("commit", "--quiet", "--all", "--no-verify", "-m", "a slip")

    ended = fleet.run("git", "push", "origin", "main")

    assert ended.code != 0
    assert TENANT in ended.err
    assert "teir" in ended.err
    assert "is not a valid fleet" in ended.err


@pytest.mark.parametrize("how", [("--all",), ("--", TENANT)])
def test_what_git_stages_for_this_commit_alone_is_what_is_validated(fleet: Place, how: tuple[str, ...]) -> None:
    misspell(fleet)

    ended = fleet.run("git", "commit", "-m", "a slip", *how)

    assert ended.code != 0
    assert "teir" in ended.err
    assert fleet.git("rev-list", "--count", "HEAD") == "1"


def test_a_right_commit_passes(fleet: Place) -> None:
    text = (fleet.folder / TENANT).read_text()
    fleet.write(TENANT, text.replace("displayName: ", "displayName: The "))

    ended = fleet.run("git", "commit", "--all", "-m", "a new name on the door")

    assert ended.code == 0, ended.err
