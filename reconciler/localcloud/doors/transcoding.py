"""gRPC to HTTP and back, as Google's own front end does it: https://cloud.google.com/endpoints/docs/grpc/transcoding.

The rules are in the protos (`google.api.http`): a verb, a path with fields of the request in it, and what the body is.
What is left of the request goes into the query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from google.protobuf import field_mask_pb2, json_format
from google.protobuf.message import DecodeError, Message

from reconciler.localcloud.api.bodies import camel
from reconciler.localcloud.api.protos import Binding, Protos
from reconciler.localcloud.doors import front
from reconciler.localcloud.errors import CODES, invalid
from reconciler.localcloud.values import Json, Response

_PATTERN = re.compile(r"\{([^}=]+)(?:=([^}]+))?\}")
# google.rpc.Code, for what has a name there.
NUMBERS = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10,
    "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
}  # fmt: skip


def read(protos: Protos, name: str, raw: bytes) -> Json:
    """The JSON of an encoded message. Raises GoogleError 400 for bytes that are none."""
    message = protos.message(name)()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise invalid(f"The request is no {name}.") from error
    masks = _masks(message)
    try:
        found: Json = json_format.MessageToDict(message, descriptor_pool=protos.pool)
    except (json_format.SerializeToJsonError, TypeError, KeyError) as error:
        raise invalid(f"The request holds what has no JSON form: {error}") from error
    return found | masks


def _masks(message: Message) -> Json:
    """The field masks of a request, taken out of it: their JSON form knows only lower-case paths, clients send others
    (`labels.someKey`)."""
    found: Json = {}
    for field, value in message.ListFields():
        if not field.is_repeated and getattr(field.message_type, "full_name", "") == _MASK:
            found[field.json_name] = ",".join(camel(path) for path in value.paths)
            message.ClearField(field.name)
    return found


_MASK = field_mask_pb2.FieldMask.DESCRIPTOR.full_name


def http(bindings: tuple[Binding, ...], values: Json) -> tuple[str, str, dict[str, list[str]], bytes]:
    """(verb, path without a leading slash, query, body) for a request's JSON, by the first form that its fields fit."""
    for binding in bindings:
        path = _path(binding.template, values)
        if path is not None:
            return binding.verb, path, *_rest(binding, values)
    wanted = " or ".join(binding.template for binding in bindings)
    raise invalid(f"The request's fields fit none of the resource's names: {wanted}")


def _path(template: str, values: Json) -> str | None:
    """The template with the request's fields in it; None when one is missing or has another shape."""
    pieces, last = [], 0
    for found in _PATTERN.finditer(template):
        value = _at(values, found[1])
        if not isinstance(value, str | int) or not _shape(found[2] or "*").fullmatch(str(value)):
            return None
        pieces += [template[last : found.start()], quote(str(value), safe="/" if "/" in str(found[2]) else "")]
        last = found.end()
    return "".join(pieces) + template[last:]


@lru_cache(maxsize=4096)
def _shape(pattern: str) -> re.Pattern[str]:
    pieces = {"**": ".*", "*": "[^/]+"}
    return re.compile("".join(pieces.get(piece, re.escape(piece)) for piece in re.split(r"(\*\*?)", pattern)))


def _at(values: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        values = values.get(camel(name)) if isinstance(values, dict) else None
    return values


def _rest(binding: Binding, values: Json) -> tuple[dict[str, list[str]], bytes]:
    # A resource keeps its own name in the body (`{service.name=…}`); the request's own fields go to one place each.
    taken = {camel(name) for name in binding.variables if "." not in name}
    return rest({name: value for name, value in values.items() if name not in taken}, binding.body)


def rest(values: Json, body: str) -> tuple[dict[str, list[str]], bytes]:
    """(query, body) of the fields that are not in the path; `body` is a field, `*`, or empty."""
    if body == "*":
        return {}, orjson.dumps(values)
    query: dict[str, list[str]] = {}
    _flatten({name: value for name, value in values.items() if name != camel(body)}, "", query)
    return query, orjson.dumps(values.get(camel(body), {})) if body else b""


def _flatten(values: Json, prefix: str, query: dict[str, list[str]]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", query)
        else:
            query[prefix + name] = [_plain(one) for one in (value if isinstance(value, list) else [value])]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def written(protos: Protos, name: str, response: Response) -> bytes:
    """The encoded message that a JSON answer is; fields and packed messages that it does not know are left out."""
    message: Any = protos.message(name)()
    body = response.body
    if name == "google.api.HttpBody":
        message.data, kind = front.printed(response)
        message.content_type = response.headers.get("content-type", kind)
    elif isinstance(body, dict):
        known = _known(protos, body)
        json_format.ParseDict(known, message, ignore_unknown_fields=True, descriptor_pool=protos.pool)
    encoded: bytes = message.SerializeToString()
    return encoded


def _known(protos: Protos, value: Any) -> Any:
    """Without the packed messages (`@type`) that no proto of ours describes, because nobody could read them."""
    if isinstance(value, dict):
        return {name: _known(protos, inner) for name, inner in value.items() if not _strange(protos, inner)}
    if isinstance(value, list):
        return [_known(protos, inner) for inner in value if not _strange(protos, inner)]
    return value


def _strange(protos: Protos, value: Any) -> bool:
    if not isinstance(value, dict) or "@type" not in value:
        return False
    return protos.descriptor(str(value["@type"]).rpartition("/")[2]) is None


def status(protos: Protos, response: Response) -> tuple[str, str, bytes]:
    """(code, message, encoded google.rpc.Status) of an error's answer."""
    error = response.body.get("error", {}) if isinstance(response.body, dict) else {}
    code = str(error.get("status") or CODES.get(response.status, "UNKNOWN"))
    code = code if code in NUMBERS else "UNKNOWN"
    message = str(error.get("message", ""))
    told: Mapping[str, Any] = {"code": NUMBERS[code], "message": message, "details": error.get("details", [])}
    return code, message, written(protos, "google.rpc.Status", Response(200, told))
