"""Edits by chance come from the schemas: every field of a document, also one that is new."""

import copy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.simulation import drawn, edits
from tests.simulation.conftest import MakePlayer
from tests.simulation.drawn import NEVER, REFERS, edited, fields, schema, strategy, values
from tests.simulation.realm import Realm
from tests.simulation.scenarios import ACME

KINDS = ("tenant", "shard")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_drawn_is_what_the_schema_allows(kind: str) -> None:
    for field in edited(kind):
        some = values(kind, field, "test", 3)
        assert some, field
        rules = {**fields(kind)[field], "$defs": schema(kind)["$defs"]}
        assert [e.message for value in some for e in Draft202012Validator(rules).iter_errors(value)] == [], field


def test_a_name_gives_the_same_values_again_and_another_others() -> None:
    again = values.__wrapped__("tenant", "spec.runtime.env", "one", 4)
    assert values("tenant", "spec.runtime.env", "one", 4) == again != values("tenant", "spec.runtime.env", "two", 4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_is_a_field_and_only_what_must_be(kind: str) -> None:
    """A field that is gone must not stay in the lists, and neither list may grow into a table of values."""
    assert NEVER[kind].keys() | REFERS[kind].keys() <= fields(kind).keys()
    assert not NEVER[kind].keys() & REFERS[kind].keys()
    assert len(edited(kind)) > 2 * len(REFERS[kind])


def test_a_new_field_is_drawn_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = copy.deepcopy(schema("tenant"))
    whole["$defs"]["Runtime"]["properties"]["shiny"] = {"type": "string", "pattern": "^[a-f]{3}$"}
    new = {field for field in fields("tenant", whole) if field.endswith("shiny")}
    assert new == {
        "spec.runtime.shiny", "spec.environments.production.runtime.shiny", "spec.environments.staging.runtime.shiny",
    }  # fmt: skip
    monkeypatch.setattr(drawn, "schema", lambda _kind: whole)
    some = values.__wrapped__("tenant", "spec.runtime.shiny", "test", 3)
    assert len(some) == 3 and all(len(one) == 3 and set(one) <= set("abcdef") for one in some)


def test_a_word_of_json_schema_that_is_not_known_is_loud() -> None:
    with pytest.raises(LookupError):
        strategy({"type": "colour"})


def test_what_the_rules_refuse_is_not_pushed(
    players: MakePlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = players("database")
    realm = Realm(player.place, tmp_path / "realm", 1, player.start)
    before = realm.place.head
    for drawn_values, pushed in (((101, 0), False), ((101, 0, 7), True)):
        monkeypatch.setattr(edits, "values", lambda *_, those=drawn_values: those)
        edits.setting("tenant", ACME, "spec.runtime.scaling.max", f"test {pushed}")(realm)
        assert ("max: 7" in realm.place.text(ACME), realm.place.head != before) == (pushed, pushed)
