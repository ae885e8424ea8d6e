"""What is left alone although Git asks for it: what somebody else keeps changing back, what would go without a net, and
everything, while too many tenants are parked. Guards, like those in guards.py."""

from collections.abc import Iterable, Sequence

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.protection import unprotected
from reconciler.model.guards import Guards
from reconciler.model.hold import HoldKind
from reconciler.model.ids import FLEET, Address, shard_target
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.planning.facts import Facts


def tug_of_war(facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """A field that was put back and is changed again soon after belongs to somebody else too (row 31): no fighting."""
    for change in changes:
        again = [f.path for f in change.fields if f.path in facts.healed.get(change.address, ())]
        if change.drift and change.action is Action.UPDATE and again:
            paths = ", ".join(f"`{path}`" for path in again[:3])
            message = (
                f"{change.address}: {paths} was put back less than {limits.tug_of_war_minutes} minutes ago "
                "(guards.tugOfWarMinutes in fleet.yaml) and is changed again: somebody else sets it too. Take it from "
                f"them, or `aipress drift accept {change.address.target}`; --allow tug-of-war puts it back once more"
            )
            yield GuardVerdict("tug-of-war", change.address.target, Verdict.REFUSE, message, (change.address,))


def protection(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """What the provider keeps safe, read back (row 16): told while it is missing, and nothing of that shard that holds
    data is destroyed meanwhile."""
    missing: dict[str, list[str]] = {}
    for address, resource in sorted(facts.desired.resources.items()):
        found = facts.found(address)
        if found is not None and resource.shard:
            missing.setdefault(resource.shard, []).extend(
                f"{address} {what}" for what in unprotected(address.kind, found.body)
            )
    for shard, told in sorted(missing.items()):
        if not told:
            continue
        going = tuple(_destroyed(changes, shard))
        more = f" (and {len(told) - 3} more)" if len(told) > 3 else ""
        message = f"not protected by Google as it should be: {'; '.join(told[:3])}{more}"
        if going:
            message += ". Nothing that holds data is destroyed there until it is: apply the rest first"
        verdict = Verdict.REFUSE if going else Verdict.WARN
        yield GuardVerdict("protection", shard_target(shard), verdict, message, going)


def _destroyed(changes: Sequence[Change], shard: str) -> Iterable[Address]:
    for change in changes:
        approved = change.action is Action.DELETE and change.approval  # all others are refused anyway
        if change.shard == shard and approved and kind_of(change.address.kind).data_bearing:
            yield change.address


def parked(facts: Facts, _changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """So many tenants in quarantine that it is not about them (row 29)."""
    names = sorted(h.target for h in facts.holds if h.kind == HoldKind.QUARANTINE and h.active(facts.now))
    if len(names) > limits.quarantine.parked:
        message = (
            f"{len(names)} tenants are parked (limit {limits.quarantine.parked}: guards.quarantine.parked in "
            f"fleet.yaml), so nothing is applied. Find out what they share, then `aipress resume {names[0]}` and the "
            "others"
        )
        yield GuardVerdict("quarantine", FLEET, Verdict.REFUSE, message)


CARE_GUARDS = (tug_of_war, protection, parked)
