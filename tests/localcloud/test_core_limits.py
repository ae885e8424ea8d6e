"""Soft limits: refused at the limit and not before, counted without scans, freed by deletion, never by failure."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.localcloud import limits
from reconciler.localcloud.call import Settings

ACCOUNTS = "/iam/v1/projects/acme-eu-001/serviceAccounts"


def limit(world: Any, **most: int) -> None:
    world.cloud.settings = Settings(limits={name.replace("_", "."): value for name, value in most.items()})


def account(world: Any, number: int) -> tuple[int, Any]:
    return world.ask("POST", ACCOUNTS, {"accountId": f"account-{number}"})


def test_the_hundred_and_first_service_account_is_refused_in_googles_words(world: Any) -> None:
    assert [account(world, number)[0] for number in range(100)] == [200] * 100
    status, answer = account(world, 100)
    assert (status, answer["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert answer["error"]["message"] == "Maximum number of service accounts on project reached."
    assert answer["error"]["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "86401s"}]


def test_a_deleted_one_makes_room_and_a_refused_one_takes_none(world: Any) -> None:
    limit(world, iam_serviceAccounts=2)
    assert [account(world, number)[0] for number in range(4)] == [200, 200, 429, 429]
    assert account(world, 0)[0] == 409, "what exists is said before what is full"
    email = "account-0@acme-eu-001.iam.gserviceaccount.com"
    assert world.ask("DELETE", f"{ACCOUNTS}/{email}")[0] == 200
    assert [account(world, number)[0] for number in (5, 6)] == [200, 429]


def test_every_parent_has_its_own_count(world: Any) -> None:
    world.project("acme-eu-002")
    limit(world, iam_serviceAccounts=1)
    other = ACCOUNTS.replace("001", "002")
    assert world.ask("POST", other, {"accountId": "account-1"})[0] == 200
    assert [account(world, number)[0] for number in range(2)] == [200, 429]


def test_what_a_finishing_operation_removes_is_counted_too(world: Any) -> None:
    limit(world, sqladmin_instances=1)
    path = world.instance()
    base, body = path.rpartition("/")[0], {"name": "second", "settings": {"tier": "db-f1-micro"}}
    assert world.ask("POST", base, body)[0] == 429
    assert world.ask("DELETE", path)[0] == 200
    world.pass_time(1000)
    assert world.ask("POST", base, body)[0] == 200


def test_a_field_decides_what_counts(world: Any) -> None:
    limit(world, cloudbilling_projects=1)
    world.project("acme-eu-002")
    account_name = {"billingAccountName": "billingAccounts/000000-AAAAAA-BBBBBB"}
    first, second = (f"/cloudbilling/v1/projects/acme-eu-00{number}/billingInfo" for number in (1, 2))
    assert world.ask("PUT", first, account_name)[0] == 200
    status, answer = world.ask("PUT", second, account_name)
    assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert world.ask("PUT", first, {"billingAccountName": ""})[0] == 200
    assert world.ask("PUT", second, account_name)[0] == 200


def test_a_limit_that_is_not_known_is_refused_with_those_that_are() -> None:
    assert limits.set_from({"run.services": 5}, {"run.jobs": 1}) == {"run.services": 5, "run.jobs": 1}
    with pytest.raises(ValueError, match=r"no limit is named run\.service; known are: .*run\.services"):
        limits.set_from({"run.service": 5}, {})
    for wrong in (-1, True, "9"):
        with pytest.raises(ValueError, match="whole number"):
            limits.set_from({"run.services": wrong}, {})
