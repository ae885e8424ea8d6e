"""The double itself: it must fail where the real cloud does, or tests that use it prove nothing."""

import pytest

from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Done, Failed, Pending, Seen
from reconciler.model.resource import Absent, Found, Unknown
from tests.doubles import FakeCloud, Killed, Script

KIND, NAME, PARENT = "secret", "projects/p/secrets/s", "projects/p"


def create(body: dict[str, object] | None = None) -> Call:
    return Call(Action.CREATE, KIND, NAME, PARENT, body or {"labels": {"a": "b"}})


def test_create_list_update_delete() -> None:
    cloud = FakeCloud()
    assert isinstance(cloud.get(KIND, NAME, PARENT, {}), Absent)
    done = cloud.begin(create())
    assert isinstance(done, Done) and done.found is not None
    seen = cloud.list(KIND, PARENT)
    assert isinstance(seen, Seen) and seen.objects[NAME] == done.found
    again = cloud.begin(create())
    assert isinstance(again, Failed) and again.failure.exists
    cloud.put(KIND, NAME, {"labels": {"a": "moved"}})
    stale = cloud.begin(Call(Action.UPDATE, KIND, NAME, PARENT, {}, live=done.found))
    assert isinstance(stale, Failed) and stale.failure.next is Next.REPLAN
    assert isinstance(cloud.begin(Call(Action.DELETE, KIND, NAME, PARENT, {})), Done)
    assert cloud.effects == [("create", KIND, NAME), ("delete", KIND, NAME)]


def test_operations_take_the_polls_they_were_given() -> None:
    cloud = FakeCloud(polls=2)
    begun = cloud.begin(create())
    assert isinstance(begun, Pending)
    unready = cloud.get(KIND, NAME, PARENT, {})
    assert isinstance(unready, Found) and not unready.ready
    assert isinstance(cloud.poll(KIND, begun.operation, create()), Pending)
    assert isinstance(cloud.poll(KIND, begun.operation, create()), Done)


def test_scripts() -> None:
    cloud = FakeCloud()
    reset = Failure(Next.RETRY, "connection reset")
    cloud.script(
        Script("begin", failure=reset, lost=True), Script("get", failure=reset), Script("list", after=1, absent=True)
    )
    assert cloud.begin(create()) == Failed(reset)
    assert cloud.effects == [("create", KIND, NAME)], "lost: the effect happened"
    assert isinstance(cloud.get(KIND, NAME, PARENT, {}), Unknown)
    assert isinstance(cloud.get(KIND, NAME, PARENT, {}), Found)
    assert isinstance(cloud.list(KIND, PARENT), Seen)
    assert isinstance(cloud.list(KIND, PARENT), Absent)
    cloud.script(Script("begin", kill="after", name="*other"))
    with pytest.raises(Killed):
        cloud.begin(Call(Action.CREATE, KIND, NAME + "other", PARENT, {}))
    assert len(cloud.effects) == 2
