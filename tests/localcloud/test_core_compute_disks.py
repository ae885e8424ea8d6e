"""Disks, snapshots, images (public ones too), resource policies, machine types and reserved capacity."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.localcloud import projects
from reconciler.localcloud.services.compute import catalogue, public_images
from reconciler.localcloud.services.compute.facts.capacity import later
from tests.localcloud.machines import GOOGLE, REGION, V1, ZONE, P, make, refusal

DEBIAN = f"{GOOGLE}/debian-cloud/global/images/debian-12-bookworm-v20231010"


def test_a_disk_without_anything_is_a_standard_disk_of_500_gigabytes(world: Any) -> None:
    disk = make(world, f"{ZONE}/disks", {"name": "plain"})
    assert (disk["sizeGb"], disk["status"], disk["physicalBlockSizeBytes"]) == ("500", "READY", "4096")
    assert disk["type"] == f"{GOOGLE}/acme-eu-001/zones/europe-west1-b/diskTypes/pd-standard"
    fast = make(world, f"{ZONE}/disks", {"name": "fast", "type": "zones/europe-west1-b/diskTypes/pd-ssd"})
    assert fast["sizeGb"] == "100"


@pytest.mark.parametrize(
    "image",
    [
        "projects/debian-cloud/global/images/family/debian-12",
        f"{GOOGLE}/debian-cloud/global/images/family/debian-12",
        "debian-cloud/debian-12",
        "http://127.0.0.1:8085/compute/compute/v1/projects/debian-cloud/zones/-/imageFamilyViews/debian-12",
        "projects/debian-cloud/global/images/debian-12-bookworm-v20231010",
    ],
)
def test_a_disk_of_a_public_image_has_its_size_and_licences(world: Any, image: str) -> None:
    disk = make(world, f"{ZONE}/disks", {"name": "boot", "sourceImage": image})
    assert (disk["sourceImage"], disk["sizeGb"]) == (DEBIAN, "10")
    assert disk["licenses"] == [f"{GOOGLE}/debian-cloud/global/licenses/debian-12-bookworm"]
    assert disk["sourceImageId"] == world.ask("GET", DEBIAN.replace(GOOGLE, f"{V1}/projects"))[1]["id"]


def test_what_a_disk_is_refused_for(world: Any) -> None:
    small = {"name": "small", "sourceImage": "debian-cloud/debian-12", "sizeGb": "5"}
    said = "Requested disk size cannot be smaller than the image size (10 GB)"
    assert refusal(world, "POST", f"{ZONE}/disks", small) == (
        400, f"Invalid value for field 'resource.sizeGb': '5'. {said}",
    )  # fmt: skip
    status, said = refusal(world, "POST", f"{ZONE}/disks", {"name": "none", "sourceImage": "global/images/none"})
    assert status == 400
    assert said == (
        f"Invalid value for field 'resource.sourceImage': '{GOOGLE}/acme-eu-001/global/images/none'. "
        "The referenced image resource cannot be found."
    )
    assert (
        refusal(world, "POST", f"{REGION}/disks", {"name": "one", "replicaZones": ["zones/europe-west1-b"]})[0] == 400
    )
    assert world.ask("GET", f"{ZONE}/disks")[1].get("items") is None


def test_a_disk_only_grows(world: Any) -> None:
    make(world, f"{ZONE}/disks", {"name": "d", "sizeGb": "20"})
    assert refusal(world, "POST", f"{ZONE}/disks/d/resize", {"sizeGb": "10"}) == (
        400,
        "Invalid value for field 'sizeGb': '10'. New disk size '10' GiB must be larger than existing size '20' GiB.",
    )
    assert world.ask("POST", f"{ZONE}/disks/d/resize", {"sizeGb": "30"})[1]["operationType"] == "resize"
    assert world.ask("GET", f"{ZONE}/disks/d")[1]["sizeGb"] == "30"


def test_a_customers_key_is_never_shown_again(world: Any) -> None:
    raw = "SGVsbG8gZnJvbSBHb29nbGUgQ2xvdWQgUGxhdGZvcm0="
    disk = make(world, f"{ZONE}/disks", {"name": "secret", "diskEncryptionKey": {"rawKey": raw}})
    assert disk["diskEncryptionKey"] == {"sha256": "esTuF7d4eatX4cnc4JsiEiaI+Rff78JgPhA/v1zxX9E="}
    assert raw.encode() not in b"".join(value for _, value in world.rows.scan("", "\U0010ffff", 10_000))


def test_from_disk_to_snapshot_to_regional_disk_to_image(world: Any) -> None:
    disk = make(world, f"{ZONE}/disks", {"name": "d", "sizeGb": "50"})
    operation = world.ask("POST", f"{ZONE}/disks/d/createSnapshot", {"name": "s", "labels": {"a": "b"}})[1]
    assert (operation["operationType"], operation["targetLink"]) == ("createSnapshot", disk["selfLink"])
    snapshot = world.ask("GET", f"{P}/global/snapshots/s")[1]
    assert (snapshot["diskSizeGb"], snapshot["sourceDisk"], snapshot["sourceDiskId"]) == (
        "50", disk["selfLink"], disk["id"],
    )  # fmt: skip
    assert (snapshot["status"], snapshot["storageLocations"]) == ("READY", ["eu"])
    zones = ["zones/europe-west1-b", "zones/europe-west1-c"]
    copy = make(world, f"{REGION}/disks", {"name": "r", "replicaZones": zones, "sourceSnapshot": "global/snapshots/s"})
    assert (copy["sizeGb"], copy["sourceSnapshotId"]) == ("50", snapshot["id"])
    assert copy["replicaZones"] == [f"{GOOGLE}/acme-eu-001/{zone}" for zone in zones]
    first = make(world, f"{P}/global/images", {"name": "i1", "family": "f", "sourceDisk": disk["selfLink"]})
    assert (first["diskSizeGb"], first["sourceType"], first["storageLocations"]) == ("50", "RAW", ["eu"])
    world.pass_time(5)
    make(world, f"{P}/global/images", {"name": "i2", "family": "f", "sourceSnapshot": "global/snapshots/s"})
    assert world.ask("GET", f"{P}/global/images/family/f")[1]["name"] == "i2"
    world.ask("POST", f"{P}/global/images/i2/deprecate", {"state": "DEPRECATED"})
    assert world.ask("GET", f"{P}/global/images/family/f")[1]["name"] == "i1"


def test_public_images_are_read_by_everyone_and_changed_by_nobody(world: Any) -> None:
    assert set(projects.IMAGE_PROJECTS) == set(public_images.PROJECTS)
    family = world.ask("GET", f"{V1}/projects/debian-cloud/global/images/family/debian-11")[1]
    assert (family["name"], family["family"]) == ("debian-11-bullseye-v20231010", "debian-11")
    path = f"{V1}/projects/debian-cloud/global/images"
    assert refusal(world, "GET", f"{path}/debian-11") == (
        404, "The resource 'projects/debian-cloud/global/images/debian-11' was not found",
    )  # fmt: skip
    assert {row["family"] for row in world.ask("GET", path)[1]["items"]} >= {"debian-11", "debian-12"}
    assert refusal(world, "POST", path, {"name": "mine"})[0] == 403
    assert refusal(world, "DELETE", f"{path}/debian-11-bullseye-v20231010")[0] == 403


def test_policies_are_attached_once_and_must_exist(world: Any) -> None:
    disk = make(world, f"{ZONE}/disks", {"name": "d"})
    schedule = {"schedule": {"dailySchedule": {"daysInCycle": 1, "startTime": "04:00"}}}
    policy = make(world, f"{REGION}/resourcePolicies", {"name": "daily", "snapshotSchedulePolicy": schedule})
    assert policy["snapshotSchedulePolicy"]["schedule"]["dailySchedule"]["duration"] == "PT14400S"
    named = {"resourcePolicies": ["projects/acme-eu-001/regions/europe-west1/resourcePolicies/daily"]}
    for _ in range(2):
        assert world.ask("POST", f"{ZONE}/disks/d/addResourcePolicies", named)[0] == 200
    assert world.ask("GET", f"{ZONE}/disks/d")[1]["resourcePolicies"] == [policy["selfLink"]]
    assert refusal(world, "DELETE", f"{REGION}/resourcePolicies/daily")[0] == 400
    absent = {"resourcePolicies": ["projects/acme-eu-001/regions/europe-west1/resourcePolicies/none"]}
    assert refusal(world, "POST", f"{ZONE}/disks/d/addResourcePolicies", absent) == (
        404, "The resource 'projects/acme-eu-001/regions/europe-west1/resourcePolicies/none' was not found",
    )  # fmt: skip
    world.ask("POST", f"{ZONE}/disks/d/removeResourcePolicies", named)
    detached = world.ask("GET", f"{ZONE}/disks/d")[1]
    assert "resourcePolicies" not in detached
    assert detached["id"] == disk["id"]
    assert world.ask("DELETE", f"{REGION}/resourcePolicies/daily")[0] == 200


def test_machine_types_follow_their_names(world: Any) -> None:
    found = world.ask("GET", f"{ZONE}/machineTypes/n1-standard-4")[1]
    assert (found["guestCpus"], found["memoryMb"], found["zone"]) == (4, 15360, "europe-west1-b")
    assert catalogue.machine_type("n2-custom-6-20480") == (6, 20480)
    assert refusal(world, "GET", f"{ZONE}/machineTypes/n1-standard-5")[0] == 404
    assert refusal(world, "GET", f"{P}/zones/mars-a/machineTypes/n1-standard-4")[0] == 400
    small = world.ask("GET", f"{ZONE}/machineTypes", filter="guestCpus = 1")[1]["items"]
    assert {row["guestCpus"] for row in small} == {1}
    pages, token, names = 0, "", []
    while pages == 0 or token:
        answer = world.ask("GET", f"{ZONE}/machineTypes", maxResults=100, **({"pageToken": token} if token else {}))[1]
        names += [row["name"] for row in answer["items"]]
        token, pages = answer.get("nextPageToken", ""), pages + 1
    assert names == list(catalogue.machine_types())
    assert (
        world.ask("GET", f"{REGION}/diskTypes")[1]["items"][0]["region"] == f"{GOOGLE}/acme-eu-001/regions/europe-west1"
    )
    assert refusal(world, "GET", f"{REGION}/diskTypes/local-ssd")[0] == 404
    assert world.ask("GET", f"{ZONE}/acceleratorTypes/nvidia-l4")[1]["maximumCardsPerInstance"] == 8


def test_a_reservation_counts_and_is_shared_by_project_number(world: Any) -> None:
    number = world.project("acme-eu-002")
    body = {
        "name": "r",
        "shareSettings": {"shareType": "SPECIFIC_PROJECTS", "projectMap": {"acme-eu-002": {}}},
        "specificReservation": {"count": 2, "instanceProperties": {"machineType": "n1-standard-1"}},
    }
    stored = make(world, f"{ZONE}/reservations", body)
    held = stored["specificReservation"]
    assert (held["count"], held["assuredCount"], held["inUseCount"]) == ("2", "2", "0")
    assert stored["specificReservationRequired"] is False
    assert stored["shareSettings"]["projectMap"] == {number: {"projectId": number}}
    world.ask("POST", f"{ZONE}/reservations/r/resize", {"specificSkuCount": "5"})
    assert world.ask("GET", f"{ZONE}/reservations/r")[1]["specificReservation"]["assuredCount"] == "5"
    third = world.project("acme-eu-003")
    more = {"name": "r", "shareSettings": {"projectMap": {"acme-eu-003": {"projectId": "acme-eu-003"}}}}
    operation = world.ask("PATCH", f"{ZONE}/reservations/r", more, paths="shareSettings.projectMap.acme-eu-003")[1]
    assert operation["operationType"] == "compute.allocations.update"
    assert world.ask("GET", f"{ZONE}/reservations/r")[1]["shareSettings"]["projects"] == [number, third]
    world.ask("PATCH", f"{ZONE}/reservations/r", {"name": "r"}, paths=f"shareSettings.projectMap.{number}")
    assert world.ask("GET", f"{ZONE}/reservations/r")[1]["shareSettings"]["projects"] == [third]
    assert refusal(world, "POST", f"{ZONE}/reservations", {"name": "empty"})[0] == 400


def test_a_future_reservation_ends_after_its_duration(world: Any) -> None:
    body = {
        "name": "f", "autoDeleteAutoCreatedReservations": True, "autoCreatedReservationsDuration": {"seconds": "60"},
        "specificSkuProperties": {"instanceProperties": {"machineType": "n1-standard-1"}, "totalCount": "1"},
        "timeWindow": {"startTime": "2027-11-10T00:00:00Z", "duration": {"seconds": "86400", "nanos": 101}},
    }  # fmt: skip
    stored = make(world, f"{ZONE}/futureReservations", body)
    assert stored["timeWindow"] == {
        "startTime": "2027-11-10T00:00:00Z", "endTime": "2027-11-11T00:00:00.000000101Z",
    }  # fmt: skip
    assert stored["autoCreatedReservationsDeleteTime"] == "2027-11-10T00:01:00Z"
    assert (stored["planningStatus"], stored["status"]["procurementStatus"]) == ("DRAFT", "DRAFTING")
    assert "description" not in stored
    longer = {"name": "f", "timeWindow": {"startTime": "2027-11-10T00:00:00Z", "duration": {"seconds": "1"}}}
    world.ask("PATCH", f"{ZONE}/futureReservations/f", longer, updateMask="time_window.duration")
    changed = world.ask("GET", f"{ZONE}/futureReservations/f")[1]
    assert changed["timeWindow"]["endTime"] == "2027-11-10T00:00:01Z"
    assert changed["description"] == ""
    for auto, until in ((False, None), (True, "2027-11-10T00:00:01Z")):
        change = {"name": "f", "autoDeleteAutoCreatedReservations": auto}
        mask = "auto_delete_auto_created_reservations"
        assert world.ask("PATCH", f"{ZONE}/futureReservations/f", change, updateMask=mask)[0] == 200
        found = world.ask("GET", f"{ZONE}/futureReservations/f")[1]
        assert found.get("autoCreatedReservationsDeleteTime") == until
    world.ask("POST", f"{ZONE}/futureReservations/f/cancel")
    assert world.ask("GET", f"{ZONE}/futureReservations/f")[1]["status"]["procurementStatus"] == "CANCELLED"


def test_times_are_added_to_the_nanosecond() -> None:
    assert later("2027-01-01T00:00:00.9Z", {"nanos": 100_000_000}) == "2027-01-01T00:00:01Z"
    assert later("2027-01-01T01:00:00+01:00", {"seconds": "1", "nanos": 5_000_000}) == "2027-01-01T00:00:01.005Z"


def test_a_node_group_has_the_nodes_it_was_asked_for(world: Any) -> None:
    template = {"name": "t", "nodeType": "n1-node-96-624"}
    assert make(world, f"{REGION}/nodeTemplates", template)["serverBinding"] == {"type": "RESTART_NODE_ON_ANY_SERVER"}
    body = {"name": "g", "nodeTemplate": "regions/europe-west1/nodeTemplates/t"}
    operation = world.ask("POST", f"{ZONE}/nodeGroups", body, initialNodeCount=2)[1]
    assert operation["operationType"] == "compute.nodeGroups.insert"
    nodes = world.ask("POST", f"{ZONE}/nodeGroups/g/listNodes")[1]["items"]
    assert [node["nodeType"] for node in nodes] == ["n1-node-96-624"] * 2
    world.ask("POST", f"{ZONE}/nodeGroups/g/addNodes", {"additionalNodeCount": 1})
    world.ask("POST", f"{ZONE}/nodeGroups/g/deleteNodes", {"nodes": [nodes[0]["name"], nodes[1]["name"]]})
    assert world.ask("GET", f"{ZONE}/nodeGroups/g")[1]["size"] == 1
    assert refusal(world, "DELETE", f"{REGION}/nodeTemplates/t")[0] == 400
