"""The reconciler's own way into an instance: a user of IAM, and what is known while the way is shut."""

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import sqladmin_v1beta4

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.sql import sql_client
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Seen
from reconciler.model.resource import Absent, Found, Unknown
from tests.gcp.conftest import INSTANCE, make_login

pytestmark = pytest.mark.slow

GRANT = {"host": "%", "maxUserConnections": 20, "grants": []}
SHUT = {
    "no data API": {"dataApiAccess": "DISALLOW_DATA_API"},
    "data API not named": {"dataApiAccess": None},
    "no IAM": {"databaseFlags": None},
    "no user": {},
}


@pytest.fixture(scope="module")
def home(new_project: Callable[..., str]) -> str:
    return new_project(("sqladmin", "iam", "secretmanager"))


def shut(driver: Any, home: str, what: str) -> str:
    """An instance with one thing missing that executeSql needs."""
    name = f"{home}/instances/{what.replace(' ', '-').lower()}"
    settings = {k: v for k, v in {**INSTANCE["settings"], **SHUT[what]}.items() if v is not None}
    driver.create("sql.instance", name, home, {**INSTANCE, "settings": settings})
    return name


def make_user(driver: Any, home: str, instance: str, name: str) -> None:
    secret = f"{home}/secrets/{name}"
    if not isinstance(driver.cloud.get("secret", secret, home, {}), Found):
        driver.create("secret", secret, home, {"replication": {"automatic": {}}, "labels": {"aipress-owner": "u"}})
        version = {"state": "ENABLED", "generate": "wordpress/1"}
        driver.create("secret.version", f"{secret}/versions/latest", secret, version)
    source = {"secret": secret, "version": "1", "field": "databasePassword"}
    driver.create("sql.user", f"{instance}/users/{name}", instance, {"host": "%", "passwordFrom": source})


def test_an_account_is_a_user_by_the_name_before_its_at_sign(driver: Any, instance: str) -> None:
    body = make_login(driver, instance, "second-fleet001")
    name = f"{instance}/users/second-fleet001"
    live = driver.found("sql.user", name, instance, body)
    assert (live.body["iamEmail"], live.body["type"]) == (body["iamEmail"], "CLOUD_IAM_SERVICE_ACCOUNT")
    assert driver.refused(Call(Action.CREATE, "sql.user", name, instance, body)).failure.exists
    driver.delete("sql.user", name, instance, body)


def test_roles_are_set_as_written_and_no_others_stay(driver: Any, instance: str, local_cloud: Any) -> None:
    body = make_login(driver, instance, "third-fleet001")
    name = f"{instance}/users/third-fleet001"
    live = driver.found("sql.user", name, instance, body)
    fewer = {**body, "databaseRoles": ["auditor"]}
    assert isinstance(
        driver.settle(Call(Action.UPDATE, "sql.user", name, instance, fewer, ("databaseRoles",), live)), Done
    )
    assert driver.found("sql.user", name, instance, body).body["databaseRoles"] == ["auditor"]
    driver.delete("sql.user", name, instance, body)


def test_an_account_that_is_not_there_yet_is_tried_again(driver: Any, google: GoogleCloud, instance: str) -> None:
    email = f"nobody@{instance.split('/')[1]}.iam.gserviceaccount.com"
    body = {"type": "CLOUD_IAM_SERVICE_ACCOUNT", "iamEmail": email, "databaseRoles": []}
    failed = driver.refused(Call(Action.CREATE, "sql.user", f"{instance}/users/nobody", instance, body))
    assert failed.failure.next is Next.RETRY


@pytest.mark.parametrize("what", SHUT)
def test_while_the_door_is_shut_nobody_guesses_what_a_user_may_do(
    driver: Any, google: GoogleCloud, home: str, what: str
) -> None:
    instance = shut(driver, home, what)
    name = f"{instance}/grants/tenant-p-1"
    nobody = google.list("sql.grant", instance, (name,))
    assert isinstance(nobody, Seen) and not nobody.objects, "a user that is not there has no grants"
    assert isinstance(google.get("sql.grant", name, instance, GRANT), Absent)
    make_user(driver, home, instance, "tenant-p-1")
    assert isinstance(google.list("sql.grant", instance, (name,)), Unknown)
    assert isinstance(google.get("sql.grant", name, instance, GRANT), Unknown)
    assert isinstance(google.list("sql.grant", instance), Unknown)


def test_google_words_the_refusal(driver: Any, google: GoogleCloud, home: str) -> None:
    instance = f"{home}/instances/data-api-not-named"
    if not isinstance(google.get("sql.instance", instance, home, INSTANCE), Found):
        shut(driver, home, "data API not named")
    where = {"project": home.removeprefix("projects/"), "instance": instance.rsplit("/", 1)[1]}
    body = sqladmin_v1beta4.ExecuteSqlPayload(sql_statement="SELECT 1")
    with pytest.raises(Exception, match="The instance doesn't allow using executeSql to access this instance"):
        sql_client(google._session, "instances").execute_sql(request={**where, "body": body})
