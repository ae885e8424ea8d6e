"""Fleets made up: valid, the same every time, of any size; and laid out as a repository."""

import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import RefusedError, UsageError
from reconciler.model.spec import State
from reconciler.source.generate import Scaffold, generate, scaffold
from reconciler.source.git import open_repository
from reconciler.source.layout import FirstCommit, lay_out, sample
from reconciler.source.load import load, load_files

ROOT = Path(__file__).parents[2]


def test_a_generated_fleet_is_valid_and_has_a_spread_of_everything(memory_files: Any) -> None:
    files = generate(1000, 20, 7)
    fleet = load_files(memory_files(files))
    assert fleet.errors == ()
    assert {d.code for d in fleet.diagnostics} <= {"AP301"}
    assert (len(fleet.tenants), len(fleet.shards), len(fleet.tiers)) == (1000, 20, 3)
    assert Counter(fleet.where.values()).most_common(1)[0][1] == 50
    specs = [written.document.spec for written in fleet.tenants.values()]
    tiers = Counter(spec.tier for spec in specs)
    assert 550 < tiers["bronze"] < 650 and 250 < tiers["silver"] < 350 and 60 < tiers["gold"] < 140
    states = Counter(spec.state or State.ACTIVE for spec in specs)
    assert states[State.ACTIVE] > 900 and states[State.SUSPENDED] and states[State.DELETED]
    assert {shard.document.spec.region for shard in fleet.shards.values()} == {
        "us-central1", "europe-west1", "asia-northeast1",
    }  # fmt: skip
    assert sum(spec.environments.staging is not None for spec in specs) > 200
    assert all(domain.endswith(".example") for spec in specs for domain in spec.environments.production.domains or ())
    projects = [shard.document.spec.project.id for shard in fleet.shards.values()]
    assert all(re.fullmatch(r"aipress-s\d{4}-[0-9a-f]{6}", project) for project in projects)


def test_the_seed_says_it_all() -> None:
    assert generate(60, 2, 1) == generate(60, 2, 1)
    assert generate(60, 2, 1) != generate(60, 2, 2)
    ids = [re.search("id: aipress-control-.*?,", generate(0, 1, seed)["fleet.yaml"]) for seed in (1, 2)]
    assert ids[0] and ids[1] and ids[0][0] != ids[1][0]


@pytest.mark.parametrize(("tenants", "shards"), [(0, 1), (1, 1), (250, 1), (3, 7)])
def test_any_size_that_fits_is_valid(tenants: int, shards: int, memory_files: Any) -> None:
    fleet = load_files(memory_files(generate(tenants, shards, 3)))
    assert fleet.errors == ()
    assert (fleet.tenants_total, fleet.shards_total) == (tenants, shards)


@pytest.mark.parametrize(("tenants", "shards"), [(251, 1), (1, 0), (-1, 1)])
def test_a_size_that_does_not_fit_is_refused(tenants: int, shards: int) -> None:
    with pytest.raises(UsageError):
        generate(tenants, shards, 1)


def test_a_scaffold_is_valid(memory_files: Any) -> None:
    uids = iter(f"n{number:07d}" for number in range(10))
    wanted = Scaffold("my-fleet", "1a2b", organization="organizations/123456789", region="us-central1")
    files = scaffold(wanted, lambda: next(uids))
    fleet = load_files(memory_files(files))
    assert fleet.diagnostics == ()
    assert fleet.fleet is not None
    assert fleet.fleet.document.spec.organization == "organizations/123456789"
    assert list(fleet.tenants) == ["first-site"]


def test_a_fleet_is_laid_out_as_a_repository_with_one_commit(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "fleet"
    made = lay_out(folder, generate(5, 1, 1), FirstCommit("Start", "Ann <ann@example.invalid>"))
    fleet = load(open_repository(folder), "HEAD")
    assert (fleet.commit, fleet.errors, fleet.tenants_total) == (made, (), 5)
    log = subprocess.run(["git", "log", "--format=%an %s"], cwd=folder, capture_output=True, text=True, check=True)
    assert log.stdout == "Ann Start\n"
    status = subprocess.run(
        ["git", "status", "--porcelain", "-b"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert status.stdout == "## main\n"
    assert tomllib.loads((folder / "aipress.toml").read_text()) == {"cloud": "local"}
    for path in fleet.files:
        comment = re.match(r"# yaml-language-server: \$schema=(\S+)", (folder / path).read_text())
        assert comment and ((folder / path).parent / comment[1]).resolve().is_file(), path
    assert lay_out(tmp_path / "twin", generate(5, 1, 1), FirstCommit("Start", "Ann <ann@example.invalid>")) == made


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(RefusedError, match="not empty"):
        lay_out(tmp_path, generate(1, 1, 1), FirstCommit("Start"))
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_the_sample_fleet_is_what_a_newcomer_should_see_first(memory_files: Any) -> None:
    fleet = load_files(memory_files(sample()))
    assert fleet.errors == ()
    assert (len(fleet.shards), sorted(fleet.tiers)) == (2, ["bronze", "gold", "silver"])
    specs = [written.document.spec for written in fleet.tenants.values()]
    assert len(specs) >= 12
    assert {spec.state or State.ACTIVE for spec in specs} == set(State)
    assert any(spec.runtime and spec.runtime.env for spec in specs)
    assert any(spec.environments.staging and spec.environments.staging.runtime for spec in specs)
    assert [d for d in fleet.diagnostics if d.code == "AP301"]
    domains = [d for spec in specs for d in spec.environments.production.domains or ()]
    assert all(domain.endswith(".example") for domain in domains)


def test_every_sample_file_leads_editors_to_its_schema() -> None:
    for file in sorted((ROOT / "fleet").rglob("*.yaml")):
        comment = re.match(r"# yaml-language-server: \$schema=(\S+)", file.read_text())
        assert comment and (file.parent / comment[1]).resolve().is_relative_to(ROOT / "schemas"), file
        assert (file.parent / comment[1]).is_file()
