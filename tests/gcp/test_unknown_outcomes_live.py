"""Through Google's clients and the machine that applies: every write's answer is lost once, in each way in which that
happens, and nothing is made twice; what was left half done is finished, or told with what to do."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.applying.exchange import Observed, Request, Reread, Response
from reconciler.applying.pace import Rules
from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.projects import projects_client
from reconciler.gcp.session import CloudSetting, Session
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference, dropped, fingerprint
from reconciler.kinds.methods import BY_ID
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.outcome import Result
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Call, Pending
from reconciler.model.resource import Absent, Found, Unknown
from tests.applying.builders import Driven, change, drive
from tests.conftest import LocalCloud, start_local_cloud
from tests.doubles import EPOCH
from tests.gcp.conftest import INSTANCE, ORGANIZATION, Driver, SystemClock, make_login
from tests.gcp.test_kinds_live import LABELS, SECRET, VERSION, account_name
from tests.gcp.test_preconditions_live import MORE, members, plain_site, upload
from tests.gcp.test_sql_live import DATABASE, grant_body, user_body

pytestmark = pytest.mark.slow

RULES = Rules(patience=60.0, longest=60.0)
FOLDER = "folders/222222222222"


class Applying:
    """Changes as planning makes them, driven by the machine; a pause is a hundredth of a second."""

    def __init__(self, cloud: GoogleCloud) -> None:
        self.cloud = cloud
        self.done: list[Driven] = []

    def planned(self, kind: str, name: str, parent: str, body: Body, **more: Any) -> Change:
        action, last = more.pop("action", None), more.pop("last", None)
        seen = self.cloud.get(kind, name, parent, body)
        address = Address.parse(f"shard/s/{kind}/{len(self.done)}")
        fields = difference(kind_of(kind), seen.body if isinstance(seen, Found) else {}, body, last)
        gone = dropped(fields, body)
        if not isinstance(seen, Found):
            made = change(str(address), name, body, action or Action.CREATE, fields=fields)
        else:
            made = change(
                str(address), name, body, action or (Action.UPDATE if fields else Action.ADOPT), fields=fields,
                fingerprint=fingerprint(kind_of(kind), seen, body, gone), dropped=gone, uid=seen.uid,
            )  # fmt: skip
        return Change(**{**{f: getattr(made, f) for f in made.__slots__}, "parent": parent})

    def apply(self, kind: str, name: str, parent: str, body: Body, **more: Any) -> Driven:
        """To its end, which must be a good one."""
        driven = self.drive(self.planned(kind, name, parent, body, **more))
        assert driven.item.result is Result.DONE, (kind, name, driven.item.message, driven.kinds())
        return driven

    def drive(self, one: Change) -> Driven:
        driven = drive(self.cloud, one, rules=RULES, instead=self._wait)
        self.done.append(driven)
        return driven

    def _wait(self, request: Request) -> Response | None:
        if type(request).__name__ == "Wait":
            time.sleep(0.01)
        return None


@pytest.fixture(scope="module")
def applying(google: GoogleCloud) -> Applying:
    return Applying(google)


@pytest.fixture
def fault(local_cloud: Any) -> Iterator[Any]:
    def add(method: str, **more: Any) -> None:
        local_cloud.control("/_aipress/faults", {"method": method, "times": 1, **more})

    yield add
    local_cloud.control("/_aipress/faults", method="DELETE")


WAYS: dict[str, dict[str, Any]] = {
    "the answer is lost": {"kind": "lost_response"},
    "the request is lost": {"kind": "lost_request"},
    "503 after it happened": {"kind": "error", "status": 503, "effect": True},
    "504 and nothing happened": {"kind": "error", "status": 504},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_write_survives_the_loss_of_its_answer(
    applying: Applying, local_cloud: Any, fault: Any, new_project: Any, way: str
) -> None:
    project = new_project()
    instance = f"{project}/instances/main"
    applying.apply("sql.instance", instance, project, INSTANCE)
    make_login(Driver(applying.cloud), instance, "reconciler-fleet001")
    before = local_cloud.control("/_aipress/calls?limit=1")["calls"][-1]["n"]
    for method in BY_ID:
        if method != "sql.instances.executeSql":  # it also reads: its own test is below
            fault(method, **WAYS[way])
    a_life(applying, project, instance, way)
    left = [f for f in local_cloud.control("/_aipress/faults")["faults"] if not f["hit"]]
    assert not left, [f["method"] for f in left]
    calls = local_cloud.control(f"/_aipress/calls?since={before}&mutating=true")["calls"]
    made = Counter((c["method"], c["resource"]) for c in calls if c["wrote"] and c["method"].endswith(ONCE_ONLY))
    assert made and max(made.values()) == 1, [key for key, count in made.items() if count > 1]


ONCE_ONLY = (".create", ".insert", ".addVersion", ".delete", ".destroy")
"""Methods of which a second success would be a second thing, or the end of somebody else's."""


def a_life(at: Applying, project: str, instance: str, way: str) -> None:
    """Every kind, made, changed and deleted where we do that."""
    mark = f"{list(WAYS).index(way)}"
    around(at, project, mark)
    name, parent = f"{project}/secrets/lost", f"{project}/locations/europe-west1"
    at.apply("secret", name, project, SECRET)
    at.apply("secret", name, project, {**SECRET, **MORE})
    at.apply("secret.version", f"{name}/versions/latest", name, VERSION)
    at.apply("secret.iam", f"{name}/iam", name, members("roles/secretmanager.secretAccessor"))
    site, body = f"{parent}/services/lost", plain_site(project)
    at.apply("run.service", site, parent, body)
    at.apply("run.service", site, parent, {**body, **MORE})
    at.apply("run.service", site, parent, {**body, **MORE}, action=Action.DELETE)
    database(at, project, instance, name)
    at.apply("secret.version", f"{name}/versions/latest", name, VERSION, action=Action.DELETE)
    at.apply("secret", name, project, {**SECRET, **MORE}, action=Action.DELETE)
    media(at, project)


def around(at: Applying, project: str, mark: str) -> None:
    name = f"Lost {project[-3:]} {mark}"
    at.apply("folder", f"{ORGANIZATION}/{name}", ORGANIZATION, {"displayName": name, "parent": ORGANIZATION})
    own = {"projectId": f"{project[9:]}-l{mark}", "displayName": "A shard", "parent": FOLDER, "labels": LABELS}
    at.apply("project", f"{project}-l{mark}", FOLDER, own)
    at.apply("project", f"{project}-l{mark}", FOLDER, {**own, **MORE})
    billing = {"billingAccountName": "billingAccounts/000000-AAAAAA-BBBBBB"}
    at.apply("project.billing", f"{project}-l{mark}/billingInfo", f"{project}-l{mark}", billing)
    at.apply("project.service", f"{project}/services/redis.googleapis.com", project, {"state": "ENABLED"})
    at.apply("project.iam", f"{project}/iam", project, members("roles/viewer"))
    account, described = account_name(project, "lost-account"), {"displayName": "a", "description": OWNED}
    at.apply("iam.service-account", account, project, described)
    at.apply("iam.service-account", account, project, {**described, "displayName": "b"})
    at.apply("iam.service-account", account, project, {**described, "displayName": "b"}, action=Action.DELETE)
    parent = f"{project}/locations/europe-west1"
    images, body = f"{parent}/repositories/lost", {"format": "DOCKER", "labels": LABELS}
    at.apply("artifact.repository", images, parent, body)
    at.apply("artifact.repository", images, parent, {**body, **MORE})
    at.apply("artifact.repository.iam", f"{images}/iam", parent, members("roles/artifactregistry.reader"))
    at.apply("artifact.repository", images, parent, {**body, **MORE}, action=Action.DELETE)


OWNED = "runs acme-bakery aipress-owner=k3v9x2ma"


def database(at: Applying, project: str, instance: str, secret: str) -> None:
    at.apply("sql.instance", f"{instance}-l", project, INSTANCE)
    more = {**INSTANCE, "settings": {**INSTANCE["settings"], "userLabels": MORE["labels"]}}
    at.apply("sql.instance", instance, project, more)
    at.apply("sql.instance", instance, project, INSTANCE, last=more)  # a label less: the whole object is sent
    where = f"{instance}/databases/lost-p-1"
    at.apply("sql.database", where, instance, DATABASE)
    at.apply("sql.database", where, instance, {**DATABASE, "collation": "utf8mb4_general_ci"})
    user, body = f"{instance}/users/lost-p-1", user_body(project, "lost")
    at.apply("sql.user", user, instance, body)
    at.apply("sql.user", user, instance, body, last={**body, "passwordFrom": {"secret": secret}}, action=Action.UPDATE)
    at.apply("sql.grant", f"{instance}/grants/lost-p-1", instance, grant_body("lost-p-1"))
    at.apply("sql.user", user, instance, body, action=Action.DELETE)
    at.apply("sql.database", where, instance, {**DATABASE, "collation": "utf8mb4_general_ci"}, action=Action.DELETE)
    backup = {"description": "aipress final tenant=lost uid=k3v9x2ma"}
    at.apply("sql.backup", f"{instance}/backups/{backup['description']}", instance, backup, action=Action.RUN)


def media(at: Applying, project: str) -> None:
    bucket = f"buckets/lost-{project[9:]}"
    uniform = {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}
    body = {"location": "europe-west1", "labels": LABELS, **uniform}
    at.apply("storage.bucket", bucket, project, body)
    at.apply("storage.bucket", bucket, project, {**body, **MORE})
    folder = f"{bucket}/managedFolders/lost/"
    at.apply("storage.managed-folder", folder, bucket, {})
    at.apply("storage.managed-folder.iam", f"{folder}iam", bucket, members("roles/storage.objectUser"))
    upload(at.cloud, bucket, "lost/1.jpg")
    at.apply("storage.managed-folder", folder, bucket, {}, action=Action.DELETE)


# --- what the loss of one answer needs special care for -------------------------------------------------------------


def test_grants_whose_statement_got_no_answer_are_read_again(
    applying: Applying, fault: Any, project: str, instance: str
) -> None:
    secret, user = f"{project}/secrets/granted-p-1", "granted-p-1"
    applying.apply("secret", secret, project, SECRET)
    applying.apply("secret.version", f"{secret}/versions/latest", secret, VERSION)
    applying.apply("sql.database", f"{instance}/databases/{user}", instance, DATABASE)
    applying.apply("sql.user", f"{instance}/users/{user}", instance, user_body(project, user))
    fault("sql.instances.executeSql", kind="lost_response", after=3)  # three looks go before the statements
    driven = applying.apply("sql.grant", f"{instance}/grants/{user}", instance, grant_body(user))
    assert driven.item.attempts == 1 and driven.kinds().count("Reread") == 2


def test_a_process_that_died_with_the_handle_of_an_operation_is_continued(tmp_path: Any) -> None:
    """The create was answered, the answer never written down. The next run waits until the object is ready."""
    process, slow = start_local_cloud(tmp_path, "--time-scale", "1")
    try:
        cloud = GoogleCloud(Session(CloudSetting(url=slow.url), SystemClock()))
        project = a_project(cloud, slow, "handle-lost-1")
        name = f"{project}/instances/main"
        begun = cloud.begin(Call(Action.CREATE, "sql.instance", name, project, labelled_instance()))
        assert isinstance(begun, Pending), begun

        next_run = Applying(GoogleCloud(Session(CloudSetting(url=slow.url), SystemClock())))
        waits = iter(range(100))

        def time_passes(request: Request) -> Response | None:
            if type(request).__name__ == "Wait" and next(waits) == 3:
                slow.control("/_aipress/time", {"advance": 3600})
            return None

        one = change("shard/s/sql.instance/main", name, labelled_instance())
        driven = drive(next_run.cloud, parented(one, project), rules=RULES, instead=time_passes)
        assert driven.item.result is Result.DONE, driven.item.message
        assert "Begin" not in driven.kinds(), "no second create"
        inserts = slow.control("/_aipress/calls?method=sql.instances.insert")["calls"]
        assert len(inserts) == 1
    finally:
        process.terminate()
        process.wait(20)


def labelled_instance() -> dict[str, Any]:
    return {**INSTANCE, "settings": {**INSTANCE["settings"], "userLabels": LABELS}}


def parented(one: Change, parent: str) -> Change:
    return Change(**{**{f: getattr(one, f) for f in one.__slots__}, "parent": parent})


def a_project(cloud: GoogleCloud, slow: LocalCloud, identity: str) -> str:
    body = {"projectId": identity, "parent": FOLDER, "labels": LABELS}
    begun = cloud.begin(Call(Action.CREATE, "project", f"projects/{identity}", FOLDER, body))
    assert isinstance(begun, Pending)
    slow.control("/_aipress/time", {"advance": 3600})
    return f"projects/{identity}"


# --- half done ------------------------------------------------------------------------------------------------------


def test_an_instance_whose_creation_failed_is_told_and_never_adopted(
    applying: Applying, fault: Any, project: str
) -> None:
    name = f"{project}/instances/half"
    fault("sql.instances.insert", kind="half_finished", message="INTERNAL_ERROR: out of machines")
    first = applying.drive(applying.planned("sql.instance", name, project, labelled_instance()))
    assert first.item.result is Result.FAILED and "FAILED" in first.item.message, first.item.message
    second = applying.drive(applying.planned("sql.instance", name, project, labelled_instance()))
    assert second.item.result is Result.FAILED and "deleted there" in second.item.message
    assert "Begin" not in second.kinds()


def test_a_service_that_never_got_ready_is_told_and_put_right_by_a_correct_one(
    applying: Applying, project: str
) -> None:
    parent = f"{project}/locations/europe-west1"
    name, body = f"{parent}/services/unready", plain_site(project)
    secret = {"name": "S", "valueSource": {"secretKeyRef": {"secret": "is-not-there", "version": "1"}}}
    container = {**body["template"]["containers"][0], "env": [secret]}
    wrong = {**body, "template": {**body["template"], "containers": [container]}}
    failed = applying.drive(applying.planned("run.service", name, parent, wrong))
    assert failed.item.result is Result.FAILED, failed.item.message
    again = applying.drive(applying.planned("run.service", name, parent, wrong))
    assert again.item.result is Result.FAILED, "a second run does not take it for done"
    applying.apply("run.service", name, parent, body, last=wrong)


def test_a_project_without_its_billing_is_continued(applying: Applying, fault: Any, project: str) -> None:
    own = f"{project}-half"
    applying.apply("project", own, FOLDER, {"projectId": own[9:], "parent": FOLDER, "labels": LABELS})
    fault("cloudbilling.projects.updateBillingInfo", kind="error", status=403, message="no right on the account")
    link, body = f"{own}/billingInfo", {"billingAccountName": "billingAccounts/000000-AAAAAA-BBBBBB"}
    refused = applying.drive(applying.planned("project.billing", link, own, body))
    assert refused.item.result is Result.FAILED and refused.item.forbidden
    applying.apply("project.billing", link, own, body)


# --- names ----------------------------------------------------------------------------------------------------------


def test_a_project_id_that_a_stranger_has_is_told_with_what_to_write(applying: Applying, project: str) -> None:
    """We cannot see it (get says 403, a search finds nothing, which is absence), and the create says 409."""
    body = {"projectId": project[9:], "parent": FOLDER, "labels": LABELS}
    one = parented(change("shard/s/project/shard", project, body), FOLDER)

    def unseen(request: Request) -> Response | None:
        return Observed(Absent(EPOCH, "search"), EPOCH) if isinstance(request, Reread) else None

    driven = drive(applying.cloud, one, rules=RULES, instead=unseen)
    assert driven.item.result is Result.FAILED and "`spec.project.id`" in driven.item.message, driven.item.message


def test_a_project_marked_for_deletion_is_told_with_both_ways_on(applying: Applying, local_cloud: Any) -> None:
    identity = f"projects/going-{time.time_ns() % 10**9}"
    applying.apply("project", identity, FOLDER, {"projectId": identity[9:], "parent": FOLDER, "labels": LABELS})
    projects_client(applying.cloud._session).delete_project(request={"name": identity})
    seen = applying.cloud.get("project", identity, FOLDER, {})
    assert isinstance(seen, Unknown)
    assert "gcloud projects undelete" in seen.reason and "write another id" in seen.reason
    one = parented(change("shard/s/project/shard", identity, {"projectId": identity[9:], "labels": LABELS}), FOLDER)
    driven = drive(applying.cloud, one, rules=RULES)
    assert driven.item.result is Result.FAILED and "marked for deletion" in driven.item.message
    assert "Begin" not in driven.kinds()


def test_what_somebody_made_under_our_name_is_ours_only_with_our_mark(applying: Applying, project: str) -> None:
    name = f"{project}/secrets/somebodys"
    applying.cloud.begin(Call(Action.CREATE, "secret", name, project, {**SECRET, "labels": {"team": "theirs"}}))
    one = parented(change("tenant/acme/secret/production", name, SECRET), project)
    driven = drive(applying.cloud, one, rules=RULES)
    assert driven.item.result is Result.FAILED and "does not carry our mark" in driven.item.message
    marked = f"{project}/secrets/adopted"
    applying.cloud.begin(Call(Action.CREATE, "secret", marked, project, SECRET))
    adopted = drive(applying.cloud, parented(change("tenant/acme/secret/production", marked, SECRET), project))
    assert adopted.item.result is Result.DONE and "Begin" not in adopted.kinds()
