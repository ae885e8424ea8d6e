"""One version whole, two compared, and what a rollback would write."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.model.ids import Address, Target, tenant_target
from reconciler.model.plan import FieldChange
from reconciler.model.version import Applied, TenantState, Version
from reconciler.report.returning import rollback_document, rollback_text
from reconciler.report.versions import differences_document, differences_text, version_document, version_text

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACME = tenant_target("acme-bakery")
SERVICE = Address(ACME, "run.service", "production")
USER = Address(ACME, "sql.user", "production")
MEMORY = FieldChange("template.containers[0].resources.limits.memory", "512Mi", "1Gi")
NEW = Version(
    "a" * 40, "b" * 40, "eu-001", 12, AT, "lena", "apply", "c" * 40, "sha256:" + "d" * 64, "partial",
    "tenant/acme-bakery memory 512Mi → 1Gi",
    resources={SERVICE: Applied(SERVICE, "n", "p", {"template": {}}, "u1", "k3v9x2ma")},
    tenants={"acme-bakery": TenantState("k3v9x2ma", "active", AT.isoformat(), "silver", ("production",))},
    documents={"fleet.yaml": "kind: Fleet\n"},
    items=(
        {"resource": str(SERVICE), "action": "update", "result": "done", "message": "", "fields": [MEMORY.to_json()]},
        {"resource": str(USER), "action": "update", "result": "failed", "message": "the API said no",
         "fields": [FieldChange("passwordFrom", None, None, sensitive=True).to_json()]},
    ),
)  # fmt: skip
OLD = replace(NEW, id="b" * 40, parent=None, number=11, result="healthy", summary="first")


@dataclass(frozen=True)
class Difference:
    address: Address
    action: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class Leg:
    target: Target
    current: Version
    chosen: Version


@dataclass(frozen=True)
class Proposal:
    title: str
    to: str
    legs: tuple[Leg, ...]
    before: dict[str, str]
    files: dict[str, str]
    differences: tuple[str, ...] = ()
    lost: tuple[Address, ...] = ()
    notes: tuple[str, ...] = field(default=())


PROPOSAL = Proposal(
    "tenant/acme-bakery", "eu-001/11", (Leg(ACME, NEW, OLD),),
    {"t.yaml": "spec:\n  tier: silver\n  runtime: { memory: 1Gi }\n"},
    {"t.yaml": "spec:\n  tier: silver\n"}, ("runtime.cpu: 1 then, 2 now",), (USER,), ("tenant/x moved",),
)  # fmt: skip


def test_a_version(golden: Callable[[str, str], None]) -> None:
    golden("version.txt", version_text(NEW))
    document = version_document(NEW)
    assert document["version"] == "eu-001/12"
    assert document["documents"] == {"fleet.yaml": "kind: Fleet\n"}
    assert document["tenants"]["acme-bakery"]["tier"] == "silver"


def test_a_difference(golden: Callable[[str, str], None]) -> None:
    rows = [Difference(SERVICE, "update", (MEMORY,)), Difference(USER, "create"), Difference(USER, "delete")]
    golden("version-difference.txt", differences_text(OLD, NEW, rows))
    assert differences_document(OLD, NEW, rows)["changes"][0]["fields"] == [MEMORY.to_json()]
    assert differences_text(OLD, NEW, []) == "eu-001/11 → eu-001/12  no difference\n"


def test_a_rollback(golden: Callable[[str, str], None]) -> None:
    golden("rollback.txt", rollback_text(PROPOSAL))
    document = rollback_document(PROPOSAL, "c" * 40)
    assert (document["from"], document["to"], document["commit"]) == ("eu-001/12", "eu-001/11", "c" * 40)
    assert rollback_document(PROPOSAL, None)["commit"] is None


def test_a_rollback_of_many(golden: Callable[[str, str], None]) -> None:
    legs = tuple(Leg(Target.parse(f"shard/eu-{n:03}"), NEW, OLD) for n in range(1, 23))
    many = replace(PROPOSAL, title="fleet", to="c" * 40, legs=legs)
    golden("rollback-of-many.txt", rollback_text(many))
    document = rollback_document(many, "d" * 40)
    assert (document["target"], document["from"], document["to"]) == ("fleet", None, "c" * 40)
    assert len(document["returns"]) == 22


def test_hostile_text_in_history_stays_on_its_line(hostile: str) -> None:
    item = {"resource": hostile, "action": hostile, "result": hostile, "message": hostile, "fields": [hostile, {}]}
    version = replace(NEW, actor=hostile, trigger=hostile, summary=hostile, result=hostile, items=(item,))
    leg = Leg(PROPOSAL.legs[0].target, version, version)
    files = {hostile: hostile}
    proposal = replace(PROPOSAL, legs=(leg,), files=files, notes=(hostile,), differences=(hostile,))
    for text in (version_text(version), rollback_text(proposal), differences_text(version, version, [])):
        assert all(line.isprintable() for line in text.split("\n"))
        text.encode("utf-8")
