"""Operations that take their time: not ready, one at a time, and followed to the end by another process."""

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Failed, Pending, Seen
from reconciler.model.resource import Found
from tests.conftest import LocalCloud, start_local_cloud
from tests.gcp.conftest import INSTANCE, SystemClock

pytestmark = pytest.mark.slow

PROJECT = "projects/slow-project-1"
LOCATION = f"{PROJECT}/locations/europe-west1"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud in which time passes as slowly as in Google's, unless it is moved on."""
    process, cloud = start_local_cloud(tmp_path_factory.mktemp("slow"), "--time-scale", "1")
    yield cloud
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def google(slow: LocalCloud) -> GoogleCloud:
    cloud = another_process(slow)
    body = {"projectId": "slow-project-1", "parent": "folders/222222222222"}
    call = Call(Action.CREATE, "project", PROJECT, "folders/222222222222", body)
    finish(cloud, slow, call)
    return cloud


def another_process(slow: LocalCloud) -> GoogleCloud:
    return GoogleCloud(Session(CloudSetting(url=slow.url), SystemClock()))


def pass_time(slow: LocalCloud) -> None:
    slow.control("/_aipress/time", {"advance": 3600})


def finish(cloud: GoogleCloud, slow: LocalCloud, call: Call) -> Found:
    begun = cloud.begin(call)
    assert isinstance(begun, Pending), begun
    assert isinstance(cloud.poll(call.kind, begun.operation, call), Pending)
    pass_time(slow)
    done = another_process(slow).poll(call.kind, begun.operation, call)
    assert isinstance(done, Done) and done.found is not None, done
    return done.found


def test_an_instance_is_not_ready_until_it_runs_and_does_one_thing_at_a_time(
    google: GoogleCloud, slow: LocalCloud
) -> None:
    name = f"{PROJECT}/instances/main"
    call = Call(Action.CREATE, "sql.instance", name, PROJECT, INSTANCE)
    begun = google.begin(call)
    assert isinstance(begun, Pending)
    making = google.list("sql.instance", PROJECT)
    assert isinstance(making, Seen) and not making.objects[name].ready
    again = google.begin(call)
    assert isinstance(again, Failed) and again.failure.exists
    early = google.begin(Call(Action.CREATE, "sql.database", f"{name}/databases/a", name, {"charset": "utf8mb4"}))
    assert isinstance(early, Failed) and early.failure.next is Next.WAIT, early
    pass_time(slow)
    done = google.poll("sql.instance", begun.operation, call)
    assert isinstance(done, Done) and done.found is not None and done.found.ready

    first = Call(Action.CREATE, "sql.database", f"{name}/databases/a", name, {"charset": "utf8mb4"})
    second = Call(Action.CREATE, "sql.database", f"{name}/databases/b", name, {"charset": "utf8mb4"})
    running = google.begin(first)
    assert isinstance(running, Pending)
    busy = google.begin(second)
    assert isinstance(busy, Failed) and busy.failure.next is Next.WAIT, "one operation at a time"
    pass_time(slow)
    assert isinstance(google.poll("sql.database", running.operation, first), Done)
    finish(google, slow, second)
    assert isinstance(google.poll("sql.database", "forgotten-long-ago", second), Done), "the object itself tells"


def test_a_service_is_not_ready_while_its_revision_rolls_out(google: GoogleCloud, slow: LocalCloud) -> None:
    name = f"{LOCATION}/services/acme-p-1"
    body: dict[str, Any] = {"template": {"containers": [{"image": "europe-docker.pkg.dev/p/r/i:1"}]}}
    begun = google.begin(Call(Action.CREATE, "run.service", name, LOCATION, body))
    assert isinstance(begun, Pending)
    rolling = google.get("run.service", name, LOCATION, body)
    assert isinstance(rolling, Found) and not rolling.ready
    pass_time(slow)
    ready = google.get("run.service", name, LOCATION, body)
    assert isinstance(ready, Found) and ready.ready


def test_an_operation_that_is_gone_is_settled_by_the_object_itself(google: GoogleCloud, slow: LocalCloud) -> None:
    name = f"{LOCATION}/repositories/tenants"
    call = Call(Action.CREATE, "artifact.repository", name, LOCATION, {"format": "DOCKER"})
    made = finish(google, slow, call)
    gone = google.poll("artifact.repository", f"{LOCATION}/operations/expired-long-ago", call)
    assert isinstance(gone, Done) and gone.found is not None and gone.found.uid == made.uid
