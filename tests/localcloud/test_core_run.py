"""Cloud Run v2 in the core: rollouts take time, revisions are made by templates, etags refuse a lost race."""

from __future__ import annotations

from typing import Any

import pytest

BASE = "/run/v2/projects/acme-eu-001/locations/europe-west1/services"
WEB = f"{BASE}/web"


def service(image: str = "r/i@sha256:1", **more: Any) -> dict[str, Any]:
    return {"template": {"containers": [{"image": image, **more}]}}


@pytest.fixture
def web(world: Any) -> Any:
    _, operation = world.ask("POST", BASE, service(), serviceId="web")
    return world.done("/run/v2/", operation)["response"]


def test_a_service_is_not_ready_before_its_operation_is_done(world: Any) -> None:
    _, operation = world.ask("POST", BASE, service(), serviceId="web")
    assert "done" not in operation
    _, early = world.ask("GET", WEB)
    assert early["reconciling"]
    assert early["terminalCondition"]["state"] == "CONDITION_RECONCILING"
    assert "latestReadyRevision" not in early
    world.pass_time(14)
    assert "done" not in world.ask("GET", "/run/v2/" + operation["name"])[1]
    world.pass_time(2)
    answer = world.ask("GET", "/run/v2/" + operation["name"])[1]
    ready = world.ask("GET", WEB)[1]
    assert answer["response"] == {"@type": "type.googleapis.com/google.cloud.run.v2.Service", **ready}
    assert ("reconciling" in ready, ready["terminalCondition"]["state"]) == (False, "CONDITION_SUCCEEDED")
    assert ready["latestReadyRevision"] == ready["latestCreatedRevision"]


def test_defaults_are_filled_in(web: Any) -> None:
    template = web["template"]
    assert (template["timeout"], template["maxInstanceRequestConcurrency"]) == ("300s", 80)
    container = template["containers"][0]
    assert container["resources"] == {"cpuIdle": True, "limits": {"cpu": "1000m", "memory": "512Mi"}}
    assert container["ports"] == [{"name": "http1", "containerPort": 8080}]
    assert web["traffic"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    assert (web["ingress"], web["launchStage"], web["generation"]) == ("INGRESS_TRAFFIC_ALL", "GA", "1")
    number = template["serviceAccount"].partition("-")[0]
    assert web["uri"] == f"https://web-{number}.europe-west1.run.app"


def test_a_new_template_makes_a_revision_and_a_label_does_not(world: Any, web: Any) -> None:
    world.ask("PATCH", WEB, {"labels": {"a": "b"}}, updateMask="labels")
    world.pass_time(100)
    assert len(world.ask("GET", f"{WEB}/revisions")[1]["revisions"]) == 1
    _, operation = world.ask("PATCH", WEB, service("r/i@sha256:2"), updateMask="template")
    after = world.done("/run/v2/", operation)["response"]
    assert after["labels"] == {"a": "b"}
    assert (after["generation"], after["observedGeneration"]) == ("3", "3")
    assert len(world.ask("GET", f"{WEB}/revisions")[1]["revisions"]) == 2
    assert after["latestReadyRevision"] != web["latestReadyRevision"]


def test_an_unchanged_service_keeps_its_generation(world: Any, web: Any) -> None:
    _, operation = world.ask("PATCH", WEB, {**service(), "ingress": "INGRESS_TRAFFIC_ALL"})
    assert operation["done"]
    assert world.ask("GET", WEB)[1]["generation"] == web["generation"]


def test_a_stale_etag_is_refused(world: Any, web: Any) -> None:
    world.ask("PATCH", WEB, {"labels": {"a": "b"}}, updateMask="labels")
    status, answer = world.ask("PATCH", WEB, {"etag": web["etag"], "labels": {}}, updateMask="labels")
    assert (status, answer["error"]["status"]) == (409, "ABORTED")
    assert answer["error"]["message"].startswith("Conflict for resource 'web': version '180000")
    assert world.ask("PATCH", WEB, {"etag": "CBA", "labels": {}}, updateMask="labels")[0] == 409, "not one of ours"
    assert world.ask("DELETE", WEB, etag=web["etag"])[0] == 409
    assert world.ask("GET", WEB)[0] == 200


def test_names_and_containers_are_checked(world: Any) -> None:
    for own in ("Web", "web-", "w" * 50, "1web"):
        assert world.ask("POST", BASE, service(), serviceId=own)[0] == 400, own
    assert world.ask("POST", BASE, {"template": {}}, serviceId="web")[0] == 400
    assert world.ask("POST", BASE, {**service(), "traffic": [{"percent": 60}]}, serviceId="web")[0] == 400


def test_a_second_create_is_a_conflict(world: Any, web: Any) -> None:
    status, answer = world.ask("POST", BASE, service(), serviceId="web")
    assert (status, answer["error"]["status"]) == (409, "ALREADY_EXISTS")


def test_traffic_needs_a_revision_that_exists(world: Any, web: Any) -> None:
    pinned = web["latestReadyRevision"].rsplit("/", 1)[1]
    split = {
        "traffic": [
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": pinned, "percent": 100, "tag": "old"}
        ]
    }
    _, operation = world.ask("PATCH", WEB, split, updateMask="traffic")
    status = world.done("/run/v2/", operation)["response"]["trafficStatuses"][0]
    assert status["uri"].startswith("https://old---web-")
    split["traffic"][0]["revision"] = "web-99999-zzz"
    _, operation = world.ask("PATCH", WEB, split, updateMask="traffic")
    error = world.done("/run/v2/", operation)["error"]
    assert error["message"].startswith("Revision 'web-99999-zzz' does not exist or is deleted.")
    after = world.ask("GET", WEB)[1]
    assert {found["type"]: found["state"] for found in after["conditions"]} == {
        "RoutesReady": "CONDITION_FAILED",
        "ConfigurationsReady": "CONDITION_SUCCEEDED",
    }
    assert after["trafficStatuses"][0]["revision"] == pinned, "what served goes on serving"


def test_a_rollout_that_fails_leaves_the_old_revision_serving(world: Any, web: Any) -> None:
    body = service("r/broken")
    _, operation = world.ask(
        "PATCH", WEB, body, updateMask="template", half_finish="INTERNAL: The container failed to start."
    )
    answer = world.done("/run/v2/", operation)
    assert answer["error"] == {"code": 13, "message": "The container failed to start."}
    found = world.ask("GET", WEB)[1]
    assert found["terminalCondition"]["state"] == "CONDITION_FAILED"
    assert found["latestReadyRevision"] == web["latestReadyRevision"]
    assert found["latestCreatedRevision"] != web["latestReadyRevision"]


def test_a_name_that_comes_back_is_not_finished_by_its_predecessor(world: Any) -> None:
    world.ask("POST", BASE, service(), serviceId="web")
    world.ask("DELETE", WEB)
    world.pass_time(10)
    world.ask("POST", BASE, service(), serviceId="web")
    world.pass_time(6)
    assert world.ask("GET", WEB)[1]["reconciling"], "the first one's operation has ended, the second one's has not"
    world.pass_time(10)
    assert "reconciling" not in world.ask("GET", WEB)[1]


def test_deleting_takes_revisions_and_policy_along(world: Any, web: Any) -> None:
    world.ask(
        "POST",
        f"{WEB}:setIamPolicy",
        {"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}},
    )
    _, operation = world.ask("DELETE", WEB)
    world.done("/run/v2/", operation)
    assert world.ask("GET", WEB)[0] == 404
    assert world.ask("GET", f"{WEB}:getIamPolicy")[0] == 404
    world.ask("POST", BASE, service(), serviceId="web")
    assert "bindings" not in world.ask("GET", f"{WEB}:getIamPolicy")[1]
    assert len(world.ask("GET", f"{WEB}/revisions")[1]["revisions"]) == 1
