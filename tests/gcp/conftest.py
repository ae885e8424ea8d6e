"""A project in a running local cloud, made through the adapters themselves, and one call driven to its end."""

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.session import CloudSetting, Session
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, dropped, mask, merged
from reconciler.model.canonical import Body
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed, Pending, Seen
from reconciler.model.resource import Absent, Found

ORGANIZATION = "organizations/111111111111"
ACCOUNT = "billingAccounts/000000-AAAAAA-BBBBBB"
REGION = "europe-west1"
APIS = ("run", "sqladmin", "secretmanager", "artifactregistry", "storage", "iam")
_NUMBERS = itertools.count(1)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class Driver:
    """Applies one change at a time, as applying does, without its choices."""

    cloud: GoogleCloud
    seen: list[str] = field(default_factory=list)

    def settle(self, call: Call) -> Answer:
        answer = self.cloud.begin(call)
        for _ in range(200):
            if not isinstance(answer, Pending):
                return answer
            self.seen.append(answer.operation)
            answer = self.cloud.poll(call.kind, answer.operation, call)
        raise AssertionError(f"{call.name} never settles: {answer}")

    def create(self, kind: str, name: str, parent: str, body: Body, action: Action = Action.CREATE) -> Found:
        done = self.settle(Call(action, kind, name, parent, body))
        assert isinstance(done, Done) and done.found is not None, done
        assert difference(kind_of(kind), done.found.body, body, body) == ()
        return self.found(kind, name, parent, body)

    def found(self, kind: str, name: str, parent: str, body: Body) -> Found:
        """By both methods, which must agree."""
        listing = self.cloud.list(kind, parent, (name,))
        assert isinstance(listing, Seen), listing
        single = self.cloud.get(kind, name, parent, body)
        assert isinstance(single, Found), single
        assert name in listing.objects, list(listing.objects)
        assert listing.objects[name].uid == single.uid
        listed, got = listing.objects[name].body, single.body
        assert difference(kind_of(kind), listed, body, body) == difference(kind_of(kind), got, body, body)
        return single

    def absent(self, kind: str, name: str, parent: str, body: Body) -> Absent:
        listing = self.cloud.list(kind, parent, (name,))
        assert isinstance(listing, Absent) or (isinstance(listing, Seen) and name not in listing.objects), listing
        single = self.cloud.get(kind, name, parent, body)
        assert isinstance(single, Absent), single
        return single

    def update(self, kind: str, name: str, parent: str, body: Body, last: Body | None = None) -> Found:
        """With the exact mask; whoever reads next sees the new body and nothing else changed."""
        live = self.found(kind, name, parent, body)
        fields = difference(kind_of(kind), live.body, body, last)
        assert fields, "nothing to update"
        whole = merged(kind_of(kind), live.body, body, dropped(fields, body))
        done = self.settle(Call(Action.UPDATE, kind, name, parent, whole, mask(kind_of(kind), fields), live))
        assert isinstance(done, Done) and done.found is not None, done
        after = self.found(kind, name, parent, body)
        assert difference(kind_of(kind), after.body, body, last) == ()
        assert after.uid == live.uid
        return after

    def delete(self, kind: str, name: str, parent: str, body: Body) -> None:
        live = self.found(kind, name, parent, body)
        done = self.settle(Call(Action.DELETE, kind, name, parent, body, live=live))
        assert done == Done(None)
        self.absent(kind, name, parent, body)

    def refused(self, call: Call) -> Failed:
        answer = self.settle(call)
        assert isinstance(answer, Failed), answer
        return answer


@pytest.fixture(scope="session")
def google(local_cloud: Any) -> GoogleCloud:
    return GoogleCloud(Session(CloudSetting(url=local_cloud.url), SystemClock()))


@pytest.fixture(scope="session")
def driver(google: GoogleCloud) -> Driver:
    return Driver(google)


@pytest.fixture(scope="session")
def new_project(driver: Driver) -> Callable[..., str]:
    """Make a project with its billing and these APIs; returns "projects/ID"."""
    folder = {"displayName": f"Shards {os.getpid()}", "parent": ORGANIZATION}
    made = driver.create("folder", f"{ORGANIZATION}/{folder['displayName']}", ORGANIZATION, folder)

    def make(apis: tuple[str, ...] = APIS) -> str:
        identity = f"test-{os.getpid()}-{next(_NUMBERS):03d}"
        name = f"projects/{identity}"
        body = {
            "projectId": identity, "displayName": "A shard", "parent": made.body["name"],
            "labels": {"managed-by": "aipress", "aipress-owner": "k3v9x2ma"},
        }  # fmt: skip
        driver.create("project", name, f"{ORGANIZATION}/{folder['displayName']}", body)
        driver.create("project.billing", f"{name}/billingInfo", name, {"billingAccountName": ACCOUNT})
        for api in apis:
            service = f"{name}/services/{api}.googleapis.com"
            driver.create("project.service", service, name, {"state": "ENABLED"})
        return name

    return make


@pytest.fixture(scope="session")
def project(new_project: Callable[..., str]) -> str:
    """One project with every API that the kinds need."""
    return new_project()


@pytest.fixture(scope="session")
def instance(driver: Driver, project: str) -> str:
    """One Cloud SQL instance that the reconciler's account may log in to; returns "projects/ID/instances/NAME"."""
    name = f"{project}/instances/main"
    driver.create("sql.instance", name, project, INSTANCE)
    make_login(driver, name, "reconciler-fleet001")
    return name


def make_login(driver: Driver, instance: str, account: str) -> Body:
    """A service account and its database user; returns the user's body."""
    project = "/".join(instance.split("/")[:2])
    email = f"{account}@{project.removeprefix('projects/')}.iam.gserviceaccount.com"
    described = {"displayName": "AIPress reconciler", "description": "aipress-owner=fleet001"}
    driver.create("iam.service-account", f"{project}/serviceAccounts/{email}", project, described)
    body = {"type": "CLOUD_IAM_SERVICE_ACCOUNT", "iamEmail": email, "databaseRoles": ["cloudsqlsuperuser"]}
    driver.create("sql.user", f"{instance}/users/{account}", instance, body)
    return body


INSTANCE: dict[str, Any] = {
    "databaseVersion": "MYSQL_8_0", "region": REGION,
    "settings": {
        "tier": "db-custom-2-8192", "edition": "ENTERPRISE", "availabilityType": "ZONAL", "dataDiskType": "PD_SSD",
        "dataDiskSizeGb": "100", "storageAutoResize": True, "deletionProtectionEnabled": True,
        "backupConfiguration": {"enabled": True, "binaryLogEnabled": True, "startTime": "02:00"},
        "databaseFlags": [
            {"name": "cloudsql_iam_authentication", "value": "on"}, {"name": "max_connections", "value": "2000"},
            {"name": "slow_query_log", "value": "on"},
        ],
        "dataApiAccess": "ALLOW_DATA_API", "userLabels": {"aipress-owner": "k3v9x2ma"},
        "ipConfiguration": {"ipv4Enabled": True, "sslMode": "ENCRYPTED_ONLY"},
        "finalBackupConfig": {"enabled": True, "retentionDays": 90},
    },
}  # fmt: skip
