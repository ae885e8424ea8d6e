"""JSON Schemas (draft 2020-12) of the four documents, made from the pydantic models; and `explain`, read off them.

The models are the source; where pydantic's own export says something else than its validation, it is put right here:
an optional field does not accept null, and the keys of a mapping are checked. Pure.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler.model.fleet import Path
from reconciler.model.spec import (
    DOCUMENTS,
    FLEET_UNMANAGED,
    SHARD_UNMANAGED,
    TENANT_UNMANAGED,
    UNMANAGED_BLOCKS,
)  # fmt: skip

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "https://aipress.io/schemas/v1/"
Node = Mapping[str, Any]

UNMANAGED: Mapping[str, tuple[Path, ...]] = {
    "Fleet": tuple(("spec", block) for block in FLEET_UNMANAGED),
    "Tier": (
        *(("spec", "defaults", block) for block in UNMANAGED_BLOCKS),
        ("spec", "defaults", "runtime", "secrets"), ("spec", "defaults", "database", "dedicated"),
    ),
    "Shard": tuple(("spec", block) for block in SHARD_UNMANAGED),
    "Tenant": (
        *(("spec", block) for block in TENANT_UNMANAGED),
        ("spec", "runtime", "secrets"), ("spec", "database", "dedicated"),
        ("spec", "environments", "production", "runtime", "secrets"),
        ("spec", "environments", "staging", "runtime", "secrets"),
    ),
}  # fmt: skip
"""Paths of blocks that are accepted and that no kind manages yet, by document kind."""

_VALUE = {
    "title": "Value",
    "description": "Any value except null.",
    "type": ["string", "number", "boolean", "object", "array"],
    "additionalProperties": {"$ref": "#/$defs/Value"},
    "items": {"$ref": "#/$defs/Value"},
}


@cache
def schema(kind: str) -> Node:
    """The JSON Schema of a document kind ("Tenant"). Raises KeyError. Treat it as read only."""
    raw = DOCUMENTS[kind].model_json_schema(by_alias=True)
    fixed: dict[str, Any] = _fixed(raw)
    fixed.setdefault("$defs", {})["Value"] = _VALUE
    head = {"$schema": DIALECT, "$id": f"{BASE}{file_name(kind)}", "title": f"AIPress {kind}"}
    return {**head, **{key: value for key, value in fixed.items() if key != "title"}}


def file_name(kind: str) -> str:
    return f"{kind.lower()}.schema.json"


def files() -> Mapping[str, str]:
    """File name -> text of every schema, as committed under schemas/."""
    return {file_name(kind): json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n" for kind in DOCUMENTS}


def _fixed(node: Any) -> Any:
    """Pydantic's export made to say what pydantic's validation does."""
    if isinstance(node, list):
        return [_fixed(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = dict(node)
    options = node.get("anyOf")
    if options and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        node.pop("anyOf")
        node.pop("default", None)
        node = {**rest[0], **node} if len(rest) == 1 else {**node, "anyOf": rest}
    keyed = node.pop("patternProperties", None)
    if keyed:
        (pattern, values), *_ = keyed.items()
        node["propertyNames"] = {"pattern": pattern}
        node["additionalProperties"] = values
    if node.get("additionalProperties") is True:
        node["additionalProperties"] = {"$ref": "#/$defs/Value"}
    if "title" in node and "properties" not in node and "enum" not in node:
        node.pop("title")  # pydantic's titles of fields repeat their names
    named = {"properties", "$defs"}
    return {
        key: {name: _fixed(inner) for name, inner in value.items()} if key in named else _fixed(value)
        for key, value in node.items()
    }


# --- finding one's way in a schema ----------------------------------------------------------------------------------


def resolve(kind: str, node: Node) -> Node:
    """A node with its $ref followed; what stands beside the $ref (a description) wins."""
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    target = schema(kind)["$defs"][reference.rsplit("/", 1)[-1]]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def node_at(kind: str, path: Path) -> Node | None:
    """The schema of the value at a path; None where the schema has nothing to say."""
    node: Node = schema(kind)
    for step in path:
        inner = _step(node, step)
        if inner is None:
            return None
        node = resolve(kind, inner)
    return node


def _step(node: Node, step: str | int) -> Node | None:
    if isinstance(step, int):
        items = node.get("items")
        return items if isinstance(items, dict) else None
    properties = node.get("properties", {})
    if step in properties:
        found = properties[step]
        return found if isinstance(found, dict) else None
    rest = node.get("additionalProperties")
    return rest if isinstance(rest, dict) else None


def fields(kind: str, path: Path = ()) -> tuple[str, ...]:
    """Names of the fields of the mapping at a path, in the order of the model."""
    node = node_at(kind, path)
    return tuple(node.get("properties", ())) if node else ()


def walk(kind: str, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every field of a document kind, depth first, in the order of the model."""
    node = node_at(kind, path)
    if node is None:
        return
    if path:
        yield path, node
    for name in node.get("properties", ()):
        yield from walk(kind, (*path, name))
    items = node.get("items")
    if isinstance(items, dict) and "$ref" in items and not items["$ref"].endswith("/Value"):
        yield from walk(kind, (*path, 0))


# --- explain --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explanation:
    """One field for a person. `allowed`: the values it takes, in words; `default`: JSON or words, "" for none."""

    field: str
    type: str
    allowed: str
    default: str
    description: str
    managed: bool
    required: bool
    fields: tuple[str, ...] = ()

    def text(self) -> str:
        rows = [("type", self.type), ("allowed", self.allowed), ("default", self.default or "none")]
        rows.append(("required", "yes" if self.required else "no"))
        rows.append(("managed", "yes" if self.managed else "not yet: accepted and checked, and nothing uses it"))
        if self.fields:
            rows.append(("fields", ", ".join(self.fields)))
        width = max(len(name) for name, _ in rows)
        lines = [f"  {name:<{width}}  {value}" for name, value in rows if value]
        return "\n".join([self.field, "", f"  {self.description}", "", *lines])


def explain(field: str) -> Explanation:
    """What may be written at `tenant.spec.runtime.memory`. Raises KeyError with what may have been meant."""
    head, *rest = re.sub(r"\[\d*\]", ".0", field.strip()).strip(".").split(".")
    kinds = {kind.lower(): kind for kind in DOCUMENTS}
    kind = kinds.get(head.lower(), "")
    if not kind:
        raise KeyError(f"`{field}` starts with no document kind; write {', '.join(kinds)} and a field of it")
    path = _written_path(kind, rest)
    node = node_at(kind, path)
    if node is None:
        known = {_dotted(kind, where): where for where, _ in walk(kind)}
        close = difflib.get_close_matches(field, known, 3, 0.5)
        close += [name for name in known if name.rsplit(".", 1)[-1] == str(path[-1]) and name not in close][:3]
        meant = f"; did you mean {' or '.join(f'`{name}`' for name in close)}?" if close else ""
        raise KeyError(f"there is no field `{field}`{meant}")
    parent = node_at(kind, path[:-1]) or {}
    return Explanation(
        _dotted(kind, path), type_name(node), allowed(node), _default(kind, path, node), node.get("description", ""),
        not unmanaged(kind, path), bool(path) and path[-1] in parent.get("required", ()), fields(kind, path),
    )  # fmt: skip


def unmanaged(kind: str, path: Path) -> bool:
    """Whether a path is, or lies in, a block that no kind manages yet."""
    return any(path[: len(block)] == block for block in UNMANAGED[kind])


def type_name(node: Node) -> str:
    """A type in words: "text", "whole number", "list of text"."""
    names = {
        "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
        "object": "mapping",
    }  # fmt: skip
    kind = node.get("type")
    if kind == "array":
        items = node.get("items", {})
        return f"list of {'mappings' if '$ref' in items else type_name(items)}"
    if isinstance(kind, str):
        return names.get(kind, kind)
    return "text" if "enum" in node or "const" in node else "any value"


def allowed(node: Node) -> str:
    """The allowed values in words, "" when the type says it all."""
    if "const" in node:
        return json.dumps(node["const"])
    if "enum" in node:
        return ", ".join(json.dumps(option) for option in node["enum"])
    low, high = node.get("minimum"), node.get("maximum")
    if "exclusiveMinimum" in node:
        return f"above {node['exclusiveMinimum']}" + (f", at most {high}" if high is not None else "")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    if "pattern" in node:
        return f"matching {node['pattern']}"
    if "maxLength" in node:
        return f"{node.get('minLength', 0)} to {node['maxLength']} characters"
    return f"at most {node['maxItems']} of them" if "maxItems" in node else ""


def _written_path(kind: str, steps: list[str]) -> Path:
    """Steps as typed, with list indexes as numbers and a forgotten `spec` put in."""
    path: Path = tuple(int(step) if step.isdigit() else step for step in steps)
    if path and path[0] not in ("apiVersion", "kind", "metadata", "spec") and node_at(kind, ("spec", *path)):
        path = ("spec", *path)
    return path


def _dotted(kind: str, path: Path) -> str:
    text = kind.lower()
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}"
    return text


def _default(kind: str, path: Path, node: Node) -> str:
    if "default" in node:
        return json.dumps(node["default"])
    if kind == "Tenant" and path[:1] == ("spec",) and not unmanaged(kind, path):
        if path[1:2] in (("runtime",), ("database",), ("media",)) and len(path) > 2:
            return "the tier's"
        if "runtime" in path and path[1:2] == ("environments",) and path[-1] != "runtime":
            return "the tenant's, else the tier's"
    return ""
