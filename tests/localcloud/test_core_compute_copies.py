"""Copies of machines and disks, pools, commitments, resize requests, and the rarer verbs of instances."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.localcloud.generated import api_of, shot
from tests.localcloud.machines import LINK, REGION, ZONE, P, make, refusal

_MACHINES = frozenset({
    "instances", "disks", "regionDisks", "snapshots", "images", "instanceTemplates", "instanceGroups",
    "instanceGroupManagers", "regionInstanceGroupManagers", "autoscalers", "regionAutoscalers", "reservations",
    "futureReservations", "resourcePolicies", "nodeGroups", "machineImages", "machineTypes",
})  # fmt: skip


@pytest.fixture
def vm(world: Any) -> Any:
    """A world with an instance `vm` in the default network, on a disk of the same name."""
    disk = {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": "debian-cloud/debian-12"}}
    body = {
        "name": "vm", "machineType": "e2-small", "disks": [disk], "labels": {"a": "b"},
        "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{}]}],
    }  # fmt: skip
    make(world, f"{ZONE}/instances", body)
    return world


def test_a_machine_image_makes_the_machine_again(vm: Any) -> None:
    image = make(vm, f"{P}/global/machineImages", {"name": "mi", "sourceInstance": "zones/europe-west1-b/instances/vm"})
    assert (image["status"], image["storageLocations"]) == ("READY", ["eu"])
    assert image["instanceProperties"]["machineType"] == "e2-small"
    assert image["savedDisks"][0]["sourceDisk"] == f"{LINK}/zones/europe-west1-b/disks/vm"
    again = make(vm, f"{ZONE}/instances", {"name": "again", "sourceMachineImage": "global/machineImages/mi"})
    assert (again["labels"], again["machineType"].rsplit("/", 1)[1]) == ({"a": "b"}, "e2-small")
    assert again["disks"][0]["source"] == f"{LINK}/zones/europe-west1-b/disks/again"
    addresses = {
        vm.ask("GET", f"{ZONE}/instances/{name}")[1]["networkInterfaces"][0]["networkIP"] for name in ("vm", "again")
    }
    assert len(addresses) == 2
    none = {"name": "none", "sourceInstance": "zones/europe-west1-b/instances/none"}
    assert refusal(vm, "POST", f"{P}/global/machineImages", none)[1].endswith(
        "The referenced instance resource cannot be found."
    )


def test_an_instant_snapshot_is_of_a_disk_and_makes_one(vm: Any) -> None:
    shot = make(vm, f"{ZONE}/instantSnapshots", {"name": "s", "sourceDisk": "zones/europe-west1-b/disks/vm"})
    assert (shot["diskSizeGb"], shot["status"], shot["architecture"]) == ("10", "READY", "X86_64")
    source = "zones/europe-west1-b/instantSnapshots/s"
    copy = make(vm, f"{ZONE}/disks", {"name": "copy", "sourceInstantSnapshot": source})
    assert (copy["sizeGb"], copy["sourceInstantSnapshotId"]) == ("10", shot["id"])


def test_a_commitment_runs_for_its_years(world: Any) -> None:
    found = make(world, f"{REGION}/commitments", {"name": "c", "plan": "TWELVE_MONTH"})
    assert (found["startTimestamp"][:10], found["endTimestamp"][:10]) == ("2027-01-15", "2028-01-15")
    assert found["status"] == "ACTIVE"
    assert refusal(world, "POST", f"{REGION}/commitments", {"name": "d"})[0] == 400


def test_a_pool_lists_its_disks(world: Any) -> None:
    body = {
        "name": "pool", "storagePoolType": "zones/europe-west1-b/storagePoolTypes/hyperdisk-balanced",
        "poolProvisionedCapacityGb": "10240",
    }  # fmt: skip
    assert make(world, f"{ZONE}/storagePools", body)["state"] == "READY"
    kind = "zones/europe-west1-b/diskTypes/hyperdisk-balanced"
    make(world, f"{ZONE}/disks", {"name": "in", "type": kind, "storagePool": "zones/europe-west1-b/storagePools/pool"})
    make(world, f"{ZONE}/disks", {"name": "out", "type": kind})
    assert [row["name"] for row in world.ask("GET", f"{ZONE}/storagePools/pool/listDisks")[1]["items"]] == ["in"]
    assert refusal(world, "DELETE", f"{ZONE}/storagePools/pool")[0] == 400


def test_a_resize_request_makes_the_group_bigger(world: Any) -> None:
    properties = {"machineType": "e2-small", "networkInterfaces": [{}]}
    make(world, f"{P}/global/instanceTemplates", {"name": "t", "properties": properties})
    body = {"name": "g", "targetSize": 1, "instanceTemplate": "global/instanceTemplates/t"}
    make(world, f"{ZONE}/instanceGroupManagers", body)
    path = f"{ZONE}/instanceGroupManagers/g/resizeRequests"
    found = make(world, path, {"name": "more", "resizeBy": 2})
    assert (found["state"], found["resizeBy"]) == ("SUCCEEDED", 2)
    assert world.ask("GET", f"{ZONE}/instanceGroupManagers/g")[1]["targetSize"] == 3
    assert [row["name"] for row in world.ask("GET", path)[1]["items"]] == ["more"]
    assert refusal(world, "POST", f"{path}/more/cancel")[0] == 400
    assert refusal(world, "POST", path, {"name": "less", "resizeBy": -1})[0] == 400
    assert world.ask("GET", f"{path}/less")[0] == 404


def test_interfaces_policies_and_labels_of_many(vm: Any) -> None:
    path = f"{ZONE}/instances/vm"
    assert vm.ask("POST", f"{path}/addNetworkInterface", {"network": "global/networks/default"})[0] == 200
    assert [one["name"] for one in vm.ask("GET", path)[1]["networkInterfaces"]] == ["nic0", "nic1"]
    assert refusal(vm, "POST", f"{path}/deleteNetworkInterface", networkInterfaceName="nic0")[0] == 400
    assert vm.ask("POST", f"{path}/deleteNetworkInterface", networkInterfaceName="nic1")[0] == 200
    policy = {"securityPolicy": "regions/europe-west1/securityPolicies/p", "networkInterfaces": ["nic0"]}
    assert vm.ask("POST", f"{path}/setSecurityPolicy", policy)[0] == 200
    config = vm.ask("GET", path)[1]["networkInterfaces"][0]["accessConfigs"][0]
    assert config["securityPolicy"] == f"{LINK}/regions/europe-west1/securityPolicies/p"
    assert vm.ask("GET", f"{path}/getEffectiveFirewalls", networkInterface="nic0")[1]["firewalls"]
    assert refusal(vm, "GET", f"{path}/getEffectiveFirewalls", networkInterface="nic7")[0] == 400
    assert refusal(vm, "GET", f"{path}/screenshot")[0] == 400
    labels = {"requests": [{"labels": {"x": "y"}}]}
    assert vm.ask("POST", f"{ZONE}/disks/bulkSetLabels", labels, resource="vm")[0] == 200
    assert vm.ask("GET", f"{ZONE}/disks/vm")[1]["labels"] == {"x": "y"}


def test_nothing_generated_crashes_the_machines_at_any_time(world: Any) -> None:
    rng = random.Random(11)
    api = api_of("compute", "v1")
    methods = [method for method in api.methods if method.id.split(".")[1] in _MACHINES]

    def furnish() -> None:
        properties = {"machineType": "e2-small", "networkInterfaces": [{}]}
        world.ask("POST", f"{P}/global/instanceTemplates", {"name": "thing", "properties": properties})
        world.ask("POST", f"{ZONE}/disks", {"name": "thing"})
        world.ask("POST", f"{ZONE}/instances", {"name": "thing", **properties})
        group = {"name": "thing", "targetSize": 2, "instanceTemplate": "global/instanceTemplates/thing"}
        for base in (ZONE, REGION):
            world.ask("POST", f"{base}/instanceGroupManagers", group)
        world.pass_time(60)

    for number in range(500):
        if number % 50 == 0:
            furnish()
        one = shot(api, rng.choice(methods), rng, odd=rng.choice((0.0, 0.1)))
        status, answer = world.ask(one.verb, one.path, one.body, **one.query)
        assert status < 500 or status == 501, (one, answer)
        world.pass_time(rng.choice((0, 1, 30)))
