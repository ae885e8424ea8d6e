"""The committed compilation of Google's protos: it says what the installed clients say, and what it is made of."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.localcloud.api import build_protos
from reconciler.localcloud.api.discovery import documents
from reconciler.localcloud.api.model import body_behaviour, body_message, packages, rpc_of
from reconciler.localcloud.api.protos import installed

CLIENTS = (
    "google.cloud.artifactregistry_v1", "google.cloud.billing_v1", "google.cloud.devtools.cloudbuild_v1",
    "google.cloud.devtools.cloudbuild_v2", "google.cloud.resourcemanager_v3", "google.cloud.run_v2",
    "google.cloud.secretmanager_v1", "google.cloud.service_usage_v1", "google.cloud.sqladmin_v1",
    "google.cloud.sqladmin_v1beta4",
)  # fmt: skip
LIBRARY = documents()


def method(name: str, version: str, own: str) -> tuple[Any, Any]:
    api = LIBRARY.api(name, version)
    assert api is not None
    return api, next(method for method in api.methods if method.id == own)


def messages(client: str) -> Iterator[Any]:
    """The message descriptors of a Google client: generated from the same protos, by Google."""
    types, seen = importlib.import_module(f"{client}.types"), set[str]()
    for name in sorted(dir(types)):
        pb = getattr(getattr(getattr(types, name), "meta", None), "pb", None)
        queue = [pb.DESCRIPTOR] if pb is not None else []
        while queue:
            descriptor = queue.pop()
            if descriptor.full_name not in seen:
                seen.add(descriptor.full_name)
                yield descriptor
                queue += list(descriptor.nested_types)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_fields_and_enum_numbers_are_those_of_googles_client(client: str) -> None:
    compared = 0
    for theirs in messages(client):
        ours = installed().descriptor(theirs.full_name)
        if ours is None:
            continue
        for field in theirs.fields:
            own = ours.fields_by_number.get(field.number)
            if own is None:
                continue  # newer than the protos
            compared += 1
            where = f"{theirs.full_name}.{field.name}"
            # JSON names are left out: proto-plus forgets those that a proto sets by hand.
            assert (own.name.rstrip("_"), own.type) == (field.name.rstrip("_"), field.type), where
            if field.enum_type is not None:
                numbers = {value.name: value.number for value in own.enum_type.values}
                told = {value.name: value.number for value in field.enum_type.values}
                assert {name: numbers[name] for name in numbers if name in told} == {
                    name: told[name] for name in told if name in numbers
                }, where
    assert compared > 20


def test_every_package_that_is_built_is_in_the_compiled_file() -> None:
    held = {file.name.rpartition("/")[0] for file in installed().files}
    assert set(build_protos.PACKAGES) <= held


def test_a_rest_method_finds_its_procedure() -> None:
    rpc = rpc_of(*method("run", "v2", "run.projects.locations.services.create"))
    assert rpc is not None
    assert rpc.name == "/google.cloud.run.v2.Services/CreateService"
    assert (rpc.operation_response, rpc.operation_metadata) == ("google.cloud.run.v2.Service",) * 2


def test_what_a_body_is_and_what_it_must_have() -> None:
    create = method("secretmanager", "v1", "secretmanager.projects.secrets.create")
    assert body_message(*create) == "google.cloud.secretmanager.v1.Secret"
    assert "createTime" in body_behaviour(*create).output_only
    assert body_behaviour(*method("run", "v2", "run.projects.locations.services.create")).required == {"template"}


def test_an_api_knows_its_packages() -> None:
    api = LIBRARY.api("iam", "v1")
    assert api is not None
    assert packages(api)[0] == "google.iam.admin.v1"
