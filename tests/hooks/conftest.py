"""A stand-in for aipress on the PATH, and git repositories to push between."""

import os
import shutil
from pathlib import Path

import pytest

from tests.hooks.places import MakePlace, Place, install

STUB = r"""#!/bin/sh
# Says on every call what it was called with; finds a fleet wrong when its fleet.yaml holds the word BROKEN.
printf '%s\n' "$*" >> "$AIPRESS_CALLS"
case "$*" in
    "validate --staged") text=$(git show :fleet.yaml) ;;
    "validate --rev "*) text=$(git cat-file blob "$3:fleet.yaml") || exit 1 ;;
    *) printf '# the plan\n'; exit "${AIPRESS_ENDS_WITH:-0}" ;;
esac
case $text in
    *CRASH*) echo "stub: no memory left" >&2; exit 1 ;;
    *BROKEN*) printf 'AP103 Unknown field\n  --> fleet.yaml:1:1\n'; exit 3 ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path) -> MakePlace:
    """place(folder): a Place whose PATH has git, the plain tools and the stand-in (stub=False: no aipress at all)."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh", "tr", "head", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "aipress").write_text(STUB)
    (stub / "aipress").chmod(0o755)

    def make(folder: Path, stand_in: Path | None = stub) -> Place:
        folder.mkdir(parents=True, exist_ok=True)
        path = [str(tools)] if stand_in is None else [str(stand_in), str(tools)]
        environment = {
            "PATH": os.pathsep.join(path), "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Jo", "GIT_AUTHOR_EMAIL": "jo@fleet.example",
            "GIT_COMMITTER_NAME": "Jo", "GIT_COMMITTER_EMAIL": "jo@fleet.example",
            "AIPRESS_CALLS": str(tmp_path / "calls"), "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        return Place(folder, environment, tmp_path / "calls")

    return make


@pytest.fixture
def clone(tmp_path: Path, place: MakePlace) -> Place:
    """An ordinary repository with one good commit on main."""
    work = place(tmp_path / "clone")
    work.git("init", "--quiet", "--initial-branch=main")
    work.commit("good\n")
    return work


@pytest.fixture
def server(tmp_path: Path, place: MakePlace, clone: Place) -> Place:
    """A bare repository with the pre-receive hook, which the clone knows as origin; main is not pushed yet."""
    bare = place(tmp_path / "fleet.git")
    bare.git("init", "--quiet", "--bare", "--initial-branch=main")
    install(bare.folder / "hooks", "pre-receive")
    clone.git("remote", "add", "origin", str(bare.folder))
    return bare


@pytest.fixture
def installed(clone: Place) -> Place:
    """The clone with the pre-commit hook."""
    install(clone.folder / ".git" / "hooks", "pre-commit")
    return clone
