"""`aipress plan`: what would change, and why. Never writes."""

from dataclasses import dataclass

from reconciler.cycle.loop import plan_once
from reconciler.cycle.world import World
from reconciler.desired.compile import compile_fleet
from reconciler.model.ids import Address, Scope, Target, TargetKind
from reconciler.model.plan import Plan
from reconciler.model.policies import Base
from reconciler.model.ports import Repository
from reconciler.model.resource import Desired
from reconciler.planning.narrow import in_scope
from reconciler.source.load import affected, load
from reconciler.source.scope import placed, scope_of


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Revisions as people write them. Without `base` everything in the targets is observed; with it, the targets whose
    desired state differs between the two. `author`: of the pull request, by the code host's user id
    ("github:583231")."""

    targets: tuple[Target, ...] = ()
    base: str = ""
    author: str = ""
    head: str = "HEAD"
    scope: Scope | None = None
    """Given instead of targets by those who already know it (the daemon)."""


def make(world: World, request: PlanRequest) -> Plan:
    """Raises InputError for a revision or target that does not exist."""
    head = world.repository.resolve(request.head)
    scope = request.scope or scope_of(request.targets)
    if not request.base:
        return plan_once(world, head, scope)
    base = world.repository.resolve(request.base)
    return plan_once(world, head, difference(world.repository, base, head, scope), Base(base, request.author))


def difference(repository: Repository, base: str, head: str, within: Scope) -> Scope:
    """The targets inside a scope whose desired state differs between two commits. Cost follows the change."""
    if load(repository, base, shards=()).fleet is None:
        return within  # nothing can be compiled of the base, so everything may differ
    touched = affected(repository, base, head)
    before = _compiled(repository, base, touched)
    after = _compiled(repository, head, touched)
    changed = {a: (after.get(a) or before[a])[0] for a in before.keys() | after.keys() if before.get(a) != after.get(a)}
    differing = {address: shard for address, shard in changed.items() if in_scope(address, shard, within)}
    tenants = {a.target.name for a in differing if a.target.kind is TargetKind.TENANT}
    shards = {a.target.name for a in differing if a.target.kind is TargetKind.SHARD}
    # A file that is gone deletes nothing and is no target; its shard is looked at, which tells that it is kept.
    there = placed(repository, head)
    shards |= {before[a][0] for a in before if a.target.name in tenants - there.keys()}
    return Scope(
        fleet=any(a.target.kind is TargetKind.FLEET for a in differing),
        shards=frozenset(),
        tenants=frozenset(
            _asked_for(a, s, within) for a, s in differing.items() if a.target.name in tenants & there.keys()
        ),
        own=frozenset(shards & _shards(repository, head)),
    )


def _asked_for(address: Address, shard: str, within: Scope) -> str:
    """The tenant of an address as the scope names it: whole, or the one environment that was asked for."""
    name = address.target.name
    whole = within.shards is None or shard in within.shards or name in within.tenants
    return name if whole else f"{name}@{address.environment}"


def _shards(repository: Repository, commit: str) -> frozenset[str]:
    return frozenset(f.path.split("/")[1] for f in repository.files(commit) if f.path.startswith("shards/"))


def _compiled(repository: Repository, commit: str, touched: Scope) -> dict[Address, tuple[str, object]]:
    """What is wanted of each resource, without where it was written: moving a line is no change."""
    shards = None if touched.shards is None else touched.shards & _shards(repository, commit)
    fleet = load(repository, commit, shards=shards)
    desired: Desired = compile_fleet(fleet)
    wanted: dict[Address, tuple[str, object]] = {
        address: (resource.shard, (resource.name, resource.body)) for address, resource in desired.resources.items()
    }
    for gone in desired.removals:
        wanted[gone.address] = (fleet.where.get(gone.address.target.name, ""), ("removed", gone.approval))
    return wanted
