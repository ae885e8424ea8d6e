"""Which documents and tenants a version may call applied: those in scope that got through."""

import pytest

from reconciler.history.record import context_of, record
from reconciler.model.ids import FLEET, Address, Target, shard_target, tenant_target
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import GuardVerdict, Plan, Verdict
from reconciler.model.version import Version
from tests.desired.fleets import FILES, TENANT_FILE, fleet_of
from tests.history.made import AT, address, change, item, outcome, plan

ACME = tenant_target("acme-bakery")
SHARD = shard_target("eu-001")
STAMP = (AT, "jo", "apply")


def unsettled(
    one: Plan, came_to: Outcome, shard: str = "eu-001", frozen: frozenset[str] = frozenset()
) -> frozenset[Target]:
    return context_of(fleet_of(FILES, frozen), shard, one, came_to, STAMP).unsettled


def first(one: Plan, came_to: Outcome, shard: str = "eu-001") -> Version:
    return record(None, one, came_to, context_of(fleet_of(FILES), shard, one, came_to, STAMP))


DONE = outcome(item(change(address("acme-bakery"))))


def test_a_version_of_a_shard_holds_its_own_files_and_what_they_inherit_from() -> None:
    version = first(plan(), DONE)
    assert version.documents[TENANT_FILE] == FILES[TENANT_FILE]
    assert set(version.documents) == {
        path for path in FILES if path.startswith("shards/eu-001/") or path in ("fleet.yaml", "tiers/silver.yaml")
    }
    assert version.tenants["acme-bakery"].state == "active"
    assert version.tenants["acme-bakery"].since == AT.isoformat()
    assert version.fleet_commit == plan().fleet_head


def test_a_version_of_the_fleet_holds_fleet_yaml_alone() -> None:
    made = item(change(Address(FLEET, "folder", "shards")))
    assert set(first(plan(), outcome(made), "").documents) == {"fleet.yaml"}


def test_all_of_a_whole_scope_that_got_through_is_applied() -> None:
    for scope in (("fleet",), ("shard/eu-001",), ()):
        assert unsettled(plan(scope), DONE) == frozenset()


def test_what_was_not_asked_for_is_not_applied() -> None:
    assert ACME in unsettled(plan(("shard/eu-001 (own objects)",)), outcome())
    assert SHARD in unsettled(plan(("tenant/acme-bakery",)), DONE)
    assert ACME not in unsettled(plan(("tenant/acme-bakery",)), DONE)
    assert ACME in unsettled(plan(("tenant/acme-bakery@staging",)), DONE), "half a tenant is not its file"
    assert FLEET in unsettled(plan(("shard/eu-001",)), DONE, "")


@pytest.mark.parametrize("result", [Result.FAILED, Result.STALE, Result.SKIPPED, Result.INTERRUPTED])
def test_a_target_with_anything_undone_is_not_applied(result: Result) -> None:
    came_to = outcome(
        item(change(address("acme-bakery", "secret"))), item(change(address("acme-bakery")), result, "why")
    )
    assert unsettled(plan(), came_to) == {ACME}
    version = first(plan(), came_to)
    assert TENANT_FILE not in version.documents
    assert address("acme-bakery", "secret") in version.resources


def test_what_could_not_even_be_planned_is_not_applied() -> None:
    refused = GuardVerdict("partial-read", ACME, Verdict.REFUSE, "unreadable", (address("acme-bakery", "sql.user"),))
    assert unsettled(plan(guards=(refused,)), DONE) == {ACME}


def test_a_refusal_that_was_allowed_by_name_is_applied() -> None:
    refused = GuardVerdict("blast-radius", ACME, Verdict.REFUSE, "too many", (address("acme-bakery"),))
    assert unsettled(plan(guards=(refused,)), DONE) == frozenset()


def test_a_frozen_tenant_is_not_applied() -> None:
    assert unsettled(plan(), outcome(), frozen=frozenset({"tenant/acme-bakery"})) == {ACME}
