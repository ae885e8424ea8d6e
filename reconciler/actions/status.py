"""`aipress status`: one line a target, two words: sync and health."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reconciler.actions.holds import active
from reconciler.cycle import World, look
from reconciler.kinds.compare import value_at
from reconciler.model.ids import Target, TargetKind, tenant_target
from reconciler.model.plan import Plan
from reconciler.model.resource import Found, Unknown
from reconciler.planning.facts import Facts
from reconciler.planning.plan import make_plan
from reconciler.source.scope import scope_of


@dataclass(frozen=True, slots=True)
class StatusRow:
    """`sync`: Synced, OutOfSync, Frozen (its file is wrong), Kept (it has no file any more), Held, Unknown.

    `health`: Healthy, Progressing, Degraded, Suspended, Deleted, Missing, Unknown. `version`: the newest of its shard,
    `since` when it was applied.
    """

    target: str
    shard: str
    tier: str
    sync: str
    health: str
    version: str
    since: str
    reason: str


def status(world: World, targets: Sequence[Target]) -> tuple[StatusRow, ...]:
    """Read now. Shards first, then their tenants."""
    facts = look(world, world.repository.resolve("HEAD"), scope_of(targets))
    plan = make_plan(facts)
    held = {hold.target: hold.reason for hold in active(world)}
    chosen = {a.target for a in facts.desired.resources if a not in facts.context}
    if "fleet" in facts.scope:
        chosen |= {Target.parse(name) for name in facts.fleet.frozen} | _kept(facts).keys()
    return tuple(_row(facts, plan, target, held) for target in sorted(chosen, key=_order(facts)))


def _order(facts: Facts) -> Callable[[Target], tuple[str, int, str]]:
    kept = _kept(facts)

    def key(target: Target) -> tuple[str, int, str]:
        return (facts.shard_of(target) or kept.get(target, ""), target.kind is TargetKind.TENANT, target.name)

    return key


def _kept(facts: Facts) -> dict[Target, str]:
    """Tenants that a version records and no file declares any more -> the shard that keeps them."""
    return {
        tenant_target(name): shard
        for shard, version in facts.history.items()
        for name in (version.tenants if version else ())
        if name not in facts.fleet.where
    }


def _row(facts: Facts, plan: Plan, target: Target, held: dict[str, str]) -> StatusRow:
    shard = facts.shard_of(target) or _kept(facts).get(target, "")
    version = facts.history.get(shard)
    written = facts.fleet.tenants.get(target.name) if target.kind is TargetKind.TENANT else None
    sync, reason = _sync(facts, plan, target)
    reason = held.get(str(target)) or held.get(f"shard/{shard}") or held.get("fleet") or reason
    on_hold = any(name in held for name in (str(target), f"shard/{shard}", "fleet"))
    return StatusRow(
        target=str(target), shard=shard, tier=written.document.spec.tier if written else "",
        sync="Held" if on_hold and sync == "OutOfSync" else sync, health=_health(facts, target),
        version=version.label if version else "", since=version.at.isoformat() if version else "", reason=reason,
    )  # fmt: skip


def _sync(facts: Facts, plan: Plan, target: Target) -> tuple[str, str]:
    if target in _kept(facts):
        return "Kept", "it has no file any more: its site and data are kept and no longer reconciled"
    if str(target) in facts.fleet.frozen:
        problem = next((d for d in facts.fleet.errors if d.target == str(target)), None)
        return "Frozen", f"{problem.where}: {problem.message}" if problem else "its file is wrong"
    unreadable = next(
        (g for g in plan.refused() if g.target == target and g.guard in ("partial-read", "forbidden")), None
    )
    if unreadable:
        return "Unknown", unreadable.message
    changes = [c for c in plan.changes if c.address.target == target]
    moved = next((g for g in plan.refused() if g.target == target and g.guard == "move"), None)
    if moved:
        return "Held", moved.message
    if not changes:
        return "Synced", ""
    return "OutOfSync", f"{len(changes)} to {changes[0].action}" if len(
        changes
    ) > 1 else f"{changes[0].address.kind}: {changes[0].reason}"


def _health(facts: Facts, target: Target) -> str:
    if target.kind is not TargetKind.TENANT:
        return _worst(_object_health(facts.live.of(a)) for a in facts.desired.resources if a.target == target)
    written = facts.fleet.tenants.get(target.name)
    state = str(written.document.spec.state or "active") if written else "active"
    if state in ("suspended", "deleted"):
        return state.capitalize()
    services = [a for a in facts.desired.resources if a.target == target and a.kind == "run.service"]
    return _worst(_object_health(facts.live.of(a)) for a in services)


def _object_health(seen: object) -> str:
    if not isinstance(seen, Found):
        return "Unknown" if isinstance(seen, Unknown) else "Missing"
    if not seen.ready:
        return "Progressing"
    return "Degraded" if value_at(seen.body, "terminalCondition.state") == "CONDITION_FAILED" else "Healthy"


_WORST = ("Unknown", "Missing", "Degraded", "Progressing", "Healthy")


def _worst(healths: Iterable[str]) -> str:
    return min(healths, key=_WORST.index, default="Unknown")
