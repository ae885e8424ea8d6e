"""Calls that something kept from leaving: a limit that says later, a guard that says no, a look that grew old."""

import pytest

from reconciler.applying.exchange import Aged, Begin, Close, Deferred, Refused, Request, Response, Wait
from reconciler.applying.pace import FRESH, Rules, aged
from reconciler.model.errors import Failure, Next
from reconciler.model.outcome import Result
from reconciler.model.plan import Action
from tests.applying.builders import LABELS, Answerer, change, drive, planned
from tests.doubles import EPOCH, FakeCloud, Script

SECRET = ("tenant/acme/secret/production", "projects/p/secrets/acme-p")
KEY = ("secret", SECRET[1])
BODY = {"labels": LABELS, "replication": {"automatic": {}}, "versionDestroyTtl": "604800s"}


def at_each_begin(*said: Response | None) -> Answerer:
    """What stands before the first call, the second …; None: nothing does."""
    left = list(said)

    def answer(request: Request) -> Response | None:
        return left.pop(0) if isinstance(request, Begin) and left else None

    return answer


def test_a_deferred_call_is_not_counted_and_is_made_after_another_look() -> None:
    cloud = FakeCloud()
    driven = drive(cloud, change(*SECRET, BODY), instead=at_each_begin(Deferred(7.5, "two a second")))
    assert driven.item.result is Result.DONE and driven.item.attempts == 1
    assert driven.kinds() == ["Reread", "RecordIntent", "Begin", "Wait", "Reread", "Begin", "Close", "Finish"]
    (pause,) = [r for r in driven.trace if isinstance(r, Wait)]
    assert (pause.seconds, pause.why, pause.stoppable) == (7.5, "two a second", True)
    assert cloud.count("begin") == 1


def test_what_moves_while_a_call_is_deferred_is_not_touched() -> None:
    cloud = FakeCloud(objects={KEY: BODY})
    one = planned(cloud, *SECRET, {**BODY, "versionDestroyTtl": "1s"}, BODY)
    defer = at_each_begin(Deferred(1, "later"))

    def moves(request: Request) -> Response | None:
        said = defer(request)
        if said is not None:
            cloud.put(*KEY, {**BODY, "versionDestroyTtl": "99s"})
        return said

    driven = drive(cloud, one, instead=moves)
    assert driven.item.result is Result.STALE and not cloud.effects
    assert driven.closed == driven.intents


def test_deferred_for_ever_is_not_a_failure_of_the_calls_own() -> None:
    """A hundred deferrals use up no retry."""
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "reset", 503), times=5))
    driven = drive(cloud, change(*SECRET, BODY), instead=at_each_begin(*[Deferred(1, "later")] * 100))
    assert driven.item.result is Result.DONE and driven.item.attempts == 6


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.DELETE, Action.REPLACE])
def test_a_refusal_ends_skipped_and_leaves_nothing_behind(action: Action) -> None:
    cloud = FakeCloud(objects={} if action is Action.CREATE else {KEY: BODY})
    wanted = {**BODY, "versionDestroyTtl": "1s"}
    one = change(*SECRET, BODY) if action is Action.CREATE else planned(cloud, *SECRET, wanted, BODY, action=action)
    before = cloud.objects
    driven = drive(cloud, one, instead=at_each_begin(Refused("this tenant is quarantined")))
    assert driven.item.result is Result.SKIPPED and driven.item.message == "this tenant is quarantined"
    assert cloud.objects == before and cloud.count("begin") == 0
    assert driven.closed == driven.intents, "the intent is closed: there is nothing to look after"
    assert isinstance(driven.trace[-2], Close)


def test_a_refusal_after_a_call_of_unknown_outcome_says_so() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "reset", 503)))
    driven = drive(cloud, change(*SECRET, BODY), instead=at_each_begin(None, Refused("the breaker is open")))
    assert driven.item.result is Result.SKIPPED and driven.item.attempts == 1 and not cloud.effects


def test_a_look_that_grew_old_is_repeated_before_the_call() -> None:
    cloud = FakeCloud()
    driven = drive(cloud, change(*SECRET, BODY), instead=at_each_begin(Aged(), Aged()))
    assert driven.item.result is Result.DONE and driven.item.attempts == 1
    assert driven.kinds() == ["Reread", "RecordIntent", *["Begin", "Reread"] * 2, "Begin", "Close", "Finish"]


def test_what_moved_while_the_look_grew_old_is_not_touched() -> None:
    cloud = FakeCloud()
    old = at_each_begin(Aged())

    def stranger_comes(request: Request) -> Response | None:
        said = old(request)
        if said is not None:
            cloud.put(*KEY, {**BODY, "labels": {}})
        return said

    driven = drive(cloud, change(*SECRET, BODY), instead=stranger_comes)
    assert driven.item.result is Result.FAILED and "does not carry our mark" in driven.item.message
    assert not cloud.effects


def test_a_host_too_slow_to_act_upon_what_it_sees_says_so() -> None:
    driven = drive(FakeCloud(), change(*SECRET, BODY), instead=lambda r: Aged() if isinstance(r, Begin) else None)
    assert driven.item.result is Result.FAILED and "more than 5 seconds" in driven.item.message
    assert driven.kinds().count("Begin") == Rules().looks + 1


def test_five_seconds_are_fresh_and_a_clock_that_goes_back_is_not() -> None:
    assert not aged(EPOCH, EPOCH + FRESH) and aged(EPOCH, EPOCH + FRESH * 1.01)
    assert aged(EPOCH, EPOCH - FRESH / 100)
