"""What a plan says of a field that holds a secret: that it changes, and nothing else."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.compare import difference
from reconciler.kinds.kind import Kind

CANARIES = ("canary-one", "canary-two", None)
SECRETIVE = [kind for kind in KINDS.values() if kind.write_only or kind.sensitive]
TOKEN = replace(KINDS["run.service"], sensitive=("template.token", "apiKey"), write_only=())


@pytest.mark.parametrize("kind", [*SECRETIVE, TOKEN], ids=lambda kind: kind.name)
def test_no_value_of_a_secret_field_is_in_a_change(kind: Kind) -> None:
    for path in (*kind.write_only, *kind.sensitive):
        for live, wanted, last in product(CANARIES, repeat=3):
            told = difference(kind, body(path, live), body(path, wanted), body(path, last))
            assert "canary" not in repr([(field.before, field.after) for field in told]), path
            assert all(field.sensitive for field in told)


def body(path: str, value: str | None) -> dict[str, Any]:
    if value is None:
        return {}
    *outer, last = path.split(".")
    made: dict[str, Any] = {last: value}
    for step in reversed(outer):
        made = {step: made}
    return made
