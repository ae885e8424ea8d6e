"""Pure functions of Google's libraries that a simulation calls a thousand times with the same bytes: remembered.

Reading JSON into a message, and writing a message as JSON. A third of a schedule's time went there.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import orjson
from google.protobuf import json_format

_MOST = 20_000
_parse, _to_dict = json_format.Parse, json_format.MessageToDict
_messages: dict[tuple[str, Any], Any] = {}
_plain: dict[tuple[str, bytes], bytes] = {}


def parse(text: Any, message: Any, *arguments: Any, **named: Any) -> Any:
    if message.ByteSize():
        return _parse(text, message, *arguments, **named)
    key = (message.DESCRIPTOR.full_name, text)
    known = _messages.get(key)
    if known is None:
        if len(_messages) > _MOST:
            _messages.clear()
        known = _messages[key] = type(message)()
        _parse(text, known, *arguments, **named)
    message.CopyFrom(known)
    return message


def to_dict(message: Any, *arguments: Any, **named: Any) -> Any:
    if arguments or named:
        return _to_dict(message, *arguments, **named)
    key = (message.DESCRIPTOR.full_name, message.SerializeToString(deterministic=True))
    known = _plain.get(key)
    if known is None:
        if len(_plain) > _MOST:
            _plain.clear()
        known = _plain[key] = orjson.dumps(_to_dict(message))
    return orjson.loads(known)


@contextlib.contextmanager
def parsing() -> Iterator[None]:
    with patch.object(json_format, "Parse", parse), patch.object(json_format, "MessageToDict", to_dict):
        yield
