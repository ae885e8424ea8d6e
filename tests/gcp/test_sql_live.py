"""Cloud SQL through Google's client: instances, databases, users, and grants that keep tenants apart."""

from typing import Any

import pytest
from google.cloud import sqladmin_v1beta4

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.secrets import read_payload
from reconciler.gcp.sql import sql_client
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Pending, Seen
from tests.gcp.conftest import INSTANCE

pytestmark = pytest.mark.slow

DATABASE = {"charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci"}
SECRET = {"replication": {"automatic": {}}, "labels": {"aipress-owner": "k3v9x2ma"}}


def grant_body(database: str, limit: int = 20) -> dict[str, Any]:
    grants = [{"database": database, "privileges": ["ALL PRIVILEGES"]}]
    return {"host": "%", "maxUserConnections": limit, "grants": grants}


def user_body(project: str, name: str) -> dict[str, Any]:
    source = {"secret": f"{project}/secrets/{name}", "version": "1", "field": "databasePassword"}
    return {"host": "%", "passwordFrom": source}


def make_tenant(driver: Any, instance: str, name: str) -> None:
    """Database, secret and user; not yet its grants."""
    project = "/".join(instance.split("/")[:2])
    driver.create("sql.database", f"{instance}/databases/{name}", instance, DATABASE)
    driver.create("secret", f"{project}/secrets/{name}", project, SECRET)
    version = {"state": "ENABLED", "generate": "wordpress/1"}
    secret = f"{project}/secrets/{name}"
    driver.create("secret.version", f"{secret}/versions/latest", secret, version)
    driver.create("sql.user", f"{instance}/users/{name}", instance, user_body(project, name))


def run_as(cloud: GoogleCloud, instance: str, user: str, statement: str) -> str:
    """What the database says to this user: "" when it allows the statement."""
    body = sqladmin_v1beta4.ExecuteSqlPayload(sql_statement=statement, user=user)
    where = {"project": instance.split("/")[1], "instance": instance.split("/")[3]}
    client = sql_client(cloud._session, "instances")  # the tenant's own connection; our port has none for it
    return str(client.execute_sql(request={**where, "body": body}).status.message)


def test_an_instance_is_updated_by_exactly_what_changed(driver: Any, project: str, instance: str) -> None:
    smaller = {k: v for k, v in INSTANCE["settings"].items() if k != "databaseFlags"}
    flags = [{"name": "max_connections", "value": "1000"}, {"name": "slow_query_log", "value": "on"}]
    body = {
        **INSTANCE,
        "settings": {**smaller, "databaseFlags": flags, "userLabels": {"aipress-owner": "k3v9x2ma", "a": "b"}},
    }
    live = driver.update("sql.instance", instance, project, body, last=INSTANCE)
    assert live.body["connectionName"].endswith(":main") and live.body["ipAddresses"][0]["ipAddress"] and live.ready
    fewer = {**INSTANCE, "settings": {**INSTANCE["settings"], "databaseFlags": flags[:1]}}
    after = driver.update("sql.instance", instance, project, fewer, last=body)
    assert after.body["settings"]["userLabels"] == {"aipress-owner": "k3v9x2ma"}
    driver.update("sql.instance", instance, project, INSTANCE, last=fewer)


def test_a_second_operation_on_an_instance_waits(
    driver: Any, google: GoogleCloud, local_cloud: Any, instance: str
) -> None:
    first = Call(Action.CREATE, "sql.database", f"{instance}/databases/busy-one", instance, DATABASE)
    second = Call(Action.CREATE, "sql.database", f"{instance}/databases/busy-two", instance, DATABASE)
    busy = {"service": "sqladmin", "method": "*", "match": "databases", "kind": "error", "status": 409, "times": 1}
    local_cloud.control("/_aipress/faults", {**busy, "message": "another operation was already in progress"})
    answer = google.begin(first)
    assert not isinstance(answer, (Done, Pending)) and answer.failure.next is Next.WAIT
    assert isinstance(driver.settle(first), Done) and isinstance(driver.settle(second), Done)


def test_databases(driver: Any, instance: str) -> None:
    name = f"{instance}/databases/kept-p-1"
    driver.absent("sql.database", name, instance, DATABASE)
    driver.create("sql.database", name, instance, DATABASE)
    assert driver.refused(Call(Action.CREATE, "sql.database", name, instance, DATABASE)).failure.exists
    other = {**DATABASE, "collation": "utf8mb4_general_ci"}
    driver.update("sql.database", name, instance, other, last=DATABASE)
    driver.delete("sql.database", name, instance, DATABASE)


def test_a_user_gets_the_password_of_its_secret_and_it_shows_nowhere(driver: Any, project: str, instance: str) -> None:
    make_tenant(driver, instance, "user-p-1")
    name, body = f"{instance}/users/user-p-1", user_body(project, "user-p-1")
    again = driver.refused(Call(Action.CREATE, "sql.user", name, instance, body))
    assert again.failure.exists, "an insert would have changed the password"
    live = driver.found("sql.user", name, instance, body)
    password = read_payload(driver.cloud._session, f"{project}/secrets/user-p-1/versions/1")["databasePassword"]
    assert password not in str(live.body)
    done = driver.settle(Call(Action.UPDATE, "sql.user", name, instance, body, ("passwordFrom",), live))
    assert isinstance(done, Done)
    gone = {**body, "passwordFrom": {**body["passwordFrom"], "version": "7"}}
    failed = driver.refused(Call(Action.UPDATE, "sql.user", name, instance, gone, ("passwordFrom",), live))
    assert failed.failure.missing
    driver.delete("sql.user", name, instance, body)


def test_grants_keep_one_tenant_out_of_anothers_database(driver: Any, google: GoogleCloud, instance: str) -> None:
    make_tenant(driver, instance, "acme-p-1")
    make_tenant(driver, instance, "blue-p-1")
    name, body = f"{instance}/grants/acme-p-1", grant_body("acme-p-1")

    fresh = driver.found("sql.grant", name, instance, body)
    assert any(grant["database"] == "*" for grant in fresh.body["grants"]), "the Admin API grants everything"
    assert run_as(google, instance, "acme-p-1", "USE `blue-p-1`") == ""

    driver.create("sql.grant", name, instance, body)
    assert run_as(google, instance, "acme-p-1", "USE `acme-p-1`") == ""
    assert "Access denied" in run_as(google, instance, "acme-p-1", "USE `blue-p-1`")
    live = driver.found("sql.grant", name, instance, body)
    assert live.body == {**body, "grants": [{"database": "acme-p-1", "privileges": ["ALL PRIVILEGES"]}]}

    assert run_as(google, instance, "", "GRANT SELECT ON `blue-p-1`.* TO `acme-p-1`@`%`") == ""
    drifted = driver.found("sql.grant", name, instance, body)
    assert difference(kind_of("sql.grant"), drifted.body, body, body), "anything wider is drift"
    driver.update("sql.grant", name, instance, body, last=body)
    driver.update("sql.grant", name, instance, grant_body("acme-p-1", limit=5), last=body)
    done = driver.settle(Call(Action.DELETE, "sql.grant", name, instance, body, live=live))
    assert done == Done(None) and "Access denied" in run_as(google, instance, "acme-p-1", "USE `acme-p-1`")


def test_grants_of_all_users_are_read_at_once(google: GoogleCloud, local_cloud: Any, instance: str) -> None:
    before = local_cloud.control("/_aipress/calls?since=0")["calls"][-1]["n"]
    listing = google.list("sql.grant", instance)
    assert isinstance(listing, Seen) and len(listing.objects) > 1
    after = local_cloud.control(f"/_aipress/calls?since={before}")["calls"]
    assert [call["method"] for call in after] == ["sql.instances.executeSql"]


def test_a_final_backup_is_made_once_and_found_by_its_description(driver: Any, instance: str) -> None:
    description = "aipress final tenant=acme-bakery uid=k3v9x2ma"
    name, body = f"{instance}/backups/{description}", {"description": description}
    driver.absent("sql.backup", name, instance, body)
    made = driver.create("sql.backup", name, instance, body, action=Action.RUN)
    assert made.ready and made.body["status"] == "SUCCESSFUL" and made.uid == made.body["id"]
    assert driver.refused(Call(Action.RUN, "sql.backup", name, instance, body)).failure.exists
