"""pre-commit: what is staged is validated before it becomes a commit."""

from pathlib import Path

import pytest

from tests.hooks.places import MakePlace, Place, install

pytestmark = pytest.mark.slow


def test_a_wrong_fleet_is_not_committed(installed: Place) -> None:
    before = installed.git("rev-parse", "HEAD")
    installed.write("fleet.yaml", "BROKEN\n")
    installed.git("add", "fleet.yaml")

    ended = installed.run("git", "commit", "-m", "wrong")

    assert ended.code != 0
    assert "AP103 Unknown field" in ended.err
    assert "not committed: the fleet would be wrong" in ended.err
    assert installed.git("rev-parse", "HEAD") == before


def test_a_failure_of_the_command_itself_is_told_apart(installed: Place) -> None:
    installed.write("fleet.yaml", "CRASH\n")
    installed.git("add", "fleet.yaml")

    ended = installed.run("git", "commit", "-m", "never")

    assert ended.code != 0
    assert "nothing could be validated (aipress ended with 1)" in ended.err


def test_a_right_fleet_is_committed(installed: Place) -> None:
    installed.write("fleet.yaml", "better\n")
    installed.git("add", "fleet.yaml")

    assert installed.run("git", "commit", "-m", "right").code == 0
    assert installed.calls() == ["validate --staged"]


def test_what_counts_is_staged_not_what_is_in_the_folder(installed: Place) -> None:
    installed.write("fleet.yaml", "better\n")
    installed.git("add", "fleet.yaml")
    installed.write("fleet.yaml", "BROKEN\n")

    assert installed.run("git", "commit", "-m", "the staged half").code == 0
    assert installed.git("show", "HEAD:fleet.yaml") == "better"


def test_commit_all_is_validated_as_git_stages_it(installed: Place) -> None:
    installed.write("fleet.yaml", "BROKEN\n")

    assert installed.run("git", "commit", "-a", "-m", "wrong").code != 0


def test_commits_that_touch_no_fleet_file_do_not_wait(installed: Place) -> None:
    installed.write("notes.md", "hello\n")
    installed.git("add", "notes.md")

    assert installed.run("git", "commit", "-m", "notes").code == 0
    assert installed.calls() == []


@pytest.mark.parametrize("path", ["shards/eu-001/tenants/acme/tenant.yaml", "sub/fleet/tiers/gold.yaml"])
def test_every_fleet_file_wakes_it(installed: Place, path: str) -> None:
    installed.write(path, "anything\n")
    installed.git("add", path)

    assert installed.run("git", "commit", "-m", "a tenant").code == 0
    assert installed.calls() == ["validate --staged"]


def test_without_aipress_nothing_is_committed_unseen(installed: Place, place: MakePlace, tmp_path: Path) -> None:
    bare_hands = place(tmp_path / "clone", stand_in=None)
    bare_hands.write("fleet.yaml", "better\n")
    bare_hands.git("add", "fleet.yaml")

    ended = bare_hands.run("git", "commit", "-m", "unseen")

    assert ended.code != 0
    assert "aipress is not on the PATH" in ended.err


def test_the_first_commit_of_a_repository_is_validated(place: MakePlace, tmp_path: Path) -> None:
    fresh = place(tmp_path / "fresh")
    fresh.git("init", "--quiet", "--initial-branch=main")
    install(fresh.folder / ".git" / "hooks", "pre-commit")
    fresh.write("fleet.yaml", "BROKEN\n")
    fresh.git("add", "fleet.yaml")

    assert fresh.run("git", "commit", "-m", "first").code != 0
