"""Every method of every API that is served, with requests generated from Google's descriptions of them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from reconciler.localcloud.core import Cloud
from reconciler.localcloud.values import Request
from tests.localcloud.generated import APIS, api_of, complaints, shot

REFUSALS = {400, 403, 404, 409, 412, 413, 416, 429, 499, 501, 503}
ANSWERS = {200, 204, 304, 308} | REFUSALS
# Fields that Google sends although its discovery document lacks them, each seen in a recording or a sample.
UNLISTED = frozenset({"imageSpaceGb", "proxyHeader"})


def prefix(name: str) -> str:
    return f"/{name}/"


@pytest.mark.parametrize(("name", "version"), APIS)
def test_every_method_is_routed_to_itself(name: str, version: str) -> None:
    api, cloud, rng = api_of(name, version), Cloud(), random.Random(1)
    for method in api.methods:
        asked = shot(api, method, rng)
        route = cloud.route(Request(asked.verb, prefix(name) + asked.path))
        same = (route.method.verb, route.method.shape) == (method.verb, method.shape)
        assert same, f"{method.id} {asked.verb} {asked.path} went to {route.method.id}"


@pytest.mark.parametrize(("name", "version"), APIS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_method_answers_whatever_it_is_sent(world: Any, name: str, version: str, seed: int) -> None:
    """Well-formed requests that build on each other first, then ever odder ones; never an exception."""
    api, rng = api_of(name, version), random.Random(f"{name}{version}{seed}")
    methods = sorted(api.methods, key=lambda method: (method.name not in ("create", "insert"), len(method.shape)))
    rounds = [(methods, 0.0, 0.0), (rng.sample(methods, len(methods)), 0.08, 0.0)]
    rounds.append((rng.sample(methods, len(methods)), 0.3, 0.3))
    statuses, strange = set(), set()
    for chosen, odd, wild in rounds:
        for method in chosen:
            asked = shot(api, method, rng, odd, wild)
            status, body = world.ask(asked.verb, prefix(name) + asked.path, asked.body, **asked.query)
            statuses.add(status)
            assert status in ANSWERS, f"{method.id} {asked} answered {status} {body}"
            if status == 200 and isinstance(body, dict) and method.response:
                said = complaints(api, {"$ref": method.response}, body)
                strange |= {f"{method.id}{what}" for what in said}
            if status in REFUSALS and body is not None:
                assert isinstance(body, bytes) or "error" in body or "status" in body, (method.id, body)
            world.pass_time(7)
    assert {what for what in strange if what.split(":")[0].rsplit(".", 1)[-1] not in UNLISTED} == set()
    assert statuses & {200, 204}
