"""Cloud Run's Knative v1 view in the core: the objects of v2 in another form, as complete as the real ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "samples.jsonl"
HOST = {"host": "europe-west1-run.googleapis.com"}
V1 = "/run/apis/serving.knative.dev/v1/namespaces/acme-eu-001"
JOBS = "/run/apis/run.googleapis.com/v1/namespaces/acme-eu-001"
V2 = "/run/v2/projects/acme-eu-001/locations/europe-west1"
# What the console or a person had set on the sampled objects, so that ours need not have it.
CHOSEN = ("client.knative.dev/user-image", "environment")


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, str(index)))
    else:
        yield path


def sampled(kind: str) -> list[Any]:
    if not SAMPLES.exists():
        pytest.skip(f"no recordings beside the repository ({SAMPLES.name} is missing)")
    rows = [json.loads(line)["response"] for line in SAMPLES.read_text().splitlines()]
    objects = [item for row in rows if isinstance(row, dict) for item in (row, *(row.get("items") or ()))]
    return [found for found in objects if isinstance(found, dict) and found.get("kind") == kind]


def web(image: str = "r/i@sha256:1", notes: Any = None, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"annotations": notes or {}}, "spec": {"containers": [{"image": image}], **spec}}
    meta = {
        "name": "web",
        "namespace": "acme-eu-001",
        "annotations": {"run.googleapis.com/client-name": "cloud-console"},
    }
    return {
        "apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": meta, "spec": {"template": template},
    }  # fmt: skip


def job() -> dict[str, Any]:
    task = {"spec": {"containers": [{"image": "r/i"}]}}
    client = {"annotations": {"run.googleapis.com/client-name": "cloud-console"}}
    spec = {"template": {"metadata": client, "spec": {"template": task}}}
    return {"apiVersion": "run.googleapis.com/v1", "kind": "Job", "metadata": {"name": "job", **client}, "spec": spec}


@pytest.fixture
def made(world: Any) -> Any:
    """A service made through v1, ready."""
    body = web(notes={"autoscaling.knative.dev/maxScale": "5", "run.googleapis.com/client-name": "cloud-console"})
    body["spec"]["template"]["metadata"]["name"] = "web-00001-tiv"
    status, _ = world.ask("POST", f"{V1}/services", body, headers=HOST)
    assert status == 200
    world.pass_time(60)
    return world.ask("GET", f"{V1}/services/web", headers=HOST)[1]


def lacking(real: Any, ours: Any) -> set[tuple[str, ...]]:
    return {path for path in set(leaves(real)) - set(leaves(ours)) if not set(path) & set(CHOSEN)}


def test_a_service_has_every_leaf_that_a_real_one_has(world: Any, made: Any) -> None:
    for real in sampled("Service"):
        assert not lacking(real, made)


def test_a_revision_has_every_leaf_that_a_real_one_has(world: Any, made: Any) -> None:
    listed = world.ask("GET", f"{V1}/revisions", headers=HOST)[1]
    assert listed["kind"] == "RevisionList"
    for real in sampled("Revision"):
        assert not lacking(real, listed["items"][0])
    labels = listed["items"][0]["metadata"]["labels"]
    assert labels["serving.knative.dev/serviceUid"] == made["metadata"]["uid"]
    assert labels["run.googleapis.com/startupProbeType"] == "Default"


def test_a_job_has_every_leaf_that_a_real_one_has(world: Any) -> None:
    assert world.ask("POST", f"{JOBS}/jobs", job(), headers=HOST)[0] == 200
    world.pass_time(60)
    listed = world.ask("GET", f"{JOBS}/jobs", headers=HOST)[1]
    for real in sampled("Job"):
        assert not lacking(real, listed["items"][0])


def test_both_apis_show_one_object(world: Any, made: Any) -> None:
    """What v1 made is in v2, what v2 changes is in v1."""
    found = world.ask("GET", f"{V2}/services/web")[1]
    assert found["uid"] == made["metadata"]["uid"]
    assert (found["client"], found["template"]["scaling"]) == ("cloud-console", {"maxInstanceCount": 5})
    assert found["template"]["revision"] == "web-00001-tiv"
    change = {"description": "a shop", "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "labels": {"team": "a"}}
    world.ask("PATCH", f"{V2}/services/web", change, updateMask="description,ingress,labels")
    world.pass_time(60)
    meta = world.ask("GET", f"{V1}/services/web", headers=HOST)[1]["metadata"]
    assert meta["annotations"]["run.googleapis.com/ingress"] == "internal"
    assert meta["annotations"]["run.googleapis.com/description"] == "a shop"
    assert (meta["labels"]["team"], meta["generation"]) == ("a", 2)


TEMPLATES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "scaling": (
        {"autoscaling.knative.dev/minScale": "2"}, {"scaling": {"minInstanceCount": 2, "maxInstanceCount": 100}},
    ),
    "environment": (
        {"run.googleapis.com/execution-environment": "gen2"}, {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2"},
    ),
    "affinity": ({"run.googleapis.com/sessionAffinity": "true"}, {"sessionAffinity": True}),
    "network": (
        {
            "run.googleapis.com/network-interfaces": '[{"network":"default","subnetwork":"default"}]',
            "run.googleapis.com/vpc-access-egress": "all-traffic",
        },
        {"vpcAccess": {
            "networkInterfaces": [{"network": "default", "subnetwork": "default"}], "egress": "ALL_TRAFFIC",
        }},
    ),
    "key": (
        {"run.googleapis.com/encryption-key": "k", "run.googleapis.com/encryption-key-shutdown-hours": "2"},
        {"encryptionKey": "k", "encryptionKeyShutdownDuration": "7200s"},
    ),
    "sql": (
        {"run.googleapis.com/cloudsql-instances": "p:r:a,p:r:b"},
        {"volumes": [{"name": "cloudsql", "cloudSqlInstance": {"instances": ["p:r:a", "p:r:b"]}}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_annotations_are_fields_in_v2_and_come_back(world: Any, name: str) -> None:
    notes, fields = TEMPLATES[name]
    assert world.ask("POST", f"{V1}/services", web(notes=notes), headers=HOST)[0] == 200
    template = world.ask("GET", f"{V2}/services/web")[1]["template"]
    assert {key: template.get(key) for key in fields} == fields
    assert "annotations" not in template, "the system's own annotations are fields there"
    again = world.ask("GET", f"{V1}/services/web", headers=HOST)[1]["spec"]["template"]["metadata"]["annotations"]
    assert notes.items() <= again.items()


def test_containers_come_back_as_they_were_sent(world: Any) -> None:
    sent = {
        "containers": [
            {
                "name": "app", "image": "r/i", "ports": [{"name": "http1", "containerPort": 80}],
                "env": [
                    {"name": "A", "value": "1"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "3"}}},
                ],
                "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
                "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "g", "mountPath": "/g"}],
                "livenessProbe": {
                    "httpGet": {"path": "/up", "port": 80}, "timeoutSeconds": 1, "periodSeconds": 10,
                    "failureThreshold": 3,
                },
            },
            {"name": "side", "image": "r/j", "resources": {"limits": {"cpu": "1", "memory": "512Mi"}}},
        ],
        "volumes": [
            {"name": "v", "secret": {"secretName": "s", "items": [{"key": "latest", "path": "f"}]}},
            {"name": "g", "csi": {
                "driver": "gcsfuse.run.googleapis.com",
                "volumeAttributes": {"bucketName": "b", "mountOptions": "only-dir=a,implicit-dirs"},
            }},
        ],
        "timeoutSeconds": 60, "containerConcurrency": 7,
    }  # fmt: skip
    body = web(**sent, notes={"run.googleapis.com/container-dependencies": '{"app":["side"]}'})
    status, answer = world.ask("POST", f"{V1}/services", body, headers=HOST)
    assert status == 200, answer
    got = answer["spec"]["template"]
    for index, container in enumerate(got["spec"]["containers"]):
        assert sent["containers"][index].items() <= container.items()
    assert {key: got["spec"][key] for key in ("volumes", "timeoutSeconds", "containerConcurrency")} == {
        key: sent[key] for key in ("volumes", "timeoutSeconds", "containerConcurrency")
    }
    assert got["metadata"]["annotations"]["run.googleapis.com/container-dependencies"] == '{"app":["side"]}'
    assert world.ask("GET", f"{V2}/services/web")[1]["template"]["containers"][0]["dependsOn"] == ["side"]


def test_a_stale_resource_version_is_a_conflict(world: Any, made: Any) -> None:
    body = {**made, "metadata": {**made["metadata"]}}
    assert world.ask("PUT", f"{V1}/services/web", {**web("r/i:2"), "status": None}, headers=HOST)[0] == 200
    status, answer = world.ask("PUT", f"{V1}/services/web", body, headers=HOST)
    current = world.ask("GET", f"{V1}/services/web", headers=HOST)[1]["metadata"]["resourceVersion"]
    sent = made["metadata"]["resourceVersion"]
    numbers = [int.from_bytes(base64.urlsafe_b64decode(text + "="), "big") for text in (sent, current)]
    assert (status, answer["error"]["status"]) == (409, "ABORTED")
    assert answer["error"]["message"] == (
        f"Conflict for resource 'web': version '{numbers[0]}' was specified but current version is '{numbers[1]}'."
    )


def test_traffic_by_revision_and_tag(world: Any, made: Any) -> None:
    body = web("r/i:2")
    body["spec"]["traffic"] = [
        {"latestRevision": True, "percent": 90}, {"revisionName": "web-00001-tiv", "percent": 10, "tag": "old"},
    ]  # fmt: skip
    assert world.ask("PUT", f"{V1}/services/web", body, headers=HOST)[0] == 200
    world.pass_time(60)
    after = world.ask("GET", f"{V1}/services/web", headers=HOST)[1]
    number = after["metadata"]["namespace"]
    assert after["spec"]["traffic"] == body["spec"]["traffic"]
    assert after["status"]["traffic"][1] == {
        "revisionName": "web-00001-tiv", "percent": 10, "tag": "old",
        "url": f"https://old---web-{number}.europe-west1.run.app",
    }  # fmt: skip
    assert after["status"]["traffic"][0]["revisionName"] == after["status"]["latestReadyRevisionName"]


def test_what_is_going_on_is_unknown_and_what_failed_says_why(world: Any) -> None:
    secret = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "nope", "key": "latest"}}}]
    world.ask("POST", f"{V1}/services", web(containers=[{"image": "r/i", "env": secret}]), headers=HOST)
    early = world.ask("GET", f"{V1}/services/web", headers=HOST)[1]["status"]
    assert {one["type"]: one["status"] for one in early["conditions"]} == {
        "Ready": "Unknown", "ConfigurationsReady": "Unknown", "RoutesReady": "Unknown",
    }  # fmt: skip
    assert not {"url", "observedGeneration", "latestReadyRevisionName"} & set(early)
    world.pass_time(60)
    late = world.ask("GET", f"{V1}/services/web", headers=HOST)[1]["status"]
    ready = next(one for one in late["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"], late["observedGeneration"]) == ("False", "RevisionFailed", 1)
    assert "secret_key_ref.name: Secret projects/" in ready["message"]
    revision = world.ask("GET", f"{V1}/revisions", headers=HOST)[1]["items"][0]
    assert revision["status"]["conditions"][0]["reason"] == "SecretsAccessCheckFailed"


def test_lists_are_selected_by_labels_and_go_on_page_by_page(world: Any, made: Any) -> None:
    for own in ("api", "shop"):
        body = web()
        body["metadata"] |= {"name": own, "labels": {"team": own}}
        assert world.ask("POST", f"{V1}/services", body, headers={"host": "us-central1-run.googleapis.com"})[0] == 200

    def listed(path: str = f"{V1}/services", **query: Any) -> list[str]:
        status, answer = world.ask("GET", path, **query)
        assert status == 200, answer
        return [item["metadata"]["name"] for item in answer.get("items", [])]

    assert listed(headers=HOST) == ["web"]
    assert sorted(listed()) == ["api", "shop", "web"], "the global host shows every region"
    assert listed(labelSelector="team in (shop, x)") == ["shop"]
    assert listed(labelSelector="team,team!=shop") == ["api"]
    assert listed(labelSelector="!team") == ["web"]
    assert listed(f"{V1}/revisions", labelSelector="serving.knative.dev/service = web", headers=HOST) == [
        "web-00001-tiv"
    ]
    assert world.ask("GET", f"{V1}/services", labelSelector="a in (")[0] == 400
    first = world.ask("GET", f"{V1}/services", limit=2)[1]
    assert len(first["items"]) == 2
    rest = world.ask("GET", f"{V1}/services", limit=2, **{"continue": first["metadata"]["continue"]})[1]
    assert (len(rest["items"]), rest["metadata"]) == (1, {})
    everywhere = "/run/v1/projects/acme-eu-001/locations/-/services"
    assert sorted(listed(everywhere)) == ["api", "shop", "web"]


def test_deleting_answers_a_kubernetes_status(world: Any, made: Any) -> None:
    status, answer = world.ask("DELETE", f"{V1}/services/web", headers=HOST)
    assert (status, answer["status"], answer["details"]["name"]) == (200, "Success", "web")
    status, answer = world.ask("GET", f"{V1}/services/web", headers=HOST)
    assert (status, answer["error"]["message"]) == (
        404, "Resource 'web' of kind 'SERVICE' in region 'europe-west1' in project 'acme-eu-001' does not exist.",
    )  # fmt: skip
    assert "items" not in world.ask("GET", f"{V1}/revisions", headers=HOST)[1]


def test_the_global_host_cannot_tell_where_to_make_something(world: Any) -> None:
    status, answer = world.ask("POST", f"{V1}/services", web())
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_an_operation_of_v1_speaks_of_v1s_object(world: Any) -> None:
    _, fresh = world.ask("POST", f"{V1}/services", web(), headers=HOST)
    own = fresh["metadata"]["annotations"]["run.googleapis.com/operation-id"]
    path = f"/run/v1/projects/acme-eu-001/locations/europe-west1/operations/{own}"
    assert "done" not in world.ask("POST", f"{path}:wait", {"timeout": "30s"})[1]
    world.pass_time(60)
    done = world.ask("GET", path)[1]
    assert done["response"]["metadata"]["name"] == "web"
    assert done["response"]["status"]["conditions"][0]["status"] == "True"


def test_a_job_runs_through_v1(world: Any) -> None:
    world.ask("POST", f"{JOBS}/jobs", job(), headers=HOST)
    world.pass_time(60)
    status, execution = world.ask("POST", f"{JOBS}/jobs/job:run", {"overrides": {"taskCount": 2}}, headers=HOST)
    assert (status, execution["kind"]) == (200, "Execution")
    own = execution["metadata"]["name"]
    world.pass_time(10)
    running = world.ask("GET", f"{JOBS}/executions/{own}", headers=HOST)[1]["status"]
    assert (running["runningCount"], "completionTime" in running) == (2, False)
    world.pass_time(60)
    done = world.ask("GET", f"{JOBS}/executions/{own}", headers=HOST)[1]["status"]
    assert (done["succeededCount"], done["conditions"][0]["type"]) == (2, "Completed")
    tasks = world.ask("GET", f"{JOBS}/tasks", headers=HOST, labelSelector=f"run.googleapis.com/execution = {own}")[1][
        "items"
    ]
    assert [task["status"]["index"] for task in tasks] == [0, 1]
    assert world.ask("GET", f"{JOBS}/tasks/{own}-task1", headers=HOST)[1]["metadata"]["name"] == f"{own}-task1"
    latest = world.ask("GET", f"{JOBS}/jobs/job", headers=HOST)[1]["status"]["latestCreatedExecution"]
    assert (latest["name"], latest["completionStatus"]) == (own, "EXECUTION_SUCCEEDED")


def test_an_instance_and_a_worker_pool_through_v1(world: Any) -> None:
    one = {"kind": "Instance", "metadata": {"name": "one"}, "spec": {"containers": [{"image": "r/i"}]}}
    assert world.ask("POST", f"{JOBS}/instances", one, headers=HOST)[0] == 200
    world.pass_time(60)
    assert (
        world.ask("POST", f"{JOBS}/instances/one:stop", {}, headers=HOST)[1]["status"]["conditions"][0]["status"]
        == "False"
    )
    assert [item["kind"] for item in world.ask("GET", f"{JOBS}/instances", headers=HOST)[1]["items"]] == ["Instance"]
    pool = {"kind": "WorkerPool", **web(), "metadata": {"name": "pool"}}
    assert world.ask("POST", f"{JOBS}/workerpools", pool, headers=HOST)[0] == 200
    world.pass_time(60)
    found = world.ask("GET", f"{JOBS}/workerpools/pool", headers=HOST)[1]
    latest = found["status"]["latestReadyRevisionName"]
    assert found["status"]["instanceSplits"] == [{"latestRevision": True, "percent": 100, "revisionName": latest}]
    revision = world.ask("GET", f"{V1}/revisions/{latest}", headers=HOST)[1]
    assert revision["metadata"]["labels"]["run.googleapis.com/workerPool"] == "pool"
    listed = world.ask("GET", "/run/v1/projects/acme-eu-001/locations/europe-west1/operations")[1]["operations"]
    assert sorted(one["metadata"]["kind"] for one in listed) == ["Instance", "WorkerPool"]


def test_a_project_that_is_not_there_is_forbidden(world: Any) -> None:
    for path in (
        "apis/serving.knative.dev/v1/namespaces/nobody/services/web",
        "v2/projects/nobody/locations/r/services/web",
    ):
        status, answer = world.ask("GET", f"/run/{path}", headers=HOST)
        resource = path.partition("/v1/")[2] or path.removeprefix("v2/")
        assert (status, answer["error"]["message"]) == (
            403, f"Permission 'run.services.get' denied on resource '{resource}' (or resource may not exist).",
        )  # fmt: skip
