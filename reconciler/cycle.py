"""The loop, once: source -> desired -> live -> plan -> apply -> record. Where the stages meet, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from reconciler.desired.compile import compile_fleet
from reconciler.history.record import context_of, record
from reconciler.live.observe import Wanted, observe
from reconciler.model.errors import HistoryUnreachableError, RefusedError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address, Scope
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Plan
from reconciler.model.ports import Clock, Cloud, Engine, History, Lease, Progress, Repository
from reconciler.model.resource import Desired
from reconciler.model.spec import Guards
from reconciler.model.version import FLEET_SHARD, Version, shard_label
from reconciler.planning.facts import Facts
from reconciler.planning.guards import refused_items
from reconciler.planning.narrow import narrow
from reconciler.planning.plan import make_plan
from reconciler.source.load import load, load_files, require_fleet
from reconciler.source.overlay import OverlayFiles
from reconciler.source.scope import describe, require_environments, shards_in
from reconciler.source.tree import CommitFiles

Texts = Mapping[str, str]
NO_TEXTS: Texts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside, behind ports. `actor` is who asks ("jo@example.org", "aipress serve")."""

    repository: Repository
    cloud: Cloud
    history: History
    engine: Engine
    clock: Clock
    lease: Lease
    actor: str


@dataclass(frozen=True, slots=True)
class Walk:
    """How a plan is walked: who hears of it, guards allowed by name, and items left out with the reason."""

    progress: Progress
    trigger: str = "apply"
    allow: frozenset[str] = frozenset()
    skip: Mapping[Address, str] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)


def look(world: World, commit: str, scope: Scope, base: str = "", texts: Texts = NO_TEXTS) -> Facts:
    """source -> desired -> live, with the history beside: everything a plan is computed from.

    `texts` stand in place of the commit's own files: what a commit that is not made yet would say.
    Raises InputError for a commit or target that is not there, CorruptError for a history that does not hold together.
    """
    fleet = _read(world.repository, commit, shards_in(world.repository, commit, scope), texts)
    require_fleet(fleet)
    require_environments(fleet, scope)
    versions, two_way = _newest(world.history, fleet, scope)
    desired, context = narrow(compile_fleet(fleet), scope)
    limits = fleet.fleet.document.spec.guards if fleet.fleet else Guards()
    wanted, now = _to_observe(desired, versions), world.clock.now()
    live = observe(world.cloud, wanted, now, partial_read_percent=limits.partial_read_percent)
    return Facts(
        desired=desired, live=live, fleet=fleet, history=versions, cloud=world.cloud.identity, now=world.clock.now(),
        holds=() if two_way else tuple(world.history.holds()), scope=describe(scope), base=base, context=context,
        elsewhere={} if two_way else _elsewhere(world.history, fleet, versions), two_way=two_way,
    )  # fmt: skip


def plan_once(world: World, commit: str, scope: Scope, base: str = "") -> Plan:
    """The plan for a scope at a commit. Writes nothing anywhere."""
    return make_plan(look(world, commit, scope, base))


def apply_once(world: World, plan: Plan, walk: Walk) -> tuple[Outcome, tuple[Version, ...]]:
    """plan -> outcome -> versions. Each shard's version is published as soon as that shard is settled."""
    fleet = _read(world.repository, plan.fleet_head, frozenset(c.shard for c in plan.changes if c.shard), walk.texts)
    published: list[Version] = []

    def settled(shard: str, outcome: Outcome) -> None:
        parent = world.history.head(shard)
        if (parent.id if parent else None) != plan.parents.get(shard_label(shard)):
            message = (
                f"{shard_label(shard)} got another version while this plan was applied: what was done is not recorded"
            )
            raise RefusedError(message, "plan and apply again: what is there already is adopted")
        again = parent is not None and parent.plan == plan.digest and parent.result == "failed"
        if outcome.count(Result.DONE) or (outcome.count(Result.FAILED) and not again):
            context = context_of(fleet, shard, plan, outcome, (world.clock.now(), world.actor, walk.trigger))
            published.append(world.history.publish(record(parent, plan, outcome, context)))

    skip = {**refused_items(plan.guards, plan.changes, walk.allow), **walk.skip}
    outcome = world.engine.apply(plan, skip, walk.progress, settled)
    return outcome, tuple(sorted(published, key=lambda version: version.shard))


def _read(repository: Repository, commit: str, shards: frozenset[str] | None, texts: Texts) -> Fleet:
    if not texts:
        return load(repository, commit, shards=shards)
    return load_files(OverlayFiles(CommitFiles(repository, repository.resolve(commit)), texts), shards)


def _newest(history: History, fleet: Fleet, scope: Scope) -> tuple[Mapping[str, Version | None], bool]:
    """The newest version per shard in scope; (nothing, True) when the history cannot be reached."""
    try:
        recorded = history.heads()
        shards = {FLEET_SHARD, *fleet.shards, *(s for s in fleet.where.values() if not fleet.partial)}
        if scope.shards is None:
            shards |= set(recorded)
        return {shard: history.head(shard) if shard in recorded else None for shard in sorted(shards)}, False
    except HistoryUnreachableError:
        return dict.fromkeys(sorted({FLEET_SHARD, *fleet.shards})), True


def _to_observe(desired: Desired, versions: Mapping[str, Version | None]) -> list[Wanted]:
    recorded = {a: applied for version in versions.values() if version for a, applied in version.resources.items()}
    wanted = [Wanted(a, r.name, r.parent, r.body, a in recorded) for a, r in desired.resources.items()]
    going = (recorded[r.address] for r in desired.removals if r.address in recorded)
    return wanted + [Wanted(g.address, g.name, g.parent, g.body, True) for g in going]


def _elsewhere(history: History, fleet: Fleet, versions: Mapping[str, Version | None]) -> dict[str, str]:
    """Tenants that no version of their own shard knows and another shard's does: moves."""
    new = {
        written.document.metadata.uid: name
        for name, written in fleet.tenants.items()
        if not ((version := versions.get(fleet.where[name])) and name in version.tenants)
    }
    result: dict[str, str] = {}
    for shard in sorted(history.heads()) if new else ():
        version = versions.get(shard) or history.head(shard)
        for tenant in version.tenants.values() if version else ():
            if tenant.uid in new and fleet.where[new[tenant.uid]] != shard:
                result[new[tenant.uid]] = shard
    return result
