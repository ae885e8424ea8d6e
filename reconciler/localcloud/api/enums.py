"""Enum numbers: what GAPIC REST clients send (`$alt=json;enum-encoding=int`) and want back."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import orjson

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.values import Json


@cache
def _table() -> dict[str, dict[str, list[Json]]]:
    table: dict[str, dict[str, list[Json]]] = orjson.loads(Path(__file__).with_name("enum_numbers.json").read_bytes())
    return table


@lru_cache(maxsize=4096)
def _find(api: str, prop: str, names: tuple[str, ...]) -> tuple[str, dict[str, int], dict[int, str]] | None:
    candidates = _table().get(api, {}).get(prop, [])
    best = max(candidates, key=lambda enum: len(set(names) & set(enum["values"])), default=None)
    if best is None or not set(names) & set(best["values"]):
        return None
    numbers: dict[str, int] = best["values"]
    return best["type"], numbers, {number: name for name, number in reversed(list(numbers.items()))}


def enum_of(api: Api, prop: str, schema: Json) -> tuple[str, dict[str, int], dict[int, str]] | None:
    """(proto type name, name -> number, number -> name) of an enum property, or None where no client has told us."""
    return _find(f"{api.name}.{api.version}", prop, tuple(schema.get("enum", ())))


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
