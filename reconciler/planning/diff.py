"""One resource, wanted and seen, to at most one Change, with the reason a person reads."""

from dataclasses import dataclass, replace
from enum import StrEnum

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import declares, difference, dropped, fingerprint, replaces, value_at
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


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing is planned for this resource, nor for what needs it. `message` says why and what to do."""

    address: Address
    why: Why
    message: str


@dataclass(frozen=True, slots=True)
class Equal:
    """Compared, and as it shall be."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A resource as wanted (`body`: references resolved where known), as seen, and as last applied."""

    resource: Resource
    body: Body
    seen: Observation | None
    applied: Applied | None
    last: Body | None
    """The last applied body, its references resolved the same way."""
    anew: bool = False
    """A step that runs once for an occasion (a last backup), and this is another occasion than the recorded one."""


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
    if pair.applied is None and not proven(kind, seen, resource.owner):
        return Blocked(resource.address, Why.STRANGER, _stranger(kind, resource))
    return _alteration(kind, pair, seen)


def removal(chosen: Removal, applied: Applied | None, seen: Observation | None, shard: str) -> Change | Blocked | None:
    """A written-down deletion: a delete of what is there, None when it is gone already."""
    if isinstance(seen, Absent) or (seen is None and applied is None):
        return None
    if not isinstance(seen, Found) or applied is None:
        why = seen.reason if isinstance(seen, Unknown) else "no version records it as ours"
        return Blocked(chosen.address, Why.UNREADABLE, f"{chosen.address} is not deleted: {why}")
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
    fields = difference(kind, seen.body, pair.body, pair.last)
    recreated = pair.applied is not None and bool(pair.applied.uid) and bool(seen.uid) and pair.applied.uid != seen.uid
    print_of = fingerprint(kind, seen, pair.body, dropped(fields, pair.body))
    if pair.anew and pair.applied is not None and not recreated:
        return _change(pair, Action.RUN, "the one that is there was made for an earlier deletion", fields, print_of)
    if not fields:
        if pair.applied is not None and not recreated and seen.ready:
            return Equal()
        reason = "it was made again outside Git, as wanted" if recreated else "it is there, ours and as wanted"
        return _change(pair, Action.ADOPT, reason, (), print_of)
    immutable = replaces(kind, [f for f in fields if f.unknown is None])
    if immutable:
        names = ", ".join(f"`{f.path}`" for f in immutable)
        return _change(pair, Action.REPLACE, f"{names} cannot be changed on an existing {kind.noun}", fields, print_of)
    reason, drift = _reason(pair, fields)
    return replace(_change(pair, Action.UPDATE, reason, fields, print_of), drift=drift)


def _reason(pair: Pair, fields: tuple[FieldChange, ...]) -> tuple[str, bool]:
    """The sentence, and whether something outside Git is undone."""
    if pair.applied is None or pair.last is None:
        return "it is there and ours, but not as wanted", False
    changed = [f for f in fields if _intended(pair, f)]
    if len(changed) == len(fields):
        return "it was changed in Git", False
    return "it was changed in Git, and outside Git" if changed else "it was changed outside Git", True


def _intended(pair: Pair, field: FieldChange) -> bool:
    """Whether Git asked for this field's change: the wanted value is not the last applied one."""
    if field.sensitive or field.unknown is not None:
        return True
    before = pair.last or {}
    if declares(before, field.path) != declares(pair.body, field.path):
        return True
    return bool(value_at(before, field.path) != value_at(pair.body, field.path))


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
