"""Samples of real Cloud SQL and Memorystore objects: an equivalent object here has every leaf that the real one has.

The samples are not in the repository: without them this skips.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "samples.jsonl"
PROJECT = "acme-eu-001"
BASE = f"/sqladmin/sql/v1beta4/projects/{PROJECT}/instances"
# What the server sets, so no body of ours may carry it.
SERVER_SET = ("settingsVersion", "kind")


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path


def samples(part: str) -> list[dict[str, Any]]:
    """All sampled objects of a kind (`/instances`, `/users`, …), those of lists one by one."""
    if not SAMPLES.exists():
        pytest.skip(f"no samples beside the repository ({SAMPLES.name} is missing)")
    found: dict[str, dict[str, Any]] = {}
    for line in SAMPLES.read_text().splitlines():
        row = json.loads(line)
        answer = row["response"]
        if row["status"] != 200 or not isinstance(answer, dict) or not str(answer.get("kind", "")).startswith("sql#"):
            continue
        for item in answer.get("items", [answer]):
            if item.get("kind") == part:
                found[json.dumps(sorted(set(leaves(item))))] = item
    assert found, f"no sample of {part}"
    return list(found.values())


def caches(collection: str) -> list[dict[str, Any]]:
    """All sampled instances or clusters of Memorystore."""
    if not SAMPLES.exists():
        pytest.skip(f"no samples beside the repository ({SAMPLES.name} is missing)")
    rows = [json.loads(line) for line in SAMPLES.read_text().splitlines()]
    found = [
        item for row in rows if "redis.googleapis.com" in row["url"] for item in row["response"].get(collection, [])
    ]
    assert found, f"no sample of {collection}"
    return found


def missing(real: Any, ours: Any, *aside: str) -> set[str]:
    """Leaves of the real object that ours lacks, those of older times left aside."""
    absent = set(leaves(real)) - set(leaves(ours))
    return {path for path in absent if not any(re.search(pattern, path) for pattern in aside)}


def equivalent(real: dict[str, Any], name: str) -> dict[str, Any]:
    """A body that asks for what the sampled instance is; private networks are asked for by their own tests."""
    settings = {key: value for key, value in real["settings"].items() if key not in SERVER_SET}
    network = {key: value for key, value in settings["ipConfiguration"].items() if key != "privateNetwork"}
    settings["ipConfiguration"] = {**network, "ipv4Enabled": True}
    settings["deletionProtectionEnabled"] = False
    return {
        "name": name, "region": real["region"], "databaseVersion": real["databaseVersion"],
        "settings": {**settings, "activationPolicy": "ALWAYS"},
    }  # fmt: skip


def test_an_instance_has_every_field_of_a_real_one(world: Any) -> None:
    for number, real in enumerate(samples("sql#instance")):
        status, answer = world.ask("POST", BASE, equivalent(real, f"sample-{number}"))
        assert status == 200, answer
        world.pass_time(1000)
        ours = world.ask("GET", f"{BASE}/sample-{number}")[1]
        # Samples of 2018 show the switch of PostgreSQL on MySQL too.
        aside = ("replicationLogArchivingEnabled", "privateNetwork")
        assert not missing(real, ours, *aside), real["name"]
        assert re.fullmatch(
            r"p\d+-[a-z0-9]{6}@gcp-sa-cloud-sql\.iam\.gserviceaccount\.com", ours["serviceAccountEmailAddress"]
        )


@pytest.mark.parametrize(
    ("kind", "collection", "body"),
    [
        ("sql#backupRun", "backupRuns", {}), ("sql#sslCert", "sslCerts", {"commonName": "laptop"}),
        ("sql#user", "users", {"name": "app"}),
    ],
)  # fmt: skip
def test_parts_of_an_instance_have_every_field_of_real_ones(world: Any, kind: str, collection: str, body: Any) -> None:
    main = world.instance()
    status, operation = world.ask("POST", f"{main}/{collection}", body)
    assert status == 200, operation
    world.pass_time(1000)
    rows = world.ask("GET", f"{main}/{collection}")[1]["items"]
    ours = rows[0] | next((row for row in rows if row.get("name") == "app"), {})
    for real in samples(kind):
        assert not missing(real, ours)


def test_an_operation_has_every_field_of_a_real_one(world: Any) -> None:
    main = world.instance()
    operation = world.ask("POST", f"{main}/restart")[1]
    for real in samples("sql#operation"):
        assert not missing(real, operation)
        assert re.fullmatch(r"[0-9a-f-]{36}", operation["name"])


MADE = ("authorizationMode", "deletionProtectionEnabled", "labels", "memorySizeGb", "nodeType", "replicaCount")
MADE += ("shardCount", "tier", "transitEncryptionMode")


@pytest.mark.parametrize(("collection", "parameter"), [("instances", "instanceId"), ("clusters", "clusterId")])
def test_a_cache_has_every_field_of_a_real_one(world: Any, collection: str, parameter: str) -> None:
    base = f"/redis/v1/projects/{PROJECT}/locations/us-central1/{collection}"
    for number, real in enumerate(caches(collection)):
        body = {name: real[name] for name in MADE if name in real}
        if collection == "clusters":
            body["pscConfigs"] = [{"network": f"projects/{PROJECT}/global/networks/vpc"}]
        status, operation = world.ask("POST", base, body, **{parameter: f"sample-{number}"})
        assert status == 200, operation
        world.pass_time(1000)
        ours = world.ask("GET", f"{base}/sample-{number}")[1]
        assert not missing(real, ours)
        for name in ("sizeGb", "preciseSizeGb", "serverCaMode", "port"):
            assert ours.get(name) == real.get(name), name
