"""Values that another resource has: filled in where that resource is there and stays, left as references where not."""

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.kinds.compare import value_at
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.resource import Ref

Known = Callable[[Address], Body | None]
"""The live body of a resource that will still be the same object after the plan, else None."""


def resolved(body: Body, known: Known) -> dict[str, Any]:
    """The body with every reference that can be known now replaced by its value."""
    return {key: _resolve(value, known) for key, value in body.items()}


def _resolve(value: Any, known: Known) -> Any:
    ref = Ref.from_body(value)
    if ref is not None:
        source = known(ref.resource)
        found = value_at(source, ref.path) if source is not None else None
        return value if found is None else ref.template.format(found) if ref.template != "{}" else found
    if isinstance(value, Mapping):
        return {key: _resolve(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve(inner, known) for inner in value]
    return value
