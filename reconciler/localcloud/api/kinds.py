"""The `kind` that older APIs put on every object, nested ones too; discovery documents declare it as a default."""

from __future__ import annotations

from typing import Any

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.values import Json


def with_kinds(api: Api, schema: Json, value: Any) -> Any:
    """A copy of `value` in which every object whose schema declares a `kind` says it."""
    schema = api.resolve(schema)
    if isinstance(value, list):
        return [with_kinds(api, schema.get("items", {}), inner) for inner in value]
    if not isinstance(value, dict):
        return value
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    result = {key: with_kinds(api, known.get(key, rest), inner) for key, inner in value.items()}
    kind = known.get("kind", {}).get("default")
    return {"kind": kind, **result} if kind else result
