"""Google's own clients, unmodified, against the server: every service of the slice, its operations included."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.future import polling
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import (
    artifactregistry_v1,
    billing_v1,
    resourcemanager_v3,
    run_v2,
    secretmanager_v1,
    service_usage_v1,
    sqladmin_v1beta4,
)
from google.cloud.devtools import cloudbuild_v1
from google.iam.v1 import policy_pb2
from googleapiclient.discovery import build

from reconciler.cli.cloud_environment import variables

pytestmark = pytest.mark.slow
SOON = Retry(
    predicate=lambda error: isinstance(error, polling._OperationNotComplete), initial=0.01, maximum=0.05, timeout=20
)
PLACE = "europe-west1"


@pytest.fixture(params=["rest", "grpc", "rest, no settings", "grpc, no settings"])
def made(cloud: Any, request: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Any]:
    """A client of the given class that reaches the local cloud: told where, or through the environment alone."""
    transport, _, free = request.param.partition(", ")
    if free:
        for name, value in variables(cloud.address).items():
            monkeypatch.setenv(name, value)

    def make(kind: Any, host: str) -> Any:
        if free:
            return kind(transport=transport)
        if transport == "grpc":
            channel = grpc.insecure_channel(cloud.address["grpc"])
            return kind(transport=kind.get_transport_class("grpc")(channel=channel))
        options = ClientOptions(api_endpoint=f"{cloud.url}/{host}")
        return kind(transport="rest", credentials=AnonymousCredentials(), client_options=options)

    return make


def test_projects(made: Any, project: str) -> None:
    client = made(resourcemanager_v3.ProjectsClient, "cloudresourcemanager")
    own = project + "-b"
    wish = {"project_id": own, "parent": "folders/222222222222", "display_name": "Shard B", "labels": {"shard": "b"}}
    created = client.create_project(project=wish).result(polling=SOON)
    assert (created.project_id, created.state.name, dict(created.labels)) == (own, "ACTIVE", {"shard": "b"})
    assert own in [found.project_id for found in client.list_projects(parent="folders/222222222222")]
    assert [found.name for found in client.search_projects(query=f"id:{own}")] == [created.name]
    changed = client.update_project(
        project={"name": created.name, "display_name": "Shard C"}, update_mask={"paths": ["display_name"]}
    )
    assert changed.result(polling=SOON).display_name == "Shard C"
    with pytest.raises(exceptions.Conflict):
        client.create_project(project=wish)
    assert client.delete_project(name=created.name).result(polling=SOON).state.name == "DELETE_REQUESTED"
    assert client.undelete_project(name=created.name).result(polling=SOON).state.name == "ACTIVE"
    with pytest.raises(exceptions.Forbidden):
        client.get_project(name="projects/nobody-at-all")


def test_folders(made: Any) -> None:
    client = made(resourcemanager_v3.FoldersClient, "cloudresourcemanager")
    name = f"shards {time.monotonic_ns()}"
    folder = client.create_folder(folder={"parent": "organizations/111111111111", "display_name": name}).result(
        polling=SOON
    )
    assert client.get_folder(name=folder.name).display_name == name
    assert folder.name in [found.name for found in client.list_folders(parent="organizations/111111111111")]


def test_project_policy(made: Any, project: str) -> None:
    client = made(resourcemanager_v3.ProjectsClient, "cloudresourcemanager")
    resource = f"projects/{project}"
    policy = client.get_iam_policy(resource=resource)
    stale = policy_pb2.Policy()
    stale.CopyFrom(policy)
    policy.bindings.add(role="roles/viewer", members=["user:a@example.com"])
    client.set_iam_policy(request={"resource": resource, "policy": policy})
    with pytest.raises(exceptions.Conflict, match="concurrent policy changes"):
        client.set_iam_policy(request={"resource": resource, "policy": stale})
    assert "roles/viewer" in [binding.role for binding in client.get_iam_policy(resource=resource).bindings]


def test_tags(made: Any, project: str) -> None:
    parent = "organizations/111111111111"
    keys = made(resourcemanager_v3.TagKeysClient, "cloudresourcemanager")
    values = made(resourcemanager_v3.TagValuesClient, "cloudresourcemanager")
    bindings = made(resourcemanager_v3.TagBindingsClient, "cloudresourcemanager")
    key = keys.create_tag_key(tag_key={"parent": parent, "short_name": f"env-{project}"}).result(polling=SOON)
    value = values.create_tag_value(tag_value={"parent": key.name, "short_name": "prod"}).result(polling=SOON)
    assert value.namespaced_name == f"111111111111/env-{project}/prod"
    with pytest.raises(exceptions.Conflict):
        keys.create_tag_key(tag_key={"parent": parent, "short_name": f"env-{project}"})
    resource = f"//cloudresourcemanager.googleapis.com/projects/{project}"
    bound = bindings.create_tag_binding(tag_binding={"parent": resource, "tag_value": value.name}).result(polling=SOON)
    assert [found.tag_value for found in bindings.list_tag_bindings(parent=resource)] == [value.name]
    assert [tag.tag_key for tag in bindings.list_effective_tags(parent=resource)] == [key.name]
    with pytest.raises(exceptions.BadRequest, match="still attached"):
        values.delete_tag_value(name=value.name)
    bindings.delete_tag_binding(name=bound.name).result(polling=SOON)
    changed = values.update_tag_value(tag_value={"name": value.name, "description": "d"}).result(polling=SOON)
    assert changed.description == "d"
    values.delete_tag_value(name=value.name).result(polling=SOON)
    keys.delete_tag_key(name=key.name).result(polling=SOON)
    with pytest.raises(exceptions.Forbidden):
        keys.get_tag_key(name=key.name)


def test_services_and_billing(made: Any, project: str) -> None:
    usage = made(service_usage_v1.ServiceUsageClient, "serviceusage")
    request = {"parent": f"projects/{project}", "service_ids": ["run.googleapis.com", "sqladmin.googleapis.com"]}
    answer = usage.batch_enable_services(request=request).result(polling=SOON)
    assert {service.config.name for service in answer.services} == {"run.googleapis.com", "sqladmin.googleapis.com"}
    name = f"projects/{project}/services/run.googleapis.com"
    assert usage.get_service(request={"name": name}).state.name == "ENABLED"
    assert usage.disable_service(request={"name": name}).result(polling=SOON).service.state.name == "DISABLED"
    enabled = usage.list_services(request={"parent": f"projects/{project}", "filter": "state:ENABLED", "page_size": 3})
    names = [service.config.name for service in enabled]
    assert "sqladmin.googleapis.com" in names
    assert "run.googleapis.com" not in names
    with pytest.raises(exceptions.Forbidden, match="Cloud Run Admin API has not been used in project"):
        made(run_v2.ServicesClient, "run").get_service(
            name=f"projects/{project}/locations/{PLACE}/services/x", retry=None
        )
    billing = made(billing_v1.CloudBillingClient, "cloudbilling")
    linked = {"billing_account_name": "billingAccounts/000000-AAAAAA-BBBBBB"}
    assert billing.update_project_billing_info(name=f"projects/{project}", project_billing_info=linked).billing_enabled
    assert (
        billing.get_project_billing_info(name=f"projects/{project}").billing_account_name
        == linked["billing_account_name"]
    )


def test_repositories(made: Any, project: str) -> None:
    client = made(artifactregistry_v1.ArtifactRegistryClient, "artifactregistry")
    parent = f"projects/{project}/locations/{PLACE}"
    created = client.create_repository(parent=parent, repository_id="sites", repository={"format_": "DOCKER"}).result(
        polling=SOON
    )
    assert (created.format_.name, created.registry_uri) == ("DOCKER", f"{PLACE}-docker.pkg.dev/{project}/sites")
    changed = client.update_repository(
        repository={"name": created.name, "description": "d"}, update_mask={"paths": ["description"]}
    )
    assert (changed.description, changed.format_.name) == ("d", "DOCKER")
    binding = {"role": "roles/artifactregistry.reader", "members": ["user:a@example.com"]}
    client.set_iam_policy(request={"resource": created.name, "policy": {"bindings": [binding]}})
    assert client.get_iam_policy(request={"resource": created.name}).bindings[0].role == binding["role"]
    assert [found.name for found in client.list_repositories(parent=parent)] == [created.name]
    client.delete_repository(name=created.name).result(polling=SOON)
    with pytest.raises(exceptions.NotFound):
        client.get_repository(name=created.name)


def test_secrets(made: Any, project: str) -> None:
    client = made(secretmanager_v1.SecretManagerServiceClient, "secretmanager")
    parent = f"projects/{project}"
    secret = client.create_secret(
        parent=parent, secret_id="db", secret={"replication": {"automatic": {}}, "labels": {"a": "b"}}
    )
    first = client.add_secret_version(parent=secret.name, payload={"data": b"hello"})
    client.add_secret_version(parent=secret.name, payload={"data": b"again"})
    payload = client.access_secret_version(name=f"{parent}/secrets/db/versions/1").payload
    assert (payload.data, payload.data_crc32c) == (b"hello", 2591144780)
    assert client.access_secret_version(name=f"{parent}/secrets/db/versions/latest").payload.data == b"again"
    assert [version.name.rsplit("/", 1)[1] for version in client.list_secret_versions(parent=secret.name)] == ["2", "1"]
    client.disable_secret_version(name=first.name)
    with pytest.raises(exceptions.BadRequest, match="DISABLED state"):
        client.access_secret_version(name=first.name)
    assert client.destroy_secret_version(name=first.name).state.name == "DESTROYED"
    with pytest.raises(exceptions.BadRequest, match="etag"):
        client.delete_secret(request={"name": secret.name, "etag": '"old"'})
    with pytest.raises(exceptions.BadRequest, match=r"[Cc]hecksum"):
        client.add_secret_version(parent=secret.name, payload={"data": b"x", "data_crc32c": 1})
    assert [found.name for found in client.list_secrets(request={"parent": parent, "filter": "labels.a=b"})] == [
        secret.name
    ]
    client.delete_secret(name=secret.name)
    with pytest.raises(exceptions.NotFound, match=r"Secret \[projects/\d+/secrets/db\] not found"):
        client.get_secret(name=secret.name)


def test_run_services(made: Any, project: str) -> None:
    client = made(run_v2.ServicesClient, "run")
    parent = f"projects/{project}/locations/{PLACE}"
    secrets = made(secretmanager_v1.SecretManagerServiceClient, "secretmanager")
    secret = {"replication": {"automatic": {}}}
    secrets.create_secret(parent=f"projects/{project}", secret_id="db", secret=secret)
    secrets.add_secret_version(parent=f"projects/{project}/secrets/db", payload={"data": b"hello"})
    reference = {"secret_key_ref": {"secret": "db", "version": "1"}}
    container = {
        "image": "r/i@sha256:1",
        "env": [{"name": "A", "value": "1"}, {"name": "S", "value_source": reference}],
    }
    wish = run_v2.Service(
        template={"containers": [container], "execution_environment": "EXECUTION_ENVIRONMENT_GEN2"},
        invoker_iam_disabled=True,
    )
    created = client.create_service(parent=parent, service_id="web", service=wish).result(polling=SOON)
    assert created.terminal_condition.state.name == "CONDITION_SUCCEEDED"
    assert created.template.execution_environment.name == "EXECUTION_ENVIRONMENT_GEN2"
    assert created.template.containers[0].env[1].value_source.secret_key_ref.secret == "db"
    assert created.invoker_iam_disabled
    created.template.containers[0].image = "r/i@sha256:2"
    changed = client.update_service(service=created, update_mask={"paths": ["template"]}).result(polling=SOON)
    assert (changed.generation, changed.template.containers[0].image) == (2, "r/i@sha256:2")
    with pytest.raises(exceptions.Conflict):
        client.update_service(service=created)
    revisions = made(run_v2.RevisionsClient, "run").list_revisions(parent=created.name)
    assert [revision.reconciling for revision in revisions] == [False, False]
    binding = {"role": "roles/run.invoker", "members": ["allUsers"]}
    client.set_iam_policy(request={"resource": created.name, "policy": {"bindings": [binding]}})
    assert client.get_iam_policy(request={"resource": created.name}).bindings[0].members == ["allUsers"]
    assert [found.name for found in client.list_services(parent=parent)] == [created.name]
    client.delete_service(name=created.name).result(polling=SOON)
    with pytest.raises(exceptions.NotFound, match="does not exist"):
        client.get_service(name=created.name, retry=None)


def test_cloud_sql(made: Any, project: str) -> None:
    sql = sqladmin_v1beta4
    instances, databases = (
        made(sql.SqlInstancesServiceClient, "sqladmin"),
        made(sql.SqlDatabasesServiceClient, "sqladmin"),
    )
    users, operations = made(sql.SqlUsersServiceClient, "sqladmin"), made(sql.SqlOperationsServiceClient, "sqladmin")
    where = {"project": project, "instance": "main"}

    def wait(operation: Any) -> Any:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = operations.get(request={"project": project, "operation": operation.name})
            if found.status == sql.Operation.SqlOperationStatus.DONE:
                return found
        raise AssertionError(f"{operation.name} was not done in time")

    settings = {"tier": "db-custom-2-8192", "data_api_access": "ALLOW_DATA_API"}
    wish = sql.DatabaseInstance(name="main", region=PLACE, database_version="MYSQL_8_0", settings=settings)
    operation = instances.insert(request={"project": project, "body": wish})
    assert instances.get(request=where).state.name == "PENDING_CREATE"
    assert not wait(operation).error.errors
    found = instances.get(request=where)
    assert (found.state.name, found.database_version.name, found.settings.data_disk_size_gb) == (
        "RUNNABLE",
        "MYSQL_8_0",
        10,
    )
    wait(databases.insert(request={**where, "body": {"name": "shop"}}))
    wait(users.insert(request={**where, "body": {"name": "u", "password": "x"}}))
    assert "shop" in {database.name for database in databases.list(request=where).items}
    assert [(user.name, user.host) for user in users.list(request=where).items] == [("root", ""), ("u", "%")]
    answer = instances.execute_sql(request={**where, "body": {"sql_statement": "SHOW GRANTS FOR u; SELECT 1"}})
    assert [result.columns[0].name for result in answer.results] == ["Grants for u@%", "1"]
    assert answer.results[0].rows[1].values[0].value == "GRANT `cloudsqlsuperuser`@`%` TO `u`@`%`"
    wait(instances.patch(request={**where, "body": {"settings": {"tier": "db-custom-4-16384"}}}))
    assert instances.get(request=where).settings.tier == "db-custom-4-16384"
    wait(users.delete(request={**where, "name": "u"}))
    wait(databases.delete(request={**where, "database": "shop"}))
    wait(instances.delete(request=where))
    with pytest.raises(exceptions.NotFound, match="instance does not exist"):
        instances.get(request=where)


def test_builds(made: Any, project: str) -> None:
    client = made(cloudbuild_v1.CloudBuildClient, "cloudbuild")
    wish = {
        "steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "."]}],
        "images": ["r/site"],
        "tags": ["acme"],
    }
    operation = client.create_build(project_id=project, build=wish)
    own = operation.metadata.build.id
    assert client.get_build(project_id=project, id=own).status.name in ("QUEUED", "WORKING", "SUCCESS")
    done = operation.result(polling=SOON)
    assert done.status.name == "SUCCESS"
    assert done.results.images[0].digest.startswith("sha256:")
    again = client.create_build(request={"parent": f"projects/{project}/locations/{PLACE}", "build": wish})
    assert again.result(polling=SOON).results.images[0].digest == done.results.images[0].digest
    assert [found.id for found in client.list_builds(project_id=project, filter='tags="acme"')] == [own]
    with pytest.raises(exceptions.BadRequest):
        client.cancel_build(project_id=project, id=own)


def test_service_accounts(cloud: Any, project: str) -> None:
    options = {"api_endpoint": f"{cloud.url}/iam"}
    accounts = (
        build("iam", "v1", credentials=AnonymousCredentials(), client_options=options, cache_discovery=False)
        .projects()
        .serviceAccounts()
    )
    body = {"accountId": "site-acme", "serviceAccount": {"displayName": "Acme"}}
    created = accounts.create(name=f"projects/{project}", body=body).execute()
    assert created["email"] == f"site-acme@{project}.iam.gserviceaccount.com"
    by_number = accounts.get(name=f"projects/-/serviceAccounts/{created['email']}").execute()
    assert by_number == created
    accounts.patch(
        name=created["name"], body={"serviceAccount": {"displayName": "B"}, "updateMask": "displayName"}
    ).execute()
    accounts.disable(name=created["name"], body={}).execute()
    found = accounts.list(name=f"projects/{project}").execute()["accounts"]
    assert [(account["displayName"], account["disabled"]) for account in found] == [("B", True)]
    policy = {"bindings": [{"role": "roles/iam.serviceAccountUser", "members": ["user:a@example.com"]}]}
    accounts.setIamPolicy(resource=created["name"], body={"policy": policy}).execute()
    accounts.delete(name=created["name"]).execute()
    fresh = accounts.create(name=f"projects/{project}", body=body).execute()
    assert fresh["uniqueId"] != created["uniqueId"]
    assert "bindings" not in accounts.getIamPolicy(resource=fresh["name"]).execute()


def test_clients_of_all_doors_at_once_lose_no_change(cloud: Any, project: str) -> None:
    """Read, change, write with the etag, again when somebody was faster: only whole requests are seen."""
    secrets = secretmanager_v1.SecretManagerServiceClient
    options = ClientOptions(api_endpoint=f"{cloud.url}/secretmanager")
    rest = secrets(transport="rest", credentials=AnonymousCredentials(), client_options=options)
    channel = grpc.insecure_channel(cloud.address["grpc"])
    remote = secrets(transport=secrets.get_transport_class("grpc")(channel=channel))
    body = {"replication": {"automatic": {}}}
    name = rest.create_secret(parent=f"projects/{project}", secret_id="shared", secret=body).name

    def add(number: int) -> None:
        client = remote if number % 2 else rest
        for _ in range(500):
            policy = client.get_iam_policy(request={"resource": name})
            policy.bindings.add(role="roles/viewer", members=[f"user:u{number}@example.com"])
            try:
                client.set_iam_policy(request={"resource": name, "policy": policy})
            except exceptions.Conflict:  # ABORTED over gRPC is one too
                continue
            return
        raise AssertionError("never the first")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))
    found = rest.get_iam_policy(request={"resource": name}).bindings
    assert sorted(member for binding in found for member in binding.members) == sorted(
        f"user:u{number}@example.com" for number in range(40)
    )
