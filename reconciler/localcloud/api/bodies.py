"""A request body judged against its schema: proto JSON spellings in, Google's own complaints out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.api.enums import enum_of
from reconciler.localcloud.api.quick import DURATION, INTEGER, PRECONDITIONS, Odd, passing
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.values import Json

_WRAPPED = {
    "google-duration": "type.googleapis.com/google.protobuf.Duration",
    "google-datetime": "type.googleapis.com/google.protobuf.Timestamp",
    "google-fieldmask": "type.googleapis.com/google.protobuf.FieldMask",
}
_NUMBER_TYPES = {
    "int32": "TYPE_INT32", "uint32": "TYPE_UINT32", "int64": "TYPE_INT64", "uint64": "TYPE_UINT64",
    "double": "TYPE_DOUBLE", "float": "TYPE_FLOAT", "byte": "TYPE_BYTES",
}  # fmt: skip
# Recorded values of Compute Engine's enums that the shipped documents do not know yet.
_NEWER = {"natIpAllocateOption": ("USE_SHARED_RANGES",), "schedulingType": ("FLEXIBLE",)}
_MOST_COMPLAINTS = 1000


@dataclass
class _Judge:
    api: Api
    complaints: list[tuple[str, str]] = field(default_factory=list)

    def complain(self, where: str, what: str) -> None:
        # A body of millions of wrong names must not be answered by as many sentences.
        if len(self.complaints) < _MOST_COMPLAINTS:
            self.complaints.append((where, what))

    def message(self, schema: Json, value: Json, where: str) -> Json:
        properties: Json = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        result: Json = {}
        for key, inner in value.items():
            name = key if key in properties or rest is not None else camel(key)
            if name not in properties:
                if rest is not None:
                    result[key] = self.value(rest, inner, f"{where}[{key}]" if where else key, key)
                elif properties or "id" in schema:
                    at = f" at '{where}'" if where else ""
                    self.complain(where, f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.')
                else:
                    result[key] = inner
                continue
            inside = properties[name]
            checked = self.value(inside, inner, f"{where}.{snake(name)}" if where else snake(name), name)
            if inner is not None and not (inside.get("readOnly") and name not in PRECONDITIONS):
                result[name] = checked
        return result

    def value(self, schema: Json, value: Any, where: str, prop: str) -> Any:
        schema = self.api.resolve(schema)
        kind = schema.get("type")
        if value is None or kind in (None, "any"):
            return value
        if kind == "object":
            if isinstance(value, dict):
                return self.message(schema, value, where)
            return self._wrong(where, schema.get("id", "message"), value)
        if kind == "array":
            if isinstance(value, list):
                items = schema.get("items", {})
                for index, inner in enumerate(value):
                    if inner is None:  # proto JSON knows no null inside a list
                        self._wrong(f"{where}[{index}]", self.api.resolve(items).get("type", "message"), None)
                return [self.value(items, inner, f"{where}[{index}]", prop) for index, inner in enumerate(value)]
            return self._wrong(where, schema.get("items", {}).get("type", "list"), value)
        return self._scalar(schema, value, where, prop)

    def _scalar(self, schema: Json, value: Any, where: str, prop: str) -> Any:
        kind, form = schema.get("type"), schema.get("format", "")
        if "enum" in schema:
            return self._enum(schema, value, where, prop)
        if kind == "boolean":
            if isinstance(value, bool):
                return value
            return value == "true" if value in ("true", "false") else self._wrong(where, "TYPE_BOOL", value)
        if form in ("int32", "uint32", "int64", "uint64"):
            return self._integer(form, value, where)
        if kind in ("number", "integer"):
            if isinstance(value, int | float) and not isinstance(value, bool):
                return value
            return self._wrong(where, _NUMBER_TYPES.get(form, "TYPE_DOUBLE"), value)
        if not isinstance(value, str):
            return self._wrong(where, _WRAPPED.get(form, _NUMBER_TYPES.get(form, "TYPE_STRING")), value)
        if form == "google-duration" and not DURATION.fullmatch(value):
            return self._wrong(where, _WRAPPED[form], value)
        return value

    def _integer(self, form: str, value: Any, where: str) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole and not (isinstance(value, str) and INTEGER.fullmatch(value)):
            return self._wrong(where, _NUMBER_TYPES[form], value)
        return str(value) if form.endswith("64") else int(value)

    def _enum(self, schema: Json, value: Any, where: str, prop: str) -> Any:
        found = enum_of(self.api, prop, schema)
        if isinstance(value, int) and not isinstance(value, bool):
            # An unknown number is legal proto JSON; without a table the number is all we know.
            known = found or self.api.name != "compute"
            return found[2].get(value, value) if found else value if known else self._wrong(where, "TYPE_ENUM", value)
        if isinstance(value, str) and (value in schema["enum"] or (found and value in found[1])):
            return value
        if self.api.name == "compute" and value in ("", *_NEWER.get(prop, ())):
            # Recorded: Compute Engine takes an empty enum for one that was left out.
            return value or None
        return self._wrong(where, f"type.googleapis.com/{found[0]}" if found else "TYPE_ENUM", value)

    def _wrong(self, where: str, kind: str, value: Any) -> None:
        if isinstance(value, dict | list):
            one = isinstance(value, list)
            shape = (
                "Proto field is not repeating, cannot start list." if one else "Starting an object on a scalar field"
            )
            at, _, name = where.rpartition(".")
            self.complain(where, f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}': {shape}")
            return
        printed = (
            "null"
            if value is None
            else str(value).lower()
            if isinstance(value, bool)
            else f'"{value}"'
            if isinstance(value, str)
            else value
        )
        self.complain(where, f"Invalid value at '{where}' ({kind}), {printed}")


def checked(api: Api, schema_name: str, body: object, prefix: str = "") -> Json:
    """`body` in camelCase, enums as names, 64-bit integers as strings, output-only fields dropped.

    `prefix` is the name of the body field in the request message, for the complaints. Raises GoogleError 400.
    """
    if not isinstance(body, dict):
        raise invalid('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    try:
        found: Json = passing(api, schema_name)(body)
        return found
    except Odd:
        return judged(api, schema_name, body, prefix)


def judged(api: Api, schema_name: str, body: Json, prefix: str = "") -> Json:
    """What `checked` answers, without the shortcut for ordinary bodies."""
    judge = _Judge(api)
    result = judge.message(api.schema(schema_name), body, prefix)
    if judge.complaints:
        raise _refused(judge.complaints)
    return result


def _refused(complaints: list[tuple[str, str]]) -> GoogleError:
    return invalid("\n".join(what for _, what in complaints), *complaints)


@lru_cache(maxsize=8192)
def camel(name: str) -> str:
    """`max_instance_count` -> `maxInstanceCount`; a name without underscores stays as it is."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


@lru_cache(maxsize=8192)
def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)
