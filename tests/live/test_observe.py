"""Observing: one list per kind and parent, parents first, and never an empty answer from a failed read."""

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.live.containers import containers, levels
from reconciler.live.observe import Wanted, observe
from reconciler.model.errors import Failure, Next
from reconciler.model.ids import Address
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Listing, Seen
from reconciler.model.resource import Absent, Found, Observation, Unknown
from tests.doubles import FakeCloud, Script

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = "projects/p"


def want(address: str, name: str, parent: str, recorded: bool = False) -> Wanted:
    return Wanted(Address.parse(address), name, parent, {}, recorded)


def secrets(count: int, recorded: bool = True) -> list[Wanted]:
    return [
        want(f"tenant/t{n:03d}/secret/production", f"{PROJECT}/secrets/t{n:03d}", PROJECT, recorded)
        for n in range(count)
    ]


def see(cloud: FakeCloud, *wanted: Wanted) -> list[Observation]:
    live = observe(cloud, wanted, NOW)
    return [live.observations[item.address] for item in wanted]


SHARD = want("shard/s/project/main", PROJECT, "organizations/1/Shards")
INSTANCE = want("shard/s/sql.instance/main", f"{PROJECT}/instances/main", PROJECT)
DATABASE = want(
    "tenant/t/sql.database/production", f"{PROJECT}/instances/main/databases/t", f"{PROJECT}/instances/main"
)
BUCKET = want("shard/s/storage.bucket/media", "buckets/b", PROJECT)
FOLDER = want("tenant/t/storage.managed-folder/production", "buckets/b/managedFolders/t/", "buckets/b")
ACCESS = want("tenant/t/storage.managed-folder.iam/production", "buckets/b/managedFolders/t/iam", "buckets/b")
SECRET = want("tenant/t/secret/production", f"{PROJECT}/secrets/t", PROJECT)
VERSION = want("tenant/t/secret.version/production", f"{SECRET.name}/versions/latest", SECRET.name)


def test_one_list_answers_a_kind_of_a_parent() -> None:
    cloud = FakeCloud(objects={("secret", item.name): {"n": 1} for item in secrets(30)})
    assert all(isinstance(answer, Found) for answer in see(cloud, *secrets(30)))
    assert cloud.calls == [("list", "secret", PROJECT)]


def test_what_is_in_an_absent_project_is_absent_without_a_call() -> None:
    cloud = FakeCloud()
    answers = see(cloud, DATABASE, INSTANCE, SHARD, VERSION, SECRET)
    assert all(isinstance(answer, Absent) for answer in answers)
    assert [answer.method for answer in answers if isinstance(answer, Absent)] == [
        "parent",
        "parent",
        "get",
        "parent",
        "parent",
    ]
    assert {kind for _, kind, _ in cloud.calls} == {"project"}


def test_an_absent_instance_bucket_or_secret_has_nothing_in_it() -> None:
    cloud = FakeCloud(objects={("project", PROJECT): {}})
    see(cloud, SHARD, INSTANCE, DATABASE, BUCKET, FOLDER, ACCESS, SECRET, VERSION)
    asked = {kind for _, kind, _ in cloud.calls}
    assert asked == {"project", "sql.instance", "storage.bucket", "secret"}


def test_what_is_in_an_unknown_parent_is_asked_for_all_the_same() -> None:
    cloud = FakeCloud(objects={("project", PROJECT): {}, ("secret", SECRET.name): {}})
    cloud.script(Script("list", kind="project", failure=Failure(Next.PERSON, "no permission", 403, forbidden=True)))
    project, secret = see(cloud, SHARD, SECRET)
    assert isinstance(project, Unknown) and project.forbidden
    assert isinstance(secret, Found)


def test_a_failed_list_is_unknown_for_its_own_group_only() -> None:
    cloud = FakeCloud(objects={("secret", SECRET.name): {}, ("sql.instance", INSTANCE.name): {}})
    cloud.script(Script("list", kind="secret", failure=Failure(Next.RETRY, "503 from secretmanager", 503)))
    secret, instance = see(cloud, SECRET, INSTANCE)
    assert secret == Unknown("503 from secretmanager", cloud.now)
    assert isinstance(instance, Found)


def test_a_bug_in_one_adapter_makes_one_group_unknown() -> None:
    class Broken(FakeCloud):
        def list(self, kind: str, parent: str, names: object = ()) -> Listing:
            if kind == "secret":
                raise KeyError("createTime")
            return super().list(kind, parent)

    cloud = Broken(objects={("sql.instance", INSTANCE.name): {}})
    secret, instance = see(cloud, SECRET, INSTANCE)
    assert isinstance(secret, Unknown) and "KeyError" in secret.reason
    assert isinstance(instance, Found)


def test_one_reading_is_enough_for_what_no_version_recorded() -> None:
    cloud = FakeCloud()
    (answer,) = see(cloud, *secrets(1, recorded=False))
    assert answer == Absent(cloud.now, "list")
    assert cloud.count("get") == 0


def test_a_recorded_one_that_a_list_does_not_show_is_read_again() -> None:
    wanted = secrets(2)
    cloud = FakeCloud(objects={("secret", wanted[0].name): {"n": 1}})
    cloud.script(Script("list", kind="secret", name=wanted[0].name, absent=True))  # a stale list hides it
    there, gone = see(cloud, *wanted)
    assert isinstance(there, Found), "the second method saw it"
    assert gone == Absent(cloud.now, "get")
    assert cloud.count("get") == 2


def test_a_recorded_one_whose_second_reading_fails_is_unknown() -> None:
    cloud = FakeCloud()
    cloud.script(Script("get", failure=Failure(Next.RETRY, "reset")))
    (answer,) = see(cloud, *secrets(1))
    assert isinstance(answer, Unknown)


def test_a_global_name_is_looked_for_beyond_its_parent() -> None:
    cloud = FakeCloud()
    cloud.put("storage.bucket", "buckets/b", {"labels": {}}, parent="projects/somebody-else")
    (bucket,) = see(cloud, BUCKET)
    assert isinstance(bucket, Found), "taken: a create would fail"


@pytest.mark.parametrize(
    ("recorded", "shown", "believed"),
    [(20, 10, True), (20, 9, False), (200, 180, True), (200, 179, False), (5, 0, True), (11, 0, False)],
)
def test_a_list_much_shorter_than_what_was_recorded_is_a_partial_read(
    recorded: int, shown: int, believed: bool
) -> None:
    wanted = secrets(recorded)
    cloud = FakeCloud(objects={("secret", item.name): {} for item in wanted[:shown]})
    answers = see(cloud, *wanted, *secrets(recorded + 1, recorded=False)[-1:])
    kinds = {type(answer) for answer in answers[shown:recorded]}
    assert kinds == ({Absent} if believed else {Unknown})
    assert all(isinstance(answer, Found) for answer in answers[:shown])
    assert isinstance(answers[-1], Absent), "what was never there may be made"
    if not believed:
        assert "partial read" in answers[shown].reason  # type: ignore[union-attr]


def test_what_a_partial_list_hides_is_found_by_name() -> None:
    wanted = secrets(40)
    cloud = FakeCloud(objects={("secret", item.name): {} for item in wanted})
    cloud.script(*(Script("list", name=item.name, absent=True, times=9) for item in wanted[20:]))
    assert all(isinstance(answer, Found) for answer in see(cloud, *wanted))


def test_a_disabled_api_does_not_make_recorded_things_absent() -> None:
    class Disabled(FakeCloud):
        def list(self, kind: str, parent: str, names: object = ()) -> Listing:
            return Absent(self.now, "disabled")

        def get(self, kind: str, name: str, parent: str, body: object) -> Observation:
            return Absent(self.now, "disabled")

    new, old = see(Disabled(), *secrets(1, recorded=False), *secrets(2)[1:])
    assert isinstance(new, Absent)
    assert isinstance(old, Unknown) and "secretmanager.googleapis.com is disabled" in old.reason


def test_policies_are_read_beside_each_other_in_pieces() -> None:
    inside = [
        want(f"tenant/t{n}/storage.managed-folder.iam/production", f"buckets/b/managedFolders/t{n}/iam", "buckets/b")
        for n in range(50)
    ]
    cloud = FakeCloud(objects={("storage.managed-folder.iam", item.name): {} for item in inside})
    assert all(isinstance(answer, Found) for answer in see(cloud, *inside))
    assert cloud.count("list") == 4


def test_never_more_calls_at_once_than_allowed() -> None:
    gate = threading.Barrier(3, timeout=10)  # breaks unless exactly three calls meet
    running: list[int] = []

    class Slow(FakeCloud):
        def list(self, kind: str, parent: str, names: object = ()) -> Listing:
            running.append(gate.wait())
            return Seen({}, self.now)

        def begin(self, call: Call) -> Answer:
            raise AssertionError(f"observing never writes: {Action(call.action)}")

    wanted = [want(f"tenant/t{n}/secret.version/production", f"p/{n}/v", f"p/{n}") for n in range(9)]
    observe(Slow(), wanted, NOW, parallel=3)
    assert sorted(running) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@given(order=st.permutations([SHARD, INSTANCE, DATABASE, BUCKET, FOLDER, ACCESS, SECRET, VERSION]))
def test_parents_are_looked_at_before_what_they_hold(order: list[Wanted]) -> None:
    inside = containers(order)
    depth = {item.address: n for n, level in enumerate(levels(order, inside)) for item in level}
    assert len(depth) == len(order)
    for outer, inner in (
        (SHARD, INSTANCE),
        (INSTANCE, DATABASE),
        (SHARD, BUCKET),
        (BUCKET, FOLDER),
        (FOLDER, ACCESS),
        (SECRET, VERSION),
    ):
        assert depth[outer.address] < depth[inner.address]
        assert outer in inside[inner.address]
