"""Cloud Run as its users reach it: every client of google-cloud-run, the discovery client, and gcloud itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from google.protobuf.duration_pb2 import Duration
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.localcloud.gcloud import GcloudError
from tests.localcloud.test_google_clients import PLACE, SOON, made  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow
IMAGE = "us-docker.pkg.dev/cloudrun/container/hello"
HERE = f"--region={PLACE}"


def template(image: str = IMAGE) -> dict[str, Any]:
    return {"containers": [{"image": image}]}


def test_services_and_revisions(made: Any, project: str) -> None:  # noqa: F811
    services, revisions = made(run_v2.ServicesClient, "run"), made(run_v2.RevisionsClient, "run")
    parent = f"projects/{project}/locations/{PLACE}"
    wish = {"template": template(), "ingress": run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY}
    service = services.create_service(parent=parent, service_id="web", service=wish).result(polling=SOON)
    assert service.terminal_condition.state.name == "CONDITION_SUCCEEDED"
    assert service.ingress.name == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    first = service.latest_ready_revision
    changed = run_v2.Service(name=service.name, template=template(IMAGE + ":2"))
    after = services.update_service(service=changed, update_mask={"paths": ["template"]}).result(polling=SOON)
    listed = list(revisions.list_revisions(parent=service.name))
    assert {found.name for found in listed} == {first, after.latest_ready_revision}
    assert revisions.get_revision(name=first).service == "web"
    assert revisions.delete_revision(name=first).result(polling=SOON).name == first
    with pytest.raises(exceptions.NotFound, match="of kind 'REVISION'"):
        revisions.get_revision(name=first)
    split = {"type_": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "percent": 100, "revision": "web-none"}
    bad = services.update_service(
        service=run_v2.Service(name=service.name, traffic=[split]), update_mask={"paths": ["traffic"]}
    )
    with pytest.raises(exceptions.GoogleAPICallError, match="does not exist or is deleted"):
        bad.result(polling=SOON)
    with pytest.raises(exceptions.BadRequest, match="required field not present"):
        services.create_service(parent=parent, service_id="bad", service={"template": {"containers": [{}]}})
    policy = services.get_iam_policy(request={"resource": service.name})
    policy.bindings.add(role="roles/run.invoker", members=["allUsers"])
    services.set_iam_policy(request={"resource": service.name, "policy": policy})
    assert services.get_iam_policy(request={"resource": service.name}).bindings[0].members == ["allUsers"]
    assert [found.name for found in services.list_services(parent=parent)] == [service.name]
    gone = services.delete_service(name=service.name).result(polling=SOON)
    assert gone.delete_time < gone.expire_time


def test_jobs_executions_and_tasks(made: Any, project: str) -> None:  # noqa: F811
    jobs, executions = made(run_v2.JobsClient, "run"), made(run_v2.ExecutionsClient, "run")
    tasks = made(run_v2.TasksClient, "run")
    parent = f"projects/{project}/locations/{PLACE}"
    wish = {"template": {"task_count": 2, "template": {**template(), "timeout": Duration(seconds=60)}}}
    job = jobs.create_job(parent=parent, job_id="nightly", job=wish).result(polling=SOON)
    assert job.template.template.execution_environment.name == "EXECUTION_ENVIRONMENT_GEN2"
    running = jobs.run_job(name=job.name)
    done = running.result(polling=SOON)
    assert (done.task_count, done.succeeded_count) == (2, 2)
    assert [found.name for found in executions.list_executions(parent=job.name)] == [done.name]
    assert [task.index for task in tasks.list_tasks(parent=done.name)] == [0, 1]
    assert tasks.get_task(name=f"{done.name}/tasks/{done.name.rsplit('/', 1)[1]}-task1").index == 1
    with pytest.raises(exceptions.GoogleAPICallError, match="already completed"):
        executions.cancel_execution(name=done.name)
    latest = jobs.get_job(name=job.name).latest_created_execution
    assert latest.completion_status.name == "EXECUTION_SUCCEEDED"
    executions.delete_execution(name=done.name).result(polling=SOON)
    jobs.update_job(job=run_v2.Job(name=job.name, template=wish["template"])).result(polling=SOON)
    jobs.delete_job(name=job.name).result(polling=SOON)
    assert list(jobs.list_jobs(parent=parent)) == []


def test_worker_pools_and_instances(made: Any, project: str) -> None:  # noqa: F811
    pools, instances = made(run_v2.WorkerPoolsClient, "run"), made(run_v2.InstancesClient, "run")
    parent = f"projects/{project}/locations/{PLACE}"
    wish = {"template": template()}
    pool = pools.create_worker_pool(parent=parent, worker_pool_id="pool", worker_pool=wish).result(polling=SOON)
    assert pool.instance_split_statuses[0].percent == 100
    assert [found.name for found in pools.list_worker_pools(parent=parent)] == [pool.name]
    pools.delete_worker_pool(name=pool.name).result(polling=SOON)
    one = instances.create_instance(request={"parent": parent, "instance_id": "one", "instance": template()}).result(
        polling=SOON
    )
    instances.stop_instance(name=one.name).result(polling=SOON)
    assert instances.get_instance(name=one.name).terminal_condition.message == "Instance stopped."
    instances.delete_instance(name=one.name).result(polling=SOON)
    assert list(instances.list_instances(parent=parent)) == []


def test_source_builds(made: Any, cloud: Any, project: str) -> None:  # noqa: F811
    client = made(run_v2.BuildsClient, "run")
    source = {"bucket": "b", "object_": "o.tgz"}
    wish = {
        "parent": f"projects/{project}/locations/{PLACE}", "image_uri": "r/i", "storage_source": source,
        "docker_build": {},
    }  # fmt: skip
    operation = client.submit_build(request=wish).build_operation
    assert cloud.call("GET", f"/cloudbuild/v1/{operation.name}")[0] == 200


def test_the_discovery_client_speaks_v1_to_a_regional_host(cloud: Any, project: str) -> None:
    options = {"api_endpoint": f"{cloud.url}/{PLACE}-run"}
    run = build("run", "v1", credentials=AnonymousCredentials(), client_options=options, cache_discovery=False)
    services = run.namespaces().services()
    spec = {"template": {"spec": {"containers": [{"image": IMAGE}]}}}
    body = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    made_here = services.create(parent=f"namespaces/{project}", body=body).execute()
    assert made_here["metadata"]["labels"]["cloud.googleapis.com/location"] == PLACE
    cloud.call("POST", "/_aipress/time", {"advance": 60})
    name = f"namespaces/{project}/services/web"
    found = services.get(name=name).execute()
    assert found["status"]["url"].startswith("https://web-")
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "r/other"
    assert services.replaceService(name=name, body=found).execute()["metadata"]["generation"] == 2
    with pytest.raises(HttpError, match="Conflict for resource 'web'"):
        services.replaceService(name=name, body=found).execute()
    assert services.delete(name=name).execute()["status"] == "Success"


def test_gcloud_deploys_changes_and_deletes_a_service(gcloud: Any, project: str) -> None:
    gcloud("run", "deploy", "web", f"--image={IMAGE}", HERE, "--allow-unauthenticated")
    assert "has been deployed and is serving" in gcloud.said
    assert [one["metadata"]["name"] for one in gcloud("run", "services", "list")] == ["web"]
    policy = gcloud("run", "services", "get-iam-policy", "web", HERE)
    assert policy["bindings"] == [{"role": "roles/run.invoker", "members": ["allUsers"]}]
    gcloud("run", "services", "update", "web", HERE, "--update-env-vars=A=B", "--no-traffic", "--tag=blue")
    assert "https://blue---web-" in gcloud.said
    revisions = gcloud("run", "revisions", "list", HERE, "--service=web")
    assert len(revisions) == 2
    newest = max(one["metadata"]["name"] for one in revisions)
    assert gcloud("run", "revisions", "describe", newest, HERE)["spec"]["containers"][0]["env"][0]["name"] == "A"
    gcloud("run", "services", "update-traffic", "web", HERE, "--to-latest")
    found = gcloud("run", "services", "describe", "web", HERE)
    assert {"latestRevision": True, "percent": 100, "revisionName": newest} in found["status"]["traffic"]
    gcloud(
        "run", "services", "add-iam-policy-binding", "web", HERE, "--member=user:jo@example.com",
        "--role=roles/run.developer",
    )  # fmt: skip
    older = min(one["metadata"]["name"] for one in revisions)
    gcloud("run", "revisions", "delete", older, HERE)
    with pytest.raises(GcloudError, match="Cannot find revision"):
        gcloud("run", "revisions", "describe", older, HERE)
    gcloud("run", "services", "delete", "web", HERE)
    with pytest.raises(GcloudError, match="Cannot find service"):
        gcloud("run", "services", "describe", "web", HERE)


def test_gcloud_shows_what_cloud_run_refuses_and_why_a_revision_failed(gcloud: Any) -> None:
    with pytest.raises(GcloudError, match=r"For 1\.0 CPU, memory must be between 128Mi and 4Gi inclusive"):
        gcloud("run", "deploy", "big", f"--image={IMAGE}", HERE, "--memory=16Gi", "--no-allow-unauthenticated")
    with pytest.raises(GcloudError, match=r"is not ready and cannot serve traffic.*versions/latest was not found"):
        gcloud(
            "run", "deploy", "web", f"--image={IMAGE}", HERE, "--set-secrets=A=nope:latest",
            "--no-allow-unauthenticated",
        )  # fmt: skip


def test_gcloud_makes_and_executes_a_job(gcloud: Any) -> None:
    gcloud("run", "jobs", "create", "nightly", f"--image={IMAGE}", HERE, "--tasks=2")
    done = gcloud("run", "jobs", "execute", "nightly", HERE, "--wait", "--update-env-vars=A=B")
    assert done["status"]["succeededCount"] == 2
    own = done["metadata"]["name"]
    executions = gcloud("run", "jobs", "executions", "list", HERE, "--job=nightly")
    assert [one["metadata"]["name"] for one in executions] == [own]
    assert len(gcloud("run", "jobs", "executions", "tasks", "list", f"--execution={own}", HERE)) == 2
    assert gcloud("run", "jobs", "describe", "nightly", HERE)["status"]["executionCount"] == 1
    gcloud("run", "jobs", "delete", "nightly", HERE)
    with pytest.raises(GcloudError, match="Cannot find job"):
        gcloud("run", "jobs", "describe", "nightly", HERE)


def test_gcloud_deploys_from_source(gcloud: Any, project: str, tmp_path: Path) -> None:
    """A repository, a bucket, an upload, a build and a service: six APIs in one command."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "Dockerfile").write_text("FROM scratch\n")
    gcloud("services", "enable", "iam.googleapis.com", "storage.googleapis.com")
    gcloud("iam", "service-accounts", "create", "builder")
    builder = f"projects/{project}/serviceAccounts/builder@{project}.iam.gserviceaccount.com"
    gcloud(
        "run", "deploy", "site", f"--source={tmp_path / 'site'}", HERE, "--no-allow-unauthenticated",
        f"--build-service-account={builder}",
    )  # fmt: skip
    image = gcloud("run", "services", "describe", "site", HERE)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.startswith(f"{PLACE}-docker.pkg.dev/{project}/cloud-run-source-deploy/site@sha256:")
