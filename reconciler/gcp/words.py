"""Between the API's JSON and Google's messages, and between our names and their parts."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.canonical import Body

_CAMEL = re.compile(r"([A-Z])")


class UnspeakableError(ValueError):
    """A body of ours that the API has no words for."""


def to_json(message: Any) -> dict[str, Any]:
    """A proto-plus or protobuf message as the API's own JSON: camelCase, enum names, int64 as strings."""
    from google.protobuf.json_format import MessageToDict

    plain = type(message).pb(message) if hasattr(type(message), "pb") else message
    result: dict[str, Any] = MessageToDict(plain)
    return result


def to_message(kind: Any, body: Body) -> Any:
    """A proto-plus message of class `kind`. Raises UnspeakableError on what it does not know."""
    from google.protobuf.json_format import ParseDict, ParseError

    message = kind()
    try:
        ParseDict(_plain(body), kind.pb(message))
    except ParseError as error:
        raise UnspeakableError(str(error)) from error
    return message


def field_mask(paths: Sequence[str]) -> Any:
    """A FieldMask of our camelCase paths (messages hold them in snake_case, the wire in camelCase)."""
    from google.protobuf.field_mask_pb2 import FieldMask

    return FieldMask(paths=[_CAMEL.sub(r"_\1", path).lower() for path in paths])


def pick(body: Body, paths: Sequence[str]) -> dict[str, Any]:
    """Only the values at these dotted paths; one that is not there reads None ("clear it")."""
    result: dict[str, Any] = {}
    for path in paths:
        *above, last = path.split(".")
        into, value = result, body
        for step in above:
            into = into.setdefault(step, {})
            inner = value.get(step) if isinstance(value, Mapping) else None
            value = inner if isinstance(inner, Mapping) else {}
        into[last] = value.get(last)
    return result


def last(name: str) -> str:
    """The part of a name after its last slash."""
    return name.rstrip("/").rpartition("/")[2]


def project_of(name: str) -> str:
    """The project id in "projects/ID/…"; "" when the name holds none."""
    parts = name.split("/")
    return parts[1] if parts[0] == "projects" and len(parts) > 1 else ""


def _plain(value: Any) -> Any:
    """Mappings and tuples as dict and list: the parser looks at the exact types."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
