"""Facts made by hand, for tests of planning."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.model.fleet import Fleet, Written
from reconciler.model.ids import Address
from reconciler.model.resource import Absent, Desired, Found, Live, Observation, Removal, Resource
from reconciler.model.spec import FleetDocument
from reconciler.model.version import Applied, TenantState, Version
from reconciler.planning.facts import Facts

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ABSENT = Absent(NOW)
SERVICE = "tenant/acme/run.service/production"
DATABASE = "tenant/acme/sql.database/production"
INSTANCE = "shard/eu-001/sql.instance/main"
SECRET = "tenant/acme/secret/production"
BACKUP = "tenant/acme/sql.backup/final-production"
OWNER = "k3v9x2ma"


def resource(address: str, body: Mapping[str, Any] | None = None, **more: Any) -> Resource:
    where = Address.parse(address)
    given: dict[str, Any] = {
        "name": f"projects/p/{where.kind}/{where.target.name}-{where.key}",
        "parent": "projects/p",
        "shard": "eu-001",
        "owner": OWNER,
        "source": "shards/eu-001/tenants/acme/tenant.yaml:1",
    }
    return Resource(address=where, body=body or {}, **{**given, **more})


def labelled(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "labels": {**body.get("labels", {}), "aipress-owner": OWNER}}


def found(body: Mapping[str, Any], uid: str = "uid-1", ready: bool = True) -> Found:
    return Found(body, uid, NOW, ready)


def version(
    resources: Iterable[Resource] = (),
    shard: str = "eu-001",
    tenants: Mapping[str, TenantState] | None = None,
    uid: str = "uid-1",
) -> Version:
    applied = {r.address: Applied(r.address, r.name, r.parent, r.body, uid, r.owner, r.source) for r in resources}
    states = tenants if tenants is not None else {"acme": TenantState(OWNER, "active", NOW.isoformat())}
    return Version("v1", None, shard, 1, NOW, "jo", "apply", "c0", "sha256:0", "healthy", "first", applied, states)


def fleet(tenants: Mapping[str, str] | None = None, spec: Mapping[str, Any] | None = None, **more: Any) -> Fleet:
    document = FleetDocument.model_validate(
        {
            "apiVersion": "aipress.io/v1",
            "kind": "Fleet",
            "metadata": {"name": "test", "uid": "f0000000"},
            "spec": {
                "organization": "organizations/111111111111",
                "billingAccount": "billingAccounts/000000-AAAAAA-BBBBBB",
                "controlProject": {"id": "aipress-control"},
                "folders": {"shards": {"displayName": "shards"}},
                "images": {"wordpress": {"8.3": "image"}, "suspended": "image"},
                **(spec or {}),
            },
        }
    )
    where = {"acme": "eu-001"} if tenants is None else tenants
    written = Written("fleet.yaml", document, {}, "")
    return Fleet("c1", written, {}, {}, {}, where, tenants_total=len(where), shards_total=1, **more)


def facts(
    wanted: Iterable[Resource] = (),
    seen: Mapping[str, Observation] | None = None,
    recorded: Version | None = None,
    removals: Iterable[Removal] = (),
    **more: Any,
) -> Facts:
    """Facts of one shard; what is not in `seen` is absent."""
    resources = {r.address: r for r in wanted}
    gone = tuple(removals)
    observations: dict[Address, Observation] = dict.fromkeys([*resources, *(r.address for r in gone)], ABSENT)
    observations |= {Address.parse(a): o for a, o in (seen or {}).items()}
    given: dict[str, Any] = {"fleet": fleet(), "cloud": "local:test", "now": NOW, "history": {"eu-001": recorded}}
    return Facts(desired=Desired(resources, gone), live=Live(observations), **{**given, **more})
