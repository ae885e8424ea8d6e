"""What is live, seen through what we declare: its fingerprint, and the whole object as it shall be."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from reconciler.kinds.kind import Kind
from reconciler.kinds.paths import by_key, joined, remove, rule_at, settled, under, value_at
from reconciler.kinds.spelling import empty, same, spelled
from reconciler.model.canonical import Body, digest
from reconciler.model.plan import ABSENT
from reconciler.model.resource import Found, Ref


def fingerprint(kind: Kind, found: Found | None, desired: Body, also: Sequence[str] = ()) -> str:
    """Digest over uid, normalised declared fields and the paths in `also`; "absent" when there is no object."""
    if found is None:
        return ABSENT
    rest = {path: settled(kind, path, value_at(found.body, path)) for path in also}
    return digest({"uid": found.uid, "fields": _projected(kind, "", found.body, desired), "also": rest})


def merged(kind: Kind, live: Body, desired: Body, cleared: Sequence[str] = ()) -> dict[str, Any]:
    """The whole object as it shall be: live fields we do not declare stay, ours win, `cleared` paths go."""
    result = _merged(kind, "", live, desired)
    if cleared:
        result = deepcopy(result)
        for path in cleared:
            remove(result, path)
    return result


def _projected(kind: Kind, path: str, live: Any, want: Any) -> Any:
    if under(kind.write_only, path) or under(kind.grows_only, path):
        return None
    if isinstance(want, Mapping) and Ref.from_body(want) is None:
        source = live if isinstance(live, Mapping) else {}
        shown = {key: _projected(kind, joined(path, key), source.get(key), inner) for key, inner in want.items()}
        return {key: value for key, value in shown.items() if not empty(value)}
    if isinstance(want, list | tuple):
        return _projected_list(kind, path, live, want)
    value = spelled(kind, path, live)
    return None if empty(value) else str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _projected_list(kind: Kind, path: str, live: Any, want: Sequence[Any]) -> Any:
    items = list(live) if isinstance(live, list | tuple) else []
    rule = rule_at(kind, path)
    if rule is None:
        rest = items[len(want) :]
        pairs = [*zip(items, want, strict=False), *zip(rest, rest, strict=True)]
        return [_projected(kind, f"{path}[{n}]", have, item) for n, (have, item) in enumerate(pairs)]
    have_by, want_by = by_key(rule, items), by_key(rule, want)
    shown: dict[str, Any] = {}
    for key, item in sorted(have_by.items()):
        if key in want_by or rule.owned:
            wish = want_by.get(key, item)
            shown[key] = _projected(kind, f"{path}[{key}]", item, wish) if rule.key else True
    return shown


def _merged(kind: Kind, path: str, live: Any, want: Body) -> dict[str, Any]:
    result: dict[str, Any] = dict(live) if isinstance(live, Mapping) else {}
    for key, item in want.items():
        where = joined(path, key)
        have = result.get(key)
        if isinstance(item, Mapping):
            result[key] = _merged(kind, where, have, item)
        elif isinstance(item, list | tuple):
            result[key] = _merged_list(kind, where, have, item)
        elif not (under(kind.grows_only, where) and same(kind, where, have, item)):
            result[key] = item
    return result


def _merged_list(kind: Kind, path: str, live: Any, want: Sequence[Any]) -> list[Any]:
    items = list(live) if isinstance(live, list | tuple) else []
    rule = rule_at(kind, path)
    if rule is None:
        pairs = zip(items + [None] * len(want), want, strict=False)
        return [
            _merged(kind, f"{path}[{n}]", have, item) if isinstance(item, Mapping) else item
            for n, (have, item) in enumerate(pairs)
        ]
    have_by, want_by = by_key(rule, items), by_key(rule, want)
    result = [
        _merged(kind, f"{path}[{key}]", have_by.get(key), item) if isinstance(item, Mapping) else item
        for key, item in want_by.items()
    ]
    return result if rule.owned else [item for key, item in have_by.items() if key not in want_by] + result
