"""The stage: Fleet -> Desired. Shards are compiled one by one and know nothing of each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.desired.author import root
from reconciler.desired.fleet import fleet_resources
from reconciler.desired.naming import collisions
from reconciler.desired.shard import Shard, open_shard, shard_resources
from reconciler.desired.tenant import tenant_wanted
from reconciler.desired.unmanaged import fleet_unmanaged, shard_unmanaged, tenant_unmanaged, tier_unmanaged
from reconciler.model.canonical import digest
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address, Scope, Target, shard_target, tenant_target
from reconciler.model.resource import Desired, Resource

RULES = 2
"""Raised with every change of what the same documents compile to, so that no cache outlives it."""


def compile_fleet(fleet: Fleet, scope: Scope | None = None) -> Desired:
    """What the documents ask for in a scope, with the shard and fleet objects that it may need.

    Frozen tenants and shards are left out: they stay as they are. One that cannot be compiled is left out too and has a
    Diagnostic. Raises InputError when there is no valid fleet.yaml.
    """
    scope = scope or Scope()
    parts = [_fleet_part(fleet)]
    for shard, tenants in sorted(_chosen(fleet, scope).items()):
        parts.append(_shard_part(fleet, shard, tenants))
    return _without_collisions(_joined(parts))


def compile_shard(fleet: Fleet, shard: str) -> Desired:
    """One whole shard, without the fleet's own objects; empty when it is frozen. Raises InputError as compile_fleet."""
    root(fleet)
    return _without_collisions(_shard_part(fleet, shard, fleet.tenants_of(shard)))


def fingerprint_inputs(fleet: Fleet, shard: str) -> str:
    """Digest over the blobs a shard's Desired depends on, from the tree alone: equal means no need to compile again.

    Raises ValueError when the files were not read from a commit: the working tree has no blob ids.
    """
    prefix = f"shards/{shard}/"
    mine = {p: b for p, b in fleet.files.items() if p.startswith((prefix, "tiers/")) or p == "fleet.yaml"}
    if not all(mine.values()):
        raise ValueError("only what is read from a commit has a fingerprint")
    frozen = [name for name in fleet.frozen if name == f"shard/{shard}" or _frozen_in(fleet, name, shard)]
    return digest({"rules": RULES, "shard": shard, "files": mine, "frozen": sorted(frozen)})


def _frozen_in(fleet: Fleet, frozen: str, shard: str) -> bool:
    kind, _, name = frozen.partition("/")
    return kind == "tenant" and fleet.where.get(name) == shard


def _chosen(fleet: Fleet, scope: Scope) -> Mapping[str, Iterable[str]]:
    """shard -> tenants to compile, in one pass over what is loaded."""
    singles = {name.partition("@")[0] for name in scope.tenants}
    chosen: dict[str, list[str]] = {
        shard: [] for shard in fleet.shards if scope.shards is None or shard in scope.shards
    }
    for name in sorted(fleet.tenants):
        shard = fleet.where.get(name, "")
        if shard in chosen and (scope.shards is None or shard in scope.shards):
            chosen[shard].append(name)
        elif name in singles:
            chosen.setdefault(shard, []).append(name)
    return chosen


def _fleet_part(fleet: Fleet) -> Desired:
    tiers = [row for tier in fleet.tiers.values() for row in tier_unmanaged(tier)]
    return Desired(_by_address(fleet_resources(fleet)), (), (*fleet_unmanaged(root(fleet)), *tiers))


def _shard_part(fleet: Fleet, name: str, tenants: Iterable[str]) -> Desired:
    if name not in fleet.shards or f"shard/{name}" in fleet.frozen:
        return Desired({})
    try:
        shard = open_shard(fleet, name)
        own = Desired(_by_address(shard_resources(fleet, shard)), (), tuple(shard_unmanaged(shard.written)))
    except InputError as error:
        return Desired({}, diagnostics=(_left_out(shard_target(name), fleet.shards[name].path, error),))
    mine = (_tenant_part(fleet, shard, tenant) for tenant in tenants if f"tenant/{tenant}" not in fleet.frozen)
    return _joined([own, *mine])


def _tenant_part(fleet: Fleet, shard: Shard, name: str) -> Desired:
    written = fleet.tenants[name]
    try:
        wanted = tenant_wanted(fleet, shard, written)
    except InputError as error:
        return Desired({}, diagnostics=(_left_out(tenant_target(name), written.path, error),))
    return Desired(_by_address(wanted.resources), wanted.removals, tuple(tenant_unmanaged(written)))


def _left_out(target: Target, file: str, error: InputError) -> Diagnostic:
    message = f"{target} is left as it is: {error}"
    return Diagnostic("AP410", Severity.ERROR, message, file, help=error.hint, target=str(target))


def _joined(parts: Sequence[Desired]) -> Desired:
    resources: dict[Address, Resource] = {}
    for part in parts:
        resources.update(part.resources)
    return Desired(
        resources=resources,
        removals=tuple(removal for part in parts for removal in part.removals),
        unmanaged=tuple(row for part in parts for row in part.unmanaged),
        diagnostics=tuple(diagnostic for part in parts for diagnostic in part.diagnostics),
    )


def _without_collisions(desired: Desired) -> Desired:
    """Leaves out the later of two targets that would share a cloud object: neither may take the other's."""
    found = collisions(desired.resources.values())
    if not found:
        return desired
    out = {diagnostic.target for diagnostic in found}
    kept = {
        address: resource
        for address, resource in desired.resources.items()
        if str(address.target) not in out and f"shard/{resource.shard}" not in out
    }
    removals = tuple(removal for removal in desired.removals if str(removal.address.target) not in out)
    return replace(desired, resources=kept, removals=removals, diagnostics=(*desired.diagnostics, *found))


def _by_address(resources: Iterable[Resource]) -> dict[Address, Resource]:
    return {resource.address: resource for resource in resources}
