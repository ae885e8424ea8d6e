"""Cloud Build: what is refused, how a build passes through its stages, triggers, and worker pools as recorded."""

from __future__ import annotations

from typing import Any

import pytest

P = "/cloudbuild/v1/projects/acme-eu-001"
R = f"{P}/locations/europe-west1"
STEP = {"name": "gcr.io/cloud-builders/docker", "args": ["build", "."]}


def submit(world: Any, base: str = P, **wish: Any) -> Any:
    status, operation = world.ask("POST", f"{base}/builds", {"steps": [STEP], **wish})
    assert status == 200, operation
    return operation["metadata"]["build"]


def read(world: Any, build: Any) -> Any:
    status, row = world.ask("GET", f"{P}/builds/{build['id']}")
    assert status == 200
    return row


def ended(world: Any, **wish: Any) -> Any:
    build = submit(world, **wish)
    world.pass_time(5000)
    return read(world, build)


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"steps": []}, "invalid build: invalid .steps field: no build steps are specified"),
        ({"steps": [{"args": ["x"]}]}, "invalid build: invalid .steps field: build step 0 must specify name"),
        (
            {"steps": [{**STEP, "waitFor": ["x"]}]},
            'invalid build: invalid .steps field: build step #0 depends on "x", which has not been defined',
        ),
        (
            {"steps": [{**STEP, "id": "a"}, {**STEP, "id": "a"}]},
            'invalid build: invalid .steps field: build step #1 - "a": the ID is not unique',
        ),
        ({"timeout": "90000s"}, "invalid build: timeout exceeds the timeout limit of 24h0m0s"),
        (
            {"substitutions": {"FOO": "x"}},
            ('invalid build: invalid .substitutions field: substitution key "FOO" does not respect format '
            '"^_[A-Z0-9_]+$" and is not an overridable built-in substitutions'),
        ),
        ({"substitutions": {"_A": "x"}}, 'key "_A" in the substitution data is not matched in the template'),
        (
            {"steps": [{"name": "x", "args": ["$_A"]}]},
            'key in the template "_A" is not matched in the substitution data',
        ),
        (
            {"steps": [{"name": "x", "args": ["${TAG}"]}]},
            "invalid value for 'build.substitutions': key in the template \"TAG\" is not a valid built-in substitution",
        ),
        (
            {"artifacts": {"objects": {"location": "x", "paths": ["a"]}}},
            (
                'invalid build: invalid .artifacts field: invalid .artifacts.location value "x"; Google Cloud Storage '
                "URLs must begin with 'gs://'"
            ),
        ),
    ],
)  # fmt: skip
def test_a_bad_build_is_refused_in_googles_words(world: Any, wish: Any, message: str) -> None:
    status, answer = world.ask("POST", f"{P}/builds", {"steps": [STEP], **wish})
    assert (status, answer["error"]["message"]) == (400, message)


def test_an_account_of_ones_own_needs_a_place_for_the_logs(world: Any) -> None:
    account = {"serviceAccount": "projects/acme-eu-001/serviceAccounts/a@acme-eu-001.iam.gserviceaccount.com"}
    status, answer = world.ask("POST", f"{P}/builds", {"steps": [STEP], **account})
    assert (status, answer["error"]["message"][:37]) == (400, "if 'build.service_account' is specifi")
    assert submit(world, **account, options={"logging": "CLOUD_LOGGING_ONLY"})["status"] == "QUEUED"


# --- the course of a build -------------------------------------------------------------------------------------


def test_a_build_is_queued_then_worked_on_then_done(world: Any) -> None:
    build = submit(world, images=["gcr.io/acme-eu-001/site"])
    assert build["status"] == "QUEUED"
    world.pass_time(4)
    working = read(world, build)
    assert (working["status"], "startTime" in working) == ("WORKING", True)
    world.pass_time(60)
    done = read(world, build)
    assert (done["status"], done["steps"][0]["status"]) == ("SUCCESS", "SUCCESS")
    assert done["createTime"] < done["startTime"] < done["finishTime"]
    assert set(done["timing"]) == {"BUILD", "PUSH"}
    assert done["results"]["images"][0]["digest"].startswith("sha256:")
    assert done["artifacts"] == {"images": ["gcr.io/acme-eu-001/site"]}


def test_the_same_build_gives_the_same_image(world: Any) -> None:
    images = ["gcr.io/$PROJECT_ID/site:$_TAG"]
    first, second, other = (
        ended(world, images=images, substitutions={"_TAG": tag})["results"]["images"][0] for tag in ("1", "1", "2")
    )
    assert (first["name"], first["digest"]) == ("gcr.io/acme-eu-001/site:1", second["digest"])
    assert other["digest"] != first["digest"]


def test_steps_run_one_after_the_other_or_side_by_side(world: Any) -> None:
    steps = [{**STEP, "id": "a"}, {**STEP, "id": "b", "waitFor": ["-"]}, {**STEP, "id": "c", "waitFor": ["a", "b"]}]
    first, beside, last = (step["timing"] for step in ended(world, steps=steps)["steps"])
    assert first["startTime"] == beside["startTime"]
    assert last["startTime"] == first["endTime"]


@pytest.mark.parametrize(
    ("step", "more", "status", "second"),
    [
        ({"name": "x", "entrypoint": "bash", "args": ["-c", "echo hi && exit 3"]}, {}, "FAILURE", "absent"),
        ({"name": "x", "script": "exit 3", "allowFailure": True}, {}, "SUCCESS", "SUCCESS"),
        ({"name": "x", "script": "exit 3", "allowExitCodes": [3]}, {}, "SUCCESS", "SUCCESS"),
        ({"name": "x", "script": "sleep 900"}, {"timeout": "60s"}, "TIMEOUT", "absent"),
        ({"name": "x", "script": "sleep 900", "timeout": "60s"}, {}, "TIMEOUT", "absent"),
        ({"name": "x", "script": "sleep 30"}, {"queueTtl": "1s"}, "EXPIRED", "absent"),
    ],
)
def test_a_build_ends_as_its_steps_do(world: Any, step: Any, more: Any, status: str, second: str) -> None:
    done = ended(world, steps=[step, STEP], **more)
    assert (done["status"], done["steps"][1].get("status", "absent")) == (status, second)
    if status == "FAILURE":
        detail = 'Build step failure: build step 0 "x" failed: step exited with non-zero status: 3'
        assert (done["statusDetail"], done["failureInfo"]["type"]) == (detail, "USER_BUILD_STEP")


def test_a_failed_build_fails_its_operation(world: Any) -> None:
    _, operation = world.ask("POST", f"{P}/builds", {"steps": [{"name": "x", "script": "exit 1"}]})
    world.pass_time(100)
    _, answer = world.ask("GET", f"/cloudbuild/v1/{operation['name']}")
    assert (answer["done"], answer["error"]["code"]) == (True, 2)
    assert answer["metadata"]["build"]["status"] == "FAILURE"


def test_logs_are_in_the_bucket_and_in_logging(world: Any) -> None:
    world.ask("POST", "/storage/storage/v1/b", {"name": "my-logs"}, project="acme-eu-001")
    build = ended(world, logsBucket="gs://my-logs/builds", steps=[{"name": "x", "script": "echo hello"}])
    path = f"/storage/storage/v1/b/my-logs/o/builds%2Flog-{build['id']}.txt"
    _, text = world.ask("GET", path, alt="media")
    assert b"hello" in text
    body = {"resourceNames": ["projects/acme-eu-001"], "filter": f'resource.labels.build_id="{build["id"]}" hello'}
    assert len(world.ask("POST", "/logging/v2/entries:list", body)[1]["entries"]) == 1
    own = ended(world)
    assert own["logsBucket"].endswith(".cloudbuild-logs.googleusercontent.com")
    bucket = own["logsBucket"].removeprefix("gs://")
    assert world.ask("GET", f"/storage/storage/v1/b/{bucket}/o/log-{own['id']}.txt", alt="media")[0] == 200
    assert world.ask("GET", "/storage/storage/v1/b", project="acme-eu-001")[1]["items"][0]["name"] == "my-logs"


def test_a_running_build_is_cancelled_with_its_operation(world: Any) -> None:
    _, operation = world.ask("POST", f"{R}/builds", {"steps": [STEP]})
    build = operation["metadata"]["build"]
    assert build["name"].endswith(f"/locations/europe-west1/builds/{build['id']}")
    world.pass_time(5)
    status, row = world.ask("POST", f"{R}/builds/{build['id']}:cancel", {})
    assert (status, row["status"]) == (200, "CANCELLED")
    _, answer = world.ask("GET", f"/cloudbuild/v1/{operation['name']}")
    assert (answer["done"], answer["error"]["code"]) == (True, 1)
    assert world.ask("POST", f"{R}/builds/{build['id']}:cancel", {})[0] == 400


def test_a_build_is_retried_as_a_new_one(world: Any) -> None:
    old = ended(world, tags=["t"], substitutions={"_A": "1"}, steps=[{"name": "x", "args": ["$_A"]}])
    status, operation = world.ask("POST", f"{P}/builds/{old['id']}:retry", {})
    new = operation["metadata"]["build"]
    assert (status, new["id"] != old["id"], new["tags"]) == (200, True, ["t"])
    world.pass_time(100)
    assert read(world, new)["status"] == "SUCCESS"


def test_builds_are_found_by_filter_newest_first(world: Any) -> None:
    first = ended(world, tags=["a"])
    second = submit(world, tags=["b"])

    def ids(text: str) -> list[str]:
        return [row["id"] for row in world.ask("GET", f"{P}/builds", filter=text)[1].get("builds", [])]

    assert ids("") == [second["id"], first["id"]]
    assert ids('tags="a"') == [first["id"]]
    assert ids('status="QUEUED" OR status="WORKING"') == [second["id"]]
    assert ids(f'build_id="{first["id"]}" AND status="SUCCESS"') == [first["id"]]
    assert ids(f'create_time>"{first["finishTime"]}"') == [second["id"]] or ids("create_time>x") == []


def test_dynamic_substitutions_do_what_bash_does(world: Any) -> None:
    given = {"_TAG": "v1.2.3", "_IMAGE": "site:${_TAG}"}
    args = ["${_TAG#v}", "${_NONE:-x}", "${_TAG:1:3}", "${_TAG//./-}", "$_IMAGE", "$$HOME"]
    options = {"dynamicSubstitutions": True, "substitutionOption": "ALLOW_LOOSE"}
    build = submit(world, substitutions=given, steps=[{"name": "x", "args": args}], options=options)
    assert build["steps"][0]["args"] == ["1.2.3", "x", "1.2", "v1-2-3", "site:v1.2.3", "$HOME"]


# --- triggers --------------------------------------------------------------------------------------------------

TRIGGER = {
    "name": "push", "triggerTemplate": {"branchName": "main", "repoName": "site"}, "build": {"steps": [STEP]},
}  # fmt: skip


def test_a_trigger_is_made_changed_and_run(world: Any) -> None:
    status, made = world.ask("POST", f"{R}/triggers", TRIGGER)
    assert (status, made["triggerTemplate"]["projectId"]) == (200, "acme-eu-001")
    assert made["resourceName"] == f"projects/acme-eu-001/locations/europe-west1/triggers/{made['id']}"
    assert world.ask("POST", f"{R}/triggers", TRIGGER)[0] == 409
    assert world.ask("GET", f"{R}/triggers/push")[1]["id"] == made["id"]
    _, changed = world.ask("PATCH", f"{R}/triggers/{made['id']}", {**TRIGGER, "description": "d"})
    assert (changed["description"], changed["createTime"]) == ("d", made["createTime"])
    status, operation = world.ask("POST", f"{R}/triggers/push:run", {"source": {"branchName": "main"}})
    build = operation["metadata"]["build"]
    assert (status, build["buildTriggerId"], build["substitutions"]["BRANCH_NAME"]) == (200, made["id"], "main")
    assert len(build["sourceProvenance"]["resolvedRepoSource"]["commitSha"]) == 40
    assert world.ask("DELETE", f"{R}/triggers/{made['id']}") == (200, {})
    assert world.ask("GET", f"{R}/triggers/push")[0] == 404


@pytest.mark.parametrize("wish", [{"build": None}, {"filename": "x"}, {"github": {"owner": "a", "name": "b"}}])
def test_a_trigger_needs_one_event_and_one_build(world: Any, wish: Any) -> None:
    status, answer = world.ask("POST", f"{P}/triggers", {**TRIGGER, **wish})
    assert (status, answer["error"]["message"]) == (400, "Request contains an invalid argument.")


def test_a_build_that_needs_approval_waits_for_it(world: Any) -> None:
    world.ask("POST", f"{P}/triggers", {**TRIGGER, "approvalConfig": {"approvalRequired": True}})
    build = world.ask("POST", f"{P}/triggers/push:run", {"branchName": "main"})[1]["metadata"]["build"]
    world.pass_time(5000)
    assert read(world, build)["status"] == "PENDING"
    result = {"approvalResult": {"decision": "APPROVED", "comment": "fine"}}
    status, _ = world.ask("POST", f"{P}/builds/{build['id']}:approve", result)
    assert (status, read(world, build)["approval"]["state"]) == (200, "APPROVED")
    world.pass_time(100)
    done = read(world, build)
    assert (done["status"], done["startTime"] > done["approval"]["result"]["approvalTime"]) == ("SUCCESS", True)


# --- worker pools ----------------------------------------------------------------------------------------------


def test_a_worker_pool_has_operations_of_its_own(world: Any) -> None:
    number = world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"].split("/")[1]
    network = {"peeredNetwork": "projects/acme-eu-001/global/networks/n"}
    wish = {"displayName": "d", "privatePoolV1Config": {"networkConfig": network}}
    status, operation = world.ask("POST", f"{R}/workerPools", wish, workerPoolId="pool")
    name = f"projects/{number}/locations/europe-west1/workerPools/pool"
    assert (status, operation["metadata"]["workerPool"]) == (200, name)
    assert operation["name"].startswith(f"projects/{number}/locations/europe-west1/operations/")
    world.pass_time(100)
    done = world.ask("GET", f"/cloudbuild/v1/{operation['name']}")[1]
    assert (done["done"], done["response"]["state"], done["response"]["name"]) == (True, "RUNNING", name)
    below = f"{name}/operations/{operation['name'].rsplit('/', 1)[1]}"  # as recorded
    assert world.ask("GET", f"/cloudbuild/v1/{below}")[1] == {**done, "name": below}
    config = done["response"]["privatePoolV1Config"]
    assert config["networkConfig"]["peeredNetwork"] == f"projects/{number}/global/networks/n"
    assert config["workerConfig"] == {"diskSizeGb": "100", "machineType": "e2-medium"}
    change = {"privatePoolV1Config": {"workerConfig": {"diskSizeGb": "200"}}}
    mask = "privatePoolV1Config.workerConfig.diskSizeGb"
    assert world.ask("PATCH", f"{R}/workerPools/pool", change, updateMask=mask)[0] == 200
    world.pass_time(100)
    row = world.ask("GET", f"{R}/workerPools/pool")[1]
    assert row["privatePoolV1Config"]["workerConfig"] == {"diskSizeGb": "200", "machineType": "e2-medium"}
    _, gone = world.ask("DELETE", f"{R}/workerPools/pool")
    assert (gone["done"], "completeTime" in gone["metadata"], set(gone["response"])) == (True, True, {"@type"})
    assert world.ask("DELETE", f"{R}/workerPools/pool")[0] == 404
    assert world.ask("DELETE", f"{R}/workerPools/pool", allowMissing="true")[0] == 200
