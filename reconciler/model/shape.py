"""Whether JSON that comes from outside (a saved plan, a journal, the history) has the shape its reader relies on."""

from collections.abc import Mapping
from typing import Any

TEXT, NUMBER, YES_OR_NO = (str,), (int, float), (bool,)
ROWS, NAMES, OBJECT = (list, dict), (list, str), (dict,)
TEXTS = (dict, str)
"""A list of objects; a list of texts; an object with any values; an object whose values are texts."""

Shape = tuple[type, ...]


def shaped(row: Any, fields: Mapping[str, Shape]) -> Mapping[str, Any]:
    """The row itself. Raises ValueError, naming the first field that is not there or not of its shape."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{type(row).__name__} stands where an object should")
    for name, shape in fields.items():
        if name not in row:
            raise ValueError(f"`{name}` is missing")
        if not _fits(row[name], shape):
            raise ValueError(f"`{name}` is of the wrong type")
    return row


def _fits(value: Any, shape: Shape) -> bool:
    if shape in (ROWS, NAMES):
        return isinstance(value, list) and all(isinstance(one, shape[1]) for one in value)
    if shape == TEXTS:
        return isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values())
    if isinstance(value, bool):
        return bool in shape
    return isinstance(value, shape)
