"""`aipress status`: one line a target, two words: sync and health."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.cycle.loop import look
from reconciler.cycle.world import World
from reconciler.model.hold import Hold
from reconciler.model.ids import Target, TargetKind, tenant_target
from reconciler.model.plan import Plan
from reconciler.planning.escrow import escrow_of
from reconciler.planning.facts import Facts
from reconciler.planning.health import health_of
from reconciler.planning.plan import make_plan
from reconciler.planning.standing import waiting
from reconciler.source.authorship import writer
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
    escrow: Mapping[str, Any] | None = None
    """Of a deleted tenant: since, until, daysLeft, kept, line, told."""


def status(world: World, targets: Sequence[Target]) -> tuple[StatusRow, ...]:
    """Read now. Shards first, then their tenants."""
    facts = look(world, world.repository.resolve("HEAD"), scope_of(targets))
    return rows_of(world, facts, make_plan(facts))


def well(row: StatusRow) -> bool:
    """In sync, and as it should be."""
    return row.sync == "Synced" and row.health in ("Healthy", "Suspended", "Deleted")


def follow(world: World, targets: Sequence[Target], every: float) -> Iterator[tuple[StatusRow, ...]]:
    """First all rows; then, looking every so many seconds, those that are others than before, until all are well."""
    before: dict[str, StatusRow] = {}
    while True:
        rows = status(world, targets)
        changed = tuple(row for row in rows if before.get(row.target) != row)
        if changed or not before:
            yield changed
        before = {row.target: row for row in rows}
        if all(map(well, rows)):
            return
        world.clock.sleep(every)


def rows_of(world: World, facts: Facts, plan: Plan) -> tuple[StatusRow, ...]:
    """Of what was read, and the plan made of it."""
    held = [hold for hold in facts.holds if hold.active(facts.now)]
    chosen = {a.target for a in facts.desired.resources if a not in facts.context}
    aside = {Target.parse(name) for name in facts.fleet.frozen} | _kept(facts).keys()
    chosen |= {target for target in aside if _asked_for(facts, target)}
    rows = [(target, _row(facts, plan, target, held)) for target in sorted(chosen, key=_order(facts))]
    return tuple(replace(row, escrow=_escrow(world, facts, target)) for target, row in rows)


def _escrow(world: World, facts: Facts, target: Target) -> Mapping[str, Any] | None:
    """Where a deleted tenant is on its way out, and the line and commit that bring it back."""
    if target.kind is not TargetKind.TENANT:
        return None
    shard = facts.shard_of(target) or facts.keeper(target.name)
    escrow = escrow_of(facts.fleet, facts.history.get(shard), target.name)
    if escrow is None:
        return None
    author = writer(world.repository, facts.fleet.commit, escrow.line)
    commit = author.commit if author else ""
    return {**escrow.to_json(facts.now), "commit": commit or None, "told": escrow.told(facts.now, commit)}


def _order(facts: Facts) -> Callable[[Target], tuple[str, int, str]]:
    kept = _kept(facts)

    def key(target: Target) -> tuple[str, int, str]:
        return (facts.shard_of(target) or kept.get(target, ""), target.kind is TargetKind.TENANT, target.name)

    return key


def _asked_for(facts: Facts, target: Target) -> bool:
    """Whether a target of which nothing is compiled (its file is wrong, or gone) is in scope all the same."""
    shard = facts.shard_of(target) or _kept(facts).get(target, "")
    named = {name.partition("@")[0] for name in facts.scope}
    return bool(named & {"fleet", str(target), f"shard/{shard}"})


def _kept(facts: Facts) -> dict[Target, str]:
    """Tenants that a version records and no file declares any more -> the shard that keeps them."""
    return {
        tenant_target(name): shard
        for shard, version in facts.history.items()
        for name in (version.tenants if version else ())
        if name not in facts.fleet.where
    }


def _row(facts: Facts, plan: Plan, target: Target, held: Sequence[Hold]) -> StatusRow:
    shard = facts.shard_of(target) or _kept(facts).get(target, "")
    version = facts.history.get(shard)
    written = facts.fleet.tenants.get(target.name) if target.kind is TargetKind.TENANT else None
    sync, reason = _sync(facts, plan, target)
    holds = [h for h in held if h.covers(target, shard) or Target.parse(h.target).whole == target]
    marks = [g for g in plan.refused() if g.guard == "poisoned" and any(a.target == target for a in g.items)]
    on_hold = bool(holds or marks)
    reason = holds[0].told(facts.now) if holds else f"poisoned: {marks[0].message}" if marks else reason
    return StatusRow(
        target=str(target), shard=shard, tier=written.document.spec.tier if written else "",
        sync="Held" if on_hold and sync == "OutOfSync" else sync, health=health_of(facts, target),
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
    if turn := next((why for address, why in waiting(facts.waves, changes).items() if address.target == target), ""):
        return "OutOfSync", turn
    return "OutOfSync", f"{len(changes)} to {changes[0].action}" if len(
        changes
    ) > 1 else f"{changes[0].address.kind}: {changes[0].reason}"
