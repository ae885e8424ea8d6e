"""A list is whole or it is none: every page, and no region that did not answer. Google's own message types, no cloud
(the local one has no region that fails alone, and a page holds more than a test makes)."""

from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.gcp import run, sql, storage
from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.ports import Seen
from reconciler.model.resource import Unknown
from tests.gcp.conftest import SystemClock

NOWHERE = Session(CloudSetting("http://127.0.0.1:9"), SystemClock())


def test_a_list_of_run_services_without_a_region_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.cloud.run_v2 import ListServicesResponse, Service

    def listed(*unreachable: str) -> Any:
        page = ListServicesResponse(
            services=[Service(name="projects/p/locations/l/services/s", uid="u-1")], unreachable=unreachable
        )
        client = SimpleNamespace(list_services=lambda **_: SimpleNamespace(pages=[page]))
        monkeypatch.setattr(run, "run_client", lambda _session: client)
        return GoogleCloud(NOWHERE).list("run.service", "projects/p/locations/l")

    assert isinstance(listed(), Seen)
    partial = listed("locations/europe-west1")
    assert isinstance(partial, Unknown)
    assert "not whole: no answer from locations/europe-west1" in partial.reason


def test_a_list_of_instances_with_a_warning_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.cloud.sqladmin_v1beta4 import ApiWarning, InstancesListResponse

    def listed(*warnings: Any) -> Any:
        pages = [InstancesListResponse(warnings=warnings)]
        client = SimpleNamespace(list=lambda **_: SimpleNamespace(pages=pages))
        monkeypatch.setattr(sql, "sql_client", lambda _session, _service: client)
        return GoogleCloud(NOWHERE).list("sql.instance", "projects/p")

    assert isinstance(listed(), Seen)
    partial = listed(ApiWarning(code="REGION_UNREACHABLE", message="europe-west1 does not answer"))
    assert isinstance(partial, Unknown)
    assert "europe-west1 does not answer" in partial.reason


def test_a_list_of_buckets_goes_through_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"": ("b-1", "two"), "two": ("b-2", "three"), "three": ("b-3", "")}

    def answer(_session: object, _method: str, _path: str, query: dict[str, Any]) -> dict[str, Any]:
        name, following = pages[query.get("pageToken", "")]
        return {
            "items": [{"name": name, "timeCreated": "2026-11-27T06:33:12Z"}],
            **({"nextPageToken": following} if following else {}),
        }

    monkeypatch.setattr(storage, "request", answer)
    listing = GoogleCloud(NOWHERE).list("storage.bucket", "projects/p")
    assert isinstance(listing, Seen)
    assert list(listing.objects) == ["buckets/b-1", "buckets/b-2", "buckets/b-3"]
