"""Every kind through Google's clients: absent, created, found equal, updated exactly, drift seen, deleted."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.gcp.cloud import GoogleCloud
from reconciler.kinds.catalog import KINDS, kind_of
from reconciler.kinds.compare import difference
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done
from reconciler.model.resource import Absent, Found

pytestmark = pytest.mark.slow

LABELS = {"aipress-owner": "k3v9x2ma", "managed-by": "aipress"}
SECRET = {"replication": {"automatic": {}}, "labels": LABELS, "versionDestroyTtl": "604800s"}
VERSION = {"state": "ENABLED", "generate": "wordpress/1"}


def account_name(project: str, account: str) -> str:
    return f"{project}/serviceAccounts/{account}@{project.removeprefix('projects/')}.iam.gserviceaccount.com"


def test_a_project_is_absent_then_found_and_keeps_foreign_labels_apart(driver: Any, project: str) -> None:
    body = {"projectId": project.removeprefix("projects/"), "displayName": "Renamed", "labels": {**LABELS, "a": "b"}}
    live = driver.cloud.get("project", project, "", {})
    assert isinstance(live, Found) and live.uid.isdigit() and live.body["state"] == "ACTIVE"
    parent = live.body["parent"]
    after = driver.update("project", project, parent, body)
    assert after.body["labels"]["a"] == "b"
    driver.update("project", project, parent, {**body, "labels": LABELS}, last=body)


def test_a_project_that_nobody_has_is_absent_although_google_says_403(driver: Any) -> None:
    answer = driver.cloud.get("project", "projects/nobody-has-this-id", "organizations/111111111111", {})
    assert isinstance(answer, Absent) and answer.method == "search"


def test_a_project_id_that_somebody_has_cannot_be_made(driver: Any, project: str) -> None:
    body = {"projectId": project.removeprefix("projects/"), "parent": "folders/222222222222"}
    failed = driver.refused(Call(Action.CREATE, "project", project, "folders/222222222222", body))
    assert failed.failure.exists and failed.failure.next is Next.REPLAN


@pytest.mark.parametrize("kind", ["project", "folder", "sql.instance", "storage.bucket"])
def test_some_kinds_are_never_deleted(driver: Any, kind: str) -> None:
    failed = driver.refused(Call(Action.DELETE, kind, "projects/any/instances/any", "projects/any", {}))
    assert failed.failure.next is Next.PERSON and "never deletes" in failed.failure.message


def test_enabled_apis(driver: Any, project: str) -> None:
    name = f"{project}/services/logging.googleapis.com"
    absent = f"{project}/services/redis.googleapis.com"
    driver.absent("project.service", absent, project, {})
    driver.create("project.service", name, project, {"state": "ENABLED"})


def test_service_accounts(driver: Any, project: str) -> None:
    name = account_name(project, "acme-bakery-p-1a2b3c4d")
    body = {"displayName": "Acme Bakery", "description": "runs acme-bakery aipress-owner=k3v9x2ma"}
    driver.absent("iam.service-account", name, project, body)
    made = driver.create("iam.service-account", name, project, body)
    assert made.uid == made.body["uniqueId"] and made.body["email"] in name
    failed = driver.refused(Call(Action.CREATE, "iam.service-account", name, project, body))
    assert failed.failure.exists
    driver.update("iam.service-account", name, project, {**body, "displayName": "Acme"}, last=body)
    driver.delete("iam.service-account", name, project, body)


def test_project_iam_touches_our_members_only(driver: Any, project: str) -> None:
    name, parent = f"{project}/iam", project
    driver.create("iam.service-account", account_name(project, "build-one"), project, {"displayName": "b"})
    ours = f"serviceAccount:build-one@{project.removeprefix('projects/')}.iam.gserviceaccount.com"
    foreign = {"bindings": [{"role": "roles/owner", "members": ["user:jo@example.com"]}]}
    driver.create("project.iam", name, parent, foreign)
    wanted = {"bindings": [{"role": "roles/logging.logWriter", "members": [ours]}]}
    driver.create("project.iam", name, parent, wanted)
    both = driver.found("project.iam", name, parent, wanted)
    assert difference(kind_of("project.iam"), both.body, foreign, foreign) == ()
    less = {"bindings": []}
    after = driver.update("project.iam", name, parent, less, last=wanted)
    assert difference(kind_of("project.iam"), after.body, foreign, foreign) == ()
    assert "logWriter" not in str(after.body)


def test_image_repositories_and_their_policy(driver: Any, project: str) -> None:
    parent = f"{project}/locations/europe-west1"
    name = f"{parent}/repositories/tenants"
    body = {"format": "DOCKER", "description": "images of tenants", "labels": LABELS}
    driver.absent("artifact.repository", name, parent, body)
    driver.create("artifact.repository", name, parent, body)
    driver.update("artifact.repository", name, parent, {**body, "description": "images"}, last=body)
    driver.update("artifact.repository", name, parent, {**body, "description": "images", "labels": {}}, last=body)
    writer = {"bindings": [{"role": "roles/artifactregistry.writer", "members": ["user:jo@example.com"]}]}
    driver.create("artifact.repository.iam", f"{name}/iam", parent, writer)
    wider = {"bindings": [*writer["bindings"], {"role": "roles/artifactregistry.reader", "members": ["allUsers"]}]}
    driver.update("artifact.repository.iam", f"{name}/iam", parent, wider)
    drifted = driver.found("artifact.repository.iam", f"{name}/iam", parent, writer)
    assert difference(kind_of("artifact.repository.iam"), drifted.body, writer, writer), "wider than ours is drift"
    driver.update("artifact.repository.iam", f"{name}/iam", parent, writer, last=wider)
    driver.delete("artifact.repository", name, parent, body)


def test_secrets_versions_and_who_may_read_them(driver: Any, project: str) -> None:
    name = f"{project}/secrets/acme-p-11111111"
    latest = f"{name}/versions/latest"
    driver.absent("secret", name, project, SECRET)
    driver.absent("secret.version", latest, name, VERSION)
    driver.absent("secret.iam", f"{name}/iam", name, {})
    driver.create("secret", name, project, SECRET)
    driver.update("secret", name, project, {**SECRET, "labels": {**LABELS, "tier": "gold"}}, last=SECRET)
    driver.update("secret", name, project, SECRET, last={**SECRET, "labels": {**LABELS, "tier": "gold"}})

    made = driver.create("secret.version", latest, name, VERSION)
    assert made.body["version"] == "1" and "payload" not in str(made.body)
    again = driver.refused(Call(Action.CREATE, "secret.version", latest, name, VERSION))
    assert again.failure.exists, "never a second version beside an enabled one"

    driver.create("iam.service-account", account_name(project, "acme-secret"), project, {"displayName": "a"})
    member = "serviceAccount:" + account_name(project, "acme-secret").rpartition("/")[2]
    policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": [member]}]}
    found = driver.create("secret.iam", f"{name}/iam", name, policy)
    assert [b["members"] for b in found.body["bindings"]] == [[member]], "nobody else reads it"

    driver.delete("secret.version", latest, name, VERSION)
    driver.create("secret.version", latest, name, VERSION)
    driver.delete("secret", name, project, SECRET)


def test_a_bucket_its_managed_folders_and_their_policy(driver: Any, project: str) -> None:
    bucket = f"buckets/media-{project.removeprefix('projects/')}"
    body = {
        "location": "europe-west1", "storageClass": "STANDARD", "labels": LABELS, "versioning": {"enabled": True},
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
        "softDeletePolicy": {"retentionDurationSeconds": "2592000"},
    }  # fmt: skip
    driver.absent("storage.bucket", bucket, project, body)
    driver.create("storage.bucket", bucket, project, body)
    more = {**body, "labels": {**LABELS, "x": "y"}, "versioning": {"enabled": False}}
    driver.update("storage.bucket", bucket, project, more, last=body)
    driver.update("storage.bucket", bucket, project, body, last=more)
    assert driver.refused(Call(Action.CREATE, "storage.bucket", bucket, project, body)).failure.exists

    folder = f"{bucket}/managedFolders/acme-p-11111111/"
    driver.absent("storage.managed-folder", folder, bucket, {})
    driver.create("storage.managed-folder", folder, bucket, {})
    policy = {"bindings": [{"role": "roles/storage.objectUser", "members": ["user:jo@example.com"]}]}
    driver.create("storage.managed-folder.iam", f"{folder.rstrip('/')}/iam", bucket, policy)
    driver.delete("storage.managed-folder", folder, bucket, {})


def test_a_stale_bucket_update_is_refused(driver: Any, project: str) -> None:
    bucket = f"buckets/stale-{project.removeprefix('projects/')}"
    body = {"location": "europe-west1", "labels": LABELS}
    seen = driver.create("storage.bucket", bucket, project, body)
    more = {**body, "labels": {**LABELS, "by": "another"}}
    driver.update("storage.bucket", bucket, project, more, last=body)
    stale = Call(Action.UPDATE, "storage.bucket", bucket, project, body, ("labels",), seen)
    assert driver.refused(stale).failure.next is Next.REPLAN


def run_body(project: str, memory: str = "512Mi") -> dict[str, Any]:
    return {
        "labels": LABELS, "ingress": "INGRESS_TRAFFIC_ALL", "invokerIamDisabled": True,
        "template": {
            "serviceAccount": account_name(project, "acme-run").rpartition("/")[2], "timeout": "300s",
            "maxInstanceRequestConcurrency": 40, "scaling": {"minInstanceCount": 1, "maxInstanceCount": 4},
            "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
            "volumes": [
                {"name": "uploads", "gcs": {"bucket": "media", "readOnly": False, "mountOptions": ["only-dir=acme"]}}
            ],
            "containers": [{
                "image": "europe-docker.pkg.dev/p/tenants/acme@sha256:" + "0" * 64,
                "ports": [{"containerPort": 8080}],
                "resources": {"limits": {"cpu": "1000m", "memory": memory}, "cpuIdle": True},
                "env": [
                    {"name": "WP_HOME", "value": "https://www.acme.example"},
                    {"name": "AIPRESS_SECRETS", "valueSource": {"secretKeyRef": {"secret": "acme", "version": "1"}}},
                ],
                "volumeMounts": [{"name": "uploads", "mountPath": "/srv/uploads"}],
            }],
        },
        "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
    }  # fmt: skip


@pytest.fixture(scope="session")
def what_a_site_needs(driver: Any, project: str) -> None:
    """The account and the secret of `run_body`: Cloud Run looks for both, and for the account's right to read."""
    secret = f"{project}/secrets/acme"
    driver.create("iam.service-account", account_name(project, "acme-run"), project, {"displayName": "a"})
    driver.create("secret", secret, project, SECRET)
    driver.create("secret.version", f"{secret}/versions/latest", secret, VERSION)
    member = "serviceAccount:" + account_name(project, "acme-run").rpartition("/")[2]
    policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": [member]}]}
    driver.create("secret.iam", f"{secret}/iam", secret, policy)


@pytest.mark.usefixtures("what_a_site_needs")
def test_run_services(driver: Any, project: str) -> None:
    parent = f"{project}/locations/europe-west1"
    name = f"{parent}/services/acme-p-11111111"
    body = run_body(project)
    driver.absent("run.service", name, parent, body)
    made = driver.create("run.service", name, parent, body)
    assert made.ready and made.uid == made.body["uid"]

    bigger = run_body(project, memory="1Gi")
    after = driver.update("run.service", name, parent, bigger, last=body)
    assert after.body["template"]["containers"][0]["resources"]["limits"]["memory"] == "1Gi"
    stale = Call(Action.UPDATE, "run.service", name, parent, {**made.body, **body}, ("template.containers",), made)
    assert driver.refused(stale).failure.next is Next.REPLAN, "an etag from before the other update"

    fewer = run_body(project, memory="1Gi")
    fewer["template"]["scaling"] = {"minInstanceCount": 0, "maxInstanceCount": 1}
    fewer["template"]["containers"][0]["env"].pop()
    driver.update("run.service", name, parent, fewer, last=bigger)
    assert driver.refused(Call(Action.CREATE, "run.service", name, parent, body)).failure.exists
    driver.delete("run.service", name, parent, body)


@pytest.mark.usefixtures("what_a_site_needs")
def test_an_operation_is_polled_by_its_name_alone(driver: Any, google: GoogleCloud, project: str) -> None:
    """A handle survives the process that began it."""
    parent = f"{project}/locations/europe-west1"
    call = Call(Action.CREATE, "run.service", f"{parent}/services/handle-p-2", parent, run_body(project))
    before = len(driver.seen)
    assert isinstance(driver.settle(call), Done)
    for operation in driver.seen[before:] or ["projects/p/locations/r/operations/long-gone"]:
        assert isinstance(google.poll("run.service", operation, call), Done)


def test_what_is_in_a_project_that_is_not_there_is_absent(google: GoogleCloud) -> None:
    nowhere = "projects/nobody-has-this-id"
    for kind, parent in (("secret", nowhere), ("sql.instance", nowhere), ("run.service", f"{nowhere}/locations/r")):
        answer = google.list(kind, parent)
        assert isinstance(answer, Absent) and answer.method == "parent", (kind, answer)


def test_a_disabled_api_is_absence_only_when_service_usage_agrees(
    google: GoogleCloud, new_project: Callable[..., str]
) -> None:
    project = new_project(("run", "iam"))
    answer = google.list("secret", project)
    assert isinstance(answer, Absent) and answer.method == "disabled", answer


def test_every_kind_of_the_catalog_has_an_adapter(google: GoogleCloud) -> None:
    for kind in KINDS:
        assert google.list(kind, "projects/nobody-has-this-id/instances/i", ()) is not None
