"""What people point at: names, or the file under their cursor."""

from pathlib import Path

import pytest

from reconciler.cli.targets import fleet_path, target_from
from reconciler.model.errors import UsageError

ACME = "shards/eu-001/tenants/acme-bakery"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    root = tmp_path / "ops" / "fleet"
    for path in ("fleet.yaml", "tiers/silver.yaml", "shards/eu-001/shard.yaml", f"{ACME}/tenant.yaml"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("fleet", "fleet"),
        ("shard/eu-001", "shard/eu-001"),
        ("tenant/acme-bakery@staging", "tenant/acme-bakery@staging"),
        (f"{ACME}/tenant.yaml", "tenant/acme-bakery"),
        (f"./{ACME}/", "tenant/acme-bakery"),
        ("shards/eu-001/shard.yaml", "shard/eu-001"),
        ("shards/eu-001", "shard/eu-001"),
        ("shards", "fleet"),
        ("tiers/silver.yaml", "fleet"),
        ("fleet.yaml", "fleet"),
        ("shards/eu-001/tenants/gone/tenant.yaml", "tenant/gone"),
    ],
)
def test_targets_and_paths(fleet: Path, text: str, target: str) -> None:
    assert str(target_from(text, fleet)) == target


def test_paths_count_from_where_one_stands(fleet: Path) -> None:
    assert str(target_from("tenant.yaml", fleet / ACME)) == "tenant/acme-bakery"
    assert str(target_from("../..", fleet / ACME)) == "shard/eu-001"
    assert str(target_from(str(fleet / ACME), Path("/"))) == "tenant/acme-bakery"


@pytest.mark.parametrize(
    "text", ["acme-bakery", "tenants/acme", "shard/eu-001@production", "../elsewhere", "/etc/passwd"]
)
def test_everything_else_says_what_a_target_is(fleet: Path, text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        target_from(text, fleet)
    assert "tenant/NAME" in wrong.value.hint


def test_paths_are_named_from_the_fleet_root(fleet: Path) -> None:
    assert fleet_path("tenant.yaml", fleet / ACME, fleet) == f"{ACME}/tenant.yaml"
    assert fleet_path(".", fleet, fleet) == ""
    assert fleet_path("tiers/", fleet, None) == "tiers"
    with pytest.raises(UsageError):
        fleet_path("../../secret", fleet, fleet)
