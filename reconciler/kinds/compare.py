"""One comparison for all kinds, driven by the table: difference, fingerprint, merge, update mask.

Three-way: what we declare against what is live; what the last applied version declared and we no longer do is cleared;
what nobody declared is the cloud's own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.kind import Keyed, Kind
from reconciler.kinds.spelling import SPELLINGS
from reconciler.model.canonical import Body, digest
from reconciler.model.plan import ABSENT, FieldChange
from reconciler.model.resource import Found, Ref, refs_in

_INDEX = re.compile(r"\[[^\]]*\]")


def difference(kind: Kind, live: Body, desired: Body, last: Body | None) -> tuple[FieldChange, ...]:
    """Fields to change, from live to desired, in the order of the desired body. `last` is the last applied body.

    A field that `last` declared and `desired` does not has `after` None and is *dropped* (see `dropped`).
    """
    return tuple(_mapping(kind, "", live, desired, last or {}))


def dropped(fields: Iterable[FieldChange], desired: Body) -> tuple[str, ...]:
    """Paths among `fields` that the desired body no longer declares."""
    return tuple(f.path for f in fields if f.after is None and f.unknown is None and not declares(desired, f.path))


def fingerprint(kind: Kind, found: Found | None, desired: Body, also: Sequence[str] = ()) -> str:
    """Digest over uid, normalised declared fields and the paths in `also`; "absent" when there is no object."""
    if found is None:
        return ABSENT
    rest = {path: _at(found.body, path) for path in also}
    return digest({"uid": found.uid, "fields": _projected(kind, "", found.body, desired), "also": rest})


def merged(kind: Kind, live: Body, desired: Body, cleared: Sequence[str] = ()) -> dict[str, Any]:
    """The whole object as it shall be: live fields we do not declare stay, ours win, `cleared` paths go."""
    result = _merged(kind, "", live, desired)
    for path in cleared:
        _remove(result, path)
    return result


def mask(kind: Kind, fields: Iterable[FieldChange]) -> tuple[str, ...]:
    """Exact update mask: changed paths, lists and `whole` maps named whole, no path below another one."""
    cut = sorted({_whole(kind, _INDEX.split(f.path, maxsplit=1)[0]) for f in fields})
    return tuple(p for p in cut if not any(p.startswith(q + ".") for q in cut))


def replaces(kind: Kind, fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """The fields whose change the API refuses on an existing object."""
    return tuple(f for f in fields if _under(kind.immutable, f.path))


def visible(kind: Kind, fields: Iterable[FieldChange]) -> bool:
    """Whether visitors notice (a restart, say)."""
    return any(_under(kind.visible, f.path) for f in fields)


def value_at(body: Any, path: str) -> Any:
    """The value at a dotted path with `[index]` or `[key]` steps; None when there is none."""
    return _at(body, path)


def declares(body: Any, path: str) -> bool:
    """Whether a body has a value (even null) at a path."""
    missing = object()
    return _at(body, path, missing) is not missing


# --- difference -----------------------------------------------------------------------------------------------------


def _mapping(kind: Kind, path: str, live: Any, desired: Body, last: Any) -> Iterator[FieldChange]:
    live = live if isinstance(live, Mapping) else {}
    last = last if isinstance(last, Mapping) else {}
    for key, want in desired.items():
        yield from _value(kind, _join(path, key), live.get(key), want, last.get(key))
    for key in last:
        if key not in desired and not _zero(live.get(key)):
            yield _change(kind, _join(path, key), live.get(key), None)


def _value(kind: Kind, path: str, live: Any, want: Any, last: Any) -> Iterator[FieldChange]:
    if _under(kind.write_only, path):
        if last is not None and last != want:
            yield FieldChange(path, None, None, sensitive=True)
        return
    ref = Ref.from_body(want)
    if ref is not None:
        yield FieldChange(path, live, None, unknown=ref, may_replace=live is not None and _under(kind.immutable, path))
    elif isinstance(want, Mapping) and want:
        yield from _mapping(kind, path, live, want, last)
    elif isinstance(want, list | tuple) and not _is_empty_pair(live, want):
        yield from _list(kind, path, live, want, last)
    elif not _same(kind, path, live, want):
        yield _change(kind, path, live, want)


def _list(kind: Kind, path: str, live: Any, want: Sequence[Any], last: Any) -> Iterator[FieldChange]:
    live = list(live) if isinstance(live, list | tuple) else []
    rule = _keyed(kind, path)
    if rule is None:
        if len(live) != len(want):
            yield _change(kind, path, live or None, list(want))
            return
        before = last if isinstance(last, list | tuple) and len(last) == len(want) else [None] * len(want)
        for index, (have, item) in enumerate(zip(live, want, strict=True)):
            yield from _value(kind, f"{path}[{index}]", have, item, before[index])
        return
    have_by, want_by = _by_key(rule, live), _by_key(rule, want)
    last_by = _by_key(rule, last) if isinstance(last, list | tuple) else {}
    for key, item in want_by.items():
        where = f"{path}[{key}]"
        if key not in have_by:
            yield _addition(kind, where, item)
        elif rule.key:
            yield from _value(kind, where, have_by[key], item, last_by.get(key))
    for key, item in have_by.items():
        if key not in want_by and (rule.owned or key in last_by):
            yield _change(kind, f"{path}[{key}]", item, None)


def _addition(kind: Kind, path: str, item: Any) -> FieldChange:
    ref = next(refs_in(item), None)
    if ref is not None:
        return FieldChange(path, None, None, unknown=ref)
    return _change(kind, path, None, item)


def _change(kind: Kind, path: str, before: Any, after: Any) -> FieldChange:
    if _under(kind.sensitive, path) or _under(kind.write_only, path):
        return FieldChange(path, None, None, sensitive=True)
    return FieldChange(path, before, after)


def _same(kind: Kind, path: str, live: Any, want: Any) -> bool:
    if _zero(live) and _zero(want):
        return True  # Google's JSON leaves out zero values
    have, wish = _spelled(kind, path, live), _spelled(kind, path, want)
    if have == wish and isinstance(have, bool) == isinstance(wish, bool):
        return True
    if _under(kind.grows_only, path) and isinstance(have, int) and isinstance(wish, int):
        return have >= wish
    return isinstance(have, int | str) and isinstance(wish, int | str) and str(have) == str(wish)


# --- fingerprint and merge ------------------------------------------------------------------------------------------


def _projected(kind: Kind, path: str, live: Any, want: Any) -> Any:
    if _under(kind.write_only, path):
        return None
    if isinstance(want, Mapping) and Ref.from_body(want) is None and want:
        source = live if isinstance(live, Mapping) else {}
        shown = {key: _projected(kind, _join(path, key), source.get(key), inner) for key, inner in want.items()}
        return {key: value for key, value in shown.items() if not _zero(value)}
    if isinstance(want, list | tuple):
        return _projected_list(kind, path, live, want)
    if _under(kind.grows_only, path):
        return None
    value = _spelled(kind, path, live)
    return None if _zero(value) else str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _projected_list(kind: Kind, path: str, live: Any, want: Sequence[Any]) -> Any:
    items = list(live) if isinstance(live, list | tuple) else []
    rule = _keyed(kind, path)
    if rule is None:
        shown = [
            _projected(kind, f"{path}[{n}]", have, item)
            for n, (have, item) in enumerate(zip(items, want, strict=False))
        ]
        return shown + items[len(want) :]
    have_by, want_by = _by_key(rule, items), _by_key(rule, want)
    shown_by: dict[str, Any] = {}
    for key, item in sorted(have_by.items()):
        if key in want_by:
            shown_by[key] = _projected(kind, f"{path}[{key}]", item, want_by[key]) if rule.key else True
        elif rule.owned:
            shown_by[key] = item
    return shown_by


def _merged(kind: Kind, path: str, live: Any, want: Body) -> dict[str, Any]:
    result: dict[str, Any] = dict(live) if isinstance(live, Mapping) else {}
    for key, item in want.items():
        where = _join(path, key)
        have = result.get(key)
        if isinstance(item, Mapping):
            result[key] = _merged(kind, where, have, item)
        elif isinstance(item, list | tuple):
            result[key] = _merged_list(kind, where, have, item)
        elif not (_under(kind.grows_only, where) and _same(kind, where, have, item)):
            result[key] = item
    return result


def _merged_list(kind: Kind, path: str, live: Any, want: Sequence[Any]) -> list[Any]:
    items = list(live) if isinstance(live, list | tuple) else []
    rule = _keyed(kind, path)
    if rule is None:
        pairs = zip(items + [None] * len(want), want, strict=False)
        return [
            _merged(kind, f"{path}[{n}]", have, item) if isinstance(item, Mapping) else item
            for n, (have, item) in enumerate(pairs)
        ]
    have_by, want_by = _by_key(rule, items), _by_key(rule, want)
    result = [
        _merged(kind, f"{path}[{key}]", have_by.get(key), item) if isinstance(item, Mapping) else item
        for key, item in want_by.items()
    ]
    return result if rule.owned else [item for key, item in have_by.items() if key not in want_by] + result


# --- paths ----------------------------------------------------------------------------------------------------------


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _general(path: str) -> str:
    return _INDEX.sub("[*]", path)


def _under(patterns: Sequence[str], path: str) -> bool:
    if not patterns:
        return False
    general = _general(path)
    return any(general == p or general.startswith((p + ".", p + "[")) for p in patterns)


def _whole(kind: Kind, path: str) -> str:
    for prefix in kind.whole:
        if path == prefix or path.startswith(prefix + "."):
            return prefix
    return path


def _keyed(kind: Kind, path: str) -> Keyed | None:
    general = _general(path)
    return next((rule for rule in kind.keyed if rule.path == general), None)


def _by_key(rule: Keyed, items: Sequence[Any]) -> dict[str, Any]:
    if rule.key:
        return {str(item.get(rule.key, "")): item for item in items if isinstance(item, Mapping)}
    return {str(item): item for item in items}


def _spelled(kind: Kind, path: str, value: Any) -> Any:
    general = _general(path)
    for pattern, rule in kind.equal:
        if pattern == general:
            return SPELLINGS[rule](value)
    return value


def _zero(value: Any) -> bool:
    return (
        value is None or value is False or value in ("", 0) or (isinstance(value, list | tuple | Mapping) and not value)
    )


def _is_empty_pair(live: Any, want: Any) -> bool:
    return _zero(live) and not want


_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")


def _at(body: Any, path: str, missing: Any = None) -> Any:
    value = body
    for name, index in _STEP.findall(path):
        step = name or index
        if isinstance(value, Mapping) and name:
            value = value.get(step, missing)
        elif isinstance(value, list | tuple):
            value = _element(value, step, missing)
        else:
            return missing
        if value is missing:
            return missing
    return value


def _element(items: Sequence[Any], step: str, missing: Any) -> Any:
    for item in items:
        if isinstance(item, Mapping) and step in (item.get("name"), item.get("role"), item.get("database")):
            return item
        if not isinstance(item, Mapping) and str(item) == step:
            return item
    return items[int(step)] if step.isdigit() and int(step) < len(items) else missing


def _remove(body: dict[str, Any], path: str) -> None:
    steps = [name or index for name, index in _STEP.findall(path)]
    value: Any = body
    for step in steps[:-1]:
        value = value.get(step) if isinstance(value, Mapping) else _element(value or [], step, None)
    last = steps[-1]
    if isinstance(value, dict):
        value.pop(last, None)
    elif isinstance(value, list):
        gone = _element(value, last, None)
        if gone is not None:
            value.remove(gone)
