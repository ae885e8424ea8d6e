"""Compute by rule: addressing, links, operations, lists, labels and refusals, on any kind of resource."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.localcloud.services.compute.world import pacific
from reconciler.localcloud.values import seconds_of

P = "/compute/compute/v1/projects/acme-eu-001"
LINK = "https://www.googleapis.com/compute/v1/projects/acme-eu-001"


def make(world: Any, collection: str, body: dict[str, Any], scope: str = "global") -> dict[str, Any]:
    """Create a resource and read it back."""
    status, operation = world.ask("POST", f"{P}/{scope}/{collection}", body)
    assert status == 200, operation
    status, stored = world.ask("GET", f"{P}/{scope}/{collection}/{body['name']}")
    assert status == 200
    found: dict[str, Any] = stored
    return found


def test_an_operation_has_the_shape_of_its_place(world: Any) -> None:
    _, operation = world.ask("POST", f"{P}/regions/us-central1/addresses", {"name": "a"})
    assert (operation["kind"], operation["operationType"]) == ("compute#operation", "insert")
    assert (operation["status"], operation["progress"]) == ("RUNNING", 0)
    assert operation["region"] == f"{LINK}/regions/us-central1"
    assert operation["targetLink"] == f"{LINK}/regions/us-central1/addresses/a"
    assert operation["selfLink"] == f"{LINK}/regions/us-central1/operations/{operation['name']}"
    world.pass_time(60)
    path = f"{P}/regions/us-central1/operations/{operation['name']}"
    _, done = world.ask("POST", f"{path}/wait")
    assert (done["status"], done["progress"]) == ("DONE", 100)
    assert done["endTime"] > done["startTime"]
    _, stored = world.ask("GET", f"{P}/regions/us-central1/addresses/a")
    assert done["targetId"] == stored["id"]
    listed = world.ask("GET", f"{P}/regions/us-central1/operations")[1]
    assert [row["name"] for row in listed["items"]] == [operation["name"]]


def test_a_resource_is_found_by_name_by_id_and_by_the_number_of_its_project(world: Any) -> None:
    stored = make(world, "sslPolicies", {"name": "strict"})
    assert world.ask("GET", f"{P}/global/sslPolicies/{stored['id']}")[1] == stored
    number = world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"]
    assert world.ask("GET", f"/compute/compute/v1/{number}/global/sslPolicies/strict")[1] == stored
    assert stored["selfLink"] == f"{LINK}/global/sslPolicies/strict"


def test_partial_links_become_full_ones_and_follow_the_version(world: Any) -> None:
    network = make(world, "networks", {"name": "net", "autoCreateSubnetworks": False})
    body = {"name": "sub", "network": "global/networks/net", "ipCidrRange": "10.0.0.0/24"}
    subnet = make(world, "subnetworks", body, "regions/europe-west1")
    assert subnet["network"] == network["selfLink"]
    assert subnet["region"] == f"{LINK}/regions/europe-west1"
    path = "/compute/compute/beta/projects/acme-eu-001/regions/europe-west1/subnetworks/sub"
    assert world.ask("GET", path)[1]["network"] == network["selfLink"].replace("/v1/", "/beta/")


def test_what_google_refuses(world: Any) -> None:
    make(world, "sslPolicies", {"name": "strict"})
    status, answer = world.ask("POST", f"{P}/global/sslPolicies", {"name": "strict"})
    assert (status, answer["error"]["errors"][0]["reason"]) == (409, "alreadyExists")
    assert answer["error"]["message"] == "The resource 'projects/acme-eu-001/global/sslPolicies/strict' already exists"
    status, answer = world.ask("GET", f"{P}/global/sslPolicies/other")
    assert (status, answer["error"]["errors"][0]["reason"]) == (404, "notFound")
    assert answer["error"]["message"] == "The resource 'projects/acme-eu-001/global/sslPolicies/other' was not found"
    assert "status" not in answer["error"]
    status, answer = world.ask("POST", f"{P}/global/sslPolicies", {"name": "Not a name"})
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "invalid")
    assert answer["error"]["message"].startswith("Invalid value for field 'resource.name': 'Not a name'.")
    status, answer = world.ask("POST", f"{P}/global/sslPolicies", {})
    assert (status, answer["error"]["message"]) == (400, "Required field 'resource' not specified")


def test_labels_need_the_current_fingerprint(world: Any) -> None:
    stored = make(world, "addresses", {"name": "a"})
    path = f"{P}/global/addresses/a"
    fresh = {"labels": {"env": "prod"}, "labelFingerprint": stored["labelFingerprint"]}
    status, operation = world.ask("POST", f"{path}/setLabels", fresh)
    assert (status, operation["status"]) == (200, "DONE")
    changed = world.ask("GET", path)[1]
    assert changed["labels"] == {"env": "prod"}
    assert changed["labelFingerprint"] != stored["labelFingerprint"]
    status, answer = world.ask("POST", f"{path}/setLabels", {**fresh, "labels": {"env": "test"}})
    assert (status, answer["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert answer["error"]["message"] == "Labels fingerprint either invalid or resource labels have changed"
    assert world.ask("GET", path)[1] == changed


def test_a_change_on_an_old_fingerprint_is_refused(world: Any) -> None:
    old = make(world, "sslPolicies", {"name": "strict"})
    path = f"{P}/global/sslPolicies/strict"
    assert world.ask("PATCH", path, {"minTlsVersion": "TLS_1_2", "fingerprint": old["fingerprint"]})[0] == 200
    assert world.ask("GET", path)[1]["minTlsVersion"] == "TLS_1_2"
    status, answer = world.ask("PATCH", path, {"minTlsVersion": "TLS_1_1", "fingerprint": old["fingerprint"]})
    assert (status, answer["error"]["message"]) == (412, "Invalid fingerprint.")
    assert world.ask("GET", path)[1]["minTlsVersion"] == "TLS_1_2"


def test_lists_have_pages_filters_and_an_aggregated_form(world: Any) -> None:
    for name, scope in (("a1", "regions/us-central1"), ("a2", "regions/us-central1"), ("a3", "global")):
        make(world, "addresses", {"name": name, "description": f"the {name}"}, scope)
    path = f"{P}/regions/us-central1/addresses"
    _, first = world.ask("GET", path, maxResults=1)
    assert [row["name"] for row in first["items"]] == ["a1"]
    _, second = world.ask("GET", path, maxResults=1, pageToken=first["nextPageToken"])
    assert [row["name"] for row in second["items"]] == ["a2"]
    for text in (
        "name=a2",
        'name eq "a2"',
        "(name = a2) OR (name = nothing)",
        'name="a*" AND NOT name=a1',
        "name != a1",
    ):
        assert [row["name"] for row in world.ask("GET", path, filter=text)[1]["items"]] == ["a2"], text
    assert "items" not in world.ask("GET", path, filter="name=nothing")[1]
    assert world.ask("GET", path, filter="name=(")[0] == 400
    _, all_of_them = world.ask("GET", f"{P}/aggregated/addresses")
    names = {
        scope: [row["name"] for row in inner.get("addresses", [])] for scope, inner in all_of_them["items"].items()
    }
    assert names["regions/us-central1"] == ["a1", "a2"]
    assert names["global"] == ["a3"]
    assert all_of_them["items"]["regions/us-east1"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"


def test_a_deleted_resource_is_gone(world: Any) -> None:
    make(world, "sslPolicies", {"name": "strict"})
    _, operation = world.ask("DELETE", f"{P}/global/sslPolicies/strict")
    assert operation["operationType"] == "delete"
    assert world.ask("GET", f"{P}/global/sslPolicies/strict")[0] == 404
    assert world.ask("DELETE", f"{P}/global/sslPolicies/strict")[0] == 404


def test_a_verb_without_behaviour_says_so_and_changes_nothing(world: Any) -> None:
    make(world, "sslPolicies", {"name": "strict"})
    status, answer = world.ask("POST", f"{P}/zones/us-central1-a/queuedResources/x/cancel")
    if status == 404:
        status, answer = world.ask("POST", f"{P}/moveDisk", {"targetDisk": "a"})
    assert status == 501
    assert "no behaviour" in answer["error"]["message"]


def test_links_made_from_the_clouds_own_address_are_googles(world: Any) -> None:
    make(world, "backendServices", {"name": "web"})
    link = "http://127.0.0.1:8085/compute/compute/v1/projects/acme-eu-001/global/backendServices/web"
    assert make(world, "urlMaps", {"name": "map", "defaultService": link})["defaultService"] == (
        f"{LINK}/global/backendServices/web"
    )


def test_a_fingerprint_in_the_url_safe_alphabet_is_the_same(world: Any) -> None:
    for _ in range(20):
        name = f"p{_}"
        old = make(world, "sslPolicies", {"name": name})["fingerprint"]
        body = {"minTlsVersion": "TLS_1_2", "fingerprint": old.replace("+", "-").replace("/", "_")}
        assert world.ask("PATCH", f"{P}/global/sslPolicies/{name}", body)[0] == 200


def test_places_and_names_that_cannot_be_are_refused_as_google_words_it(world: Any) -> None:
    status, answer = world.ask("GET", f"{P}/regions/mars-north1/addresses")
    assert (status, answer["error"]["message"]) == (
        400, "Invalid value for field 'region': 'mars-north1'. Unknown region.",
    )  # fmt: skip
    assert world.ask("GET", f"{P}/regions/mars-north1")[0] == 404
    status, answer = world.ask("GET", f"{P}/global/networks/Not_A_Name")
    assert status == 400
    assert answer["error"]["message"] == (
        "Invalid value for field 'network': 'Not_A_Name'. Must be a match of regex "
        "'[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?|[1-9][0-9]{0,19}'"
    )


def test_a_repeated_request_id_does_nothing_twice(world: Any) -> None:
    own = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    _, first = world.ask("POST", f"{P}/global/addresses", {"name": "a"}, requestId=own)
    status, second = world.ask("POST", f"{P}/global/addresses", {"name": "a"}, requestId=own)
    assert (status, second["name"], second["clientOperationId"]) == (200, first["name"], own)
    assert world.ask("POST", f"{P}/global/addresses", {"name": "a"})[0] == 409


def test_what_a_resource_refers_to_must_exist(world: Any) -> None:
    make(world, "backendServices", {"name": "web"})
    status, answer = world.ask(
        "POST", f"{P}/global/urlMaps", {"name": "m", "defaultService": "global/backendServices/no"}
    )
    said = "The resource 'projects/acme-eu-001/global/backendServices/no' was not found"
    assert (status, answer["error"]["message"]) == (404, said)
    assert world.ask("GET", f"{P}/global/urlMaps/m")[0] == 404
    body = {"name": "r", "network": "regions/us-east1/subnetworks/default"}
    status, answer = world.ask("POST", f"{P}/regions/us-east1/routers", body)
    said = f"Invalid value for field 'resource.network': '{LINK}/{body['network']}'. The URL is malformed."
    assert (status, answer["error"]["message"]) == (400, said)


def test_a_patch_merges_and_null_removes_while_an_update_starts_from_the_defaults(world: Any) -> None:
    body = {"name": "check", "type": "TCP", "timeoutSec": 3, "description": "mine", "checkIntervalSec": 9}
    made = make(world, "healthChecks", {**body, "tcpHealthCheck": {"port": 81, "request": "hello"}})
    path = f"{P}/global/healthChecks/check"
    patch = {"description": None, "tcpHealthCheck": {"request": None}, "healthyThreshold": 4, "id": "5"}
    assert world.ask("PATCH", path, patch)[0] == 200
    patched = world.ask("GET", path)[1]
    assert patched == {
        **{key: value for key, value in made.items() if key != "description"}, "healthyThreshold": 4,
        "tcpHealthCheck": {"port": 81, "proxyHeader": "NONE"},
    }  # fmt: skip
    assert world.ask("PUT", path, {"name": "check", "type": "TCP"})[0] == 200
    updated = world.ask("GET", path)[1]
    assert (updated["timeoutSec"], updated["healthyThreshold"], updated["tcpHealthCheck"]["port"]) == (5, 2, 80)
    assert updated["id"] == made["id"]


def test_every_resource_has_an_iam_policy_of_its_own(world: Any) -> None:
    policy = {"bindings": [{"role": "roles/compute.networkUser", "members": ["user:a@example.com"]}]}
    for region in ("us-east1", "us-east4"):
        assert "bindings" not in world.ask("GET", f"{P}/regions/{region}/subnetworks/default/getIamPolicy")[1]
    path = f"{P}/regions/us-east1/subnetworks/default"
    status, written = world.ask("POST", f"{path}/setIamPolicy", {"policy": policy})
    assert (status, written["bindings"]) == (200, policy["bindings"])
    assert world.ask("GET", f"{path}/getIamPolicy")[1]["bindings"] == policy["bindings"]
    assert "bindings" not in world.ask("GET", f"{P}/regions/us-east4/subnetworks/default/getIamPolicy")[1]
    assert world.ask("GET", f"{P}/regions/us-east4/subnetworks/none/getIamPolicy")[0] == 404
    assert world.ask("DELETE", path)[0] == 200
    body = {"name": "default", "network": "global/networks/default", "ipCidrRange": "10.142.0.0/20"}
    assert world.ask("POST", f"{P}/regions/us-east1/subnetworks", body)[0] == 200
    assert "bindings" not in world.ask("GET", f"{path}/getIamPolicy")[1]


@pytest.mark.parametrize(
    ("utc", "written"),
    [
        ("2026-01-15T12:00:00.123456Z", "2026-01-15T04:00:00.123-08:00"),
        ("2026-07-15T05:00:00Z", "2026-07-14T22:00:00.000-07:00"),
        ("2026-03-08T09:59:59Z", "2026-03-08T01:59:59.000-08:00"),
        ("2026-03-08T10:00:00Z", "2026-03-08T03:00:00.000-07:00"),
        ("2026-11-01T08:59:59Z", "2026-11-01T01:59:59.000-07:00"),
        ("2026-11-01T09:00:00Z", "2026-11-01T01:00:00.000-08:00"),
    ],
)
def test_times_are_written_in_californias_hours(utc: str, written: str) -> None:
    assert pacific(seconds_of(utc)) == written


def test_newest_first_is_an_order(world: Any) -> None:
    for name in ("b", "a", "c"):
        world.pass_time(10)
        make(world, "addresses", {"name": name})
    found = world.ask("GET", f"{P}/global/addresses", orderBy="creationTimestamp desc")[1]["items"]
    assert [row["name"] for row in found] == ["c", "a", "b"]
