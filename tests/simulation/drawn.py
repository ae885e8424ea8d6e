"""Values for fields of a document, drawn by hypothesis from its JSON Schema: a field added there is drawn with no word
here. What is drawn follows from a seed alone.

Two lists say what is not drawn, and why: NEVER is not edited by chance at all; of REFERS the schema does not say what
a value must fit, so those are picked from the tables that the tests of single fields keep.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.desired.test_every_tenant_field import TABLE as TENANT_TABLE
from tests.scenarios.test_every_managed_field import SHARD_TABLE

SCHEMAS = Path(__file__).parents[2] / "schemas"
Json = Any

NEVER: Mapping[str, Mapping[str, str]] = {
    "tenant": {
        "metadata.name": "never changes", "metadata.uid": "never changes",
        "spec.state": "scenarios by hand: suspend, delete and their way back",
        "spec.deletion.reason": "only beside `state: deleted`",
        "spec.environments.production.state": "production is never deleted alone",
        "spec.environments.staging.state": "a scenario by hand: environment deleted",
        "spec.database.charset": "another one means another database, which a guard refuses",
        "spec.database.collation": "goes with the character set",
    },
    "shard": {
        "metadata.name": "never changes", "metadata.uid": "never changes", "spec.project.id": "never changes",
        "spec.project.folder": "a project does not move", "spec.region": "never changes",
        "spec.sql.version": "a replacement, which a guard refuses", "spec.bucket.name": "a replacement",
        "spec.bucket.location": "a replacement", "spec.sql.backups.enabled": "turns the log off as well",
    },
}  # fmt: skip
_RUNTIMES = ("spec.runtime", "spec.environments.production.runtime", "spec.environments.staging.runtime")
REFERS: Mapping[str, Mapping[str, str]] = {
    "tenant": {
        "spec.tier": "a file under tiers/", "spec.primaryDomain": "one of production's domains",
        **{f"{at}.cpu": "a size that Cloud Run has, and that fits memory and concurrency" for at in _RUNTIMES},
        **{f"{at}.memory": "what fits the CPU and the tier" for at in _RUNTIMES},
    },
    "shard": {
        "spec.sql.tier": "a machine type of Cloud SQL", "spec.sql.flags": "flags of MySQL and their values",
        "spec.services": "an API that Google has", "spec.tiers": "files under tiers/",
        "spec.sql.diskGb": "no less than the disk is: it only grows",
    },
}  # fmt: skip
_TABLES: Mapping[str, Mapping[str, tuple[Json, ...]]] = {
    "tenant": {field: (expect.value,) for field, expect in TENANT_TABLE.items()} | {"spec.tier": ("bronze", "silver")},
    "shard": {field: (value,) for field, (value, _) in SHARD_TABLE.items()},
}
_LENGTH = 40
"""Most characters of a text: longer ones say nothing more."""
_LONG = re.compile(r"\{(\d),\d{2,}\}")
_TYPED = st.characters(min_codepoint=33, max_codepoint=126)
_LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc", "Cs"))


@cache
def schema(kind: str) -> Json:
    return json.loads((SCHEMAS / f"{kind}.schema.json").read_text())


def fields(kind: str, whole: Json = None) -> dict[str, Json]:
    """Every field of a document that holds a value of its own -> what the schema says of it. Blocks that no kind
    manages (any value goes) are none."""
    root = schema(kind) if whole is None else whole
    return dict(_leaves(root, root, ""))


def _leaves(root: Json, at: Json, path: str) -> Iterator[tuple[str, Json]]:
    at = _resolved(root, at)
    if "properties" in at:
        for name, inner in at["properties"].items():
            yield from _leaves(root, inner, f"{path}.{name}" if path else name)
    elif "const" not in at and not _open(root, at):
        yield path, at


def _open(root: Json, at: Json) -> bool:
    """Whether what is inside may be anything."""
    at = _resolved(root, at)
    if at.get("type") == "array":
        return _open(root, at["items"])
    if at.get("type") == "object":
        return _open(root, at["additionalProperties"])
    return isinstance(at.get("type"), list)


def _resolved(root: Json, at: Json) -> Json:
    while "$ref" in at:
        at = root["$defs"][at["$ref"].rpartition("/")[2]]
    return at


def strategy(at: Json) -> SearchStrategy[Json]:
    """Values that a schema allows. Raises LookupError for a word of JSON Schema that is not known here."""
    if "enum" in at:
        return st.sampled_from(at["enum"])
    if "anyOf" in at:
        return st.one_of([strategy(one) for one in at["anyOf"] if one.get("type") != "null"])
    return _OF_TYPE[at["type"]](at)


def _texts(at: Json) -> SearchStrategy[str]:
    least, most = at.get("minLength", 0), min(at.get("maxLength", _LENGTH), _LENGTH)
    if "pattern" not in at:
        return st.text(_LETTERS, min_size=least, max_size=most)
    those = st.from_regex(_LONG.sub(r"{\1,9}", at["pattern"]), fullmatch=True, alphabet=_TYPED)
    return those.filter(lambda text: least <= len(text) <= max(most, least) and not text.endswith("\n"))


_OF_TYPE: Mapping[str, Any] = {
    "boolean": lambda _: st.booleans(),
    "integer": lambda at: st.integers(at.get("minimum"), at.get("maximum")),
    "number": lambda at: st.floats(at.get("minimum"), at.get("maximum"), allow_nan=False),
    "string": _texts,
    "array": lambda at: st.lists(strategy(at["items"]), min_size=at.get("minItems", 1), max_size=3, unique=True),
    "object": lambda at: st.dictionaries(
        strategy({"type": "string", **at.get("propertyNames", {})}), strategy(at["additionalProperties"]), max_size=3
    ),
}


@lru_cache(maxsize=4096)
def values(kind: str, field: str, name: str, count: int) -> tuple[Json, ...]:
    """So many values for a field of a document, in an order of their own for each `name`."""
    if field in REFERS[kind]:
        return _TABLES[kind][field]
    found: list[Json] = []

    @seed(f"{kind}/{field}/{name}")
    @settings(
        max_examples=3 * count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy(fields(kind)[field]))
    def draw(value: Json) -> None:
        if value not in found:
            found.append(value)

    draw()
    random.Random(name).shuffle(found)  # the simplest come first otherwise
    return tuple(found[:count])


@cache
def edited(kind: str) -> tuple[str, ...]:
    """The fields of a document that are edited by chance."""
    return tuple(sorted(fields(kind).keys() - NEVER[kind].keys()))
