"""What every service does by rule, from the API model alone: operations, parents, required and immutable fields."""

from __future__ import annotations

from typing import Any

BASE = "/certificatemanager/v1/projects/acme-eu-001/locations/global"


def test_an_operation_says_target_verb_and_end(world: Any) -> None:
    status, started = world.ask("POST", f"{BASE}/certificateMaps", {}, certificateMapId="map")
    assert status == 200
    assert started["done"] is False
    about = started["metadata"]
    assert about["@type"] == "type.googleapis.com/google.cloud.certificatemanager.v1.OperationMetadata"
    assert (about["verb"], about["apiVersion"]) == ("create", "v1")
    assert about["target"] == "projects/acme-eu-001/locations/global/certificateMaps/map"
    done = world.done("/certificatemanager/v1/", started)
    assert "endTime" in done["metadata"]
    assert done["response"]["@type"].endswith("google.cloud.certificatemanager.v1.CertificateMap")


def test_a_cancelled_operation_ends_in_googles_code_for_it(world: Any) -> None:
    _, started = world.ask("POST", f"{BASE}/certificateMaps", {}, certificateMapId="map")
    operation = f"/certificatemanager/v1/{started['name']}"
    assert world.ask("POST", f"{operation}:cancel", {})[0] == 200
    assert world.ask("GET", operation)[1]["error"]["code"] == 1
    assert world.ask("DELETE", operation)[0] == 200
    assert world.ask("GET", operation)[0] == 404


def test_a_child_needs_its_parent(world: Any) -> None:
    body = {"certificates": [], "hostname": "www.example.com"}
    entries = f"{BASE}/certificateMaps/map/certificateMapEntries"
    assert world.ask("POST", entries, body, certificateMapEntryId="one")[0] == 404
    world.ask("POST", f"{BASE}/certificateMaps", {}, certificateMapId="map")
    assert world.ask("POST", entries, body, certificateMapEntryId="one")[0] == 200


def test_what_the_protos_call_required_is_required(world: Any) -> None:
    status, answer = world.ask("POST", f"{BASE}/dnsAuthorizations", {}, dnsAuthorizationId="one")
    assert status == 400
    assert "domain" in answer["error"]["message"]
    assert answer["error"]["details"][0]["fieldViolations"][0]["field"] == "domain"


def test_an_immutable_field_stays(world: Any) -> None:
    world.ask("POST", f"{BASE}/dnsAuthorizations", {"domain": "a.example"}, dnsAuthorizationId="one")
    path = f"{BASE}/dnsAuthorizations/one"
    status, answer = world.ask("PATCH", path, {"domain": "b.example"}, updateMask="domain")
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert world.ask("PATCH", path, {"description": "x", "domain": "a.example"}, updateMask="*")[0] == 200


def test_a_mask_names_known_fields_only(world: Any) -> None:
    world.ask("POST", f"{BASE}/certificateMaps", {}, certificateMapId="map")
    assert world.ask("PATCH", f"{BASE}/certificateMaps/map", {}, updateMask="nonsense")[0] == 400


def test_a_resource_may_come_inside_its_request(world: Any) -> None:
    feeds = "/cloudasset/v1/projects/acme-eu-001/feeds"
    feed = {"name": "", "assetTypes": ["x"], "feedOutputConfig": {"pubsubDestination": {"topic": "t"}}}
    status, made = world.ask("POST", feeds, {"feedId": "one", "feed": feed})
    assert status == 200
    number = made["name"].split("/")[1]
    assert made["name"] == f"projects/{number}/feeds/one"
    assert number.isdigit()
    change = {"feed": {"assetTypes": ["y"]}, "updateMask": "assetTypes"}
    assert world.ask("PATCH", f"{feeds}/one", change)[1]["assetTypes"] == ["y"]
    assert world.ask("POST", feeds, {"feedId": "two"})[0] == 400


def test_every_api_has_the_regions(world: Any) -> None:
    _, answer = world.ask("GET", "/redis/v1/projects/acme-eu-001/locations")
    assert {place["locationId"] for place in answer["locations"]} >= {"europe-west1", "us-central1"}
    assert world.ask("GET", "/redis/v1/projects/acme-eu-001/locations/europe-west1")[0] == 200
    assert world.ask("GET", "/redis/v1/projects/acme-eu-001/locations/mars")[0] == 404


def test_what_nobody_built_says_so(world: Any) -> None:
    status, answer = world.ask("POST", f"{BASE}/certificates/one:nonsense", {})
    assert status == 404
    status, answer = world.ask("GET", "/vpcaccess/v1/projects/acme-eu-001/locations/mars/operations/none")
    assert status == 404
    status, answer = world.ask(
        "POST", "/cloudkms/v1/projects/acme-eu-001/locations/global:generateRandomBytes", {"lengthBytes": 8}
    )
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert "generateRandomBytes" in answer["error"]["message"]


def test_a_list_holds_no_null(world: Any) -> None:
    status, answer = world.ask("POST", f"{BASE}/certificateMaps/map:testIamPermissions", {"permissions": [None]})
    assert status == 404  # no such method
    body = {"permissions": ["a", None]}
    status, answer = world.ask("POST", "/cloudresourcemanager/v3/projects/acme-eu-001:testIamPermissions", body)
    assert (status, answer["error"]["message"]) == (400, "Invalid value at 'permissions[1]' (string), null")


def test_a_number_in_the_query_is_a_number(world: Any) -> None:
    status, answer = world.ask("GET", f"{BASE}/certificateMaps", pageSize="many")
    assert (status, answer["error"]["message"]) == (400, "Invalid value at 'page_size' (TYPE_INT32), \"many\"")


def test_a_verb_of_an_operation_that_nobody_built_is_not_taken_for_a_read(world: Any) -> None:
    world.ask("POST", "/storage/v1/b", {"name": "acme-media"}, project="acme-eu-001")
    status, _ = world.ask("POST", "/storage/v1/b/acme-media/operations/one/advanceRelocateBucket", {})
    assert status == 501


def test_a_question_that_is_no_read_of_a_resource_is_not_answered_as_one(world: Any) -> None:
    status, answer = world.ask("GET", "/bigquery/bigquery/v2/projects/acme-eu-001/serviceAccount")
    assert (status, answer["error"]["code"]) == (501, 501)
    status, _ = world.ask("GET", "/cloudasset/v1/organizations/111111111111:analyzeOrgPolicies", constraint="x")
    assert status == 501, "it has pages, and is no list of what is stored"
