"""Operations in the core: durations are scaled, ends come in order, results are kept for a day; folders; strictness."""

from __future__ import annotations

from typing import Any

SECRETS = "/secretmanager/v1/projects/acme-eu-001/secrets"
V3 = "/cloudresourcemanager/v3/"
USAGE = "/serviceusage/v1/projects/acme-eu-001/services"


def test_the_time_scale_divides_durations_and_never_timestamps(world: Any) -> None:
    fast = type(world)(time_scale=10)
    _, operation = fast.ask("POST", V3 + "projects", {"projectId": "acme-eu-001", "parent": "folders/222222222222"})
    fast.pass_time(1.1)
    done = fast.ask("GET", V3 + operation["name"])[1]
    assert done["done"]
    assert done["response"]["createTime"] == "2027-01-15T08:00:00.000000Z"
    world.ask("POST", V3 + "projects", {"projectId": "acme-eu-002", "parent": "folders/222222222222"})
    world.pass_time(1.1)
    assert world.ask("GET", V3 + "projects/acme-eu-002")[0] == 403, "not before its operation is done"


def test_what_takes_less_than_a_round_trip_to_google_is_done_by_the_next_request(world: Any) -> None:
    fast = type(world)(time_scale=600)
    _, operation = fast.ask("POST", V3 + "projects", {"projectId": "acme-eu-001", "parent": "folders/222222222222"})
    assert "done" not in operation
    assert fast.ask("GET", V3 + operation["name"])[1]["done"] is True
    body = {"name": "main", "region": "europe-west1", "settings": {"tier": "db-custom-2-8192"}}
    _, operation = fast.ask("POST", "/sqladmin/sql/v1beta4/projects/acme-eu-001/instances", body)
    path = f"/sqladmin/sql/v1beta4/projects/acme-eu-001/operations/{operation['name']}"
    assert fast.ask("GET", path)[1]["status"] == "RUNNING", "eight minutes are most of a second here"
    fast.pass_time(1)
    assert fast.ask("GET", path)[1]["status"] == "DONE"


REDIS = {"tier": "BASIC", "memorySizeGb": 1}


def test_a_finished_operation_is_forgotten_after_a_day_and_its_work_is_not(world: Any) -> None:
    _, operation = world.ask("POST", V3 + "projects", {"projectId": "acme-eu-009", "parent": "folders/222222222222"})
    world.done(V3, operation)
    world.pass_time(85_000)
    assert world.ask("GET", V3 + operation["name"])[0] == 200
    world.pass_time(2_000)
    assert world.ask("GET", V3 + operation["name"])[0] == 404
    assert world.ask("GET", V3 + "projects/acme-eu-009")[0] == 200
    assert world.rows.scan("expiry/", "expiry0", 100) == []


def test_reading_anything_late_finishes_everything_that_was_due(world: Any) -> None:
    main = world.instance()
    world.ask("POST", f"{main}/databases", {"name": "shop"})
    world.ask("POST", SECRETS, {"replication": {"automatic": {}}}, secretId="s")
    world.pass_time(3_600)
    assert world.ask("GET", f"{main}/databases/shop")[0] == 200
    assert world.rows.scan("pending/", "pending0", 100) == []


def test_strict_services_hold_every_project_to_its_list(world: Any) -> None:
    strict = type(world)(strict_services=True)
    strict.project()
    assert strict.ask("GET", SECRETS)[0] == 403
    enabling = strict.ask("POST", f"{USAGE}/storage.googleapis.com:enable", {})[1]
    strict.done("/serviceusage/v1/", enabling)
    assert strict.ask("GET", "/storage/v1/b", project="acme-eu-001")[0] == 200


def test_folders_are_unique_by_name_and_deleted_only_when_empty(world: Any) -> None:
    wish = {"parent": "organizations/111111111111", "displayName": "shards"}
    folder = world.done(V3, world.ask("POST", V3 + "folders", wish)[1])["response"]
    second = world.ask("POST", V3 + "folders", wish)[1]
    assert world.done(V3, second)["error"] == {
        "code": 9, "message": "The folder operation violates display name uniqueness within the parent."
    }  # fmt: skip
    number = folder["name"]
    world.ask("POST", V3 + "projects", {"projectId": "acme-eu-003", "parent": number})
    world.pass_time(60)
    assert [found["projectId"] for found in world.ask("GET", V3 + "projects", parent=number)[1]["projects"]] == [
        "acme-eu-003"
    ]
    status, answer = world.ask("DELETE", V3 + number)
    assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
    world.ask("DELETE", V3 + "projects/acme-eu-003")
    assert world.ask("DELETE", V3 + number)[0] == 200
    assert world.ask("GET", V3 + number)[1]["state"] == "DELETE_REQUESTED"
    assert world.ask("POST", V3 + "folders", wish)[0] == 200


def test_a_generic_service_creates_lists_and_deletes_with_operations(world: Any) -> None:
    base = "/vpcaccess/v1/projects/acme-eu-001/locations/europe-west1/connectors"
    body = {"network": "default", "ipCidrRange": "10.8.0.0/28"}
    _, operation = world.ask("POST", base, body, connectorId="bridge")
    assert world.done("/vpcaccess/v1/", operation)["response"]["name"].endswith("/connectors/bridge")
    assert world.ask("POST", base, body, connectorId="bridge")[0] == 409
    assert len(world.ask("GET", base)[1]["connectors"]) == 1
    assert world.ask("DELETE", f"{base}/bridge")[0] == 200
    assert world.ask("GET", f"{base}/bridge")[0] == 404


def test_compute_answers_with_operations_of_its_own_shape(world: Any) -> None:
    base = "/compute/compute/v1/projects/acme-eu-001/global/networks"
    _, operation = world.ask("POST", base, {"name": "island", "autoCreateSubnetworks": False})
    assert (operation["kind"], operation["status"]) == ("compute#operation", "RUNNING")
    world.pass_time(60)
    done = world.ask("GET", f"/compute/compute/v1/projects/acme-eu-001/global/operations/{operation['name']}")[1]
    assert (done["status"], done["progress"]) == ("DONE", 100)
    assert world.ask("GET", f"{base}/island")[1]["name"] == "island"
    assert world.ask("POST", f"{base}/nothing/addPeering", {})[0] == 404


REDIS = {"tier": "BASIC", "memorySizeGb": 1}


def test_a_finished_operation_is_forgotten_after_a_day_of_the_cloud_but_never_too_soon(world: Any) -> None:
    """And a few at a time, when a great many are due: no request pays for all of them."""
    for number in range(1200):
        world.ask(
            "POST", "/redis/v1/projects/acme-eu-001/locations/europe-west1/instances", REDIS, instanceId=f"r{number}"
        )
    world.pass_time(1000)
    world.ask("GET", "/redis/v1/projects/acme-eu-001/locations/europe-west1/instances")

    def there() -> int:
        return len(world.rows.scan("operations/redis/", "operations/redis0", 5000))

    assert there() == 1200
    world.pass_time(86_400)
    sizes = []
    for _ in range(4):
        world.ask("GET", "/redis/v1/projects/acme-eu-001/locations/europe-west1/instances/r1")
        sizes.append(there())
    assert sizes == [701, 201, 0, 0], "the project's own was the first to go"
    fast = type(world)(time_scale=1_000_000)
    fast.project()
    _, operation = fast.ask(
        "POST", "/redis/v1/projects/acme-eu-001/locations/europe-west1/instances", REDIS, instanceId="r"
    )
    fast.pass_time(3600)
    assert fast.ask("GET", f"/redis/v1/{operation['name']}")[1]["done"]
    fast.pass_time(7200)
    fast.ask("GET", "/redis/v1/projects/acme-eu-001/locations/europe-west1/instances/r")
    assert fast.ask("GET", f"/redis/v1/{operation['name']}")[0] == 404
