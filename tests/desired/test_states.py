"""Active, suspended, deleted, purged: what a tenant's state asks for, and that nothing goes by being left out."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.desired.compile import compile_fleet
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.ids import Address
from reconciler.model.resource import Desired, Resource
from tests.desired.fleets import FILES, TENANT_FILE, edited, fleet_of

CONTAINER = "template.containers[0]"
PURGE = {"tenant": "acme-bakery", "uid": "k3v9x2ma", "expires": "2026-12-01", "approvers": ["ann", "bob"]}


def compiled(**spec: Any) -> Desired:
    return compile_fleet(fleet_of(edited(TENANT_FILE, lambda d: d["spec"].update(spec))))


def deleted(**fleet: Any) -> Desired:
    files = edited(TENANT_FILE, lambda d: d["spec"].update(DELETED))
    return compile_fleet(
        fleet_of(files | {"fleet.yaml": edited("fleet.yaml", lambda d: d["spec"].update(fleet))["fleet.yaml"]})
    )


def without_staging(state: str | None = None, **fleet: Any) -> Desired:
    def edit(document: dict[str, Any]) -> None:
        if state is None:
            document["spec"]["environments"].pop("staging")
        else:
            document["spec"]["environments"]["staging"]["state"] = state

    files = edited(TENANT_FILE, edit)
    return compile_fleet(
        fleet_of(files | {"fleet.yaml": edited("fleet.yaml", lambda d: d["spec"].update(fleet))["fleet.yaml"]})
    )


DELETED = {"state": "deleted", "deletion": {"reason": "contract ended"}}
ACTIVE = compile_fleet(fleet_of(FILES))


def of(desired: Desired, kind: str, key: str = "production") -> Resource:
    return desired.resources[Address.parse(f"tenant/acme-bakery/{kind}/{key}")]


def tenants(desired: Desired) -> set[Address]:
    return {a for a in desired.resources if a.target.name == "acme-bakery"}


def changed(desired: Desired, address: Address) -> dict[str, Any]:
    before, after = ACTIVE.resources[address].body, desired.resources[address].body
    fields = difference(kind_of(address.kind), before, after, before)
    return {f.path: f.after for f in fields if f.unknown is None}


def test_a_suspended_site_answers_with_a_notice_scales_to_nothing_and_keeps_everything_else() -> None:
    desired = compiled(state="suspended")
    assert desired.resources.keys() == ACTIVE.resources.keys() and not desired.removals
    for key in ("production", "staging"):
        assert changed(desired, of(desired, "run.service", key).address) == {
            "labels.aipress-state": "suspended",
            "template.scaling.minInstanceCount": 0,
            "template.scaling.maxInstanceCount": 1,
            f"{CONTAINER}.image": "registry.example/suspended:1",
            f"{CONTAINER}.env[AIPRESS_STATE].value": "suspended",
        }
    for address, resource in ACTIVE.resources.items():
        after = desired.resources[address]
        assert (after.name, after.after, after.only_if) == (resource.name, resource.after, None)
        assert after.body == resource.body or address.kind == "run.service"


def test_a_suspended_site_comes_back_exactly_as_it_was() -> None:
    assert {a: r.body for a, r in compiled(state="active").resources.items()} == {
        a: r.body for a, r in ACTIVE.resources.items()
    }


def test_a_deleted_sites_traffic_is_off_and_its_data_and_secrets_are_kept() -> None:
    desired = deleted()
    assert desired.removals == ()
    for key in ("production", "staging"):
        service = of(desired, "run.service", key)
        assert changed(desired, service.address) == {
            "labels.aipress-state": "deleted",
            "annotations[aipress.io/deletion-reason]": "contract ended",
            "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY",
            "invokerIamDisabled": False,
            "template.scaling.minInstanceCount": 0,
            "template.scaling.maxInstanceCount": 1,
            f"{CONTAINER}.env[AIPRESS_STATE].value": "deleted",
        }
    kept = {a for a in tenants(ACTIVE) if a.kind != "run.service"}
    assert all(desired.resources[a].body == ACTIVE.resources[a].body for a in kept)


def test_a_deleted_sites_last_backup_runs_after_its_traffic_is_off_and_only_if_there_is_a_database() -> None:
    desired = deleted()
    for key in ("production", "staging"):
        backup = of(desired, "sql.backup", f"final-{key}")
        assert of(desired, "run.service", key).address in backup.after
        assert backup.only_if == of(desired, "sql.database", key).address
        assert backup.name.endswith(f"/backups/{backup.body['description']}")
        assert "uid=k3v9x2ma" in backup.body["description"]


def test_what_is_deleted_is_never_made_anew() -> None:
    desired = deleted()
    assert all(r.only_if == a for a, r in desired.resources.items() if a in tenants(ACTIVE))
    assert all(r.only_if is None for a, r in desired.resources.items() if a not in tenants(desired))


def test_an_approved_purge_writes_every_object_down_and_keeps_the_last_backup() -> None:
    desired = deleted(purges=[PURGE])
    assert {r.address for r in desired.removals} == tenants(ACTIVE)
    assert {a.kind for a in tenants(desired)} == {"sql.backup"}
    for removal in desired.removals:
        assert removal.approval == "purges/acme-bakery/k3v9x2ma/2026-12-01"
        assert "ann, bob" in removal.reason
        assert removal.source.startswith("fleet.yaml:")
        assert removal.after == (of(desired, "sql.backup", f"final-{removal.address.key}").address,)
    shared = {a for a in ACTIVE.resources if a not in tenants(ACTIVE)}
    assert shared <= desired.resources.keys()


@pytest.mark.parametrize("other", [{"uid": "z3v9x2ma"}, {"tenant": "acme-bakery-2"}])
def test_a_purge_of_another_owner_purges_nothing_here(other: dict[str, str]) -> None:
    assert deleted(purges=[PURGE | other]) == replace(deleted())
    assert deleted(purges=[PURGE | other]).removals == ()


def test_a_purge_does_not_touch_a_tenant_that_is_not_deleted() -> None:
    files = edited("fleet.yaml", lambda d: d["spec"].update(purges=[PURGE]))
    assert compile_fleet(fleet_of(files)).removals == ()


def test_a_deleted_environment_loses_its_service_at_once_and_keeps_its_data() -> None:
    desired = without_staging("deleted")
    (gone,) = desired.removals
    assert (str(gone.address), gone.approval) == ("tenant/acme-bakery/run.service/staging", "")
    assert "staging" in gone.reason and gone.source.startswith(TENANT_FILE)
    kept = {a for a in tenants(ACTIVE) if a.key == "staging" and a.kind != "run.service"}
    assert all(desired.resources[a].only_if == a for a in kept)
    assert of(desired, "sql.backup", "final-staging").only_if == of(desired, "sql.database", "staging").address
    assert all(r.only_if is None for a, r in desired.resources.items() if a.key == "production")


def test_a_deleted_environments_data_goes_only_with_a_written_approval() -> None:
    desired = without_staging("deleted", purges=[PURGE])
    assert {a.kind for a in (r.address for r in desired.removals)} >= {"sql.database", "secret", "run.service"}
    assert all(r.approval and r.address.key == "staging" for r in desired.removals)


def test_a_left_out_environment_or_file_asks_for_no_removal() -> None:
    assert without_staging().removals == ()
    rest = {path: text for path, text in FILES.items() if path != TENANT_FILE}
    assert compile_fleet(fleet_of(rest)).removals == ()
