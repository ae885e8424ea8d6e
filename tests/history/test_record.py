"""What an apply came to, as a version."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.history.record import RecordContext, record
from reconciler.model.ids import Address, shard_target, tenant_target
from reconciler.model.outcome import Result
from reconciler.model.plan import Action, FieldChange
from reconciler.model.resource import Ref
from reconciler.model.version import TenantState
from tests.history.made import AT, MEMORY, TENANT_FILE, address, applied, change, item, outcome, plan, version

LATER = AT + timedelta(days=3)
ACME = tenant_target("acme-bakery")
OTHER_FILE = "shards/eu-001/tenants/other/tenant.yaml"


def context(**more: object) -> RecordContext:
    given: dict[str, object] = {
        "documents": {"fleet.yaml": "new fleet", TENANT_FILE: "new text", OTHER_FILE: "other"},
        "owners": {TENANT_FILE: ACME, OTHER_FILE: tenant_target("other")},
        "tenants": {
            "acme-bakery": TenantState("k3v9x2ma", "active", LATER.isoformat(), "gold", ("production",)),
            "other": TenantState("zzzzzzzz", "active", LATER.isoformat(), "bronze", ("production",)),
        },
    }
    return RecordContext("eu-001", LATER, "jo", "apply", "c0ffee", **{**given, **more})  # type: ignore[arg-type]


def test_the_first_version_is_number_one_and_holds_what_was_made() -> None:
    ref = Ref(Address.parse("shard/eu-001/sql.instance/main"), "ipAddresses[0].ipAddress").to_body()
    made = item(change(address("acme-bakery"), body={"host": ref}), body={"host": "10.0.0.3"})
    first = record(None, plan(), outcome(made), context())
    assert (first.number, first.parent, first.result, first.shard) == (1, None, "healthy", "eu-001")
    assert first.resources[address("acme-bakery")].body == {"host": "10.0.0.3"}
    assert first.resources[address("acme-bakery")].uid == "cloud-uid"
    assert (first.at, first.actor, first.trigger, first.fleet_commit) == (LATER, "jo", "apply", "c0ffee")
    assert first.plan == plan().digest


def test_success_is_put_in_deletes_go_and_failures_change_nothing() -> None:
    parent = version(4, "p", id="p4")
    gone, kept, fails = address("acme-bakery", "secret"), address("acme-bakery", "sql.user"), address("acme-bakery")
    parent = replace(parent, resources={a: applied(a, {"was": 1}) for a in (gone, kept, fails)})
    new = address("acme-bakery", "secret.iam")
    result = record(
        parent,
        plan(),
        outcome(
            item(change(gone, Action.DELETE)),
            item(change(fails, Action.UPDATE, {"is": 2}), Result.FAILED, "no quota"),
            item(change(new, body={"bindings": []})),
        ),
        context(unsettled=frozenset({ACME})),
    )
    assert set(result.resources) == {kept, fails, new}
    assert result.resources[fails].body == {"was": 1}
    assert (result.number, result.parent, result.result) == (5, "p4", "partial")
    rows = {row["resource"]: (row["action"], row["result"], row["message"]) for row in result.items}
    assert rows[str(fails)] == ("update", "failed", "no quota")


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([Result.DONE, Result.DONE], "healthy"),
        ([Result.DONE, Result.STALE], "partial"),
        ([Result.FAILED, Result.SKIPPED], "failed"),
    ],
)
def test_the_result_says_how_much_was_done(results: list[Result], said: str) -> None:
    items = [item(change(address(f"t{n}")), r) for n, r in enumerate(results)]
    assert record(None, plan(), outcome(*items), context()).result == said


def test_a_tenant_that_did_not_get_through_keeps_its_text_and_state() -> None:
    parent = version(id="p1")
    failed = item(change(address("acme-bakery"), Action.UPDATE, {"x": 1}), Result.FAILED, "no")
    done = item(change(address("other")))
    result = record(parent, plan(), outcome(failed, done), context(unsettled=frozenset({ACME})))
    assert result.documents[TENANT_FILE] == parent.documents[TENANT_FILE]
    assert result.documents[OTHER_FILE] == "other"
    assert result.documents["fleet.yaml"] == "new fleet"
    assert result.tenants["acme-bakery"] == parent.tenants["acme-bakery"]


def test_a_new_tenant_that_did_not_get_through_has_no_applied_text_yet() -> None:
    failed = item(change(address("other")), Result.FAILED, "no")
    result = record(version(id="p1"), plan(), outcome(failed), context(unsettled=frozenset({tenant_target("other")})))
    assert OTHER_FILE not in result.documents
    assert "other" not in result.tenants


def test_since_moves_with_the_state_and_with_nothing_else() -> None:
    parent, done = version(id="p1"), item(change(address("acme-bakery"), Action.UPDATE))
    same = record(parent, plan(), outcome(done), context())
    assert same.tenants["acme-bakery"].since == AT.isoformat()
    assert same.tenants["acme-bakery"].tier == "gold"
    suspended = TenantState("k3v9x2ma", "suspended", LATER.isoformat(), "gold")
    changed = record(parent, plan(), outcome(done), context(tenants={"acme-bakery": suspended}))
    assert changed.tenants["acme-bakery"].since == LATER.isoformat()
    owner = TenantState("q1w2e3r4", "active", LATER.isoformat(), "gold")
    assert (
        record(parent, plan(), outcome(done), context(tenants={"acme-bakery": owner})).tenants["acme-bakery"].since
        == LATER.isoformat()
    )


def test_a_tenant_whose_file_vanished_is_remembered_while_something_of_it_is_left() -> None:
    parent, done = version(id="p1"), item(change(address("other")))
    without = context(documents={OTHER_FILE: "other"}, tenants={})
    kept = record(parent, plan(), outcome(done), without)
    assert kept.tenants["acme-bakery"] == parent.tenants["acme-bakery"]
    assert kept.documents[TENANT_FILE] == parent.documents[TENANT_FILE]
    purged = record(parent, plan(), outcome(done, item(change(address("acme-bakery"), Action.DELETE))), without)
    assert "acme-bakery" not in purged.tenants
    assert TENANT_FILE not in purged.documents


def test_a_secret_itself_is_never_recorded() -> None:
    user = address("acme-bakery", "sql.user")
    by_reference = {"passwordFrom": {"secret": "projects/p/secrets/n", "version": "1", "field": "databasePassword"}}
    assert record(None, plan(), outcome(item(change(user, body=by_reference))), context()).resources
    for body in ({"passwordFrom": "hunter2"}, {"nested": [{"password": "hunter2"}]}, {"payload": "aHVudGVyMg=="}):
        with pytest.raises(ValueError) as caught:
            record(None, plan(), outcome(item(change(user, body=body))), context())
        assert "hunter2" not in str(caught.value)


# --- one line for people --------------------------------------------------------------------------------------------


def field(path: str = MEMORY, before: object = "512Mi", after: object = "1Gi", **more: object) -> FieldChange:
    return FieldChange(path, before, after, **more)  # type: ignore[arg-type]


def summary(*items: object) -> str:
    return record(None, plan(), outcome(*items), context()).summary  # type: ignore[arg-type]


def update(tenant: str, *fields: FieldChange) -> object:
    return item(change(address(tenant), Action.UPDATE, fields=fields))


def test_one_line_says_what_changed_for_whom() -> None:
    assert summary(update("acme-bakery", field())) == "tenant/acme-bakery memory 512Mi → 1Gi"
    assert summary(update("a1", field()), update("b1", field())) == "2 tenants memory 512Mi → 1Gi"
    env = field("template.containers[0].env[WP_DEBUG].value", None, "1")
    assert summary(update("acme-bakery", field(), env)) == (
        "tenant/acme-bakery memory 512Mi → 1Gi, env[WP_DEBUG] unset → 1"
    )
    secret = field("passwordFrom", None, None, sensitive=True)
    state = field(path="labels.aipress-state", before="active", after="deleted")
    assert summary(update("acme-bakery", state, field(), env)) == "tenant/acme-bakery active → deleted"
    assert summary(update("acme-bakery", secret)) == "tenant/acme-bakery passwordFrom changed"
    assert summary(update("acme-bakery", field(before=["a"], after=["b"]))) == "tenant/acme-bakery memory changed"


def test_many_changes_are_counted() -> None:
    shard = item(change(Address(shard_target("eu-001"), "sql.instance", "main")))
    new = [item(change(address(f"t{n}", kind))) for n in range(3) for kind in ("secret", "sql.user")]
    assert summary(shard, *new, update("t0", field())) == "shard/eu-001 and 3 tenants: +7 ~1"
    assert summary(*new[:2]) == "tenant/t0: +2"
    gone, again = item(change(address("t1"), Action.DELETE)), item(change(address("t1", "secret"), Action.ADOPT))
    assert summary(gone, again) == "tenant/t1: -1 adopted 1"


def test_what_was_not_done_is_said_too() -> None:
    failed = item(change(address("t1")), Result.FAILED, "no")
    skipped = item(change(address("t1", "secret")), Result.SKIPPED, "waits")
    assert summary(failed, skipped) == "nothing applied; 1 failed, 1 skipped"
    assert summary(update("acme-bakery", field()), failed) == "tenant/acme-bakery memory 512Mi → 1Gi; 1 failed"
