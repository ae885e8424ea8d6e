"""The table of writes against Google's own descriptions: every method is there, and says of itself what we say."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient
import pytest

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.methods import METHODS, Method, Precondition, Repeat, methods_of
from reconciler.model.plan import Action

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
VERSIONS = {
    "cloudresourcemanager": "v3", "cloudbilling": "v1", "serviceusage": "v1", "iam": "v1", "artifactregistry": "v1",
    "sql": "v1beta4", "secretmanager": "v1", "storage": "v1", "run": "v2",
}  # fmt: skip
NEVER = {
    "folder": {Action.UPDATE, Action.DELETE}, "project": {Action.DELETE}, "project.billing": {Action.DELETE},
    "project.service": {Action.DELETE}, "sql.instance": {Action.DELETE}, "storage.bucket": {Action.DELETE},
    "sql.backup": {Action.UPDATE, Action.DELETE}, "secret.version": {Action.UPDATE},
    "storage.managed-folder": {Action.UPDATE},
}  # fmt: skip
"""What we have no code for."""


@cache
def document(api: str) -> dict[str, Any]:
    name = {"sql": "sqladmin"}.get(api, api)
    read: dict[str, Any] = json.loads((DOCUMENTS / f"{name}.{VERSIONS[api]}.json").read_text())
    return read


def described(method: Method) -> dict[str, Any]:
    api, *steps, last = method.id.split(".")
    node = document(api)
    for step in steps:
        node = node["resources"][step]
    found: dict[str, Any] = node["methods"][last]
    return found


def body_fields(method: Method) -> dict[str, Any]:
    """Dotted path -> description, of the request's fields and of theirs, two levels deep."""
    schemas = document(method.id.split(".")[0])["schemas"]
    top = schemas.get(described(method).get("request", {}).get("$ref"), {}).get("properties", {})
    fields = dict(top)
    for name, field in top.items():
        inner = schemas.get(field.get("$ref", ""), {}).get("properties", {})
        fields |= {f"{name}.{key}": value for key, value in inner.items()}
    return fields


ids = [method.id for method in METHODS]


@pytest.mark.parametrize("method", METHODS, ids=ids)
def test_a_method_is_googles_and_knows_its_precondition(method: Method) -> None:
    said = described(method)
    assert said["id"] == method.id and said["httpMethod"] in ("POST", "PUT", "PATCH", "DELETE")
    if method.precondition is not Precondition.NONE:
        assert method.sent_at in said["parameters"] or method.sent_at in body_fields(method)


@pytest.mark.parametrize("method", METHODS, ids=ids)
def test_nothing_that_google_honours_is_left_out(method: Method) -> None:
    """A newer description that offers a request id or an etag makes this red."""
    offered = {**described(method).get("parameters", {}), **body_fields(method)}
    assert not [name for name in offered if name.lower().endswith(("requestid", "request_id"))]
    guards = {
        name
        for name, field in offered.items()
        if name.rpartition(".")[2] in ("etag", "ifMetagenerationMatch", "ifGenerationMatch", "settingsVersion")
        and not field.get("deprecated")
        and not field.get("readOnly")
        and "deprecated" not in field.get("description", "")
    }
    creates = Action.CREATE in method.actions and method.precondition is Precondition.NONE
    if creates or method.precondition is Precondition.GENERATION:  # what is not there yet has nothing to compare
        return
    assert bool(guards) == (method.precondition is not Precondition.NONE) or method.id.endswith("projects.patch"), (
        guards
    )


def test_each_kind_and_action_has_its_methods() -> None:
    for kind in KINDS:
        for action in (Action.CREATE, Action.UPDATE, Action.DELETE):
            assert bool(methods_of(kind, action)) == (action not in NEVER.get(kind, set())), (kind, action)


def test_what_makes_another_one_is_known_to_look_first() -> None:
    assert [m.id for m in METHODS if m.repeat is Repeat.ANOTHER] == [
        "sql.backupRuns.insert", "secretmanager.projects.secrets.addVersion",
    ]  # fmt: skip
    assert all("looks" in m.why for m in METHODS if m.repeat is Repeat.ANOTHER)


def test_an_unchanged_precondition_makes_a_repeat_refused() -> None:
    assert all(m.repeat is Repeat.REFUSED for m in METHODS if m.precondition is not Precondition.NONE)
