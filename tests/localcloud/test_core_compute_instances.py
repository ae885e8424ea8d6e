"""Instances and unmanaged groups: what is filled in, what goes with an instance, which changes are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.machines import LINK, ZONE, P, make, refusal

DEBIAN = "projects/debian-cloud/global/images/family/debian-12"
BOOT = {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": DEBIAN}}


@pytest.fixture
def net(world: Any) -> Any:
    """A world with a network and a small subnetwork."""
    world.ask("POST", f"{P}/global/networks", {"name": "net", "autoCreateSubnetworks": False})
    subnet = {"name": "sub", "network": "global/networks/net", "ipCidrRange": "10.9.0.0/28"}
    assert world.ask("POST", f"{P}/regions/europe-west1/subnetworks", subnet)[0] == 200
    return world


def machine(name: str, **more: Any) -> dict[str, Any]:
    interface = {"subnetwork": "regions/europe-west1/subnetworks/sub"}
    return {"name": name, "machineType": "e2-small", "disks": [BOOT], "networkInterfaces": [interface], **more}


def test_an_instance_is_filled_in_as_google_does(net: Any) -> None:
    found = make(net, f"{ZONE}/instances", machine("web", serviceAccounts=[{"email": "default", "scopes": []}]))
    assert (found["status"], found["machineType"]) == ("RUNNING", f"{LINK}/zones/europe-west1-b/machineTypes/e2-small")
    assert found["scheduling"] == {
        "automaticRestart": True, "onHostMaintenance": "MIGRATE", "preemptible": False, "provisioningModel": "STANDARD",
    }  # fmt: skip
    interface = found["networkInterfaces"][0]
    assert (interface["name"], interface["networkIP"]) == ("nic0", "10.9.0.2")
    assert interface["network"] == f"{LINK}/global/networks/net"
    disk = found["disks"][0]
    assert (disk["source"], disk["deviceName"], disk["diskSizeGb"], disk["mode"]) == (
        f"{LINK}/zones/europe-west1-b/disks/web", "persistent-disk-0", "10", "READ_WRITE",
    )  # fmt: skip
    assert "initializeParams" not in disk
    number = net.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"].split("/")[1]
    assert found["serviceAccounts"][0]["email"] == f"{number}-compute@developer.gserviceaccount.com"
    assert found["tags"]["fingerprint"]
    assert found["metadata"]["fingerprint"]
    spot = make(net, f"{ZONE}/instances", machine("spot", scheduling={"preemptible": True}))
    assert (spot["scheduling"]["automaticRestart"], spot["scheduling"]["onHostMaintenance"]) == (False, "TERMINATE")


def test_addresses_of_a_subnetwork_are_not_given_twice_in_a_round(net: Any) -> None:
    for number in range(5):
        make(net, f"{ZONE}/instances", machine(f"m{number}"))
    rows = net.ask("GET", f"{ZONE}/instances")[1]["items"]
    assert sorted(row["networkInterfaces"][0]["networkIP"] for row in rows) == [f"10.9.0.{at}" for at in range(2, 7)]


def test_an_external_address_is_given_or_taken_from_a_reserved_one(net: Any) -> None:
    interface = {"subnetwork": "regions/europe-west1/subnetworks/sub", "accessConfigs": [{}]}
    found = make(net, f"{ZONE}/instances", machine("out", networkInterfaces=[interface]))
    config = found["networkInterfaces"][0]["accessConfigs"][0]
    assert (config["type"], config["name"], config["networkTier"]) == ("ONE_TO_ONE_NAT", "External NAT", "PREMIUM")
    assert config["natIP"].startswith("34.")
    path = f"{ZONE}/instances/out"
    query = {"networkInterface": "nic0", "accessConfig": "External NAT"}
    assert refusal(net, "POST", f"{path}/addAccessConfig", {}, networkInterface="nic0")[0] == 400
    assert net.ask("POST", f"{path}/deleteAccessConfig", **query)[0] == 200
    assert "accessConfigs" not in net.ask("GET", path)[1]["networkInterfaces"][0]
    assert refusal(net, "POST", f"{path}/deleteAccessConfig", **query)[0] == 400
    assert net.ask("POST", f"{path}/addAccessConfig", {"natIP": "34.1.2.3"}, networkInterface="nic0")[0] == 200
    assert net.ask("GET", path)[1]["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == "34.1.2.3"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"machineType": "zones/europe-west1-b/machineTypes/n1-standard-5"},
            (
                "Invalid value for field 'resource.machineType': "
                f"'{LINK}/zones/europe-west1-b/machineTypes/n1-standard-5'. "
                "Machine type with name 'n1-standard-5' does not exist in zone 'europe-west1-b'."
            ),
        ),
        (
            {"disks": [{"boot": True, "initializeParams": {"sourceImage": DEBIAN, "diskSizeGb": "5"}}]},
            (
                "Invalid value for field 'resource.disks[0].initializeParams.diskSizeGb': '5'. "
                "Requested disk size cannot be smaller than the image size (10 GB)"
            ),
        ),
        (
            {"disks": [{"boot": True, "source": "zones/europe-west1-b/disks/none"}]},
            (
                f"Invalid value for field 'resource.disks[0].source': '{LINK}/zones/europe-west1-b/disks/none'. "
                "The referenced disk resource cannot be found."
            ),
        ),
    ],
)
def test_what_an_instance_is_refused_for(net: Any, change: dict[str, Any], said: str) -> None:
    assert refusal(net, "POST", f"{ZONE}/instances", machine("bad") | change) == (400, said)
    assert "items" not in net.ask("GET", f"{ZONE}/disks")[1]


def test_disks_go_with_the_instance_or_stay(net: Any) -> None:
    net.ask("POST", f"{ZONE}/disks", {"name": "kept"})
    body = machine("web", disks=[BOOT, {"source": "zones/europe-west1-b/disks/kept"}])
    found = make(net, f"{ZONE}/instances", body)
    assert net.ask("GET", f"{ZONE}/disks/kept")[1]["users"] == [found["selfLink"]]
    used = "is already being used by 'projects/acme-eu-001/zones/europe-west1-b/instances/web'"
    assert refusal(net, "DELETE", f"{ZONE}/disks/kept") == (
        400, f"The disk resource 'projects/acme-eu-001/zones/europe-west1-b/disks/kept' {used}",
    )  # fmt: skip
    other = machine("two", disks=[{"boot": True, "source": "zones/europe-west1-b/disks/kept"}])
    assert used in refusal(net, "POST", f"{ZONE}/instances", other)[1]
    assert net.ask("DELETE", f"{ZONE}/instances/web")[0] == 200
    assert net.ask("GET", f"{ZONE}/disks/web")[0] == 404
    assert "users" not in net.ask("GET", f"{ZONE}/disks/kept")[1]


def test_disks_are_attached_and_detached_by_device_name(net: Any) -> None:
    make(net, f"{ZONE}/instances", machine("web"))
    net.ask("POST", f"{ZONE}/disks", {"name": "more"})
    path = f"{ZONE}/instances/web"
    more = {"source": "zones/europe-west1-b/disks/more", "deviceName": "data"}
    assert net.ask("POST", f"{path}/attachDisk", more)[0] == 200
    assert refusal(net, "POST", f"{path}/attachDisk", more)[0] == 400
    assert net.ask("POST", f"{path}/setDiskAutoDelete", deviceName="data", autoDelete="True")[0] == 200
    second = net.ask("GET", path)[1]["disks"][1]
    assert (second["deviceName"], second["autoDelete"], second["index"]) == ("data", True, 1)
    assert net.ask("POST", f"{path}/detachDisk", deviceName="data")[0] == 200
    assert refusal(net, "POST", f"{path}/detachDisk", deviceName="data") == (
        400, "Invalid value for field 'deviceName': 'data'. No attached disk found with device name 'data'.",
    )  # fmt: skip
    assert net.ask("DELETE", f"{ZONE}/disks/more")[0] == 200


def test_an_instance_is_stopped_started_suspended_and_protected(net: Any) -> None:
    make(net, f"{ZONE}/instances", machine("web"))
    path = f"{ZONE}/instances/web"

    def after(verb: str) -> str:
        assert net.ask("POST", f"{path}/{verb}")[0] == 200
        return str(net.ask("GET", path)[1]["status"])

    assert [after(verb) for verb in ("stop", "start", "suspend", "resume")] == [
        "TERMINATED", "RUNNING", "SUSPENDED", "RUNNING",
    ]  # fmt: skip
    assert refusal(net, "POST", f"{path}/resume")[0] == 400
    net.ask("POST", f"{path}/setDeletionProtection", deletionProtection="True")
    assert refusal(net, "DELETE", path) == (
        400, "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion.'.",
    )  # fmt: skip
    net.ask("POST", f"{path}/setDeletionProtection", deletionProtection="false")
    assert net.ask("DELETE", path)[0] == 200


def test_metadata_and_tags_are_changed_with_their_fingerprint(net: Any) -> None:
    found = make(net, f"{ZONE}/instances", machine("web"))
    path = f"{ZONE}/instances/web"
    for verb, name, items in (
        ("setMetadata", "metadata", [{"key": "a", "value": "b"}]),
        ("setTags", "tags", ["http"]),
    ):
        # Clients send fingerprints back in the URL-safe alphabet.
        body = {"fingerprint": found[name]["fingerprint"].replace("+", "-").replace("/", "_"), "items": items}
        assert net.ask("POST", f"{path}/{verb}", body)[0] == 200
        changed = net.ask("GET", path)[1][name]
        assert changed["items"] == items
        assert changed["fingerprint"] != found[name]["fingerprint"]
        status, said = refusal(net, "POST", f"{path}/{verb}", body)
        assert (status, said) == (412, f"Supplied fingerprint does not match current {name} fingerprint.")


def test_a_template_gives_what_the_request_leaves_out(net: Any) -> None:
    properties = {
        "machineType": "n1-standard-1", "disks": [BOOT], "labels": {"from": "template"},
        "networkInterfaces": [{"subnetwork": "regions/europe-west1/subnetworks/sub"}],
    }  # fmt: skip
    template = make(net, f"{P}/global/instanceTemplates", {"name": "t", "properties": properties})
    inside = template["properties"]
    assert inside["machineType"] == "n1-standard-1"
    assert (inside["disks"][0]["deviceName"], inside["disks"][0]["index"]) == ("boot", 0)
    assert inside["networkInterfaces"][0]["name"] == "nic0"
    assert inside["scheduling"]["automaticRestart"] is True
    link = "projects/acme-eu-001/global/instanceTemplates/t"
    found = make(net, f"{ZONE}/instances", {"name": "web", "machineType": "e2-small"}, sourceInstanceTemplate=link)
    assert (found["labels"], found["machineType"].rsplit("/", 1)[1]) == ({"from": "template"}, "e2-small")
    absent = "projects/acme-eu-001/global/instanceTemplates/none"
    assert refusal(net, "POST", f"{ZONE}/instances", {"name": "x"}, sourceInstanceTemplate=absent)[0] == 404
    assert refusal(net, "POST", f"{P}/global/instanceTemplates", {"name": "empty"})[0] == 400


def test_many_at_once_are_named_by_a_pattern(net: Any) -> None:
    body = {"count": 3, "namePattern": "vm-##", "instanceProperties": {"machineType": "e2-small", "disks": [BOOT]}}
    assert net.ask("POST", f"{ZONE}/instances/bulkInsert", body)[0] == 200
    assert [row["name"] for row in net.ask("GET", f"{ZONE}/instances")[1]["items"]] == ["vm-01", "vm-02", "vm-03"]
    assert refusal(net, "POST", f"{ZONE}/instances/bulkInsert", {"count": 1, "namePattern": "vm"})[0] == 400


def test_a_group_counts_its_members_and_forgets_the_deleted(net: Any) -> None:
    first, second = (make(net, f"{ZONE}/instances", machine(name)) for name in ("one", "two"))
    ports = [{"name": "http", "port": 8080}]
    group = make(net, f"{ZONE}/instanceGroups", {"name": "g", "namedPorts": ports})
    assert group["size"] == 0
    path = f"{ZONE}/instanceGroups/g"
    both = {"instances": [{"instance": row["selfLink"]} for row in (first, second)]}
    assert net.ask("POST", f"{path}/addInstances", both)[0] == 200
    assert "is already a member of" in refusal(net, "POST", f"{path}/addInstances", both)[1]
    group = net.ask("GET", path)[1]
    assert (group["size"], group["network"]) == (2, f"{LINK}/global/networks/net")
    referrers = net.ask("GET", f"{ZONE}/instances/one/referrers")[1]["items"]
    assert [row["referrer"] for row in referrers] == [group["selfLink"]]
    net.ask("POST", f"{ZONE}/instances/two/stop")
    listed = net.ask("POST", f"{path}/listInstances", {"instanceState": "RUNNING"})[1]
    assert listed["kind"] == "compute#instanceGroupsListInstances"
    assert listed["items"] == [{"instance": first["selfLink"], "status": "RUNNING", "namedPorts": ports}]
    net.ask("DELETE", f"{ZONE}/instances/two")
    assert net.ask("GET", path)[1]["size"] == 1
    assert net.ask("POST", f"{path}/removeInstances", {"instances": [{"instance": first["selfLink"]}]})[0] == 200
    assert refusal(net, "POST", f"{path}/removeInstances", {"instances": [{"instance": first["selfLink"]}]})[0] == 400
    fresh = {"namedPorts": [{"name": "sql", "port": 6033}], "fingerprint": net.ask("GET", path)[1]["fingerprint"]}
    assert net.ask("POST", f"{path}/setNamedPorts", fresh)[0] == 200
    assert refusal(net, "POST", f"{path}/setNamedPorts", fresh)[0] == 412


def test_every_resource_has_a_policy_of_its_own(net: Any) -> None:
    for name in ("one", "two"):
        make(net, f"{ZONE}/instances", machine(name))
    policy = {"bindings": [{"role": "roles/compute.viewer", "members": ["user:a@example.com"]}]}
    assert net.ask("POST", f"{ZONE}/instances/one/setIamPolicy", {"policy": policy})[0] == 200
    assert net.ask("GET", f"{ZONE}/instances/one/getIamPolicy")[1]["bindings"] == policy["bindings"]
    assert "bindings" not in net.ask("GET", f"{ZONE}/instances/two/getIamPolicy")[1]
    assert refusal(net, "GET", f"{ZONE}/instances/none/getIamPolicy")[0] == 404
    net.ask("DELETE", f"{ZONE}/instances/one")
    make(net, f"{ZONE}/instances", machine("one"))
    assert "bindings" not in net.ask("GET", f"{ZONE}/instances/one/getIamPolicy")[1]


def test_a_machine_and_a_disk_are_not_ready_while_they_are_made(net: Any) -> None:
    assert net.ask("POST", f"{ZONE}/instances", machine("web"))[0] == 200
    net.pass_time(1)
    path = f"{ZONE}/instances/web"
    assert net.ask("GET", path)[1]["status"] == "STAGING"
    assert refusal(net, "POST", f"{path}/stop") == (
        400, "The resource 'projects/acme-eu-001/zones/europe-west1-b/instances/web' is not ready",
    )  # fmt: skip
    assert refusal(net, "DELETE", path)[0] == 400
    net.ask("POST", f"{ZONE}/disks", {"name": "d"})
    net.pass_time(1)
    assert net.ask("GET", f"{ZONE}/disks")[1]["items"][0]["status"] == "CREATING"
    image = {"name": "i", "sourceDisk": "zones/europe-west1-b/disks/d"}
    assert refusal(net, "POST", f"{P}/global/images", image)[0] == 400
    net.pass_time(60)
    assert net.ask("GET", path)[1]["status"] == "RUNNING"
    assert net.ask("POST", f"{P}/global/images", image)[0] == 200
    assert net.ask("POST", f"{path}/stop")[0] == 200
