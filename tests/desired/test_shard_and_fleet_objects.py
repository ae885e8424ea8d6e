"""The fleet's own objects and a shard's, in the shapes that the other rooms agree on."""

from typing import Any

from reconciler.desired.compile import compile_fleet
from reconciler.desired.shard import address_path
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address
from reconciler.model.resource import Desired, Ref, Resource
from tests.desired.fleets import edited, fleet_of

SHARD_FILE = "shards/eu-001/shard.yaml"


def shard_with(**spec: Any) -> Desired:
    return compile_fleet(fleet_of(edited(SHARD_FILE, lambda d: d["spec"].update(spec))))


def of(desired: Desired, address: str) -> Resource:
    return desired.resources[Address.parse(address)]


def test_folders_stand_under_the_organisation_or_the_parent_that_is_written(sample: Fleet) -> None:
    folder = of(compile_fleet(sample), "fleet/folder/shards")
    assert folder.name == "organizations/111111111111/AIPress shards"
    assert (folder.parent, folder.owner, folder.shard) == ("organizations/111111111111", "fleet001", "")
    assert folder.body == {"displayName": "AIPress shards", "parent": "organizations/111111111111"}
    moved = fleet_of(edited("fleet.yaml", lambda d: d["spec"].update(parent="folders/222222222222")))
    assert of(compile_fleet(moved), "fleet/folder/shards").parent == "folders/222222222222"


def test_a_shards_project_stands_in_its_folder_and_proves_whose_it_is(sample: Fleet) -> None:
    project = of(compile_fleet(sample), "shard/eu-001/project/main")
    assert Ref.from_body(project.body["parent"]) == Ref(Address.parse("fleet/folder/shards"), "name")
    assert project.body["labels"] == {
        "aipress-fleet": "demo", "aipress-owner": "shard001", "aipress-shard": "eu-001", "managed-by": "aipress",
    }  # fmt: skip
    assert (project.name, project.parent) == (
        "projects/aipress-shard-eu-001",
        "organizations/111111111111/AIPress shards",
    )


def test_a_display_name_is_made_fit_for_a_project() -> None:
    files = edited(SHARD_FILE, lambda d: d["metadata"].update(displayName="Europe/West — the very first of our shards"))
    project = of(compile_fleet(fleet_of(files)), "shard/eu-001/project/main")
    assert project.body["displayName"] == "Europe West the very first of"
    files = edited(SHARD_FILE, lambda d: d["metadata"].update(displayName="EU"))
    assert of(compile_fleet(fleet_of(files)), "shard/eu-001/project/main").body["displayName"] == "AIPress EU"


def test_written_apis_are_added_once_and_point_at_their_line() -> None:
    desired = shard_with(services=["redis.googleapis.com", "run.googleapis.com"])
    redis = of(desired, "shard/eu-001/project.service/redis.googleapis.com")
    assert (redis.name, redis.body) == (
        "projects/aipress-shard-eu-001/services/redis.googleapis.com", {"state": "ENABLED"},
    )  # fmt: skip
    assert redis.origin("state").startswith(f"{SHARD_FILE}:") and redis.origin("state") != redis.source
    apis = [a for a in desired.resources if a.kind == "project.service" and a.target.name == "eu-001"]
    assert 10 < len(apis) <= 20


def test_the_build_account_may_write_images_and_logs_and_nothing_else(sample: Fleet) -> None:
    desired = compile_fleet(sample)
    account = of(desired, "shard/eu-001/iam.service-account/build")
    assert "aipress-owner=shard001" in account.body["description"]
    member = "serviceAccount:build-shard001@aipress-shard-eu-001.iam.gserviceaccount.com"
    assert roles_of(desired, member) == {
        ("shard/eu-001/project.iam/main", "roles/logging.logWriter"),
        ("shard/eu-001/artifact.repository.iam/tenants", "roles/artifactregistry.writer"),
    }


def roles_of(desired: Desired, member: str) -> set[tuple[str, str]]:
    return {
        (str(address), binding["role"])
        for address, resource in desired.resources.items()
        for binding in resource.body.get("bindings", ())
        if member in binding["members"]
    }


def test_the_instance_carries_every_written_setting_and_the_line_of_it() -> None:
    sql = {
        "tier": "db-custom-4-16384", "version": "MYSQL_8_4", "diskGb": 250, "availability": "REGIONAL",
        "flags": {"slow_query_log": "on", "max_connections": "2000"}, "deletionProtection": False,
        "backups": {"enabled": True, "startTime": "03:00", "retained": 14, "logDays": 3},
    }  # fmt: skip
    instance = of(shard_with(sql=sql), "shard/eu-001/sql.instance/main")
    settings = instance.body["settings"]
    assert instance.name == "projects/aipress-shard-eu-001/instances/eu-001-sql-shard001"
    assert (instance.body["databaseVersion"], instance.body["region"]) == ("MYSQL_8_4", "europe-west1")
    assert (settings["tier"], settings["dataDiskSizeGb"], settings["availabilityType"]) == (
        "db-custom-4-16384", "250", "REGIONAL",
    )  # fmt: skip
    assert settings["databaseFlags"] == [
        {"name": "cloudsql_iam_authentication", "value": "on"},
        {"name": "max_connections", "value": "2000"}, {"name": "slow_query_log", "value": "on"},
    ]  # fmt: skip
    assert settings["deletionProtectionEnabled"] is False
    assert settings["backupConfiguration"] == {
        "enabled": True, "binaryLogEnabled": True, "startTime": "03:00", "transactionLogRetentionDays": 3,
        "backupRetentionSettings": {"retentionUnit": "COUNT", "retainedBackups": 14},
    }  # fmt: skip
    lines = {
        instance.origin(f"settings.{p}") for p in ("tier", "dataDiskSizeGb", "databaseFlags[slow_query_log].value")
    }
    assert len(lines) == 3 and all(line.startswith(f"{SHARD_FILE}:") for line in lines)


def test_a_site_finds_its_instance_by_the_type_of_the_address(sample: Fleet) -> None:
    """The one that the instance's own settings ask for, and never the one that stands first."""
    site = of(compile_fleet(sample), "tenant/acme-bakery/run.service/production")
    host = next(row for row in site.body["template"]["containers"][0]["env"] if row["name"] == "WORDPRESS_DB_HOST")
    told = Ref.from_body(host["value"])
    assert told == Ref(Address.parse("shard/eu-001/sql.instance/main"), "ipAddresses[PRIMARY].ipAddress")
    assert of(compile_fleet(sample), str(told.resource)).body["settings"]["ipConfiguration"]["ipv4Enabled"] is True
    assert address_path({"ipv4Enabled": True, "privateNetwork": "n"}) == "ipAddresses[PRIVATE].ipAddress"


def test_the_media_bucket_is_private_and_named_as_shard_yaml_says() -> None:
    desired = shard_with(bucket={"name": "acme-media-eu", "location": "EU", "softDeleteDays": 7, "versioning": False})
    bucket = of(desired, "shard/eu-001/storage.bucket/media")
    assert (bucket.name, bucket.body["location"]) == ("buckets/acme-media-eu", "EU")
    assert bucket.body["softDeletePolicy"] == {"retentionDurationSeconds": str(7 * 86400)}
    assert bucket.body["versioning"] == {"enabled": False}
    assert bucket.body["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    usual = of(shard_with(), "shard/eu-001/storage.bucket/media")
    assert (usual.name, usual.body["location"]) == ("buckets/aipress-shard-eu-001-media", "EUROPE-WEST1")


def test_written_labels_go_on_what_takes_labels_and_cannot_replace_ours() -> None:
    labels = {"team": "core", "aipress-owner": "somebody", "managed-by": "hand"}
    desired = compile_fleet(fleet_of(edited(SHARD_FILE, lambda d: d["metadata"].update(labels=labels))))
    for address in ("project/main", "artifact.repository/tenants", "storage.bucket/media"):
        shown = of(desired, f"shard/eu-001/{address}").body["labels"]
        assert (shown["team"], shown["aipress-owner"], shown["managed-by"]) == ("core", "shard001", "aipress")
    assert of(desired, "shard/eu-001/sql.instance/main").body["settings"]["userLabels"]["team"] == "core"


def test_the_control_project_has_its_account_and_its_state_bucket(sample: Fleet) -> None:
    desired = compile_fleet(sample)
    assert of(desired, "fleet/project/control").body["projectId"] == "aipress-control-demo"
    assert of(desired, "fleet/iam.service-account/reconciler").name.endswith(
        "/serviceAccounts/reconciler-fleet001@aipress-control-demo.iam.gserviceaccount.com"
    )
    assert of(desired, "fleet/storage.bucket/state").name == "buckets/aipress-control-demo-state-fleet001"
    assert of(desired, "fleet/project.billing/control").body == {
        "billingAccountName": "billingAccounts/000000-AAAAAA-BBBBBB"
    }
