"""Jobs, their executions and tasks, worker pools, instances and operations of Cloud Run v2 in the core."""

from __future__ import annotations

from typing import Any

import pytest

BASE = "/run/v2/projects/acme-eu-001/locations/europe-west1"
JOB = f"{BASE}/jobs/nightly"


def job(**task: Any) -> dict[str, Any]:
    return {"template": {"taskCount": 3, "template": {"containers": [{"image": "r/i", "args": ["all"]}], **task}}}


@pytest.fixture
def nightly(world: Any) -> Any:
    _, operation = world.ask("POST", f"{BASE}/jobs", job(), jobId="nightly")
    return world.done("/run/v2/", operation)["response"]


def test_an_execution_starts_runs_and_ends(world: Any, nightly: Any) -> None:
    status, operation = world.ask("POST", f"{JOB}:run", {})
    assert status == 200
    execution = operation["metadata"]
    path = "/run/v2/" + execution["name"]
    assert (execution["taskCount"], "startTime" in execution, execution["reconciling"]) == (3, False, True)
    assert world.ask("GET", JOB)[1]["latestCreatedExecution"]["completionStatus"] == "EXECUTION_RUNNING"
    world.pass_time(6)
    running = world.ask("GET", path)[1]
    assert (running["runningCount"], "completionTime" in running) == (3, False)
    assert "done" not in world.ask("GET", "/run/v2/" + operation["name"])[1]
    done = world.done("/run/v2/", operation, 60)["response"]
    assert (done["succeededCount"], "runningCount" in done) == (3, False)
    assert done["startTime"] < done["completionTime"]
    tasks = world.ask("GET", f"{path}/tasks")[1]["tasks"]
    assert [task.get("index", 0) for task in tasks] == [0, 1, 2]
    assert all(task["conditions"][0]["state"] == "CONDITION_SUCCEEDED" for task in tasks)
    after = world.ask("GET", JOB)[1]
    assert after["executionCount"] == 1
    assert after["latestCreatedExecution"]["completionStatus"] == "EXECUTION_SUCCEEDED"


def test_nobody_asking_between_start_and_end_changes_nothing(world: Any, nightly: Any) -> None:
    _, operation = world.ask("POST", f"{JOB}:run", {})
    done = world.done("/run/v2/", operation)["response"]
    assert {one["type"] for one in done["conditions"]} >= {"Completed", "Started", "ResourcesAvailable"}
    assert done["createTime"] < done["startTime"] < done["completionTime"]


def test_a_run_may_have_its_own_arguments(world: Any, nightly: Any) -> None:
    overrides = {
        "taskCount": 1, "timeout": "60s",
        "containerOverrides": [{"args": ["one"], "env": [{"name": "A", "value": "b"}]}],
    }  # fmt: skip
    _, operation = world.ask("POST", f"{JOB}:run", {"overrides": overrides})
    execution = operation["metadata"]
    container = execution["template"]["containers"][0]
    assert (container["args"], container["env"]) == (["one"], [{"name": "A", "value": "b"}])
    assert (execution["taskCount"], execution["template"]["timeout"]) == (1, "60s")
    assert world.ask("GET", JOB)[1]["template"]["template"]["containers"][0]["args"] == ["all"]


def test_an_execution_is_cancelled_once(world: Any, nightly: Any) -> None:
    _, operation = world.ask("POST", f"{JOB}:run", {})
    path = "/run/v2/" + operation["metadata"]["name"]
    world.pass_time(6)
    status, answer = world.ask("POST", f"{path}:cancel", {})
    assert (status, answer["done"], answer["response"]["cancelledCount"]) == (200, True, 3)
    assert world.ask("POST", f"{path}:cancel", {})[1]["error"]["status"] == "FAILED_PRECONDITION"
    error = world.done("/run/v2/", operation)["error"]
    assert error["code"] == 1
    assert world.ask("GET", path)[1]["conditions"][0]["executionReason"] == "CANCELLED"
    assert world.ask("GET", JOB)[1]["latestCreatedExecution"]["completionStatus"] == "EXECUTION_CANCELLED"


def test_an_execution_that_fails_says_which_task(world: Any, nightly: Any) -> None:
    _, operation = world.ask("POST", f"{JOB}:run", {}, half_finish="INTERNAL: boom")
    done = world.done("/run/v2/", operation)
    assert "-task0 failed with message: The container exited with an error." in done["error"]["message"]
    found = world.ask("GET", "/run/v2/" + operation["metadata"]["name"])[1]
    assert (found["failedCount"], found["conditions"][0]["executionReason"]) == (3, "NON_ZERO_EXIT_CODE")


def test_a_token_in_a_job_runs_it(world: Any) -> None:
    world.ask("POST", f"{BASE}/jobs", {**job(), "runExecutionToken": "first"}, jobId="nightly")
    world.pass_time(100)
    assert world.ask("GET", f"{JOB}/executions/nightly-first")[1]["succeededCount"] == 3
    world.ask("PATCH", JOB, {**job(), "runExecutionToken": "first"})
    assert world.ask("GET", JOB)[1]["executionCount"] == 1, "the same token runs nothing again"


def test_a_job_takes_its_executions_along(world: Any, nightly: Any) -> None:
    _, operation = world.ask("POST", f"{JOB}:run", {})
    path = "/run/v2/" + operation["metadata"]["name"]
    world.pass_time(100)
    _, operation = world.ask("DELETE", JOB)
    gone = world.done("/run/v2/", operation)
    assert gone["response"]["generation"] == gone["response"]["observedGeneration"] == "2"
    assert world.ask("GET", path)[0] == world.ask("GET", f"{path}/tasks/{path.rsplit('/', 1)[1]}-task0")[0] == 404


def test_jobs_are_judged_too(world: Any) -> None:
    for task in ({"maxRetries": 11}, {"timeout": "700000s"}, {"containers": []}):
        assert world.ask("POST", f"{BASE}/jobs", job(**task), jobId="nightly")[0] == 400, task
    assert world.ask("POST", f"{BASE}/jobs", job(timeout="86400s"), jobId="nightly")[0] == 200


def test_a_worker_pool_makes_revisions_and_has_no_address(world: Any) -> None:
    body = {"template": {"containers": [{"image": "r/i"}]}}
    _, operation = world.ask("POST", f"{BASE}/workerPools", body, workerPoolId="pool")
    made = world.done("/run/v2/", operation)["response"]
    assert made["@type"].endswith(".WorkerPool")
    assert "uri" not in made
    assert made["instanceSplitStatuses"] == [{"type": "INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST", "percent": 100}]
    assert made["scaling"] == {"manualInstanceCount": 1}
    _, operation = world.ask(
        "PATCH", f"{BASE}/workerPools/pool", {"scaling": {"manualInstanceCount": 3}}, updateMask="scaling"
    )
    assert world.done("/run/v2/", operation)["response"]["latestReadyRevision"] == made["latestReadyRevision"]
    assert len(world.ask("GET", f"{BASE}/workerPools/pool/revisions")[1]["revisions"]) == 1
    _, operation = world.ask("DELETE", f"{BASE}/workerPools/pool")
    world.done("/run/v2/", operation)
    assert world.ask("GET", f"{BASE}/workerPools/pool")[0] == 404


def test_an_instance_is_started_and_stopped(world: Any) -> None:
    path = f"{BASE}/instances/one"
    _, operation = world.ask("POST", f"{BASE}/instances", {"containers": [{"image": "r/i"}]}, instanceId="one")
    assert world.done("/run/v2/", operation)["response"]["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"
    _, operation = world.ask("POST", f"{path}:stop", {})
    assert world.done("/run/v2/", operation)["response"]["terminalCondition"]["message"] == "Instance stopped."
    world.ask("POST", f"{path}:start", {})
    assert world.ask("GET", path)[1]["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"


def test_operations_are_listed_by_whether_they_are_done_waited_for_and_forgotten(world: Any, nightly: Any) -> None:
    _, operation = world.ask("POST", f"{JOB}:run", {})
    path = "/run/v2/" + operation["name"]
    assert [one["name"] for one in world.ask("GET", f"{BASE}/operations", filter="done:false")[1]["operations"]] == [
        operation["name"]
    ]
    assert "done" not in world.ask("POST", f"{path}:wait", {"timeout": "1s"})[1]
    assert world.ask("DELETE", path) == (200, {})
    assert world.ask("GET", path)[0] == 200, "one that runs stays"
    world.pass_time(100)
    assert world.ask("POST", f"{path}:wait", {})[1]["done"]
    world.ask("DELETE", path)
    assert world.ask("GET", path)[0] == 404


def test_source_is_built_by_cloud_build(world: Any) -> None:
    image = "europe-west1-docker.pkg.dev/acme-eu-001/r/i"
    body = {"imageUri": image, "storageSource": {"bucket": "b", "object": "o.tgz"}, "dockerBuild": {}}
    assert world.ask("POST", f"{BASE}/builds:submit", {**body, "buildpackBuild": {}})[0] == 400
    status, answer = world.ask("POST", f"{BASE}/builds:submit", body)
    assert status == 200
    own = answer["buildOperation"]["metadata"]["build"]["id"]
    by_build = world.ask("GET", f"/cloudbuild/v1/projects/acme-eu-001/locations/europe-west1/operations/{own}")
    assert by_build == (200, answer["buildOperation"]), "gcloud looks for the operation by its build"
    done = world.done("/cloudbuild/v1/", answer["buildOperation"])
    assert (done["response"]["status"], done["response"]["results"]["images"][0]["name"]) == ("SUCCESS", image)


def test_what_one_may_do_with_a_service_can_be_asked_before_it_is_there(world: Any) -> None:
    asked = {"permissions": ["run.services.setIamPolicy"]}
    assert world.ask("POST", f"{BASE}/services/none:testIamPermissions", asked) == (200, asked)
    assert world.ask("GET", f"{BASE}/services/none:getIamPolicy")[0] == 404
