"""What a program writes is committed, and is what it would write now: `make schemas`, `make reference`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, tracked

SCHEMAS = {"fleet.schema.json", "shard.schema.json", "tenant.schema.json", "tier.schema.json"}


def run(*module: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", *module], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.skipif(not (ROOT / "reconciler/cli/schema.py").exists(), reason="`aipress schema` is being built")
def test_the_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    run("reconciler", "schema", "export", str(tmp_path))

    fresh = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert set(fresh) == SCHEMAS
    assert fresh == {p.name: p.read_text() for p in (ROOT / "schemas").glob("*.json")}, "run `make schemas`"


@pytest.mark.skipif(not (ROOT / "reconciler/cli/REFERENCE.md").exists(), reason="the command line is being built")
def test_the_reference_of_commands_is_that_of_the_commands() -> None:
    assert run("reconciler.cli.reference") == (ROOT / "reconciler/cli/REFERENCE.md").read_text(), "run `make reference`"


def test_the_sample_fleet_points_editors_at_the_schemas() -> None:
    documents = [n for n in tracked(".yaml") if n.startswith("fleet/")]
    assert documents
    for name in documents:
        first = (ROOT / name).read_text().splitlines()[0]
        prefix, _, reference = first.partition("$schema=")
        assert prefix == "# yaml-language-server: ", name
        assert Path(reference).name in SCHEMAS, name
