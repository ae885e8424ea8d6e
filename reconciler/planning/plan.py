"""The stage: diff, order, guard. Same facts, same plan, byte for byte."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.canonical import Body
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.fleet import Written
from reconciler.model.ids import Address, Target, TargetKind, shard_target, tenant_target
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.resource import Absent, Found, Resource, Unknown, refs_in
from reconciler.model.version import shard_label
from reconciler.planning.cost import plan_cost
from reconciler.planning.diff import Blocked, Equal, Pair, Why, compare, removal
from reconciler.planning.escrow import escrow_of
from reconciler.planning.facts import Facts
from reconciler.planning.guards import judge
from reconciler.planning.order import needs, needs_first, removal_needs, sorted_by_needs
from reconciler.planning.references import resolved
from reconciler.planning.waves import plan_waves


def make_plan(facts: Facts) -> Plan:
    """The plan of these facts. Raises ValueError when desired resources need each other (a bug)."""
    changes, blocked, equal = _differences(facts)
    removals, more_blocked = _removals(facts, changes)
    ordered = _ordered(facts, {**changes, **removals})
    blocked = [*blocked, *more_blocked]
    planned = plan_waves(facts, ordered)
    on = replace(facts, waves=tuple(w for w in facts.waves if w.id not in planned.superseded))
    plan = Plan(
        cloud=facts.cloud, fleet_base=facts.base or facts.fleet.commit, fleet_head=facts.fleet.commit,
        parents=_parents(facts),
        changes=ordered, compared=len(equal), unrecorded=tuple(e.unrecorded for e in equal if e.unrecorded is not None),
        diagnostics=(*_about_scope(facts), *facts.desired.diagnostics, *_notes(facts), *_about_laws(facts)),
        author=facts.author, cost=plan_cost(facts, ordered), two_way=facts.two_way, scope=facts.scope,
        populations={"tenants": facts.fleet.tenants_total, "shards": facts.fleet.shards_total},
        waves=planned, late=_late(facts, ordered, blocked),
    )  # fmt: skip
    return plan.with_guards(judge(on, ordered, blocked))


def _late(facts: Facts, changes: Sequence[Change], blocked: Sequence[Blocked]) -> tuple[str, ...]:
    """Shards whose newest version was made at this very commit and lacks the text of a target of which nothing is left
    to do: it could not be read then, or was out of scope."""
    left = {c.address.target.whole for c in changes} | {b.address.target.whole for b in blocked}
    left |= {Target.parse(text) for text in facts.fleet.frozen}
    compared = {a.target.whole for a in facts.desired.resources if a not in facts.context} - left
    written: list[tuple[str, Target, Written[Any]]] = []
    written += [(facts.fleet.where[name], tenant_target(name), w) for name, w in facts.fleet.tenants.items()]
    written += [(name, shard_target(name), w) for name, w in facts.fleet.shards.items()]
    made_here = {s: v for s, v in facts.history.items() if v is not None and v.fleet_commit == facts.fleet.commit}
    lacking = {
        shard
        for shard, target, w in written
        if shard in made_here and target in compared and made_here[shard].documents.get(w.path) != w.text
    }
    return tuple(sorted(lacking))


def _parents(facts: Facts) -> dict[str, str | None]:
    return {shard_label(shard): version.id if version else None for shard, version in sorted(facts.history.items())}


def _differences(facts: Facts) -> tuple[dict[Address, Change], list[Blocked], list[Equal]]:
    changes: dict[Address, Change] = {}
    blocked: dict[Address, Blocked] = {}
    equal: list[Equal] = []
    for address in needs_first(facts.desired.resources):
        resource = facts.desired.resources[address]
        lame = next((blocked[n] for n in sorted(_cannot_do_without(facts, resource)) if n in blocked), None)
        if lame is not None:
            blocked[address] = Blocked(address, Why.CONTEXT, f"{address} waits for {lame.address}")
            continue
        if _not_to_be_made(facts, resource):
            continue
        verdict = compare(_pair(facts, resource, changes))
        if isinstance(verdict, Blocked):
            blocked[address] = verdict
        elif isinstance(verdict, Equal):
            equal.append(Equal() if address in facts.context else verdict)
        elif address in facts.context and verdict.action is not Action.CREATE:
            equal += [Equal()] if verdict.action is Action.ADOPT else []
        else:
            changes[address] = verdict
    return changes, list(blocked.values()), equal


def _cannot_do_without(facts: Facts, resource: Resource) -> frozenset[Address]:
    """What must be readable before this can be planned: all it needs for a new one, else the values it refers to."""
    if facts.found(resource.address) is None:
        return needs(resource)
    return frozenset(ref.resource for ref in refs_in(resource.body))


def _pair(facts: Facts, resource: Resource, changes: dict[Address, Change]) -> Pair:
    def known(address: Address) -> Body | None:
        pending = changes.get(address)
        stays = pending is None or pending.action in (Action.UPDATE, Action.ADOPT)
        found = facts.found(address)
        return found.body if found is not None and stays else None

    applied, seen = facts.applied(resource), facts.seen(resource.address)
    last = resolved(applied.body, known) if applied else None
    body = facts.sent.get(resource.address)
    sent = resolved(body, known) if body is not None else None
    there = isinstance(seen, Found) and not difference(kind_of(resource.kind), seen.body, sent or {}, sent)
    return Pair(
        resource=resource, body=resolved(resource.body, known), seen=seen, applied=applied, last=last,
        sent=sent if there else None, anew=facts.leaves_now(resource),
    )  # fmt: skip


def _not_to_be_made(facts: Facts, resource: Resource) -> bool:
    """A resource that is kept where it is and never made anew (see Resource.only_if)."""
    return (
        resource.only_if is not None
        and isinstance(facts.seen(resource.address), Absent)
        and facts.found(resource.only_if) is None
    )


def _removals(facts: Facts, pending: Collection[Address]) -> tuple[dict[Address, Change], list[Blocked]]:
    changes: dict[Address, Change] = {}
    blocked: list[Blocked] = []
    recorded = facts.recorded()
    for chosen in facts.desired.removals:
        shard, applied = recorded.get(chosen.address, (facts.shard_of(chosen.address.target), None))
        if missing := next((a for a in chosen.after if a not in pending and facts.found(a) is None), None):
            blocked.append(Blocked(chosen.address, *_unsecured(facts, chosen.address, missing)))
            continue
        verdict = removal(chosen, applied, facts.seen(chosen.address), shard)
        if isinstance(verdict, Blocked):
            blocked.append(verdict)
        elif verdict is not None:
            changes[chosen.address] = verdict
        elif applied is not None:
            changes[chosen.address] = _forget(chosen.address, shard, facts)
    return changes, blocked


def _unsecured(facts: Facts, address: Address, missing: Address) -> tuple[Why, str]:
    """Why something is not purged although that is approved: its last backup is neither there nor to be made."""
    if isinstance(seen := facts.seen(missing), Unknown):
        why = Why.FORBIDDEN if seen.forbidden else Why.UNREADABLE
        return why, f"{address} is not deleted: whether {missing} is there could not be read: {seen.reason}"
    return Why.BACKUP, (
        f"{address} stays untouched: its final backup ({missing}) is not there and cannot be made now, since the "
        "database it would be made of is gone or cannot be read. Nothing of this purge is done: restore the database, "
        "or take the purge out of fleet.yaml"
    )


def _forget(address: Address, shard: str, facts: Facts) -> Change:
    """A delete of what is gone already: only the record changes."""
    chosen = next(r for r in facts.desired.removals if r.address == address)
    _, applied = facts.recorded()[address]
    return Change(
        address=address, name=applied.name, parent=applied.parent, action=Action.DELETE,
        reason=f"{chosen.reason}; it is gone already", body=applied.body, fingerprint="absent", source=chosen.source,
        shard=shard, owner=applied.owner, approval=chosen.approval,
    )  # fmt: skip


def _ordered(facts: Facts, changes: dict[Address, Change]) -> tuple[Change, ...]:
    graph: dict[Address, tuple[Address, ...]] = {}
    chain = removal_needs([r for r in facts.desired.removals if r.address in changes])
    first = {r.address: r.after for r in facts.desired.removals}
    for address in changes:
        resource = facts.desired.resources.get(address)
        wants = {*chain.get(address, ()), *first.get(address, ())} if resource is None else needs(resource)
        graph[address] = tuple(sorted(a for a in wants if a in changes))
    return tuple(replace(changes[address], after=graph[address]) for address in sorted_by_needs(graph))


def _about_scope(facts: Facts) -> list[Diagnostic]:
    """What source said: every problem, and the notes and warnings of the targets in scope."""
    targets = {str(a.target) for a in facts.desired.resources if a not in facts.context}
    return [
        d
        for d in facts.fleet.diagnostics
        if d.severity is Severity.ERROR or "fleet" in facts.scope or d.target in targets
    ]


def _about_laws(facts: Facts) -> list[Diagnostic]:
    """What the head says of policies and ownership, and who changed what is not theirs."""
    return [*facts.laws.notes, *(d for one in facts.laws.trespasses for d in one.diagnostics)]


def _notes(facts: Facts) -> list[Diagnostic]:
    """What is recorded and no longer declared: kept, and said so. Absence is not deletion."""
    gone_tenants: set[str] = set()
    left_out: dict[tuple[str, str], list[tuple[Address, str]]] = {}
    removed = {r.address for r in facts.desired.removals}
    frozen = facts.fleet.frozen | {d.target for d in facts.desired.diagnostics}
    for address, (shard, applied) in facts.recorded().items():
        target = address.target
        if address in facts.desired.resources or address in removed or str(target) in frozen:
            continue
        if address.kind == "sql.backup":  # what stays of a deleted tenant is no longer declared, and is no news
            continue
        if shard and f"shard/{shard}" in frozen:
            continue
        if target.kind is TargetKind.TENANT and target.name not in facts.fleet.where:
            gone_tenants.add(target.name)
        elif _in_scope(facts, address):
            of = f"{target}@{address.key}" if target.kind is TargetKind.TENANT else str(address)
            left_out.setdefault((str(target), of), []).append((address, applied.source.rpartition(":")[0]))
    notes = [_kept(target, of, sorted(gone)) for (target, of), gone in sorted(left_out.items())]
    notes += [_without_file(facts, name) for name in sorted(gone_tenants)]
    return notes


def _without_file(facts: Facts, name: str) -> Diagnostic:
    """Absence is not deletion, and no purge either: a deletion whose file goes stays in escrow until it is back."""
    message = f"tenant/{name} has no file any more. Its site and data are kept and no longer reconciled"
    fix = "to delete it, bring the file back with `state: deleted` and a reason"
    escrow = escrow_of(facts.fleet, facts.history.get(facts.keeper(name)), name)
    if escrow is not None and escrow.since is not None:
        message = (
            f"tenant/{name} was deleted on {escrow.since:%Y-%m-%d} and has no file any more. What is kept of it stays, "
            "for as long as nobody purges it"
        )
        fix = "to purge it, or to take the deletion back, bring its file back"
    return Diagnostic("AP401", Severity.WARNING, message, help=fix, target=f"tenant/{name}")


def _kept(target: str, of: str, gone: list[tuple[Address, str]]) -> Diagnostic:
    """One note for an environment, or for a single object of a shard or the fleet."""
    kinds = ", ".join(dict.fromkeys(address.kind for address, _ in gone))
    them = f" ({len(gone)} objects: {kinds})" if "@" in of else ""
    message = f"{of} is no longer declared. It is kept: nothing is deleted by leaving it out{them}"
    fix = "to delete it, bring it back with `state: deleted`" if "@" in of else ""
    severity = Severity.WARNING if "@" in of else Severity.NOTE
    return Diagnostic("AP402", severity, message, gone[0][1], help=fix, target=target)


def _in_scope(facts: Facts, address: Address) -> bool:
    return (
        "fleet" in facts.scope
        or str(address.target) in facts.scope
        or f"shard/{facts.shard_of(address.target)}" in facts.scope
    )
