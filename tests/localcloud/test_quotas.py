"""Rate quotas: Google's figures and words, in the time of the cloud, for whom they are counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud.core import Cloud
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.quotas import QUOTAS, Asked, Quotas
from tests.localcloud.test_house import SERVICE, SERVICES, Home

NOW = 1_800_000_000.0
BUCKETS = "/storage/v1/b"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path)
    for own in ("acme-eu-001", "acme-eu-002"):
        found.ask("POST", "/cloudresourcemanager/v3/projects", {"projectId": own, "parent": "folders/222222222222"})
    found.house.advance(60)
    assert found.control("POST", "quotas", {"on": True})[0] == 200
    yield found
    found.rows.close()


def creates(home: Home, count: int, path: str = SERVICES) -> list[int]:
    return [home.ask("POST", path, SERVICE, serviceId=f"s{home.house.counted}")[0] for _ in range(count)]


def test_writes_to_run_are_counted_by_project_and_region(home: Home) -> None:
    assert creates(home, 62) == [200] * 60 + [429] * 2
    assert creates(home, 1, SERVICES.replace("west1", "west4")) == [200]
    assert creates(home, 1, SERVICES.replace("001", "002")) == [200]
    assert home.ask("GET", SERVICES)[0] == 200, "reads have a quota of their own"
    home.house.advance(1.01)
    assert creates(home, 2) == [200, 429], "one more a second"
    home.house.advance(60)
    assert creates(home, 61) == [200] * 60 + [429]


def test_the_answer_is_googles_and_says_when_to_come_back(home: Home) -> None:
    creates(home, 60)
    response = home.outcome("POST", SERVICES, SERVICE, serviceId="late").response
    error = response.body["error"]
    number = home.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"].removeprefix("projects/")
    assert (response.status, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["message"] == (
        "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per region' of service "
        f"'run.googleapis.com' for consumer 'project_number:{number}'."
    )
    info = error["details"][0]
    assert (info["reason"], info["domain"]) == ("RATE_LIMIT_EXCEEDED", "googleapis.com")
    assert info["metadata"] == {
        "service": "run.googleapis.com", "consumer": f"projects/{number}", "quota_location": "europe-west1",
        "quota_metric": "run.googleapis.com/write_regional", "quota_limit": "WritePerMinutePerProjectRegion",
        "quota_limit_value": "60", "quota_unit": "1/min/{project}/{region}",
    }  # fmt: skip
    assert response.headers["Retry-After"] == "1"
    assert home.ask("GET", f"{SERVICES}/late")[0] == 404, "what was refused did not happen"


def test_buckets_come_and_go_every_two_seconds(home: Home) -> None:
    def make(own: str) -> Any:
        return home.ask("POST", BUCKETS, {"name": own, "location": "EU"}, project="acme-eu-001")

    assert make("acme-one")[0] == 200
    status, answer = make("acme-two")
    message = "The project exceeded the rate limit for creating and deleting buckets."
    entry = {"message": message, "domain": "usageLimits", "reason": "rateLimitExceeded"}
    assert (status, answer["error"]) == (429, {"code": 429, "message": message, "errors": [entry]})
    assert home.ask("DELETE", f"{BUCKETS}/acme-one")[0] == 429
    home.house.advance(2)
    assert make("acme-two")[0] == 200


def test_a_caller_has_a_quota_of_its_own_where_users_are_counted(home: Home) -> None:
    home.control("POST", "quotas", {"most": {"sqladmin.list": 2}})
    path = "/sqladmin/sql/v1beta4/projects/acme-eu-001/instances"
    first, second = {"authorization": "Bearer one"}, {"authorization": "Bearer two"}
    assert [home.ask("GET", path, headers=first)[0] for _ in range(3)] == [200, 200, 429]
    assert home.ask("GET", path, headers=second)[0] == 200


def test_a_batch_costs_five_writes() -> None:
    quotas = Quotas(on=True)
    batch = Asked("serviceusage", "serviceusage.services.batchEnable", True, "1")
    for _ in range(12):
        quotas.take(batch, NOW, 1)
    with pytest.raises(GoogleError):
        quotas.take(batch, NOW, 1)


def test_a_time_scale_shortens_the_minute() -> None:
    quotas = Quotas(on=True)
    asked = Asked("run", "run.projects.locations.services.create", True, "1", "europe-west1")
    for second in range(600):
        quotas.take(asked, NOW + second / 600, 600)
    with pytest.raises(GoogleError):
        for _ in range(100):
            quotas.take(asked, NOW + 1, 600)


def test_off_unless_asked_for_and_off_again_after_a_reset(home: Home) -> None:
    home.control("POST", "reset")
    home.ask(
        "POST", "/cloudresourcemanager/v3/projects", {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
    )
    home.house.advance(60)
    assert not home.control("GET", "quotas")[1]["quotas"]["on"]
    assert set(creates(home, 70)) == {200}


@pytest.mark.parametrize(
    "wish", [{"run": 1}, {"on": 1}, {"most": {"run.writes": 1}}, {"most": {"run.write_regional": 0}}]
)
def test_a_wrong_setting_is_refused(home: Home, wish: Any) -> None:
    assert home.control("POST", "quotas", wish)[0] == 400


def test_every_quota_names_methods_that_exist_and_its_source() -> None:
    library = Cloud().library
    versions = {"run": "v2", "sqladmin": "v1", "cloudresourcemanager": "v3"}
    for quota in QUOTAS:
        api = library.api(quota.service, versions.get(quota.service, "v1"))
        assert api is not None and quota.source.startswith("https://")
        asked = [Asked(quota.service, method.id, method.mutating, "1") for method in api.methods]
        assert any(quota.covers(each) for each in asked), quota.name
    assert len({quota.name for quota in QUOTAS}) == len(QUOTAS)
