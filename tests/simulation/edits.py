"""Scenarios made by chance: sequences of edits of any managed field of a tenant and of a shard.

The fields and their values come from the JSON Schemas (drawn.py), so a new field is edited here without a word. A
value that the rules refuse is not pushed; the next one that was drawn for the field is tried.
"""

import random
from typing import Any

import yaml

from reconciler.source.git import GitRepository
from reconciler.source.load import load
from tests.desired.test_every_tenant_field import put
from tests.simulation.drawn import edited, values
from tests.simulation.realm import Realm
from tests.simulation.scenarios import ACME, SHARD, YOGA, Scenario, Step, revert

MARK = "edits "
TRIES = 20
"""Values drawn for a field until the rules allow one."""
GROWS = frozenset({"spec.sql.diskGb"})
"""What never shrinks again is set last: where its commit is missed and a later one takes it back, it never was."""
_WRITTEN: dict[tuple[str, str, str, str], str | None] = {}
"""(fleet, path, field, name) -> the text that was pushed then: another schedule of a scenario does the same."""


def generated(name: str) -> Scenario:
    """ "edits SEED/NUMBER": one to three edits of fields, and perhaps the last one taken back."""
    chance = random.Random(name)
    count, back = chance.randint(1, 3), chance.random() < 0.3
    steps = [_edit(chance, f"{name}: {number}", last=number == count - 1 and not back) for number in range(count)]
    return Scenario(name, tuple([*steps, revert] if back else steps))


def _edit(chance: random.Random, name: str, *, last: bool) -> Step:
    kind, path = ("shard", SHARD) if chance.random() < 0.25 else ("tenant", chance.choice((ACME, YOGA)))
    fields = [field for field in edited(kind) if path == ACME or ".staging." not in field]
    return setting(kind, path, chance.choice([field for field in fields if last or field not in GROWS]), name)


def setting(kind: str, path: str, field: str, name: str) -> Step:
    """The first of the values drawn for this field under this name that the rules allow; none: nothing is pushed."""

    def step(realm: Realm) -> None:
        key = (str(realm.place.fleet[realm.place.head].tree_id), path, field, name)
        if key not in _WRITTEN:
            _WRITTEN[key] = _allowed(realm, path, field, values(kind, field, name, TRIES))
        text = _WRITTEN[key]
        if text is not None:
            realm.place.commit({path: text}, f"Set {field}")

    return step


def _allowed(realm: Realm, path: str, field: str, drawn: tuple[Any, ...]) -> str | None:
    """The document's text with one of the values. What is on main stays."""
    before, repository = realm.place.head, GitRepository(realm.place.folder / "fleet.git")
    try:
        for value in drawn:
            document = yaml.safe_load(realm.place.text(path))
            put(document, field, value)
            text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
            if not load(repository, realm.place.commit({path: text}, onto=before)).errors:
                return text
        return None
    finally:
        realm.place.push(before)
