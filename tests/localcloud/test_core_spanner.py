"""Spanner's databases: named by a statement, with their DDL, dropped."""

from __future__ import annotations

from typing import Any

import pytest

V1 = "/spanner/v1/"
INSTANCE = "projects/acme-eu-001/instances/main"
DATABASE = f"{INSTANCE}/databases/shop"


@pytest.fixture
def world(world: Any) -> Any:
    config = "projects/acme-eu-001/instanceConfigs/regional-europe-west1"
    instance = {"config": config, "displayName": "Main", "nodeCount": 1}
    body = {"instanceId": "main", "instance": instance}
    status, operation = world.ask("POST", f"{V1}projects/acme-eu-001/instances", body)
    assert status == 200
    world.done(V1, operation)
    return world


def create(world: Any, statement: str = "CREATE DATABASE `shop`", **more: Any) -> tuple[int, Any]:
    answer: tuple[int, Any] = world.ask("POST", f"{V1}{INSTANCE}/databases", {"createStatement": statement, **more})
    return answer


def test_a_database_is_named_by_its_statement(world: Any) -> None:
    status, operation = create(world, extraStatements=["CREATE TABLE a (b INT64) PRIMARY KEY(b)"])
    assert status == 200
    assert operation["name"].startswith(f"{DATABASE}/operations/")
    made = world.done(V1, operation)["response"]
    assert made.pop("@type").endswith(".Database")
    found = world.ask("GET", V1 + DATABASE)[1]
    assert {**made, "encryptionInfo": found["encryptionInfo"]} == found
    assert (found["state"], found["databaseDialect"]) == ("READY", "GOOGLE_STANDARD_SQL")
    assert world.ask("GET", f"{V1}{DATABASE}/ddl")[1] == {"statements": ["CREATE TABLE a (b INT64) PRIMARY KEY(b)"]}
    assert [one["name"] for one in world.ask("GET", f"{V1}{INSTANCE}/databases")[1]["databases"]] == [DATABASE]
    assert create(world)[0] == 409


@pytest.mark.parametrize(
    "statement", ["", "CREATE TABLE x", "CREATE DATABASE `A`", "CREATE DATABASE a", "CREATE DATABASE -b"]
)
def test_what_is_no_statement_of_a_database_is_refused(world: Any, statement: str) -> None:
    assert create(world, statement)[0] == 400


def test_an_instance_must_be_there(world: Any) -> None:
    body = {"createStatement": "CREATE DATABASE ab"}
    assert world.ask("POST", f"{V1}projects/acme-eu-001/instances/no/databases", body)[0] == 404


def test_ddl_is_kept_and_told_and_goes_with_the_database(world: Any) -> None:
    create(world)
    statement = "CREATE TABLE t1 (t1 INT64 NOT NULL) PRIMARY KEY(t1)"
    status, operation = world.ask("PATCH", f"{V1}{DATABASE}/ddl", {"statements": [statement]})
    assert status == 200
    assert operation["metadata"]["actions"] == [{"action": "CREATE", "entityType": "TABLE", "entityNames": ["t1"]}]
    assert world.done(V1, operation)["response"]["@type"] == "type.googleapis.com/google.protobuf.Empty"
    assert world.ask("GET", f"{V1}{DATABASE}/ddl")[1] == {"statements": [statement]}
    assert world.ask("PATCH", f"{V1}{DATABASE}/ddl", {})[0] == 400
    assert world.ask("DELETE", V1 + DATABASE) == (200, {})
    for verb, path in (("GET", DATABASE), ("GET", f"{DATABASE}/ddl"), ("DELETE", DATABASE)):
        status, answer = world.ask(verb, V1 + path)
        assert (status, answer["error"]["message"]) == (404, f"Database not found: {DATABASE}")


@pytest.mark.parametrize(
    ("given", "nodes", "units", "unit"),
    [
        ({"nodeCount": 2}, 2, 2000, "nodeCount"), ({"processingUnits": 2000}, 2, 2000, "processingUnits"),
        ({"processingUnits": 300}, None, 300, "processingUnits"), ({}, 1, 1000, "nodeCount"),
        ({"autoscalingConfig": {"autoscalingLimits": {"minNodes": 3, "maxNodes": 4}}}, 3, 3000, "nodeCount"),
    ],
)  # fmt: skip
def test_capacity_is_told_in_both_units(world: Any, given: Any, nodes: Any, units: int, unit: str) -> None:
    config = "projects/acme-eu-001/instanceConfigs/regional-europe-west1"
    body = {"instanceId": "sized", "instance": {"config": config, "displayName": "Sized", **given}}
    operation = world.ask("POST", f"{V1}projects/acme-eu-001/instances", body)[1]
    done = world.done(V1, operation)
    assert done["metadata"]["instance"]["processingUnits"] == units
    assert done["metadata"]["endTime"]
    assert "resourceLocation" not in done["response"].keys() | done["metadata"]["instance"].keys()
    found = world.ask("GET", f"{V1}projects/acme-eu-001/instances/sized")[1]
    assert (found.get("nodeCount"), found["processingUnits"], found["edition"]) == (nodes, units, "STANDARD")
    assert found["replicaComputeCapacity"][0]["replicaSelection"] == {"location": "europe-west1"}
    assert unit in found["replicaComputeCapacity"][0]


def test_an_instance_grows_by_its_mask(world: Any) -> None:
    body = {"instance": {"nodeCount": 3, "displayName": "no"}, "fieldMask": "node_count"}
    operation = world.ask("PATCH", V1 + INSTANCE, body)[1]
    changed = world.done(V1, operation)["response"]
    assert (changed["nodeCount"], changed["processingUnits"], changed["displayName"]) == (3, 3000, "Main")
    assert world.ask("PATCH", V1 + INSTANCE, {"instance": {}})[0] == 400
    body = {"instanceId": "main", "instance": {"config": "c", "displayName": "d"}}
    assert world.ask("POST", f"{V1}projects/acme-eu-001/instances", body)[0] == 409
    assert world.ask("POST", f"{V1}projects/acme-eu-001/instances", {**body, "instanceId": "A"})[0] == 400
