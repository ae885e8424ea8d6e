"""What the core refuses and how it words it: routes, bodies, masks, pages, projects, disabled APIs."""

from __future__ import annotations

from typing import Any

import pytest

RUN = "/run/v2/projects/acme-eu-001/locations/europe-west1/services"
SECRETS = "/secretmanager/v1/projects/acme-eu-001/secrets"
SERVICE = {"template": {"containers": [{"image": "r/i@sha256:1"}]}}
AUTOMATIC = {"replication": {"automatic": {}}}


def message(answer: Any) -> str:
    return str(answer["error"]["message"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"templat": {}}, "Invalid JSON payload received. Unknown name \"templat\" at 'service': Cannot find field."),
        (
            {"template": {"containers": [{"img": "x"}]}},
            (
                "Invalid JSON payload received. "
                "Unknown name \"img\" at 'service.template.containers[0]': Cannot find field."
            ),
        ),
        (
            {"ingress": "OPEN"},
            "Invalid value at 'service.ingress' (type.googleapis.com/google.cloud.run.v2.IngressTraffic), \"OPEN\"",
        ),
        ({"description": 5}, "Invalid value at 'service.description' (TYPE_STRING), 5"),
        (
            {"template": {"timeout": "soon"}},
            "Invalid value at 'service.template.timeout' (type.googleapis.com/google.protobuf.Duration), \"soon\"",
        ),
        (
            {"template": {"maxInstanceRequestConcurrency": "many"}},
            "Invalid value at 'service.template.max_instance_request_concurrency' (TYPE_INT32), \"many\"",
        ),
    ],
)
def test_wrong_bodies_are_refused_in_googles_words(world: Any, body: Any, said: str) -> None:
    status, answer = world.ask("POST", RUN, body, serviceId="web")
    assert (status, message(answer)) == (400, said)
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert answer["error"]["details"][0]["fieldViolations"][0]["description"] == said
    assert world.ask("GET", f"{RUN}/web")[0] == 404


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff\xfe", b"null", b'"x"', b"{}" * 3])
def test_what_is_not_a_json_object_is_a_400_and_never_a_crash(world: Any, raw: bytes) -> None:
    status, answer = world.ask("POST", RUN, raw, serviceId="web")
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "path", ["/", "/run", "/run/v9/x", "/nothing/v1/x", "/run/v2/projects/a/b/c/d/e", "/%2e%2e/etc", "/sqladmin/v1"]
)
def test_unknown_routes_are_404(world: Any, path: str) -> None:
    status, answer = world.ask("GET", path)
    assert (status, answer["error"]["code"]) == (404, 404)


def test_proto_json_spellings_are_all_understood(world: Any) -> None:
    body = {"template": {"containers": [{"image": "i"}], "scaling": {"max_instance_count": 3}}, "ingress": 3}
    assert world.ask("POST", RUN, body, serviceId="web")[0] == 200
    _, found = world.ask("GET", f"{RUN}/web")
    assert found["template"]["scaling"]["maxInstanceCount"] == 3
    assert found["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"


def test_output_only_fields_of_a_request_are_dropped(world: Any) -> None:
    world.ask(
        "POST",
        RUN,
        {**SERVICE, "uid": "mine", "uri": "https://mine", "createTime": "2001-01-01T00:00:00Z"},
        serviceId="web",
    )
    _, found = world.ask("GET", f"{RUN}/web")
    assert found["uid"] != "mine"
    assert found["uri"].startswith("https://web-")
    assert found["createTime"].startswith("2027")


def test_enums_come_as_the_client_asks_for_them(world: Any) -> None:
    _, operation = world.ask("POST", RUN, SERVICE, serviceId="web", **{"$alt": "json;enum-encoding=int"})
    assert operation["metadata"]["launchStage"] == 4
    assert world.ask("GET", f"{RUN}/web")[1]["launchStage"] == "GA"
    assert world.ask("GET", f"{RUN}/web", **{"$alt": "json;enum-encoding=int"})[1]["launchStage"] == 4


def test_pages_cover_everything_once_and_only_this_project(world: Any) -> None:
    other = world.project("acme-eu-002")
    for number in range(7):
        world.ask("POST", RUN, SERVICE, serviceId=f"web-{number}")
    world.ask("POST", RUN.replace("acme-eu-001", other), SERVICE, serviceId="stranger")
    seen, token, pages = [], "", 0
    while True:
        _, answer = world.ask("GET", RUN, pageSize=3, **({"pageToken": token} if token else {}))
        seen += [found["name"].rsplit("/", 1)[1] for found in answer["services"]]
        token, pages = answer.get("nextPageToken", ""), pages + 1
        if not token:
            break
    assert (seen, pages) == ([f"web-{number}" for number in range(7)], 3)
    _, everywhere = world.ask("GET", RUN.replace("europe-west1", "-"))
    assert len(everywhere["services"]) == 7


def test_page_token_of_nowhere_is_refused(world: Any) -> None:
    status, answer = world.ask("GET", RUN, pageToken="%%%é")
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_an_update_mask_takes_exactly_what_it_names(world: Any) -> None:
    world.ask("POST", SECRETS, {**AUTOMATIC, "labels": {"a": "1"}, "annotations": {"n": "1"}}, secretId="db")
    path = f"{SECRETS}/db"
    world.ask("PATCH", path, {"labels": {"b": "2"}, "annotations": {"n": "2"}}, updateMask="labels")
    _, found = world.ask("GET", path)
    assert (found["labels"], found["annotations"]) == ({"b": "2"}, {"n": "1"})
    world.ask("PATCH", path, {}, updateMask="annotations")
    assert "annotations" not in world.ask("GET", path)[1]
    status, answer = world.ask("PATCH", path, {"labels": {}}, updateMask="colour")
    assert (status, "colour" in message(answer)) == (400, True)


def test_number_and_id_name_the_same_project(world: Any) -> None:
    number = world.project("acme-eu-003")
    world.ask("POST", "/secretmanager/v1/projects/acme-eu-003/secrets", AUTOMATIC, secretId="db")
    by_number = world.ask("GET", f"/secretmanager/v1/projects/{number}/secrets/db")
    assert by_number == world.ask("GET", "/secretmanager/v1/projects/acme-eu-003/secrets/db")
    assert by_number[1]["name"] == f"projects/{number}/secrets/db"


def test_an_absent_project_is_forbidden_not_missing(world: Any) -> None:
    for path in (
        "/cloudresourcemanager/v3/projects/nobody-1",
        "/secretmanager/v1/projects/nobody-1/secrets",
        RUN.replace("acme-eu-001", "nobody-1"),
    ):
        assert world.ask("GET", path)[0] == 403
    status, answer = world.ask("GET", "/cloudresourcemanager/v1/projects/nobody-1")
    assert (status, message(answer)) == (403, "The caller does not have permission")


def test_what_is_not_enabled_answers_service_disabled_until_the_operation_is_done(world: Any) -> None:
    number = world.project("acme-eu-004")
    secrets = SECRETS.replace("acme-eu-001", "acme-eu-004")
    usage = "/serviceusage/v1/projects/acme-eu-004/services"
    _, operation = world.ask(
        "POST", f"{usage}:batchEnable", {"serviceIds": ["secretmanager.googleapis.com", "iam.googleapis.com"]}
    )
    status, answer = world.ask("GET", secrets)
    assert status == 403
    assert message(answer) == (
        f"Secret Manager API has not been used in project {number} before or it is disabled. Enable it by visiting "
        f"https://console.developers.google.com/apis/api/secretmanager.googleapis.com/overview?project={number} "
        "then retry. "
        "If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
    )
    info = next(detail for detail in answer["error"]["details"] if detail["@type"].endswith("ErrorInfo"))
    assert (info["reason"], info["metadata"]["consumer"]) == ("SERVICE_DISABLED", f"projects/{number}")
    world.done("/serviceusage/v1/", operation)
    assert world.ask("GET", secrets)[0] == 200
    assert world.ask("GET", RUN.replace("acme-eu-001", "acme-eu-004"))[0] == 403
    enabled = world.ask("GET", usage, filter="state:ENABLED")[1]["services"]
    assert {"secretmanager.googleapis.com", "iam.googleapis.com", "iamcredentials.googleapis.com"} <= {
        s["config"]["name"] for s in enabled
    }


def test_a_batch_has_at_most_twenty_services(world: Any) -> None:
    body = {"serviceIds": [f"s{number}.googleapis.com" for number in range(21)]}
    assert world.ask("POST", "/serviceusage/v1/projects/acme-eu-001/services:batchEnable", body)[0] == 400


def test_project_ids_are_never_free_again(world: Any) -> None:
    world.ask("DELETE", "/cloudresourcemanager/v3/projects/acme-eu-001")
    assert world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["state"] == "DELETE_REQUESTED"
    status, answer = world.ask(
        "POST", "/cloudresourcemanager/v3/projects", {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
    )
    assert (status, message(answer)) == (409, "Requested entity already exists")
    assert world.ask("GET", SECRETS)[0] == 403
    parent = {"parent": "folders/222222222222"}
    assert "projects" not in world.ask("GET", "/cloudresourcemanager/v3/projects", **parent)[1]
    assert len(world.ask("GET", "/cloudresourcemanager/v3/projects", showDeleted="true", **parent)[1]["projects"]) == 1
    world.ask("POST", "/cloudresourcemanager/v3/projects/acme-eu-001:undelete", {})
    assert world.ask("GET", SECRETS)[0] == 200


def test_policies_are_read_modified_and_written_or_refused(world: Any) -> None:
    resource = "/cloudresourcemanager/v3/projects/acme-eu-001"
    _, policy = world.ask("POST", f"{resource}:getIamPolicy", {})
    rival = dict(policy)
    policy["bindings"].append({"role": "roles/viewer", "members": ["user:b@example.com", "user:a@example.com"]})
    _, written = world.ask("POST", f"{resource}:setIamPolicy", {"policy": policy})
    assert written["etag"] != policy["etag"]
    assert {"role": "roles/viewer", "members": ["user:a@example.com", "user:b@example.com"]} in written["bindings"]
    status, answer = world.ask("POST", f"{resource}:setIamPolicy", {"policy": rival})
    assert (status, answer["error"]["status"]) == (409, "ABORTED")
    assert "concurrent policy changes" in message(answer)
    status, _ = world.ask(
        "POST", f"{resource}:setIamPolicy", {"policy": {"bindings": [{"role": "roles/viewer", "members": ["bob"]}]}}
    )
    assert status == 400


def test_a_refused_request_writes_nothing(world: Any) -> None:
    before = world.rows.scan("", "\U0010ffff", 10_000)
    world.ask("POST", RUN, {"template": {"containers": [{}]}}, serviceId="web")
    world.ask("POST", f"{SECRETS}/none:addVersion", {"payload": {"data": "eA=="}})
    assert world.rows.scan("", "\U0010ffff", 10_000) == before


def test_the_same_requests_give_the_same_cloud(world: Any) -> None:
    def played() -> Any:
        fresh = type(world)()
        fresh.project()
        fresh.ask("POST", RUN, SERVICE, serviceId="web")
        fresh.pass_time(100)
        return fresh.ask("GET", f"{RUN}/web")

    assert played() == played()


def test_a_project_parameter_may_be_an_id_or_a_whole_name(world: Any) -> None:
    assert world.ask("GET", "/pubsub/v1/projects/acme-eu-001/topics")[0] == 200
    assert world.ask("GET", "/compute/compute/v1/projects/acme-eu-001/global/networks")[0] == 200
    assert world.ask("GET", "/pubsub/v1/projects/nobody-at-all/topics")[0] == 403
