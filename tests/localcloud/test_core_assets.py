"""Cloud Asset Inventory: what is listed and searched is what there is, under any part of the tree, page by page."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

BASE = "/cloudasset/v1/"
TOP, ORGANISATION, PROJECT = "folders/222222222222", "organizations/111111111111", "projects/acme-eu-001"
RUN = "run.googleapis.com/Service"


@pytest.fixture
def fleet(world: Any) -> str:
    """Two projects; resources of several services in the first. Returns its number."""
    world.project("acme-eu-002")
    for own in ("web", "shop"):
        wish = {"template": {"containers": [{"image": "x"}]}, "labels": {"tenant": own}}
        world.ask("POST", f"/run/v2/{PROJECT}/locations/europe-west1/services", wish, serviceId=own)
    world.ask("POST", "/storage/storage/v1/b", {"name": "acme-media", "location": "EU"}, project="acme-eu-001")
    world.ask("POST", f"/secretmanager/v1/{PROJECT}/secrets", {"replication": {"automatic": {}}}, secretId="db")
    world.ask("POST", f"/iam/v1/{PROJECT}/serviceAccounts", {"accountId": "builder"})
    world.pass_time(100)
    return str(world.ask("GET", f"/cloudresourcemanager/v3/{PROJECT}")[1]["name"].removeprefix("projects/"))


def listed(world: Any, parent: str = PROJECT, **query: Any) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        more = {"pageToken": token} if token else {}
        status, page = world.ask("GET", f"{BASE}{parent}/assets", **query, **more)
        assert status == 200, page
        found += page.get("assets", [])
        token = page.get("nextPageToken", "")
        if not token:
            return found


def test_a_list_has_everything_once_whatever_the_page(world: Any, fleet: str) -> None:
    whole = [one["name"] for one in listed(world)]
    assert len(whole) == len(set(whole))
    assert [one["name"] for one in listed(world, pageSize=1)] == whole
    assert f"//secretmanager.googleapis.com/projects/{fleet}/secrets/db" in whole
    assert "//storage.googleapis.com/acme-media" in whole
    assert f"//run.googleapis.com/{PROJECT}/locations/europe-west1/services/web" in whole


def test_a_list_is_of_the_kinds_and_the_part_of_the_tree_that_is_asked_for(world: Any, fleet: str) -> None:
    for parent in (PROJECT, TOP, ORGANISATION):
        assert len(listed(world, parent, assetTypes=RUN)) == 2
    assert listed(world, "projects/acme-eu-002", assetTypes=RUN) == []
    projects = "cloudresourcemanager.googleapis.com/Project"
    assert len(listed(world, TOP, assetTypes=projects)) == 2
    kinds = {one["assetType"] for one in listed(world, TOP, assetTypes=[RUN, ".*/Bucket"])}
    assert kinds == {RUN, "storage.googleapis.com/Bucket"}
    assert world.ask("GET", f"{BASE}{PROJECT}/assets", assetTypes="Service")[0] == 400
    assert world.ask("GET", f"{BASE}projects/none/assets")[0] == 403


def test_content_is_the_resource_or_its_policy(world: Any, fleet: str) -> None:
    web = listed(world, assetTypes=RUN, contentType="RESOURCE")[-1]
    assert web["ancestors"] == [f"projects/{fleet}", TOP, ORGANISATION]
    assert web["resource"]["discoveryName"] == "Service"
    assert web["resource"]["location"] == "europe-west1"
    assert web["resource"]["data"]["labels"] == {"tenant": "web"}
    path = f"/run/v2/{PROJECT}/locations/europe-west1/services/web:setIamPolicy"
    binding = {"role": "roles/run.invoker", "members": ["allUsers"]}
    world.ask("POST", path, {"policy": {"bindings": [binding]}})
    found = listed(world, contentType="IAM_POLICY", assetTypes=RUN)
    assert [one["iamPolicy"]["bindings"] for one in found] == [[binding]]


def test_a_deleted_resource_is_in_no_list(world: Any, fleet: str) -> None:
    world.ask("DELETE", f"/run/v2/{PROJECT}/locations/europe-west1/services/web")
    world.pass_time(100)
    assert [one["name"].rpartition("/")[2] for one in listed(world, assetTypes=RUN)] == ["shop"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name:web", ["web"]),
        ("labels.tenant:shop", ["shop"]),
        ("labels.tenant:*", ["shop", "web"]),
        ("location:europe-west1 AND NOT name:web", ["shop"]),
        ("acme-media", []),
    ],
)
def test_resources_are_searched(world: Any, fleet: str, query: str, names: list[str]) -> None:
    found = world.ask("GET", f"{BASE}{TOP}:searchAllResources", query=query, assetTypes=RUN)[1].get("results", [])
    assert [one["displayName"] for one in found] == names


def test_searches_are_sorted_and_paged(world: Any, fleet: str) -> None:
    first = world.ask("GET", f"{BASE}{TOP}:searchAllResources", assetTypes=RUN, orderBy="name DESC", pageSize=1)[1]
    assert first["results"][0]["displayName"] == "web"
    assert first["results"][0]["project"] == f"projects/{fleet}"
    token = first["nextPageToken"]
    again = {"assetTypes": RUN, "orderBy": "name DESC", "pageSize": 1, "pageToken": token}
    second = world.ask("GET", f"{BASE}{TOP}:searchAllResources", **again)[1]
    assert [one["displayName"] for one in second["results"]] == ["shop"]
    assert "nextPageToken" not in second


def test_a_search_in_the_order_of_keys_is_paged_too(world: Any, fleet: str) -> None:
    whole = world.ask("GET", f"{BASE}{TOP}:searchAllResources")[1]["results"]
    found: list[Any] = []
    token = ""
    while True:
        more = {"pageToken": token} if token else {}
        page = world.ask("GET", f"{BASE}{TOP}:searchAllResources", pageSize=2, **more)[1]
        found += page["results"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert found == whole


def test_an_export_is_an_object_with_an_asset_a_line(world: Any, fleet: str) -> None:
    wish = {
        "outputConfig": {"gcsDestination": {"uri": "gs://acme-media/inventory/all.json"}},
        "contentType": "RESOURCE",
    }
    operation = world.ask("POST", f"{BASE}{PROJECT}:exportAssets", wish)[1]
    done = world.done(BASE, operation)
    assert done["response"]["outputResult"]["gcsResult"]["uris"] == ["gs://acme-media/inventory/all.json"]
    raw = world.ask("GET", "/storage/storage/v1/b/acme-media/o/inventory%2Fall.json", alt="media")[1]
    names = [json.loads(line)["name"] for line in raw.splitlines()]
    assert names == [one["name"] for one in listed(world)]
    prefix = {"outputConfig": {"gcsDestination": {"uriPrefix": "gs://acme-media/by"}}, "assetTypes": [RUN]}
    done = world.done(BASE, world.ask("POST", f"{BASE}{TOP}:exportAssets", prefix)[1])
    assert done["response"]["outputResult"]["gcsResult"]["uris"] == [f"gs://acme-media/by/{RUN}/0"]
    nowhere = {"outputConfig": {"gcsDestination": {"uri": "gs://none/all.json"}}}
    assert world.ask("POST", f"{BASE}{PROJECT}:exportAssets", nowhere)[0] == 400


def test_policies_are_searched(world: Any, fleet: str) -> None:
    for query in ("policy:roles/owner", "policy:user:user@example.com", "roles:roles/owner", "memberTypes:user"):
        found = world.ask("GET", f"{BASE}{PROJECT}:searchAllIamPolicies", query=query)[1]["results"]
        assert [one["resource"] for one in found] == [f"//cloudresourcemanager.googleapis.com/projects/{fleet}"], query
    assert world.ask("GET", f"{BASE}{PROJECT}:searchAllIamPolicies", query="policy:roles/none")[1] == {}


def test_the_history_of_an_asset_is_what_it_is_now(world: Any, fleet: str) -> None:
    names = ["//storage.googleapis.com/acme-media", "//storage.googleapis.com/none"]
    window = {"readTimeWindow.startTime": "2027-01-01T00:00:00Z"}
    answer = world.ask(
        "GET", f"{BASE}{PROJECT}:batchGetAssetsHistory", assetNames=names, contentType="RESOURCE", **window
    )
    assert [one["asset"]["name"] for one in answer[1]["assets"]] == names[:1]


FEED = {"pubsubDestination": {"topic": "projects/acme-eu-001/topics/changes"}}


def changes(world: Any) -> list[Any]:
    path = f"/pubsub/v1/{PROJECT}/subscriptions/changes"
    pulled = world.ask("POST", f"{path}:pull", {"maxMessages": 100})[1].get("receivedMessages", [])
    if pulled:
        world.ask("POST", f"{path}:acknowledge", {"ackIds": [one["ackId"] for one in pulled]})
    return [json.loads(base64.b64decode(one["message"]["data"])) for one in pulled]


def watch(world: Any, parent: str, **feed: Any) -> None:
    world.ask("PUT", f"/pubsub/v1/{PROJECT}/topics/changes", {})
    world.ask("PUT", f"/pubsub/v1/{PROJECT}/subscriptions/changes", {"topic": f"{PROJECT}/topics/changes"})
    status, answer = world.ask(
        "POST", f"{BASE}{parent}/feeds", {"feedId": "all", "feed": {"feedOutputConfig": FEED, **feed}}
    )
    assert status == 200, answer


@pytest.mark.parametrize("parent", [PROJECT, TOP, ORGANISATION])
def test_a_feed_tells_what_is_made_changed_and_deleted(world: Any, parent: str) -> None:
    watch(world, parent, assetTypes=["secretmanager.googleapis.com/Secret"], contentType="RESOURCE")
    secrets = f"/secretmanager/v1/{PROJECT}/secrets"
    world.ask("POST", secrets, {"replication": {"automatic": {}}}, secretId="db")
    world.ask("PATCH", f"{secrets}/db", {"labels": {"a": "b"}}, updateMask="labels")
    world.ask("DELETE", f"{secrets}/db")
    world.ask("POST", f"/iam/v1/{PROJECT}/serviceAccounts", {"accountId": "builder"})
    made, changed, deleted = changes(world)
    assert made["asset"]["name"].endswith("/secrets/db")
    assert "priorAsset" not in made
    assert changed["asset"]["resource"]["data"]["labels"] == {"a": "b"}
    assert "labels" not in changed["priorAsset"]["resource"]["data"]
    assert deleted["deleted"] is True
    assert changes(world) == []


def test_a_feed_tells_when_an_operation_brings_a_change_about(world: Any) -> None:
    watch(world, PROJECT, assetTypes=[RUN])
    wish = {"template": {"containers": [{"image": "x"}]}}
    world.ask("POST", f"/run/v2/{PROJECT}/locations/europe-west1/services", wish, serviceId="web")
    changes(world)
    world.pass_time(100)
    world.ask("GET", f"/cloudresourcemanager/v3/{PROJECT}")
    assert [one["asset"]["assetType"] for one in changes(world)] == [RUN]


def test_a_feed_of_policies_and_one_that_is_gone(world: Any) -> None:
    watch(world, PROJECT, assetTypes=["cloudresourcemanager.googleapis.com/Project"], contentType="IAM_POLICY")
    binding = {"role": "roles/viewer", "members": ["user:a@example.com"]}
    path = f"/cloudresourcemanager/v3/{PROJECT}:setIamPolicy"
    world.ask("POST", path, {"policy": {"bindings": [binding]}})
    assert [one["asset"]["iamPolicy"]["bindings"] for one in changes(world)] == [[binding]]
    world.ask("DELETE", f"{BASE}{PROJECT}/feeds/all")
    world.ask("POST", path, {"policy": {"bindings": []}})
    assert changes(world) == []
