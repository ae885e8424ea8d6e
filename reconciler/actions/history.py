"""`aipress history`: versions of a target, newest first; one of them whole; the difference between two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.actions.holds import placed_on
from reconciler.cycle.world import World
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.errors import InputError
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.plan import FieldChange
from reconciler.model.version import FLEET_SHARD, Applied, Version
from reconciler.planning.escrow import escrow_of
from reconciler.planning.states import about
from reconciler.source.authorship import writer
from reconciler.source.load import load


@dataclass(frozen=True, slots=True)
class ResourceDifference:
    """One resource between two versions: `action` is create, update or delete, going from the older to the newer."""

    address: Address
    action: str
    fields: tuple[FieldChange, ...]


def list_versions(world: World, target: Target | None, limit: int = 20) -> Sequence[Version]:
    """Newest first. For a tenant: the versions of its shard in which something of it was tried."""
    if target is None or target.kind is TargetKind.FLEET:
        shards = sorted(world.history.heads())
        versions = [v for shard in shards for v in world.history.versions(shard, limit)]
        return sorted(versions, key=lambda v: (v.at, v.shard, v.number), reverse=True)[: limit or None]
    if target.kind is TargetKind.SHARD:
        return world.history.versions(_known(world, target.name), limit)
    shard = shard_of(world, target)
    touched = [v for v in world.history.versions(shard) if touches(v, target)]
    return touched[: limit or None]


def stands(world: World, target: Target) -> tuple[str, ...]:
    """What people stopped of a target, or ended lately, and where it is in its escrow: who, why, until when."""
    now, shard = world.clock.now(), shard_of(world, target)
    rows = [
        f"{h.target}: {h.told(now)}"
        for h in world.history.holds()
        if h.told_of(now)
        and (h.covers(target, shard, target.environment) or Target.parse(h.target).whole == target.whole)
    ]
    where = {target.name: shard}
    rows += [
        f"{mark.target}: {mark.told()}; what was left does not come back before"
        for mark in world.history.poisons()
        if mark.active(now) and any(about(unit, target, where) for unit in mark.states)
    ]
    if target.kind is TargetKind.TENANT:
        fleet = load(world.repository, world.repository.resolve("HEAD"), shards=[shard])
        escrow = escrow_of(fleet, world.history.head(shard), target.name)
        author = writer(world.repository, fleet.commit, escrow.line) if escrow else None
        rows += [f"{target.whole}: {escrow.told(now, author.commit if author else '')}"] if escrow else []
    return tuple(rows)


def show(world: World, reference: str) -> Version:
    """Raises InputError when there is no such version."""
    return world.history.version(reference)


def diff(world: World, older: str, newer: str = "") -> tuple[Version, Version, tuple[ResourceDifference, ...]]:
    """From the older version to the newer one (default: to the newest of the same shard)."""
    first = world.history.version(older)
    second = world.history.version(newer) if newer else world.history.head(first.shard)
    if second is None:
        raise InputError(f"shard {first.shard} has no newest version")
    if first.shard != second.shard:
        raise InputError(f"{first.label} and {second.label} are versions of different shards")
    return first, second, tuple(_differences(first.resources, second.resources))


def shard_of(world: World, target: Target) -> str:
    """The shard whose history holds a target: where it is written, else where a version records it."""
    if target.kind is TargetKind.FLEET:
        return FLEET_SHARD
    if target.kind is TargetKind.SHARD:
        return _known(world, target.name)
    written = placed_on(world, target.name)
    if written:
        return written
    for shard in sorted(world.history.heads()):
        head = world.history.head(shard)
        if head is not None and target.name in head.tenants:
            return shard
    raise InputError(f"no version records {target}, and no file declares it", "`aipress status` lists what there is")


def touches(version: Version, target: Target) -> bool:
    """Whether something of a target was tried in a version."""
    return any(_about(row, target) for row in version.items)


def _about(row: Mapping[str, Any], target: Target) -> bool:
    return Address.parse(row["resource"]).belongs_to(target)


def _known(world: World, shard: str) -> str:
    if shard not in world.history.heads():
        raise InputError(f"shard/{shard} has no version yet", "apply it: aipress apply shard/" + shard)
    return shard


def _differences(older: Mapping[Address, Applied], newer: Mapping[Address, Applied]) -> list[ResourceDifference]:
    rows = []
    for address in sorted(older.keys() | newer.keys()):
        before, after = older.get(address), newer.get(address)
        if before is None and after is not None:
            rows.append(ResourceDifference(address, "create", difference(kind_of(address.kind), {}, after.body, None)))
        elif after is None and before is not None:
            rows.append(ResourceDifference(address, "delete", ()))
        elif before is not None and after is not None and before.body != after.body:
            fields = difference(kind_of(address.kind), before.body, after.body, before.body)
            rows.append(ResourceDifference(address, "update", fields))
    return rows
