"""Google's protos, compiled by `build_protos`: remote procedures, messages, enum numbers and field behaviour."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from google.api import annotations_pb2, client_pb2, field_behavior_pb2, resource_pb2
from google.longrunning import operations_proto_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_VARIABLE = re.compile(r"\{([^}=]+)(?:=([^}]+))?\}")
_VERSION = re.compile(r"v\d+\w*$")


@dataclass(frozen=True)
class Binding:
    """One HTTP form of a procedure. `template` has no leading slash; `body` is a field, `*`, or empty."""

    verb: str
    template: str
    body: str

    @property
    def shape(self) -> str:
        """The template with every variable as a pattern of `*` and `**`: what a discovery document agrees with."""
        return _VARIABLE.sub(lambda found: found[2] or "*", self.template)

    @property
    def variables(self) -> tuple[str, ...]:
        """The fields of the request (dotted) that the path carries, in order."""
        return tuple(found[1] for found in _VARIABLE.finditer(self.template))


@dataclass(frozen=True)
class Rpc:
    """One remote procedure. `name` is the gRPC path; messages are full names; the last two are of its operation."""

    name: str
    host: str
    request: str
    response: str
    bindings: tuple[Binding, ...]
    streams: bool
    operation_response: str
    operation_metadata: str

    @property
    def package(self) -> str:
        """`google.cloud.run.v2`."""
        return self.name.split("/")[1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class Behaviour:
    """What a message's fields are, by JSON name."""

    required: frozenset[str]
    output_only: frozenset[str]
    immutable: frozenset[str]


class Protos:
    """The compiled file, read once. Message classes are made when they are first asked for."""

    def __init__(self, compiled: Path | None = None) -> None:
        raw = lzma.decompress((compiled or Path(__file__).with_name("google_apis.binpb.xz")).read_bytes())
        self._set = descriptor_pb2.FileDescriptorSet.FromString(raw)
        self.pool = descriptor_pool.DescriptorPool()
        for file in self._set.file:
            self.pool.Add(file)

    @property
    def files(self) -> Any:
        """The compiled files, as descriptor messages."""
        return self._set.file

    @cached_property
    def rpcs(self) -> Mapping[str, Rpc]:
        """gRPC path (`/google.cloud.run.v2.Services/GetService`) -> procedure."""
        return {rpc.name: rpc for file in self._set.file for rpc in _rpcs(file)}

    @cached_property
    def _by_shape(self) -> dict[tuple[str, str, str], Rpc]:
        table: dict[tuple[str, str, str], Rpc] = {}
        for rpc in self.rpcs.values():
            for binding in rpc.bindings:
                table.setdefault((rpc.host, binding.verb, binding.shape), rpc)
        return table

    def over_http(self, host: str, verb: str, shape: str) -> Rpc | None:
        """The procedure behind an HTTP method; `host` is the first label (`run`), `shape` as in `Binding.shape`."""
        return self._by_shape.get((host, verb, shape))

    def descriptor(self, name: str) -> Descriptor | None:
        """The descriptor of a message by its full name, or None."""
        try:
            return self.pool.FindMessageTypeByName(name)
        except KeyError:
            return None

    def message(self, name: str) -> type[Message]:
        """The class of a message. Raises KeyError for an unknown name."""
        found: type[Message] = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))
        return found

    @cached_property
    def _behaviours(self) -> dict[str, Behaviour]:
        found: dict[str, Behaviour] = {}
        for file in self._set.file:
            for name, message in _messages(file.package, file.message_type):
                found[name] = _behaviour(message)
        return found

    def behaviour(self, message: str) -> Behaviour:
        """Required, output-only and immutable fields of a message (empty sets for an unknown one)."""
        return self._behaviours.get(message, Behaviour(frozenset(), frozenset(), frozenset()))

    @cached_property
    def _patterns(self) -> dict[str, tuple[str, ...]]:
        extension = resource_pb2.resource
        return {
            name: tuple(message.options.Extensions[extension].pattern)
            for file in self._set.file
            for name, message in _messages(file.package, file.message_type)
            if message.options.HasExtension(extension)
        }

    def patterns(self, message: str) -> tuple[str, ...]:
        """The names that a resource may have: `projects/{project}/locations/{location}/services/{service}`."""
        return self._patterns.get(message, ())

    @cached_property
    def enums(self) -> Mapping[str, Mapping[str, tuple[tuple[str, Mapping[str, int]], ...]]]:
        """Package -> JSON name of a field -> the enums (full name, name -> number) it has in some message there."""
        found: dict[str, dict[str, dict[str, Mapping[str, int]]]] = {}
        for file in self._set.file:
            for name, message in _messages(file.package, file.message_type):
                held = self.pool.FindMessageTypeByName(name)
                for field in message.field:
                    enum = held.fields_by_name[field.name].enum_type
                    if enum is not None and enum.full_name != "google.protobuf.NullValue":
                        by_name = found.setdefault(file.package, {}).setdefault(field.json_name, {})
                        by_name[enum.full_name] = {value.name: value.number for value in enum.values}
        return {
            package: {prop: tuple(sorted(by_name.items())) for prop, by_name in fields.items()}
            for package, fields in found.items()
        }


@cache
def installed() -> Protos:
    """The protos that ship with the local cloud."""
    return Protos()


def _messages(prefix: str, messages: Any) -> Iterator[tuple[str, Any]]:
    for message in messages:
        name = f"{prefix}.{message.name}"
        yield name, message
        yield from _messages(name, message.nested_type)


def _behaviour(message: Any) -> Behaviour:
    kinds: dict[int, set[str]] = {}
    for field in message.field:
        for kind in field.options.Extensions[field_behavior_pb2.field_behavior]:
            kinds.setdefault(kind, set()).add(field.json_name)
    behaviour = field_behavior_pb2.FieldBehavior
    required, output, immutable = (
        frozenset(kinds.get(behaviour.Value(word), ())) for word in ("REQUIRED", "OUTPUT_ONLY", "IMMUTABLE")
    )
    return Behaviour(required, output, immutable)


def _rpcs(file: Any) -> Iterator[Rpc]:
    for service in file.service:
        host = service.options.Extensions[client_pb2.default_host].split(".")[0]
        for method in service.method:
            ends = method.options.Extensions[operations_proto_pb2.operation_info]
            yield Rpc(
                name=f"/{file.package}.{service.name}/{method.name}",
                host=host,
                request=method.input_type.lstrip("."),
                response=method.output_type.lstrip("."),
                bindings=tuple(_bindings(method.options.Extensions[annotations_pb2.http])),
                streams=bool(method.client_streaming or method.server_streaming),
                operation_response=_full(ends.response_type, file.package),
                operation_metadata=_full(ends.metadata_type, file.package),
            )


def _bindings(rule: Any) -> Iterator[Binding]:
    kind = rule.WhichOneof("pattern")
    if kind == "custom":
        yield Binding(rule.custom.kind, rule.custom.path.lstrip("/"), rule.body)
    elif kind:
        yield Binding(kind.upper(), getattr(rule, kind).lstrip("/"), rule.body)
    for more in rule.additional_bindings:
        yield from _bindings(more)


def _full(name: str, package: str) -> str:
    return name if not name or "." in name else f"{package}.{name}"
