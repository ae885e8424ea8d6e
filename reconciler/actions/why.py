"""`aipress why`: why a target is as it is, and what the next plan would do about it. What status, history and plan
know, put in one place; nothing is decided here."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.actions.history import list_versions, shard_of
from reconciler.actions.status import StatusRow, rows_of
from reconciler.cycle.loop import look
from reconciler.cycle.world import World
from reconciler.model.ids import Address, Target, TargetKind, shard_target
from reconciler.model.plan import GuardVerdict, Plan, Verdict
from reconciler.model.version import Version
from reconciler.planning.facts import Facts
from reconciler.planning.guards import refused_items
from reconciler.planning.plan import make_plan
from reconciler.planning.standing import waiting
from reconciler.planning.states import about
from reconciler.source.scope import placed, scope_of


@dataclass(frozen=True, slots=True)
class Stop:
    """What somebody or something stopped of the target. `kind`: pause, freeze, rollback, quarantine, poisoned, file;
    `told`: who, why and until when; `way_out`: what ends it."""

    kind: str
    target: str
    told: str
    way_out: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """One change that the next plan asks for. `stopped`: why it would not run now, "" when it would."""

    resource: str
    action: str
    reason: str
    fields: tuple[str, ...]
    drift: bool
    stopped: str


@dataclass(frozen=True, slots=True)
class Why:
    """`status`: the target's own row (None: it has none); `below`: rows of what lies in it and is not in order;
    `version`: the newest in which something of it was tried; `guards`: what refuses or warns about it."""

    target: Target
    commit: str
    two_way: bool
    status: StatusRow | None
    below: tuple[StatusRow, ...]
    version: Version | None
    stops: tuple[Stop, ...]
    next: tuple[NextStep, ...]
    guards: tuple[GuardVerdict, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "target": str(self.target), "commit": self.commit, "historyUnreachable": self.two_way,
            "status": asdict(self.status) if self.status else None, "below": [asdict(row) for row in self.below],
            "version": self.version.to_json() if self.version else None, "stops": [asdict(stop) for stop in self.stops],
            "next": [asdict(step) for step in self.next], "guards": [verdict.to_json() for verdict in self.guards],
        }  # fmt: skip


def why(world: World, target: Target) -> Why:
    """Read now. Raises InputError for a target that neither a file declares nor a version records."""
    head = world.repository.resolve("HEAD")
    facts = look(world, head, scope_of([_to_look_at(world, target, head)]))
    plan = make_plan(facts)
    rows = [row for row in rows_of(world, facts, plan) if _in(facts, Target.parse(row.target), target)]
    own = next((row for row in rows if row.target == str(target.whole)), None)
    below = tuple(row for row in rows if row is not own and (row.sync != "Synced" or row.health == "Degraded"))
    newest = () if facts.two_way or not _recorded(facts, target) else list_versions(world, target, 1)
    return Why(
        target=target, commit=head, two_way=facts.two_way, status=own, below=below,
        version=newest[0] if newest else None, stops=tuple(_stops(facts, target)),
        next=tuple(_next(facts, plan, target)), guards=tuple(_guards(plan, target)),
    )  # fmt: skip


def _to_look_at(world: World, target: Target, head: str) -> Target:
    """A tenant whose file is gone is looked for where a version records it."""
    if target.kind is not TargetKind.TENANT or target.name in placed(world.repository, head):
        return target
    return shard_target(shard_of(world, target))


def _recorded(facts: Facts, target: Target) -> bool:
    """Whether there is a version to ask about it."""
    shard = facts.shard_of(target) or facts.keeper(target.name)
    return target.kind is TargetKind.FLEET or facts.history.get(shard) is not None


def _in(facts: Facts, one: Target, target: Target) -> bool:
    if target.kind is TargetKind.FLEET:
        return True
    if target.kind is TargetKind.SHARD:
        return (facts.shard_of(one) or facts.keeper(one.name)) == target.name
    return one.name == target.name and one.kind is target.kind


def _concerns(address: Address, shard: str, target: Target) -> bool:
    if target.kind is TargetKind.TENANT:
        return address.belongs_to(target)
    return target.kind is TargetKind.FLEET or shard == target.name


def _stops(facts: Facts, target: Target) -> Iterator[Stop]:
    shard = facts.shard_of(target) or facts.keeper(target.name)
    for problem in facts.fleet.errors:
        if problem.target and _in(facts, Target.parse(problem.target), target):
            yield Stop("file", problem.target, f"{problem.where}: {problem.message}", problem.help)
    for hold in facts.holds:
        held = Target.parse(hold.target)
        inside = _in(facts, held, target) and not (target.environment and held.environment)
        if hold.told_of(facts.now) and (hold.covers(target, shard, target.environment) or inside):
            out = "it is over" if hold.ended(facts.now) else f"aipress resume {hold.target}"
            yield Stop(str(hold.kind), hold.target, hold.told(facts.now), out)
    for mark in facts.poisons:
        if mark.active(facts.now) and any(about(unit, target, facts.fleet.where) for unit in mark.states):
            told = f"{mark.told()}; what was left does not come back before"
            yield Stop("poisoned", mark.target, told, f"aipress resume {mark.target}")


def _next(facts: Facts, plan: Plan, target: Target) -> Iterator[NextStep]:
    stopped: Mapping[Address, str] = {
        **_own_waves(plan), **waiting(facts.waves, plan.changes), **refused_items(plan.guards, plan.changes, ())
    }  # fmt: skip
    for change in plan.changes:
        if _concerns(change.address, change.shard, target):
            yield NextStep(
                str(change.address), str(change.action), change.reason, tuple(f.path for f in change.fields),
                change.drift, stopped.get(change.address, ""),
            )  # fmt: skip


def _own_waves(plan: Plan) -> dict[Address, str]:
    """What waits for a later one of the waves that this very plan would open."""
    number = {t: n for n, wave in enumerate(plan.waves.waves, 1) for t in wave.targets}
    later = {c.address: number.get(str(c.address.target.whole), 1) for c in plan.changes}
    many = len(plan.waves.waves)
    return {a: f"would be walked in wave {n} of {many}, after those before it" for a, n in later.items() if n > 1}


def _guards(plan: Plan, target: Target) -> Iterator[GuardVerdict]:
    for verdict in plan.guards:
        if verdict.verdict is Verdict.PASS:
            continue
        whole = target.kind is not TargetKind.TENANT or not verdict.items
        if whole or any(address.belongs_to(target) for address in verdict.items):
            yield verdict
