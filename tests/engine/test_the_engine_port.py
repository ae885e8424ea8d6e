"""The Engine port, whichever engine stands behind it: what it starts, tells, how it stops, what a re-run finds."""

import itertools
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.model.errors import AipressError, Failure, Next
from reconciler.model.ids import Address
from reconciler.model.outcome import Event, EventKind, Result
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Answer, Call, Intent
from reconciler.model.resource import Ref
from tests.applying.builders import LABELS, change, planned
from tests.doubles import FakeCloud, Killed, Script
from tests.engine.rig import Rig

BODY = {"labels": LABELS}


@pytest.fixture(
    params=["threads", "durable", "simulated", pytest.param("postgres", marks=[pytest.mark.slow, pytest.mark.system])],
    autouse=True,
)
def driver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rig, "driver", request.param)
    if request.param == "postgres":
        monkeypatch.setattr(Rig, "url", request.getfixturevalue("postgres").database())
    monkeypatch.setattr(Rig, "folder", tmp_path, raising=False)


def secret(n: int, shard: str = "s", **more: object) -> Change:
    return change(f"tenant/t{n}/secret/production", f"projects/p/secrets/t{n}", BODY, shard=shard, **more)


def database(n: int, **more: object) -> Change:
    name = f"projects/p/instances/i/databases/t{n}"
    return change(f"tenant/t{n}/sql.database/production", name, {"charset": "utf8mb4"}, **more)


def test_values_flow_from_a_finished_change_into_the_next() -> None:
    rig = Rig(FakeCloud(polls=2, fill=lambda kind, name, body: {**body, "made": name}))
    ref = Ref(Address.parse("tenant/t1/secret/production"), "made", "of {}").to_body()
    second = change(
        "tenant/t2/secret/production", "projects/p/secrets/t2", {**BODY, "x": ref},
        after=["tenant/t1/secret/production"],
    )  # fmt: skip
    outcome = rig.apply([secret(1), second])
    assert outcome.ok and not outcome.interrupted
    assert rig.cloud.body("secret", "projects/p/secrets/t2")["x"] == "of projects/p/secrets/t1"
    assert outcome.items[second.address].body == {**BODY, "x": "of projects/p/secrets/t1"}
    assert rig.said(second) == ["start", "complete"]
    assert not rig.journal.open


def test_each_intent_is_on_record_before_its_effect() -> None:
    rig = Rig()
    seen: list[bool] = []
    begin = rig.cloud.begin
    rig.cloud.begin = lambda call: (seen.append(bool(rig.journal.open)), begin(call))[1]  # type: ignore[method-assign]
    rig.parallel = 1
    assert rig.apply([secret(n) for n in range(3)]).ok
    assert seen == [True, True, True]


def test_one_sick_tenant_stops_nobody_else() -> None:
    rig = Rig()
    rig.cloud.script(Script("begin", name="*t1", failure=Failure(Next.PERSON, "no quota", 403), times=9))
    follower = change(
        "tenant/t1/secret.iam/production", "projects/p/secrets/t1/iam", {}, after=[str(secret(1).address)]
    )
    outcome = rig.apply([secret(0), secret(1), follower, secret(2)])
    results = {str(a.target): i.result for a, i in outcome.items.items() if a.kind == "secret"}
    assert results == {"tenant/t0": Result.DONE, "tenant/t1": Result.FAILED, "tenant/t2": Result.DONE}
    assert outcome.items[follower.address].result is Result.SKIPPED
    assert rig.said(secret(1)) == ["start", "errored"]
    assert rig.said(follower) == ["skipped"]


def test_an_exception_in_one_change_is_that_changes_failure() -> None:
    rig = Rig()
    get = rig.cloud.get

    def broken(kind: str, name: str, parent: str, body: object) -> object:
        if name.endswith("t1"):
            raise KeyError("bodies")
        return get(kind, name, parent, body)  # type: ignore[arg-type]

    rig.cloud.get = broken  # type: ignore[method-assign,assignment]
    outcome = rig.apply([secret(0), secret(1), secret(2)])
    assert [i.result for i in outcome.items.values()] == [Result.DONE, Result.FAILED, Result.DONE]
    assert "a bug of aipress" in outcome.items[secret(1).address].message


def test_a_journal_that_cannot_be_written_stops_the_effect_with_the_way_on() -> None:
    rig = Rig()

    def full(intent: Intent) -> None:
        raise AipressError("the journal cannot be written: no space left", "Free space.")

    rig.journal.record = full  # type: ignore[method-assign]
    outcome = rig.apply([secret(0)])
    assert outcome.items[secret(0).address].message == "the journal cannot be written: no space left. Free space."
    assert not rig.cloud.effects


def test_a_shard_is_handed_over_as_soon_as_it_is_settled() -> None:
    rig = Rig(parallel=1)
    begun: list[set[str]] = []
    rig.on_settled = lambda shard: begun.append({event.change.shard for event in rig.events})
    outcome = rig.apply([secret(0, "a"), secret(1, "a"), secret(2, "b")])
    assert sorted((shard, len(o.items)) for shard, o in rig.settled) == [("a", 2), ("b", 1)]
    assert begun[0] == {rig.settled[0][0]}, "handed over before another shard's first change"
    assert outcome.ok


def test_a_version_that_cannot_be_published_does_not_keep_other_shards_from_being_applied() -> None:
    rig = Rig(parallel=1)

    def refuse(shard: str) -> None:
        if shard == "a":
            raise AipressError("the history cannot be written")

    rig.on_settled = refuse
    with pytest.raises(AipressError, match="the history cannot be written"):
        rig.apply([secret(0, "a"), secret(1, "b")])
    assert sorted(shard for shard, _ in rig.settled) == ["a", "b"]
    assert len(rig.cloud.effects) == 2


def test_a_listener_that_breaks_does_not_end_the_apply_half_way() -> None:
    rig = Rig()

    def closed(event: Event) -> None:
        raise BrokenPipeError("stdout is closed")

    rig.on_event = closed
    with pytest.raises(BrokenPipeError):
        rig.apply([secret(n) for n in range(3)])
    assert len(rig.cloud.effects) == 3
    assert rig.settled


def test_long_work_is_told_every_ten_seconds_and_short_work_is_not() -> None:
    rig = Rig(FakeCloud(polls=40))
    assert rig.apply([secret(0)]).ok
    elapsed = [e.elapsed for e in rig.events if e.kind is EventKind.PROGRESS]
    assert len(elapsed) > 10
    assert all(later - earlier < 21 for earlier, later in itertools.pairwise(elapsed))
    quick = Rig(FakeCloud(polls=1))
    quick.apply([secret(0)])
    assert quick.said(secret(0)) == ["start", "complete"]


def test_one_operation_at_a_time_per_sql_instance() -> None:
    rig = Rig(FakeCloud(polls=3), parallel=8)
    begin, overlaps = rig.cloud.begin, []

    def watched(call):  # type: ignore[no-untyped-def]
        overlaps.extend(n for (kind, n), item in rig.cloud.stored.items() if kind == "sql.database" and item.pending)
        return begin(call)

    rig.cloud.begin = watched  # type: ignore[method-assign]
    assert rig.apply([database(n) for n in range(6)]).ok
    assert overlaps == []


def test_the_stop_switch_is_honoured_before_each_effect() -> None:
    rig = Rig(parallel=1)
    begin = rig.cloud.begin

    def throwing(call: Call) -> Answer:
        rig.switch.reason = "the stop switch is thrown"
        return begin(call)

    rig.cloud.begin = throwing  # type: ignore[method-assign]
    outcome = rig.apply([secret(n) for n in range(4)])
    assert (outcome.interrupted, outcome.stopped) == (False, "the stop switch is thrown")
    assert [i.result for i in outcome.items.values()] == [Result.DONE] + [Result.INTERRUPTED] * 3
    assert "the stop switch is thrown" in outcome.items[secret(1).address].message
    assert len(rig.cloud.effects) == 1
    assert rig.settled[0][1].stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_what_is_under_way_and_starts_nothing_new(number: int) -> None:
    rig = Rig(FakeCloud(polls=5), parallel=1)
    before = signal.getsignal(number)
    sent = threading.Event()

    def once() -> None:
        if not sent.is_set():
            sent.set()
            os.kill(os.getpid(), number)

    rig.clock.on_sleep = once
    outcome = rig.apply([secret(n) for n in range(3)])
    assert outcome.interrupted
    assert [i.result for i in outcome.items.values()] == [Result.DONE, Result.INTERRUPTED, Result.INTERRUPTED]
    assert rig.cloud.effects == [("create", "secret", "projects/p/secrets/t0")]
    assert signal.getsignal(number) == before


def test_a_second_interrupt_leaves_and_a_re_run_finds_what_went_on() -> None:
    rig = Rig(FakeCloud(polls=10**6), parallel=1)

    def impatient() -> None:
        raise KeyboardInterrupt

    rig.clock.on_sleep = impatient
    outcome = rig.apply([secret(0), secret(1)])
    assert outcome.interrupted
    left = outcome.items[secret(0).address]
    assert left.result is Result.INTERRUPTED
    assert "goes on in the cloud" in left.message
    assert rig.journal.open, "an intent nobody saw through stays open"

    rig.cloud.stored["secret", "projects/p/secrets/t0"].pending = 0
    again = Rig(rig.cloud, rig.journal)
    again.cloud.polls = 0
    assert again.apply([secret(0), secret(1)]).ok
    assert next(e.message for e in again.events if e.change == secret(0)).startswith("an earlier run was cut off here")
    assert [e for e in rig.cloud.effects if e[2].endswith("t0")] == [("create", "secret", "projects/p/secrets/t0")]
    assert not rig.journal.open


def test_an_interrupt_does_not_sleep_out_a_pause_in_which_nothing_is_under_way() -> None:
    """A back-off of an hour, asked for by the API: nothing happened yet, so the end is not waited for."""
    rig = Rig(parallel=2)
    rig.cloud.script(Script("begin", name="*t0", failure=Failure(Next.WAIT, "busy", 409, retry_after=3600.0), times=99))
    sent, ended = threading.Event(), threading.Event()

    def once() -> None:
        if sent.is_set() and not ended.wait(10):  # this clock runs ahead of who hears it
            ended.set()
        if ("create", "secret", "projects/p/secrets/t1") in rig.cloud.effects and not sent.is_set():
            sent.set()
            raise KeyboardInterrupt

    rig.clock.on_sleep = once
    rig.on_event = lambda event: ended.set() if event.kind is EventKind.ERRORED else None
    began = rig.clock.now()
    outcome = rig.apply([secret(0), secret(1), secret(2, after=["tenant/t0/secret/production"])])
    assert sent.is_set() and outcome.interrupted
    assert [i.result for i in outcome.items.values()] == [Result.INTERRUPTED, Result.DONE, Result.INTERRUPTED]
    assert "stopped before it was done" in outcome.items[secret(0).address].message
    assert (rig.clock.now() - began).total_seconds() < 60


def test_a_stop_switch_does_not_sleep_out_a_pause_either() -> None:
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", failure=Failure(Next.WAIT, "busy", 409, retry_after=3600.0), times=99))
    ended = threading.Event()

    def thrown() -> None:
        if rig.switch.reason and rig.clock.at > began + timedelta(seconds=10) and not ended.wait(10):
            ended.set()
        rig.switch.reason = "the stop switch is thrown"

    rig.clock.on_sleep = thrown
    rig.on_event = lambda event: ended.set() if event.kind is EventKind.ERRORED else None
    began = rig.clock.now()
    outcome = rig.apply([secret(0)])
    assert outcome.stopped == "the stop switch is thrown"
    assert (rig.clock.now() - began).total_seconds() < 60


def test_an_interrupt_between_the_halves_of_a_replacement_waits_for_the_new_one() -> None:
    cloud = FakeCloud(objects={("secret", "projects/p/secrets/t0"): {**BODY, "replication": {"a": "1"}}}, polls=3)
    wanted = {**BODY, "replication": {"b": "2"}}
    one = planned(cloud, "tenant/t0/secret/production", "projects/p/secrets/t0", wanted, action=Action.REPLACE)
    cloud.script(Script("begin", failure=Failure(Next.RETRY, "connection reset", 503), after=1))
    rig = Rig(cloud)
    sent = threading.Event()

    def once() -> None:
        if cloud.effects and not sent.is_set():
            sent.set()
            raise KeyboardInterrupt

    rig.clock.on_sleep = once
    outcome = rig.apply([one])
    assert sent.is_set() and outcome.interrupted
    assert outcome.items[one.address].result is Result.DONE
    assert cloud.body("secret", "projects/p/secrets/t0")["replication"] == {"b": "2"}


@pytest.mark.parametrize("kill", ["before", "after"])
def test_the_death_of_the_process_is_not_swallowed_and_a_re_run_converges(kill: str) -> None:
    rig = Rig(parallel=2)
    rig.cloud.script(Script("begin", name="*t1", kill=kill))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(4)])
    changes = [planned(rig.cloud, str(c.address), c.name, BODY) for c in (secret(n) for n in range(4))]
    again = Rig(rig.cloud, rig.journal)
    assert again.apply(changes).ok
    assert sorted(rig.cloud.effects) == [("create", "secret", f"projects/p/secrets/t{n}") for n in range(4)]
    assert not rig.journal.open


def test_what_a_guard_keeps_is_not_run() -> None:
    rig = Rig()
    outcome = rig.apply([secret(0), secret(1)], {secret(0).address: "blast-radius: too many"})
    assert outcome.items[secret(0).address].message == "blast-radius: too many"
    assert [name for _, _, name in rig.cloud.effects] == ["projects/p/secrets/t1"]


def test_an_empty_plan_is_over_at_once() -> None:
    assert Rig().apply([]).ok
