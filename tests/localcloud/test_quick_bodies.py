"""The shortcut for ordinary bodies says what the judge says, or leaves it to the judge."""

from __future__ import annotations

import random
from typing import Any

import pytest

from reconciler.localcloud.api.bodies import judged
from reconciler.localcloud.api.discovery import documents
from reconciler.localcloud.api.quick import Odd, passing
from reconciler.localcloud.errors import GoogleError
from tests.localcloud.generated import value

LIBRARY = documents()
APIS = [
    ("run", "v2"), ("sqladmin", "v1"), ("storage", "v1"), ("secretmanager", "v1"), ("compute", "v1"), ("pubsub", "v1"),
    ("cloudkms", "v1"), ("monitoring", "v3"), ("cloudresourcemanager", "v3"), ("dns", "v1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "version"), APIS)
def test_what_passes_quickly_is_what_the_judge_lets_pass(name: str, version: str) -> None:
    api = LIBRARY.api(name, version)
    assert api is not None
    rng = random.Random(f"quick{name}")
    passed = 0
    requests = sorted({method.request for method in api.methods if method.request})
    for schema in requests[:60]:
        for _ in range(12):
            body = value(api, {"$ref": schema}, rng, rng.choice([0.0, 0.0, 0.05]))
            if not isinstance(body, dict):
                continue
            try:
                quickly = passing(api, schema)(body)
            except Odd:
                continue
            passed += 1
            assert quickly == judged(api, schema, body)
            assert list(quickly) == list(judged(api, schema, body))
    assert passed > 30, "or the test says nothing"


def test_an_ordinary_service_takes_the_shortcut() -> None:
    api = LIBRARY.api("run", "v2")
    assert api is not None
    env: list[Any] = [{"name": "A", "value": "b"}]
    container = {"image": "x", "env": env, "resources": {"limits": {"cpu": "1"}, "startupCpuBoost": True}}
    body = {"template": {"containers": [container], "timeout": "300s"}, "uid": "dropped", "labels": {"a": "b"}}
    assert passing(api, "GoogleCloudRunV2Service")(body) == {**{k: v for k, v in body.items() if k != "uid"}}


@pytest.mark.parametrize("body", [{"no": 1}, {"ingress": "NO"}, {"template": []}, {"labels": {"a": 1}}, {"etag": 5}])
def test_what_is_wrong_is_left_to_the_judge(body: Any) -> None:
    api = LIBRARY.api("run", "v2")
    assert api is not None
    with pytest.raises(Odd):
        passing(api, "GoogleCloudRunV2Service")(body)
    with pytest.raises(GoogleError):
        judged(api, "GoogleCloudRunV2Service", body)
