"""One comparison for all kinds, driven by the table: difference, fingerprint, merge, update mask.

Three-way: what we declare against what is live; what the last applied version declared and we no longer do is cleared;
what nobody declared is the cloud's own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.kind import Kind
from reconciler.kinds.merge import fingerprint, merged
from reconciler.kinds.paths import by_key, head, joined, lies_in, rule_at, settled, under, value_at
from reconciler.kinds.spelling import empty, same
from reconciler.model.canonical import Body
from reconciler.model.plan import FieldChange
from reconciler.model.resource import Ref, refs_in

__all__ = [
    "declares", "difference", "dropped", "fingerprint", "lies_in", "mask", "merged", "replaces", "value_at", "visible",
]  # fmt: skip


def difference(kind: Kind, live: Body, desired: Body, last: Body | None) -> tuple[FieldChange, ...]:
    """Fields to change, from live to desired, in the order of the desired body, then of what is there beside it by
    name: never in the order in which the API lists things. `last` is the last applied body.

    A field that `last` declared and `desired` does not has `after` None and is *dropped* (see `dropped`).
    """
    return tuple(_mapping(kind, "", live, desired, last or {}))


def dropped(fields: Iterable[FieldChange], desired: Body) -> tuple[str, ...]:
    """Paths among `fields` that the desired body no longer declares."""
    return tuple(f.path for f in fields if f.after is None and f.unknown is None and not declares(desired, f.path))


def mask(kind: Kind, fields: Iterable[FieldChange]) -> tuple[str, ...]:
    """Exact update mask: changed paths, lists and `whole` maps named whole, no path below another one."""
    cut = sorted({_whole(kind, head(f.path)) for f in fields})
    return tuple(p for p in cut if not any(p.startswith(q + ".") for q in cut))


def replaces(kind: Kind, fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """The fields whose change the API refuses on an existing object."""
    return tuple(f for f in fields if under(kind.immutable, f.path))


def visible(kind: Kind, fields: Iterable[FieldChange]) -> bool:
    """Whether visitors notice (a restart, say)."""
    return any(under(kind.visible, f.path) for f in fields)


def declares(body: Any, path: str) -> bool:
    """Whether a body has a value (even null) at a path."""
    missing = object()
    return value_at(body, path, missing) is not missing


def _mapping(kind: Kind, path: str, live: Any, desired: Body, last: Any) -> Iterator[FieldChange]:
    live = live if isinstance(live, Mapping) else {}
    last = last if isinstance(last, Mapping) else {}
    for key, want in desired.items():
        yield from _value(kind, joined(path, key), live.get(key), want, last.get(key))
    for key in last:
        if key not in desired and not empty(live.get(key)):
            yield from _gone(kind, joined(path, key), live.get(key), last[key])


def _value(kind: Kind, path: str, live: Any, want: Any, last: Any) -> Iterator[FieldChange]:
    if under(kind.write_only, path):
        if last is not None and last != want:
            yield FieldChange(path, None, None, sensitive=True)
        return
    ref = Ref.from_body(want)
    if ref is not None:
        may_replace = live is not None and under(kind.immutable, path)
        yield FieldChange(path, settled(kind, path, live), None, unknown=ref, may_replace=may_replace)
    elif isinstance(want, Mapping):
        yield from _mapping(kind, path, live, want, last)
    elif isinstance(want, list | tuple):
        yield from _list(kind, path, live, want, last)
    elif not same(kind, path, live, want):
        yield _change(kind, path, live, want)


def _list(kind: Kind, path: str, live: Any, want: Sequence[Any], last: Any) -> Iterator[FieldChange]:
    rule = rule_at(kind, path)
    if rule is None:
        yield from _ordered(kind, path, live, want, last)
        return
    have_by, want_by, last_by = by_key(rule, live), by_key(rule, want), by_key(rule, last)
    for key, item in want_by.items():
        where = f"{path}[{key}]"
        if key not in have_by:
            yield from _addition(kind, where, rule.key, item)
        elif rule.key:
            yield from _value(kind, where, have_by[key], item, last_by.get(key))
    for key, item in sorted(have_by.items()):
        where = f"{path}[{key}]"
        if key in want_by:
            continue
        if rule.owned:
            yield _change(kind, where, item, None)
        elif key in last_by:
            yield from _gone_element(kind, where, item, last_by[key])


def _ordered(kind: Kind, path: str, live: Any, want: Sequence[Any], last: Any) -> Iterator[FieldChange]:
    have = list(live) if isinstance(live, list | tuple) else []
    if have and len(have) != len(want):
        yield _change(kind, path, have, list(want))
        return
    there = have or [None] * len(want)
    before = last if isinstance(last, list | tuple) and len(last) == len(want) else [None] * len(want)
    rows = [
        row
        for index, (one, item) in enumerate(zip(there, want, strict=True))
        for row in _value(kind, f"{path}[{index}]", one, item, before[index])
    ]
    if want and not have and not rows:
        rows = [_change(kind, path, None, list(want))]  # elements that hold nothing are still elements
    yield from rows


def _gone(kind: Kind, path: str, live: Any, last: Any) -> Iterator[FieldChange]:
    """What `last` declared and nothing declares now: of a list that others write to as well, our part alone."""
    rule = rule_at(kind, path)
    if rule is None or rule.owned:
        yield _change(kind, path, live, None)
        return
    last_by = by_key(rule, last)
    for key, item in sorted(by_key(rule, live).items()):
        if key in last_by:
            yield from _gone_element(kind, f"{path}[{key}]", item, last_by[key])


def _gone_element(kind: Kind, path: str, live: Any, last: Any) -> Iterator[FieldChange]:
    """An element goes whole, or without what others have put into it."""
    if isinstance(live, Mapping) and isinstance(last, Mapping) and _shared(kind, path, live, last):
        for key in last:
            where = joined(path, key)
            if rule_at(kind, where) is not None:
                yield from _gone(kind, where, live.get(key), last[key])
    else:
        yield _change(kind, path, live, None)


def _shared(kind: Kind, path: str, live: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    for key, items in live.items():
        rule = rule_at(kind, joined(path, key))
        if rule is not None and not rule.owned and set(by_key(rule, items)) - set(by_key(rule, last.get(key))):
            return True
    return False


def _addition(kind: Kind, path: str, key: str, item: Any) -> Iterator[FieldChange]:
    """A new element of a keyed list: whole, or field by field where a value is still to come."""
    if isinstance(item, Mapping) and any(refs_in(item)):
        yield from _mapping(kind, path, {}, {name: inner for name, inner in item.items() if name != key}, {})
    else:
        yield _change(kind, path, None, item)


def _change(kind: Kind, path: str, before: Any, after: Any) -> FieldChange:
    secret = (*kind.sensitive, *kind.write_only)
    if under(secret, path) or any(inner.startswith(f"{path}.") for inner in secret):
        return FieldChange(path, None, None, sensitive=True)
    return FieldChange(path, settled(kind, path, before), after)


def _whole(kind: Kind, path: str) -> str:
    for prefix in kind.whole:
        if path == prefix or path.startswith(prefix + "."):
            return prefix
    return path
