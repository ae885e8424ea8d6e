"""What is compiled and what the table of kinds says fit together: made as asked for, nothing is drift."""

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.desired.compile import compile_fleet
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, fingerprint, merged
from reconciler.model.ids import Address
from reconciler.model.resource import Found, Ref, Resource
from tests.desired.fleets import FILES, fleet_of

RESOURCES = compile_fleet(fleet_of(FILES)).resources
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def known(value: Any) -> Any:
    """References filled in, as after an apply."""
    if Ref.from_body(value) is not None:
        return "10.0.0.1"
    if isinstance(value, dict):
        return {key: known(inner) for key, inner in value.items()}
    return [known(inner) for inner in value] if isinstance(value, list) else value


def as_google_gives_it(body: Any) -> Any:
    """Zero values left out, unordered lists turned round, something of the server's own in every object."""
    if isinstance(body, dict):
        kept = {key: as_google_gives_it(value) for key, value in body.items() if value not in (False, 0, "", [], None)}
        turned = {"env", "databaseFlags", "members", "bindings", "volumes"}
        return {"etag": "x"} | {k: list(reversed(v)) if k in turned else v for k, v in reversed(list(kept.items()))}
    return [as_google_gives_it(value) for value in body] if isinstance(body, list) else body


@pytest.mark.parametrize("address", RESOURCES, ids=str)
def test_an_object_made_as_asked_for_is_not_drift(address: Address) -> None:
    resource, kind = RESOURCES[address], kind_of(address.kind)
    wanted = known(resource.body)
    live = as_google_gives_it(merged(kind, {}, wanted))
    live = {key: value for key, value in live.items() if key not in kind.write_only}
    assert difference(kind, live, wanted, wanted) == ()
    first, again = Found(live, "1", NOON), Found(live | {"updateTime": "later"}, "1", NOON)
    assert fingerprint(kind, first, wanted) == fingerprint(kind, again, wanted)


@pytest.mark.parametrize("address", RESOURCES, ids=str)
def test_every_origin_is_a_line_of_a_document(address: Address) -> None:
    resource: Resource = RESOURCES[address]
    for place in {resource.source, *resource.origins.values()}:
        file, _, line = place.rpartition(":")
        assert 1 <= int(line) <= len(FILES[file].splitlines()), place
