"""History, drift, status and holds in columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.hold import Hold
from reconciler.model.ids import Address, shard_target, tenant_target
from reconciler.model.version import Version
from reconciler.report.escape import columns
from reconciler.report.tables import drift_columns, drift_table, history_table, holds_table, status_table, table

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Drifted:
    address: Address
    path: str
    git: Any
    last: Any
    live: Any
    since: str
    severity: str
    source: str
    sensitive: bool = False
    by: str = ""


@dataclass(frozen=True)
class Row:
    target: str
    sync: str
    health: str
    version: str
    since: str
    reason: str
    escrow: Mapping[str, Any] | None = None


ACME = Address(tenant_target("acme-bakery"), "sql.grant", "production")
SINCE = (NOW - timedelta(hours=43)).isoformat()
DRIFT = [
    Drifted(Address(shard_target("eu-001"), "project", "main"), "labels.cost", "web", "web", None, SINCE, "low", "s:3"),
    Drifted(ACME, "maxUserConnections", 100, 100, 250, SINCE, "high", "t:11"),
    Drifted(ACME, "", "there", "there", "gone", SINCE, "high", "t:1"),
    Drifted(ACME, "passwordFrom", "hunter2", "hunter2", "hunter3", SINCE, "high", "t:1", sensitive=True),
]


def test_history(golden: Callable[[str, str], None]) -> None:
    versions = [
        Version("a" * 40, None, "eu-001", 12, NOW, "lena", "apply", "b81d7aa5" * 5, "sha256:1", "healthy", "memory"),
        Version("b" * 40, None, "", 3, NOW, "aipress serve", "schedule", "3f9c1e20" * 5, "sha256:2", "failed", "x\ny"),
        Version("c" * 40, None, "eu-001", 11, NOW, "漢字", "rollback", "3f9c1e20" * 5, "sha256:2", "partial", "z" * 99),
    ]
    golden("history.txt", history_table(versions))


def test_drift(golden: Callable[[str, str], None]) -> None:
    golden("drift.txt", drift_table(DRIFT, NOW) + "\n" + drift_columns(DRIFT))


def test_drifted_secrets_are_not_shown() -> None:
    assert "hunter" not in drift_table(DRIFT, NOW) + drift_columns(DRIFT)


def test_status(golden: Callable[[str, str], None]) -> None:
    rows = [
        Row("shard/eu-001", "Synced", "Healthy", "eu-001/12", SINCE, ""),
        Row("tenant/acme-bakery", "OutOfSync", "Degraded", "eu-001/12", SINCE, "run.service: memory"),
        Row("tenant/birch-hotel", "Frozen", "Unknown", "", "", "f.yaml:1:2: broken\nline"),
        Row("tenant/cedar", "Synced", "Suspended", "eu-001/12", SINCE, ""),
    ]
    golden("status.txt", status_table(rows, NOW))


def test_holds(golden: Callable[[str, str], None]) -> None:
    holds = [
        Hold("tenant/acme-bakery", "database work", "lena", NOW - timedelta(minutes=5), NOW + timedelta(hours=2)),
        Hold("fleet", "freeze", "omar", NOW - timedelta(days=2, hours=3), None, "freeze"),
    ]
    golden("holds.txt", holds_table(holds, NOW))


def test_empty_lists_say_so() -> None:
    assert history_table([]) == "No versions yet: nothing has been applied here.\n"
    assert drift_table([], NOW) == drift_columns([]) == "No drift: everything is as it was applied.\n"
    assert holds_table([], NOW) == "Nothing is on hold.\n"
    assert status_table([], NOW).startswith("Nothing here")


def test_hostile_cells_stay_in_their_row_and_column(hostile: str) -> None:
    text = table(("A", "B"), [[hostile, "x"], ["ok", "y"]])
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert columns(lines[1]) == columns(lines[2])
