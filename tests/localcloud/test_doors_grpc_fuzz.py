"""Every procedure of Google's protos with generated messages: an answer or a refusal, never a defect of ours."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from reconciler.localcloud.api.protos import Rpc, installed
from reconciler.localcloud.doors.mixins import FORMS
from tests.localcloud.test_doors_grpc import Line

PROTOS = installed()
# These take projects or APIs away from the procedures that come after.
LAST = ("cloudresourcemanager", "serviceusage")
OWN = {
    "projects": "acme-eu-001", "organizations": "111111111111", "folders": "222222222222",
    "billingAccounts": "000000-AAAAAA-BBBBBB", "locations": "europe-west1",
}  # fmt: skip
SHORT = {
    "google.protobuf.Timestamp": {"seconds": 1_800_000_000}, "google.protobuf.Duration": {"seconds": 5},
    "google.protobuf.FieldMask": {"paths": ["labels", "no_such_field"]},
}  # fmt: skip
KIND = FieldDescriptor


def fields(descriptor: Any, rng: random.Random, depth: int = 0) -> dict[str, Any]:
    """Half of a message's fields, as its constructor takes them."""
    if descriptor.full_name in SHORT:
        return SHORT[descriptor.full_name]
    chosen = [field for field in descriptor.fields if rng.random() < 0.5 and depth < 4]
    made = {field.name: value(field, rng, depth) for field in chosen}
    return {name: one for name, one in made.items() if one is not None}


def value(field: Any, rng: random.Random, depth: int) -> Any:
    inner = field.message_type
    if inner is not None and (inner.GetOptions().map_entry or inner.full_name.startswith("google.protobuf.")):
        return fields(inner, rng, depth) if inner.full_name in SHORT and not field.is_repeated else None
    if inner is not None:
        one: Any = fields(inner, rng, depth + 1)
    elif field.enum_type is not None:
        one = rng.choice(field.enum_type.values).number
    else:
        one = {KIND.CPPTYPE_STRING: "thing", KIND.CPPTYPE_BOOL: True}.get(field.cpp_type, rng.choice((0, 1, 7)))
        one = b"x" if field.type == KIND.TYPE_BYTES else one
    return [one] * rng.randrange(3) if field.is_repeated else one


def named(message: Any, rpc: Rpc, rng: random.Random) -> Any:
    """The message with names in it that fit one of the procedure's forms."""
    template = rng.choice(rpc.bindings).template
    for dotted, pattern in re.findall(r"\{([^}=]+)(?:=([^}]+))?\}", template):
        *outer, last = dotted.split(".")
        holder = message
        for word in outer:
            holder = getattr(holder, word)
        words = (pattern or "*").split("/")
        filled = [
            OWN.get(words[at - 1] if at else last, "thing") if "*" in word else word for at, word in enumerate(words)
        ]
        text = "acme-eu-001" if last in ("project", "project_id") else "/".join(filled)
        setattr(holder, last, text if isinstance(getattr(holder, last), str) else 1)
    return message


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_every_procedure_answers(seed: int) -> None:
    line, rng, codes = Line(), random.Random(seed), set()
    rpcs = [rpc for rpc in PROTOS.rpcs.values() if rpc.bindings and not rpc.streams and rpc.name not in FORMS]
    rng.shuffle(rpcs)
    for rpc in sorted(rpcs, key=lambda rpc: rpc.host in LAST):
        descriptor = PROTOS.descriptor(rpc.request)
        message = named(PROTOS.message(rpc.request)(**fields(descriptor, rng)), rpc, rng)
        answer = line.send(rpc.name, message.SerializeToString())
        if isinstance(answer, tuple):
            assert answer[0] not in ("INTERNAL", "UNKNOWN"), (rpc.name, answer, message)
        codes.add(answer[0] if isinstance(answer, tuple) else "OK")
        line.step.now += 3
    assert codes >= {"OK", "NOT_FOUND", "INVALID_ARGUMENT"}
