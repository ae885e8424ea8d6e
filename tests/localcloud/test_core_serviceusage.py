"""Service Usage: enabling with what is needed, disabling with what needs it, lists, agents, consumer quotas."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

USAGE = "/serviceusage/v1/projects/acme-eu-001/services"
BETA = "/serviceusage/v1beta1/projects/acme-eu-001/services"


def message(answer: Any) -> str:
    return str(answer["error"]["message"])


def enabled(world: Any) -> list[str]:
    found = world.ask("GET", USAGE, filter="state:ENABLED", pageSize=200)[1].get("services", [])
    return [row["config"]["name"].removesuffix(".googleapis.com") for row in found]


def enable(world: Any, *names: str) -> Any:
    asked = {"serviceIds": [f"{name}.googleapis.com" for name in names]}
    status, operation = world.ask("POST", f"{USAGE}:batchEnable", asked)
    assert status == 200
    return world.done("/serviceusage/v1/", operation)


def test_a_project_made_through_the_api_has_nothing_on_and_gcloud_asks_for_the_usual(world: Any) -> None:
    assert enabled(world) == []
    enable(world, "cloudapis")
    assert {"bigquery", "storage", "logging", "monitoring"} <= set(enabled(world))


def test_what_an_api_needs_is_switched_on_with_it_and_agents_get_their_roles(world: Any) -> None:
    done = enable(world, "run")
    assert [row["name"].rpartition("/")[2] for row in done["response"]["services"]] == ["run.googleapis.com"]
    assert enabled(world) == ["artifactregistry", "containerregistry", "pubsub", "run", "storage-api"]
    policy = world.ask("POST", "/cloudresourcemanager/v3/projects/acme-eu-001:getIamPolicy", {})[1]
    number = world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"].removeprefix("projects/")
    agent = f"serviceAccount:service-{number}@serverless-robot-prod.iam.gserviceaccount.com"
    assert {"role": "roles/run.serviceAgent", "members": [agent]} in policy["bindings"]


def test_compute_comes_with_the_account_that_machines_run_as(world: Any) -> None:
    accounts = "/iam/v1/projects/acme-eu-001/serviceAccounts"
    assert world.ask("GET", accounts)[1] == {}
    enable(world, "compute")
    found = world.ask("GET", accounts)[1]["accounts"]
    assert [row["displayName"] for row in found] == ["Compute Engine default service account"]
    assert found[0]["email"].endswith("-compute@developer.gserviceaccount.com")


def test_what_others_need_is_not_switched_off_by_itself(world: Any) -> None:
    enable(world, "run")
    status, answer = world.ask("POST", f"{USAGE}/pubsub.googleapis.com:disable", {})
    assert status == 400
    assert message(answer) == (
        "The service pubsub.googleapis.com is depended on by the following active service(s): "
        "artifactregistry.googleapis.com,containerregistry.googleapis.com,run.googleapis.com; "
        "Please specify disable_dependent_services=true if you want to proceed with disabling all services."
    )
    both = {"disableDependentServices": True}
    operation = world.ask("POST", f"{USAGE}/pubsub.googleapis.com:disable", both)[1]
    world.done("/serviceusage/v1/", operation)
    assert enabled(world) == ["storage-api"]
    assert world.ask("GET", "/run/v2/projects/acme-eu-001/locations/europe-west1/services")[0] == 403


def test_lists_show_what_could_be_on(world: Any) -> None:
    enable(world, "run")
    every = world.ask("GET", USAGE, pageSize=200)[1]
    assert every["nextPageToken"]
    row = world.ask("GET", f"{USAGE}/secretmanager.googleapis.com")[1]
    assert (row["state"], row["config"]["title"]) == ("DISABLED", "Secret Manager API")
    off = world.ask("GET", USAGE, filter="state:DISABLED", pageSize=200)[1]["services"]
    assert "run.googleapis.com" not in [row["config"]["name"] for row in off]
    assert world.ask("GET", USAGE, filter="name:run")[0] == 400


def test_an_api_without_a_document_has_a_title_too(world: Any) -> None:
    shown = world.ask("GET", f"{USAGE}/sql-component.googleapis.com")[1]
    assert shown["config"]["title"] == "Cloud SQL"
    assert world.ask("GET", f"{USAGE}/run.googleapis.com")[1]["config"]["documentation"]["summary"]


def test_batches_have_limits_and_unknown_names_are_forbidden(world: Any) -> None:
    names = [f"projects/acme-eu-001/services/{name}.googleapis.com" for name in ("run", "iam")]
    found = world.ask("GET", f"{USAGE}:batchGet", names=names)[1]["services"]
    assert [row["state"] for row in found] == ["DISABLED", "DISABLED"]
    assert world.ask("GET", f"{USAGE}:batchGet", names=names * 16)[0] == 400
    status, answer = world.ask("POST", f"{USAGE}/none.googleapis.com:enable", {})
    assert status == 403
    assert message(answer) == "Not found or permission denied for service(s): none.googleapis.com."


def test_an_agent_is_told_by_its_own_domain(world: Any) -> None:
    made = world.ask("POST", f"{BETA}/redis.googleapis.com:generateServiceIdentity")[1]
    assert made["response"]["email"].endswith("@cloud-redis.iam.gserviceaccount.com")
    made = world.ask("POST", f"{BETA}/bigquery.googleapis.com:generateServiceIdentity")[1]
    assert set(made["response"]) == {"@type"}


def test_a_quota_is_shown_with_its_override(world: Any) -> None:
    metrics = world.ask("GET", f"{BETA}/run.googleapis.com/consumerQuotaMetrics")[1]["metrics"]
    services = next(row for row in metrics if row["metric"] == "run.googleapis.com/services")
    limit = services["consumerQuotaLimits"][0]
    assert (limit["unit"], limit["quotaBuckets"][0]["effectiveLimit"]) == ("1/{project}/{region}", "1000")
    path = f"/serviceusage/v1beta1/{limit['name']}"
    assert world.ask("GET", path)[1] == limit
    wish = {"overrideValue": "100", "dimensions": {"region": "europe-west1"}}
    assert world.ask("POST", f"{path}/consumerOverrides", wish)[0] == 400, "such a cut needs force"
    made = world.ask("POST", f"{path}/consumerOverrides", wish, force="true")[1]["response"]
    buckets = world.ask("GET", path)[1]["quotaBuckets"]
    assert [(bucket.get("dimensions"), bucket["effectiveLimit"]) for bucket in buckets] == [
        (None, "1000"), ({"region": "europe-west1"}, "100"),
    ]  # fmt: skip
    assert made["name"].startswith(limit["name"])
    assert world.ask("DELETE", f"/serviceusage/v1beta1/{made['name']}")[0] == 200
    assert len(world.ask("GET", path)[1]["quotaBuckets"]) == 1
    gone = quote("run.googleapis.com/none", safe="")
    assert world.ask("GET", f"{BETA}/run.googleapis.com/consumerQuotaMetrics/{gone}")[0] == 404
