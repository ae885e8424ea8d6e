"""Laying out fleets, schemas, explanations, settings, completion, placing a tenant."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Aipress

NEW = """apiVersion: aipress.io/v1
kind: Tenant
metadata: { name: new-bakery }
spec:
  tier: silver
  source: { repository: "https://git.example/agency/new-bakery.git" }
  environments:
    production: { ref: main, domains: [www.new-bakery.example] }
"""


def test_the_same_seed_makes_the_same_commit(aipress: Aipress) -> None:
    one = aipress("fleet", "generate", "one", "--tenants", "5", "--seed", "x", "--json").json
    two = aipress("fleet", "generate", "two", "--tenants", "5", "--seed", "x", "--json").json
    other = aipress("fleet", "generate", "three", "--tenants", "5", "--seed", "y", "--json").json
    assert one["commit"] == two["commit"] != other["commit"]
    assert one["directory"] == str(Path("one").absolute())


def test_a_generated_fleet_is_a_clean_repository_with_the_local_cloud_set(aipress: Aipress) -> None:
    aipress("fleet", "generate", "made", "--tenants", "3")
    status = subprocess.run(["git", "status", "--short"], cwd="made", capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert 'cloud = "local"' in Path("made/aipress.toml").read_text()
    assert aipress("-C", "made", "validate").code == 0


def test_init_makes_a_fleet_that_validates(aipress: Aipress) -> None:
    ended = aipress("fleet", "init", "mine", "--name", "north")
    assert ended.code == 0
    assert aipress("-C", "mine", "validate").code == 0
    assert "aipress plan" in ended.err


def test_init_in_the_folder_one_stands_in(aipress: Aipress) -> None:
    assert aipress("fleet", "init").code == 0
    assert Path("fleet.yaml").is_file()


def test_a_folder_with_something_in_it_is_left_alone(aipress: Aipress) -> None:
    Path("full").mkdir()
    Path("full/file").touch()
    assert aipress("fleet", "init", "full").code == 5
    assert aipress("fleet", "generate", "full").code == 5
    assert [path.name for path in Path("full").iterdir()] == ["file"]


def test_a_size_that_no_fleet_can_have(aipress: Aipress) -> None:
    ended = aipress("fleet", "generate", "x", "--tenants", "100000", "--shards", "1")
    assert ended.code == 64
    assert "--shards" in ended.err


def test_schemas_are_written(aipress: Aipress) -> None:
    told = aipress("schema", "export", "out", "--json").json["written"]
    assert {Path(path).name for path in told} == {f"{k}.schema.json" for k in ("fleet", "tier", "shard", "tenant")}
    assert json.loads(Path("out/tenant.schema.json").read_text())["type"] == "object"


@pytest.mark.parametrize("field", ["tenant.spec.runtime.memory", "tenant.runtime.memory"])
def test_a_field_is_explained(aipress: Aipress, field: str) -> None:
    assert "512Mi" in aipress("explain", field).out
    assert aipress("explain", field, "--json").json["field"] == "tenant.spec.runtime.memory"


def test_a_field_nothing_manages_says_so(aipress: Aipress) -> None:
    assert "not yet" in aipress("explain", "tenant.spec.cdn").out


def test_a_field_that_is_not_there_is_the_input(aipress: Aipress) -> None:
    ended = aipress("explain", "tenant.spec.runtime.memroy")
    assert ended.code == 3
    assert "did you mean `tenant.spec.runtime.memory`" in ended.err


def test_every_setting_says_where_it_comes_from(aipress: Aipress, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("aipress.toml").write_text('cloud = "local"\nmax_parallel = 3\n')
    monkeypatch.setenv("AIPRESS_MAX_PARALLEL", "5")
    told = aipress("config", "show", "--json").json
    assert told["max_parallel"] == {"value": "5", "origin": "AIPRESS_MAX_PARALLEL"}
    assert told["cloud"]["origin"].endswith("aipress.toml")
    text = aipress("config", "show", "--origin").out
    assert "AIPRESS_MAX_PARALLEL" in text
    assert "AIPRESS_MAX_PARALLEL" not in aipress("config", "show").out


def test_a_setting_we_do_not_know_is_the_input(aipress: Aipress) -> None:
    Path("aipress.toml").write_text('clout = "local"\n')
    ended = aipress("config", "show")
    assert ended.code == 3
    assert "clout" in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(aipress: Aipress, shell: str) -> None:
    ended = aipress("completion", shell)
    assert ended.code == 0
    assert "rollback" in ended.out


def test_bash_takes_the_completion_script(aipress: Aipress) -> None:
    script = aipress("completion", "bash").out
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_completion_for_a_shell_we_cannot_tell(aipress: Aipress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/nosh")
    assert aipress("completion").code == 64


def test_a_new_tenant_is_placed_with_its_uid(aipress: Aipress) -> None:
    aipress("fleet", "generate", "made", "--tenants", "4", "--shards", "2")
    Path("new.yaml").write_text(NEW)
    proposed = aipress("-C", "made", "place", "../new.yaml", "--propose", "--json").json
    assert proposed["written"] is None
    placed = aipress("-C", "made", "place", "../new.yaml", "--json").json
    written = Path(placed["written"])
    assert written.is_file()
    assert placed["path"] == f"shards/{placed['shard']}/tenants/new-bakery/tenant.yaml"
    assert f"uid: {placed['uid']}" in written.read_text()
    assert aipress("-C", "made", "validate").code == 0
    again = aipress("-C", "made", "place", "../new.yaml")
    assert again.code == 3
    assert f"placed already, in {placed['path']}" in again.err


def test_what_is_no_tenant_is_not_placed(aipress: Aipress) -> None:
    aipress("fleet", "generate", "made", "--tenants", "1")
    Path("new.yaml").write_text(NEW.replace("tier: silver", "teir: silver"))
    ended = aipress("-C", "made", "place", "../new.yaml")
    assert ended.code == 3
    assert "`spec.tier`" in ended.err
    assert aipress("-C", "made", "place", "nosuch.yaml").code == 3
