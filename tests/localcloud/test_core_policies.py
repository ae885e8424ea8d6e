"""IAM policies: versions and conditions, members and roles that must exist, the size limit, accounts that went away."""

from __future__ import annotations

import base64
from typing import Any

import pytest

PROJECT = "/cloudresourcemanager/v3/projects/acme-eu-001"
ACCOUNTS = "/iam/v1/projects/acme-eu-001/serviceAccounts"
EMAIL = "builder@acme-eu-001.iam.gserviceaccount.com"
UNTIL = {"title": "until 2030", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}


def read(world: Any, version: int = 3, resource: str = PROJECT) -> Any:
    status, policy = world.ask("POST", f"{resource}:getIamPolicy", {"options": {"requestedPolicyVersion": version}})
    assert status == 200
    return policy


def write(world: Any, *bindings: Any, resource: str = PROJECT, **more: Any) -> tuple[int, Any]:
    answer: tuple[int, Any] = world.ask(
        "POST", f"{resource}:setIamPolicy", {"policy": {"bindings": list(bindings), **more}}
    )
    return answer


def message(answer: Any) -> str:
    return str(answer["error"]["message"])


def viewer(*members: str, **more: Any) -> Any:
    return {"role": "roles/viewer", "members": list(members), **more}


def account(world: Any, own: str = "builder") -> str:
    status, row = world.ask("POST", ACCOUNTS, {"accountId": own})
    assert status == 200
    return str(row["uniqueId"])


def test_a_condition_needs_version_3_to_be_written_and_to_be_seen(world: Any) -> None:
    status, answer = write(world, viewer("user:a@example.com", condition=UNTIL), version=1)
    assert status == 400
    assert "must have version 3" in message(answer)
    status, written = write(world, viewer("user:a@example.com", condition=UNTIL), version=3)
    assert (status, written["version"]) == (200, 3)
    assert read(world)["bindings"] == [viewer("user:a@example.com", condition=UNTIL)]
    old = read(world, 1)
    assert old["version"] == 1
    assert old["bindings"][0]["role"].startswith("roles/viewer_withcond_")
    assert "condition" not in old["bindings"][0]


def test_an_old_client_cannot_flatten_a_conditional_policy_that_it_has_read(world: Any) -> None:
    write(world, viewer("user:a@example.com", condition=UNTIL), version=3)
    etag = read(world)["etag"]
    status, answer = write(world, viewer("user:b@example.com"), version=1, etag=etag)
    assert status == 400
    assert message(answer).startswith(
        "Specified policy version (1) cannot be less than the existing policy version (3)"
    )
    assert write(world, viewer("user:b@example.com"))[0] == 200, "without an etag it is overwritten, as documented"


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("bob@example.com", 'Policy members must be of the form "<type>:<value>".'),
        ("person:bob@example.com", "The member person:bob@example.com is of an unknown type. Please set"),
        (f"serviceAccount:{EMAIL}", f"Service account {EMAIL} does not exist."),
    ],
)
def test_a_member_that_is_none_is_named(world: Any, member: str, said: str) -> None:
    status, answer = write(world, viewer(member))
    assert status == 400
    assert message(answer).startswith(said)


def test_accounts_of_strangers_and_of_google_are_taken_at_their_word(world: Any) -> None:
    members = ["serviceAccount:a@b-c.iam.gserviceaccount.com", "serviceAccount:1@cloudservices.gserviceaccount.com"]
    assert write(world, viewer(*members))[0] == 200


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("viewer", "The role name must be in the form"),
        ("roles/mine", "Role roles/mine is not supported for this resource."),
        ("projects/acme-eu-001/roles/none", "Role (projects/acme-eu-001/roles/none) does not exist in the resource's"),
    ],
)
def test_a_role_that_is_none_is_named(world: Any, role: str, said: str) -> None:
    status, answer = write(world, {"role": role, "members": ["user:a@example.com"]})
    assert status == 400
    assert message(answer).startswith(said)


def test_a_policy_holds_1500_members_and_every_occurrence_counts(world: Any) -> None:
    many = [f"user:u{number}@example.com" for number in range(750)]
    editors = {"role": "roles/editor", "members": many}
    assert write(world, viewer(*many), editors)[0] == 200
    status, answer = write(world, viewer(*many, "user:one@example.com"), editors)
    assert status == 400
    assert message(answer) == (
        "The number of members in the policy (1,501) is larger than the maximum allowed size 1,500."
    )


def test_a_deleted_account_shows_its_number_and_a_namesake_gets_nothing(world: Any) -> None:
    unique = account(world)
    write(world, viewer(f"serviceAccount:{EMAIL}"))
    world.ask("DELETE", f"{ACCOUNTS}/{EMAIL}")
    gone = f"deleted:serviceAccount:{EMAIL}?uid={unique}"
    assert read(world)["bindings"] == [viewer(gone)]
    account(world)
    assert read(world)["bindings"] == [viewer(gone)], "another account with the same address is not the one meant"
    status, _ = write(world, viewer(gone, f"serviceAccount:{EMAIL}"), etag=read(world)["etag"])
    assert status == 200
    assert read(world)["bindings"][0]["members"] == [gone, f"serviceAccount:{EMAIL}"]


def test_an_undeleted_account_is_back_in_its_policies(world: Any) -> None:
    unique = account(world)
    write(world, viewer(f"serviceAccount:{EMAIL}"))
    world.ask("DELETE", f"{ACCOUNTS}/{EMAIL}")
    assert world.ask("POST", f"{ACCOUNTS}/{unique}:undelete", {})[0] == 200
    assert read(world)["bindings"] == [viewer(f"serviceAccount:{EMAIL}")]


def test_an_etag_survives_a_client_that_decodes_it(world: Any) -> None:
    for _ in range(20):
        etag = write(world, viewer("user:a@example.com"))[1]["etag"]
        assert base64.b64encode(base64.b64decode(etag)).decode() == etag


def test_an_untouched_policy_is_only_an_etag(world: Any) -> None:
    account(world)
    assert world.ask("POST", f"{ACCOUNTS}/{EMAIL}:getIamPolicy", {}) == (200, {"etag": "ACAB"})
