"""One resource, wanted and seen, to at most one Change, with the reason a person reads."""

from dataclasses import dataclass, replace
from enum import StrEnum

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, dropped, fingerprint, lies_in, replaces
from reconciler.kinds.kind import Kind
from reconciler.kinds.ownership import OWNER_LABEL, proven
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.plan import ABSENT, Action, Change, FieldChange
from reconciler.model.resource import Absent, Found, Observation, Removal, Resource, Unknown
from reconciler.model.version import Applied


class Why(StrEnum):
    """Why no change could be planned for a resource that may need one."""

    UNREADABLE = "unreadable"
    FORBIDDEN = "forbidden"
    STRANGER = "stranger"
    CONTEXT = "context"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing is planned for this resource, nor for what needs it. `message` says why and what to do."""

    address: Address
    why: Why
    message: str


@dataclass(frozen=True, slots=True)
class Equal:
    """Compared, and as it shall be. `unrecorded`: what the newest version does not say of it yet (an adoption)."""

    unrecorded: Change | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A resource as wanted (`body`: references resolved where known), as seen, and as last applied."""

    resource: Resource
    body: Body
    seen: Observation | None
    applied: Applied | None
    last: Body | None
    """The last applied body, its references resolved the same way."""
    sent: Body | None = None
    """What an earlier run sent, if it stands there now: its run died before a version could say so. It is ours, too."""
    anew: bool = False
    """A step that runs once for an occasion (a last backup), and this is another occasion than the recorded one."""

    @property
    def before(self) -> Body | None:
        """What of it is ours, as we left it."""
        return self.last if self.sent is None else self.sent


def compare(pair: Pair) -> Change | Blocked | Equal:
    """Decide about one resource."""
    resource, seen = pair.resource, pair.seen
    kind = kind_of(resource.kind)
    if seen is None:
        return Blocked(resource.address, Why.UNREADABLE, f"{resource.address} was not looked at: this is a bug")
    if isinstance(seen, Unknown):
        why = Why.FORBIDDEN if seen.forbidden else Why.UNREADABLE
        return Blocked(resource.address, why, f"{resource.address} could not be read: {seen.reason}")
    if isinstance(seen, Absent):
        return _creation(kind, pair)
    if (pair.applied is None or _recreated(pair, seen)) and not proven(kind, seen, resource.owner):
        return Blocked(resource.address, Why.STRANGER, _stranger(kind, resource))
    return _alteration(kind, pair, seen)


def removal(chosen: Removal, applied: Applied | None, seen: Observation | None, shard: str) -> Change | Blocked | None:
    """A written-down deletion: a delete of what is there, None when it is gone already."""
    if isinstance(seen, Absent) or (seen is None and applied is None):
        return None
    if not isinstance(seen, Found) or applied is None:
        said = seen.reason if isinstance(seen, Unknown) else "no version records it as ours"
        why = Why.FORBIDDEN if isinstance(seen, Unknown) and seen.forbidden else Why.UNREADABLE
        return Blocked(chosen.address, why, f"{chosen.address} is not deleted: {said}")
    kind = kind_of(chosen.address.kind)
    if applied.uid and seen.uid and applied.uid != seen.uid:
        message = f"{chosen.address} is not deleted: it is not the {kind.noun} that was applied (another identity)"
        return Blocked(chosen.address, Why.STRANGER, message)
    return Change(
        address=chosen.address, name=applied.name, parent=applied.parent, action=Action.DELETE, reason=chosen.reason,
        body=applied.body, fingerprint=fingerprint(kind, seen, applied.body), source=chosen.source, shard=shard,
        owner=applied.owner, approval=chosen.approval, uid=seen.uid,
    )  # fmt: skip


def _creation(kind: Kind, pair: Pair) -> Change:
    fields = difference(kind, {}, pair.body, None)
    # The last backup of an earlier owner of the name is another one.
    lost = pair.applied is not None and (kind.name != "sql.backup" or pair.applied.name == pair.resource.name)
    reason = "it was removed outside Git" if lost else "it is not there yet"
    action = Action.RUN if kind.name == "sql.backup" else Action.CREATE
    return replace(_change(pair, action, reason, fields, ABSENT), drift=lost)


def _alteration(kind: Kind, pair: Pair, seen: Found) -> Change | Equal:
    fields = difference(kind, seen.body, pair.body, pair.before)
    recreated = _recreated(pair, seen)
    print_of = fingerprint(kind, seen, pair.body, dropped(fields, pair.body))
    if pair.anew and pair.applied is not None and not recreated:
        return _change(pair, Action.RUN, "the one that is there was made for an earlier deletion", fields, print_of)
    if not fields:
        if pair.applied is not None and not recreated and seen.ready and not seen.trouble:
            stale = pair.last is not None and bool(difference(kind, pair.last, pair.body, pair.last))
            reason = "it is as wanted, and no version says so yet"
            return Equal(_change(pair, Action.ADOPT, reason, (), print_of) if stale else None)
        reason = "it was made again outside Git, as wanted" if recreated else "it is there, ours and as wanted"
        reason = f"it is there as wanted, and does not work: {seen.trouble}" if seen.trouble else reason
        return _change(pair, Action.ADOPT, reason, (), print_of)
    immutable = replaces(kind, [f for f in fields if f.unknown is None])
    if immutable:
        names = ", ".join(f"`{f.path}`" for f in immutable)
        return _change(pair, Action.REPLACE, f"{names} cannot be changed on an existing {kind.noun}", fields, print_of)
    reason, drift = _reason(kind, pair, fields)
    return replace(_change(pair, Action.UPDATE, reason, fields, print_of), drift=drift)


def _recreated(pair: Pair, seen: Found) -> bool:
    """Another object than the recorded one stands under its name."""
    return pair.applied is not None and bool(pair.applied.uid) and bool(seen.uid) and pair.applied.uid != seen.uid


def _reason(kind: Kind, pair: Pair, fields: tuple[FieldChange, ...]) -> tuple[str, bool]:
    """The sentence, and whether something outside Git is undone. What Git asks for anew is the difference between the
    last applied body and this one, spelling apart."""
    if pair.before is None:
        return "it is there and ours, but not as wanted", False
    asked = [f.path for f in difference(kind, pair.before, pair.body, pair.before)]
    changed = [f for f in fields if f.sensitive or f.unknown is not None or any(_meet(f.path, path) for path in asked)]
    if len(changed) == len(fields):
        return "it was changed in Git", False
    return "it was changed in Git, and outside Git" if changed else "it was changed outside Git", True


def _meet(one: str, other: str) -> bool:
    return lies_in(one, other) or lies_in(other, one)


def _change(pair: Pair, action: Action, reason: str, fields: tuple[FieldChange, ...], print_of: str) -> Change:
    resource, seen = pair.resource, pair.seen
    return Change(
        address=resource.address, name=resource.name, parent=resource.parent, action=action, reason=reason,
        body=pair.body, fingerprint=print_of, source=_origin(resource, fields), shard=resource.shard,
        owner=resource.owner, fields=fields, dropped=dropped(fields, pair.body),
        uid=seen.uid if isinstance(seen, Found) else "",
    )  # fmt: skip


def _origin(resource: Resource, fields: tuple[FieldChange, ...]) -> str:
    """ "file:line" of the first changed field that a document asks for, else of the document."""
    origins = (resource.origin(field.path) for field in fields)
    return next((where for where in origins if where != resource.source), resource.source)


def _stranger(kind: Kind, resource: Resource) -> str:
    return (
        f"{resource.address}: a {kind.noun} named {resource.name} exists and does not carry our mark "
        f"({OWNER_LABEL}={resource.owner}). It is not touched: put that mark on it, or choose another name"
    )
