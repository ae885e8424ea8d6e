"""`aipress plan`: what would change, and why. Never writes."""

from dataclasses import dataclass

from reconciler.cycle import World, plan_once
from reconciler.desired.compile import compile_fleet
from reconciler.model.ids import Address, Scope, Target, TargetKind
from reconciler.model.plan import Plan
from reconciler.model.ports import Repository
from reconciler.model.resource import Desired
from reconciler.planning.narrow import in_scope
from reconciler.source.load import affected, load
from reconciler.source.scope import placed, scope_of


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Revisions as people write them. Without `base` everything in the targets is observed; with it, the targets whose
    desired state differs between the two."""

    targets: tuple[Target, ...] = ()
    base: str = ""
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
    return plan_once(world, head, difference(world.repository, base, head, scope), base)


def difference(repository: Repository, base: str, head: str, within: Scope) -> Scope:
    """The targets inside a scope whose desired state differs between two commits. Cost follows the change."""
    touched = affected(repository, base, head)
    before = _compiled(repository, base, touched)
    after = _compiled(repository, head, touched)
    differing = {
        address.target
        for address in before.keys() | after.keys()
        if before.get(address) != after.get(address)
        and in_scope(address, (after.get(address) or before[address])[0], within)
    }
    tenants = frozenset(t.name for t in differing if t.kind is TargetKind.TENANT)
    shards = {t.name for t in differing if t.kind is TargetKind.SHARD}
    # A file that is gone deletes nothing and is no target; its shard is looked at, which tells that it is kept.
    there = placed(repository, head)
    shards |= {before[a][0] for a in before if a.target.name in tenants - there.keys()}
    return Scope(
        fleet=any(t.kind is TargetKind.FLEET for t in differing),
        shards=frozenset(),
        tenants=tenants & there.keys(),
        own=frozenset(shards & _shards(repository, head)),
    )


def _shards(repository: Repository, commit: str) -> frozenset[str]:
    return frozenset(f.path.split("/")[1] for f in repository.files(commit) if f.path.startswith("shards/"))


def _compiled(repository: Repository, commit: str, touched: Scope) -> dict[Address, tuple[str, object]]:
    """What is wanted of each resource, without where it was written: moving a line is no change."""
    shards = None if touched.shards is None else touched.shards & _shards(repository, commit)
    desired: Desired = compile_fleet(load(repository, commit, shards=shards))
    wanted: dict[Address, tuple[str, object]] = {
        address: (resource.shard, (resource.name, resource.body)) for address, resource in desired.resources.items()
    }
    for gone in desired.removals:
        wanted[gone.address] = ("", ("removed", gone.approval))
    return wanted
