"""What Cloud SQL's Data API asks for before it runs a GRANT: a setting, a flag, a role and a database user."""

from typing import Any

import pytest

from reconciler.desired.accept import way_back
from reconciler.desired.compile import compile_fleet, compile_shard
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, replaces
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address
from reconciler.model.resource import Desired, Resource
from tests.desired.fleets import edited, fleet_of

EMAIL = "reconciler-fleet001@aipress-control-demo.iam.gserviceaccount.com"
FLAG = "cloudsql_iam_authentication"
LOGIN = Address.parse("shard/eu-001/sql.user/reconciler")


def settings_with(flags: dict[str, str]) -> dict[str, Any]:
    files = edited("shards/eu-001/shard.yaml", lambda d: d["spec"].update(sql={"flags": flags}))
    instance = compile_fleet(fleet_of(files)).resources[Address.parse("shard/eu-001/sql.instance/main")]
    result: dict[str, Any] = instance.body["settings"]
    return result


def test_an_instance_takes_statements_through_the_api_and_accounts_of_iam(sample: Fleet) -> None:
    settings = settings_with({})
    assert settings["dataApiAccess"] == "ALLOW_DATA_API"
    assert settings["databaseFlags"] == [{"name": FLAG, "value": "on"}]


@pytest.mark.parametrize("written", ["on", "off", "ON"])
def test_nobody_can_write_the_platforms_flag_otherwise(written: str) -> None:
    flags = settings_with({FLAG: written, "max_connections": "100"})["databaseFlags"]
    assert flags == [{"name": FLAG, "value": "on"}, {"name": "max_connections", "value": "100"}]


def test_drift_of_the_platforms_flag_is_not_accepted_into_the_documents() -> None:
    instance = Address.parse("shard/eu-001/sql.instance/main")
    assert way_back(instance, f"settings.databaseFlags[{FLAG}].value", "off") is None
    assert way_back(instance, "settings.databaseFlags[max_connections].value", "5") is not None


def test_the_reconcilers_account_is_a_database_user_without_a_password(sample: Fleet) -> None:
    login = compile_fleet(sample).resources[LOGIN]
    assert login.name == "projects/aipress-shard-eu-001/instances/eu-001-sql-shard001/users/reconciler-fleet001"
    assert login.body == {
        "type": "CLOUD_IAM_SERVICE_ACCOUNT", "iamEmail": EMAIL, "databaseRoles": ["cloudsqlsuperuser"],
    }  # fmt: skip
    assert (login.owner, login.shard) == ("shard001", "eu-001")


def test_the_account_may_log_in_and_nothing_else_by_the_shards_own_policy(sample: Fleet) -> None:
    desired = compile_fleet(sample)
    access = desired.resources[Address.parse("shard/eu-001/project.iam/main")]
    held = [b["role"] for b in access.body["bindings"] if f"serviceAccount:{EMAIL}" in b["members"]]
    assert held == ["roles/cloudsql.instanceUser"]
    assert Address.parse("fleet/iam.service-account/reconciler") in access.after
    account = desired.resources[Address.parse("fleet/iam.service-account/reconciler")]
    assert account.name.endswith(f"/{EMAIL}"), "the account that is let in is the one that the fleet makes"


def test_it_can_log_in_before_a_tenants_user_is_made_or_granted(sample: Fleet) -> None:
    desired = compile_fleet(sample)
    assert {str(a) for a in desired.resources[LOGIN].after} == {
        "shard/eu-001/project.iam/main", "shard/eu-001/sql.instance/main",
    }  # fmt: skip
    waiting = [r for r in desired.resources.values() if r.kind in ("sql.user", "sql.grant") and r.address != LOGIN]
    assert len(waiting) == 4 and all(LOGIN in r.after for r in waiting)


def test_a_shard_alone_compiles_to_the_same_login(sample: Fleet) -> None:
    alone, whole = compile_shard(sample, "eu-001"), compile_fleet(sample)
    assert alone.resources[LOGIN] == whole.resources[LOGIN]


def live_of(login: Resource, **changes: Any) -> dict[str, Any]:
    """As Google lists it: roles are not told, the host is filled in."""
    told = {key: value for key, value in login.body.items() if key != "databaseRoles"}
    return {"name": "reconciler-fleet001", "host": "%", **told, **changes}


@pytest.fixture
def login(sample: Fleet) -> Resource:
    found: Desired = compile_fleet(sample)
    return found.resources[LOGIN]


def test_what_google_lists_of_it_is_no_drift(login: Resource) -> None:
    assert difference(kind_of("sql.user"), live_of(login), login.body, login.body) == ()


@pytest.mark.parametrize(
    "changes", [{"type": "BUILT_IN"}, {"type": None}, {"iamEmail": "reconciler-fleet001@other.iam.gserviceaccount.com"}]
)
def test_somebody_elses_user_of_that_name_is_replaced_not_trusted(login: Resource, changes: dict[str, Any]) -> None:
    fields = difference(kind_of("sql.user"), live_of(login, **changes), login.body, login.body)
    assert [f.path for f in replaces(kind_of("sql.user"), fields)] == list(changes)
