"""Guards about what people stopped for a time: holds, and states that a rollback left behind.

A rollback hold binds the units of which Git says something else than what was returned to; a poisoned state is one
that was left: it is not applied again by itself. Both say who, why and until when, and for a while that they ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.model.hold import Hold, HoldKind
from reconciler.model.ids import Target
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.planning.facts import Facts
from reconciler.planning.states import states, unit_of


def holds(facts: Facts, changes: Sequence[Change], _limits: object) -> Iterable[GuardVerdict]:
    """Pauses, freeze windows, quarantines and rollback holds."""
    units = {unit for hold in facts.holds for unit in hold.states}
    now = states(facts.desired, facts.context, units) if units else {}
    return held(_known([binding(hold, now) for hold in facts.holds]), changes, facts.now)


def held(holds: Iterable[Hold], changes: Sequence[Change], now: datetime) -> Iterable[GuardVerdict]:
    """What is on hold at a time: asked when a plan is made, and again when it is applied. A rollback hold must have
    been told what Git says (`binding`)."""
    for hold in holds:
        if not (hold.active(now) or (hold.ended(now) and hold.told_of(now))):
            continue
        items = tuple(c.address for c in changes if _binds(hold, c))
        if items and hold.active(now):
            yield GuardVerdict("hold", Target.parse(hold.target), Verdict.REFUSE, hold.told(now), items)
        elif items:
            yield GuardVerdict("hold", Target.parse(hold.target), Verdict.WARN, hold.told(now))


def binding(hold: Hold, now: Mapping[str, str]) -> Hold | None:
    """The hold with the units that it still binds: those of which Git says something else (`now`: unit -> digest of
    what Git says of those in scope). None: it binds nothing here any more."""
    if hold.kind != HoldKind.ROLLBACK or not hold.states:
        return hold
    open_ = {unit: state for unit, state in hold.states.items() if unit in now and now[unit] != state}
    return replace(hold, states=open_) if open_ else None


def poisoned(facts: Facts, changes: Sequence[Change], _limits: object) -> Iterable[GuardVerdict]:
    """A state that was left by a rollback, asked for again: by a commit reverted by mistake, or by one that nobody has
    taken back yet."""
    units = {unit for poison in facts.poisons for unit in poison.states}
    now = states(facts.desired, facts.context, units) if units else {}
    for poison in facts.poisons:
        again = poison.units(now)
        items = tuple(c.address for c in changes if unit_of(c.address) in again and c.action is not Action.ADOPT)
        if not items or not poison.told_of(facts.now):
            continue
        target = Target.parse(poison.target)
        if poison.active(facts.now):
            message = (
                f"this is the state that {poison.told()}. Commit something that differs, or allow it again: "
                f"aipress resume {poison.target}"
            )
            yield GuardVerdict("poisoned", target, Verdict.REFUSE, message, items)
        else:
            message = f"this is the state that {poison.told()}: that is over, so it is applied again"
            yield GuardVerdict("poisoned", target, Verdict.WARN, message)


def _binds(hold: Hold, change: Change) -> bool:
    if hold.kind == HoldKind.ROLLBACK and hold.states:
        return unit_of(change.address) in hold.states
    return hold.covers(change.address.target, change.shard, change.address.environment)


def _known(holds: Iterable[Hold | None]) -> Iterable[Hold]:
    return (hold for hold in holds if hold is not None)
