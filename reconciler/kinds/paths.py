"""Places in a body: dotted paths with `[index]`, `[key]` (keyed lists, map keys with a dot) and `[*]` (any)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.kinds.kind import Keyed, Kind
from reconciler.model.canonical import canonical, digest

_INDEX = re.compile(r"\[[^\]]*\]")
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
_KEYS = ("name", "role", "database")
"""The fields that identify an element of the table's keyed lists."""


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


def by_key(rule: Keyed, items: Any) -> dict[str, Any]:
    """Elements by what identifies them; a conditional IAM binding is another one than the plain one of its role."""
    if not isinstance(items, list | tuple):
        return {}
    if not rule.key:
        return {_text(item): item for item in items}
    return {_identity(rule, item): item for item in items if isinstance(item, Mapping)}


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
