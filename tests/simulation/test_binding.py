"""The wire in one process: the real clients, the pure core, and every way in which a connection breaks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from reconciler.gcp.cloud import GoogleCloud
from reconciler.model.errors import Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Failed, Pending, Seen
from reconciler.model.resource import Absent, Found, Unknown
from tests.simulation.binding import Binding, bound, copied, new_house, session_over, sharing_clients

PROJECT = "projects/aipress-eu-001"
SECRET = Call(
    Action.CREATE, "secret", f"{PROJECT}/secrets/one", PROJECT,
    {"replication": {"automatic": {}}, "labels": {"managed-by": "aipress"}},
)  # fmt: skip
ACCOUNT = Call(
    Action.CREATE, "iam.service-account",
    f"{PROJECT}/serviceAccounts/one-site@aipress-eu-001.iam.gserviceaccount.com", PROJECT, {"displayName": "One"},
)  # fmt: skip
BUCKET = Call(Action.CREATE, "storage.bucket", "buckets/aipress-one", PROJECT, {"location": "EU"})


class VirtualClock:
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Place:
    """A project with the three APIs whose clients have three different transports."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.binding = Binding(new_house(self.clock))
        self.cloud: GoogleCloud = bound(self.binding, self.clock)
        body = {
            "projectId": PROJECT.removeprefix("projects/"),
            "parent": "folders/222222222222",
            "displayName": "Shard",
        }
        self.settle(Call(Action.CREATE, "project", PROJECT, "folders/222222222222", body))
        account = {"billingAccountName": "billingAccounts/000000-AAAAAA-BBBBBB"}
        self.settle(Call(Action.UPDATE, "project.billing", f"{PROJECT}/billingInfo", PROJECT, account))
        for api in ("secretmanager", "iam", "storage", "run", "sqladmin"):
            name = f"{PROJECT}/services/{api}.googleapis.com"
            self.settle(Call(Action.CREATE, "project.service", name, PROJECT, {"state": "ENABLED"}))

    def settle(self, call: Call) -> object:
        answer = self.cloud.begin(call)
        while isinstance(answer, Pending):
            self.clock.sleep(10)
            answer = self.cloud.poll(call.kind, answer.operation, call)
        return answer

    def fault(self, **wish: object) -> None:
        self.binding.house.faults.add(dict(wish))


@pytest.fixture(scope="module")
def _made() -> Place:
    return Place()


@pytest.fixture
def place(_made: Place) -> Iterator[Place]:
    """The same state for each test: the rows are exchanged, the clients stay."""
    before = _made.binding.house
    _made.binding.house = new_house(_made.clock, 2, copied(before.rows))
    yield _made
    _made.binding.house = before


ALL = pytest.mark.parametrize("call", [SECRET, ACCOUNT, BUCKET], ids=lambda call: call.kind)


@ALL
def test_each_transport_reaches_the_core(call: Call, place: Place) -> None:
    assert isinstance(place.cloud.get(call.kind, call.name, call.parent, call.body), Absent)
    assert isinstance(place.settle(call), Done)
    assert isinstance(place.cloud.get(call.kind, call.name, call.parent, call.body), Found)
    listed = place.cloud.list(call.kind, call.parent)
    assert isinstance(listed, Seen) and call.name in listed.objects
    again = place.cloud.begin(call)
    assert isinstance(again, Failed) and again.failure.exists


@ALL
def test_a_lost_request_did_nothing_and_a_lost_response_did_it(call: Call, place: Place) -> None:
    place.fault(kind="lost_request", method="*.create", times=0)
    place.fault(kind="lost_request", method="*.insert", times=0)
    answer = place.cloud.begin(call)
    assert isinstance(answer, Failed) and (answer.failure.next, answer.failure.status) == (Next.RETRY, 0)
    place.binding.house.faults.clear()
    assert isinstance(place.cloud.get(call.kind, call.name, call.parent, call.body), Absent)
    place.fault(kind="lost_response", method="*.create", times=0)
    place.fault(kind="lost_response", method="*.insert", times=0)
    assert isinstance(place.cloud.begin(call), Failed)
    place.binding.house.faults.clear()
    assert isinstance(place.cloud.get(call.kind, call.name, call.parent, call.body), Found)


@ALL
def test_an_answer_that_breaks_is_unknown_and_never_absent(call: Call, place: Place) -> None:
    place.fault(kind="error", status=503, times=0)
    assert isinstance(place.cloud.list(call.kind, call.parent), Unknown)
    assert isinstance(place.cloud.get(call.kind, call.name, call.parent, call.body), Unknown)


def test_operations_are_polled_through_the_wire_too(place: Place) -> None:
    """GAPIC makes a client of its own for operations, and a session of its own for that."""
    name = f"{PROJECT}/services/dns.googleapis.com"
    begun = place.cloud.begin(Call(Action.CREATE, "project.service", name, PROJECT, {"state": "ENABLED"}))
    assert isinstance(begun, Pending)
    before = place.binding.calls
    place.cloud.poll("project.service", begun.operation, Call(Action.CREATE, "project.service", name, PROJECT, {}))
    assert place.binding.calls == before + 1


def test_every_call_is_in_the_log_with_its_preconditions(place: Place) -> None:
    place.settle(BUCKET)
    live = place.cloud.get(BUCKET.kind, BUCKET.name, BUCKET.parent, {})
    assert isinstance(live, Found)
    body = {"labels": {"managed-by": "aipress"}}
    place.settle(Call(Action.UPDATE, "storage.bucket", BUCKET.name, PROJECT, body, ("labels",), live))
    calls = [orjson.loads(raw) for raw in place.binding.house.calls.since(0)]
    assert [c["method"] for c in calls if c["mutating"]] == ["storage.buckets.insert", "storage.buckets.patch"]
    assert calls[-1]["preconditions"]["ifMetagenerationMatch"] == "1"


def test_what_the_wire_raises_is_not_swallowed(place: Place) -> None:
    """A death of the process (a BaseException) passes Google's clients and our border."""

    class Death(BaseException):
        pass

    def die(_request: object) -> None:
        raise Death

    place.binding.before = die
    try:
        for call in (SECRET, ACCOUNT, BUCKET):
            with pytest.raises(Death):
                place.cloud.begin(call)
            with pytest.raises(Death):
                place.cloud.list(call.kind, call.parent)
    finally:
        place.binding.before = lambda _request: None


def test_a_second_process_shares_the_clients_and_not_the_clock(place: Place) -> None:
    other = VirtualClock()
    other.sleep(3600)
    session = sharing_clients(session_over(place.binding, place.clock), other)
    seen = GoogleCloud(session).list("secret", PROJECT)
    assert isinstance(seen, Seen) and seen.read_at == other.now()
