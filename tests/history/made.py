"""Versions and outcomes made by hand, for tests of this room."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Change, FieldChange, Plan
from reconciler.model.version import Applied, TenantState, Version

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MEMORY = "template.containers[0].resources.limits.memory"


class StillClock:
    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def address(tenant: str, kind: str = "run.service", key: str = "production") -> Address:
    return Address.parse(f"tenant/{tenant}/{kind}/{key}")


def applied(where: Address, body: Body, uid: str = "u1") -> Applied:
    return Applied(where, f"projects/p/{where.kind}/{where.target.name}", "projects/p", body, uid, "k3v9x2ma", "f:1")


def version(number: int = 1, parent: str | None = None, **more: Any) -> Version:
    one = applied(address("acme-bakery"), {"template": {"memory": f"{number}Gi"}})
    given: dict[str, Any] = {
        "id": "", "parent": parent, "shard": "eu-001", "number": number, "at": AT + timedelta(minutes=number),
        "actor": "Jo Ngũgĩ <jo@example.org>", "trigger": "apply", "fleet_commit": "c0ffee", "plan": "sha256:1",
        "result": "healthy", "summary": "tenant/acme-bakery memory 512Mi → 1Gi", "resources": {one.address: one},
        "tenants": {"acme-bakery": TenantState("k3v9x2ma", "active", AT.isoformat(), "silver", ("production",))},
        "documents": {"fleet.yaml": "kind: Fleet\n", TENANT_FILE: f"# {number}\nkind: Tenant\n"},
        "items": ({"resource": str(one.address), "action": "update", "result": "done", "message": "", "fields": []},),
    }  # fmt: skip
    return Version(**{**given, **more})


TENANT_FILE = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


def change(
    where: Address, action: Action = Action.CREATE, body: Body | None = None, fields: tuple[FieldChange, ...] = ()
) -> Change:
    return Change(
        where, f"projects/p/{where.kind}/{where.target.name}", "projects/p", action, "because", body or {}, "absent",
        "f:1", "eu-001", "k3v9x2ma", fields,
    )  # fmt: skip


def item(one: Change, result: Result = Result.DONE, message: str = "", **more: Any) -> ItemOutcome:
    uid = "cloud-uid" if result is Result.DONE else ""
    return ItemOutcome(one, result, message, live={} if result is Result.DONE else None, uid=uid, **more)


def outcome(*items: ItemOutcome) -> Outcome:
    return Outcome({one.change.address: one for one in items})


def plan(scope: tuple[str, ...] = ("fleet",), parents: Mapping[str, str | None] | None = None, **more: Any) -> Plan:
    return Plan("local:test", "", "c0ffee", parents or {"shard/eu-001": None}, (), scope=scope, **more)
