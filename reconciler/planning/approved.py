"""What of a plan somebody approved: items equal in meaning, however much has become known or been done since.

Two plans of one commit are compared by what they ask for, so a reference that has become a value is the same wish
(DESIGN §5). A deletion is compared with a plan made now at HEAD: what HEAD has taken back is never destroyed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.ids import Address
from reconciler.model.plan import ABSENT, Action, Change, FieldChange, Plan
from reconciler.model.resource import Ref

DESTROYS = (Action.DELETE, Action.REPLACE)
_MADE = (Action.CREATE, Action.UPDATE, Action.RUN, Action.REPLACE)


def unapproved_items(saved: Plan, fresh: Plan) -> dict[Address, str]:
    """Items of the fresh plan that are not, field by field, items of the approved one. Both are of one commit."""
    approved = {c.address: c for c in saved.changes}
    return {
        c.address: "it is not in the plan that was approved, or means something else now: plan again"
        for c in fresh.changes
        if c.address not in approved or not _same(approved[c.address], c)
    }


@dataclass(frozen=True, slots=True)
class SinceShown:
    """What became of the items that a pull request showed. `noted`: their object moved, and they mean the same;
    `changed`: they mean something else, in words."""

    noted: tuple[Address, ...] = ()
    changed: Mapping[Address, str] = field(default_factory=dict)


def since_shown(shown: Plan, fresh: Plan) -> SinceShown:
    """Compares items that both have (DESIGN §6): what was never shown is drift, and is put right as ever."""
    before = {c.address: c for c in shown.changes}
    noted: list[Address] = []
    changed: dict[Address, str] = {}
    for now in fresh.changes:
        then = before.get(now.address)
        if then is None or _same(then, now):
            continue
        if _means_the_same(then, now):
            noted.append(now.address)
        else:
            changed[now.address] = _otherwise(then, now)
    return SinceShown(tuple(noted), changed)


def _means_the_same(then: Change, now: Change) -> bool:
    """The same step to the same end, whatever the object was before."""
    ends = [{f.path: (f.after, f.sensitive) for f in change.fields} for change in (then, now)]
    known = ends[0] == ends[1] or any(f.unknown is not None for f in then.fields)
    return then.action is now.action and known and then.dropped == now.dropped and _same_wish(then.body, now.body)


def _otherwise(then: Change, now: Change) -> str:
    if then.action is not now.action:
        return f"shown as {then.action}, now it would be {now.action}: {now.reason}"
    paths = [{f.path for f in change.fields} for change in (then, now)]
    more = sorted(paths[1] - paths[0])
    if more:
        return f"it would change {', '.join(more[:3])} too, which was not shown"
    return "it would come to another end than the one that was shown"


def destructive(plan: Plan) -> tuple[Change, ...]:
    return tuple(c for c in plan.changes if c.action in DESTROYS)


def taken_back(plan: Plan, head: Plan, refused: Mapping[Address, str]) -> dict[Address, str]:
    """Deletions and replacements of a plan that may not run now. `head`: a plan made now at HEAD over the same scope;
    `refused`: the items of it that its guards refuse (an approval that has run out since, say)."""
    asked = {c.address: c for c in head.changes}
    result: dict[Address, str] = {}
    for change in destructive(plan):
        twin = asked.get(change.address)
        if twin is None or not _same(change, twin):
            noun = "deletion" if change.action is Action.DELETE else "replacement"
            result[change.address] = f"HEAD does not ask for this {noun} any more"
        elif change.address in refused:
            result[change.address] = refused[change.address]
    return result


def _same(approved: Change, fresh: Change) -> bool:
    """Equal in action, fields and fingerprint; or what is left to do of the approved one after it was cut off."""
    if fresh.action is Action.ADOPT and approved.action in _MADE:
        return _same_wish(approved.body, fresh.body)  # it was done, and only waits to be recorded
    if (approved.action, fresh.action) == (Action.REPLACE, Action.CREATE):
        return _same_wish(approved.body, fresh.body)  # the old one is gone
    if approved.action is not fresh.action:
        return False
    if fresh.action is Action.DELETE and fresh.fingerprint == ABSENT:
        return True
    alike = approved.fingerprint == fresh.fingerprint and approved.dropped == fresh.dropped
    return alike and _same_fields(approved.fields, fresh.fields) and _same_wish(approved.body, fresh.body)


def _same_fields(approved: Sequence[FieldChange], fresh: Sequence[FieldChange]) -> bool:
    """Equal; where values have become known, the known ones may be told whole instead of part by part."""
    unknown = [a for a in approved if a.unknown is not None]
    if not unknown:
        return tuple(approved) == tuple(fresh)
    if any(a.may_replace and a not in fresh for a in unknown):
        return False
    explained = all(f in approved or any(_holds(f.path, a.path) for a in unknown) for f in fresh)
    kept = all(a in fresh or any(_holds(f.path, a.path) for f in fresh) for a in approved if a.unknown is None)
    return explained and kept


def _holds(outer: str, inner: str) -> bool:
    """Whether a path is the other, or the other lies in it."""
    return inner == outer or inner.startswith((outer + ".", outer + "["))


def _same_wish(approved: Any, fresh: Any) -> bool:
    """Equal bodies, where a reference of the approved one may have become a value."""
    if Ref.from_body(approved) is not None and Ref.from_body(fresh) is None:
        return not isinstance(fresh, Mapping | list | tuple)
    if isinstance(approved, Mapping) and isinstance(fresh, Mapping):
        return approved.keys() == fresh.keys() and all(_same_wish(approved[key], fresh[key]) for key in approved)
    if isinstance(approved, list | tuple) and isinstance(fresh, list | tuple):
        return len(approved) == len(fresh) and all(map(_same_wish, approved, fresh))
    return bool(approved == fresh)
