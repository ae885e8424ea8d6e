"""`aipress cost`, as it is typed."""

from pathlib import Path

import pytest

from tests.cli.conftest import Aipress
from tests.cli.test_validate_command import TENANT, break_it, git


@pytest.fixture
def fleet(aipress: Aipress) -> Path:
    assert aipress("fleet", "generate", "made", "--tenants", "6", "--shards", "2", "--seed", "7").code == 0
    return Path("made").absolute()


def test_shards_tenants_and_the_whole(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("-C", str(fleet), "cost")
    assert ended.code == 0
    assert "SHARD" in ended.out and "TENANT" in ended.out and "for each of 6 tenants" in ended.out
    one = aipress("-C", str(fleet), "cost", "--top", "1")
    assert "5 cheaper tenants are not listed" in one.err and "and 1 cheaper shard" in one.out


def test_the_json_adds_up_and_a_tenant_alone_pays_what_it_pays_in_the_whole(aipress: Aipress, fleet: Path) -> None:
    whole = aipress("-C", str(fleet), "cost", "--json").json
    assert len(whole["tenants"]) == 6
    shards = sum(s["monthly"]["usd"] for s in whole["shards"])
    assert whole["monthly"]["usd"] == pytest.approx(shards + whole["fleet"]["usd"])
    assert sum(t["monthly"]["usd"] for t in whole["tenants"]) == pytest.approx(shards)
    for tenant in whole["tenants"]:
        alone = aipress("-C", str(fleet), "cost", f"tenant/{tenant['tenant']}", "--json").json
        assert alone["tenants"] == [tenant] and len(alone["shards"]) == 1
    rows = aipress("-C", str(fleet), "cost", "--csv").out.splitlines()
    assert len(rows) == 7 and rows[0].startswith("tenant,shard,tier")


def test_a_change_since_a_base(aipress: Aipress, fleet: Path) -> None:
    shard = fleet / "shards" / "s0001" / "shard.yaml"
    text = shard.read_text()
    assert "diskGb: 100" in text
    shard.write_text(text.replace("diskGb: 100", "diskGb: 500", 1))
    git(fleet, "commit", "-qam", "more disk")
    found = aipress("-C", str(fleet), "cost", "--base", "HEAD~1", "--json").json["shards"]
    grown = [s["monthly"]["fixed_usd"] > 0 and s["monthly"]["usd"] > s["usd_before"] for s in found]
    assert grown == [True, False]
    assert "CHANGE" in aipress("-C", str(fleet), "cost", "--base", "HEAD~1").out


def test_what_is_wrong_is_in_no_sum_and_said(aipress: Aipress, fleet: Path) -> None:
    break_it(next((fleet / TENANT).iterdir()) / "tenant.yaml")
    git(fleet, "commit", "-qam", "a mistake")
    ended = aipress("-C", str(fleet), "cost", "--json")
    assert ended.code == 3 and len(ended.json["tenants"]) == 5 and "teir" in ended.err


def test_the_book_and_what_fleet_yaml_says_otherwise(aipress: Aipress, fleet: Path) -> None:
    root = fleet / "fleet.yaml"
    line = 'sql.disk: { usd: "0.1", source: a contract, date: "2026-11-01" }'
    own = f'  prices:\n    discountPercent: "50"\n    lines:\n      {line}\n'
    root.write_text(root.read_text().replace("spec:\n", "spec:\n" + own, 1))
    before = aipress("-C", str(fleet), "cost", "--json").json["monthly"]["fixed_usd"]
    git(fleet, "commit", "-qam", "our prices")
    after = aipress("-C", str(fleet), "cost", "--json").json["monthly"]["fixed_usd"]
    assert after < before
    book = aipress("-C", str(fleet), "cost", "--prices", "--json").json
    assert set(book["prices"]["sql.disk"]["usd"].values()) == {"0.1"}
    assert book["prices"]["secret.version"]["usd"]["us-central1"] == "0.03"
    assert "a contract" in aipress("-C", str(fleet), "cost", "--prices").out


@pytest.mark.parametrize("words", [("--top", "-1"), ("--csv", "--json"), ("--csv", "--prices")])
def test_what_does_not_go_together(aipress: Aipress, fleet: Path, words: tuple[str, ...]) -> None:
    assert aipress("-C", str(fleet), "cost", *words).code == 64


def test_what_is_not_there(aipress: Aipress, fleet: Path) -> None:
    assert aipress("-C", str(fleet), "cost", "tenant/nobody").code == 3
    assert aipress("-C", str(fleet), "cost", "--rev", "nowhere").code == 3
