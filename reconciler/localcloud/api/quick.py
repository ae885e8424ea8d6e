"""A schema as one function that passes an ordinary body: what `bodies` would answer, several times faster.

Whatever is out of the ordinary (a number for an enum, a snake_case name, anything wrong) raises Odd, and `bodies`
judges it: it alone knows the complaints. A test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.values import Json

# Marked output-only in some documents, and yet read from requests as a precondition.
PRECONDITIONS = frozenset({"etag", "fingerprint", "settingsVersion", "name"})
DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")
INTEGER = re.compile(r"-?\d+")

Pass = Callable[[Any], Any]


class Odd(Exception):  # noqa: N818 - not an error: the slower way judges it
    """This body is not plainly right."""


def passing(api: Api, schema_name: str) -> Pass:
    """The function for a message; made once for each API."""
    found: Pass = api.cached(f"quick/{schema_name}", lambda: _message(api, api.schema(schema_name)))
    return found


def _message(api: Api, schema: Json) -> Pass:
    properties: Json = schema.get("properties", {})
    rest: Pass | None = _value(api, schema["additionalProperties"]) if "additionalProperties" in schema else None
    table: dict[str, tuple[Pass, bool]] = {}

    def known(name: str) -> tuple[Pass, bool]:
        # Made when a body first has the field: schemas contain themselves.
        inside = properties[name]
        table[name] = (_value(api, inside), not inside.get("readOnly") or name in PRECONDITIONS)
        return table[name]

    def message(value: Any) -> Json:
        if type(value) is not dict:
            raise Odd
        result: Json = {}
        for key, inner in value.items():
            if key in properties:
                check, kept = table.get(key) or known(key)
                if inner is not None:
                    passed = check(inner)
                    if kept:
                        result[key] = passed
            elif rest is not None:
                result[key] = inner if inner is None else rest(inner)
            else:
                raise Odd
        return result

    return message


def _value(api: Api, schema: Json) -> Pass:
    if "$ref" in schema:
        return passing(api, schema["$ref"]) if api.resolve(schema).get("type") == "object" else _odd
    kind = schema.get("type")
    if kind in (None, "any"):
        return lambda value: value
    if kind == "object":
        return _message(api, schema)
    return _list(api, schema) if kind == "array" else _scalar(schema)


def _odd(_: Any) -> Any:
    raise Odd


def _list(api: Api, schema: Json) -> Pass:
    check = _value(api, schema.get("items", {}))

    def whole(value: Any) -> list[Any]:
        if type(value) is not list or None in value:
            raise Odd
        return [check(inner) for inner in value]

    return whole


def _scalar(schema: Json) -> Pass:
    kind, form = schema.get("type"), schema.get("format", "")
    if "enum" in schema:
        names = frozenset(schema["enum"])
        return lambda value: value if type(value) is str and value in names else _odd(value)
    if kind == "boolean":
        return lambda value: value if type(value) is bool else _odd(value)
    if form in ("int64", "uint64"):
        return _long
    if form in ("int32", "uint32"):
        return lambda value: value if type(value) is int else _odd(value)
    if kind in ("number", "integer"):
        return lambda value: value if type(value) in (int, float) else _odd(value)
    if form == "google-duration":
        return lambda value: value if type(value) is str and DURATION.fullmatch(value) else _odd(value)
    return lambda value: value if type(value) is str else _odd(value)


def _long(value: Any) -> str:
    if type(value) is int or (type(value) is str and INTEGER.fullmatch(value)):
        return str(value)
    raise Odd
