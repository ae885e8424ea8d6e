"""One plan for each guard that it must refuse (row 33), judged at every start: no guard is ever lost in silence.

The fleet is made up; the guards are the real ones, through the one function that plans are judged by.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.canonical import Body
from reconciler.model.fleet import Fleet, Written
from reconciler.model.hold import Hold, HoldKind, Poison
from reconciler.model.ids import Address, Target
from reconciler.model.plan import Action, Change, FieldChange, Verdict
from reconciler.model.policies import Laws, Trespass
from reconciler.model.resource import Desired, Found, Live, Resource
from reconciler.model.spec import FleetDocument, ShardDocument, TenantDocument
from reconciler.model.version import Applied, TenantState, Version
from reconciler.model.wave import Move, Phase, Wave, Waves
from reconciler.planning.diff import Blocked, Why
from reconciler.planning.facts import Facts
from reconciler.planning.guards import judge
from reconciler.planning.states import states

_NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
_OWNER = "a0000000"
_OK = f"purges/site-0/{_OWNER}/2026-01-03"


@dataclass(frozen=True, slots=True)
class Case:
    """`guard`: the function it is for; `verdict`: the name that it refuses under."""

    guard: str
    verdict: str
    facts: Facts
    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()


def lost_guards() -> Iterable[str]:
    """Names of the guards that let through what they must refuse; none when all is well."""
    for case in cases():
        verdicts = judge(case.facts, case.changes, case.blocked)
        if not any(v.guard == case.verdict and v.verdict is Verdict.REFUSE for v in verdicts):
            yield case.verdict


def cases() -> Sequence[Case]:
    many, few = _facts(200), _facts(1)
    update = [_change(f"tenant/site-{n}/run.service/x") for n in range(200)]
    drift = [replace(change, drift=True) for change in update]
    delete = [_change(f"tenant/site-{n}/run.service/x", Action.DELETE) for n in range(10)]
    data, made = _change("tenant/site-0/sql.database/x", Action.DELETE), _change("tenant/new/secret/x", Action.CREATE)
    dear = replace(_change("tenant/new/run.service/x", Action.CREATE), body=_DEAR)
    gone = _change("tenant/site-0/secret/x", Action.CREATE, drift=True)
    folder = _change("fleet/folder/shards", Action.REPLACE)
    put_back = replace(update[0], drift=True, fields=(FieldChange("ingress", "a", "b"),))
    parked = tuple(Hold(f"tenant/t{n}", "why", "who", _NOW, None, HoldKind.QUARANTINE.value) for n in range(30))
    address = update[0].address
    return (
        Case("blast_radius", "blast-radius", _facts(200, waves={"enabled": False}), tuple(update)),
        Case("under_way", "waves", replace(many, waves=(_aborted(address),)), (update[0],)),
        Case("shard_share", "shard-share", many, tuple(update)),
        Case("delete_share", "deletes", many, tuple(replace(c, approval=_OK) for c in delete)),
        Case("data_deletes", "data-delete", few, (data,)),
        Case("stateless_deletes", "deletes", few, tuple(delete)),
        Case("never_replaced", "never-replace", few, (folder,)),
        Case("lost_data", "lost-data", few, (gone,)),
        Case("shrink", "shrink", replace(many, fleet=replace(many.fleet, where={}))),
        Case("broken_files", "broken-files", _facts(200, frozen=[f"tenant/site-{n}" for n in range(11)])),
        Case("mass_drift", "mass-drift", many, tuple(drift)),
        Case("holds", "hold", replace(few, holds=(Hold("fleet", "why", "who", _NOW, None),)), (update[0],)),
        Case("capacity", "capacity", _facts(2, capacity=1), (made,)),
        Case("moves", "move", replace(few, elsewhere={"site-0": "other"}), (update[0],)),
        Case("tug_of_war", "tug-of-war", replace(few, healed={address: frozenset({"ingress"})}), (put_back,)),
        Case("protection", "protection", _bare_bucket(few), (replace(data, approval=_OK),)),
        Case("poisoned", "poisoned", _left(address), (update[0],)),
        Case("former_owners", "former-owner", _renamed(few), (update[0],)),
        Case("parked", "quarantine", replace(few, holds=parked)),
        Case("cost_ceiling", "cost", few, (dear,)),
        Case("policies", "policy", replace(few, laws=Laws(unreadable="why")), (update[0],)),
        Case("field_ownership", "field-ownership", replace(few, laws=_TRESPASS), (update[0],)),
        *(Case("_blocked", name, few, (), (Blocked(address, why, "why"),)) for why, name in _BLOCKED.items()),
    )


_TRESPASS = Laws(trespasses=(Trespass(Target.parse("tenant/site-0"), "why"),))
_DEAR: Body = {
    "template": {
        "scaling": {"minInstanceCount": 1000},
        "containers": [{"resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpuIdle": True}}],
    }
}
_BLOCKED = {
    Why.STRANGER: "ownership",
    Why.UNREADABLE: "partial-read",
    Why.FORBIDDEN: "forbidden",
    Why.BACKUP: "data-delete",
}


def _change(resource: str, action: Action = Action.UPDATE, *, drift: bool = False) -> Change:
    return Change(Address.parse(resource), "n", "p", action, "", {}, "f", "", "s", _OWNER, drift=drift)


def _facts(
    sites: int, *, capacity: int = 250, frozen: Iterable[str] = (), waves: Mapping[str, Any] | None = None
) -> Facts:
    """A shard with so many live sites, each with one service."""
    names = [f"site-{n}" for n in range(sites)]
    fleet = Fleet(
        "c", Written("fleet.yaml", _fleet(waves or {}), {}, ""), {}, {"s": Written("s", _shard(capacity), {}, "")}, {},
        dict.fromkeys(names, "s"), frozenset(frozen), tenants_total=sites, shards_total=1,
    )  # fmt: skip
    resources = {}
    for name in names:
        address = Address.parse(f"tenant/{name}/run.service/x")
        resources[address] = Applied(address, "n", "p", {}, "u", _OWNER)
    tenants = {name: TenantState(_OWNER, "active", (_NOW - timedelta(days=30)).isoformat()) for name in names}
    version = Version("v", None, "s", 1, _NOW, "w", "t", "c", "p", "healthy", "", resources, tenants)
    return Facts(Desired({}), Live({}), fleet, {"s": version}, "cloud", _NOW)


def _fleet(waves: Mapping[str, Any]) -> FleetDocument:
    spec = {
        "organization": "organizations/111111111111", "billingAccount": "billingAccounts/000000-AAAAAA-BBBBBB",
        "controlProject": {"id": "aipress-control"}, "folders": {"shards": {"displayName": "shards"}},
        "images": {"wordpress": {"8.3": "image"}, "suspended": "image"}, "waves": dict(waves),
    }  # fmt: skip
    said = {"apiVersion": "aipress.io/v1", "kind": "Fleet", "metadata": {"name": "self-test"}, "spec": spec}
    return FleetDocument.model_validate(said)


def _shard(capacity: int) -> ShardDocument:
    spec = {"project": {"id": "aipress-s"}, "region": "europe-west1", "capacity": {"tenants": capacity}}
    said = {"apiVersion": "aipress.io/v1", "kind": "Shard", "metadata": {"name": "self-test"}, "spec": spec}
    return ShardDocument.model_validate(said)


def _aborted(address: Address) -> Waves:
    log = (Move(Phase.ABORTED, 1, _NOW, "who", "why"),)
    waves = (Wave((str(address.target),), 1, 1, 0),) * 2
    return Waves("w", "c", "p", waves, {address: "w"}, log)


def _left(address: Address) -> Facts:
    """A state that a rollback left, asked for again."""
    resource = Resource(address, "n", "p", {"ingress": "a"}, "eu-001", _OWNER, "x:1")
    desired = Desired({address: resource})
    mark = Poison("fleet", {u: (d,) for u, d in states(desired).items()}, "v", "w", "c", "why", "who", _NOW, None)
    return replace(_facts(1), desired=desired, poisons=(mark,))


def _renamed(facts: Facts) -> Facts:
    """Another owner writes the name of a tenant whose data is kept."""
    tenant = TenantDocument.model_validate(
        {
            "apiVersion": "aipress.io/v1", "kind": "Tenant", "metadata": {"name": "site-0", "uid": "b0000000"},
            "spec": {
                "tier": "bronze", "source": {"repository": "https://git.example/x.git"},
                "environments": {"production": {"ref": "main"}},
            },
        }
    )  # fmt: skip
    return replace(facts, fleet=replace(facts.fleet, tenants={"site-0": Written("t.yaml", tenant, {}, "")}))


def _bare_bucket(facts: Facts) -> Facts:
    address = Address.parse("shard/s/storage.bucket/media")
    body: Body = {"softDeletePolicy": {"retentionDurationSeconds": "0"}}
    bucket = Resource(address, "n", "p", body, "s", _OWNER, "")
    return replace(facts, desired=Desired({address: bucket}), live=Live({address: Found(body, "u", _NOW)}))
