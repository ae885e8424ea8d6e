"""`aipress validate` on a real repository: formats, exit codes, what each source of files sees."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Aipress

TENANT = "shards/s0001/tenants"


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Jo", "-c", "user.email=jo@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def fleet(aipress: Aipress) -> Path:
    assert aipress("fleet", "generate", "made", "--tenants", "2", "--shards", "1", "--seed", "7").code == 0
    return Path("made").absolute()


@pytest.fixture
def tenant(fleet: Path) -> Path:
    return next((fleet / TENANT).iterdir()) / "tenant.yaml"


def break_it(tenant: Path) -> None:
    text = tenant.read_text()
    assert "  tier: " in text
    tenant.write_text(text.replace("  tier: ", "  teir: ", 1))


def test_a_right_fleet(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("-C", str(fleet), "validate")
    assert ended.code == 0
    assert ended.out.startswith("All ")
    assert aipress("-C", str(fleet), "validate", "--json").json == []


def test_a_wrong_file_in_every_format(aipress: Aipress, fleet: Path, tenant: Path) -> None:
    break_it(tenant)
    inside = tenant.relative_to(fleet).as_posix()
    for name in ("full", "concise", "github", "gitlab", "sarif", "json"):
        ended = aipress("-C", str(fleet), "validate", "--output-format", name)
        assert ended.code == 3, name
        assert inside in ended.out, name
        assert "teir" in ended.out, name
        if name in ("gitlab", "sarif", "json"):
            json.loads(ended.out)
        if name not in ("full", "concise"):
            assert "Found " in ended.err, name


def test_the_caret_and_the_suggestion(aipress: Aipress, fleet: Path, tenant: Path) -> None:
    break_it(tenant)
    out = aipress("-C", str(fleet), "validate").out
    assert "^^^^" in out
    assert "did you mean `tier`?" in out


def test_the_index_and_a_commit_are_read_instead_of_the_files(aipress: Aipress, fleet: Path, tenant: Path) -> None:
    break_it(tenant)
    assert aipress("-C", str(fleet), "validate", "--staged").code == 0
    assert aipress("-C", str(fleet), "validate", "--rev", "HEAD").code == 0
    git(fleet, "add", "-A")
    assert aipress("-C", str(fleet), "validate", "--staged").code == 3
    git(fleet, "commit", "-q", "-m", "typo")
    assert aipress("-C", str(fleet), "validate", "--rev", "HEAD").code == 3
    assert aipress("-C", str(fleet), "validate", "--rev", "HEAD~1").code == 0


def test_paths_narrow_what_is_told(aipress: Aipress, fleet: Path, tenant: Path) -> None:
    break_it(tenant)
    assert aipress("-C", str(fleet), "validate", "tiers").code == 0
    assert aipress("-C", str(fleet), "validate", str(tenant)).code == 3
    assert aipress("-C", str(tenant.parent), "validate", "tenant.yaml").code == 3
    assert aipress("-C", str(fleet), "validate", "/etc").code == 64


def test_a_path_that_is_not_there_is_never_valid(aipress: Aipress, fleet: Path) -> None:
    for words in (("shards/nosuch",), ("nosuch.yaml", "tiers"), ("--staged", "nosuch"), ("--rev", "HEAD", "nosuch")):
        ended = aipress("-C", str(fleet), "validate", *words)
        assert (ended.code, ended.out) == (64, ""), words
        assert "nosuch" in ended.err


def test_only_the_files_that_were_named_are_called_valid(aipress: Aipress, fleet: Path, tenant: Path) -> None:
    break_it(tenant)
    assert aipress("-C", str(fleet), "validate", "tiers").out == "All 3 files valid.\n"
    assert "in 1 of 1 file." in aipress("-C", str(fleet), "validate", str(tenant)).out
    assert "in 1 of 7 files." in aipress("-C", str(fleet), "validate").out


def test_a_commit_that_is_not_there(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("-C", str(fleet), "validate", "--rev", "nosuch")
    assert ended.code == 3
    assert "nosuch" in ended.err


def test_sources_exclude_each_other(aipress: Aipress, fleet: Path) -> None:
    assert aipress("-C", str(fleet), "validate", "--staged", "--rev", "HEAD").code == 64
    assert aipress("-C", str(fleet), "validate", "--fix", "--staged").code == 64


def test_fix_writes_a_missing_uid(aipress: Aipress, fleet: Path, tenant: Path) -> None:
    lines = tenant.read_text().splitlines(keepends=True)
    tenant.write_text("".join(line for line in lines if not line.startswith("  uid:")))
    wrong = aipress("-C", str(fleet), "validate")
    assert wrong.code == 3
    assert "fixable with `aipress validate --fix`" in wrong.out
    fixed = aipress("-C", str(fleet), "validate", "--fix")
    assert fixed.code == 0
    assert fixed.out.startswith("Fixed 1 file.")
    assert "\n  uid: " in tenant.read_text()


def test_a_bare_repository(aipress: Aipress, fleet: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(fleet), "bare.git")
    assert aipress("-C", str(tmp_path / "bare.git"), "validate").code == 0
    assert aipress("-C", str(tmp_path / "bare.git"), "validate", "--rev", "main", "--json").json == []


def test_outside_a_fleet(aipress: Aipress) -> None:
    ended = aipress("validate")
    assert ended.code == 3
    assert "-C DIR" in ended.err
