"""Requests generated from Google's own descriptions, and answers judged by them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.localcloud.api.discovery import Api, Method, documents
from reconciler.localcloud.services import SERVED

LIBRARY = documents()
APIS = tuple((name, version) for name, versions in sorted(SERVED.items()) for version in versions)
PROJECT = "acme-eu-001"
ODD = (None, "", "x", 0, -1, 1.5, True, [], {}, [None], {"a": None}, "é" * 300, "2024-04-01T12:34:56Z", "5s")
# What stands behind a collection in a path; everything else is called `thing`.
OWN = {
    "projects": PROJECT, "locations": "europe-west1", "organizations": "111111111111", "folders": "222222222222",
    "billingAccounts": "000000-AAAAAA-BBBBBB", "regions": "europe-west1", "zones": "europe-west1-b",
    "services": "thing", "b": "thing", "namespaces": PROJECT,
}  # fmt: skip
QUERIES = ("thing", "1", "true", "*", "labels", "", "name", "projects/acme-eu-001", "-1", "a=b")
# Deny policies (IAM v2) hang on a resource whose name is encoded in theirs.
_ATTACHED = "cloudresourcemanager.googleapis.com%2Fprojects%2Facme-eu-001"
_PARAMETER = re.compile(r"\{(\+?)([^}]+)\}")


@dataclass(frozen=True)
class Shot:
    """One generated request for a method."""

    verb: str
    path: str
    body: Any
    query: dict[str, str]


def api_of(name: str, version: str) -> Api:
    found = LIBRARY.api(name, version)
    assert found is not None
    return found


def value(api: Api, schema: Any, rng: random.Random, odd: float, depth: int = 0) -> Any:
    """A value for a schema: of its shape, and sometimes odd."""
    schema = api.resolve(schema)
    if rng.random() < odd or depth > 4:
        return rng.choice(ODD) if odd else None
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        chosen = [name for name in properties if rng.random() < 0.5]
        made = {name: value(api, properties[name], rng, odd, depth + 1) for name in chosen}
        return {name: inner for name, inner in made.items() if inner is not None or odd}
    if kind == "array":
        made = [value(api, schema.get("items", {}), rng, odd, depth + 1) for _ in range(rng.randrange(3))]
        return [inner for inner in made if inner is not None or odd]
    formats = {
        "google-duration": "60s", "google-datetime": "2027-01-15T08:00:00Z", "google-fieldmask": "labels",
        "int64": "3", "uint64": "3", "byte": "aGVsbG8=", "date-time": "2027-01-15T08:00:00Z",
    }  # fmt: skip
    if kind == "string":
        return formats.get(schema.get("format", ""), "thing")
    return {"boolean": True, "integer": 3, "number": 2.5}.get(str(kind), {"k": "v"})


def _filled(shape: str, rng: random.Random, wild: float) -> str:
    parts: list[str] = []
    for part in shape.split("/"):
        before = parts[-1] if parts else ""
        star = re.fullmatch(r"\*\*?(:\w+)?", part)
        if star is None:
            parts.append(part)
        elif rng.random() < wild:
            parts.append(rng.choice(("other", "-", "1", "a%2Fb", "%C3%A9", "x" * 70)) + (star[1] or ""))
        else:
            named = {"v2/policies": _ATTACHED, f"policies/{_ATTACHED}": "denypolicies"}
            parts.append(named.get("/".join(parts[-2:])) or OWN.get(before, "thing") + (star[1] or ""))
    return "/".join(parts)


def shot(api: Api, method: Method, rng: random.Random, odd: float = 0.0, wild: float = 0.0) -> Shot:
    """A request for `method`. `odd` and `wild` are the shares of odd values and of odd names."""
    path = _filled(method.shape, rng, wild)
    query: dict[str, str] = {}
    for name, parameter in method.query_parameters.items():
        if name == "pageToken" or (not parameter.get("required") and not name.endswith("Id") and rng.random() < 0.7):
            continue
        query[name] = _query(name, parameter, rng, odd)
    body = value(api, {"$ref": method.request}, rng, odd) if method.request else None
    if isinstance(body, dict) and not odd:
        known = api.schema(method.request).get("properties", {})
        body |= {name: "thing" for name in ("name",) if name in known}
    return Shot(method.verb, path, body, query)


def _query(name: str, parameter: Any, rng: random.Random, odd: float) -> str:
    if odd and rng.random() < 0.3:
        return rng.choice(QUERIES)
    if name == "project":
        return PROJECT
    if "enum" in parameter:
        return str(rng.choice(parameter["enum"]))
    if parameter.get("type") in ("integer", "number"):
        return "3"
    if parameter.get("type") == "boolean":
        return rng.choice(("true", "false"))
    return {"google-fieldmask": "labels"}.get(parameter.get("format", ""), "thing")


def complaints(api: Api, schema: Any, answer: Any, where: str = "") -> Iterator[str]:
    """What in an answer its schema does not know: unknown fields, wrong types, wrong enum names."""
    schema = api.resolve(schema)
    kind = schema.get("type")
    if answer is None or kind in (None, "any"):
        return
    if kind == "object":
        if not isinstance(answer, dict):
            yield f"{where}: {answer!r:.40} is no object"
            return
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        if "@type" in answer:
            schema = api.message(str(answer["@type"]))
            known, rest = schema.get("properties", {}), schema.get("additionalProperties")
            answer = {name: inner for name, inner in answer.items() if name != "@type"}
            if not schema:
                return
        for name, inner in answer.items():
            if name in known:
                yield from complaints(api, known[name], inner, f"{where}.{name}")
            elif rest is not None:
                yield from complaints(api, rest, inner, f"{where}[{name}]")
            elif known:
                yield f"{where}.{name}: not in {schema.get('id', 'the schema')}"
    elif kind == "array":
        if not isinstance(answer, list):
            yield f"{where}: {answer!r:.40} is no list"
            return
        for inner in answer:
            yield from complaints(api, schema.get("items", {}), inner, f"{where}[]")
    elif not _fits(schema, answer):
        yield f"{where}: {answer!r:.40} is not {kind} {schema.get('format', '')}"


def _fits(schema: Any, answer: Any) -> bool:
    kind, form = schema["type"], schema.get("format", "")
    if kind == "boolean":
        return isinstance(answer, bool)
    if form.endswith("int64"):
        return isinstance(answer, str) and re.fullmatch(r"-?\d+", answer) is not None
    if kind in ("integer", "number"):
        return isinstance(answer, int | float) and not isinstance(answer, bool)
    return isinstance(answer, str)
