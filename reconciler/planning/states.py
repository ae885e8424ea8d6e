"""What is asked for of one unit of a fleet, as one digest: to know again a state that was left, or returned to.

A unit is an environment of a tenant ("tenant/acme@production"), or the own objects of a shard or of the fleet. Two
documents that compile to the same objects are the same state, however they are written.
"""

from collections.abc import Collection, Mapping

from reconciler.model.canonical import digest
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.resource import Desired


def unit_of(address: Address) -> str:
    target = address.target
    return f"{target}@{address.environment}" if target.kind is TargetKind.TENANT else str(target)


def states(desired: Desired, context: Collection[Address] = (), units: Collection[str] | None = None) -> dict[str, str]:
    """unit -> digest of its state. `context`: resources that are only looked at, of which no unit is judged; `units`:
    only these (None: all)."""
    rows: dict[str, list[object]] = {}
    for address, resource in sorted(desired.resources.items()):
        unit = unit_of(address)
        if address not in context and (units is None or unit in units):
            kept = str(resource.only_if) if resource.only_if else ""
            rows.setdefault(unit, []).append([str(address), resource.name, resource.body, kept])
    for gone in sorted(desired.removals, key=lambda removal: removal.address):
        unit = unit_of(gone.address)
        if units is None or unit in units:
            rows.setdefault(unit, []).append([str(gone.address), "removed"])
    return {unit: digest(row) for unit, row in rows.items()}


def about(unit: str, target: Target, shards: Mapping[str, str]) -> bool:
    """Whether a unit lies in a target. `shards`: tenant -> the shard it is on. The fleet is all there is."""
    own = Target.parse(unit)
    if target.kind is TargetKind.FLEET:
        return True
    if target.kind is TargetKind.SHARD:
        return own == target or (own.kind is TargetKind.TENANT and shards.get(own.name) == target.name)
    return own.whole == target.whole and target.environment in ("", own.environment)
