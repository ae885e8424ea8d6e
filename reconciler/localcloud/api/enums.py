"""Enum numbers: what GAPIC REST clients send (`$alt=json;enum-encoding=int`) and want back.

The position of a name in a discovery document is not its number; the numbers come from Google's protos.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.api.model import packages
from reconciler.localcloud.api.protos import installed
from reconciler.localcloud.values import Json

Found = tuple[str, Mapping[str, int], Mapping[int, str]]


@lru_cache(maxsize=8192)
def _find(known: tuple[str, ...], prop: str, names: tuple[str, ...]) -> Found | None:
    candidates = [enum for package in known for enum in installed().enums.get(package, {}).get(prop, ())]
    best = max(candidates, key=lambda enum: len(set(names) & set(enum[1])), default=None)
    if best is None or not set(names) & set(best[1]):
        return None
    kind, numbers = best
    return kind, numbers, {number: name for name, number in reversed(list(numbers.items()))}


def enum_of(api: Api, prop: str, schema: Json) -> Found | None:
    """(proto type name, name -> number, number -> name) of an enum property, or None where no proto has told us."""
    return _find(packages(api), prop, tuple(schema.get("enum", ())))


def numbered(api: Api, schema: Json, value: object, prop: str = "") -> object:
    """A copy of an answer with the enums of `schema` as numbers; names without a known number stay names."""
    schema = api.resolve(schema)
    if isinstance(value, dict):
        if "@type" in value:
            schema = api.message(str(value["@type"]))
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
        return {key: numbered(api, known.get(key, rest), inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [numbered(api, schema.get("items", {}), inner, prop) for inner in value]
    if isinstance(value, str) and "enum" in schema:
        found = enum_of(api, prop, schema)
        return found[1].get(value, value) if found else value
    return value
