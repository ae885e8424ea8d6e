"""Compile enum numbers from the installed Google clients: `python -m reconciler.localcloud.api.build_enums`.

GAPIC REST clients send and want enums as numbers. The position of a name in a discovery document is not its number,
so the numbers come from the clients' proto descriptors. A test fails when the committed table is stale.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("enum_numbers.json")
CLIENTS = {
    "artifactregistry.v1": "google.cloud.artifactregistry_v1.types",
    "cloudbilling.v1": "google.cloud.billing_v1.types",
    "cloudbuild.v1": "google.cloud.devtools.cloudbuild_v1.types",
    "cloudbuild.v2": "google.cloud.devtools.cloudbuild_v2.types",
    "cloudresourcemanager.v3": "google.cloud.resourcemanager_v3.types",
    "run.v2": "google.cloud.run_v2.types",
    "secretmanager.v1": "google.cloud.secretmanager_v1.types",
    "serviceusage.v1": "google.cloud.service_usage_v1.types",
    "sqladmin.v1": "google.cloud.sqladmin_v1.types",
    "sqladmin.v1beta4": "google.cloud.sqladmin_v1beta4.types",
}


def compiled() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """API -> JSON property -> the enums it has in some message, each {"type": proto name, "values": {name: number}}."""
    return {api: _properties(module) for api, module in sorted(CLIENTS.items())}


def _properties(module: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for descriptor in _messages(importlib.import_module(module)):
        for field in descriptor.fields:
            enum = field.enum_type
            if enum is None or enum.full_name == "google.protobuf.NullValue":
                continue
            values = {value.name: value.number for value in enum.values}
            found.setdefault(field.json_name, {})[enum.full_name] = {"type": enum.full_name, "values": values}
    return {name: [by_type[key] for key in sorted(by_type)] for name, by_type in sorted(found.items())}


def _messages(types: Any) -> Iterator[Any]:
    seen: set[str] = set()
    for name in sorted(dir(types)):
        meta = getattr(getattr(types, name), "meta", None)
        descriptor = getattr(getattr(meta, "pb", None), "DESCRIPTOR", None)
        if descriptor is not None:
            yield from _with_children(descriptor, seen)


def _with_children(descriptor: Any, seen: set[str]) -> Iterator[Any]:
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    yield descriptor
    for nested in descriptor.nested_types:
        yield from _with_children(nested, seen)
    for field in descriptor.fields:
        if field.message_type is not None:
            yield from _with_children(field.message_type, seen)


def text() -> str:
    return json.dumps(compiled(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), encoding="utf-8")
