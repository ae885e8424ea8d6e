"""The JSON Schemas and the models accept and refuse the same; what is committed is what the models say."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.spec import DOCUMENTS
from reconciler.source import schema
from reconciler.source.check import accepts
from reconciler.source.document import parse
from reconciler.source.generate import generate
from reconciler.source.layout import export_schemas, sample
from reconciler.source.paths import place

ROOT = Path(__file__).parents[2]


def corpus() -> list[tuple[str, dict[str, Any]]]:
    """Valid documents of every kind: the sample fleet, and a generated one."""
    found = []
    for path, text in {**generate(40, 2, "corpus"), **sample()}.items():
        where = place(path)
        if where is not None:
            found.append((where.kind, parse(text.encode(), path).value))
    return found


VALID = corpus()


def test_every_valid_document_is_accepted_by_both() -> None:
    assert {kind for kind, _ in VALID} == set(DOCUMENTS)
    for kind, value in VALID:
        assert accepts(kind, value) == (True, True)
        assert jsonschema.Draft202012Validator(schema.schema(kind)).is_valid(value)


BOTH_REFUSE = [
    ("Tier", ("spec", "priceUsd"), True), ("Tier", ("spec", "priceUsd"), "2"), ("Tier", ("spec", "priceUsd"), -1),
    ("Fleet", ("spec", "guards"), {"blastRadius": {"percent": 0}}), ("Fleet", ("metadata", "name"), "a-fleet\n"),
    ("Tenant", ("spec", "runtime"), {"env": {"lower": "x"}}), ("Tenant", ("spec", "runtime"), {"env": {"A\n": "x"}}),
    ("Tenant", ("spec", "cdn"), {"deep": [{"er": None}]}), ("Tenant", ("spec", "state"), "gone"),
    ("Tenant", ("spec", "runtime"), {"concurrency": True}), ("Tenant", ("spec", "runtime"), {"php": 8.3}),
    ("Shard", ("spec", "services"), ["run.googleapis.com", 5]), ("Shard", ("spec", "tiers"), "gold"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "value"), BOTH_REFUSE)
def test_what_was_once_taken_by_one_of_them_is_refused_by_both(kind: str, path: tuple[str, str], value: Any) -> None:
    document = copy.deepcopy(next(found for name, found in VALID if name == kind))
    document[path[0]][path[1]] = value
    assert accepts(kind, document) == (False, False)


junk = (
    st.none() | st.booleans() | st.integers(-5, 10_000) | st.floats(0.1, 0.9) | st.text(max_size=8)
    | st.just([]) | st.just({}) | st.just([None]) | st.just({"a": None}) | st.just("8.3\n") | st.just("512Mi\n")
    | st.sampled_from(["www.acme.example\n", "Ünïcode", "a" * 300, "https://user@host/x", "git@h:x", "-1", "1Gi"])
)  # fmt: skip


def places_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        found += places_in(inner, (*path, step))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Any]:
    """A valid document with one to three places replaced, removed or added to."""
    kind, value = draw(st.sampled_from(VALID))
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places_in(value)))
        parent = value
        for step in path[:-1]:
            parent = parent[step]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            parent[path[-1]] = copy.deepcopy(draw(junk))
        elif change == "remove" and len(value) > 1:
            del parent[path[-1]]
        elif isinstance(parent, dict):
            node = schema.node_at(kind, path[:-1]) or {}
            name = draw(st.sampled_from([*node.get("properties", ["x"]), "extra", "X", "8.3"]))
            parent[name] = copy.deepcopy(draw(junk))
    return kind, value


@settings(max_examples=500, deadline=None)
@given(mutated())
def test_models_and_schemas_never_disagree(case: tuple[str, Any]) -> None:
    kind, value = case
    model, by_schema = accepts(kind, value)
    assert model == by_schema


@cache
def _matching(pattern: str, limit: int) -> st.SearchStrategy[str]:
    found = st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
    return found.filter(lambda text: len(text) <= limit and "\n" not in text)


@st.composite
def from_schema(draw: st.DrawFn, kind: str, node: dict[str, Any]) -> Any:
    """A value that a schema node should accept, built from the node alone."""
    node = dict(schema.resolve(kind, node))
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    if node.get("type") == "object":
        return draw(_objects(kind, node))
    if node.get("type") == "array":
        low, high = node.get("minItems", 0), min(node.get("maxItems", 3), 3)
        return draw(st.lists(from_schema(kind, node["items"]), min_size=low, max_size=max(low, high)))
    if node.get("type") == "integer":
        low = node.get("minimum", 0)
        return draw(st.integers(low, node.get("maximum", low + 1000)))
    if node.get("type") == "number":
        low = node.get("minimum", node.get("exclusiveMinimum", 0))
        return draw(st.integers(int(low) + 1, int(node.get("maximum", 100))))
    if node.get("type") == "boolean":
        return draw(st.booleans())
    if "pattern" in node:
        return draw(_matching(node["pattern"], node.get("maxLength", 10_000)))
    return draw(st.text(st.characters(codec="ascii"), min_size=node.get("minLength", 0), max_size=8))


@st.composite
def _objects(draw: st.DrawFn, kind: str, node: dict[str, Any]) -> dict[str, Any]:
    made = {}
    required = node.get("required", ())
    for name, inner in node.get("properties", {}).items():
        if name in required or draw(st.booleans()):
            made[name] = draw(from_schema(kind, inner))
    if "propertyNames" in node:
        keys = from_schema(kind, {"type": "string", **node["propertyNames"]})
        values = from_schema(kind, node["additionalProperties"])
        made |= draw(st.dictionaries(keys, values, max_size=2))
    return made


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_the_schema_describes_the_models_accept(kind: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(from_schema(kind, {**schema.schema(kind)}))
    def agree(value: Any) -> None:
        assert accepts(kind, value) == (True, True)

    agree()


def test_a_field_without_a_value_is_refused_by_both() -> None:
    for kind, value in VALID:
        for path in places_in(value):
            emptied = copy.deepcopy(value)
            parent = emptied
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = None
            assert accepts(kind, emptied) == (False, False), path


def test_numbers_that_json_holds_equal_are_one_number() -> None:
    for text in ("50", "50.0", "5e1"):
        assert parse(f"tenants: {text}".encode(), "f").value == {"tenants": 50}
        assert isinstance(parse(f"tenants: {text}".encode(), "f").value["tenants"], int)


@pytest.mark.parametrize("name", schema.files())
def test_committed_schemas_are_what_the_models_say(name: str) -> None:
    stale = "run `aipress schema export schemas`"
    assert (ROOT / "schemas" / name).read_text() == schema.files()[name], stale


def test_schemas_are_valid_and_say_which_draft(tmp_path: Path) -> None:
    for file in export_schemas(tmp_path / "out"):
        read = json.loads(file.read_text())
        jsonschema.Draft202012Validator.check_schema(read)
        assert read["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert read["$id"].endswith(f"/{file.name}")


def test_every_field_has_a_description_for_editors() -> None:
    bare = {
        ".".join(map(str, path)) for kind in DOCUMENTS for path, node in schema.walk(kind)
        if not node.get("description") and path[-1] not in ("apiVersion", "kind", "metadata", "spec")
    }  # fmt: skip
    allowed = {"spec.project", "spec.sql", "spec.bucket", "spec.capacity", "spec.limits", "spec.controlProject",
               "spec.images", "spec.guards", "spec.guards.blastRadius", "spec.escrow"}  # fmt: skip
    assert {name for name in bare if not name.startswith("spec.purges")} <= allowed


def test_explain_tells_what_may_be_written() -> None:
    told = schema.explain("tenant.spec.runtime.concurrency")
    assert (told.type, told.allowed, told.managed, told.required) == ("whole number", "1 to 1000", True, False)
    assert "Requests one instance serves at once." in told.text()
    assert schema.explain("tenant.runtime.php").field == "tenant.spec.runtime.php"
    assert schema.explain("tenant.spec.cdn").managed is False
    assert schema.explain("tenant.spec.database.dedicated").managed is False
    assert schema.explain("shard.spec.sql.diskGb").default == "100"
    assert schema.explain("tenant.spec.runtime.memory").default == "the tier's"
    assert schema.explain("tenant.spec.environments.staging.runtime.php").default == "the tenant's, else the tier's"
    assert schema.explain("tenant.spec.tier").required is True
    assert schema.explain("fleet.spec.purges[].uid").type == "text"
    assert "production" in schema.explain("tenant.spec.environments").fields


@pytest.mark.parametrize(
    ("field", "meant"),
    [("tenant.spec.runtime.memry", "tenant.spec.runtime.memory"), ("tenant.memory", "tenant.spec.runtime.memory"),
     ("tenat.spec", "fleet, tier, shard, tenant"), ("", "fleet, tier, shard, tenant")],
)  # fmt: skip
def test_explain_suggests_what_may_have_been_meant(field: str, meant: str) -> None:
    with pytest.raises(KeyError, match=meant.replace(".", r"\.")):
        schema.explain(field)
