"""gcloud for organisation, projects, identities, secrets, images, billing and inventory: as a person types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.localcloud.gcloud import GcloudError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ORGANISATION = "111111111111"


def test_folders_projects_and_their_policies(gcloud: Any, project: str) -> None:
    name = f"shards {project[-8:]}"
    folder = gcloud("resource-manager", "folders", "create", f"--display-name={name}", f"--organization={ORGANISATION}")
    number = folder["name"].rpartition("/")[2]
    second = f"{project}-b"
    gcloud("projects", "create", second, f"--folder={number}", "--labels=env=prod")
    found = gcloud("projects", "list", f"--filter=parent.id={number}")
    assert [row["projectId"] for row in found] == [second]
    steps = gcloud("projects", "get-ancestors", second)
    assert [step["type"] for step in steps] == ["project", "folder", "organization"]
    binding = ("--member=user:a@example.com", "--role=roles/run.viewer")
    when = "--condition=expression=request.time < timestamp('2030-01-01T00:00:00Z'),title=until"
    policy = gcloud("projects", "add-iam-policy-binding", second, *binding, when)
    assert policy["version"] == 3
    policy = gcloud("projects", "remove-iam-policy-binding", second, *binding, "--all")
    assert policy["version"] == 1
    gcloud("projects", "delete", second)
    assert gcloud("projects", "describe", second)["lifecycleState"] == "DELETE_REQUESTED"
    gcloud("projects", "undelete", second)
    with pytest.raises(GcloudError, match="does not have permission"):
        gcloud("projects", "describe", "nobody-has-this-one")


def test_apis_bring_what_they_need(gcloud: Any) -> None:
    gcloud("services", "enable", "run.googleapis.com")
    found = {row["config"]["name"] for row in gcloud("services", "list", "--enabled")}
    assert {"run.googleapis.com", "artifactregistry.googleapis.com"} <= found
    with pytest.raises(GcloudError, match="depended on by the following active service"):
        gcloud("services", "disable", "artifactregistry.googleapis.com")
    gcloud("services", "disable", "artifactregistry.googleapis.com", "--force")
    assert "run.googleapis.com" not in {row["config"]["name"] for row in gcloud("services", "list", "--enabled")}


def test_accounts_keys_and_roles(gcloud: Any, project: str, tmp_path: Path) -> None:
    email = f"builder@{project}.iam.gserviceaccount.com"
    gcloud("iam", "service-accounts", "create", "builder", "--display-name=Builder")
    gcloud("iam", "service-accounts", "keys", "create", str(tmp_path / "key.json"), f"--iam-account={email}")
    from google.oauth2 import service_account

    loaded = service_account.Credentials.from_service_account_file(str(tmp_path / "key.json"))
    assert loaded.service_account_email == email
    keys = gcloud("iam", "service-accounts", "keys", "list", f"--iam-account={email}", "--managed-by=user")
    assert len(keys) == 1
    own = f"--project={project}"
    gcloud("iam", "roles", "create", "deployer", own, "--title=Deployer", "--permissions=run.services.get")
    role = gcloud("iam", "roles", "update", "deployer", own, "--add-permissions=run.services.list")
    assert role["includedPermissions"] == ["run.services.get", "run.services.list"]
    gcloud("iam", "roles", "delete", "deployer", own)
    assert gcloud("iam", "roles", "list", own) == []
    assert gcloud("iam", "roles", "describe", "roles/run.invoker")["title"] == "Cloud Run Invoker"


def test_secrets_by_number_alias_and_region(gcloud: Any, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("first")
    gcloud("secrets", "create", "db", "--replication-policy=automatic", f"--data-file={tmp_path / 'value'}")
    gcloud("secrets", "update", "db", "--update-version-aliases=stable=1")
    assert gcloud("secrets", "versions", "access", "stable", "--secret=db")["payload"]["data"] == "Zmlyc3Q="
    gcloud("secrets", "versions", "destroy", "1", "--secret=db")
    with pytest.raises(GcloudError, match="DESTROYED"):
        gcloud("secrets", "versions", "access", "1", "--secret=db")
    gcloud("secrets", "create", "near", "--location=europe-west1")
    assert len(gcloud("secrets", "list", "--location=europe-west1")) == 1
    gcloud("secrets", "delete", "db")
    assert gcloud("secrets", "list") == []


def test_tags_images_billing_and_inventory(gcloud: Any, project: str) -> None:
    short = f"env-{project[-8:]}"
    gcloud("resource-manager", "tags", "keys", "create", short, f"--parent=organizations/{ORGANISATION}")
    gcloud("resource-manager", "tags", "values", "create", "prod", f"--parent={ORGANISATION}/{short}")
    target = f"--parent=//cloudresourcemanager.googleapis.com/projects/{project}"
    value = f"--tag-value={ORGANISATION}/{short}/prod"
    gcloud("resource-manager", "tags", "bindings", "create", value, target)
    bound = gcloud("resource-manager", "tags", "bindings", "list", target, "--effective")
    assert [row["namespacedTagValue"] for row in bound] == [f"{ORGANISATION}/{short}/prod"]
    place = "--location=europe-west1"
    gcloud("artifacts", "repositories", "create", "sites", "--repository-format=docker", place)
    assert gcloud("artifacts", "repositories", "describe", "sites", place)["mode"] == "STANDARD_REPOSITORY"
    assert gcloud("artifacts", "docker", "images", "list", f"europe-west1-docker.pkg.dev/{project}/sites") == []
    account = "--billing-account=000000-AAAAAA-BBBBBB"
    assert gcloud("billing", "projects", "link", project, account)["billingEnabled"] is True
    found = gcloud("asset", "list", f"--project={project}", "--asset-types=artifactregistry.googleapis.com/Repository")
    assert [row["name"].rpartition("/")[2] for row in found] == ["sites"]
    scope = f"--scope=projects/{project}"
    found = gcloud("asset", "search-all-iam-policies", scope, "--query=policy:roles/owner")
    assert len(found) == 1
