"""Processes that end in the middle of a durable apply, within one process: what the next engine finds, and what it
does with it. Each of DBOS's traps (engine research §3) has its test here; tests with real processes are beside it."""

import logging
import random
import sqlite3
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.journaled import Journal, RecordedError
from reconciler.engine.durable.ledger import SCHEMA
from reconciler.model.canonical import Body
from reconciler.model.errors import AipressError, Failure, Next, RefusedError
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Change, Plan
from reconciler.model.ports import Answer, Call
from reconciler.model.resource import Observation, Ref
from tests.applying.builders import LABELS, change, planned
from tests.doubles import FakeCloud, Killed, Script
from tests.engine.rig import Rig


@pytest.fixture(params=["durable", "simulated"], autouse=True)
def driver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine on DBOS, and the simulation's on DBOS in memory, which must do the same."""
    monkeypatch.setattr(Rig, "driver", request.param)
    monkeypatch.setattr(Rig, "folder", tmp_path, raising=False)


ON_DBOS = pytest.mark.parametrize("driver", ["durable"], indirect=True)
"""For tests that read or spoil the tables of DBOS itself, or take their real time."""


def name_of(n: int) -> str:
    return f"projects/p/secrets/t{n:02}"


def address_of(n: int) -> Address:
    return Address.parse(f"tenant/t{n:02}/secret/production")


def secret(n: int, shard: str = "s", refers: Sequence[int] = ()) -> Change:
    """One change; it takes a value from each that it refers to."""
    body = {"labels": LABELS, **{f"from{m:02}": Ref(address_of(m), "made").to_body() for m in refers}}
    after = [str(address_of(m)) for m in refers]
    return change(str(address_of(n)), name_of(n), body, shard=shard, after=after)


def filled(kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "made": f"made of {name}"}


def again(rig: Rig, cloud: FakeCloud | None = None) -> Rig:
    """A new process: the same cloud, journal of intents, and engine database. What was being made goes on by itself."""
    there = cloud or rig.cloud
    for item in there.stored.values():
        item.orphan = True
    return Rig(there, rig.journal, parallel=rig.parallel)


def creates(cloud: FakeCloud) -> list[str]:
    return sorted(name for method, _, name in cloud.calls if method == "begin:create")


def replanned(cloud: FakeCloud, changes: Sequence[Change]) -> list[Change]:
    return [planned(cloud, str(c.address), c.name, c.body, after=list(map(str, c.after))) for c in changes]


def asked(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "engine.sqlite")) as at:
        rows = at.execute(question).fetchall()
        at.commit()
        return rows


def recorded(folder: Path) -> set[str]:
    """Changes whose call was answered and is on record."""
    if Rig.driver == "simulated":
        steps = [name for one in Rig.kept[folder].workflows.values() for name, _ in one.steps.values()]
        return {name.partition(" ")[2] for name in steps if name.startswith("begin ")}
    rows = asked(folder, "SELECT function_name FROM operation_outputs WHERE output IS NOT NULL")
    return {name.partition(" ")[2] for (name,) in rows if name.startswith("begin ")}


# --- going on -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("polls", [0, 3])
def test_what_was_cut_off_is_gone_on_with_and_nothing_is_called_twice(kill: str, polls: int, tmp_path: Path) -> None:
    rig = Rig(FakeCloud(polls=polls), parallel=2)
    rig.cloud.script(Script("begin", name="*t05", kill=kill))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(8)])
    done = recorded(tmp_path)
    called = len(rig.cloud.calls)
    next_one = again(rig)
    ((order, outcome),) = next_one.resume()
    assert outcome.ok and len(outcome.items) == 8 and order.plan.digest
    assert [shard for shard, _ in next_one.settled] == ["s"]
    assert next_one.settled[0][1] == outcome
    assert sorted(e for e in rig.cloud.effects) == [("create", "secret", name_of(n)) for n in range(8)]
    later = {name for method, _, name in rig.cloud.calls[called:] if method.startswith("begin")}
    assert not later & {name_of(int(address.split("/")[1][1:])) for address in done}
    assert not next_one.journal.open
    assert next_one.resume() == ()


def test_only_what_is_done_now_is_told(tmp_path: Path) -> None:
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t02", kill="before"))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(4)])
    next_one = again(rig)
    next_one.resume()
    told = {e.change.address.target.name for e in next_one.events}
    assert told == {"t02", "t03"}
    assert next(e.message for e in next_one.events).startswith("an earlier run was cut off here")


def test_a_running_operation_is_asked_after_and_not_begun_again(tmp_path: Path) -> None:
    rig = Rig(FakeCloud(polls=4))
    rig.cloud.script(Script("poll", kill="before", after=1))
    with pytest.raises(Killed):
        rig.apply([secret(0)])
    assert recorded(tmp_path) == {str(address_of(0))}
    called = len(rig.cloud.calls)
    ((_, outcome),) = again(rig).resume()
    assert outcome.ok
    assert rig.cloud.calls[called][0] == "poll"
    assert creates(rig.cloud) == [name_of(0)]


def test_parts_of_several_shards_go_on_from_where_each_was(tmp_path: Path) -> None:
    changes = [secret(0, ""), secret(1, "a", [0]), secret(2, "b", [0]), secret(3, "b", [2]), secret(4, "", [3])]
    rig = Rig(FakeCloud(fill=filled), parallel=1)
    rig.cloud.script(Script("begin", name="*t03", kill="after"))
    with pytest.raises(Killed):
        rig.apply(changes)
    next_one = again(rig)
    ((_, outcome),) = next_one.resume()
    assert outcome.ok and list(outcome.items) == [c.address for c in changes]
    handed = {shard for shard, _ in (*rig.settled, *next_one.settled)}
    assert handed == {"", "a", "b"}
    assert sorted(creates(rig.cloud)) == [name_of(n) for n in range(5)]
    assert rig.cloud.body("secret", name_of(4))["from03"] == f"made of {name_of(3)}"


def test_a_shard_that_was_over_but_not_handed_over_is_handed_over_by_the_next(tmp_path: Path) -> None:
    rig = Rig()

    def die(shard: str) -> None:
        raise Killed

    rig.on_settled = die
    with pytest.raises(Killed):
        rig.apply([secret(0), secret(1)])
    called = len(rig.cloud.calls)
    next_one = again(rig)
    next_one.resume()
    assert [(shard, o.ok) for shard, o in next_one.settled] == [("s", True)]
    assert len(rig.cloud.calls) == called, "everything was on record"


def test_an_order_comes_back_as_it_was_given(tmp_path: Path) -> None:
    rig = Rig()
    rig.cloud.script(Script("begin", kill="before"))
    plan = Plan("local:test", "", "c0ffee", {"shard/s": None}, (secret(0), secret(1)))
    order = Order(plan, {address_of(1): "on hold"}, "jo@example.org", "serve (commit)", {"fleet.yaml": "kind: Fleet"})
    with pytest.raises(Killed):
        rig.engine().apply(order, rig.heard, rig.handed)
    ((back, outcome),) = again(rig).resume()
    assert back == order
    assert outcome.items[address_of(1)].message == "on hold"


# --- dropping -------------------------------------------------------------------------------------------------------


def test_a_plan_that_is_not_current_any_more_is_never_walked(tmp_path: Path) -> None:
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t01", kill="before"))
    with pytest.raises(Killed):
        rig.apply([secret(0, "a"), secret(1, "a"), secret(2, "b")])
    calls = list(rig.cloud.calls)
    next_one = again(rig)
    assert next_one.resume(lambda order: False) == []
    assert rig.cloud.calls == calls and not next_one.settled
    assert next_one.resume() == (), "it is closed for good"
    assert again(rig).apply(replanned(rig.cloud, [secret(n, "ab"[n // 2]) for n in range(3)])).ok


def test_what_nobody_went_on_with_does_not_block_its_shard(tmp_path: Path) -> None:
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t01", kill="after"))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(3)])
    assert again(rig).apply(replanned(rig.cloud, [secret(n) for n in range(3)])).ok
    assert creates(rig.cloud) == [name_of(n) for n in range(3)]


@ON_DBOS
def test_another_versions_apply_is_cancelled_and_its_shard_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Trap 3: it would stay pending for ever, and block its shard."""
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t01", kill="before"))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(3)])
    asked(tmp_path, "UPDATE workflow_status SET application_version = 'aipress-0'")
    asked(tmp_path, "UPDATE aipress_orders SET schema = 0")
    called = len(rig.cloud.calls)
    assert again(rig).resume() == []
    assert "another version of aipress" in caplog.text
    assert len(rig.cloud.calls) == called
    assert asked(tmp_path, "SELECT status FROM workflow_status") == [("CANCELLED",)]
    assert again(rig).apply(replanned(rig.cloud, [secret(n) for n in range(3)])).ok


@ON_DBOS
def test_the_version_is_constant(tmp_path: Path) -> None:
    """Trap 3: DBOS's own is a hash of our code, which every upgrade changes."""
    assert Rig().apply([secret(0)]).ok
    assert asked(tmp_path, "SELECT DISTINCT application_version FROM workflow_status") == [(f"aipress-{SCHEMA}",)]


@ON_DBOS
def test_a_journal_that_tells_of_other_steps_is_loud_and_planned_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Trap 4: code that takes its steps in another order meets a journal of the order before."""
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t02", kill="before"))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(4)])
    asked(tmp_path, "UPDATE operation_outputs SET function_name = 'begin another' WHERE function_id = 1")
    called = len(rig.cloud.calls)
    with caplog.at_level(logging.WARNING):
        assert again(rig).resume() == []
    assert "cannot be gone on with" in caplog.text
    assert not [c for c in rig.cloud.calls[called:] if c[0].startswith("begin")]
    assert again(rig).apply(replanned(rig.cloud, [secret(n) for n in range(4)])).ok
    assert [name for _, _, name in rig.cloud.effects] == [name_of(n) for n in range(4)]


# --- the journal's own rules ----------------------------------------------------------------------------------------


class Slow(FakeCloud):
    """Each call of a name takes its own time, drawn from a seed. Once a script killed its process, the threads that
    this one has left over change nothing more."""

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(**more)
        self.chance, self.dead = random.Random(seed), False

    def begin(self, call: Call) -> Answer:
        time.sleep(self.chance.random() * 0.02)
        with self._lock:
            if self.dead:
                raise Killed
            try:
                return super().begin(call)
            except Killed:
                self.dead = True
                raise

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        time.sleep(self.chance.random() * 0.02)
        return super().get(kind, name, parent, body)


@pytest.mark.parametrize("seed", range(3))
@ON_DBOS
def test_a_parallel_plan_replayed_with_other_latencies_gives_each_its_own_result(seed: int, tmp_path: Path) -> None:
    """Trap 1: steps numbered in the order they start give other changes' results to half of the plan, in silence."""
    chance = random.Random(seed)
    changes = [secret(n, "s", chance.sample(range(n), min(n, chance.randint(0, 2)))) for n in range(24)]
    rig = Rig(Slow(seed, fill=filled, polls=seed), parallel=6)
    rig.cloud.script(Script("begin", kill="after", after=12))
    with pytest.raises(Killed):
        rig.apply(changes)
    cloud = Slow(seed + 100, fill=filled, polls=seed)
    cloud.stored, cloud.effects, cloud.calls = rig.cloud.stored, rig.cloud.effects, list(rig.cloud.calls)
    done = recorded(tmp_path)
    assert 5 < len(done) < 24
    ((_, outcome),) = again(rig, cloud).resume()
    assert outcome.ok, [(str(a), i.result, i.message) for a, i in outcome.items.items() if i.message]
    for n, one in enumerate(changes):
        live = outcome.items[one.address].live
        assert live is not None and live["made"] == f"made of {name_of(n)}"
        assert {k: v for k, v in live.items() if k.startswith("from")} == {
            f"from{a.target.name[1:]}": f"made of projects/p/secrets/{a.target.name}" for a in one.after
        }
    assert creates(cloud) == [name_of(n) for n in range(24)], "nothing was called twice"


@ON_DBOS
def test_what_goes_on_stays_in_its_queue_one_at_a_time_per_shard(tmp_path: Path) -> None:
    """Trap 2: a workflow resumed without its queue leaves the guard that keeps two applies off one shard."""
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t01", kill="before"))
    with pytest.raises(Killed):
        rig.apply([secret(0, "a"), secret(1, "a"), secret(2, "b", [1])])
    again(rig).resume()
    rows = asked(tmp_path, "SELECT queue_name, queue_partition_key, status FROM workflow_status ORDER BY workflow_uuid")
    assert rows == [("aipress-shards", "shard/a", "SUCCESS"), ("aipress-shards", "shard/b", "SUCCESS")]
    (limits,) = asked(
        tmp_path,
        "SELECT partition_concurrency, partition_rate_limit_max, concurrency FROM queues WHERE name = 'aipress-shards'",
    )
    assert limits == (1, None, None), "one apply per shard, and no partition limiter (trap 5)"


@ON_DBOS
def test_each_change_takes_two_named_steps_at_most_however_long_its_operation(tmp_path: Path) -> None:
    assert Rig(FakeCloud(polls=40)).apply([secret(0), secret(1)]).ok
    rows = asked(tmp_path, "SELECT function_id, function_name FROM operation_outputs ORDER BY function_id")
    assert rows == [(n + 1, f"{what} {address_of(n // 2)}") for n, what in enumerate(["begin", "wait"] * 2)]
    assert Rig().apply([secret(2)]).ok
    last = asked(tmp_path, "SELECT function_name FROM operation_outputs WHERE function_name LIKE '%t02%'")
    assert last == [(f"begin {address_of(2)}",)], "and one where nothing is waited for"


@ON_DBOS
def test_the_database_is_in_wal_mode_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Trap 6: without WAL it is two to five times slower."""
    assert Rig().apply([secret(0)]).ok
    assert asked(tmp_path, "PRAGMA journal_mode") == [("wal",)]
    assert stat.S_IMODE((tmp_path / "engine.sqlite").stat().st_mode) == 0o600


@ON_DBOS
def test_what_is_kept_there_cannot_run_code_when_it_is_read(tmp_path: Path) -> None:
    assert Rig().apply([secret(0)]).ok
    kept = "SELECT inputs FROM workflow_input UNION ALL SELECT output FROM workflow_output UNION ALL "
    rows = asked(tmp_path, f"{kept} SELECT output FROM operation_outputs")
    assert len(rows) == 3 and all(text.startswith('{"json":') for (text,) in rows)
    assert asked(tmp_path, "SELECT DISTINCT serialization FROM operation_outputs") == [("aipress_json",)]


def test_one_process_at_a_time_has_the_database(tmp_path: Path) -> None:
    rig = Rig()
    first, second = rig.engine(), rig.engine()
    assert isinstance(first, DurableEngine) and isinstance(second, DurableEngine)
    with first.working(), pytest.raises(RefusedError, match="`engine` is held"), second.working():
        pass
    with second.working():
        pass


def test_nothing_to_do_leaves_no_file(tmp_path: Path) -> None:
    rig = Rig()
    assert rig.apply([]).ok and rig.resume() == ()
    assert not (tmp_path / "engine.sqlite").exists()


# --- without a journal ----------------------------------------------------------------------------------------------


def _delete(folder: Path) -> None:
    for file in folder.glob("engine.sqlite*"):
        file.unlink()


def _delete_half(folder: Path) -> None:
    (folder / "engine.sqlite").unlink(missing_ok=True)


def _damage(folder: Path) -> None:
    if (folder / "engine.sqlite").exists():
        (folder / "engine.sqlite").write_bytes(b"no database at all" * 500)


STEPS = 20
"""Calls of the cloud in the apply below; each is between two steps of some change."""


@pytest.mark.slow
@pytest.mark.parametrize("at", range(STEPS))
@ON_DBOS
def test_the_database_lost_between_any_two_steps_loses_nothing(at: int, tmp_path: Path) -> None:
    harm = (_delete, _delete_half, _damage)[at % 3]
    changes = [secret(0, ""), secret(1, "a", [0]), secret(2, "a", [1]), secret(3, "b", [0]), secret(4, "b")]
    rig = Rig(FakeCloud(polls=2, fill=filled), parallel=2)
    count = 0

    def harming(method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            nonlocal count
            count += 1
            if count == at + 1:
                harm(tmp_path)
            return method(*given)

        return called

    for method in ("get", "begin", "poll"):
        setattr(rig.cloud, method, harming(getattr(rig.cloud, method)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconciler.engine.durable.attending.TICK", 0.1)
        outcome: Outcome | None = None
        try:
            outcome = rig.apply(changes)
        except AipressError as error:
            assert "nothing is lost" in error.hint, error
    assert count > at
    assert outcome is None or outcome.ok
    next_one = again(rig)
    next_one.resume()
    for _ in range(3):  # what is still being made is waited for
        assert next_one.apply(replanned(rig.cloud, changes)).ok
    assert sorted(e for e in rig.cloud.effects) == [("create", "secret", name_of(n)) for n in range(5)]
    assert not next_one.journal.open


@ON_DBOS
def test_a_database_lost_while_a_broken_apply_is_closed_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part ended with the database's own error, and closing its order meets the same."""

    def broken(*_: object) -> Outcome:
        raise RecordedError("OperationalError: no such table: main.workflow_status")

    def gone(*_: object) -> Sequence[str]:
        raise OperationalError("SELECT 1", {}, Exception("no such table: main.workflow_status"))

    rig = Rig()
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "outcome", broken)
        patch.setattr(Journal, "unfinished", gone)
        with pytest.raises(AipressError, match="the engine's database cannot be used any more") as caught:
            rig.apply([secret(0)])
    assert "nothing is lost" in caught.value.hint
    next_one = again(rig)
    next_one.resume()
    assert next_one.apply(replanned(rig.cloud, [secret(0)])).ok
    assert creates(rig.cloud) == [name_of(0)]


def test_a_damaged_database_is_moved_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "engine.sqlite").write_bytes(b"garbage " * 1000)
    assert Rig().apply([secret(0)]).ok
    assert (tmp_path / "engine.sqlite.damaged").exists()
    assert "nothing is lost" in caplog.text


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(Rig, "folder", tmp_path / "file" / "state")
    with pytest.raises(AipressError, match="cannot be"):
        Rig().apply([secret(0)])


def test_a_failed_change_is_gone_on_around(tmp_path: Path) -> None:
    rig = Rig(parallel=1)
    rig.cloud.script(Script("begin", name="*t00", failure=Failure(Next.PERSON, "no quota", 403), times=9))
    rig.cloud.script(Script("begin", name="*t02", kill="before"))
    with pytest.raises(Killed):
        rig.apply([secret(n) for n in range(3)])
    ((_, outcome),) = again(rig).resume()
    assert [i.result for i in outcome.items.values()] == [Result.FAILED, Result.DONE, Result.DONE]
    assert outcome.items[address_of(0)].message == "no quota"
