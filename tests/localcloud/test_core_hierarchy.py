"""Resource Manager: organisation, folders, projects, liens, tags and organisation policies, in every version."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

V1, V2, V3 = ("/cloudresourcemanager/v1/", "/cloudresourcemanager/v2/", "/cloudresourcemanager/v3/")
ORGANISATION, TOP = "organizations/111111111111", "folders/222222222222"
DAY = 86_400


def message(answer: Any) -> str:
    return str(answer["error"]["message"])


def folder(world: Any, name: str, parent: str = TOP) -> str:
    operation = world.ask("POST", V3 + "folders", {"parent": parent, "displayName": name})[1]
    return str(world.done(V3, operation)["response"]["name"])


def project(world: Any, own: str, parent: str = TOP, **more: Any) -> str:
    operation = world.ask("POST", V3 + "projects", {"projectId": own, "parent": parent, **more})[1]
    return str(world.done(V3, operation)["response"]["name"])


# --- folders ---------------------------------------------------------------------------------------------------


def test_the_folder_and_the_organisation_are_there_from_the_start(world: Any) -> None:
    assert world.ask("GET", V3 + TOP)[1]["parent"] == ORGANISATION
    assert [row["name"] for row in world.ask("GET", V3 + "folders", parent=ORGANISATION)[1]["folders"]] == [TOP]
    assert world.ask("GET", V3 + ORGANISATION)[1]["state"] == "ACTIVE"
    assert world.ask("POST", V1 + "organizations:search", {})[1]["organizations"][0]["lifecycleState"] == "ACTIVE"
    assert world.ask("GET", V3 + "organizations/9")[0] == 403


def test_what_a_folder_operation_violates_is_told_by_the_operation(world: Any) -> None:
    chain = [TOP]
    for level in range(2, 11):
        chain.append(folder(world, f"level {level}", chain[-1]))
    deeper = world.ask("POST", V3 + "folders", {"parent": chain[-1], "displayName": "too deep"})[1]
    assert "max folder depth" in world.done(V3, deeper)["error"]["message"]
    into_itself = world.ask("POST", f"{V3}{chain[1]}:move", {"destinationParent": chain[3]})[1]
    assert "cycle" in world.done(V3, into_itself)["error"]["message"]
    assert world.ask("GET", V3 + chain[1])[1]["parent"] == TOP


def test_a_folder_holds_300_folders(world: Any) -> None:
    for number in range(300):
        world.ask("POST", V3 + "folders", {"parent": TOP, "displayName": f"child {number}"})
    one_more = world.ask("POST", V3 + "folders", {"parent": TOP, "displayName": "one more"})[1]
    assert "max child folders" in world.done(V3, one_more)["error"]["message"]


def test_pages_of_folders_have_each_once(world: Any) -> None:
    made = [folder(world, f"child {number}", ORGANISATION) for number in range(5)]
    found: list[str] = []
    token = ""
    while True:
        more = {"pageToken": token} if token else {}
        page = world.ask("GET", V3 + "folders", parent=ORGANISATION, pageSize=2, **more)[1]
        found += [row["name"] for row in page["folders"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert sorted(found) == sorted([*made, TOP])


def test_a_folder_is_renamed_moved_and_found(world: Any) -> None:
    first, second = folder(world, "first"), folder(world, "second")
    inner = folder(world, "inner", first)
    status, answer = world.ask("PATCH", V3 + second, {"displayName": "first"}, updateMask="displayName")
    assert (status, message(answer)) == (400, "Precondition check failed.")
    assert world.ask("PATCH", V3 + second, {"parent": first}, updateMask="parent")[0] == 400
    moved = world.ask("POST", f"{V3}{inner}:move", {"destinationParent": second})[1]
    assert moved["metadata"]["sourceParent"] == first
    assert world.done(V3, moved)["response"]["parent"] == second
    found = world.ask("GET", V3 + "folders:search", query=f'parent={second} AND displayName="inner"')[1]["folders"]
    assert [row["name"] for row in found] == [inner]
    assert "folders" not in world.ask("GET", V3 + "folders", parent=first)[1]


def test_v2_has_its_own_shapes(world: Any) -> None:
    created = world.ask("POST", V2 + "folders", {"displayName": "shards"}, parent=TOP)[1]
    assert created["metadata"]["operationType"] == "CREATE"
    name = world.done(V1, created)["response"]["name"]
    row = world.ask("GET", V2 + name)[1]
    assert set(row) == {"name", "parent", "displayName", "createTime", "lifecycleState"}
    assert world.ask("POST", V2 + "folders:search", {"query": "displayName=shards"})[1]["folders"] == [row]
    assert world.ask("DELETE", V2 + name)[1]["lifecycleState"] == "DELETE_REQUESTED"
    assert world.ask("POST", f"{V2}{name}:undelete", {})[1]["lifecycleState"] == "ACTIVE"


def test_what_is_done_at_once_has_no_name_to_ask_by(world: Any) -> None:
    name = folder(world, "short lived")
    answer = world.ask("DELETE", V3 + name)[1]
    assert set(answer) == {"done", "response"}
    assert (answer["response"]["name"], answer["response"]["state"]) == (name, "DELETE_REQUESTED")
    key, _ = key_and_value(world)
    changed = world.ask("PATCH", V3 + key, {"description": "d"}, updateMask="description")[1]
    assert set(changed) == {"done", "response"}
    assert changed["response"]["description"] == "d"


def test_a_deleted_folder_is_gone_after_30_days(world: Any) -> None:
    name = folder(world, "short lived")
    world.ask("DELETE", V3 + name)
    world.pass_time(29 * DAY)
    assert world.ask("GET", V3 + name)[1]["state"] == "DELETE_REQUESTED"
    world.pass_time(2 * DAY)
    assert world.ask("GET", V3 + name)[0] == 403


# --- projects --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("acme", "field [project_id] has issue [project_id must be at least 6 characters long]"),
        ("Acme-eu-2", "field [project_id] has issue [project_id contains invalid characters]"),
        ("acme-eu-", "field [project_id] has issue [project_id contains invalid characters]"),
        ("a" * 31, "field [project_id] has issue [project_id must be at most 30 characters long]"),
    ],
)
def test_a_wrong_project_id_is_refused(world: Any, own: str, said: str) -> None:
    status, answer = world.ask("POST", V1 + "projects", {"projectId": own})
    assert (status, message(answer)) == (400, said)


def test_labels_and_names_have_rules(world: Any) -> None:
    for wrong in ({"labels": {"Env": "x"}}, {"labels": {"env": "X"}}, {"displayName": "ab"}):
        assert world.ask("POST", V3 + "projects", {"projectId": "acme-eu-009", **wrong})[0] == 400


def test_absent_projects_are_forbidden_in_the_words_of_each_version(world: Any) -> None:
    assert message(world.ask("GET", V1 + "projects/acme-none")[1]) == "The caller does not have permission"
    status, answer = world.ask("GET", V3 + "projects/acme-none")
    assert status == 403
    assert message(answer) == (
        "Permission 'resourcemanager.projects.get' denied on resource "
        "'//cloudresourcemanager.googleapis.com/projects/acme-none' (or it may not exist)."
    )
    assert world.ask("POST", V3 + "projects", {"projectId": "acme-eu-009", "parent": "organizations/9"})[0] == 403
    assert world.ask("POST", V3 + "projects/acme-none:getIamPolicy", {})[0] == 403


def test_a_project_can_be_found_in_the_ways_that_google_documents(world: Any) -> None:
    other = folder(world, "other")
    project(world, "acme-eu-002", other, labels={"env": "prod"}, displayName="Second Shard")
    for query in (
        "id:acme-eu-002", "projectId=acme-eu-002", "labels.env:prod", "labels.env:*", 'displayName="Second Shard"',
        "displayName:second*", f"parent:{other}", f"parent={other} AND state=ACTIVE", "labels.env:prod state:ACTIVE",
    ):  # fmt: skip
        found = world.ask("GET", V3 + "projects:search", query=query)[1].get("projects", [])
        assert [row["projectId"] for row in found] == ["acme-eu-002"], query
    number = other.removeprefix("folders/")
    for old in (f"parent.type:folder parent.id:{number}", "lifecycleState:ACTIVE AND labels.env=prod", "name:second*"):
        found = world.ask("GET", V1 + "projects", filter=old)[1]["projects"]
        assert [row["projectId"] for row in found] == ["acme-eu-002"], old


def test_v1_shows_where_a_project_stands_and_moves_it(world: Any) -> None:
    other = folder(world, "other")
    row = world.ask("GET", V1 + "projects/acme-eu-001")[1]
    assert row["createTime"].count(".") == 1
    assert len(row["createTime"]) == len("2026-01-01T00:00:00.000Z")
    row["parent"] = {"type": "folder", "id": other.removeprefix("folders/")}
    assert world.ask("PUT", V1 + "projects/acme-eu-001", row)[1]["parent"]["id"] == row["parent"]["id"]
    chain = world.ask("POST", V1 + "projects/acme-eu-001:getAncestry", {})[1]["ancestor"]
    assert [step["resourceId"]["type"] for step in chain] == ["project", "folder", "folder", "organization"]


def test_a_deleted_project_comes_back_for_30_days_and_its_id_never(world: Any) -> None:
    world.ask("DELETE", V1 + "projects/acme-eu-001")
    status, answer = world.ask("DELETE", V1 + "projects/acme-eu-001")
    assert (status, message(answer)) == (400, "Cannot delete an inactive project.")
    world.pass_time(29 * DAY)
    assert world.ask("POST", V3 + "projects/acme-eu-001:undelete", {})[0] == 200
    world.pass_time(2 * DAY)
    assert world.ask("GET", V3 + "projects/acme-eu-001")[1]["state"] == "ACTIVE", "the clock stopped with the undelete"
    world.ask("DELETE", V3 + "projects/acme-eu-001")
    world.pass_time(31 * DAY)
    assert world.ask("GET", V3 + "projects/acme-eu-001")[0] == 403
    assert world.ask("POST", V3 + "projects", {"projectId": "acme-eu-001", "parent": TOP})[0] == 409


def test_a_lien_keeps_a_project(world: Any) -> None:
    wish = {"parent": "projects/acme-eu-001", "reason": "holds data", "origin": "ops"}
    assert world.ask("POST", V1 + "liens", {**wish, "restrictions": []})[0] == 400
    lien = world.ask("POST", V1 + "liens", {**wish, "restrictions": ["resourcemanager.projects.delete"]})[1]
    assert world.ask("GET", V3 + "liens", parent="projects/acme-eu-001")[1]["liens"] == [lien]
    status, answer = world.ask("DELETE", V3 + "projects/acme-eu-001")
    assert status == 400
    assert message(answer) == (
        "A lien to prevent deletion was placed on the project by [ops]. Remove the lien to allow deletion."
    )
    world.ask("DELETE", V1 + lien["name"])
    assert world.ask("DELETE", V3 + "projects/acme-eu-001")[0] == 200


# --- tags ------------------------------------------------------------------------------------------------------


def key_and_value(world: Any, parent: str = ORGANISATION, short: str = "env") -> tuple[str, str]:
    made = world.ask("POST", V3 + "tagKeys", {"parent": parent, "shortName": short})[1]
    key = world.done(V3, made)["response"]["name"]
    made = world.ask("POST", V3 + "tagValues", {"parent": key, "shortName": "prod"})[1]
    return key, world.done(V3, made)["response"]["name"]


def test_tags_are_named_by_the_server_and_unique_by_short_name(world: Any) -> None:
    key, value = key_and_value(world)
    assert key.removeprefix("tagKeys/").isdigit()
    assert world.ask("GET", V3 + value)[1]["namespacedName"] == "111111111111/env/prod"
    assert world.ask("POST", V3 + "tagKeys", {"parent": ORGANISATION, "shortName": "env"})[0] == 409
    assert world.ask("GET", V3 + "tagKeys/namespaced", name="111111111111/env")[1]["name"] == key
    assert [row["name"] for row in world.ask("GET", V3 + "tagValues", parent=key)[1]["tagValues"]] == [value]
    assert world.ask("GET", V3 + "tagKeys/2814")[0] == 403
    own, _ = key_and_value(world, "projects/acme-eu-001", "tier")
    assert world.ask("GET", V3 + own)[1]["namespacedName"] == "acme-eu-001/tier"


def test_a_bound_tag_is_inherited_and_cannot_be_deleted(world: Any) -> None:
    key, value = key_and_value(world)
    top = f"//cloudresourcemanager.googleapis.com/{TOP}"
    number = world.ask("GET", V3 + "projects/acme-eu-001")[1]["name"]
    bound = world.ask("POST", V3 + "tagBindings", {"parent": top, "tagValue": value})[1]
    assert bound["done"] is True
    assert bound["response"]["name"] == f"tagBindings/{quote(top, safe='')}/{value}"
    assert world.ask("POST", V3 + "tagBindings", {"parent": top, "tagValue": value})[0] == 409
    below = world.ask("GET", V3 + "effectiveTags", parent=f"//cloudresourcemanager.googleapis.com/{number}")[1]
    assert [(tag["namespacedTagValue"], tag["inherited"]) for tag in below["effectiveTags"]] == [
        ("111111111111/env/prod", True)
    ]
    assert world.ask("DELETE", V3 + value)[0] == 400
    assert world.ask("DELETE", V3 + key)[0] == 400
    listed = world.ask("GET", V3 + "tagBindings/", parent=top)[1]["tagBindings"]
    assert "tagValueNamespacedName" not in listed[0]
    assert world.ask("DELETE", V3 + listed[0]["name"])[0] == 200
    assert world.ask("DELETE", V3 + value)[0] == 200
    assert world.ask("DELETE", V3 + key)[0] == 200


def test_a_held_tag_value_stays(world: Any) -> None:
    _, value = key_and_value(world)
    made = world.ask("POST", f"{V3}{value}/tagHolds", {"holder": "//compute.googleapis.com/x"})[1]
    hold = world.done(V3, made)["response"]["name"]
    assert world.ask("DELETE", V3 + value)[0] == 400
    assert world.ask("DELETE", V3 + hold)[0] == 200
    assert world.ask("DELETE", V3 + value)[0] == 200


# --- organisation policies -------------------------------------------------------------------------------------


def test_an_organisation_policy_reaches_what_is_below(world: Any) -> None:
    public = "constraints/sql.restrictPublicIp"
    ask = {"constraint": public}
    policy = {"policy": {"constraint": public, "booleanPolicy": {"enforced": True}}}
    assert world.ask("POST", f"{V1}{TOP}:setOrgPolicy", policy)[0] == 200
    effective = world.ask("POST", V1 + "projects/acme-eu-001:getEffectiveOrgPolicy", ask)[1]
    assert effective == {"constraint": public, "booleanPolicy": {"enforced": True}}
    assert "booleanPolicy" not in world.ask("POST", V1 + "projects/acme-eu-001:getOrgPolicy", ask)[1]
    stale = {"policy": {**policy["policy"], "etag": "BwAAAAAAAAA="}}
    assert world.ask("POST", f"{V1}{TOP}:setOrgPolicy", stale)[0] == 409
    world.ask("POST", f"{V1}{TOP}:clearOrgPolicy", ask)
    assert world.ask("POST", f"{V1}{TOP}:listOrgPolicies", {})[1] == {}
