"""What Cloud Run refuses, in its own words where public reports have them, and what makes a revision fail."""

from __future__ import annotations

from typing import Any

import pytest

BASE = "/run/v2/projects/acme-eu-001/locations/europe-west1"
WEB = f"{BASE}/services/web"
ENV = {"name": "A", "valueSource": {"secretKeyRef": {"secret": "s", "version": "1"}}}
ONE = "Violation in CreateServiceRequest.service.template"
SITE = "site-acme@acme-eu-001.iam.gserviceaccount.com"


def service(container: Any = None, **template: Any) -> dict[str, Any]:
    return {"template": {"containers": [{"image": "r/i", **(container or {})}], **template}}


def limits(**of: str) -> dict[str, Any]:
    return {"resources": {"limits": of}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    # google-cloud-java#11101
    "no template": ({}, "Violation in CreateServiceRequest.service.template: required field not present."),
    "no image": (
        {"template": {"containers": [{"name": "a"}]}},
        "Violation in CreateServiceRequest.service.template.containers[0].image: required field not present.",
    ),
    # magic-modules#10173
    "two ports": (
        service({"ports": [{"containerPort": 1}, {"containerPort": 2}]}),
        "Violation in CreateServiceRequest.service.template.containers[0].ports: ports should contain 0 or 1 port.",
    ),
    # google-cloud-node#4731
    "no way out": (
        service(vpcAccess={"egress": "ALL_TRAFFIC"}),
        f"{ONE}.vpc_access.connector: one and only one of connector and network_interfaces must be set.",
    ),
    # terraform-provider-google#26877
    "PORT": (
        service({"env": [{"name": "PORT", "value": "1"}]}),
        (
            "template.containers[0].env: The following reserved env names were provided: PORT. These values are "
            "automatically set by the system."
        ),
    ),
    # slack-knowledgebase-chatgpt-responder#980
    "little cpu": (
        service(limits(cpu="0.5"), maxInstanceRequestConcurrency=5),
        (
            "template.containers.resources.limits.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported "
            "with concurrency > 1."
        ),
    ),
    # repo-automation-bots#3875, googleCloudRunner#137
    "much memory": (
        service(limits(cpu="1", memory="8Gi")),
        (
            "template.containers[0].resources.limits.memory: Invalid value specified for memory. For 1.0 CPU, "
            "memory must be between 128Mi and 4Gi inclusive."
        ),
    ),
    "little memory": (
        service(limits(cpu="1000m", memory="256Mi"), executionEnvironment="EXECUTION_ENVIRONMENT_GEN2"),
        (
            "template.containers[0].resources.limits.memory: Invalid value specified for memory with gen2 execution "
            "environment. For 1.0 CPU, memory must be between 512Mi and 4Gi inclusive."
        ),
    ),
    # terraform-provider-google#6491
    "foreign revision": (
        service(revision="shop-1"),
        (
            "template.revision: The revision name must be prefixed by the name of the enclosing Service or "
            "Configuration with a trailing -"
        ),
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refusals_in_googles_words(world: Any, name: str) -> None:
    body, message = REFUSED[name]
    status, answer = world.ask("POST", f"{BASE}/services", body, serviceId="web")
    assert (status, answer["error"]["status"], answer["error"]["message"]) == (400, "INVALID_ARGUMENT", message)
    where, _, what = message.partition(": ")
    assert answer["error"]["details"][0]["fieldViolations"] == [{"field": where, "description": what}]
    assert world.ask("GET", WEB)[0] == 404


LIMITS: dict[str, dict[str, Any]] = {
    "cpu that is not offered": service(limits(cpu="3")),
    "cpu that is no number": service(limits(cpu="many")),
    "memory that is no number": service(limits(memory="much")),
    "a resource that is not known": service(limits(disk="1Gi")),
    "four CPUs with too little memory": service(limits(cpu="4", memory="1Gi")),
    "concurrency": service(maxInstanceRequestConcurrency=1001),
    "time-out": service(timeout="3601s"),
    "minimum above maximum": service(scaling={"minInstanceCount": 5, "maxInstanceCount": 4}),
    "port": service({"ports": [{"containerPort": 70000}]}),
    "protocol": service({"ports": [{"name": "http2", "containerPort": 80}]}),
    "variable without a name": service({"env": [{"value": "x"}]}),
    "variable with an equals sign": service({"env": [{"name": "A=B"}]}),
    "secret without a name": service({"env": [{"name": "A", "valueSource": {"secretKeyRef": {}}}]}),
    "probe of two kinds": service({"startupProbe": {"tcpSocket": {}, "httpGet": {}}}),
    "probe slower than its period": service({"startupProbe": {"tcpSocket": {}, "timeoutSeconds": 20}}),
    "start-up probe that waits too long": service({"startupProbe": {"tcpSocket": {}, "initialDelaySeconds": 241}}),
    "mount of nothing": service({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
    "relative mount": service({"volumeMounts": [{"name": "v", "mountPath": "v"}]}, volumes=[{"name": "v"}]),
    "volume twice": service(volumes=[{"name": "v"}, {"name": "v"}]),
    "label": {**service(), "labels": {"Team": "a"}},
    "label value": {**service(), "labels": {"team": "A B"}},
    "system label": {**service(), "labels": {"cloud.googleapis.com/location": "x"}},
    "system annotation": {**service(), "annotations": {"run.googleapis.com/ingress": "all"}},
    "description": {**service(), "description": "x" * 513},
    "two containers, no port": {"template": {"containers": [{"image": "a"}, {"image": "b"}]}},
    "two containers of one name": {
        "template": {"containers": [{"image": "a", "name": "a", "ports": [{}]}, {"image": "b", "name": "a"}]}
    },
    "percentages": {**service(), "traffic": [{"percent": 60}]},
    "revision missing in its target": {
        **service(), "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "percent": 100}],
    },
    "one tag for two": {**service(), "traffic": [{"percent": 100, "tag": "a"}, {"tag": "a"}]},
    "tag": {**service(), "traffic": [{"percent": 100, "tag": "A"}]},
    "tag and name": {**service(), "traffic": [{"percent": 100, "tag": "a" * 44}]},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_refused(world: Any, name: str) -> None:
    status, answer = world.ask("POST", f"{BASE}/services", LIMITS[name], serviceId="web")
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT"), answer
    assert world.ask("GET", WEB)[0] == 404


TAKEN: dict[str, dict[str, Any]] = {
    "small and alone": service(limits(cpu="0.08", memory="128Mi")),
    "large": service(limits(cpu="8", memory="32Gi")),
    "no request limit": service(maxInstanceRequestConcurrency=1000, timeout="3600s"),
    "sidecar": {
        "template": {"containers": [
            {"image": "a", "name": "a", "ports": [{"containerPort": 80}], "dependsOn": ["b"]},
            {"image": "b", "name": "b", **limits(cpu="0.5", memory="64Mi")},
        ]},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_taken(world: Any, name: str) -> None:
    status, answer = world.ask("POST", f"{BASE}/services", TAKEN[name], serviceId="web")
    assert status == 200, answer


def test_less_than_one_cpu_serves_one_request_at_a_time(world: Any) -> None:
    world.ask("POST", f"{BASE}/services", service(limits(cpu="500m")), serviceId="web")
    assert world.ask("GET", WEB)[1]["template"]["maxInstanceRequestConcurrency"] == 1


def account(world: Any) -> None:
    body = {"accountId": "site-acme", "serviceAccount": {}}
    assert world.ask("POST", "/iam/v1/projects/acme-eu-001/serviceAccounts", body)[0] == 200


def secret(world: Any) -> None:
    base = "/secretmanager/v1/projects/acme-eu-001/secrets"
    assert world.ask("POST", base, {"replication": {"automatic": {}}}, secretId="s")[0] == 200
    assert world.ask("POST", f"{base}/s:addVersion", {"payload": {"data": "YQ=="}})[0] == 200


def grant(world: Any, resource: str = "/secretmanager/v1/projects/acme-eu-001/secrets/s") -> None:
    binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{SITE}"]}
    assert world.ask("POST", f"{resource}:setIamPolicy", {"policy": {"bindings": [binding]}})[0] == 200


def test_a_service_account_that_is_not_there_is_refused(world: Any) -> None:
    status, answer = world.ask("POST", f"{BASE}/services", service(serviceAccount=SITE), serviceId="web")
    assert (status, answer["error"]["message"]) == (
        403, f"Permission 'iam.serviceaccounts.actAs' denied on service account {SITE} (or it may not exist).",
    )  # fmt: skip
    account(world)
    assert world.ask("POST", f"{BASE}/services", service(serviceAccount=SITE), serviceId="web")[0] == 200


def rolled_out(world: Any, body: Any) -> Any:
    _, operation = world.ask("POST", f"{BASE}/services", body, serviceId="web")
    return world.done("/run/v2/", operation)


def test_a_secret_must_be_there_and_be_readable(world: Any) -> None:
    account(world)
    body = service({"env": [ENV]}, serviceAccount=SITE)
    error = rolled_out(world, body)["error"]
    assert error["code"] == 5
    assert error["message"].endswith("/secrets/s/versions/1 was not found")
    found = world.ask("GET", WEB)[1]
    assert found["terminalCondition"]["reason"] == "REVISION_FAILED"
    revision = world.ask("GET", f"{WEB}/revisions")[1]["revisions"][0]
    ready = next(one for one in revision["conditions"] if one["type"] == "Ready")
    assert (ready["state"], ready["reason"]) == ("CONDITION_FAILED", "SECRETS_ACCESS_CHECK_FAILED")
    secret(world)
    _, operation = world.ask("PATCH", WEB, body, forceNewRevision="true")
    error = world.done("/run/v2/", operation)["error"]
    assert error["code"] == 7
    assert "env[0].value_from.secret_key_ref.name: Permission denied on secret: projects/" in error["message"]
    assert f"for Revision service account {SITE}. The service account used must be granted" in error["message"]
    grant(world)
    _, operation = world.ask("PATCH", WEB, body, forceNewRevision="true")
    assert world.done("/run/v2/", operation)["response"]["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"


def test_the_right_to_read_a_secret_may_come_from_the_project(world: Any) -> None:
    account(world)
    secret(world)
    grant(world, "/cloudresourcemanager/v3/projects/acme-eu-001")
    assert "response" in rolled_out(world, service({"env": [ENV]}, serviceAccount=SITE))


def test_a_network_must_be_there(world: Any) -> None:
    error = rolled_out(world, service(vpcAccess={"connector": "c"}))["error"]
    assert error["message"].endswith(
        "VPC connector projects/acme-eu-001/locations/europe-west1/connectors/c does not exist, or Cloud Run does not "
        "have permission to use it."
    )
    ready = world.ask("GET", f"{WEB}/revisions")[1]["revisions"][0]["conditions"][0]
    assert ready["reason"] == "VPC_NETWORK_NOT_FOUND"


def test_a_failed_revision_is_rolled_back_by_traffic_or_replaced(world: Any) -> None:
    rolled_out(world, service())
    good = world.ask("GET", WEB)[1]["latestReadyRevision"].rsplit("/", 1)[1]
    _, operation = world.ask("PATCH", WEB, service(vpcAccess={"connector": "c"}), updateMask="template")
    assert "error" in world.done("/run/v2/", operation)
    back = {"traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": good, "percent": 100}]}
    _, operation = world.ask("PATCH", WEB, back, updateMask="traffic")
    assert world.done("/run/v2/", operation)["response"]["trafficStatuses"][0]["revision"] == good
    _, operation = world.ask("PATCH", WEB, {"traffic": []}, updateMask="traffic")
    assert "is not ready and cannot serve traffic" in world.done("/run/v2/", operation)["error"]["message"]


def test_a_revision_that_gets_no_requests_is_retired_and_only_then_deleted(world: Any) -> None:
    rolled_out(world, service())
    first = world.ask("GET", WEB)[1]["latestReadyRevision"]
    assert world.ask("DELETE", f"/run/v2/{first}")[1]["error"]["status"] == "FAILED_PRECONDITION"
    _, operation = world.ask("PATCH", WEB, service({"image": "r/j"}), updateMask="template")
    world.done("/run/v2/", operation)
    active = next(
        one for one in world.ask("GET", f"/run/v2/{first}")[1]["conditions"] if one["type"] == "Active"
    )  # fmt: skip
    assert (active["state"], active["revisionReason"]) == ("CONDITION_FAILED", "RETIRED")
    _, operation = world.ask("DELETE", f"/run/v2/{first}")
    assert world.done("/run/v2/", operation)["response"]["name"] == first
    assert world.ask("GET", f"/run/v2/{first}")[0] == 404


def test_changes_that_overtake_each_other_end_at_the_last(world: Any) -> None:
    rolled_out(world, service())
    _, first = world.ask("PATCH", WEB, service({"image": "r/2"}), updateMask="template")
    world.pass_time(5)
    world.ask("PATCH", WEB, {"labels": {"a": "b"}}, updateMask="labels")
    world.pass_time(60)
    found = world.ask("GET", WEB)[1]
    assert found["latestReadyRevision"] == found["latestCreatedRevision"]
    assert ("reconciling" in found, found["observedGeneration"]) == (False, "3")
    assert world.ask("GET", f"/run/v2/{first['name']}")[1]["done"]
    for revision in world.ask("GET", f"{WEB}/revisions")[1]["revisions"]:
        assert not revision.get("reconciling")


def test_validating_stores_nothing(world: Any) -> None:
    status, operation = world.ask("POST", f"{BASE}/services", service(), serviceId="web", validateOnly="true")
    assert (status, operation["done"], operation["response"]["template"]["timeout"]) == (200, True, "300s")
    assert world.ask("GET", WEB)[0] == 404
    rolled_out(world, service())
    world.ask("PATCH", WEB, service({"image": "r/2"}), updateMask="template", validateOnly="true")
    world.ask("DELETE", WEB, validateOnly="true")
    found = world.ask("GET", WEB)[1]
    assert (found["generation"], found["template"]["containers"][0]["image"]) == ("1", "r/i")
    assert len(world.ask("GET", f"{WEB}/revisions")[1]["revisions"]) == 1


def test_a_patch_may_make_what_is_missing(world: Any) -> None:
    assert world.ask("PATCH", WEB, service())[0] == 404
    assert world.ask("PATCH", WEB, service(), allowMissing="true")[0] == 200
    assert world.ask("GET", WEB)[0] == 200


def test_a_named_revision_is_made_once(world: Any) -> None:
    rolled_out(world, service(revision="web-blue"))
    assert world.ask("GET", f"{WEB}/revisions/web-blue")[0] == 200
    status, answer = world.ask("PATCH", WEB, service({"image": "r/2"}, revision="web-blue"), updateMask="template")
    assert (status, answer["error"]["message"]) == (
        409, "Revision named 'web-blue' with different configuration already exists.",
    )  # fmt: skip


def test_a_name_too_long_for_a_label_has_the_older_address(world: Any) -> None:
    own = "w" * 49
    world.ask("POST", f"{BASE}/services", service(), serviceId=own)
    world.pass_time(60)
    found = world.ask("GET", f"{BASE}/services/{own}")[1]
    assert len(found["uri"].removeprefix("https://").split(".")[0]) <= 63
    tagged = {"traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100, "tag": "a" * 12}]}
    rolled_out(world, service())
    _, operation = world.ask("PATCH", WEB, tagged, updateMask="traffic")
    uri = world.done("/run/v2/", operation)["response"]["trafficStatuses"][0]["uri"]
    assert uri.startswith(f"https://{'a' * 12}---web-")


def test_a_region_that_is_not_there_is_refused(world: Any) -> None:
    nowhere = BASE.replace("europe-west1", "europe-west99")
    status, answer = world.ask("POST", f"{nowhere}/services", service(), serviceId="web")
    assert (status, answer["error"]["message"]) == (
        403, "Permission denied on 'locations/europe-west99' (or it may not exist).",
    )  # fmt: skip


def test_the_way_out_is_filled_in(world: Any) -> None:
    world.ask(
        "POST", f"{BASE}/services", service(vpcAccess={"networkInterfaces": [{"network": "default"}]}), serviceId="web"
    )
    assert world.ask("GET", WEB)[1]["template"]["vpcAccess"] == {
        "egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [{"network": "default", "subnetwork": "default"}],
    }  # fmt: skip
