"""A small cloud with everything in it that a change can be about, and one planned change for every method that writes.

The cloud is the local cloud's pure core; the changes are made by the real planner from what the real adapters read.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.applying.attempt import step
from reconciler.applying.exchange import Finish, Response, Wait, Waited
from reconciler.applying.pace import Rules
from reconciler.applying.state import begin
from reconciler.gcp.cloud import GoogleCloud
from reconciler.localcloud.state import MemoryRows
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.outcome import ItemOutcome
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Call, Done, Intent, Pending
from reconciler.model.resource import Found, Removal, Resource
from reconciler.model.version import Applied
from reconciler.planning.diff import Pair, compare, removal
from tests.doubles import plain_effects
from tests.gcp.conftest import ACCOUNT, INSTANCE, ORGANIZATION
from tests.simulation.binding import Binding, bound, copied, new_house

OWNER = "k3v9x2ma"
LABELS = {"aipress-owner": OWNER, "managed-by": "aipress"}
MORE = {"labels": {**LABELS, "a": "b"}}
P, SPARE = "projects/aipress-eu-001", "projects/aipress-eu-003"
FOLDER = "folders/222222222222"
REGION = f"{P}/locations/europe-west1"
SQL, BUCKET = f"{P}/instances/main", "buckets/aipress-eu-001-media"
DATABASE = {"charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci"}
SECRET = {"replication": {"automatic": {}}, "labels": LABELS, "versionDestroyTtl": "604800s"}
VERSION = {"state": "ENABLED", "generate": "wordpress/1"}
UNIFORM = {
    "location": "europe-west1", "labels": LABELS, "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
}  # fmt: skip
SITE: dict[str, Any] = {
    "labels": LABELS, "ingress": "INGRESS_TRAFFIC_ALL", "invokerIamDisabled": True,
    "template": {
        "timeout": "300s", "maxInstanceRequestConcurrency": 40,
        "scaling": {"minInstanceCount": 1, "maxInstanceCount": 4},
        "containers": [{"image": "europe-docker.pkg.dev/p/t/a@sha256:" + "0" * 64, "ports": [{"containerPort": 8080}]}],
    },
}  # fmt: skip
LABELLED = {**INSTANCE, "settings": {**INSTANCE["settings"], "userLabels": LABELS}}
FEWER = {**LABELLED, "settings": {**LABELLED["settings"], "userLabels": {"aipress-owner": OWNER}}}


class VirtualClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class MemoryJournal:
    open: dict[str, Intent] = field(default_factory=dict)

    def record(self, intent: Intent) -> None:
        self.open[intent.id] = intent

    def close(self, intent_id: str) -> None:
        self.open.pop(intent_id, None)

    def open_intents(self) -> tuple[Intent, ...]:
        return tuple(self.open.values())

    def seen(self) -> tuple[Intent, ...]:
        return tuple(self.open.values())


@dataclass(frozen=True)
class Scenario:
    """One change: its method's id (with a word where one method serves two ways), and the object before and after."""

    id: str
    kind: str
    action: Action
    name: str
    parent: str
    body: Body
    before: Body | None = None

    @property
    def method(self) -> str:
        return self.id.partition(" ")[0]


def members(role: str) -> Body:
    return {"bindings": [{"role": role, "members": ["user:jo@example.com"]}]}


def account(name: str) -> str:
    return f"{P}/serviceAccounts/{name}@aipress-eu-001.iam.gserviceaccount.com"


def user(version: str) -> Body:
    return {"host": "%", "passwordFrom": {"secret": f"{P}/secrets/wp", "version": version, "field": "databasePassword"}}


def grants(limit: int) -> Body:
    return {"host": "%", "maxUserConnections": limit, "grants": [{"database": "wp", "privileges": ["ALL PRIVILEGES"]}]}


C, U, D = Action.CREATE, Action.UPDATE, Action.DELETE
BACKUP = {"description": "aipress final tenant=acme uid=k3v9x2ma"}
DESCRIBED = {"displayName": "Acme", "description": "aipress-owner=k3v9x2ma"}
IMAGES = {"format": "DOCKER", "labels": LABELS}
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("cloudresourcemanager.folders.create", "folder", C, f"{ORGANIZATION}/Two", ORGANIZATION,
             {"displayName": "Two", "parent": ORGANIZATION}),
    Scenario("cloudresourcemanager.projects.create", "project", C, "projects/aipress-eu-002", FOLDER,
             {"projectId": "aipress-eu-002", "displayName": "Shard B", "parent": FOLDER, "labels": LABELS}),
    Scenario("cloudresourcemanager.projects.patch", "project", U, P, FOLDER,
             {"projectId": P[9:], "displayName": "Renamed", "parent": FOLDER, "labels": LABELS},
             {"projectId": P[9:], "displayName": "A shard", "parent": FOLDER, "labels": LABELS}),
    Scenario("cloudresourcemanager.projects.setIamPolicy", "project.iam", U, f"{P}/iam", P, members("roles/viewer")),
    Scenario("cloudbilling.projects.updateBillingInfo", "project.billing", U, f"{SPARE}/billingInfo", SPARE,
             {"billingAccountName": ACCOUNT}),
    Scenario("serviceusage.services.enable", "project.service", C, f"{P}/services/redis.googleapis.com", P,
             {"state": "ENABLED"}),
    Scenario("iam.projects.serviceAccounts.create", "iam.service-account", C, account("new-account"), P, DESCRIBED),
    Scenario("iam.projects.serviceAccounts.patch", "iam.service-account", U, account("acme-account"), P,
             {**DESCRIBED, "displayName": "B"}, DESCRIBED),
    Scenario("iam.projects.serviceAccounts.delete", "iam.service-account", D, account("acme-account"), P, DESCRIBED,
             DESCRIBED),
    Scenario("artifactregistry.projects.locations.repositories.create", "artifact.repository", C,
             f"{REGION}/repositories/new", REGION, IMAGES),
    Scenario("artifactregistry.projects.locations.repositories.patch", "artifact.repository", U,
             f"{REGION}/repositories/tenants", REGION, {**IMAGES, **MORE}, IMAGES),
    Scenario("artifactregistry.projects.locations.repositories.delete", "artifact.repository", D,
             f"{REGION}/repositories/tenants", REGION, IMAGES, IMAGES),
    Scenario("artifactregistry.projects.locations.repositories.setIamPolicy", "artifact.repository.iam", U,
             f"{REGION}/repositories/tenants/iam", REGION, members("roles/artifactregistry.reader")),
    Scenario("sql.instances.insert", "sql.instance", C, f"{P}/instances/new", P, LABELLED),
    Scenario("sql.instances.patch", "sql.instance", U, SQL, P,
             {**LABELLED, "settings": {**LABELLED["settings"], "userLabels": {**LABELS, "x": "y"}}}, LABELLED),
    Scenario("sql.instances.update", "sql.instance", U, SQL, P, FEWER, LABELLED),
    Scenario("sql.databases.insert", "sql.database", C, f"{SQL}/databases/new", SQL, DATABASE),
    Scenario("sql.databases.patch", "sql.database", U, f"{SQL}/databases/wp", SQL,
             {**DATABASE, "collation": "utf8mb4_general_ci"}, DATABASE),
    Scenario("sql.databases.delete", "sql.database", D, f"{SQL}/databases/wp", SQL, DATABASE, DATABASE),
    Scenario("sql.users.insert", "sql.user", C, f"{SQL}/users/new", SQL, user("1")),
    Scenario("sql.users.update", "sql.user", U, f"{SQL}/users/wp", SQL, user("1"), user("0")),
    Scenario("sql.users.delete", "sql.user", D, f"{SQL}/users/wp", SQL, user("1"), user("1")),
    Scenario("sql.instances.executeSql", "sql.grant", U, f"{SQL}/grants/wp", SQL, grants(7), grants(20)),
    Scenario("sql.backupRuns.insert", "sql.backup", Action.RUN, f"{SQL}/backups/{BACKUP['description']}", SQL, BACKUP),
    Scenario("secretmanager.projects.secrets.create", "secret", C, f"{P}/secrets/new", P, SECRET),
    Scenario("secretmanager.projects.secrets.patch", "secret", U, f"{P}/secrets/wp", P, {**SECRET, **MORE}, SECRET),
    Scenario("secretmanager.projects.secrets.delete", "secret", D, f"{P}/secrets/bare", P, SECRET, SECRET),
    Scenario("secretmanager.projects.secrets.addVersion", "secret.version", C, f"{P}/secrets/bare/versions/latest",
             f"{P}/secrets/bare", VERSION),
    Scenario("secretmanager.projects.secrets.versions.destroy", "secret.version", D, f"{P}/secrets/wp/versions/latest",
             f"{P}/secrets/wp", VERSION, VERSION),
    Scenario("secretmanager.projects.secrets.setIamPolicy", "secret.iam", U, f"{P}/secrets/wp/iam", f"{P}/secrets/wp",
             members("roles/secretmanager.secretAccessor")),
    Scenario("storage.buckets.insert", "storage.bucket", C, "buckets/aipress-eu-001-new", P, UNIFORM),
    Scenario("storage.buckets.patch", "storage.bucket", U, BUCKET, P, {**UNIFORM, **MORE}, UNIFORM),
    Scenario("storage.managedFolders.insert", "storage.managed-folder", C, f"{BUCKET}/managedFolders/new/", BUCKET, {}),
    Scenario("storage.managedFolders.delete", "storage.managed-folder", D, f"{BUCKET}/managedFolders/empty/", BUCKET,
             {}, {}),
    Scenario("storage.objects.delete", "storage.managed-folder", D, f"{BUCKET}/managedFolders/acme/", BUCKET, {}, {}),
    Scenario("storage.managedFolders.setIamPolicy", "storage.managed-folder.iam", U,
             f"{BUCKET}/managedFolders/acme/iam", BUCKET, members("roles/storage.objectUser")),
    Scenario("run.projects.locations.services.create", "run.service", C, f"{REGION}/services/new", REGION, SITE),
    Scenario("run.projects.locations.services.patch", "run.service", U, f"{REGION}/services/acme", REGION,
             {**SITE, **MORE}, SITE),
    Scenario("run.projects.locations.services.delete", "run.service", D, f"{REGION}/services/acme", REGION, SITE, SITE),
)  # fmt: skip


class Place:
    """The cloud, its clients, and the state that every cell starts from."""

    def __init__(self, binding: Binding) -> None:
        self.clock = VirtualClock()
        self.binding = binding
        binding.house = new_house(self.clock)  # type: ignore[assignment]
        self.cloud: GoogleCloud = bound(binding, self.clock)
        self._furnish()
        self.start: MemoryRows = copied(binding.house.rows)  # type: ignore[arg-type]
        self.started = self.clock.at

    def reset(self) -> None:
        """The state that every cell starts from; the clients, which cost a second to make, stay."""
        self.clock.at = self.started
        self.binding.house = new_house(self.clock, 2, copied(self.start))
        self.cloud._session._made.pop("looked", None)

    def make(self, kind: str, name: str, parent: str, body: Body, action: Action = C) -> None:
        live = self.cloud.get(kind, name, parent, body)
        seen = live if isinstance(live, Found) else None
        answer = self.cloud.begin(Call(action, kind, name, parent, body, tuple(body) if action is U else (), seen))
        while isinstance(answer, Pending):
            self.clock.sleep(30)
            answer = self.cloud.poll(kind, answer.operation, Call(action, kind, name, parent, body))
        assert isinstance(answer, Done), (kind, name, answer)

    def planned(self, scenario: Scenario) -> Change:
        """The change as the planner makes it from what is there."""
        address = Address.parse(f"tenant/acme/{scenario.kind}/x")
        seen = self.cloud.get(scenario.kind, scenario.name, scenario.parent, scenario.body)
        applied = None
        if isinstance(seen, Found) and scenario.before is not None:
            applied = Applied(address, scenario.name, scenario.parent, scenario.before, seen.uid, OWNER)
        if scenario.action is D:
            change: Any = removal(Removal(address, "purge", "fleet.yaml:1"), applied, seen, "eu-001")
        else:
            wanted = Resource(address, scenario.name, scenario.parent, scenario.body, "eu-001", OWNER, "f:1")
            change = compare(Pair(wanted, scenario.body, seen, applied, scenario.before))
        assert isinstance(change, Change), (scenario.id, change)
        assert change.action is scenario.action, (scenario.id, change.action)
        return change

    def apply(self, change: Change) -> ItemOutcome:
        """The real machine for one change, driven on the virtual clock."""
        effects = plain_effects(self.cloud, MemoryJournal(), self.clock)
        state, response = begin(change, {}, "sha256:plan"), None
        for _ in range(20_000):
            state, request = step(change, state, response, Rules())
            if isinstance(request, Finish):
                return request.item
            if isinstance(request, Wait):
                self.clock.sleep(request.seconds)
                response: Response | None = Waited()
            else:
                response = effects.carry_out(change, state, request, "sha256:plan")
        raise AssertionError(f"{change.address} never ends")

    def census(self) -> Mapping[str, int]:
        """How many objects of each sort there are, the cloud's own bookkeeping left out."""
        keys = (key.split("/")[0] for key in self.binding.house.rows._keys)  # type: ignore[attr-defined]
        return Counter(key for key in keys if key not in BOOKKEEPING)

    def _furnish(self) -> None:
        for project in (P, SPARE):
            body = {"projectId": project[9:], "displayName": "A shard", "parent": FOLDER, "labels": LABELS}
            self.make("project", project, FOLDER, body)
        self.make("project.billing", f"{P}/billingInfo", P, {"billingAccountName": ACCOUNT}, U)
        for api in ("run", "sqladmin", "secretmanager", "artifactregistry", "storage", "iam"):
            self.make("project.service", f"{P}/services/{api}.googleapis.com", P, {"state": "ENABLED"})
        self.make("iam.service-account", account("acme-account"), P, DESCRIBED)
        self.make("iam.service-account", account("reconciler-fleet001"), P, DESCRIBED)
        self.make("artifact.repository", f"{REGION}/repositories/tenants", REGION, IMAGES)
        for secret in ("wp", "bare"):
            self.make("secret", f"{P}/secrets/{secret}", P, SECRET)
        self.make("secret.version", f"{P}/secrets/wp/versions/latest", f"{P}/secrets/wp", VERSION)
        self.make("storage.bucket", BUCKET, P, UNIFORM)
        for folder in ("acme", "empty"):
            self.make("storage.managed-folder", f"{BUCKET}/managedFolders/{folder}/", BUCKET, {})
        self.upload("acme/1.jpg")
        self.make("sql.instance", SQL, P, LABELLED)
        login = {
            "type": "CLOUD_IAM_SERVICE_ACCOUNT", "databaseRoles": ["cloudsqlsuperuser"],
            "iamEmail": "reconciler-fleet001@aipress-eu-001.iam.gserviceaccount.com",
        }  # fmt: skip
        self.make("sql.user", f"{SQL}/users/reconciler-fleet001", SQL, login)
        self.make("sql.database", f"{SQL}/databases/wp", SQL, DATABASE)
        self.make("sql.user", f"{SQL}/users/wp", SQL, user("1"))
        self.make("sql.grant", f"{SQL}/grants/wp", SQL, grants(20), U)
        self.make("run.service", f"{REGION}/services/acme", REGION, SITE)

    def upload(self, name: str) -> None:
        """A visitor's picture."""
        connection = self.cloud._session.storage()
        connection.API_URL_TEMPLATE, kept = (
            "{api_base_url}/upload/storage/{api_version}{path}",
            connection.API_URL_TEMPLATE,
        )
        try:
            connection.api_request(
                method="POST", path=f"/b/{BUCKET[8:]}/o", query_params={"uploadType": "media", "name": name},
                data="x", content_type="text/plain", expect_json=False,
            )  # fmt: skip
        finally:
            connection.API_URL_TEMPLATE = kept


BOOKKEEPING = frozenset({"operations", "pending", "timers", "expiry", "count", "meta", "child", "serviceusage.touched"})
