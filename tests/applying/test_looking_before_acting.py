"""What a fresh look at the object, or the answer to a call, must change about what is done next."""

from itertools import pairwise

import pytest

from reconciler.applying.exchange import Answered, Begin, Observed, Request, Reread, Response, Wait
from reconciler.applying.pace import Rules, jitter
from reconciler.applying.state import begin
from reconciler.model.errors import Failure, Next
from reconciler.model.ids import Address
from reconciler.model.outcome import Result
from reconciler.model.plan import Action
from reconciler.model.ports import Done
from reconciler.model.resource import Found, Ref
from tests.applying.builders import LABELS, change, drive, planned
from tests.doubles import EPOCH, FakeCloud, Script

SECRET = ("tenant/acme/secret/production", "projects/p/secrets/acme-p")
KEY = ("secret", SECRET[1])
BODY = {"labels": LABELS, "replication": {"automatic": {}}, "versionDestroyTtl": "604800s"}
LONGER = {**BODY, "versionDestroyTtl": "86400s"}


def test_a_delete_of_what_changed_since_the_plan_is_asked_about_again() -> None:
    cloud = FakeCloud(objects={KEY: BODY})
    one = planned(cloud, *SECRET, BODY, action=Action.DELETE)
    cloud.put(*KEY, LONGER)  # the same object, which somebody has just begun to use otherwise
    driven = drive(cloud, one)
    assert driven.item.result is Result.STALE
    assert cloud.effects == []


def test_what_lost_our_mark_since_the_plan_is_not_adopted() -> None:
    cloud = FakeCloud(objects={KEY: BODY})
    one = planned(cloud, *SECRET, BODY)
    assert one.action is Action.ADOPT
    cloud.put(*KEY, {**BODY, "labels": {"aipress-owner": "somebody"}})
    item = drive(cloud, one).item
    assert item.result is Result.FAILED
    assert "does not carry our mark" in item.message


def test_an_update_waits_for_the_operation_under_way_before_it_calls() -> None:
    cloud = FakeCloud(objects={KEY: BODY})
    one = planned(cloud, *SECRET, LONGER, BODY)
    cloud.stored[KEY].pending, cloud.stored[KEY].orphan = 3, True
    driven = drive(cloud, one)
    assert driven.item.result is Result.DONE
    assert cloud.count("begin") == 1


def test_a_successor_is_not_made_while_the_old_one_is_still_seen() -> None:
    cloud = FakeCloud(objects={KEY: BODY})
    one = planned(cloud, *SECRET, {**BODY, "replication": {"userManaged": {}}}, BODY, action=Action.REPLACE)
    old = Found(BODY, one.uid, EPOCH)
    lagging = [old, old]

    def reads_lag(request: Request) -> Response | None:
        deleted = ("delete", *KEY) in cloud.effects
        return Observed(lagging.pop(), EPOCH) if deleted and lagging and isinstance(request, Reread) else None

    driven = drive(cloud, one, instead=reads_lag)
    assert driven.item.result is Result.DONE
    assert [call.action for call in cloud.requests] == [Action.DELETE, Action.CREATE]
    assert [r.why for r in driven.trace if isinstance(r, Wait)] == ["waiting for the old one to go away"] * 2


def test_what_turns_out_to_need_a_replacement_is_planned_again() -> None:
    cloud = FakeCloud(objects={KEY: {**BODY, "replication": {"kmsKey": "a"}}})
    other = Address.parse("shard/s/secret/other")
    wanted = {**BODY, "replication": {"kmsKey": Ref(other, "key").to_body()}}
    one = planned(cloud, *SECRET, wanted, BODY, action=Action.UPDATE)
    item = drive(cloud, one, results={other: {"key": "b"}}).item
    assert item.result is Result.STALE
    assert "`replication.kmsKey` cannot be changed on an existing secret" in item.message
    assert cloud.effects == []


def test_retry_after_is_honoured_while_another_operation_goes_on() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.WAIT, "in progress", 409, retry_after=90.0)))
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.DONE
    assert [r.seconds for r in driven.trace if isinstance(r, Wait)] == [90.0]


def test_done_without_the_object_is_read_back_before_it_is_believed() -> None:
    cloud = FakeCloud()

    def says_done(request: Request) -> Response | None:
        return Answered(Done(None)) if isinstance(request, Begin) else None

    item = drive(cloud, change(*SECRET, BODY), instead=says_done).item
    assert item.result is Result.FAILED
    assert "the cloud said done, and it is not there" in item.message


def test_a_repeated_call_carries_the_same_request_id_and_another_plans_does_not() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "reset", 503), times=2))
    one = change(*SECRET, BODY)
    assert drive(cloud, one).item.attempts == 3
    assert len({call.request_id for call in cloud.requests}) == 1
    assert begin(one, {}, "sha256:one").key != begin(one, {}, "sha256:other").key


@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_chance_is_drawn_anew_for_each_pause(seed: str) -> None:
    """Else changes that failed together would come back together each time."""
    rules = Rules(cap=1e9)
    shares = [jitter(seed, attempt, rules) / 2.0**attempt for attempt in range(8)]
    assert all(0 <= share <= 1 for share in shares)
    assert all(abs(one - other) > 1e-6 for one, other in pairwise(shares))
