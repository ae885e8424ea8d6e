"""References in a body, replaced by what finished changes came to."""

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.compare import value_at
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.resource import Ref


class UnresolvedError(Exception):
    """A referenced value is not there; the text says which and what to do."""


def resolve(body: Body, results: Mapping[Address, Body]) -> dict[str, Any]:
    """The body with no reference left. Raises UnresolvedError."""
    return {key: _value(value, results) for key, value in body.items()}


def _value(value: Any, results: Mapping[Address, Body]) -> Any:
    ref = Ref.from_body(value)
    if ref is not None:
        return _referenced(ref, results)
    if isinstance(value, Mapping):
        return {key: _value(inner, results) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value(inner, results) for inner in value]
    return value


def _referenced(ref: Ref, results: Mapping[Address, Body]) -> Any:
    if ref.resource not in results:
        raise UnresolvedError(
            f"it needs `{ref.path}` of {ref.resource}, and no finished change of this plan gives it; plan again"
        )
    found = value_at(results[ref.resource], ref.path)
    if found is None:
        raise UnresolvedError(f"it needs `{ref.path}` of {ref.resource}, which the cloud does not show yet; plan again")
    return found if ref.template == "{}" else ref.template.replace("{}", str(found))
