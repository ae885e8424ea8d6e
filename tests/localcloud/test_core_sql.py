"""Cloud SQL in the core: one operation at a time, states, protection, and who may read whose database."""

from __future__ import annotations

from typing import Any

import pytest

BASE = "/sqladmin/sql/v1beta4/projects/acme-eu-001/instances"
WISH = {"name": "main", "region": "europe-west1", "settings": {"tier": "db-custom-2-8192"}}


@pytest.fixture
def main(world: Any) -> str:
    return str(world.instance())


SYSTEM = {"information_schema", "mysql", "performance_schema", "sys"}


def own_databases(world: Any, instance: str) -> list[str]:
    """The names of an instance's databases, those of the server itself left out."""
    names = [found["name"] for found in world.ask("GET", f"{instance}/databases")[1]["items"]]
    assert set(names) >= SYSTEM
    return [name for name in names if name not in SYSTEM]


@pytest.fixture
def shared(world: Any, main: str) -> str:
    """Two tenants' databases and users, made through the Admin API."""
    for collection, name in (("databases", "tenant_a"), ("databases", "tenant_b"), ("users", "a"), ("users", "b")):
        assert (
            world.ask(
                "POST", f"{main}/{collection}", {"name": name, "host": "%"} if collection == "users" else {"name": name}
            )[0]
            == 200
        )
        world.pass_time(10)
    return main


def test_an_instance_takes_its_time_and_then_has_an_address(world: Any) -> None:
    _, operation = world.ask("POST", BASE, WISH)
    assert (operation["status"], operation["operationType"], operation["targetId"]) == ("PENDING", "CREATE", "main")
    early = world.ask("GET", f"{BASE}/main")[1]
    assert (early["state"], "ipAddresses" in early) == ("PENDING_CREATE", False)
    assert world.ask("POST", f"{BASE}/main/databases", {"name": "x"})[0] == 400
    world.pass_time(481)
    found = world.ask("GET", f"{BASE}/main")[1]
    assert (found["state"], found["ipAddresses"][0]["type"]) == ("RUNNABLE", "PRIMARY")
    assert found["settings"]["dataDiskSizeGb"] == "10"
    done = world.ask("GET", f"/sqladmin/sql/v1beta4/projects/acme-eu-001/operations/{operation['name']}")[1]
    assert (done["status"], "error" in done) == ("DONE", False)


def test_only_one_operation_at_a_time(world: Any, main: str) -> None:
    assert world.ask("POST", f"{main}/databases", {"name": "one"})[0] == 200
    status, answer = world.ask("POST", f"{main}/databases", {"name": "two"})
    assert status == 409
    assert answer["error"]["errors"][0]["reason"] == "operationInProgress"
    assert answer["error"]["message"].startswith("Operation failed because another operation was already in progress.")
    world.pass_time(10)
    assert world.ask("POST", f"{main}/databases", {"name": "two"})[0] == 200


def test_deletion_protection_and_what_cannot_shrink(world: Any, main: str) -> None:
    world.ask("PATCH", main, {"settings": {"deletionProtectionEnabled": True, "dataDiskSizeGb": "100"}})
    world.pass_time(100)
    status, answer = world.ask("DELETE", main)
    assert (status, "deletion protection" in answer["error"]["message"]) == (400, True)
    assert world.ask("PATCH", main, {"settings": {"dataDiskSizeGb": "50"}})[0] == 400
    assert world.ask("PATCH", main, {"region": "us-central1"})[0] == 400
    found = world.ask("GET", main)[1]
    assert (found["settings"]["dataDiskSizeGb"], found["settings"]["tier"]) == ("100", "db-custom-2-8192")
    world.ask("PATCH", main, {"settings": {"deletionProtectionEnabled": False}})
    world.pass_time(100)
    assert world.ask("DELETE", main)[0] == 200
    world.pass_time(100)
    assert world.ask("GET", main)[0] == 404


def test_an_instance_that_failed_to_be_made_says_so(world: Any) -> None:
    _, operation = world.ask("POST", BASE, WISH, half_finish="INTERNAL: quota")
    world.pass_time(1000)
    done = world.ask("GET", f"/sqladmin/sql/v1beta4/projects/acme-eu-001/operations/{operation['name']}")[1]
    assert done["error"]["errors"][0]["message"] == "quota"
    assert world.ask("GET", f"{BASE}/main")[1]["state"] == "FAILED"


def test_v1_and_v1beta4_are_the_same_cloud_with_links_of_their_own(world: Any, main: str) -> None:
    old, new = (world.ask("GET", path)[1] for path in (main, main.replace("/sql/v1beta4/", "/v1/")))
    assert new["selfLink"] == old["selfLink"].replace("/sql/v1beta4/", "/sql/v1/")
    assert new | {"selfLink": ""} == old | {"selfLink": ""}


def test_users_of_the_admin_api_reach_every_database(world: Any, shared: str) -> None:
    """As on Google: this is the hole that grants by SQL must close."""
    assert "status" not in world.sql(shared, "USE tenant_b", user="a")


def test_narrowed_users_reach_their_own_database_only(world: Any, shared: str) -> None:
    for own in ("a", "b"):
        narrowed = world.sql(
            shared,
            rf"REVOKE 'cloudsqlsuperuser' FROM '{own}'@'%'; REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{own}'@'%';"
            rf"GRANT ALL PRIVILEGES ON `tenant\_{own}`.* TO '{own}'@'%'",
        )
        assert "status" not in narrowed
    denied = world.sql(shared, "USE tenant_b", user="a")
    assert denied["status"]["message"] == "Error 1044 (42000): Access denied for user 'a'@'%' to database 'tenant_b'"
    assert "status" not in world.sql(shared, "USE tenant_a", user="a")
    assert "status" not in world.sql(shared, "SELECT 1", user="b", database="tenant_b")
    assert world.sql(shared, "SELECT 1", user="b", database="tenant_a")["status"]["code"] == 7
    shown = world.sql(shared, "SHOW DATABASES", user="a")["results"][0]["rows"]
    assert [row["values"][0]["value"] for row in shown] == ["information_schema", "performance_schema", "tenant_a"]


def test_an_unescaped_underscore_lets_a_neighbour_in(world: Any, shared: str) -> None:
    world.ask("POST", f"{shared}/databases", {"name": "tenantxa"})
    world.pass_time(10)
    world.sql(shared, "CREATE USER 'c'@'%'; GRANT SELECT ON `tenant_a`.* TO 'c'@'%'")
    assert "status" not in world.sql(shared, "USE tenantxa", user="c")
    world.sql(shared, r"REVOKE SELECT ON `tenant_a`.* FROM 'c'@'%'; GRANT SELECT ON `tenant\_a`.* TO 'c'@'%'")
    assert world.sql(shared, "USE tenantxa", user="c")["status"]["code"] == 7
    assert "status" not in world.sql(shared, "USE tenant_a", user="c")


def test_users_and_databases_made_by_sql_are_seen_by_the_admin_api_and_back(world: Any, main: str) -> None:
    world.sql(main, "CREATE USER 'x'@'%' IDENTIFIED BY 'secret'; CREATE DATABASE IF NOT EXISTS shop")
    assert [user["name"] for user in world.ask("GET", f"{main}/users")[1]["items"]] == ["root", "x"]
    assert own_databases(world, main) == ["shop"]
    assert b"secret" not in b"".join(value for _, value in world.rows.scan("", "\U0010ffff", 10_000))
    world.ask("DELETE", f"{main}/users", name="x", host="%")
    world.pass_time(10)
    assert world.sql(main, "SHOW GRANTS FOR 'x'@'%'")["status"]["message"].startswith(
        "Error 1141 (42000): There is no such grant"
    )


def test_the_first_statement_that_fails_ends_the_run(world: Any, main: str) -> None:
    answer = world.sql(main, "CREATE DATABASE one; CREATE DATABASE one; CREATE DATABASE two")
    assert answer["status"]["message"] == "Error 1007 (HY000): Can't create database 'one'; database exists"
    assert len(answer["results"]) == 1
    assert own_databases(world, main) == ["one"]


def test_the_servers_own_databases_are_listed_and_stay(world: Any, main: str) -> None:
    assert world.ask("GET", f"{main}/databases/mysql")[1]["charset"] == "utf8mb3"
    status, answer = world.ask("DELETE", f"{main}/databases/mysql")
    said = "Invalid request: Error 3552 (HY000): Access to system schema 'mysql' is rejected."
    assert (status, answer["error"]["message"]) == (400, said)
    assert "database exists" in world.ask("POST", f"{main}/databases", {"name": "sys"})[1]["error"]["message"]


def test_a_full_backup_run_is_listed(world: Any, main: str) -> None:
    world.ask("POST", f"{main}/backupRuns", {"description": "before"})
    assert world.ask("GET", f"{main}/backupRuns")[1]["items"][0]["status"] == "RUNNING"
    world.pass_time(100)
    assert world.ask("GET", f"{main}/backupRuns")[1]["items"][0]["status"] == "SUCCESSFUL"


EMAIL = "keeper@acme-eu-001.iam.gserviceaccount.com"


def made_user_of_iam(world: Any, main: str, **more: Any) -> tuple[int, Any]:
    """A service account, and what the insert of its database user is answered."""
    accounts = "/iam/v1/projects/acme-eu-001/serviceAccounts"
    world.ask("POST", accounts, {"accountId": "keeper"})
    answer = world.ask("POST", f"{main}/users", {"name": EMAIL, "type": "CLOUD_IAM_SERVICE_ACCOUNT", **more})
    world.pass_time(10)
    return answer


def test_a_user_of_iam_is_listed_by_the_name_before_its_at_sign(world: Any, main: str) -> None:
    assert made_user_of_iam(world, main)[0] == 200
    user = world.ask("GET", f"{main}/users")[1]["items"][0]
    assert (user["name"], user["host"], user["iamEmail"]) == ("keeper", "%", EMAIL)
    assert user["type"] == "CLOUD_IAM_SERVICE_ACCOUNT"


@pytest.mark.parametrize("more", [{"password": "x"}, {"host": "%"}])
def test_a_user_of_iam_takes_no_password_and_no_host(world: Any, main: str, more: dict[str, str]) -> None:
    status, answer = made_user_of_iam(world, main, **more)
    said = "Invalid request: For IAM users, password or hostname should not be specified."
    assert (status, answer["error"]["message"]) == (400, said)


def test_a_user_of_iam_needs_its_account(world: Any, main: str) -> None:
    status, answer = world.ask("POST", f"{main}/users", {"name": EMAIL, "type": "CLOUD_IAM_SERVICE_ACCOUNT"})
    said = f"Invalid request: Provided CLOUD_IAM_SERVICE_ACCOUNT: {EMAIL}, does not exist."
    assert (status, answer["error"]["message"]) == (400, said)


def test_roles_of_a_user_are_changed_by_its_address_and_beside_the_body(world: Any, main: str) -> None:
    made_user_of_iam(world, main, databaseRoles=["auditor"])
    ignored = {"name": EMAIL, "databaseRoles": ["ignored"]}
    assert world.ask("PUT", f"{main}/users", ignored, name=EMAIL, databaseRoles=["editor"])[0] == 200
    world.pass_time(10)
    assert world.ask("GET", f"{main}/users")[1]["items"][0]["databaseRoles"] == ["auditor", "editor"]
    world.ask("PUT", f"{main}/users", {}, name=EMAIL, databaseRoles=["editor"], revokeExistingRoles="true")
    world.pass_time(10)
    assert world.ask("GET", f"{main}/users")[1]["items"][0]["databaseRoles"] == ["editor"]


@pytest.mark.parametrize("access", [None, "DISALLOW_DATA_API", "DATA_API_ACCESS_UNSPECIFIED"])
def test_no_statement_runs_on_an_instance_that_does_not_allow_it(world: Any, access: str | None) -> None:
    settings = {"tier": "db-custom-2-8192"} | ({"dataApiAccess": access} if access else {})
    world.ask("POST", BASE, {**WISH, "settings": settings})
    world.pass_time(1000)
    status, answer = world.ask("POST", f"{BASE}/main/executeSql", {"sqlStatement": "SELECT 1"})
    said = "The instance doesn't allow using executeSql to access this instance."
    assert (status, answer["error"]["message"]) == (400, said)
    world.ask("PATCH", f"{BASE}/main", {"settings": {"dataApiAccess": "ALLOW_DATA_API"}})
    world.pass_time(1000)
    assert "status" not in world.sql(f"{BASE}/main", "SELECT 1")


def test_a_caller_logs_in_by_iam_where_the_flag_is_on_and_a_user_is_there(world: Any, main: str) -> None:
    statement = {"sqlStatement": "SELECT CURRENT_USER()", "autoIamAuthn": True}
    status, answer = world.ask("POST", f"{main}/executeSql", statement)
    assert (status, answer["error"]["message"]) == (400, "IAM authentication is not enabled for the instance.")
    flags = [{"name": "cloudsql_iam_authentication", "value": "on"}]
    world.ask("PATCH", main, {"settings": {"databaseFlags": flags}})
    world.pass_time(1000)
    assert world.ask("POST", f"{main}/executeSql", statement)[1]["status"]["message"].startswith("Error 1045 (28000)")
    made_user_of_iam(world, main)
    answer = world.ask("POST", f"{main}/executeSql", statement)[1]
    assert answer["results"][0]["rows"][0]["values"][0]["value"] == "keeper@%"
