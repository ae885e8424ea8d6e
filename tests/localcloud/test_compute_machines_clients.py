"""Machines by clients that no one here wrote: gcloud makes disks, an instance, and a group in two zones that rolls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.gcloud import GcloudError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ZONE = "--zone=europe-west1-b"
REGION = "--region=europe-west1"
IMAGE = ("--image-family=debian-12", "--image-project=debian-cloud")


def test_gcloud_makes_a_disk_a_snapshot_and_a_machine(gcloud: Any) -> None:
    gcloud("compute", "disks", "create", "data", "--size=20GB", "--type=pd-balanced", ZONE)
    gcloud("compute", "disks", "resize", "data", "--size=30GB", ZONE)
    assert gcloud("compute", "disks", "describe", "data", ZONE)["sizeGb"] == "30"
    with pytest.raises(GcloudError, match="must be larger than existing size '30' GiB"):
        gcloud("compute", "disks", "resize", "data", "--size=25GB", ZONE)
    gcloud("compute", "snapshots", "create", "shot", "--source-disk=data", "--source-disk-zone=europe-west1-b")
    gcloud("compute", "instances", "create", "vm", "--machine-type=e2-small", *IMAGE, ZONE)
    gcloud("compute", "instances", "attach-disk", "vm", "--disk=data", ZONE)
    gcloud("compute", "instances", "add-metadata", "vm", "--metadata=a=b", ZONE)
    vm = gcloud("compute", "instances", "describe", "vm", ZONE)
    assert (vm["status"], len(vm["disks"]), vm["metadata"]["items"]) == ("RUNNING", 2, [{"key": "a", "value": "b"}])
    with pytest.raises(GcloudError, match=r"The disk resource .* is already being used by .*/instances/vm"):
        gcloud("compute", "disks", "delete", "data", ZONE)
    gcloud("compute", "instances", "delete", "vm", ZONE)
    assert [disk["name"] for disk in gcloud("compute", "disks", "list")] == ["data"]


def test_gcloud_rolls_out_a_group_in_two_zones(gcloud: Any) -> None:
    for name, kind in (("one", "e2-small"), ("two", "e2-medium")):
        gcloud("compute", "instance-templates", "create", name, f"--machine-type={kind}", *IMAGE)
    group = ("compute", "instance-groups", "managed")
    zones = "--zones=europe-west1-b,europe-west1-c"
    gcloud(*group, "create", "proxysql", "--template=one", "--size=2", REGION, zones)
    gcloud(*group, "wait-until", "proxysql", "--stable", REGION)
    update = ("--version=template=two", "--max-surge=2", "--max-unavailable=0")
    gcloud(*group, "rolling-action", "start-update", "proxysql", REGION, *update)
    gcloud(*group, "wait-until", "proxysql", "--version-target-reached", REGION)
    members = gcloud(*group, "list-instances", "proxysql", REGION)
    assert {member["version"]["instanceTemplate"].rsplit("/", 1)[1] for member in members} == {"two"}
    assert {member["instance"].split("/zones/")[1][:14] for member in members} == {"europe-west1-b", "europe-west1-c"}
    gcloud(*group, "resize", "proxysql", "--size=4", REGION)
    gcloud(*group, "wait-until", "proxysql", "--stable", REGION)
    assert len(gcloud("compute", "instances", "list")) == 4
    with pytest.raises(GcloudError, match=r"The instance_template resource .* is already being used by"):
        gcloud("compute", "instance-templates", "delete", "two")
    gcloud(*group, "delete", "proxysql", REGION)
    assert gcloud("compute", "instances", "list") == []
