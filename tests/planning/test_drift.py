"""What counts as drift: live is not as it was applied, and not what Git asks for by now either."""

from typing import Any

import pytest

from reconciler.model.resource import Unknown
from reconciler.planning.drift import find_drift
from tests.planning.given import ABSENT, NOW, SERVICE, facts, found, labelled, resource, version


def service(maximum: int) -> Any:
    return resource(SERVICE, {"template": {"scaling": {"maxInstanceCount": maximum}, "timeout": "300s"}})


def drift(git: int, last: int, live: int) -> list[tuple[str, Any, Any, Any]]:
    seen = {SERVICE: found(service(live).body)}
    return [(d.path, d.git, d.last, d.live) for d in find_drift(facts([service(git)], seen, version([service(last)])))]


def test_a_value_changed_outside_git() -> None:
    assert drift(git=10, last=10, live=77) == [("template.scaling.maxInstanceCount", 10, 10, 77)]


def test_changed_in_git_and_outside() -> None:
    assert drift(git=20, last=10, live=77) == [("template.scaling.maxInstanceCount", 20, 10, 77)]


def test_what_git_asks_for_by_now_is_no_drift_any_more() -> None:
    assert drift(git=77, last=10, live=77) == []


def test_an_edit_that_waits_for_its_apply_is_no_drift() -> None:
    assert drift(git=20, last=10, live=10) == []


def test_an_object_that_is_gone() -> None:
    rows = find_drift(facts([service(10)], {SERVICE: ABSENT}, version([service(10)])))
    assert [(d.path, d.severity) for d in rows] == [("", "high")]


def test_somebody_may_do_more_than_before() -> None:
    grant = "tenant/acme/sql.grant/production"
    wanted = resource(grant, {"host": "%", "grants": [{"database": "acme", "privileges": ["ALL PRIVILEGES"]}]})
    wider = {"host": "%", "grants": [*wanted.body["grants"], {"database": "other", "privileges": ["SELECT"]}]}
    rows = find_drift(facts([wanted], {grant: found(wider)}, version([wanted])))
    assert [(d.path, d.severity) for d in rows] == [("grants[other]", "high")]


def test_what_could_not_be_read_is_neither_drift_nor_no_drift() -> None:
    wanted = resource(SERVICE, labelled({"ingress": "A"}))
    (row,) = find_drift(facts([wanted], {SERVICE: Unknown("backend error", NOW, forbidden=True)}, version([wanted])))
    assert (row.unread, row.forbidden, row.path) == ("backend error", True, "")


@pytest.mark.parametrize(("last", "live"), [("300s", "5m0s"), ("300s", "300.000s"), ("5m0s", "300s")])
def test_another_spelling_is_no_drift(last: str, live: str) -> None:
    wanted, there = (resource(SERVICE, labelled({"template": {"timeout": text}})) for text in (last, live))
    assert find_drift(facts([wanted], {SERVICE: found(there.body)}, version([wanted]))) == ()


def test_by_whom_is_told_where_the_cloud_tells_it_and_nowhere_else() -> None:
    there = {**service(77).body, "lastModifier": "mallory@example.org"}
    (row,) = find_drift(facts([service(10)], {SERVICE: found(there)}, version([service(10)])))
    assert row.by == "mallory@example.org"
    (silent,) = find_drift(facts([service(10)], {SERVICE: found(service(77).body)}, version([service(10)])))
    assert silent.by == ""
    bucket = resource("shard/eu-001/storage.bucket/media", labelled({"versioning": {"enabled": True}}))
    moved = labelled({"versioning": {"enabled": False}, "lastModifier": "the API has no such field"})
    (other,) = find_drift(facts([bucket], {str(bucket.address): found(moved)}, version([bucket])))
    assert (other.path, other.by) == ("versioning.enabled", "")
