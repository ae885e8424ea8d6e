"""Guards over a commit as a whole, and over what is better left alone: each at its boundary."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.kinds.protection import unprotected
from reconciler.model.hold import Hold
from reconciler.model.ids import Address
from reconciler.model.plan import Plan, Verdict
from reconciler.model.resource import Removal
from reconciler.model.version import TenantState
from reconciler.planning.facts import Facts
from reconciler.planning.guards import refused_items
from reconciler.planning.plan import make_plan
from tests.planning.given import (
    DATABASE,
    INSTANCE,
    NOW,
    OWNER,
    SERVICE,
    facts,
    fleet,
    found,
    labelled,
    resource,
    version,
)


def refused(plan: Plan) -> list[str]:
    return [g.guard for g in plan.refused()]


# --- shrink ---------------------------------------------------------------------------------------------------------


def shrunk(recorded: int, there: int, deleted: int = 0, **more: Any) -> Facts:
    """A shard whose newest version has so many tenants, the first `deleted` of them written as deleted, and of which
    the last `there` still have a file."""
    names = [f"t{n:05}" for n in range(recorded)]
    states = {
        n: TenantState(OWNER, "deleted" if i < deleted else "active", NOW.isoformat()) for i, n in enumerate(names)
    }
    where = dict.fromkeys(names[recorded - there :], "eu-001")
    return facts([], {}, version([], tenants=states), fleet=fleet(where), **more)


@pytest.mark.parametrize(
    ("recorded", "there", "stops"),
    [(50, 40, False), (50, 39, True), (2000, 1980, False), (2000, 1979, True), (200, 190, False), (200, 189, True)],
)
def test_a_fleet_may_lose_ten_files_or_one_percent(recorded: int, there: int, stops: bool) -> None:
    plan = make_plan(shrunk(recorded, there))
    assert ("shrink" in refused(plan)) is stops
    if stops:
        [verdict] = [g for g in plan.refused() if g.guard == "shrink"]
        assert str(verdict.target) == "fleet"
        assert "guards.shrinkPercent" in verdict.message


def test_what_is_written_as_deleted_may_lose_its_file() -> None:
    assert refused(make_plan(shrunk(50, 30, deleted=20))) == []
    assert refused(make_plan(shrunk(1, 0, deleted=1))) == []
    assert refused(make_plan(shrunk(2, 0, deleted=1))) == ["shrink"]  # the other one is all that it had


def test_tenants_of_shards_out_of_scope_count_too() -> None:
    far = {f"far-{n}": "us-001" for n in range(8)}
    assert refused(make_plan(shrunk(50, 48, vanished=far))) == []
    assert refused(make_plan(shrunk(50, 47, vanished=far))) == ["shrink"]


# --- broken files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "broken", "stops"), [(50, 10, False), (50, 11, True), (4000, 20, False), (4000, 21, True)]
)
def test_ten_wrong_files_or_half_a_percent_refuse_the_commit(total: int, broken: int, stops: bool) -> None:
    names = [f"t{n:05}" for n in range(total)]
    frozen = frozenset(f"tenant/{n}" for n in names[:broken])
    good = resource(SERVICE, labelled({"ingress": "A"}))
    made = fleet({**dict.fromkeys(names, "eu-001"), "acme": "eu-001"}, frozen=frozen)
    plan = make_plan(facts([good], fleet=replace(made, tenants_total=total)))
    assert ("broken-files" in refused(plan)) is stops
    assert (refused_items(plan.guards, plan.changes, {"broken-files"}) != {}) is stops


# --- mass drift -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "live", "stops"), [(10, 50, False), (11, 50, True), (20, 2000, False), (21, 2000, True)]
)
def test_ten_drifted_tenants_or_one_percent_stop_the_sweep(count: int, live: int, stops: bool) -> None:
    names = [f"site-{n:04}" for n in range(live)]
    wanted = [resource(f"tenant/{n}/run.service/production", labelled({"ingress": "A"})) for n in names]
    seen = {str(r.address): found(labelled({"ingress": "Z" if i < count else "A"})) for i, r in enumerate(wanted)}
    states = {n: TenantState(OWNER, "active", NOW.isoformat()) for n in names}
    made = fleet(dict.fromkeys(names, "eu-001"))
    assert (
        "mass-drift" in refused(make_plan(facts(wanted, seen, version(wanted, tenants=states), fleet=made)))
    ) is stops


# --- tug of war -----------------------------------------------------------------------------------------------------


def drifted(healed: frozenset[str]) -> Plan:
    wanted = resource(SERVICE, labelled({"ingress": "A"}))
    seen = {SERVICE: found(labelled({"ingress": "B"}))}
    return make_plan(facts([wanted], seen, version([wanted]), healed={Address.parse(SERVICE): healed}))


def test_a_field_that_was_put_back_and_is_changed_again_is_left_alone() -> None:
    plan = drifted(frozenset({"ingress"}))
    assert refused(plan) == ["tug-of-war"]
    assert "`ingress`" in plan.refused()[0].message
    assert refused_items(plan.guards, plan.changes, {"tug-of-war"}) == {}
    assert refused(drifted(frozenset({"template.timeout"}))) == []
    assert refused(drifted(frozenset())) == []


# --- quarantine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "stops"), [(20, False), (21, True)])
def test_more_than_twenty_parked_tenants_refuse_every_plan(count: int, stops: bool) -> None:
    holds = tuple(Hold(f"tenant/t{n}", "it failed", "jo", NOW, None, "quarantine") for n in range(count))
    plan = make_plan(facts([resource(SERVICE, labelled({"ingress": "A"}))], holds=holds))
    assert ("quarantine" in refused(plan)) is stops
    over = tuple(replace(hold, until=NOW) for hold in holds)
    assert refused(make_plan(facts([resource(SERVICE, labelled({}))], holds=over))) == []


# --- protection -----------------------------------------------------------------------------------------------------

SAFE = {
    "deletionProtectionEnabled": True,
    "finalBackupConfig": {"enabled": True, "retentionDays": 90},
    "backupConfiguration": {"enabled": True},
}
SHORT, OFF = {"enabled": True, "retentionDays": 89}, {"retentionDays": 90}


@pytest.mark.parametrize(
    ("kind", "body", "missing"),
    [
        ("sql.instance", {"settings": SAFE}, ""),
        ("sql.instance", {"settings": {**SAFE, "deletionProtectionEnabled": False}}, "deletionProtectionEnabled"),
        (
            "sql.instance",
            {"settings": {**SAFE, "finalBackupConfig": {"enabled": True, "retentionDays": 89}}},
            "retention",
        ),
        (
            "sql.instance",
            {"settings": {**SAFE, "finalBackupConfig": {"retentionDays": 90}}},
            "finalBackupConfig.enabled",
        ),
        ("sql.instance", {"settings": {**SAFE, "backupConfiguration": {}}}, "backupConfiguration.enabled"),
        ("storage.bucket", {"softDeletePolicy": {"retentionDurationSeconds": "2592000"}}, ""),
        ("storage.bucket", {"softDeletePolicy": {"retentionDurationSeconds": "2591999"}}, "softDeletePolicy"),
        ("storage.bucket", {}, "softDeletePolicy"),
        ("secret", {"versionDestroyTtl": "604800s"}, ""),
        ("secret", {"versionDestroyTtl": "604799s"}, "versionDestroyTtl"),
        ("secret", {}, "versionDestroyTtl"),
        ("run.service", {}, ""),
    ],
)
def test_what_google_must_keep_safe(kind: str, body: dict[str, Any], missing: str) -> None:
    told = unprotected(kind, body)
    assert len(told) == bool(missing)
    assert missing in "".join(told)


@pytest.mark.parametrize(("on", "said"), [(True, None), (False, Verdict.REFUSE)])
def test_nothing_that_holds_data_is_destroyed_without_a_net(on: bool, said: Verdict | None) -> None:
    body = labelled({"settings": {**SAFE, "deletionProtectionEnabled": on}})
    instance = resource(INSTANCE, body)
    states = {"acme": TenantState(OWNER, "deleted", (NOW - timedelta(days=20)).isoformat())}
    spec = {"purges": [{"tenant": "acme", "uid": OWNER, "expires": "2026-11-25", "approvers": ["a", "b"]}]}
    recorded = version([instance, resource(DATABASE, {})], tenants=states)
    removal = Removal(Address.parse(DATABASE), "purge", "fleet.yaml:9", f"purges/acme/{OWNER}/2026-11-25")
    seen = {INSTANCE: found(body), DATABASE: found({})}
    plan = make_plan(facts([instance], seen, recorded, [removal], fleet=fleet(spec=spec)))
    verdicts = [g for g in plan.guards if g.guard == "protection"]
    assert [g.verdict for g in verdicts] == ([said] if said else [])
    alone = make_plan(facts([instance], {INSTANCE: found(body)}, version([instance], tenants={})))
    told = [g for g in alone.guards if g.guard == "protection"]
    assert [g.verdict for g in told] == ([] if on else [Verdict.WARN])
