"""Editing any managed field of a tenant changes exactly what it should, and the change points at the edited line."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from reconciler.desired.compile import compile_fleet
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.ids import Address
from reconciler.model.resource import Desired
from reconciler.model.spec import TENANT_UNMANAGED, TenantDocument
from tests.desired.fleets import FILES, TENANT_FILE, TIER, edited, fleet_of

BOTH = ("production", "staging")
RUN, CONTAINER = "run.service", "template.containers[0]"


@dataclass(frozen=True)
class Expect:
    """The new value, and the fields that change: (kind, environment) -> body paths."""

    value: Any
    changes: dict[tuple[str, str], tuple[str, ...]]


def on(kind: str, *paths: str, where: tuple[str, ...] = BOTH) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(kind, environment): paths for environment in where}


def variables(*names: str) -> tuple[str, ...]:
    return tuple(f"{CONTAINER}.env[{name}].value" for name in names)


def runtime(where: tuple[str, ...]) -> dict[str, Expect]:
    """The runtime block, in the tenant or in an environment. Staging has its own memory and greeting."""
    own = ("production",) if where == BOTH else where
    return {
        "php": Expect("8.3", on(RUN, f"{CONTAINER}.image", where=where)),
        "wordpress": Expect("6.7", on(RUN, f"{CONTAINER}.image", *variables("AIPRESS_WORDPRESS_VERSION"), where=where)),
        "cpu": Expect("2", on(RUN, f"{CONTAINER}.resources.limits.cpu", where=where)),
        "memory": Expect("2Gi", on(RUN, f"{CONTAINER}.resources.limits.memory", where=own)),
        "concurrency": Expect(31, on(RUN, "template.maxInstanceRequestConcurrency", where=where)),
        "timeoutSeconds": Expect(121, on(RUN, "template.timeout", where=where)),
        "scaling.min": Expect(3, on(RUN, "template.scaling.minInstanceCount", where=where)),
        "scaling.max": Expect(7, on(RUN, "template.scaling.maxInstanceCount", where=where)),
        "env": Expect({"WP_CACHE": "off", "GREETING": "changed"}, {}),
    }


def table() -> dict[str, Expect]:
    rows = {
        "metadata.displayName": Expect("Zebra", on("iam.service-account", "displayName")),
        "metadata.owners": Expect(["agency-north", "agency-east"], on("iam.service-account", "description")),
        "metadata.labels": Expect({"team": "south"}, on(RUN, "labels.team") | on("secret", "labels.team")),
        "spec.tier": Expect("gold", on(RUN, "labels.aipress-tier")),
        "spec.source.repository": Expect(
            "https://git.example/other.git", on(RUN, "annotations[aipress.io/source-repository]")
        ),
        "spec.source.path": Expect("web", on(RUN, "annotations[aipress.io/source-path]")),
        "spec.primaryDomain": Expect(
            "acme-bakery.example",
            on(RUN, *variables("AIPRESS_DOMAINS", "WP_HOME", "WP_SITEURL"), where=("production",)),
        ),
        "spec.database.charset": Expect("utf8mb3", on("sql.database", "charset")),
        "spec.database.collation": Expect("utf8mb4_0900_ai_ci", on("sql.database", "collation")),
        "spec.database.connections": Expect(41, on("sql.grant", "maxUserConnections")),
        "spec.media.mount": Expect(False, on(RUN, "template.volumes[uploads]", f"{CONTAINER}.volumeMounts[uploads]")),
    }
    rows |= {f"spec.runtime.{name}": expect for name, expect in runtime(BOTH).items()}
    rows["spec.runtime.env"] = Expect(
        {"WP_CACHE": "off", "GREETING": "hello"}, on(RUN, *variables("WP_CACHE"), where=BOTH)
    )
    for name in BOTH:
        here, domain = (name,), "other.acme-bakery.example"
        path = f"spec.environments.{name}"
        rows |= {f"{path}.runtime.{leaf}": expect for leaf, expect in runtime(here).items()}
        rows[f"{path}.runtime.env"] = Expect({"GREETING": "new"}, on(RUN, *variables("GREETING"), where=here))
        rows[f"{path}.ref"] = Expect("release", on(RUN, *variables("AIPRESS_SOURCE_REF"), where=here))
        urls = variables("AIPRESS_DOMAINS", "WP_HOME", "WP_SITEURL")
        rows[f"{path}.domains"] = Expect([domain], on(RUN, *urls, where=here))
    return rows


TABLE = table()
ELSEWHERE = {
    "apiVersion": "not a field of the site", "kind": "not a field of the site",
    "metadata.name": "never changes", "metadata.uid": "never changes",
    "spec.state": "test_states.py", "spec.deletion.reason": "test_states.py",
    "spec.environments.production.state": "test_states.py", "spec.environments.staging.state": "test_states.py",
}  # fmt: skip
UNMANAGED = {to_camel(name) for name in TENANT_UNMANAGED} | {"secrets", "dedicated"}


def leaves(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every field of a document model that holds a value of its own."""
    for name, field in model.model_fields.items():
        where = f"{path}.{to_camel(name)}" if path else to_camel(name)
        inner = next((t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)), None)
        if to_camel(name) in UNMANAGED:
            continue
        if inner is None:
            yield where
        else:
            yield from leaves(inner, where)


def _types(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def put(value: Any, path: str, new: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        value = value.setdefault(step, {})
    value[last] = new


def changed(before: Desired, after: Desired) -> dict[Address, tuple[str, ...]]:
    assert before.resources.keys() == after.resources.keys()
    assert before.removals == after.removals == ()
    rows = {}
    for address, old in before.resources.items():
        new = after.resources[address]
        if old.body != new.body or old.after != new.after or old.name != new.name:
            fields = difference(kind_of(address.kind), old.body, new.body, old.body)
            rows[address] = tuple(f.path for f in fields if f.unknown is None)
    return rows


def test_every_managed_field_of_the_document_is_in_the_table() -> None:
    assert set(leaves(TenantDocument)) == TABLE.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("field", TABLE)
def test_an_edit_changes_exactly_this(field: str) -> None:
    gold = TIER.replace("name: silver", "name: gold")
    expect, start = TABLE[field], FILES | {"tiers/gold.yaml": gold}
    files = edited(TENANT_FILE, lambda d: _edit(d, field, expect.value)) | {"tiers/gold.yaml": gold}
    # The sample has no primaryDomain when domains are edited: it would no longer be one of them.
    if field == "spec.environments.production.domains":
        start = start | edited(TENANT_FILE, lambda d: d["spec"].pop("primaryDomain"))
    before, after = compile_fleet(fleet_of(start)), compile_fleet(fleet_of(files))
    found = {(a.kind, a.key): paths for a, paths in changed(before, after).items()}
    assert found == expect.changes
    _points_at_the_line(files, field, after, changed(before, after))


def _edit(document: dict[str, Any], field: str, value: Any) -> None:
    if field == "spec.environments.production.domains":
        document["spec"].pop("primaryDomain")
    put(document, field, value)


def _points_at_the_line(
    files: dict[str, str], field: str, after: Desired, found: dict[Address, tuple[str, ...]]
) -> None:
    for address, paths in found.items():
        for path in paths:
            if field.endswith("wordpress") and path.endswith("image"):
                continue  # two lines make an image; the one with the PHP version is shown
            file, _, line = after.resources[address].origin(path).rpartition(":")
            text = files[file].splitlines()[int(line) - 1]
            value = TABLE[field].value
            words = value if isinstance(value, list | dict) else [value, field.rpartition(".")[2]]
            assert any(str(word).lower() in text.lower() for word in [*words, field.rpartition(".")[2]]), (path, text)
