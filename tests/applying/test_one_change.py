"""One change: what is touched, what is not, and what is said about it."""

from itertools import pairwise

import pytest

from reconciler.applying.exchange import Begin, Broken, RecordIntent, Reread, Stopped, Wait
from reconciler.applying.pace import Rules, jitter, poll_pause
from reconciler.model.errors import Failure, Next
from reconciler.model.ids import Address
from reconciler.model.outcome import Result
from reconciler.model.plan import Action
from reconciler.model.resource import Ref
from tests.applying.builders import LABELS, Driven, answer, change, drive, planned
from tests.doubles import FakeCloud, Killed, Script

SECRET = ("tenant/acme/secret/production", "projects/p/secrets/acme-p")
BODY = {"labels": LABELS, "replication": {"automatic": {}}, "versionDestroyTtl": "604800s"}
RESET = Failure(Next.RETRY, "connection reset", 503)
BUSY = Failure(Next.WAIT, "another operation is in progress", 409)
DENIED = Failure(Next.PERSON, "no permission secretmanager.secrets.create", 403, forbidden=True)


def changed(**fields: object) -> dict[str, object]:
    return {**BODY, **fields}


def test_a_create_reads_records_its_intent_and_only_then_acts() -> None:
    cloud = FakeCloud(polls=2)
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.DONE
    assert driven.item.live == BODY
    assert driven.item.body == BODY
    assert driven.item.uid == "uid-1"
    steps = driven.kinds()
    assert steps[:3] == ["Reread", "RecordIntent", "Begin"]
    assert steps[-2:] == ["Close", "Finish"]
    assert driven.closed == driven.intents


def test_an_update_sends_exactly_the_changed_paths_and_keeps_what_others_set() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: {**BODY, "annotations": {"theirs": "1"}}})
    wanted = changed(versionDestroyTtl="86400s")
    driven = drive(cloud, planned(cloud, *SECRET, wanted, BODY))
    assert driven.item.result is Result.DONE
    assert cloud.requests[0].mask == ("versionDestroyTtl",)
    assert cloud.body(*SECRET_KEY) == {**wanted, "annotations": {"theirs": "1"}}


SECRET_KEY = ("secret", SECRET[1])


def test_a_field_no_longer_declared_is_cleared() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: changed(topics=["a"])})
    driven = drive(cloud, planned(cloud, *SECRET, BODY, changed(topics=["a"])))
    assert driven.item.result is Result.DONE
    assert cloud.requests[0].mask == ("topics",)
    assert "topics" not in cloud.body(*SECRET_KEY)


def test_what_moved_since_the_plan_is_not_touched() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    one = planned(cloud, *SECRET, changed(versionDestroyTtl="86400s"), BODY)
    cloud.put(*SECRET_KEY, changed(versionDestroyTtl="100s"))
    driven = drive(cloud, one)
    assert driven.item.result is Result.STALE
    assert '`versionDestroyTtl` was "604800s" and is "100s"' in driven.item.message
    assert not cloud.effects
    assert "RecordIntent" not in driven.kinds()


def test_what_moved_to_what_we_want_is_done() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    one = planned(cloud, *SECRET, changed(versionDestroyTtl="86400s"), BODY)
    cloud.put(*SECRET_KEY, changed(versionDestroyTtl="86400s"))
    driven = drive(cloud, one)
    assert driven.item.result is Result.DONE
    assert not cloud.effects


def test_another_object_under_the_same_name_is_not_touched() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    update = planned(cloud, *SECRET, changed(versionDestroyTtl="86400s"), BODY)
    delete = planned(cloud, *SECRET, BODY, action=Action.DELETE)
    cloud.put(*SECRET_KEY, BODY, uid="another")
    assert drive(cloud, update).item.result is Result.STALE
    assert drive(cloud, delete).item.result is Result.STALE
    assert not cloud.effects


@pytest.mark.parametrize("action", [Action.UPDATE, Action.ADOPT])
def test_what_is_gone_since_the_plan_is_not_made_again(action: Action) -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    one = planned(cloud, *SECRET, changed(versionDestroyTtl="1s"), action=action)
    cloud.remove(*SECRET_KEY)
    assert drive(cloud, one).item.result is Result.STALE
    assert not cloud.effects


def test_a_create_that_finds_ours_as_wanted_is_done_and_writes_nothing() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    driven = drive(cloud, change(*SECRET, BODY))
    assert (driven.item.result, driven.item.message) == (Result.DONE, "it was there already, as wanted")
    assert not cloud.effects


def test_a_create_that_finds_ours_otherwise_is_planned_anew() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: changed(versionDestroyTtl="1s")})
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.STALE
    assert "`versionDestroyTtl`" in driven.item.message


def test_a_strangers_object_is_never_taken_even_if_equal() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: changed(labels={"aipress-owner": "somebody"})})
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.FAILED
    assert "does not carry our mark (aipress-owner=k3v9x2ma)" in driven.item.message
    assert not cloud.effects


def test_a_name_taken_out_of_our_sight_ends_with_the_reason() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.REPLAN, "409: taken", 409, exists=True), times=99))
    driven = drive(cloud, change("shard/s/storage.bucket/media", "buckets/b", BODY))
    assert driven.item.result is Result.FAILED
    assert "409: taken" in driven.item.message and "may belong to somebody else" in driven.item.message


def test_what_comes_with_its_parent_is_set_although_it_is_there() -> None:
    name = "projects/p/secrets/acme-p/iam"
    wanted = {"bindings": [{"role": "roles/x", "members": ["serviceAccount:a"]}]}
    cloud = FakeCloud(objects={("secret.iam", name): {"bindings": [], "etag": "BwX"}})
    driven = drive(cloud, change("tenant/acme/secret.iam/production", name, wanted))
    assert driven.item.result is Result.DONE
    assert cloud.requests[0].action is Action.UPDATE
    assert cloud.body("secret.iam", name) == {**wanted, "etag": "BwX"}


def test_an_object_still_being_made_by_an_earlier_run_is_waited_for() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    cloud.stored[SECRET_KEY].pending, cloud.stored[SECRET_KEY].orphan = 4, True
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.DONE
    assert not cloud.effects
    assert driven.waited > 0


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("polls", [0, 3])
def test_a_lost_answer_of_a_create_never_makes_it_twice(lost: bool, polls: int) -> None:
    cloud = FakeCloud(polls=polls)
    cloud.script(Script("begin", failure=RESET, lost=lost, times=2))
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.DONE
    assert cloud.effects == [("create", *SECRET_KEY)]
    begins = [n for n, step in enumerate(driven.trace) if isinstance(step, Begin)]
    for first, second in pairwise(begins):
        assert any(isinstance(step, Reread) for step in driven.trace[first:second])
    assert len([s for s in driven.trace if isinstance(s, RecordIntent)]) == 1


def test_a_call_that_always_fails_is_given_up_after_five_retries() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=RESET, times=99))
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.FAILED
    assert driven.item.attempts == 6
    assert "connection reset" in driven.item.message


def test_retry_after_is_honoured_over_our_own_pause() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "slow down", 429, retry_after=33.0)))
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.DONE
    assert [s.seconds for s in driven.trace if isinstance(s, Wait)] == [33.0]


def test_what_waits_for_another_operation_waits_long_and_not_for_ever() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=BUSY, times=60))
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.DONE
    cloud.script(Script("begin", failure=BUSY, times=10_000))
    cloud.remove(*SECRET_KEY)
    driven = drive(cloud, change(*SECRET, BODY))
    assert driven.item.result is Result.FAILED
    assert 1800 <= driven.waited < 1820


def test_an_operation_that_never_ends_is_left_with_its_name() -> None:
    driven = drive(FakeCloud(polls=10**9), change(*SECRET, BODY))
    assert driven.item.result is Result.FAILED
    assert "operations/" in driven.item.message


def test_forbidden_is_told_at_once() -> None:
    cloud = FakeCloud()
    cloud.script(Script("begin", failure=DENIED))
    item = drive(cloud, change(*SECRET, BODY)).item
    assert (item.result, item.forbidden, item.attempts) == (Result.FAILED, True, 1)
    assert item.message == DENIED.message


def test_nothing_is_made_from_a_read_that_cannot_be_trusted() -> None:
    cloud = FakeCloud()
    cloud.script(Script("get", failure=Failure(Next.PERSON, "the API is down", 503), times=99))
    item = drive(cloud, change(*SECRET, BODY)).item
    assert item.result is Result.FAILED
    assert "the API is down" in item.message
    assert not cloud.effects


def test_a_fresh_parents_permissions_are_given_time_to_spread() -> None:
    cloud = FakeCloud()
    cloud.script(Script("get", failure=Failure(Next.PERSON, "403", 403, forbidden=True), times=30))
    one = change(*SECRET, BODY, after=["shard/s/project.service/secretmanager.googleapis.com"])
    assert drive(cloud, one).item.result is Result.DONE


def test_a_changed_etag_with_the_same_meaning_is_tried_again() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    cloud.script(Script("begin", failure=Failure(Next.REPLAN, "etag", 412)))
    driven = drive(cloud, planned(cloud, *SECRET, changed(versionDestroyTtl="1s"), BODY))
    assert (driven.item.result, driven.item.attempts) == (Result.DONE, 2)


def test_a_delete_of_what_is_gone_is_done() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    one = planned(cloud, *SECRET, BODY, action=Action.DELETE)
    cloud.remove(*SECRET_KEY)
    assert drive(cloud, one).item.result is Result.DONE
    assert not cloud.effects


@pytest.mark.parametrize("polls", [0, 2])
@pytest.mark.parametrize("lost", [True, False])
def test_a_delete_whose_answer_was_lost_ends_well(polls: int, lost: bool) -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY}, polls=polls)
    one = planned(cloud, *SECRET, BODY, action=Action.DELETE)
    cloud.script(Script("begin", failure=RESET, lost=lost))
    item = drive(cloud, one).item
    assert (item.result, item.live) == (Result.DONE, {})
    assert cloud.effects == [("delete", *SECRET_KEY)]


@pytest.mark.parametrize("polls", [0, 2])
def test_a_replacement_is_a_delete_and_then_a_create(polls: int) -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY}, polls=polls)
    wanted = changed(replication={"userManaged": {}})
    driven = drive(cloud, planned(cloud, *SECRET, wanted, BODY, action=Action.REPLACE))
    assert driven.item.result is Result.DONE
    assert cloud.effects == [("delete", *SECRET_KEY), ("create", *SECRET_KEY)]
    assert driven.item.uid not in ("", "uid-1")
    assert len({call.request_id for call in cloud.requests}) == 2


def test_each_half_of_a_replacement_has_its_own_retries() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    cloud.script(Script("begin", failure=RESET, times=4), Script("begin", failure=RESET, times=4, after=1))
    wanted = changed(replication={"userManaged": {}})
    assert drive(cloud, planned(cloud, *SECRET, wanted, BODY, action=Action.REPLACE)).item.result is Result.DONE


def test_a_delete_whose_answer_was_lost_never_takes_a_successor() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    one = planned(cloud, *SECRET, BODY, action=Action.DELETE)
    cloud.script(Script("begin", failure=RESET, lost=True))

    def successor(request: object) -> None:
        if isinstance(request, Reread) and cloud.effects and SECRET_KEY not in cloud.stored:
            cloud.put(*SECRET_KEY, BODY)

    item = drive(cloud, one, instead=successor).item
    assert item.result is Result.STALE
    assert "another secret stands under this name" in item.message
    assert SECRET_KEY in cloud.stored


def test_an_adoption_writes_nothing() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY})
    driven = drive(cloud, planned(cloud, *SECRET, BODY))
    assert driven.item.change.action is Action.ADOPT
    assert (driven.item.result, driven.item.uid) == (Result.DONE, "uid-1")
    assert not cloud.effects


def test_references_are_filled_in_from_finished_changes() -> None:
    version = Address.parse("tenant/acme/secret.version/production")
    ref = Ref(version, "version", "v{}").to_body()
    cloud = FakeCloud()
    one = change(*SECRET, changed(topics=[{"name": ref}]))
    item = drive(cloud, one, {version: {"version": "3"}}).item
    assert item.result is Result.DONE
    assert item.body is not None and item.body["topics"] == [{"name": "v3"}]
    assert cloud.body(*SECRET_KEY)["topics"] == [{"name": "v3"}]


@pytest.mark.parametrize("results", [{}, {Address.parse("shard/s/sql.instance/main"): {"ipAddresses": []}}])
def test_a_reference_that_leads_nowhere_fails_before_anything_happens(
    results: dict[Address, dict[str, object]],
) -> None:
    ref = Ref(Address.parse("shard/s/sql.instance/main"), "ipAddresses[0].ipAddress").to_body()
    cloud = FakeCloud()
    driven = drive(cloud, change(*SECRET, changed(topics=[ref])), results)
    assert driven.item.result is Result.FAILED
    assert "`ipAddresses[0].ipAddress` of shard/s/sql.instance/main" in driven.item.message
    assert not cloud.calls


def test_an_update_the_cloud_ignores_is_not_called_done() -> None:
    cloud = FakeCloud(objects={SECRET_KEY: BODY}, fill=lambda kind, name, body: dict(BODY))
    item = drive(cloud, planned(cloud, *SECRET, changed(versionDestroyTtl="1s"), BODY)).item
    assert item.result is Result.FAILED
    assert "`versionDestroyTtl` still reads otherwise" in item.message


def test_a_read_that_lags_behind_the_write_is_looked_at_again() -> None:
    cloud = FakeCloud(
        objects={SECRET_KEY: BODY}, fill=lambda kind, name, body: {**body, "versionDestroyTtl": "604800s"}
    )
    one = planned(cloud, *SECRET, changed(versionDestroyTtl="1s"), BODY)
    looks = iter(range(3))

    def catches_up(request: object) -> None:
        if isinstance(request, Reread) and cloud.effects and next(looks, None) is None:
            cloud.put(*SECRET_KEY, changed(versionDestroyTtl="1s"))

    assert drive(cloud, one, instead=catches_up).item.result is Result.DONE


def test_a_stop_before_the_call_leaves_everything_as_it_was() -> None:
    cloud = FakeCloud()
    driven = drive(cloud, change(*SECRET, BODY), instead=lambda r: Stopped("STOP") if isinstance(r, Begin) else None)
    assert driven.item.result is Result.INTERRUPTED
    assert driven.closed == driven.intents
    assert not cloud.effects


def test_an_intent_that_cannot_be_written_means_no_effect() -> None:
    cloud = FakeCloud()

    def full(request: object) -> Broken | None:
        return Broken("the disk is full") if isinstance(request, RecordIntent) else None

    driven = drive(cloud, change(*SECRET, BODY), instead=full)
    assert (driven.item.result, driven.item.message) == (Result.FAILED, "the disk is full")
    assert not cloud.effects


def test_two_runs_of_the_same_change_ask_the_same() -> None:
    def run() -> list[object]:
        cloud = FakeCloud(polls=2)
        cloud.script(Script("begin", failure=RESET, lost=True), Script("poll", failure=RESET, times=2))
        return list(drive(cloud, change(*SECRET, BODY)).trace)

    assert run() == run()


def test_pauses_grow_are_capped_and_are_spread() -> None:
    rules = Rules()
    pauses = [poll_pause(n, rules) for n in range(30)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 10.0)
    drawn = [jitter(f"change-{n}", 10, rules) for n in range(500)]
    assert 0 <= min(drawn) < 10 and 50 < max(drawn) <= 60
    assert jitter("a", 0, rules) <= 1.0


# --- every crash point ----------------------------------------------------------------------------------------------

ACTIONS = ["create", "update", "delete", "replace", "run", "adopt"]


def scene(action: str, polls: int) -> tuple[FakeCloud, tuple[str, str], dict[str, object]]:
    """A cloud before the change, the resource, and the body wanted ({} for a delete)."""
    if action == "run":
        where = ("tenant/acme/sql.backup/final-production", "projects/p/instances/i/backups/d")
        return FakeCloud(polls=polls), where, {"description": "aipress final uid=k3v9x2ma"}
    there = {} if action == "create" else {SECRET_KEY: BODY}
    wanted = {
        "create": BODY, "adopt": BODY, "delete": {}, "update": changed(versionDestroyTtl="1s"),
        "replace": changed(replication={"userManaged": {}}),
    }[action]  # fmt: skip
    return FakeCloud(objects=there, polls=polls), SECRET, dict(wanted)


def plan_again(cloud: FakeCloud, action: str, where: tuple[str, str], wanted: dict[str, object]):  # type: ignore[no-untyped-def]
    """What a fresh plan would hold; None when there is nothing left to do."""
    key = (Address.parse(where[0]).kind, where[1])
    there = key in cloud.stored
    if action == "delete":
        return planned(cloud, *where, BODY, action=Action.DELETE) if there else None
    if action == "run":
        return change(*where, wanted, Action.RUN) if not there else planned(cloud, *where, wanted)
    if action == "replace" and there and cloud.body(*key)["replication"] != wanted["replication"]:
        return planned(cloud, *where, wanted, BODY, action=Action.REPLACE)
    return planned(cloud, *where, wanted, BODY)


def quiet_end(cloud: FakeCloud) -> dict[tuple[str, str], object]:
    return {key: item.body for key, item in cloud.stored.items()}


@pytest.mark.parametrize("polls", [0, 2])
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_every_request_it_converges_with_nothing_made_twice(action: str, polls: int, moment: str) -> None:
    """Before or after each request of the undisturbed run (and so before and after intent, effect, answer, journal)."""
    cloud, where, wanted = scene(action, polls)
    undisturbed = drive(cloud, plan_again(cloud, action, where, wanted))
    assert undisturbed.item.result is Result.DONE
    golden, effects = quiet_end(cloud), sorted(cloud.effects)

    for point in range(len(undisturbed.trace)):
        cloud, where, wanted = scene(action, polls)
        first = plan_again(cloud, action, where, wanted)
        seen = iter(range(10_000))

        def killer(request, point=point, cloud=cloud, first=first, seen=seen):  # type: ignore[no-untyped-def]
            if next(seen) != point:
                return
            if moment == "after":
                answer(cloud, first, Driven(undisturbed.item, []), request)
            raise Killed

        with pytest.raises(Killed):
            drive(cloud, first, instead=killer)
            raise Killed  # the Finish itself: nothing is asked of the world any more
        for item in cloud.stored.values():
            item.orphan = True
        for _ in range(5):
            again = plan_again(cloud, action, where, wanted)
            if again is None:
                break
            end = drive(cloud, again).item
            assert end.result is Result.DONE, f"point {point} {moment}: {end.message}"
            if again.action is Action.ADOPT:
                break
        assert quiet_end(cloud) == golden, f"point {point}"
        assert sorted(cloud.effects) == effects, f"point {point}: something was done twice or not at all"
