"""Values of the machines as JSON and back, exactly: what a durable step came to is read by another process.

One rule for every dataclass, so that a field added to a State or a Failure is carried without a word here. A Change is
carried as its address: the reader has the plan.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from reconciler.model.ids import Address
from reconciler.model.plan import Change

T = TypeVar("T")
Changes = Mapping[str, Change]
"""The changes of a plan by the text of their address."""


def to_json(value: Any) -> Any:
    """Plain JSON. Raises TypeError for what cannot be carried: a bug."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Change):
        return str(value.address)
    if isinstance(value, Address):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(inner) for inner in value]
    raise TypeError(f"a {type(value).__name__} cannot be carried as JSON")


def from_json(wanted: type[T], row: Any, changes: Changes) -> T:
    """The value again. Raises KeyError, TypeError or ValueError for a row that is none."""
    return typing.cast("T", _value(wanted, row, changes))


def _value(wanted: Any, row: Any, changes: Changes) -> Any:
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        inner = [kind for kind in typing.get_args(wanted) if kind is not types.NoneType]
        if len(inner) != 1:
            raise TypeError(f"{wanted} says not which of them a row is")
        return None if row is None else _value(inner[0], row, changes)
    if origin is tuple:
        return tuple(_value(typing.get_args(wanted)[0], one, changes) for one in row)
    if not isinstance(wanted, type):
        return row
    return _plain(wanted, row, changes)


def _plain(wanted: type, row: Any, changes: Changes) -> Any:
    if wanted is Change:
        return changes[row]
    if wanted is Address:
        return Address.parse(row)
    if wanted is datetime:
        return datetime.fromisoformat(row)
    if issubclass(wanted, Enum):
        return wanted(row)
    if is_dataclass(wanted):
        return wanted(
            **{name: _value(hint, row[name], changes) for name, hint in _hints(wanted).items() if name in row}
        )
    return row


@cache
def _hints(wanted: type) -> dict[str, Any]:
    hints = typing.get_type_hints(wanted)
    return {f.name: hints[f.name] for f in fields(wanted)}
