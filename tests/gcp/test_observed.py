"""What an observer hears of calls to the cloud: each exchange once, what it was for, and how long operations took."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.observed import ObservedCloud, hear
from reconciler.gcp.session import CloudSetting, Session
from reconciler.model.errors import Failure, Next
from reconciler.model.observing import CloudCall, Operated
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Answer, Call, Done, Failed, Pending
from reconciler.model.resource import Unknown
from tests.cycle.small_world import SteadyClock


class Heard:
    """An Observer that remembers."""

    def __init__(self) -> None:
        self.calls: list[CloudCall] = []
        self.waits: list[tuple[str, float]] = []
        self.operations: list[Operated] = []

    def phase(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def working(self, change: Change) -> AbstractContextManager[None]:
        return nullcontext()

    def called(self, call: CloudCall) -> None:
        self.calls.append(call)

    def waited(self, api: str, seconds: float) -> None:
        self.waits.append((api, seconds))

    def operated(self, operation: Operated) -> None:
        self.operations.append(operation)


class Wire:
    """A requests session whose answers are these; an exception is raised."""

    def __init__(self, clock: SteadyClock, *answers: int | Exception) -> None:
        self.clock, self.answers = clock, list(answers)
        self.send = self._send

    def _send(self, _request: object, **_more: object) -> Any:
        self.clock.at += timedelta(seconds=2)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return type("Answer", (), {"status_code": answer})


class Scripted:
    """A Cloud that answers writes and polls by a script, and calls its wire for each."""

    identity = "local:test"

    def __init__(self, wire: Wire, *answers: Answer) -> None:
        self.wire, self.answers = wire, list(answers)

    def list(self, *_given: object) -> Unknown:
        self.wire.send(object())
        return Unknown("", self.wire.clock.now())

    get = list

    def begin(self, _call: Call) -> Answer:
        self.wire.send(object())
        return self.answers.pop(0)

    def poll(self, *_given: object) -> Answer:
        self.wire.send(object())
        return self.answers.pop(0)


CALL = Call(Action.UPDATE, "run.service", "projects/p/locations/l/services/s", "projects/p/locations/l", {})


def test_each_exchange_is_told_once_with_what_it_was_for_and_how_it_was_answered() -> None:
    clock, heard = SteadyClock(), Heard()
    wire = Wire(clock, 200, 429, ConnectionError("gone"), 200)
    hear(wire, heard, clock)
    cloud = ObservedCloud(Scripted(wire, Done(None)), heard, clock)  # type: ignore[arg-type]
    cloud.list("run.service", "projects/p/locations/l")
    cloud.begin(CALL)
    with pytest.raises(ConnectionError):
        cloud.get("sql.database", "n", "p", {})
    wire.send(object())
    assert [(c.api, c.method, c.status, c.seconds) for c in heard.calls] == [
        ("run", "run.service.list", 200, 2.0), ("run", "run.service.update", 429, 2.0),
        ("sqladmin", "sql.database.get", 0, 2.0), ("other", "other", 200, 2.0),
    ]  # fmt: skip


def test_an_operation_is_timed_from_the_write_until_it_is_really_over() -> None:
    clock, heard = SteadyClock(), Heard()
    again = Failed(Failure(Next.RETRY, "busy", 503))
    steps: tuple[Answer, ...] = (Pending("op-1"), Pending("op-1"), again, Done(None))
    cloud = ObservedCloud(Scripted(Wire(clock, *[200] * 9), *steps), heard, clock)  # type: ignore[arg-type]
    cloud.begin(CALL)
    for _ in range(2):
        cloud.poll("run.service", "op-1", CALL)
        assert not heard.operations
    cloud.poll("run.service", "op-1", CALL)
    [told] = heard.operations
    assert (told.kind, told.ok, told.seconds) == ("run.service", True, 8.0)


def test_an_operation_that_ends_badly_and_one_that_another_process_began() -> None:
    clock, heard = SteadyClock(), Heard()
    bad = Failed(Failure(Next.PERSON, "no", 400))
    cloud = ObservedCloud(Scripted(Wire(clock, *[200] * 9), Pending("op-1"), bad, Done(None)), heard, clock)  # type: ignore[arg-type]
    cloud.begin(CALL)
    cloud.poll("run.service", "op-1", CALL)
    cloud.poll("run.service", "op-of-another", CALL)
    assert [o.ok for o in heard.operations] == [False], "of an operation that began elsewhere the length is not known"


def test_googles_own_clients_are_heard_over_every_transport() -> None:
    """One client of each sort: a generated one, a discovered one, and the storage connection. Nobody listens there."""
    clock, heard = SteadyClock(datetime.now().astimezone()), Heard()
    inner = GoogleCloud(Session(CloudSetting(url="http://127.0.0.1:9"), clock, observer=heard))
    cloud = ObservedCloud(inner, heard, clock)
    for kind, parent in (
        ("run.service", "projects/p/locations/l"),
        ("iam.service-account", "projects/p"),
        ("storage.bucket", "projects/p"),
    ):
        assert isinstance(cloud.list(kind, parent), Unknown)
    assert [(c.method, c.status) for c in heard.calls] == [
        ("run.service.list", 0), ("iam.service-account.list", 0), ("storage.bucket.list", 0),
    ]  # fmt: skip


def test_a_wait_for_our_share_of_a_quota_is_told() -> None:
    clock, heard = SteadyClock(), Heard()
    session = Session(CloudSetting(organization="organizations/1"), clock, observer=heard)
    cloud = GoogleCloud(session)
    for _ in range(30):
        assert not session.pace.write("p", "run")
    answer = cloud.begin(CALL)
    assert isinstance(answer, Failed) and answer.failure.next is Next.WAIT
    [(api, seconds)] = heard.waits
    assert api == "run" and seconds > 0
