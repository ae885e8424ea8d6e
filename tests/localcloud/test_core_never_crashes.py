"""Any method of any API of the slice, with any body of the right or wrong shape: an answer, never an exception."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from reconciler.localcloud.api.discovery import Api, Library, Method

APIS = (
    ("artifactregistry", "v1"), ("cloudbilling", "v1"), ("cloudbuild", "v1"), ("cloudresourcemanager", "v1"),
    ("cloudresourcemanager", "v3"), ("iam", "v1"), ("run", "v2"), ("secretmanager", "v1"), ("serviceusage", "v1"),
    ("sqladmin", "v1"), ("sqladmin", "v1beta4"), ("storage", "v1"), ("redis", "v1"), ("pubsub", "v1"),
)  # fmt: skip
ODD = (None, "", "x", 0, -1, 1.5, True, [], {}, [None], {"a": None}, "é" * 300, "2024-04-01T12:34:56Z", "5s")
LIBRARY = Library()


def value(api: Api, schema: Any, rng: random.Random, depth: int = 0) -> Any:
    """A value for a schema: mostly of its shape, sometimes odd."""
    schema = api.resolve(schema)
    if rng.random() < 0.08 or depth > 4:
        return rng.choice(ODD)
    if "enum" in schema:
        return rng.choice([*schema["enum"], 1])
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        chosen = [name for name in properties if rng.random() < 0.5]
        return {name: value(api, properties[name], rng, depth + 1) for name in chosen}
    if kind == "array":
        return [value(api, schema.get("items", {}), rng, depth + 1) for _ in range(rng.randrange(3))]
    plain = {"string": "thing", "boolean": True, "integer": 3, "number": 2.5}
    return plain.get(str(kind), {"k": "v"})


def path(method: Method, rng: random.Random) -> str:
    """A path for the method's template, in a project that is there."""
    names = ("thing", "1", "latest", "a%2Fb", "-")

    def fill(found: re.Match[str]) -> str:
        if found[2] in ("project", "projectId"):
            return "acme-eu-001"
        source = method.pattern.pattern
        if found[1] and "projects/" in source:
            shape = re.search(r"projects/\[\^/\]\+((?:/[a-zA-Z]+/\[\^/\]\+)*)", source)
            return "projects/acme-eu-001" + re.sub(
                r"\[\^/\]\+", lambda _: rng.choice(names[:3]), shape[1] if shape else ""
            )
        return "folders/222222222222" if found[1] and "folders" in source else rng.choice(names)

    return re.sub(r"\{(\+?)([^}]+)\}", fill, method.template)


@pytest.mark.parametrize(("name", "version"), APIS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_method_answers_whatever_it_is_sent(world: Any, name: str, version: str, seed: int) -> None:
    api = LIBRARY.api(name, version)
    assert api is not None
    rng = random.Random(f"{name}{version}{seed}")
    if name == "sqladmin":
        world.instance(name="thing")
    statuses = set()
    methods = list(api.methods) * 2
    rng.shuffle(methods)
    for method in methods:
        body = value(api, {"$ref": method.request}, rng) if method.request else None
        query = {
            key: rng.choice(["thing", "1", "true", "*", "labels"])
            for key in method.query_parameters
            if rng.random() < 0.6
        }
        if "project" in method.query_parameters:
            query["project"] = "acme-eu-001"
        query.pop("pageToken", None)
        status, _ = world.ask(method.verb, f"/{name}/{path(method, rng)}", body, **query)
        statuses.add(status)
        world.pass_time(7)
    assert statuses <= {200, 204, 304, 308, 400, 403, 404, 409, 412, 413, 416, 499, 501, 503}
    assert 200 in statuses
