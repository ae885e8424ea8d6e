"""Filter expressions of instances.list and backups.listBackups, as the discovery document describes them.

`field:value` and `field=value` on dotted JSON names, joined by spaces or AND, alternatives by OR; `!=`, `NOT` or `-`
negate. A term that names no field is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reconciler.localcloud.services.sqladmin.target import refused
from reconciler.localcloud.values import Json

_TOKEN = re.compile(
    r'\s*(AND\b|OR\b|NOT\b|\(|\)|(?P<minus>-)?(?P<field>[\w.\-]+)\s*(?P<sign>!=|:|=)\s*(?P<value>"[^"]*"|[^\s()]+))'
)
Test = Callable[[Json], bool]


def matches(text: str) -> Test:
    """Whether a row passes the filter. GoogleError 400 when it cannot be read."""
    alternatives: list[list[Test]] = [[]]
    position, negated = 0, False
    text = text.strip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise refused(f"Invalid filter: {text}.")
        position = found.end()
        word = found[1]
        if found["field"]:
            inverse = negated ^ bool(found["minus"]) ^ (found["sign"] == "!=")
            alternatives[-1].append(_term(found["field"].split("."), found["value"].strip('"'), inverse=inverse))
            negated = False
        elif word == "OR":
            alternatives.append([])
        elif word == "NOT":
            negated = True
    return lambda row: any(all(test(row) for test in tests) for tests in alternatives)


def _term(path: list[str], value: str, *, inverse: bool) -> Test:
    def test(row: Json) -> bool:
        return any(_same(found, value) for found in _values(row, path)) is not inverse

    return test


def _same(found: Any, value: str) -> bool:
    text = str(found).lower() if isinstance(found, bool) else str(found)
    if value.endswith("*"):
        return text.startswith(value[:-1])
    return text == value or (isinstance(found, bool) and text == value.lower())


def _values(node: Any, path: list[str]) -> list[Any]:
    """What stands at a dotted path; a list passes for each of its elements, and a label's name may have dots."""
    if isinstance(node, list):
        return [found for inner in node for found in _values(inner, path)]
    if not path:
        return [node]
    if not isinstance(node, dict):
        return []
    joined = ".".join(path)
    if joined in node:
        return _values(node[joined], [])
    return _values(node[path[0]], path[1:]) if path[0] in node else []
