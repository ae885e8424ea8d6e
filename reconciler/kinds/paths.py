"""Places in a body: dotted paths with `[index]`, `[key]` (keyed lists, map keys with a dot) and `[*]` (any)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.kinds.kind import Keyed, Kind
from reconciler.model.canonical import Body, canonical, digest

_INDEX = re.compile(r"\[[^\]]*\]")
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
_KEYS = ("name", "role", "database", "type")
"""The fields that identify an element of the table's keyed lists, and an address of an instance (by its `type`)."""


def joined(path: str, key: str) -> str:
    """A map key with a dot in it (an annotation) is bracketed, so that it stays one step."""
    if "." in key or "[" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def head(path: str) -> str:
    """The path up to its first bracket: what an update mask can name."""
    return _INDEX.split(path, maxsplit=1)[0]


def under(patterns: Sequence[str], path: str) -> bool:
    """Whether a path is one of these, or below one."""
    if not patterns:
        return False
    general = _INDEX.sub("[*]", path)
    return any(general == p or general.startswith((p + ".", p + "[")) for p in patterns)


def rule_at(kind: Kind, path: str) -> Keyed | None:
    general = _INDEX.sub("[*]", path)
    return next((rule for rule in kind.keyed if rule.path == general), None)


def spelling_at(kind: Kind, path: str) -> str:
    """The name of the spelling rule at a path, "" for none."""
    general = _INDEX.sub("[*]", path)
    return next((rule for pattern, rule in kind.equal if pattern == general), "")


def lies_in(path: str, outer: str) -> bool:
    """Whether a path is the other, or stands below it."""
    return path == outer or path.startswith((outer + ".", outer + "["))


def by_key(rule: Keyed, items: Any) -> dict[str, Any]:
    """Elements by what identifies them; a conditional IAM binding is another one than the plain one of its role.

    Of two with one identity the same one counts, in whatever order they come.
    """
    if not isinstance(items, list | tuple):
        return {}
    if not rule.key:
        return {_text(item): item for item in items}
    result: dict[str, Body] = {}
    for item in items:
        if isinstance(item, Mapping):
            key = _identity(rule, item)
            result[key] = item if key not in result else max(result[key], item, key=canonical)
    return result


def settled(kind: Kind, path: str, value: Any) -> Any:
    """The same value with every list whose order means nothing in the order of its keys."""
    if isinstance(value, Mapping):
        return {key: settled(kind, joined(path, key), inner) for key, inner in value.items()}
    if not isinstance(value, list | tuple):
        return value
    rule = rule_at(kind, path)
    if rule is None:
        return [settled(kind, f"{path}[{n}]", item) for n, item in enumerate(value)]
    told = [(_identity(rule, item) if isinstance(item, Mapping) else _text(item), item) for item in value]
    inner = [settled(kind, f"{path}[{key}]", item) for key, item in told]
    return [item for _, item in sorted(zip([key for key, _ in told], inner, strict=True), key=_settled_by)]


def _settled_by(told: tuple[str, Any]) -> tuple[str, str]:
    return told[0], canonical(told[1])


def _identity(rule: Keyed, item: Mapping[str, Any]) -> str:
    key = _text(item.get(rule.key, ""))
    condition = item.get("condition")
    return f"{key} if {digest(condition)[7:15]}" if condition else key


def _text(item: Any) -> str:
    return item if isinstance(item, str) else canonical(item)


def value_at(body: Any, path: str, missing: Any = None) -> Any:
    """The value at a path; `missing` when there is none."""
    value = body
    for name, index in _STEP.findall(path):
        step = name or index
        if isinstance(value, Mapping):
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
        if isinstance(item, Mapping):
            if any(step == _identity(Keyed("", key), item) for key in _KEYS if key in item):
                return item
        elif _text(item) == step:
            return item
    return items[int(step)] if step.isdecimal() and int(step) < len(items) else missing


def remove(body: dict[str, Any], path: str) -> None:
    """Take the value at a path out of a body, in place; nothing happens when there is none."""
    steps = [name or index for name, index in _STEP.findall(path)]
    value: Any = body
    for step in steps[:-1]:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list):
            value = _element(value, step, None)
    last = steps[-1]
    if isinstance(value, dict):
        value.pop(last, None)
    elif isinstance(value, list):
        gone = _element(value, last, None)
        if gone is not None:
            value.remove(gone)
