"""Managed instance groups over time: created, resized, updated in waves, healed, told about single machines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.machines import LINK, REGION, ZONE, P

STEP = 20


def template(world: Any, name: str, **more: Any) -> str:
    properties = {
        "machineType": "e2-small", "networkInterfaces": [{}],
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": "debian-cloud/debian-12"}}],
        **more,
    }  # fmt: skip
    status, answer = world.ask("POST", f"{P}/global/instanceTemplates", {"name": name, "properties": properties})
    assert status == 200, answer
    return f"{LINK}/global/instanceTemplates/{name}"


class Group:
    """A managed group, asked as a user would."""

    def __init__(self, world: Any, base: str = ZONE, **body: Any) -> None:
        self.world, self.path = world, f"{base}/instanceGroupManagers/proxy"
        if "instanceTemplate" not in body:
            body["instanceTemplate"] = template(world, "t1")
        body = {"name": "proxy", "targetSize": 3, **body}
        status, answer = world.ask("POST", f"{base}/instanceGroupManagers", body)
        assert status == 200, answer

    def tell(self, verb: str, body: Any = None, **query: Any) -> Any:
        status, answer = self.world.ask("POST", f"{self.path}/{verb}", body, **query)
        assert status == 200, answer
        return answer

    def patch(self, body: Any) -> None:
        status, answer = self.world.ask("PATCH", self.path, body)
        assert status == 200, answer

    @property
    def now(self) -> Any:
        return self.world.ask("GET", self.path)[1]

    @property
    def members(self) -> list[Any]:
        return list(self.tell("listManagedInstances").get("managedInstances", []))

    @property
    def stable(self) -> bool:
        return bool(self.now["status"]["isStable"])

    def wait(self, most: int = 50) -> int:
        """Let time pass until the group is stable; the number of steps that took."""
        for steps in range(most):
            if self.stable:
                return steps
            self.world.pass_time(STEP + 1)
        raise AssertionError(f"never stable: {self.now['currentActions']}")

    def using(self) -> list[str]:
        return sorted(member["version"]["instanceTemplate"].rsplit("/", 1)[1] for member in self.members)


def test_machines_come_up_in_their_time(world: Any) -> None:
    group = Group(world)
    first = group.now
    assert (first["currentActions"]["creating"], first["status"]["isStable"]) == (3, False)
    assert {member["currentAction"] for member in group.members} == {"CREATING"}
    assert group.wait() == 1
    found = group.now
    assert (found["currentActions"]["none"], found["status"]["versionTarget"]) == (3, {"isReached": True})
    assert found["versions"] == [
        {"instanceTemplate": f"{LINK}/global/instanceTemplates/t1", "targetSize": {"calculated": 3}}
    ]
    assert found["updatePolicy"]["maxSurge"] == {"fixed": 1, "calculated": 1}
    assert (found["updatePolicy"]["type"], found["updatePolicy"]["minimalAction"]) == ("OPPORTUNISTIC", "REPLACE")
    names = [member["name"] for member in group.members]
    assert all(name.startswith("proxy-") and len(name) == 10 for name in names)
    instance = world.ask("GET", f"{ZONE}/instances/{names[0]}")[1]
    assert instance["status"] == "RUNNING"
    number = world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"]
    items = {item["key"]: item["value"] for item in instance["metadata"]["items"]}
    assert items["created-by"] == f"{number}/zones/europe-west1-b/instanceGroupManagers/proxy"
    assert instance["disks"][0]["source"] == f"{LINK}/zones/europe-west1-b/disks/{names[0]}"
    assert len({row["id"] for row in world.ask("GET", f"{ZONE}/instances")[1]["items"]}) == 3


def test_no_two_machines_have_the_same_address(world: Any) -> None:
    link = template(world, "t1", networkInterfaces=[{"accessConfigs": [{}]}])
    group = Group(world, instanceTemplate=link)
    group.wait()
    rows = world.ask("GET", f"{ZONE}/instances")[1]["items"]
    interfaces = [row["networkInterfaces"][0] for row in rows]
    assert len({interface["networkIP"] for interface in interfaces}) == 3
    assert len({interface["accessConfigs"][0]["natIP"] for interface in interfaces}) == 3


def test_a_group_of_machines_belongs_to_its_manager(world: Any) -> None:
    group = Group(world)
    group.wait()
    path = f"{ZONE}/instanceGroups/proxy"
    plain = world.ask("GET", path)[1]
    assert plain["size"] == 3
    assert plain["description"].startswith("This instance group is controlled by Instance Group Manager 'proxy'.")
    assert group.now["instanceGroup"] == plain["selfLink"]
    assert plain["network"] == f"{LINK}/global/networks/default"
    assert len(world.ask("POST", f"{path}/listInstances", {})[1]["items"]) == 3
    assert world.ask("DELETE", path)[0] == 400
    assert world.ask("DELETE", f"{P}/global/instanceTemplates/t1")[0] == 400
    assert world.ask("DELETE", group.path)[0] == 200
    for gone in (path, group.path):
        assert world.ask("GET", gone)[0] == 404
    assert "items" not in world.ask("GET", f"{ZONE}/instances")[1]
    assert "items" not in world.ask("GET", f"{ZONE}/disks")[1]
    assert world.ask("DELETE", f"{P}/global/instanceTemplates/t1")[0] == 200
    world.pass_time(1000)
    assert world.ask("GET", f"{ZONE}/instances")[0] == 200


def test_a_regional_group_spreads_over_its_zones(world: Any) -> None:
    zones = [{"zone": f"zones/europe-west1-{letter}"} for letter in "bc"]
    group = Group(world, REGION, targetSize=5, distributionPolicy={"zones": zones})
    group.wait()
    found = group.now
    assert found["region"] == f"{LINK}/regions/europe-west1"
    assert [zone["zone"] for zone in found["distributionPolicy"]["zones"]] == [
        f"{LINK}/zones/europe-west1-b", f"{LINK}/zones/europe-west1-c",
    ]  # fmt: skip
    assert found["updatePolicy"]["maxSurge"]["fixed"] == 2

    def spread() -> list[int]:
        return [
            len(world.ask("GET", f"{P}/zones/europe-west1-{letter}/instances")[1].get("items", [])) for letter in "bc"
        ]

    assert spread() == [3, 2]
    group.tell("resize", size=2)
    group.wait()
    assert spread() == [1, 1]
    listed = world.ask("POST", f"{REGION}/instanceGroups/proxy/listInstances", {})[1]
    assert (listed["kind"], len(listed["items"])) == ("compute#regionInstanceGroupsListInstances", 2)


def test_an_opportunistic_group_updates_only_new_machines(world: Any) -> None:
    group = Group(world)
    group.wait()
    group.patch({"instanceTemplate": template(world, "t2", machineType="e2-medium")})
    assert group.stable
    assert group.now["status"]["versionTarget"] == {"isReached": False}
    group.tell("resize", size=4)
    group.wait()
    assert group.using() == ["t1", "t1", "t1", "t2"]


@pytest.mark.parametrize(("surge", "missing"), [(1, 0), (0, 1), (1, 1), (3, 0), (0, 3), (2, 2)])
def test_a_rolling_replacement_keeps_to_its_limits(world: Any, surge: int, missing: int) -> None:
    group = Group(world)
    group.wait()
    before = {member["name"] for member in group.members}
    version = {"instanceTemplate": template(world, "t2", machineType="e2-medium")}
    policy = {"type": "PROACTIVE", "maxSurge": {"fixed": surge}, "maxUnavailable": {"fixed": missing}}
    group.patch({"versions": [version], "updatePolicy": policy})
    for _ in range(20):
        members = group.members
        up = [member for member in members if member["currentAction"] == "NONE"]
        assert len(members) <= 3 + surge
        assert len(up) >= 3 - missing
        if group.stable:
            break
        world.pass_time(STEP + 1)
    assert group.using() == ["t2"] * 3
    assert group.now["status"]["versionTarget"] == {"isReached": True}
    assert group.now["instanceTemplate"].endswith("/t2")
    assert not before & {member["name"] for member in group.members}


def test_recreate_keeps_the_names(world: Any) -> None:
    group = Group(world)
    group.wait()
    names = sorted(member["name"] for member in group.members)
    policy = {
        "type": "PROACTIVE", "replacementMethod": "RECREATE", "maxSurge": {"fixed": 0}, "maxUnavailable": {"fixed": 1},
    }  # fmt: skip
    link = template(world, "t2", machineType="e2-medium")
    group.patch({"versions": [{"instanceTemplate": link}], "updatePolicy": policy})
    assert group.now["currentActions"]["recreating"] == 1
    assert group.wait() == 3
    assert sorted(member["name"] for member in group.members) == names
    assert group.using() == ["t2"] * 3
    assert world.ask("GET", f"{ZONE}/instances/{names[0]}")[1]["machineType"].endswith("e2-medium")


def test_a_rolling_restart_changes_nothing_but_restarts(world: Any) -> None:
    group = Group(world)
    group.wait()
    ids = sorted(member["id"] for member in group.members)
    version = {"instanceTemplate": group.now["instanceTemplate"], "name": "0/2027"}
    group.patch({"versions": [version], "updatePolicy": {
        "type": "PROACTIVE", "minimalAction": "RESTART", "maxUnavailable": {"fixed": 2}, "maxSurge": {"fixed": 0},
    }})  # fmt: skip
    assert group.now["currentActions"]["restarting"] == 2
    group.wait()
    assert sorted(member["id"] for member in group.members) == ids
    assert {member["version"]["name"] for member in group.members} == {"0/2027"}


def test_a_canary_takes_its_share_and_no_more(world: Any) -> None:
    group = Group(world, targetSize=4)
    group.wait()
    canary = {"instanceTemplate": template(world, "t2", machineType="e2-medium"), "targetSize": {"percent": 25}}
    stay = {"instanceTemplate": f"{LINK}/global/instanceTemplates/t1"}
    group.patch({"versions": [stay, canary], "updatePolicy": {"type": "PROACTIVE"}})
    group.wait()
    assert group.using() == ["t1", "t1", "t1", "t2"]
    assert [version["targetSize"]["calculated"] for version in group.now["versions"]] == [3, 1]


def test_single_machines_are_deleted_abandoned_recreated_and_created(world: Any) -> None:
    group = Group(world)
    group.wait()
    first, second, third = (member["instance"] for member in group.members)
    group.tell("deleteInstances", {"instances": [first]})
    assert group.now["targetSize"] == 2
    group.tell("abandonInstances", {"instances": [second]})
    group.tell("recreateInstances", {"instances": [third]})
    group.wait()
    assert [member["instance"] for member in group.members] == [third]
    assert world.ask("GET", first.replace(LINK, P))[0] == 404
    assert world.ask("GET", second.replace(LINK, P))[1]["status"] == "RUNNING"
    group.tell("createInstances", {"instances": [{"name": "proxy-named"}]})
    group.wait()
    assert {member["name"] for member in group.members} == {third.rsplit("/", 1)[1], "proxy-named"}
    assert world.ask("POST", f"{group.path}/deleteInstances", {"instances": [first]})[0] == 400


def test_a_machine_that_was_deleted_behind_its_back_comes_again(world: Any) -> None:
    group = Group(world)
    group.wait()
    victim = group.members[0]
    world.ask("DELETE", victim["instance"].replace(LINK, P))
    assert group.now["currentActions"]["recreating"] == 1
    group.wait()
    again = next(member for member in group.members if member["name"] == victim["name"])
    assert again["instanceStatus"] == "RUNNING"
    assert again["id"] != victim["id"]


def test_machines_rest_and_come_back(world: Any) -> None:
    group = Group(world)
    group.wait()
    one = group.members[0]["instance"]
    group.tell("stopInstances", {"instances": [one]})
    group.wait()
    assert (group.now["targetSize"], group.now["targetStoppedSize"]) == (2, 1)
    assert world.ask("GET", one.replace(LINK, P))[1]["status"] == "TERMINATED"
    group.tell("startInstances", {"instances": [one]})
    group.wait()
    assert (group.now["targetSize"], group.now["targetStoppedSize"]) == (3, 0)
    assert world.ask("GET", one.replace(LINK, P))[1]["status"] == "RUNNING"


def test_what_a_machine_keeps_for_itself_survives_its_recreation(world: Any) -> None:
    group = Group(world)
    group.wait()
    member = group.members[0]
    config = {"name": member["name"], "preservedState": {"metadata": {"role": "first"}}}
    group.tell("updatePerInstanceConfigs", {"perInstanceConfigs": [config]})
    assert group.tell("listPerInstanceConfigs")["items"][0]["preservedState"] == config["preservedState"]
    assert group.now["status"]["stateful"]["hasStatefulConfig"] is True
    group.tell("recreateInstances", {"instances": [member["instance"]]})
    group.wait()
    items = world.ask("GET", member["instance"].replace(LINK, P))[1]["metadata"]["items"]
    assert {"key": "role", "value": "first"} in items
    group.tell("deletePerInstanceConfigs", {"names": [member["name"]]})
    assert group.now["status"]["stateful"]["hasStatefulConfig"] is False


def test_an_autoscaler_holds_the_size_within_its_bounds(world: Any) -> None:
    group = Group(world, REGION)
    body = {"name": "scaler", "target": f"{LINK}/regions/europe-west1/instanceGroupManagers/proxy"}
    status, answer = world.ask("POST", f"{REGION}/autoscalers", {**body, "autoscalingPolicy": {"minNumReplicas": 1}})
    assert status == 400, answer
    bounds = {"minNumReplicas": 4, "maxNumReplicas": 6}
    assert world.ask("POST", f"{REGION}/autoscalers", {**body, "autoscalingPolicy": bounds})[0] == 200
    scaler = world.ask("GET", f"{REGION}/autoscalers/scaler")[1]
    assert (scaler["recommendedSize"], scaler["status"]) == (4, "ACTIVE")
    assert scaler["autoscalingPolicy"]["cpuUtilization"] == {"utilizationTarget": 0.6, "predictiveMethod": "NONE"}
    assert (group.now["targetSize"], group.now["status"]["autoscaler"]) == (4, scaler["selfLink"])
    status, answer = world.ask("POST", f"{group.path}/resize", size=2)
    assert answer["error"]["message"].startswith(
        "Resizing of autoscaled regional managed instance groups is not allowed."
    )
    fewer = {**body, "autoscalingPolicy": {"minNumReplicas": 1, "maxNumReplicas": 2}}
    assert world.ask("PUT", f"{REGION}/autoscalers", fewer, autoscaler="scaler")[0] == 200
    assert group.now["targetSize"] == 2
    world.ask("DELETE", f"{REGION}/autoscalers/scaler")
    assert "autoscaler" not in group.now["status"]
    assert world.ask("POST", f"{group.path}/resize", size=1)[0] == 200
    group.wait()


def test_a_template_that_cannot_be_built_is_told_and_mended(world: Any) -> None:
    bad = template(world, "bad", disks=[{"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}])
    group = Group(world, instanceTemplate=bad, targetSize=1)
    world.pass_time(100)
    assert not group.stable
    assert "cannot be found" in group.members[0]["lastAttempt"]["errors"]["errors"][0]["message"]
    assert world.ask("GET", f"{group.path}/listErrors")[1]["items"]
    good = template(world, "good")
    group.patch({"versions": [{"instanceTemplate": good}], "updatePolicy": {"type": "PROACTIVE"}})
    group.wait()
    assert group.using() == ["good"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instanceTemplate": "global/instanceTemplates/none"}, "instanceTemplate resource cannot be found."),
        ({"targetSize": 2_147_483_647}, "'2147483647'. Must be less than or equal to 2000."),
        ({"targetSize": -1}, "Must be greater than or equal to 0."),
        ({"instanceTemplate": ""}, "An instance template or versions must be specified."),
        ({"updatePolicy": {"maxSurge": {"fixed": 1}}}, "has to be either 0 or at least equal to the number of zones."),
        ({"updatePolicy": {"maxSurge": {"fixed": 0}, "maxUnavailable": {"fixed": 0}}}, "cannot both be 0."),
        ({"distributionPolicy": {"zones": [{"zone": "zones/us-central1-a"}]}}, "not in the region of the group."),
    ],
)
def test_what_a_group_is_refused_for(world: Any, change: dict[str, Any], said: str) -> None:
    body = {"name": "proxy", "targetSize": 1, "instanceTemplate": template(world, "t1"), **change}
    status, answer = world.ask("POST", f"{REGION}/instanceGroupManagers", body)
    assert status == 400
    assert answer["error"]["message"].endswith(said)
    assert "items" not in world.ask("GET", f"{REGION}/instanceGroups")[1]


def test_time_that_was_slept_through_is_caught_up(world: Any) -> None:
    group = Group(world, targetSize=6)
    group.wait()
    policy = {"type": "PROACTIVE", "maxSurge": {"fixed": 1}, "maxUnavailable": {"fixed": 0}}
    group.patch({"versions": [{"instanceTemplate": template(world, "t2", machineType="e2-medium")}],
                 "updatePolicy": policy})  # fmt: skip
    world.pass_time(3600)
    assert group.stable
    assert group.using() == ["t2"] * 6
    assert not world.rows.scan("compute.chores/", "compute.chores0", 10)


def test_a_big_group_is_no_trouble(world: Any) -> None:
    group = Group(world, targetSize=1000)
    world.pass_time(STEP + 1)
    assert group.stable
    assert len(group.members) == 1000
    status, answer = world.ask("POST", f"{group.path}/resize", size=1001)
    assert (status, answer["error"]["message"].endswith("Must be less than or equal to 1000.")) == (400, True)


def test_a_group_behind_a_load_balancer_is_not_deleted(world: Any) -> None:
    group = Group(world)
    backend = {"name": "web", "backends": [{"group": group.now["instanceGroup"]}]}
    status, answer = world.ask("POST", f"{P}/global/backendServices", backend)
    assert status == 200, answer
    status, answer = world.ask("DELETE", group.path)
    group_path, user = group.path.split("/v1/")[1], "projects/acme-eu-001/global/backendServices/web"
    said = f"The instance_group_manager resource '{group_path}' is already being used by '{user}'"
    assert (status, answer["error"]["message"]) == (400, said)
    world.pass_time(60)
    assert world.ask("DELETE", f"{P}/global/backendServices/web")[0] == 200
    assert world.ask("DELETE", group.path)[0] == 200
