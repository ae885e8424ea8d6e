"""When the cloud fails: reads become unknown, writes say what to do next, and nothing secret is repeated."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.secrets import read_payload
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Failed, Seen
from reconciler.model.resource import Absent, Found, Unknown
from tests.gcp.conftest import SystemClock

pytestmark = pytest.mark.slow

SECRET = {"replication": {"automatic": {}}, "labels": {"aipress-owner": "k3v9x2ma"}}


@pytest.fixture
def fault(local_cloud: Any) -> Iterator[Any]:
    """Add a fault; all are gone after the test."""

    def add(service: str, method: str, **more: Any) -> None:
        fault = {"service": service, "method": method, "kind": "error", "status": 503, "times": 1, **more}
        local_cloud.control("/_aipress/faults", fault)

    yield add
    local_cloud.control("/_aipress/faults", method="DELETE")


@pytest.mark.parametrize(("status", "forbidden"), [(500, False), (503, False), (429, False), (403, True), (401, True)])
def test_a_list_that_fails_is_unknown_never_empty(
    google: GoogleCloud, project: str, fault: Any, status: int, forbidden: bool
) -> None:
    fault("secretmanager", "*secrets.list", status=status, message="not now")
    answer = google.list("secret", project)
    assert isinstance(answer, Unknown) and answer.forbidden is forbidden
    assert "not now" in answer.reason or status == 401, "Google's own words"
    assert isinstance(google.list("secret", project), Seen)


def test_a_list_whose_second_page_fails_is_unknown(
    google: GoogleCloud, local_cloud: Any, project: str, fault: Any
) -> None:
    local_cloud.control("/_aipress/limits", {"iam.serviceAccounts": 200})  # Google's default is 100
    for number in range(101):  # a page holds 100 accounts at most
        name = f"{project}/serviceAccounts/page-{number:03d}@{project[9:]}.iam.gserviceaccount.com"
        made = google.begin(Call(Action.CREATE, "iam.service-account", name, project, {"displayName": "p"}))
        assert isinstance(made, Done)
    fault("iam", "*serviceAccounts.list", status=500, after=1)
    assert isinstance(google.list("iam.service-account", project), Unknown)
    whole = google.list("iam.service-account", project)
    assert isinstance(whole, Seen) and len(whole.objects) >= 101


def test_a_get_that_is_forbidden_is_unknown_while_the_project_is_there(
    google: GoogleCloud, project: str, fault: Any
) -> None:
    fault("run", "*services.get", status=403, message="Permission 'run.services.get' denied")
    name = f"{project}/locations/europe-west1/services/some"
    answer = google.get("run.service", name, f"{project}/locations/europe-west1", {})
    assert isinstance(answer, Unknown) and answer.forbidden


def test_a_create_whose_answer_is_lost_can_be_found_again(
    google: GoogleCloud, driver: Any, project: str, fault: Any
) -> None:
    name = f"{project}/secrets/lost-p-1"
    fault("secretmanager", "*secrets.create", kind="lost_response")
    answer = google.begin(Call(Action.CREATE, "secret", name, project, SECRET))
    assert isinstance(answer, Failed) and answer.failure.next is Next.RETRY
    assert isinstance(google.get("secret", name, project, SECRET), Found), "the effect happened"


def test_a_failed_operation_says_why_and_leaves_what_it_leaves(driver: Any, project: str, fault: Any) -> None:
    parent = f"{project}/locations/europe-west1"
    name, body = f"{parent}/repositories/half", {"format": "DOCKER"}
    fault("artifactregistry", "*repositories.create", kind="half_finished", message="INTERNAL: ran out of luck")
    failed = driver.refused(Call(Action.CREATE, "artifact.repository", name, parent, body))
    assert "ran out of luck" in failed.failure.message


def test_words_about_a_password_are_not_repeated(driver: Any, project: str, instance: str, fault: Any) -> None:
    name = f"{project}/secrets/quiet-p-1"
    driver.create("secret", name, project, SECRET)
    version = {"state": "ENABLED", "generate": "wordpress/1"}
    driver.create("secret.version", f"{name}/versions/latest", name, version)
    password = read_payload(driver.cloud._session, f"{name}/versions/1")["databasePassword"]
    fault("sqladmin", "sql.users.insert", status=400, message=f"the password {password} is too weak")
    source = {"secret": name, "version": "1", "field": "databasePassword"}
    body = {"host": "%", "passwordFrom": source}
    failed = driver.refused(Call(Action.CREATE, "sql.user", f"{instance}/users/quiet-p-1", instance, body))
    assert failed.failure.next is Next.PERSON
    assert password not in repr(failed) and "400" in failed.failure.message


def test_googles_client_repeats_nothing_by_itself(driver: Any, project: str, fault: Any) -> None:
    """Repeating is applying's, after another look; and a client that repeats in silence has no budget."""
    name = f"{project}/secrets/once-p-1"
    driver.create("secret", name, project, SECRET)
    driver.create("secret.version", f"{name}/versions/latest", name, {"state": "ENABLED", "generate": "wordpress/1"})
    fault("secretmanager", "*versions.access", status=503)
    with pytest.raises(ServiceUnavailable):
        read_payload(driver.cloud._session, f"{name}/versions/1")
    assert read_payload(driver.cloud._session, f"{name}/versions/1")


def test_a_deleted_parent_makes_its_children_absent(driver: Any, google: GoogleCloud, project: str) -> None:
    name = f"{project}/secrets/gone-p-1"
    driver.create("secret", name, project, SECRET)
    driver.delete("secret", name, project, SECRET)
    assert isinstance(google.list("secret.version", name, (f"{name}/versions/latest",)), Absent)
    bucket = "buckets/nobody-has-this-bucket"
    assert isinstance(google.list("storage.managed-folder", bucket), Absent)


def test_a_proxy_of_the_environment_is_not_asked_for_a_cloud_on_this_host(
    local_cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    cloud = GoogleCloud(Session(CloudSetting(url=local_cloud.url), SystemClock()))
    answers = {kind: cloud.list(kind, "organizations/111111111111") for kind in ("folder", "project")}
    assert all(isinstance(answer, Seen) for answer in answers.values()), answers
    for kind in ("iam.service-account", "storage.bucket"):
        answer = cloud.list(kind, "projects/nobody-has-this-id")
        assert "no answer" not in getattr(answer, "reason", ""), answer


def test_a_folders_objects_go_with_it(driver: Any, google: GoogleCloud, project: str) -> None:
    """Other tenants' objects in the bucket stay."""
    bucket = f"buckets/objects-{project.removeprefix('projects/')}"
    uniform = {"uniformBucketLevelAccess": {"enabled": True}}
    driver.create("storage.bucket", bucket, project, {"location": "europe-west1", "iamConfiguration": uniform})
    for tenant in ("acme", "blue"):
        driver.create("storage.managed-folder", f"{bucket}/managedFolders/{tenant}/", bucket, {})
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    options = {"api_endpoint": google.identity.removeprefix("local:")}
    client = storage.Client(project="p", credentials=AnonymousCredentials(), client_options=options)
    media = client.bucket(bucket.removeprefix("buckets/"))
    for name in ("acme/1.jpg", "acme/2.jpg", "acme-two/1.jpg", "blue/1.jpg"):
        media.blob(name).upload_from_string(b"x")
    folder = f"{bucket}/managedFolders/acme/"
    there = driver.found("storage.managed-folder", folder, bucket, {})
    done = driver.settle(Call(Action.DELETE, "storage.managed-folder", folder, bucket, {}, live=there))
    assert isinstance(done, Done)
    assert {blob.name for blob in client.list_blobs(media)} == {"acme-two/1.jpg", "blue/1.jpg"}


def test_a_folder_whose_list_says_not_found_is_looked_for_by_a_search(google: GoogleCloud, fault: Any) -> None:
    parent = "folders/222222222222"
    name, body = f"{parent}/searched", {"displayName": "searched", "parent": parent}
    answer = google.begin(Call(Action.CREATE, "folder", name, parent, body))
    while not isinstance(answer, Done):
        assert not isinstance(answer, Failed), answer
        answer = google.poll("folder", answer.operation, Call(Action.CREATE, "folder", name, parent, body))
    fault("cloudresourcemanager", "*folders.list", status=404, times=0)
    assert isinstance(google.list("folder", parent), Absent)
    assert isinstance(google.get("folder", name, parent, body), Found), "one wrong answer is not two readings"
