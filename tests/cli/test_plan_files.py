"""Saved plans: readable by their owner alone, whole or not there, and refused when anyone touched them."""

import json
import stat
from pathlib import Path

import pytest

from reconciler.cli.plan_file import is_plan_file, read_plan, write_plan
from reconciler.model.errors import InputError
from reconciler.model.plan import Plan

PLAN = Plan("local:http://127.0.0.1:1", "", "b81d7aa", {"shard/eu-001": None}, (), compared=3, scope=("fleet",))


def test_a_plan_comes_back_as_it_went(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", PLAN)
    assert read_plan(tmp_path / "plan.json") == PLAN


def test_only_its_owner_can_read_it_whatever_was_there_before(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")
    file.chmod(0o666)
    write_plan(file, PLAN)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_folder_that_is_not_there_is_the_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_plan(tmp_path / "no" / "plan.json", PLAN)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '"x"', "{}", '{"format": "aipress.plan/2"}', '{"format": "aipress.plan/1"}', "[" * 100_000],
)
def test_what_is_no_plan_is_refused_with_what_to_do(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(InputError) as wrong:
        read_plan(file)
    assert "aipress plan --out" in wrong.value.hint


def test_a_plan_that_was_touched_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(file, PLAN)
    row = json.loads(file.read_text())
    row["cloud"] = "gcp:organizations/1"
    file.write_text(json.dumps(row))
    with pytest.raises(InputError, match="changed after it was made"):
        read_plan(file)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        read_plan(tmp_path / "plan.json")


def test_fleet_files_are_targets_and_never_plans(tmp_path: Path) -> None:
    (tmp_path / "tenant.yaml").touch()
    (tmp_path / "plan.json").touch()
    assert not is_plan_file(tmp_path / "tenant.yaml")
    assert not is_plan_file(tmp_path / "missing")
    assert is_plan_file(tmp_path / "plan.json")
