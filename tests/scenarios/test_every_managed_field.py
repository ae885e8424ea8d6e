"""Every field of a tenant and of a shard: edited, the plan shows that change and no other; applied, the plan is empty.

What a field changes stands in one table for the tenant (tests/desired) and in one for the shard (here). Each edit is
planned against the cloud that holds the fleet without it; then all of them are applied at once and read back.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.assemble import settings, world
from reconciler.cycle.world import World
from reconciler.model.ids import Target
from reconciler.model.plan import Plan
from reconciler.model.spec import SHARD_UNMANAGED, TENANT_UNMANAGED, ShardDocument, SqlBackups
from tests.desired.test_every_tenant_field import TABLE as TENANT_TABLE
from tests.desired.test_every_tenant_field import leaves, put
from tests.scenarios.conftest import MakeStage

TENANT = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
SHARD = "shards/eu-001/shard.yaml"
SETTINGS, BACKUPS = "settings", "settings.backupConfiguration"
Changed = dict[str, tuple[str, ...]]

SHARD_TABLE: dict[str, tuple[Any, Changed]] = {
    "metadata.labels": (
        {"team": "north"},
        {
            "artifact.repository/tenants": ("labels.team",), "project/main": ("labels.team",),
            "sql.instance/main": ("settings.userLabels.team",), "storage.bucket/media": ("labels.team",),
        },
    ),
    "metadata.displayName": ("Europe One", {"project/main": ("displayName",)}),
    "spec.sql.tier": ("db-custom-4-16384", {"sql.instance/main": (f"{SETTINGS}.tier",)}),
    "spec.sql.diskGb": (150, {"sql.instance/main": (f"{SETTINGS}.dataDiskSizeGb",)}),
    "spec.sql.availability": ("REGIONAL", {"sql.instance/main": (f"{SETTINGS}.availabilityType",)}),
    "spec.sql.flags": (
        {"max_connections": "1500", "slow_query_log": "on", "long_query_time": "2"},
        {"sql.instance/main": (f"{SETTINGS}.databaseFlags[max_connections].value",)},
    ),
    "spec.sql.deletionProtection": (False, {"sql.instance/main": (f"{SETTINGS}.deletionProtectionEnabled",)}),
    "spec.sql.backups.startTime": ("03:00", {"sql.instance/main": (f"{BACKUPS}.startTime",)}),
    "spec.sql.backups.retained": (
        20, {"sql.instance/main": (f"{BACKUPS}.backupRetentionSettings.retainedBackups",)},
    ),
    "spec.sql.backups.logDays": (5, {"sql.instance/main": (f"{BACKUPS}.transactionLogRetentionDays",)}),
    "spec.bucket.softDeleteDays": (20, {"storage.bucket/media": ("softDeletePolicy.retentionDurationSeconds",)}),
    "spec.bucket.versioning": (False, {"storage.bucket/media": ("versioning.enabled",)}),
    "spec.services": (["dns.googleapis.com"], {"project.service/dns.googleapis.com": ()}),
    "spec.capacity.tenants": (60, {}),
    "spec.tiers": (["bronze", "silver"], {}),
    "spec.state": ("draining", {}),
}  # fmt: skip
NOT_EDITED = {
    "apiVersion": "not a field of the shard", "kind": "not a field of the shard", "metadata.name": "never changes",
    "metadata.uid": "never changes", "spec.project.id": "never changes: test_what_cannot_change",
    "spec.project.folder": "the folder a project stands in: test_what_cannot_change",
    "spec.region": "never changes: test_what_cannot_change", "spec.sql.version": "test_what_cannot_change",
    "spec.sql.backups.enabled": "alone it turns the log off as well: test_backups_are_turned_off",
    "spec.bucket.name": "test_what_cannot_change", "spec.bucket.location": "test_what_cannot_change",
}  # fmt: skip


@pytest.fixture
def at(stages: MakeStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    stage = stages(tmp_path, True)
    for name, value in stage.environment().items():
        monkeypatch.setenv(name, value)
    return world(settings({"directory": str(stage.fleet)}))


def edited(at: World, file: str, edits: Mapping[str, Any], on: str = "main") -> str:
    """A commit with these values on top of another, on no branch; the files are as on main again afterwards."""
    fleet = at.repository.folder  # type: ignore[attr-defined]
    git = ["git", "-C", str(fleet), "-c", "user.name=Jo", "-c", "user.email=jo@example.org"]
    subprocess.run([*git, "checkout", "-q", "--detach", on], check=True)
    document = yaml.safe_load((fleet / file).read_text())
    for path, value in edits.items():
        put(document, path, value)
    (fleet / file).write_text(yaml.safe_dump(document, sort_keys=False))
    subprocess.run([*git, "commit", "-qam", "edit"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([*git, "checkout", "-q", "main"], check=True)
    return commit


def changed(plan: Plan) -> Changed:
    return {
        f"{c.address.kind}/{c.address.key}": () if str(c.action) == "create" else tuple(f.path for f in c.fields)
        for c in plan.changes
    }


@pytest.mark.slow
def test_each_field_of_a_tenant_is_planned_alone_and_all_are_applied(at: World) -> None:
    target = (Target.parse("tenant/acme-bakery"),)
    wrong: dict[str, Any] = {}
    for field, expect in TENANT_TABLE.items():
        edits = {field: expect.value, **INSTEAD.get(field, {})}
        edits |= {field: "8.4"} if field.endswith(".php") else {}
        plan = make(at, PlanRequest(target, head=edited(at, TENANT, edits)))
        kinds = {f"{kind}/{environment}" for kind, environment in expect.changes}
        kinds |= ALSO.get(field, set())
        if kinds_of(plan) != kinds or any(d.severity == "error" for d in plan.diagnostics):
            wrong[field] = (changed(plan), [d.message for d in plan.diagnostics])
    assert wrong == {}
    together = {field: expect.value for field, expect in TENANT_TABLE.items() if field not in CLASHING}
    finished(at, edited(at, TENANT, together))


ALSO = {
    "spec.tier": {"sql.grant/production", "sql.grant/staging"},
    "spec.runtime.memory": {"run.service/staging"},
}
"""What else changes in this fleet: its staging overrides nothing."""
INSTEAD: dict[str, dict[str, Any]] = {
    "spec.tier": {"spec.tier": "bronze"},
    "spec.database.charset": {"spec.database.collation": "utf8mb3_general_ci"},
}
"""Where the table's value is not one that this fleet can take: 8.3 is the PHP it has already."""


def kinds_of(plan: Plan) -> set[str]:
    return set(changed(plan))


CLASHING = {"spec.tier", "spec.primaryDomain", "spec.database.charset", "spec.environments.staging.domains"}
"""A tier that is not there, a domain that another edit takes away, a character set that another edit's needs."""


@pytest.mark.slow
def test_each_field_of_a_shard_is_planned_alone_and_all_are_applied(at: World) -> None:
    target = (Target.parse("shard/eu-001"),)
    wrong = {}
    for field, (value, expected) in SHARD_TABLE.items():
        plan = make(at, PlanRequest(target, head=edited(at, SHARD, {field: value})))
        if changed(plan) != expected or any(d.severity == "error" for d in plan.diagnostics):
            wrong[field] = (changed(plan), [d.message for d in plan.diagnostics])
    assert wrong == {}
    finished(at, edited(at, SHARD, {field: value for field, (value, _) in SHARD_TABLE.items()}))


def finished(at: World, commit: str) -> None:
    """Applied, and read back as wanted."""
    done = apply(at, ApplyRequest(make(at, PlanRequest(head=commit)), allow=frozenset({"blast-radius"})))
    assert done.exit_code == 0, [*done.plan.diagnostics, *(i.message for i in done.outcome.items.values())]
    again = make(at, PlanRequest(head=commit))
    assert changed(again) == {}


def test_every_field_of_the_shard_is_in_a_table() -> None:
    unmanaged = {f"spec.{name}" for name in SHARD_UNMANAGED}
    written = {*leaves(ShardDocument), *leaves(SqlBackups, "spec.sql.backups")}
    assert written - unmanaged == SHARD_TABLE.keys() | NOT_EDITED.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec.project.id", "aipress-another-e5k1"), ("spec.region", "us-central1"), ("spec.sql.version", "MYSQL_8_4"),
        ("spec.bucket.name", "aipress-another-media"), ("spec.bucket.location", "US"),
    ],
)  # fmt: skip
def test_what_cannot_change(at: World, field: str, value: str) -> None:
    commit = edited(at, SHARD, {field: value})
    plan = make(at, PlanRequest(head=commit))
    before = make(at, PlanRequest(head="main"))
    done = apply(at, ApplyRequest(plan))
    assert done.exit_code in (1, 5), changed(plan)
    assert before.changes == make(at, PlanRequest(head="main")).changes == ()


@pytest.mark.slow
def test_a_block_that_nothing_manages_yet_is_said_and_changes_nothing(at: World) -> None:
    tenant = {f"spec.{name}": {"x": 1} for name in TENANT_UNMANAGED if name != "redirects"}
    shard = {f"spec.{name}": {"x": 1} for name in SHARD_UNMANAGED}
    commit = edited(at, SHARD, shard, edited(at, TENANT, {**tenant, "spec.redirects": [{"x": 1}]}))
    plan = make(at, PlanRequest(head=commit))
    assert plan.changes == ()
    for name in (*tenant, "spec.redirects", *shard):
        told = [d for d in plan.diagnostics if "accepted, not yet managed" in d.message and f"`{name}`" in d.message]
        assert told, name
