"""Each guard, with a plan that violates it, and the same plan just inside it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.fleet import Written
from reconciler.model.hold import Hold
from reconciler.model.ids import Address, tenant_target
from reconciler.model.plan import Plan
from reconciler.model.resource import Removal, Unknown
from reconciler.model.spec import ShardDocument
from reconciler.model.version import TenantState
from reconciler.planning.guards import refused_items
from reconciler.planning.plan import make_plan
from tests.planning.given import (
    ABSENT,
    BACKUP,
    DATABASE,
    INSTANCE,
    NOW,
    OWNER,
    SECRET,
    SERVICE,
    facts,
    fleet,
    found,
    labelled,
    resource,
    version,
)


def guards(plan: Plan) -> list[str]:
    return [g.guard for g in plan.refused()]


def many(count: int, live: int) -> Plan:
    """A plan that changes `count` of `live` sites, where waves are off."""
    names = [f"site-{n:03}" for n in range(live)]
    before = [resource(f"tenant/{n}/run.service/production", labelled({"ingress": "A"})) for n in names]
    after = [resource(str(r.address), labelled({"ingress": "B"})) if i < count else r for i, r in enumerate(before)]
    seen = {str(r.address): found(r.body) for r in before}
    states = {n: TenantState(OWNER, "active", NOW.isoformat()) for n in names}
    where = dict.fromkeys(names, "eu-001")
    off = {"waves": {"enabled": False}}
    return make_plan(facts(after, seen, version(before, tenants=states), fleet=fleet(where, off)))


@pytest.mark.parametrize(
    ("count", "live", "refused"), [(10, 50, False), (11, 50, True), (20, 2000, False), (21, 2000, True)]
)
def test_blast_radius_is_ten_sites_or_one_percent(count: int, live: int, refused: bool) -> None:
    assert ("blast-radius" in guards(many(count, live))) is refused


@pytest.mark.parametrize(("count", "live", "refused"), [(16, 50, True), (15, 50, False), (10, 20, False)])
def test_no_more_than_thirty_percent_of_a_shard_changes_at_once_from_ten_objects_on(
    count: int, live: int, refused: bool
) -> None:
    assert ("shard-share" in guards(many(count, live))) is refused


@pytest.mark.parametrize(("count", "live", "refused"), [(3, 200, True), (2, 200, False), (3, 99, False)])
def test_approved_deletions_too_are_one_percent_of_a_large_fleet_at_most(count: int, live: int, refused: bool) -> None:
    names = [f"site-{n:03}" for n in range(live)]
    before = [resource(f"tenant/{n}/run.service/production", labelled({"ingress": "A"})) for n in names]
    going = [Removal(r.address, "purge approved", "fleet.yaml:9", approval=f"purges/{r.address}") for r in before]
    seen = {str(r.address): found(r.body) for r in before}
    states = {n: TenantState(OWNER, "active", NOW.isoformat()) for n in names}
    there = fleet(dict.fromkeys(names, "eu-001"))
    plan = make_plan(facts(before[count:], seen, version(before, tenants=states), going[:count], fleet=there))
    said = [v.message for v in plan.refused() if "would be deleted" in v.message]
    assert said == ([f"{count} of {live} objects would be deleted (limit 1 %)"] if refused else [])


def test_first_creates_do_not_count_as_blast() -> None:
    new = [resource(f"tenant/site-{n:03}/run.service/production", labelled({"ingress": "A"})) for n in range(60)]
    assert guards(make_plan(facts(new, recorded=None))) == []


def purge(approved: bool, since_days: int, expires: str = "2026-11-25") -> Plan:
    spec = (
        {"purges": [{"tenant": "acme", "uid": OWNER, "expires": expires, "approvers": ["a", "b"]}]} if approved else {}
    )
    address = Address.parse(DATABASE)
    states = {"acme": TenantState(OWNER, "deleted", (NOW - timedelta(days=since_days)).isoformat())}
    recorded = version([resource(DATABASE, {"charset": "utf8mb4"})], tenants=states)
    removal = Removal(address, "purge approved", "fleet.yaml:9", approval="purges/acme" if approved else "")
    return make_plan(facts([], {DATABASE: found({"charset": "utf8mb4"})}, recorded, [removal], fleet=fleet(spec=spec)))


def test_a_purge_needs_approval_escrow_and_an_unexpired_date() -> None:
    assert guards(purge(approved=True, since_days=15)) == []
    assert guards(purge(approved=False, since_days=15)) == ["data-delete"]
    assert guards(purge(approved=True, since_days=13)) == ["data-delete"]
    assert guards(purge(approved=True, since_days=15, expires="2026-11-22")) == ["data-delete"]
    assert guards(purge(approved=True, since_days=15, expires="2026-12-24")) == ["data-delete"]
    assert guards(purge(approved=True, since_days=15, expires="2026-11-23")) == []


def test_a_tenant_file_that_vanished_is_a_warning_and_nothing_is_deleted() -> None:
    states = {name: TenantState(OWNER, "active", NOW.isoformat()) for name in ("acme", "other")}
    recorded = version([resource(SERVICE, labelled({"ingress": "A"}))], tenants=states)
    plan = make_plan(
        facts([], {SERVICE: found(labelled({"ingress": "A"}))}, recorded, fleet=fleet({"other": "eu-001"}))
    )
    assert plan.changes == ()
    assert guards(plan) == []
    warning = next(d for d in plan.diagnostics if d.code == "AP401")
    assert "tenant/acme has no file any more" in warning.message


def test_an_environment_that_is_left_out_is_one_warning_and_nothing_is_deleted() -> None:
    staging = [resource(a.replace("production", "staging"), labelled({})) for a in (SERVICE, DATABASE, SECRET)]
    plan = make_plan(facts([], {}, version(staging)))
    assert plan.changes == ()
    warning = [d for d in plan.diagnostics if d.code == "AP402"]
    assert [d.message for d in warning] == [
        (
            "tenant/acme@staging is no longer declared. It is kept: nothing is deleted by leaving it out "
            "(3 objects: run.service, secret, sql.database)"
        )
    ]


def test_a_shard_that_goes_to_nothing_is_a_misread_fleet() -> None:
    recorded = version([resource(SERVICE, labelled({"ingress": "A"}))])
    plan = make_plan(facts([], {}, recorded, fleet=fleet({})))
    assert guards(plan) == ["shrink"]


def test_a_hold_keeps_its_target_and_nothing_else_and_ends() -> None:
    other = "tenant/other/run.service/production"
    wanted = [resource(SERVICE, labelled({"ingress": "A"})), resource(other, labelled({"ingress": "A"}))]
    hold = Hold("tenant/acme", "incident", "jo", NOW, NOW + timedelta(hours=1))
    plan = make_plan(facts(wanted, holds=(hold,)))
    assert list(refused_items(plan.guards, plan.changes, ())) == [Address.parse(SERVICE)]
    over = make_plan(facts(wanted, holds=(replace(hold, until=NOW),)))
    assert over.refused() == ()


def test_mass_drift_stops_the_sweep() -> None:
    names = [f"site-{n:02}" for n in range(12)]
    wanted = [resource(f"tenant/{n}/run.service/production", labelled({"ingress": "A"})) for n in names]
    seen = {str(r.address): found(labelled({"ingress": "Z"})) for r in wanted}
    states = {n: TenantState(OWNER, "active", NOW.isoformat()) for n in names}
    plan = make_plan(facts(wanted, seen, version(wanted, tenants=states), fleet=fleet(dict.fromkeys(names, "eu-001"))))
    assert "mass-drift" in guards(plan)


def test_more_deletes_than_allowed_are_refused_together() -> None:
    addresses = [f"tenant/acme/run.service/e{n}" for n in range(6)]
    recorded = version([resource(a, {}) for a in addresses])
    removals = [Removal(Address.parse(a), "gone in Git", "x:1") for a in addresses]
    plan = make_plan(facts([], {a: found({}) for a in addresses}, recorded, removals))
    assert guards(plan) == ["deletes"]
    fewer = make_plan(facts([], {a: found({}) for a in addresses[:5]}, recorded, removals[:5]))
    assert guards(fewer) == []


def test_a_move_is_refused_with_what_to_do() -> None:
    plan = make_plan(facts([resource(SERVICE, labelled({}))], elsewhere={"acme": "us-001"}))
    verdict = plan.refused()[0]
    assert (verdict.guard, verdict.target) == ("move", tenant_target("acme"))
    assert "Put its folder back" in verdict.message


def test_allow_names_one_guard_and_no_other() -> None:
    plan = many(11, 50)
    assert refused_items(plan.guards, plan.changes, {"blast-radius"}) == {}
    assert len(refused_items(plan.guards, plan.changes, {"mass-drift"})) == 11


def test_absent_what_was_purged_is_only_forgotten() -> None:
    recorded = version([resource(SERVICE, {})])
    plan = make_plan(facts([], {SERVICE: ABSENT}, recorded, [Removal(Address.parse(SERVICE), "gone in Git", "x:1")]))
    assert [(str(c.action), c.fingerprint) for c in plan.changes] == [("delete", "absent")]


def test_a_purge_needs_the_final_backup_that_was_recorded_with_this_deletion() -> None:
    spec = {"purges": [{"tenant": "acme", "uid": OWNER, "expires": "2026-11-25", "approvers": ["a", "b"]}]}
    states = {"acme": TenantState(OWNER, "deleted", (NOW - timedelta(days=20)).isoformat())}
    recorded = version([resource(DATABASE, {"charset": "utf8mb4"}), resource(BACKUP, {})], tenants=states)
    removal = Removal(Address.parse(DATABASE), "purge", "fleet.yaml:9", "purges/acme", (Address.parse(BACKUP),))

    def plan(backup: str) -> Plan:
        seen = {DATABASE: found({"charset": "utf8mb4"}), BACKUP: found({"description": "d"}, backup)}
        return make_plan(facts([], seen, recorded, [removal], fleet=fleet(spec=spec)))

    assert guards(plan("uid-1")) == []
    assert guards(plan("uid-2")) == ["data-delete"]


def test_a_purge_whose_data_may_not_go_touches_nothing_at_all() -> None:
    states = {"acme": TenantState(OWNER, "deleted", (NOW - timedelta(days=13)).isoformat())}
    spec = {"purges": [{"tenant": "acme", "uid": OWNER, "expires": "2026-11-25", "approvers": ["a", "b"]}]}
    there = {SERVICE: found(labelled({})), SECRET: found(labelled({})), DATABASE: found({})}
    recorded = version([resource(a, {}) for a in there], tenants=states)
    removals = [Removal(Address.parse(a), "purge", "fleet.yaml:9", "purges/acme") for a in there]
    plan = make_plan(facts([], there, recorded, removals, fleet=fleet(spec=spec)))
    assert len(plan.refused()) == 1
    assert "secret/production, sql.database/production hold data" in plan.refused()[0].message
    assert set(refused_items(plan.guards, plan.changes, ())) == {Address.parse(a) for a in there}


def test_a_second_deletion_makes_a_backup_of_its_own() -> None:
    wanted, seen = resource(BACKUP, {"description": "d"}), {BACKUP: found({"description": "d"})}

    def plan(state: str, environments: tuple[str, ...] = ("production",), uid: str = "uid-1") -> list[str]:
        tenants = {"acme": TenantState(OWNER, state, NOW.isoformat(), environments=environments)}
        made = make_plan(facts([wanted], seen, version([wanted], tenants=tenants, uid=uid)))
        return [str(c.action) for c in made.changes]

    assert plan("active") == ["run"]
    assert plan("deleted") == []
    assert plan("active", ()) == []  # the environment alone was deleted, and this is its backup
    assert plan("active", uid="uid-0") == ["adopt"]  # made by an apply that died before it was recorded


def test_nothing_is_purged_before_its_final_backup_is_there() -> None:
    backup = Address.parse("tenant/acme/sql.backup/final-production")
    recorded = version([resource(DATABASE, {"charset": "utf8mb4"})])
    removal = Removal(Address.parse(DATABASE), "purge", "fleet.yaml:9", "purges/acme", (backup,))
    plan = make_plan(facts([], {DATABASE: found({"charset": "utf8mb4"})}, recorded, [removal]))
    assert plan.changes == ()


def test_a_shard_takes_no_more_new_tenants_than_it_says_it_holds() -> None:
    shard = ShardDocument.model_validate(
        {
            "apiVersion": "aipress.io/v1",
            "kind": "Shard",
            "metadata": {"name": "eu-001", "uid": "e0000000"},
            "spec": {"project": {"id": "aipress-eu-001"}, "region": "europe-west1", "capacity": {"tenants": 1}},
        }
    )
    other = resource("tenant/other/run.service/production", labelled({"ingress": "A"}))
    known = resource(SERVICE, labelled({"ingress": "A"}))
    base = fleet({"acme": "eu-001", "other": "eu-001"})
    full = replace(base, shards={"eu-001": Written("shards/eu-001/shard.yaml", shard, {}, "")})
    plan = make_plan(facts([known, other], {SERVICE: found(labelled({"ingress": "B"}))}, version([known]), fleet=full))
    assert guards(plan) == ["capacity"]
    assert list(refused_items(plan.guards, plan.changes, ())) == [other.address]


def test_a_guard_with_its_own_way_is_passed_by_no_name() -> None:
    plan = purge(approved=False, since_days=15)
    assert refused_items(plan.guards, plan.changes, {"data-delete"}) != {}


def test_a_purge_that_waits_for_a_backup_which_cannot_be_made_says_so() -> None:
    backup = Address.parse(BACKUP)
    wanted = resource(BACKUP, {"description": "d"}, only_if=Address.parse(DATABASE))
    states = {"acme": TenantState(OWNER, "deleted", (NOW - timedelta(days=20)).isoformat())}
    recorded = version([resource(DATABASE, {}), resource(SECRET, {})], tenants=states)
    removals = [
        Removal(Address.parse(a), "purge", "fleet.yaml:9", "purges/acme", (backup,)) for a in (DATABASE, SECRET)
    ]
    plan = make_plan(facts([wanted], {SECRET: found(labelled({}))}, recorded, removals))
    assert plan.changes == ()
    (told,) = plan.refused()
    assert told.guard == "data-delete"
    assert set(told.items) == {Address.parse(DATABASE), Address.parse(SECRET)}
    assert "its final backup (tenant/acme/sql.backup/final-production) is not there" in told.message
    assert "restore the database, or take the purge out of fleet.yaml" in told.message


def test_a_hold_on_an_environment_keeps_its_final_backup_too() -> None:
    wanted = [
        resource(BACKUP, {"description": "d"}),
        resource("tenant/acme/sql.backup/final-staging", {"description": "s"}),
    ]
    hold = Hold("tenant/acme@production", "incident", "jo", NOW, None)
    plan = make_plan(facts(wanted, holds=(hold,)))
    assert list(refused_items(plan.guards, plan.changes, ())) == [Address.parse(BACKUP)]


def test_a_removal_that_nobody_may_look_at_is_forbidden_and_one_that_does_not_answer_is_unread() -> None:
    recorded, removal = version([resource(SERVICE, labelled({}))]), Removal(Address.parse(SERVICE), "gone", "x:1")
    for forbidden, guard in ((True, "forbidden"), (False, "partial-read")):
        plan = make_plan(facts([], {SERVICE: Unknown("403", NOW, forbidden)}, recorded, [removal]))
        assert (plan.changes, guards(plan)) == ((), [guard])


def test_a_shard_that_is_touched_says_how_full_it_is() -> None:
    instance = resource(INSTANCE, {"settings": {"databaseFlags": [{"name": "max_connections", "value": "2000"}]}})
    grants = [resource(f"tenant/{n}/sql.grant/production", {"maxUserConnections": 30}) for n in ("acme", "birch")]
    shard = {"eu-001": _shard_of(50)}
    there = replace(fleet({"acme": "eu-001", "birch": "eu-001"}), shards=shard)
    made = make_plan(facts([grants[0]], recorded=version([instance, grants[1]]), fleet=there))
    told = [v.message for v in made.guards if v.guard == "capacity"]
    assert told == ["2 of 50 sites, 60 of 2,000 database connections promised"]


def _shard_of(tenants: int) -> Written[ShardDocument]:
    return Written("shards/eu-001/shard.yaml", ShardDocument.model_validate({
        "apiVersion": "aipress.io/v1", "kind": "Shard", "metadata": {"name": "eu-001"},
        "spec": {"project": {"id": "aipress-eu-001"}, "region": "europe-west1", "capacity": {"tenants": tenants}},
    }), {}, "")  # fmt: skip
