"""Cloud SQL instances in the core: what is filled in, what is refused, replicas, clones, private addresses."""

from __future__ import annotations

from typing import Any

import pytest

PROJECT = "acme-eu-001"
BASE = f"/sqladmin/sql/v1beta4/projects/{PROJECT}/instances"
LOGGED = {"enabled": True, "binaryLogEnabled": True}


def wish(name: str = "main", **settings: Any) -> dict[str, Any]:
    return {"name": name, "region": "us-central1", "settings": {"tier": "db-custom-1-3840", **settings}}


def made(world: Any, body: dict[str, Any]) -> Any:
    """An instance after its operation has ended."""
    status, operation = world.ask("POST", BASE, body)
    assert status == 200, operation
    world.pass_time(1000)
    return world.ask("GET", f"{BASE}/{body['name']}")[1]


def ended(world: Any, operation: Any) -> Any:
    world.pass_time(1000)
    return world.ask("GET", f"/sqladmin/sql/v1beta4/projects/{PROJECT}/operations/{operation['name']}")[1]


def refusal(world: Any, verb: str, path: str, body: Any) -> tuple[int, str, str]:
    status, answer = world.ask(verb, path, body)
    return status, answer["error"]["message"], answer["error"]["errors"][0]["reason"]


# --- what is filled in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "installed", "offered"),
    [
        ("MYSQL_5_7", "MYSQL_5_7_44", "MYSQL_8_0"),
        ("POSTGRES_15", "POSTGRES_15_7", "POSTGRES_16"),
        ("SQLSERVER_2019_EXPRESS", "SQLSERVER_2019_EXPRESS_CU26", "SQLSERVER_2019_STANDARD"),
    ],
)
def test_each_engine_has_its_versions(world: Any, version: str, installed: str, offered: str) -> None:
    found = made(world, {**wish(), "databaseVersion": version, "rootPassword": "x"})
    assert found["databaseInstalledVersion"] == installed
    assert found["maintenanceVersion"].startswith(f"{installed}.R")
    assert found["upgradableDatabaseVersions"][0]["name"] == offered
    assert "rootPassword" not in found


def test_what_an_express_server_can_become_is_as_recorded(world: Any) -> None:
    found = made(world, {**wish(), "databaseVersion": "SQLSERVER_2019_EXPRESS", "rootPassword": "x"})
    assert [entry["name"] for entry in found["upgradableDatabaseVersions"]] == [
        "SQLSERVER_2019_STANDARD", "SQLSERVER_2019_ENTERPRISE", "SQLSERVER_2019_WEB", "SQLSERVER_2022_STANDARD",
        "SQLSERVER_2022_ENTERPRISE", "SQLSERVER_2022_EXPRESS", "SQLSERVER_2022_WEB",
    ]  # fmt: skip


def test_each_engine_shows_its_own_recovery_switch_once_it_was_set(world: Any) -> None:
    asked = {"enabled": False, "binaryLogEnabled": False, "pointInTimeRecoveryEnabled": False}
    switches = ("binaryLogEnabled", "pointInTimeRecoveryEnabled", "replicationLogArchivingEnabled")
    shown = {}
    for version in ("MYSQL_8_0", "POSTGRES_15", "SQLSERVER_2019_WEB"):
        name = version.lower().replace("_", "-")
        body = {**wish(name, backupConfiguration=asked), "databaseVersion": version, "rootPassword": "x"}
        backup = made(world, body)["settings"]["backupConfiguration"]
        shown[version] = [switch for switch in switches if switch in backup]
    assert shown == {
        "MYSQL_8_0": ["binaryLogEnabled"],
        "POSTGRES_15": ["pointInTimeRecoveryEnabled", "replicationLogArchivingEnabled"],
        "SQLSERVER_2019_WEB": ["pointInTimeRecoveryEnabled"],
    }


def test_require_ssl_and_ssl_mode_are_two_spellings_of_one_thing(world: Any) -> None:
    network = made(world, wish(ipConfiguration={"requireSsl": True}))["settings"]["ipConfiguration"]
    assert network["sslMode"] == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    world.ask("PATCH", f"{BASE}/main", {"settings": {"ipConfiguration": {"sslMode": "ENCRYPTED_ONLY"}}})
    world.pass_time(100)
    network = world.ask("GET", f"{BASE}/main")[1]["settings"]["ipConfiguration"]
    assert (network["requireSsl"], network["sslMode"]) == (False, "ENCRYPTED_ONLY")


def test_false_switches_of_query_insights_are_not_printed(world: Any) -> None:
    insights = {"queryInsightsEnabled": False, "recordClientAddress": True, "queryStringLength": 1024}
    found = made(world, wish(insightsConfig=insights))
    assert found["settings"]["insightsConfig"] == {"recordClientAddress": True, "queryStringLength": 1024}


def test_a_customer_managed_key_is_shown_with_its_version(world: Any) -> None:
    key = f"projects/{PROJECT}/locations/us-central1/keyRings/r/cryptoKeys/k"
    found = made(world, {**wish(), "diskEncryptionConfiguration": {"kmsKeyName": key}})
    assert found["diskEncryptionConfiguration"] == {"kmsKeyName": key, "kind": "sql#diskEncryptionConfiguration"}
    assert found["diskEncryptionStatus"]["kmsKeyVersionName"] == f"{key}/cryptoKeyVersions/1"
    assert world.ask("PATCH", f"{BASE}/main", {"diskEncryptionConfiguration": {"kmsKeyName": f"{key}2"}})[0] == 400


def test_what_the_server_sets_is_not_taken_from_a_body(world: Any) -> None:
    """Found by generated requests: a status of an encryption that is not there."""
    mine = {"diskEncryptionStatus": {"kmsKeyVersionName": "mine"}, "state": "FAILED", "replicaNames": ["x"]}
    found = made(world, {**wish(), **mine})
    assert ("diskEncryptionStatus" in found, found["state"], "replicaNames" in found) == (False, "RUNNABLE", False)
    assert world.ask("POST", f"{BASE}/main/backupRuns", {})[0] == 200


@pytest.mark.parametrize("region", ["us-central", None])
def test_the_region_of_the_first_generation_is_the_one_of_today(world: Any, region: str | None) -> None:
    body = {**wish(), "region": region}
    found = made(world, body)
    assert (found["region"], found["gceZone"]) == ("us-central1", "us-central1-a")


def test_a_put_that_leaves_the_disk_out_does_not_shrink_it(world: Any) -> None:
    made(world, wish(dataDiskSizeGb="100", userLabels={"a": "b"}))
    assert world.ask("PUT", f"{BASE}/main", {"settings": {"tier": "db-custom-1-3840"}})[0] == 200
    world.pass_time(100)
    settings = world.ask("GET", f"{BASE}/main")[1]["settings"]
    assert (settings["dataDiskSizeGb"], "userLabels" in settings) == ("100", False)


PLUS_ONLY = (
    "Invalid request: Invalid Tier (db-g1-small) for (ENTERPRISE_PLUS) Edition. Use a predefined Tier like "
    "db-perf-optimized-N-* instead. Learn more at "
    "https://cloud.google.com/sql/docs/postgres/create-instance#machine-types."
)


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "settings", "said"),
    [
        ({"name": "Main"}, {}, "Invalid request: instance name (Main)."),
        ({"name": "a" * 98}, {}, f"Invalid request: instance name ({'a' * 98})."),
        ({"region": "mars-north1"}, {}, "Invalid request: region (mars-north1)."),
        ({}, {"tier": "db-n2-standard-1"}, "Invalid request: Tier (db-n2-standard-1)."),
        ({}, {"tier": "db-custom-3-8192"}, "Invalid request: Tier (db-custom-3-8192)."),
        ({}, {"tier": "db-custom-4-2048"}, "Invalid request: Tier (db-custom-4-2048)."),
        (
            {"databaseVersion": "POSTGRES_15"},
            {"tier": "db-n1-standard-1"},
            "Invalid request: Only custom or shared-core instance Billing Tier type allowed for PostgreSQL database.",
        ),
        (
            {"databaseVersion": "POSTGRES_16"},
            {"tier": "db-g1-small"},
            PLUS_ONLY,
        ),
        (
            {},
            {"backupConfiguration": {"transactionLogRetentionDays": 14}},
            "Invalid request: The number of transaction log retention days must be between 1 and 7.",
        ),
        (
            {},
            {"databaseFlags": [{"name": "binlog_row_image", "value": "MINIMAL"}]},
            "Value requested is not valid. Failed to set binlog_row_image: MINIMAL was not an expected string.",
        ),
        ({}, {"databaseFlags": [{"name": "work_mem", "value": "64"}]}, "Flag requested cannot be set."),
        (
            {},
            {"connectionPoolConfig": {"connectionPoolingEnabled": True}},
            "Invalid request: Connection pool is only supported for Enterprise Plus edition..",
        ),
    ],
)
def test_what_no_instance_can_be(world: Any, more: dict[str, Any], settings: dict[str, Any], said: str) -> None:
    status, message, _ = refusal(world, "POST", BASE, {**wish(**settings), **more})
    assert (status, message) == (400, said)
    assert world.ask("GET", BASE)[1] == {"kind": "sql#instancesList"}


def test_a_settings_version_that_is_no_longer_current_is_refused(world: Any) -> None:
    """pulumi/pulumi#9414: 412 staleData. Another change in between makes the version stale."""
    made(world, wish())
    for version, expected in (("1", 200), ("1", 412), ("2", 200)):
        body = {"settings": {"settingsVersion": version, "userLabels": {"seen": version}}}
        status, answer = world.ask("PATCH", f"{BASE}/main", body)
        assert status == expected
        if expected == 412:
            entry = answer["error"]["errors"][0]
            assert (entry["message"], entry["reason"]) == ("Condition does not match.", "staleData")
            assert entry["location"] == "If-Match"
        world.pass_time(100)
    assert world.ask("GET", f"{BASE}/main")[1]["settings"]["settingsVersion"] == "3"


def test_an_engine_cannot_become_another_nor_an_older_one(world: Any) -> None:
    made(world, {**wish(), "databaseVersion": "POSTGRES_15"})
    for version in ("MYSQL_8_0", "POSTGRES_14"):
        assert world.ask("PATCH", f"{BASE}/main", {"databaseVersion": version})[0] == 400
    assert world.ask("PATCH", f"{BASE}/main", {"databaseVersion": "POSTGRES_16"})[0] == 200
    world.pass_time(100)
    found = world.ask("GET", f"{BASE}/main")[1]
    assert (found["databaseVersion"], found["databaseInstalledVersion"]) == ("POSTGRES_16", "POSTGRES_16_3")


def test_a_stopped_instance_still_says_runnable_but_takes_no_databases(world: Any) -> None:
    made(world, wish())
    world.ask("PATCH", f"{BASE}/main", {"settings": {"activationPolicy": "NEVER"}})
    world.pass_time(100)
    assert world.ask("GET", f"{BASE}/main")[1]["state"] == "RUNNABLE"
    status, message, _ = refusal(world, "POST", f"{BASE}/main/databases", {"name": "x"})
    assert (status, message) == (400, "Invalid request: Invalid request since instance is not running.")
    assert world.ask("PATCH", f"{BASE}/main", {"settings": {"activationPolicy": "ALWAYS"}})[0] == 200
    world.pass_time(100)
    assert world.ask("POST", f"{BASE}/main/databases", {"name": "x"})[0] == 200


def test_a_list_can_be_filtered(world: Any) -> None:
    for name, team in (("one", "a"), ("two", "b")):
        made(world, wish(name, userLabels={"team": team}))
    for text, names in (
        ("settings.userLabels.team:a", ["one"]),
        ("settings.userLabels.team=a OR name=two", ["one", "two"]),
        ("state:RUNNABLE -name:one", ["two"]),
        ("settings.storageAutoResize:true", ["one", "two"]),
        ("nothing:here", []),
    ):
        rows = world.ask("GET", BASE, filter=text)[1].get("items", [])
        assert [row["name"] for row in rows] == names, text
    assert world.ask("GET", BASE, filter="(((")[0] in (200, 400)


# --- replicas and clones ---------------------------------------------------------------------------------------


@pytest.fixture
def pair(world: Any) -> Any:
    made(world, wish(backupConfiguration=LOGGED))
    world.ask("POST", f"{BASE}/main/databases", {"name": "shop"})
    world.pass_time(10)
    return made(world, {**wish("copy"), "masterInstanceName": "main"})


def test_a_replica_and_its_primary_name_each_other(world: Any, pair: Any) -> None:
    assert (pair["instanceType"], pair["masterInstanceName"]) == ("READ_REPLICA_INSTANCE", f"{PROJECT}:main")
    assert pair["replicaConfiguration"]["kind"] == "sql#replicaConfiguration"
    primary = world.ask("GET", f"{BASE}/main")[1]
    assert (primary["replicaNames"], primary["settings"]["settingsVersion"]) == (["copy"], "2")
    assert world.ask("GET", f"{BASE}/copy/databases/shop")[1]["instance"] == "copy"


def test_a_primary_goes_after_its_replicas(world: Any, pair: Any) -> None:
    status, message, reason = refusal(world, "DELETE", f"{BASE}/main", None)
    assert (status, reason) == (400, "errorReplicationMasterInvalidOperation")
    assert message == "The requested operation is not valid for a replication master instance."
    world.ask("DELETE", f"{BASE}/copy")
    world.pass_time(100)
    assert "replicaNames" not in world.ask("GET", f"{BASE}/main")[1]
    assert world.ask("DELETE", f"{BASE}/main")[0] == 200


def test_a_replica_needs_a_primary_with_a_binary_log(world: Any) -> None:
    made(world, wish())
    assert world.ask("POST", BASE, {**wish("copy"), "masterInstanceName": "main"})[0] == 400
    assert world.ask("POST", BASE, {**wish("copy"), "masterInstanceName": "nobody"})[0] == 404


def test_a_replica_without_settings_takes_those_of_its_primary(world: Any) -> None:
    """Found by generated requests: an on-premises description needs no tier, and has no settings either."""
    made(world, wish(backupConfiguration=LOGGED))
    body = {"name": "copy", "masterInstanceName": "main", "onPremisesConfiguration": {"hostPort": "192.0.2.1:3306"}}
    assert world.ask("POST", BASE, body)[0] == 200


def test_making_a_replica_takes_the_primary_too(world: Any) -> None:
    made(world, wish(backupConfiguration=LOGGED))
    assert (
        world.ask("POST", BASE, {**wish("copy"), "masterInstanceName": "main"})[1]["operationType"] == "CREATE_REPLICA"
    )
    assert refusal(world, "POST", f"{BASE}/main/restart", None)[2] == "operationInProgress"


def test_a_promoted_replica_stands_alone(world: Any, pair: Any) -> None:
    assert world.ask("POST", f"{BASE}/copy/promoteReplica")[1]["operationType"] == "PROMOTE_REPLICA"
    world.pass_time(1000)
    found = world.ask("GET", f"{BASE}/copy")[1]
    assert (found["instanceType"], "masterInstanceName" in found) == ("CLOUD_SQL_INSTANCE", False)
    assert "replicaNames" not in world.ask("GET", f"{BASE}/main")[1]


def test_a_switchover_turns_the_pair_round(world: Any, pair: Any) -> None:
    world.ask("POST", f"{BASE}/copy/switchover")
    world.pass_time(1000)
    old, new = (world.ask("GET", f"{BASE}/{name}")[1] for name in ("main", "copy"))
    assert (old["instanceType"], old["masterInstanceName"]) == ("READ_REPLICA_INSTANCE", f"{PROJECT}:copy")
    assert (new["instanceType"], new["replicaNames"]) == ("CLOUD_SQL_INSTANCE", ["main"])


def test_a_failover_goes_to_the_other_zone_and_only_where_there_is_one(world: Any) -> None:
    made(world, wish("zonal"))
    assert world.ask("POST", f"{BASE}/zonal/failover", {})[0] == 400
    before = made(world, wish("regional", availabilityType="REGIONAL", backupConfiguration=LOGGED))
    assert world.ask("POST", f"{BASE}/regional/failover", {"failoverContext": {"settingsVersion": "1"}})[0] == 200
    world.pass_time(1000)
    after = world.ask("GET", f"{BASE}/regional")[1]
    assert (after["gceZone"], after["secondaryGceZone"]) == (before["secondaryGceZone"], before["gceZone"])


def test_a_clone_has_the_settings_databases_and_users_of_its_source(world: Any) -> None:
    source = made(world, wish(userLabels={"a": "b"}, databaseFlags=[{"name": "wait_timeout", "value": "60"}]))
    for collection, name in (("databases", "shop"), ("users", "app")):
        world.ask("POST", f"{BASE}/main/{collection}", {"name": name})
        world.pass_time(10)
    operation = world.ask("POST", f"{BASE}/main/clone", {"cloneContext": {"destinationInstanceName": "twin"}})[1]
    assert (operation["operationType"], operation["targetId"]) == ("CLONE", "twin")
    assert ended(world, operation)["status"] == "DONE"
    twin = world.ask("GET", f"{BASE}/twin")[1]
    assert twin["settings"]["databaseFlags"] == source["settings"]["databaseFlags"]
    assert (twin["connectionName"], twin["ipAddresses"] == source["ipAddresses"]) == (
        f"{PROJECT}:us-central1:twin",
        False,
    )
    assert world.ask("GET", f"{BASE}/twin/databases/shop")[1]["instance"] == "twin"
    assert {row["name"] for row in world.ask("GET", f"{BASE}/twin/users")[1]["items"]} == {"root", "app"}


def test_a_clone_of_a_point_in_time_needs_recovery_switched_on_before_it(world: Any) -> None:
    made(world, wish())
    context = {"destinationInstanceName": "twin", "pointInTime": "2027-01-15T08:30:00Z"}
    assert world.ask("POST", f"{BASE}/main/clone", {"cloneContext": context})[0] == 400
    world.ask("PATCH", f"{BASE}/main", {"settings": {"backupConfiguration": LOGGED}})
    world.pass_time(7200)
    window = world.ask("GET", f"{BASE}/main/getLatestRecoveryTime")[1]
    early = {**context, "pointInTime": "2020-01-01T00:00:00Z"}
    assert world.ask("POST", f"{BASE}/main/clone", {"cloneContext": early})[0] == 400
    inside = {**context, "pointInTime": window["earliestRecoveryTime"]}
    assert world.ask("POST", f"{BASE}/main/clone", {"cloneContext": inside})[0] == 200


# --- private addresses -----------------------------------------------------------------------------------------

COMPUTE = f"/compute/compute/v1/projects/{PROJECT}/global"
CONNECTIONS = "/servicenetworking/v1/services/servicenetworking.googleapis.com/connections"
NETWORK = f"projects/{PROJECT}/global/networks/vpc"


@pytest.fixture
def vpc(world: Any) -> None:
    world.ask("POST", f"{COMPUTE}/networks", {"name": "vpc", "autoCreateSubnetworks": False})
    world.pass_time(60)
    for name, address in (("reserved", "10.77.0.0"), ("other", "10.78.0.0")):
        body = {
            "name": name, "addressType": "INTERNAL", "purpose": "VPC_PEERING", "address": address, "prefixLength": 16,
            "network": NETWORK,
        }  # fmt: skip
        world.ask("POST", f"{COMPUTE}/addresses", body)
        world.pass_time(60)


def connect(world: Any, *ranges: str) -> Any:
    status, operation = world.ask("POST", CONNECTIONS, {"network": NETWORK, "reservedPeeringRanges": list(ranges)})
    assert status == 200, operation
    world.pass_time(200)
    return world.ask("GET", f"/servicenetworking/v1/{operation['name']}")[1]


PRIVATE = {"ipv4Enabled": False, "privateNetwork": f"https://www.googleapis.com/compute/v1/{NETWORK}"}


def test_without_a_peering_the_operation_fails(world: Any, vpc: None) -> None:
    operation = world.ask("POST", BASE, wish(ipConfiguration=PRIVATE))[1]
    error = ended(world, operation)["error"]["errors"][0]
    said = f"Incorrect Service Networking config for instance: {PROJECT}:main:NETWORK_NOT_PEERED."
    assert (error["code"], error["message"]) == ("NETWORK_NOT_PEERED", said)
    assert world.ask("GET", f"{BASE}/main")[1]["state"] == "FAILED"
    assert world.ask("DELETE", f"{BASE}/main")[0] == 200


def test_with_a_peering_the_address_is_from_the_reserved_range(world: Any, vpc: None) -> None:
    assert connect(world, "reserved")["response"]["peering"] == "servicenetworking-googleapis-com"
    found = made(world, wish(ipConfiguration=PRIVATE))
    assert found["settings"]["ipConfiguration"]["privateNetwork"] == NETWORK
    (address,) = found["ipAddresses"]
    assert (address["type"], address["ipAddress"].startswith("10.77.")) == ("PRIVATE", True)


def test_connections_are_made_once_changed_by_patch_and_kept_while_used(world: Any, vpc: None) -> None:
    assert world.ask("GET", CONNECTIONS, network=NETWORK)[1] == {}
    connect(world, "reserved")
    assert world.ask("GET", f"{COMPUTE}/networks/vpc")[1]["peerings"][0]["state"] == "ACTIVE"
    assert connect(world, "other")["error"]["message"].startswith("Cannot modify allocated ranges")
    body = {"network": NETWORK, "reservedPeeringRanges": ["reserved", "other"]}
    world.ask("PATCH", f"{CONNECTIONS}/-", body, updateMask="reservedPeeringRanges")
    world.pass_time(100)
    (row,) = world.ask("GET", CONNECTIONS, network=NETWORK)[1]["connections"]
    assert row["reservedPeeringRanges"] == ["reserved", "other"]
    made(world, wish(ipConfiguration=PRIVATE))
    path, gone = f"{CONNECTIONS}/servicenetworking-googleapis-com", {"consumerNetwork": NETWORK}
    operation = world.ask("POST", path, gone)[1]
    world.pass_time(100)
    error = world.ask("GET", f"/servicenetworking/v1/{operation['name']}")[1]["error"]
    assert (error["code"], "still using this connection" in error["message"]) == (9, True)
    world.ask("DELETE", f"{BASE}/main")
    world.pass_time(100)
    world.ask("POST", path, gone)
    world.pass_time(100)
    assert world.ask("GET", CONNECTIONS, network=NETWORK)[1] == {}


def test_a_connection_needs_a_network_and_a_range_that_are_there(world: Any, vpc: None) -> None:
    absent = {"network": NETWORK.replace("vpc", "none"), "reservedPeeringRanges": ["reserved"]}
    assert world.ask("POST", CONNECTIONS, absent)[0] == 404
    assert world.ask("POST", CONNECTIONS, {"network": NETWORK, "reservedPeeringRanges": ["none"]})[0] == 404
    assert world.ask("POST", CONNECTIONS, {"network": "vpc", "reservedPeeringRanges": ["reserved"]})[0] == 400


def test_a_network_is_validated_before_anybody_asks_for_an_address(world: Any, vpc: None) -> None:
    path = "/servicenetworking/v1/services/servicenetworking.googleapis.com"
    for network, error in ((NETWORK.replace("vpc", "none"), "NETWORK_NOT_FOUND"), (NETWORK, "NETWORK_NOT_PEERED")):
        body = {"consumerNetwork": network, "validateNetwork": True}
        assert world.ask("POST", f"{path}:validate", body)[1] == {"isValid": False, "validationError": error}
    connect(world, "reserved")
    assert world.ask("POST", f"{path}:validate", {"consumerNetwork": NETWORK})[1] == {"isValid": True}
    world.ask("PATCH", f"{path}:enableVpcServiceControls", {"consumerNetwork": NETWORK})
    world.pass_time(100)
    assert world.ask("GET", f"{path}/{NETWORK}/vpcServiceControls")[1] == {"enabled": True}
    world.ask("POST", f"{COMPUTE}/networks/vpc/removePeering", {"name": "servicenetworking-googleapis-com"})
    world.pass_time(100)
    assert world.ask("GET", CONNECTIONS, network=NETWORK)[1] == {}
    answer = world.ask("POST", f"{path}:validate", {"consumerNetwork": NETWORK})[1]
    assert answer["validationError"] == "NETWORK_PEERING_DELETED"
