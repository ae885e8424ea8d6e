"""Every write through Google's clients carries exactly the precondition that kinds/methods.py names, and an older one
than what is there is refused. Proved from what the local cloud recorded."""

from typing import Any

import pytest

from reconciler.gcp.cloud import GoogleCloud
from reconciler.kinds.methods import BY_ID, METHODS, Precondition, methods_of
from reconciler.model.canonical import Body
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call
from reconciler.model.resource import Found
from tests.gcp.conftest import INSTANCE, ORGANIZATION, make_login
from tests.gcp.test_kinds_live import LABELS, SECRET, VERSION, account_name, run_body
from tests.gcp.test_sql_live import DATABASE, grant_body, make_tenant, user_body

pytestmark = pytest.mark.slow

GUARDS = {"etag", "ifMetagenerationMatch", "ifGenerationMatch", "generation", "settingsVersion", "requestId"}
MORE = {"labels": {**LABELS, "a": "b"}}


@pytest.fixture(scope="module")
def project(new_project: Any) -> str:
    """Of this module alone: what is done here leaves things otherwise than other tests want them."""
    return str(new_project())


@pytest.fixture(scope="module")
def instance(driver: Any, project: str) -> str:
    name = f"{project}/instances/main"
    driver.create("sql.instance", name, project, INSTANCE)
    make_login(driver, name, "reconciler-fleet001")
    return name


@pytest.fixture(scope="module")
def life(driver: Any, local_cloud: Any, project: str, instance: str) -> list[dict[str, Any]]:
    """The calls of a life of every kind: made, changed where it can be, deleted where we do that."""
    before = local_cloud.control("/_aipress/calls?limit=1")["calls"][-1]["n"]
    around(driver, project)
    secrets_and_sites(driver, project)
    database(driver, project, instance)
    media(driver, project)
    calls: list[dict[str, Any]] = local_cloud.control(f"/_aipress/calls?since={before}&mutating=true")["calls"]
    return [call for call in calls if call["status"] < 300]


def around(driver: Any, project: str) -> None:
    live = driver.cloud.get("project", project, "", {})
    folder = f"{ORGANIZATION}/Guarded {project[-3:]}"
    body = {"displayName": folder.rpartition("/")[2], "parent": ORGANIZATION}
    driver.create("folder", folder, ORGANIZATION, body)
    own = {"projectId": project[9:] + "-g", "displayName": "A shard", "parent": live.body["parent"], **MORE}
    driver.create("project", f"{project}-g", live.body["parent"], own)
    driver.create("project.billing", f"{project}-g/billingInfo", f"{project}-g", {"billingAccountName": ""})
    driver.update("project", project, live.body["parent"], {"displayName": "Guarded"})
    driver.create("project.service", f"{project}/services/redis.googleapis.com", project, {"state": "ENABLED"})
    driver.create("project.iam", f"{project}/iam", project, members("roles/viewer"))
    account = account_name(project, "guarded-account")
    driver.create("iam.service-account", account, project, {"displayName": "a"})
    driver.update("iam.service-account", account, project, {"displayName": "b"})
    driver.delete("iam.service-account", account, project, {"displayName": "b"})
    parent = f"{project}/locations/europe-west1"
    images = f"{parent}/repositories/guarded"
    driver.create("artifact.repository", images, parent, {"format": "DOCKER", "labels": LABELS})
    driver.update("artifact.repository", images, parent, {"format": "DOCKER", **MORE})
    driver.create("artifact.repository.iam", f"{images}/iam", parent, members("roles/artifactregistry.reader"))
    driver.delete("artifact.repository", images, parent, {"format": "DOCKER"})


def members(role: str) -> Body:
    return {"bindings": [{"role": role, "members": ["user:jo@example.com"]}]}


def secrets_and_sites(driver: Any, project: str) -> None:
    name = f"{project}/secrets/guarded"
    driver.create("secret", name, project, SECRET)
    driver.update("secret", name, project, {**SECRET, **MORE})
    driver.create("secret.version", f"{name}/versions/latest", name, VERSION)
    driver.create("secret.iam", f"{name}/iam", name, members("roles/secretmanager.secretAccessor"))
    driver.delete("secret.version", f"{name}/versions/latest", name, VERSION)
    driver.delete("secret", name, project, SECRET)
    parent = f"{project}/locations/europe-west1"
    site, body = f"{parent}/services/guarded", plain_site(project)
    driver.create("run.service", site, parent, body)
    driver.update("run.service", site, parent, {**body, **MORE})
    driver.delete("run.service", site, parent, body)


def plain_site(project: str) -> dict[str, Any]:
    """A service that needs nothing beside it."""
    body = run_body(project)
    template = {k: v for k, v in body["template"].items() if k not in ("serviceAccount", "volumes")}
    container = {k: v for k, v in template["containers"][0].items() if k not in ("env", "volumeMounts")}
    return {**body, "template": {**template, "containers": [container]}}


def database(driver: Any, project: str, instance: str) -> None:
    driver.create("sql.instance", f"{instance}-g", project, INSTANCE)
    labelled = {**INSTANCE["settings"], "userLabels": MORE["labels"]}
    driver.update("sql.instance", instance, project, {**INSTANCE, "settings": labelled})
    driver.update("sql.instance", instance, project, INSTANCE, last={**INSTANCE, "settings": labelled})
    make_tenant(driver, instance, "guarded-p-1")
    where = f"{instance}/databases/guarded-p-1"
    driver.update("sql.database", where, instance, {**DATABASE, "collation": "utf8mb4_general_ci"})
    driver.create("sql.grant", f"{instance}/grants/guarded-p-1", instance, grant_body("guarded-p-1"))
    user, body = f"{instance}/users/guarded-p-1", user_body(project, "guarded-p-1")
    live = driver.found("sql.user", user, instance, body)
    driver.settle(Call(Action.UPDATE, "sql.user", user, instance, body, ("passwordFrom",), live))
    driver.delete("sql.user", user, instance, body)
    driver.delete("sql.database", where, instance, DATABASE)
    backup = {"description": "aipress final tenant=guarded uid=k3v9x2ma"}
    driver.create("sql.backup", f"{instance}/backups/{backup['description']}", instance, backup, action=Action.RUN)


def media(driver: Any, project: str) -> None:
    bucket = f"buckets/guarded-{project[9:]}"
    body = {
        "location": "europe-west1", "labels": LABELS,
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
    }  # fmt: skip
    driver.create("storage.bucket", bucket, project, body)
    driver.update("storage.bucket", bucket, project, {**body, **MORE})
    folder = f"{bucket}/managedFolders/guarded/"
    driver.create("storage.managed-folder", folder, bucket, {})
    driver.create("storage.managed-folder.iam", f"{folder}iam", bucket, members("roles/storage.objectUser"))
    upload(driver.cloud, bucket, "guarded/1.jpg")
    driver.delete("storage.managed-folder", folder, bucket, {})


def upload(google: GoogleCloud, bucket: str, name: str) -> None:
    """A visitor's picture: no call of ours."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    options = {"api_endpoint": google.identity.removeprefix("local:")}
    client = storage.Client(project="p", credentials=AnonymousCredentials(), client_options=options)
    client.bucket(bucket.removeprefix("buckets/")).blob(name).upload_from_string(b"x")


def test_every_method_of_the_table_was_called_and_no_other(life: list[dict[str, Any]]) -> None:
    seen = {call["method"] for call in life} - {"storage.objects.insert"}  # the visitor's
    assert seen == set(BY_ID)


@pytest.mark.parametrize("method", METHODS, ids=[method.id for method in METHODS])
def test_exactly_what_google_honours_is_sent(life: list[dict[str, Any]], method: Any) -> None:
    wanted = {method.sent_at.rpartition(".")[2]} - {""}
    calls = [call for call in life if call["method"] == method.id]
    assert calls
    for call in calls:
        sent = {name for name, value in call.get("preconditions", {}).items() if name in GUARDS and value}
        assert sent == wanted, call


def stale(driver: Any, project: str, instance: str) -> dict[str, Call]:
    """Per method with a precondition of its own: a call from what was there before somebody else's change."""
    parent = f"{project}/locations/europe-west1"
    secret, site, bucket = f"{project}/secrets/older", f"{parent}/services/older", f"buckets/older-{project[9:]}"
    folder = f"{bucket}/managedFolders/older/"
    uniform = {"location": "europe-west1", "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}
    rows: list[tuple[str, str, str, Body]] = [
        ("secret", secret, project, SECRET), ("run.service", site, parent, plain_site(project)),
        ("storage.bucket", bucket, project, uniform), ("storage.managed-folder", folder, bucket, {}),
    ]  # fmt: skip
    before: dict[str, Found] = {kind: driver.create(kind, name, up, body) for kind, name, up, body in rows}
    for kind, name, up, body in rows[:3]:
        driver.update(kind, name, up, {**body, **MORE})
    driver.create("storage.managed-folder.iam", f"{folder}iam", bucket, members("roles/storage.objectUser"))
    before["project"] = driver.cloud.get("project", project, "", {})
    up = before["project"].body["parent"]
    driver.update("project", project, up, {"displayName": "By another"})
    before["sql.instance"] = driver.found("sql.instance", instance, project, INSTANCE)
    moved = {**INSTANCE, "settings": {**INSTANCE["settings"], "userLabels": {**LABELS, "by": "another"}}}
    driver.update("sql.instance", instance, project, moved)
    rows += [("project", project, up, {"displayName": "Ours"}), ("sql.instance", instance, project, INSTANCE)]
    masks = {"project": ("displayName",), "sql.instance": ("settings.userLabels",)}
    calls = {}
    for kind, name, above, body in rows:
        for action in (Action.UPDATE, Action.DELETE):
            for method in methods_of(kind, action):
                if method.precondition not in (Precondition.NONE, Precondition.GENERATION):
                    mask = masks.get(kind, ("labels",)) if action is Action.UPDATE else ()
                    calls[f"{method.id} {action}"] = Call(action, kind, name, above, body, mask, before[kind])
    return calls


def test_what_somebody_changed_since_we_looked_is_not_overwritten(driver: Any, project: str, instance: str) -> None:
    calls = stale(driver, project, instance)
    assert len(calls) >= 8
    for name, call in calls.items():
        there = driver.cloud.get(call.kind, call.name, call.parent, call.body)
        failed = driver.refused(call)
        assert failed.failure.next is Next.REPLAN and not failed.failure.exists, (name, failed)
        assert driver.cloud.get(call.kind, call.name, call.parent, call.body).body == there.body, name


def test_nothing_is_written_from_a_read_without_its_precondition(driver: Any, local_cloud: Any) -> None:
    """A list that leaves the etag out, say: an unconditional write would overwrite whatever came since."""
    before = local_cloud.control("/_aipress/calls?limit=1")["calls"][-1]["n"]
    for method in METHODS:
        if method.precondition in (Precondition.NONE, Precondition.POLICY_ETAG, Precondition.GENERATION):
            continue
        for action in set(method.actions) - {Action.CREATE}:
            if method.kind == "secret.version":
                continue  # its versions are read at the effect
            blind = Found({"name": "x", "settings": {}}, "u", driver.cloud._session.clock.now())
            call = Call(action, method.kind, "projects/p/instances/i/x", "projects/p", {"settings": {}}, (), blind)
            failed = driver.refused(call)
            assert failed.failure.next is Next.REPLAN and "was read without" in failed.failure.message, (
                method.id,
                failed,
            )
    assert local_cloud.control(f"/_aipress/calls?since={before}&mutating=true")["calls"] == []


def test_a_service_account_that_came_back_is_another_one(driver: Any, project: str) -> None:
    name, body = account_name(project, "twice-made"), {"displayName": "first"}
    first = driver.create("iam.service-account", name, project, body)
    driver.delete("iam.service-account", name, project, body)
    driver.create("iam.service-account", name, project, {"displayName": "somebody else's"})
    for action, mask in ((Action.UPDATE, ("displayName",)), (Action.DELETE, ())):
        failed = driver.refused(Call(action, "iam.service-account", name, project, body, mask, first))
        assert failed.failure.missing, failed
    assert driver.found("iam.service-account", name, project, {}).body["displayName"] == "somebody else's"
