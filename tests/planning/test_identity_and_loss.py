"""Which object it is, and what would be lost: the questions a name cannot answer."""

from datetime import timedelta

import pytest

from reconciler.model.ids import Address
from reconciler.model.plan import Action, Plan, Verdict
from reconciler.model.resource import Removal
from reconciler.model.version import TenantState
from reconciler.planning.plan import make_plan
from tests.planning.given import (
    DATABASE,
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

WANTED = labelled({"ingress": "A"})


def refusals(plan: Plan) -> list[tuple[str, str]]:
    return [(verdict.guard, verdict.message) for verdict in plan.refused()]


def test_a_deletion_does_not_take_another_object_of_the_same_name() -> None:
    gone = Removal(Address.parse(SERVICE), "gone in Git", "x:1")
    plan = make_plan(facts([], {SERVICE: found(WANTED, "uid-2")}, version([resource(SERVICE, WANTED)]), [gone]))
    assert plan.changes == ()
    assert [guard for guard, _ in refusals(plan)] == ["ownership"]
    assert "it is not the Cloud Run service that was applied" in refusals(plan)[0][1]


def test_what_was_made_again_outside_git_is_another_object_and_is_recorded_as_such() -> None:
    recorded = version([resource(SERVICE, WANTED)])
    (change,) = make_plan(facts([resource(SERVICE, WANTED)], {SERVICE: found(WANTED, "uid-2")}, recorded)).changes
    assert (change.action, change.uid) == (Action.ADOPT, "uid-2")
    assert change.reason == "it was made again outside Git, as wanted"


def test_replacing_what_holds_data_is_refused_as_a_loss_of_it() -> None:
    before, after = resource(DATABASE, {"charset": "utf8mb4"}), resource(DATABASE, {"charset": "latin1"})
    plan = make_plan(facts([after], {DATABASE: found({"charset": "utf8mb4"})}, version([before])))
    assert [change.action for change in plan.changes] == [Action.REPLACE]
    assert refusals(plan)[0][0] == "data-delete"
    assert "replacing this database would destroy what it holds" in refusals(plan)[0][1]


def test_a_folder_is_never_replaced() -> None:
    address = "fleet/folder/shards"
    old, new = ({"displayName": "shards", "parent": f"folders/{n}"} for n in (1, 2))
    recorded = version([resource(address, old, shard="")], shard="", tenants={})
    plan = make_plan(facts([resource(address, new, shard="")], {address: found(old)}, history={"": recorded}))
    assert [change.action for change in plan.changes] == [Action.REPLACE]
    assert refusals(plan)[0][0] == "never-replace"


@pytest.mark.parametrize(
    ("recorded", "vanished", "refused"),
    [(24, 10, False), (24, 11, True), (24, 24, True), (2, 2, True)],
)
def test_tenants_that_vanish_together_mean_that_the_fleet_was_misread(
    recorded: int, vanished: int, refused: bool
) -> None:
    names = [f"site-{n:03}" for n in range(recorded)]
    states = {name: TenantState(OWNER, "active", NOW.isoformat()) for name in names}
    where = dict.fromkeys(names[vanished:], "eu-001")
    plan = make_plan(facts([], {}, version(tenants=states), fleet=fleet(where)))
    assert (("shrink" in [guard for guard, _ in refusals(plan)]), plan.changes) == (refused, ())


@pytest.mark.parametrize(
    ("uid", "state", "said"),
    [
        (OWNER, "deleted", ""),
        ("x0000000", "deleted", "the approval names another tenant or uid"),
        (OWNER, "active", "no version records the tenant as deleted"),
    ],
)
def test_an_approval_is_for_one_owner_and_for_what_is_deleted(uid: str, state: str, said: str) -> None:
    spec = {"purges": [{"tenant": "acme", "uid": uid, "expires": "2026-11-25", "approvers": ["a", "b"]}]}
    tenants = {"acme": TenantState(OWNER, state, (NOW - timedelta(days=20)).isoformat())}
    recorded = version([resource(DATABASE, {})], tenants=tenants)
    gone = Removal(Address.parse(DATABASE), "purge", "fleet.yaml:9", "purges/acme")
    plan = make_plan(facts([], {DATABASE: found({})}, recorded, [gone], fleet=fleet(spec=spec)))
    assert [guard for guard, _ in refusals(plan)] == (["data-delete"] if said else [])
    assert said in "".join(message for _, message in refusals(plan))


def test_adopting_changes_no_site() -> None:
    names = [f"site-{n:02}" for n in range(30)]
    wanted = [resource(f"tenant/{name}/run.service/production", WANTED) for name in names]
    states = {name: TenantState(OWNER, "active", NOW.isoformat()) for name in names}
    seen = {str(r.address): found(WANTED) for r in wanted}
    plan = make_plan(facts(wanted, seen, version(tenants=states), fleet=fleet(dict.fromkeys(names, "eu-001"))))
    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert {verdict.verdict for verdict in plan.guards} == {Verdict.PASS}, "neither refused nor walked in waves"
