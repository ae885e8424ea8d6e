"""What starting costs, whom we speak to, and how fast."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.gcp.apis import usage_client
from reconciler.gcp.artifacts import registry_client
from reconciler.gcp.cloud import GoogleCloud, adapters
from reconciler.gcp.pace import PER_MINUTE, Pace
from reconciler.gcp.projects import billing_client, projects_client
from reconciler.gcp.run import run_client
from reconciler.gcp.secrets import secrets_client
from reconciler.gcp.session import CloudSetting, Session
from reconciler.gcp.sql import sql_client
from reconciler.kinds.catalog import KINDS
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Failed
from reconciler.model.resource import Unknown


class SteppingClock:
    """Sleeping is what moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


def test_importing_the_room_loads_no_google_library() -> None:
    script = "import sys, reconciler.gcp.cloud; print(*{m.split('.')[0] for m in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"google", "grpc", "googleapiclient", "httplib2", "requests"} & set(ran.stdout.split())
    assert "reconciler" in ran.stdout.split()


def test_every_kind_has_exactly_one_adapter() -> None:
    assert set(adapters(Session(CloudSetting(url="http://127.0.0.1:1"), SteppingClock()))) == set(KINDS)


def test_identity_says_which_cloud() -> None:
    assert CloudSetting(url="http://127.0.0.1:8085").identity == "local:http://127.0.0.1:8085"
    assert CloudSetting(organization="organizations/1").identity == "gcp:organizations/1"
    session = Session(CloudSetting(url="http://127.0.0.1:8085/"), SteppingClock())
    assert GoogleCloud(session).identity == "local:http://127.0.0.1:8085"


def test_a_cloud_that_is_not_there_is_unknown_and_says_how_to_start_it() -> None:
    cloud = GoogleCloud(Session(CloudSetting(url="http://127.0.0.1:9"), SteppingClock()))
    for kind, parent in (
        ("secret", "projects/p"), ("storage.bucket", "projects/p"), ("iam.service-account", "projects/p"),
        ("sql.database", "projects/p/instances/i"), ("folder", "organizations/1"), ("project", "folders/1"),
    ):  # fmt: skip
        answer = cloud.list(kind, parent)
        assert isinstance(answer, Unknown) and "aipress cloud up" in answer.reason, answer


def test_calls_stay_below_half_the_quota() -> None:
    clock = SteppingClock()
    pace = Pace(clock)
    begun = clock.now()
    writes = PER_MINUTE["run"][1]
    for _ in range(writes * 3):
        while wait := pace.write("p", "run"):
            clock.sleep(wait)
    minutes = (clock.now() - begun).total_seconds() / 60
    assert 1.9 < minutes < 2.1, "one minute's worth at once, then at the rate"
    assert pace.write("another", "run") == 0.0, "projects do not share a bucket"
    assert pace.read("p", "run") == 0.0, "reads do not wait for writes"


def test_a_write_that_does_not_fit_is_not_made_and_does_not_wait() -> None:
    """It would leave on an old look, or under a lease that ran out."""
    clock = SteppingClock()
    cloud = GoogleCloud(Session(CloudSetting(organization="organizations/1"), clock))
    while not cloud._session.pace.write("p", "secretmanager"):
        pass
    before = clock.now()
    answer = cloud.begin(Call(Action.CREATE, "secret", "projects/p/secrets/s", "projects/p", {}))
    assert isinstance(answer, Failed) and answer.failure.next is Next.WAIT
    assert 0 < answer.failure.retry_after < 1 and clock.now() - before < timedelta(seconds=0.1)


def test_reads_wait_for_their_turn() -> None:
    clock = SteppingClock()
    pace, begun = Pace(clock), clock.now()
    for _ in range(PER_MINUTE["run"][0] * 2):
        pace.read("p", "run")
    assert 55 < (clock.now() - begun).total_seconds() < 65


def test_a_local_cloud_is_not_paced() -> None:
    clock = SteppingClock()
    pace = Pace(clock, unlimited=True)
    assert [pace.write("p", "run") + pace.read("p", "run") for _ in range(1000)] == [0.0] * 1000


def test_without_a_url_google_itself_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.auth.credentials import AnonymousCredentials

    asked: list[object] = []

    class Credentials(AnonymousCredentials):
        def with_quota_project(self, project: str) -> "Credentials":
            asked.append(project)
            return self

    monkeypatch.setattr("google.auth.default", lambda scopes: (Credentials(), "ignored"))
    session = Session(CloudSetting(organization="organizations/1", quota_project="control"), SteppingClock())
    for client, host in (
        (run_client(session), "run"), (sql_client(session, "users"), "sqladmin"),
        (secrets_client(session), "secretmanager"), (projects_client(session), "cloudresourcemanager"),
        (registry_client(session), "artifactregistry"), (usage_client(session), "serviceusage"),
        (billing_client(session), "cloudbilling"),
    ):  # fmt: skip
        assert client.transport._host == f"https://{host}.googleapis.com"
    assert session.storage().API_BASE_URL == "https://storage.googleapis.com"
    uri = session.discovered("iam", "v1").projects().serviceAccounts().list(name="projects/p").uri
    assert uri.startswith("https://iam.googleapis.com/v1/projects/p/serviceAccounts")
    assert asked == ["control"], "made once, with the project whose quota counts"
