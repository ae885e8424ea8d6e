"""A plan in the words of model/policies.FACTS: one row of facts for each change."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from reconciler.kinds.catalog import KINDS
from reconciler.model.fleet import Fleet
from reconciler.model.ids import TargetKind
from reconciler.model.money import MILLION
from reconciler.model.plan import Change
from reconciler.planning.cost import plan_cost
from reconciler.planning.facts import Facts
from reconciler.planning.standing import sites_of

Row = Mapping[str, Any]


def rows(facts: Facts, changes: Sequence[Change], used: Collection[str]) -> list[dict[str, Any]]:
    """One row for each change, in their order. `used`: the facts that are asked for; what is dear is made only then."""
    everywhere = _plan(facts, changes)
    live = facts.live_tenants()
    placed = Counter(facts.fleet.where.values())
    tenants: dict[str, Row] = {}
    shards: dict[str, Row] = {}
    result = []
    for change in changes:
        target = change.address.target
        row = {**everywhere, **_change(change, used)}
        if target.kind is TargetKind.TENANT:
            if target.name not in tenants:
                tenants[target.name] = _tenant(facts.fleet, target.name, live, used)
            row |= tenants[target.name]
        if change.shard:
            if change.shard not in shards:
                shards[change.shard] = _shard(facts.fleet, change.shard, placed[change.shard])
            row |= shards[change.shard]
        result.append(row)
    return result


def _change(change: Change, used: Collection[str]) -> dict[str, Any]:
    kind = KINDS.get(change.address.kind)
    row: dict[str, Any] = {
        "change.action": str(change.action), "change.kind": change.address.kind,
        "change.target": str(change.address.target), "change.resource": str(change.address),
        "change.environment": change.address.environment, "change.reason": change.reason,
        "change.source": change.source, "change.drift": change.drift,
        "change.data": kind is None or kind.data_bearing, "change.paths": [f.path for f in change.fields],
    }  # fmt: skip
    if "change.fields" in used:
        row["change.fields"] = [
            {"path": f.path, "from": f.before, "to": f.after, "sensitive": f.sensitive} for f in change.fields
        ]
    if "change.body" in used:
        row["change.body"] = change.body
    return row


def _tenant(fleet: Fleet, name: str, live: Collection[str], used: Collection[str]) -> Row:
    """Nothing of a tenant without a file that can be used but its name: what asks for more gets an error, which counts
    as true."""
    row: dict[str, Any] = {"tenant.name": name, "tenant.live": name in live}
    written = fleet.tenants.get(name)
    if written is None:
        return row
    meta, spec = written.document.metadata, written.document.spec
    tier = fleet.tiers.get(spec.tier)
    row |= {
        "tenant.uid": meta.uid or "", "tenant.tier": spec.tier, "tenant.state": str(spec.state or "active"),
        "tenant.owners": list(meta.owners or ()), "tenant.labels": dict(meta.labels or {}),
        "tenant.domains": list(spec.environments.production.domains or ()),
        "tenant.repository": spec.source.repository, "tenant.price": tier.document.spec.price_usd if tier else 0.0,
    }  # fmt: skip
    if "tenant.spec" in used:
        row["tenant.spec"] = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return row


def _shard(fleet: Fleet, name: str, tenants: int) -> Row:
    written = fleet.shards.get(name)
    if written is None:
        return {"shard.name": name, "shard.tenants": tenants}
    meta, spec = written.document.metadata, written.document.spec
    return {
        "shard.name": name, "shard.tenants": tenants, "shard.project": spec.project.id, "shard.region": spec.region,
        "shard.state": spec.state, "shard.capacity": spec.capacity.tenants, "shard.labels": dict(meta.labels or {}),
    }  # fmt: skip


def _plan(facts: Facts, changes: Sequence[Change]) -> Row:
    cost = plan_cost(facts, changes)
    names = {c.address.target.name for c in changes if c.address.target.kind is TargetKind.TENANT}
    written = [facts.fleet.tenants[name] for name in sorted(names) if name in facts.fleet.tenants]
    return {
        "plan.changes": len(changes), "plan.actions": dict(Counter(str(c.action) for c in changes)),
        "plan.kinds": dict(Counter(c.address.kind for c in changes)), "plan.tenants": len(names),
        "plan.shards": len({c.shard for c in changes if c.shard}), "plan.sites": len(sites_of(facts, changes)),
        "plan.tiers": dict(Counter(w.document.spec.tier for w in written)), "plan.costBefore": cost.before / MILLION,
        "plan.costAfter": cost.after / MILLION, "plan.pullRequest": bool(facts.base), "now": facts.now.isoformat(),
        "fleet.name": facts.fleet.fleet.document.metadata.name if facts.fleet.fleet else "",
        "fleet.tenants": facts.fleet.tenants_total, "fleet.shards": facts.fleet.shards_total,
        "fleet.live": len(facts.live_tenants()),
    }  # fmt: skip
