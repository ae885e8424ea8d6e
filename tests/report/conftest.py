"""Hand-made plans, small enough to read and wide enough to show every shape that a renderer meets."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.cost import Driver, PlanCost
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.ids import FLEET, Address, Target, shard_target, tenant_target
from reconciler.model.plan import ABSENT, Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from reconciler.model.resource import Ref

HEAD = "b81d7aa5c0ffee00b81d7aa5c0ffee00b81d7aa5"
BASE = "3f9c1e20c0ffee003f9c1e20c0ffee003f9c1e20"
SQL = Address(shard_target("eu-001"), "sql.instance", "main")
DB_HOST = Ref(SQL, "ipAddresses[0].ipAddress")
ENV = "template.containers[0].env"
EDITED_COST = PlanCost(
    1_204_000_000, 1_210_500_000, 310_000_000, 300_500_000,
    (Driver("run.service", 19_710_000, 26_280_000, 1, ("tenant/acme-bakery",), 1),), -70_000,
    ("1 × sql.backup: a final backup is billed by the size of what changed",), "list prices of 2026-11-27",
)  # fmt: skip
MEMORY = "template.containers[0].resources.limits.memory"


def change(target: Target, kind: str, key: str, action: Action, **more: Any) -> Change:
    name = target.name or "fleet"
    source = more.pop("source", f"shards/eu-001/tenants/{name}/tenant.yaml:1")
    return Change(
        address=Address(target, kind, key), name=f"projects/p/{kind}/{name}", parent="projects/p", action=action,
        reason=more.pop("reason", ""), body=more.pop("body", {}),
        fingerprint=ABSENT if action is Action.CREATE else "sha256:00", source=source,
        shard=more.pop("shard", "eu-001"), owner="k3v9x2ma", **more,
    )  # fmt: skip


def run_body(image: str = "wordpress:8.3") -> dict[str, Any]:
    return {
        "template": {
            "containers": [
                {
                    "image": image,
                    "resources": {"limits": {"memory": "512Mi"}},
                    "env": [
                        {"name": "WP_HOME", "value": "https://acme.example"},
                        {"name": "WORDPRESS_DB_HOST", "value": DB_HOST.to_body()},
                    ],
                }
            ]
        }
    }


def tenant_creation(name: str) -> list[Change]:
    target = tenant_target(name)
    return [
        change(target, "sql.database", "production", Action.CREATE, body={"charset": "utf8mb4"}),
        change(target, "secret", "production", Action.CREATE, body={"labels": {"aipress-owner": "k3v9x2ma"}}),
        change(target, "run.service", "production", Action.CREATE, body=run_body()),
    ]


def plan_of(changes: list[Change], **more: Any) -> Plan:
    return Plan(
        cloud="local:http://127.0.0.1:8085", fleet_base=more.pop("base", ""), fleet_head=HEAD,
        parents={"shard/eu-001": None}, changes=tuple(changes), populations={"tenants": 1204, "shards": 20}, **more,
    )  # fmt: skip


@pytest.fixture
def make_change() -> Callable[..., Change]:
    return change


@pytest.fixture
def make_plan() -> Callable[..., Plan]:
    return plan_of


@pytest.fixture
def edited_plan() -> Plan:
    """A reviewed pull request: one tenant edited, one purged, an unknown value, every guard verdict, a diagnostic."""
    acme, old = tenant_target("acme-bakery"), tenant_target("old-co")
    tenant_yaml = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
    return plan_of(
        [
            change(
                acme, "run.service", "production", Action.UPDATE, reason="tenant.yaml changed",
                source=f"{tenant_yaml}:11",
                fields=(
                    FieldChange(MEMORY, "512Mi", "1Gi"),
                    FieldChange(f"{ENV}[WORDPRESS_DB_HOST].value", "10.0.0.1", None, unknown=DB_HOST),
                    FieldChange(f"{ENV}[WP_DEBUG].value", "1", None),
                ),
            ),
            change(
                acme, "sql.user", "production", Action.UPDATE, source=f"{tenant_yaml}:14",
                fields=(FieldChange("passwordFrom", None, None, sensitive=True),),
            ),
            change(
                acme, "sql.grant", "production", Action.UPDATE, reason="changed outside Git", drift=True,
                source=f"{tenant_yaml}:11",
                fields=(FieldChange("maxUserConnections", 250, 100),),
            ),
            change(old, "sql.database", "production", Action.DELETE, reason="purge approved", shard="us-001",
                   source="fleet.yaml:40", approval="lena, omar until 2026-12-01"),
            change(old, "run.service", "production", Action.DELETE, shard="us-001", source="fleet.yaml:40"),
        ],
        base=BASE, compared=1187, cost=EDITED_COST,
        guards=(
            GuardVerdict("blast-radius", FLEET, Verdict.PASS, "2 of 1,204 sites (limit 12)"),
            GuardVerdict("capacity", shard_target("eu-001"), Verdict.WARN, "48 of 50 places taken"),
            GuardVerdict("data-deletes", old, Verdict.REFUSE, "the escrow window ends 2026-12-07",
                         (Address(old, "sql.database", "production"),)),
        ),
        diagnostics=(
            Diagnostic("AP103", Severity.ERROR, "unknown field `domians`",
                       "shards/eu-001/tenants/birch/tenant.yaml", Position(8, 3, 7), "did you mean `domains`?"),
            Diagnostic("AP301", Severity.NOTE, "`spec.cdn` is accepted, not yet managed", tenant_yaml, Position(20, 3)),
        ),
    )  # fmt: skip


@pytest.fixture
def first_plan() -> Plan:
    """A whole new shard with its tenants: everything is created, much of it known only later."""
    shard = shard_target("eu-001")
    source = "shards/eu-001/shard.yaml:1"
    apis = ("artifactregistry", "cloudbuild", "iam", "run", "secretmanager", "sqladmin", "storage")
    changes = [
        change(FLEET, "folder", "shards", Action.CREATE, source="fleet.yaml:12", shard="",
               body={"displayName": "Shards"}),
        change(shard, "project", "main", Action.CREATE, source=source, body={
            "projectId": "aipress-eu-001", "parent": Ref(Address(FLEET, "folder", "shards"), "name").to_body()}),
        *(change(shard, "project.service", f"{api}.googleapis.com", Action.CREATE, source=source,
                 body={"state": "ENABLED"}) for api in apis),
        change(shard, "sql.instance", "main", Action.CREATE, source=source, body={
            "databaseVersion": "MYSQL_8_0", "settings": {"tier": "db-custom-2-8192", "availabilityType": "ZONAL",
                                                         "dataDiskSizeGb": "100"}}),
    ]  # fmt: skip
    for name in ("acme-bakery", "birch-hotel", "cedar-clinic", "dune-surf"):
        changes += tenant_creation(name)
    return plan_of(changes, cost=PlanCost(after=412_750_000))


@pytest.fixture
def same_on_many() -> Plan:
    """One tier edited: the same change on five tenants of two shards, from one line of one file."""
    return plan_of([
        change(tenant_target(f"site-{n}"), "run.service", "production", Action.UPDATE, source="tiers/silver.yaml:12",
               shard=f"eu-00{1 + n % 2}", fields=(FieldChange(MEMORY, "512Mi", "1Gi"),))
        for n in range(5)
    ])  # fmt: skip


HOSTILE: Mapping[str, str] = {
    "ansi": "\x1b[2K\x1b[31mno changes\x1b[0m",
    "c1": "\x9b31mred",
    "bidi": "safe\u202eelete",
    "zero width": "ad\u200bmin\ufeff",
    "lines": "one\r\n- sql.database/production will be deleted",
    "marker": "<!-- aipress:comment v=1 key=plan -->",
    "html": "</details></summary><img src=x onerror=alert(1)>",
    "fence": "```\n# gone\n````",
    "mention": "@everyone closes #1 [x](https://evil.example) | cell",
    "surrogate": "half \ud800",
    "tags": "x\U000e0041\U000e0100y",
}


@pytest.fixture(params=sorted(HOSTILE))
def hostile(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


@pytest.fixture
def hostile_plan(hostile: str) -> Plan:
    """One text in every place of a plan that somebody else writes."""
    target = tenant_target("acme-bakery")
    field = FieldChange(f"env[{hostile}].value", hostile, {"k": [hostile]})
    return plan_of(
        [
            change(target, "run.service", hostile, Action.UPDATE, reason=hostile, source=f"{hostile}:1",
                   approval=hostile, fields=(field, FieldChange(hostile, None, hostile))),
            change(tenant_target(hostile), "secret", "production", Action.CREATE, body={"labels": {hostile: hostile}}),
            change(shard_target(hostile), "sql.database", hostile, Action.DELETE, body={"name": hostile}),
        ],
        guards=(GuardVerdict(hostile, target, Verdict.REFUSE, hostile),
                GuardVerdict("capacity", shard_target(hostile), Verdict.WARN, hostile)),
        diagnostics=(Diagnostic("AP103", Severity.ERROR, hostile, hostile, Position(1, 1), hostile, hostile),
                     Diagnostic("AP301", Severity.NOTE, hostile, hostile, Position(1, 1))),
    )  # fmt: skip


GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name; AIPRESS_UPDATE_GOLDEN=1 writes it (then read the diff).

    A plan's digest is left out: it moves with every field that the contract document gains."""

    def compare(name: str, rendered: str) -> None:
        text = re.sub(r"sha256:[0-9a-f]{12,}", "sha256:(digest)", rendered)
        file = GOLDEN / name
        if os.environ.get("AIPRESS_UPDATE_GOLDEN"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare
