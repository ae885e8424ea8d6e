"""Memorystore in the core: what an instance and a cluster are given, what cannot change, and who follows whom."""

from __future__ import annotations

from typing import Any

import pytest

PROJECT = "acme-eu-001"
HOME = f"projects/{PROJECT}/locations/us-central1"
INSTANCES, CLUSTERS = f"/redis/v1/{HOME}/instances", f"/redis/v1/{HOME}/clusters"


def made(world: Any, own: str = "cache", **body: Any) -> Any:
    """An instance after its operation has ended."""
    status, operation = world.ask("POST", INSTANCES, {"tier": "BASIC", "memorySizeGb": 5, **body}, instanceId=own)
    assert status == 200, operation
    done = world.done("/redis/v1/", operation)
    assert done["response"]["@type"] == "type.googleapis.com/google.cloud.redis.v1.Instance"
    return world.ask("GET", f"{INSTANCES}/{own}")[1]


def patched(world: Any, path: str, body: Any, mask: str) -> Any:
    status, operation = world.ask("PATCH", path, body, updateMask=mask)
    assert status == 200, operation
    world.done("/redis/v1/", operation)
    return world.ask("GET", path)[1]


def test_a_basic_instance_is_as_recorded(world: Any) -> None:
    found = made(world)
    assert found["authorizedNetwork"] == f"projects/{PROJECT}/global/networks/default"
    assert (found["connectMode"], found["redisVersion"], found["state"]) == ("DIRECT_PEERING", "REDIS_7_0", "READY")
    assert (found["locationId"], found["currentLocationId"]) == ("us-central1-a", "us-central1-a")
    assert found["nodes"] == [{"id": "node-0", "zone": "us-central1-a"}]
    assert found["persistenceIamIdentity"].endswith("@cloud-redis.iam.gserviceaccount.com")
    assert (found["port"], found["reservedIpRange"].endswith("/29")) == (6379, True)
    assert found["host"].rpartition(".")[0] == found["reservedIpRange"].rpartition(".")[0]


def test_an_instance_takes_its_time(world: Any) -> None:
    operation = world.ask("POST", INSTANCES, {"tier": "BASIC", "memorySizeGb": 1}, instanceId="cache")[1]
    assert (operation["done"], operation["metadata"]["verb"]) == (False, "create")
    assert world.ask("GET", f"{INSTANCES}/cache")[1]["state"] == "CREATING"
    assert world.ask("PATCH", f"{INSTANCES}/cache", {"memorySizeGb": 2}, updateMask="memorySizeGb")[0] == 400
    again = world.ask("POST", INSTANCES, {"tier": "BASIC", "memorySizeGb": 1}, instanceId="cache")
    assert (again[0], again[1]["error"]["message"]) == (409, f"Resource '{HOME}/instances/cache' already exists")


def test_a_standard_instance_has_nodes_in_two_zones_and_fails_over_between_them(world: Any) -> None:
    found = made(world, tier="STANDARD_HA", readReplicasMode="READ_REPLICAS_ENABLED", replicaCount=3)
    assert (found["locationId"], found["alternativeLocationId"]) == ("us-central1-a", "us-central1-b")
    assert [node["id"] for node in found["nodes"]] == ["node-0", "node-1", "node-2", "node-3"]
    assert ("readEndpoint" in found, found["reservedIpRange"].endswith("/28")) == (True, True)
    status, operation = world.ask("POST", f"{INSTANCES}/cache:failover", {})
    assert (status, world.done("/redis/v1/", operation)["response"]["currentLocationId"]) == (200, "us-central1-b")


def test_tls_auth_and_snapshots_bring_what_belongs_to_them(world: Any) -> None:
    more = {
        "transitEncryptionMode": "SERVER_AUTHENTICATION", "authEnabled": True,
        "persistenceConfig": {"persistenceMode": "RDB", "rdbSnapshotPeriod": "SIX_HOURS"},
        "maintenancePolicy": {"weeklyMaintenanceWindow": [{"day": "MONDAY", "startTime": {"hours": 3}}]},
    }  # fmt: skip
    found = made(world, **more)
    assert (found["port"], len(found["serverCaCerts"])) == (6378, 1)
    assert "rdbNextSnapshotTime" in found["persistenceConfig"]
    assert found["maintenancePolicy"]["weeklyMaintenanceWindow"][0]["duration"] == "3600s"
    word = world.ask("GET", f"{INSTANCES}/cache/authString")[1]["authString"]
    assert word == world.ask("GET", f"{INSTANCES}/cache/authString")[1]["authString"]
    made(world, "open")
    assert world.ask("GET", f"{INSTANCES}/open/authString") == (200, {})


def test_only_named_fields_change_and_only_those_that_can(world: Any) -> None:
    made(world, displayName="first", labels={"a": "b"})
    body = {"displayName": "second", "memorySizeGb": 8, "labels": {}}
    found = patched(world, f"{INSTANCES}/cache", body, "displayName,memorySizeGb")
    assert (found["displayName"], found["memorySizeGb"], found["labels"]) == ("second", 8, {"a": "b"})
    for mask in ("tier", "authorizedNetwork", "nothing", ""):
        assert world.ask("PATCH", f"{INSTANCES}/cache", {"tier": "STANDARD_HA"}, updateMask=mask)[0] == 400


@pytest.mark.parametrize(
    ("own", "body"),
    [
        ("Cache", {}), ("cache", {"memorySizeGb": 0}), ("cache", {"memorySizeGb": 301}),
        ("cache", {"replicaCount": 1}), ("cache", {"redisVersion": "REDIS_9_9"}),
        ("cache", {"locationId": "europe-west1-b"}), ("cache", {"connectMode": "PRIVATE_SERVICE_ACCESS"}),
        ("cache", {"tier": "STANDARD_HA", "readReplicasMode": "READ_REPLICAS_ENABLED", "memorySizeGb": 1}),
    ],
)  # fmt: skip
def test_what_no_instance_can_be(world: Any, own: str, body: dict[str, Any]) -> None:
    assert world.ask("POST", INSTANCES, {"tier": "BASIC", "memorySizeGb": 1, **body}, instanceId=own)[0] == 400
    assert world.ask("GET", INSTANCES)[1] == {}


def test_an_instance_updates_itself_to_what_is_available(world: Any) -> None:
    (version,) = made(world)["availableMaintenanceVersions"]
    body = {"maintenanceVersion": "19990101_00_00"}
    assert world.ask("PATCH", f"{INSTANCES}/cache", body, updateMask="maintenanceVersion")[0] == 400
    found = patched(world, f"{INSTANCES}/cache", {"maintenanceVersion": version}, "maintenanceVersion")
    assert (found["maintenanceVersion"], found["availableMaintenanceVersions"]) == (version, [])


def test_an_upgrade_goes_up(world: Any) -> None:
    made(world, redisVersion="REDIS_6_X")
    assert world.ask("POST", f"{INSTANCES}/cache:upgrade", {"redisVersion": "REDIS_5_0"})[0] == 400
    operation = world.ask("POST", f"{INSTANCES}/cache:upgrade", {"redisVersion": "REDIS_7_0"})[1]
    assert world.done("/redis/v1/", operation)["response"]["redisVersion"] == "REDIS_7_0"


def test_a_deleted_instance_is_gone_when_its_operation_ends(world: Any) -> None:
    made(world)
    operation = world.ask("DELETE", f"{INSTANCES}/cache")[1]
    assert world.ask("GET", f"{INSTANCES}/cache")[1]["state"] == "DELETING"
    assert world.done("/redis/v1/", operation)["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    status, answer = world.ask("GET", f"{INSTANCES}/cache")
    assert (status, answer["error"]["message"]) == (404, f"Resource '{HOME}/instances/cache' was not found")


# --- clusters --------------------------------------------------------------------------------------------------


def cluster(world: Any, own: str, **body: Any) -> Any:
    network = f"projects/{PROJECT}/global/networks/vpc"
    wish = {"shardCount": 3, "replicaCount": 1, "pscConfigs": [{"network": network}], **body}
    status, operation = world.ask("POST", CLUSTERS, wish, clusterId=own)
    assert status == 200, operation
    world.done("/redis/v1/", operation)
    return world.ask("GET", f"{CLUSTERS}/{own}")[1]


def test_a_clusters_memory_follows_from_its_nodes(world: Any) -> None:
    found = cluster(world, "one", nodeType="REDIS_STANDARD_SMALL")
    assert (found["preciseSizeGb"], found["sizeGb"], "pscConfigs" in found) == (19.5, 20, False)
    found = patched(world, f"{CLUSTERS}/one", {"shardCount": 5}, "shardCount")
    assert (found["preciseSizeGb"], found["sizeGb"]) == (32.5, 33)


def test_a_cluster_is_reached_by_two_connections_of_the_subnet(world: Any) -> None:
    compute = f"/compute/compute/v1/projects/{PROJECT}"
    world.ask("POST", f"{compute}/global/networks", {"name": "vpc", "autoCreateSubnetworks": False})
    world.pass_time(60)
    subnet = {"name": "s", "ipCidrRange": "10.9.0.0/20", "network": f"projects/{PROJECT}/global/networks/vpc"}
    world.ask("POST", f"{compute}/regions/us-central1/subnetworks", subnet)
    world.pass_time(60)
    for own, expected in (("one", ["10.9.0.2", "10.9.0.3"]), ("two", ["10.9.0.4", "10.9.0.5"])):
        found = cluster(world, own)
        assert [entry["address"] for entry in found["pscConnections"]] == expected
        assert found["discoveryEndpoints"][0]["address"] == expected[0]


def test_a_secondary_follows_its_primary_and_they_can_change_places(world: Any) -> None:
    cluster(world, "one")
    config = {"clusterRole": "SECONDARY", "primaryCluster": {"cluster": f"{HOME}/clusters/one"}}
    two = cluster(world, "two", crossClusterReplicationConfig=config)["crossClusterReplicationConfig"]
    one = world.ask("GET", f"{CLUSTERS}/one")[1]["crossClusterReplicationConfig"]
    assert (two["clusterRole"], one["clusterRole"]) == ("SECONDARY", "PRIMARY")
    assert two["membership"] == one["membership"]
    assert two["primaryCluster"]["uid"] == world.ask("GET", f"{CLUSTERS}/one")[1]["uid"]
    wish = {"crossClusterReplicationConfig": {"secondaryClusters": [{"cluster": f"{HOME}/clusters/one"}]}}
    two = patched(world, f"{CLUSTERS}/two", wish, "crossClusterReplicationConfig")["crossClusterReplicationConfig"]
    one = world.ask("GET", f"{CLUSTERS}/one")[1]["crossClusterReplicationConfig"]
    assert (two["clusterRole"], one["clusterRole"]) == ("PRIMARY", "SECONDARY")
    world.ask("DELETE", f"{CLUSTERS}/one")
    world.pass_time(1000)
    assert "crossClusterReplicationConfig" not in world.ask("GET", f"{CLUSTERS}/two")[1]


def test_an_operation_answers_with_what_googles_client_can_parse(world: Any) -> None:
    """Found with google-cloud-redis-cluster: an unknown field in an operation's response is an error there."""
    operation = world.ask("POST", CLUSTERS, {"shardCount": 1}, clusterId="one")[1]
    response = world.done("/redis/v1/", operation)["response"]
    shown = world.ask("GET", f"{CLUSTERS}/one")[1]
    assert set(shown) - set(response) == {"effectiveMaintenanceVersion", "satisfiesPzi"}


def test_a_protected_cluster_is_not_deleted(world: Any) -> None:
    cluster(world, "one", deletionProtectionEnabled=True)
    assert world.ask("DELETE", f"{CLUSTERS}/one")[0] == 400
    patched(world, f"{CLUSTERS}/one", {"deletionProtectionEnabled": False}, "deletionProtectionEnabled")
    assert world.ask("DELETE", f"{CLUSTERS}/one")[0] == 200


@pytest.mark.parametrize("body", [{"shardCount": 0}, {"shardCount": 251}, {"shardCount": 1, "replicaCount": 6}])
def test_what_no_cluster_can_be(world: Any, body: dict[str, Any]) -> None:
    assert world.ask("POST", CLUSTERS, body, clusterId="one")[0] == 400


def test_a_cluster_is_backed_up_into_a_collection_of_its_own(world: Any) -> None:
    cluster(world, "one")
    status, operation = world.ask("POST", f"{CLUSTERS}/one:backup", {"ttl": "86400s"})
    assert status == 200
    collection = world.done("/redis/v1/", operation)["response"]["backupCollection"]
    (backup,) = world.ask("GET", f"/redis/v1/{collection}/backups")[1]["backups"]
    assert (backup["state"], backup["shardCount"], len(backup["backupFiles"])) == ("ACTIVE", 3, 3)
    assert world.ask("GET", f"/redis/v1/{collection}")[1]["totalBackupCount"] == "1"
    assert world.ask("POST", f"{CLUSTERS}/one:backup", {"ttl": "60s"})[0] == 400
    assert world.ask("POST", f"/redis/v1/{backup['name']}:export", {"gcsBucket": "nobody-has-this"})[0] == 400
    world.ask("POST", "/storage/storage/v1/b", {"name": "backups-of-acme"}, project=PROJECT)
    operation = world.ask("POST", f"/redis/v1/{backup['name']}:export", {"gcsBucket": "backups-of-acme"})[1]
    world.done("/redis/v1/", operation)
    assert len(world.ask("GET", "/storage/storage/v1/b/backups-of-acme/o")[1]["items"]) == 3
