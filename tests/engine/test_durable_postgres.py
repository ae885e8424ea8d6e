"""The durable engine on PostgreSQL: several processes that take over from each other, and a server that goes away."""

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from reconciler.engine.clock import SystemClock
from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.ledger import Ledger
from reconciler.engine.durable.terms import Terms
from reconciler.model.order import Order
from reconciler.model.plan import Plan
from tests.applying.builders import LABELS, change
from tests.doubles import FakeCloud, plain_effects
from tests.engine.disk_cloud import complete, log, times
from tests.engine.postgres import Postgres
from tests.engine.rig import MemoryJournal
from tests.engine.test_durable_processes import COUNT, ended, nobody_stays, started, wait_for_effects
from tests.engine.test_effects import Fenced

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(240)]
__all__ = ["nobody_stays"]
LIFETIME = 3.0
AT_THE_DOOR = 4
"""Calls that may have passed their gate in the instant in which a worker of four threads was stopped: no gate can hold
these back; what the provider is asked to check (a name, an etag) does."""


def asleep(process: "subprocess.Popen[str]") -> None:
    """Stopped, and every thread of it: a signal is sent before it arrives."""
    process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + 20
    while any(_state(task) != "T" for task in Path(f"/proc/{process.pid}/task").iterdir()):
        assert time.monotonic() < end, "it does not stop"
        time.sleep(0.002)


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def begun(folder: Path, process: "subprocess.Popen[str]") -> int:
    return sum(row[:2] == [str(process.pid), "begin"] for row in log(folder))


def waiting(folder: Path, host: str, url: str) -> "subprocess.Popen[str]":
    """A worker that is ready to take over."""
    process = started(folder, host, url, LIFETIME)
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    return process


def test_a_killed_worker_is_taken_over_by_one_of_two_and_nothing_is_made_twice(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.database()
    for host in ("b", "c"):
        waiting(tmp_path, host, url)
    first = started(tmp_path, "a", url, count=COUNT)
    wait_for_effects(tmp_path, 10, first)
    first.send_signal(signal.SIGKILL)
    assert first.wait(20) == -signal.SIGKILL
    postgres.ask(f"UPDATE aipress_executors SET seen = seen - 1000 WHERE id LIKE '%-{first.pid}-%'", url)
    _until(lambda: times(tmp_path, "effect").total() == COUNT and _open_orders(postgres, url) == 0)
    assert complete(tmp_path, COUNT)
    assert set(times(tmp_path, "effect").values()) == {1}
    lines = [line.split(" ") for line in (tmp_path / "settled.log").read_text().splitlines()]
    takers = {int(pid) for pid, _, _ in lines} - {first.pid}
    assert len(takers) == 1, "two went on with one order"
    assert len(lines) == 5 and all(ok == "True" for _, _, ok in lines)


def test_a_worker_that_slept_through_its_life_changes_nothing_when_it_wakes(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    first = started(tmp_path, "a", url, count=COUNT)
    wait_for_effects(tmp_path, 10, first)
    asleep(first)
    begun_before = begun(tmp_path, first)
    postgres.ask(f"UPDATE aipress_executors SET seen = seen - 1000 WHERE id LIKE '%-{first.pid}-%'", url)
    second = waiting(tmp_path, "b", url)
    ended(second)
    assert complete(tmp_path, COUNT)
    first.send_signal(signal.SIGCONT)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 4 and "taken over" in out, out
    assert begun(tmp_path, first) - begun_before <= AT_THE_DOOR, "the zombie began something"
    assert set(times(tmp_path, "effect").values()) == {1}


def test_a_worker_that_slept_through_its_life_begins_nothing_even_where_nobody_took_over(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Its own gate alone keeps it out here: nobody else owns its applies, and every object is as it left it."""
    url = postgres.database()
    first = started(tmp_path, "a", url, -5.0, count=COUNT)
    wait_for_effects(tmp_path, 10, first)
    asleep(first)
    begun_before = begun(tmp_path, first)
    time.sleep(5.2)  # its own clock says how long it slept
    first.send_signal(signal.SIGCONT)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 1 and "gave no sign of life for too long" in out, out
    assert begun_before + AT_THE_DOOR < COUNT, "it slept too late for this test to show anything"
    assert begun(tmp_path, first) - begun_before <= AT_THE_DOOR, "the zombie began something"
    ended(started(tmp_path, "b", url, count=COUNT))
    assert complete(tmp_path, COUNT) and set(times(tmp_path, "effect").values()) == {1}


def test_what_a_dead_worker_left_can_be_told_by_the_others(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    engine = DurableEngine(plain_effects(FakeCloud(), MemoryJournal(), SystemClock()), tmp_path, Terms(2, url))
    assert not engine.abandoned(), "no table is there yet"
    ledger = Ledger(url, SystemClock(), 5.0)
    ledger.prepare()
    one = change("tenant/t1/secret/production", "projects/p/secrets/t1", {"labels": LABELS})
    ledger.beat("other")
    entry = ledger.add(Order(Plan("local:test", "", "c0ffee", {}, (one,))), "other")
    assert not engine.abandoned(), "its worker lives"
    ledger.retire("other")
    assert engine.abandoned()
    ledger.shut(entry.number, "over")
    assert not engine.abandoned()
    ledger.close()
    postgres.drop(url)
    assert not engine.abandoned()


def test_without_a_sign_of_life_nothing_is_written(postgres: Postgres, tmp_path: Path) -> None:
    cloud = FakeCloud()
    one = change("tenant/t1/secret/production", "projects/p/secrets/t1", {"labels": LABELS})
    terms = Terms(2, postgres.database(), lifetime=40.0, longest_call=45.0)
    engine = DurableEngine(plain_effects(cloud, MemoryJournal(), SystemClock()), tmp_path, terms)
    outcome = engine.apply(Order(Plan("local:test", "", "c0ffee", {}, (one,))), lambda event: None, lambda *given: None)
    assert "no sign of life" in outcome.items[one.address].message
    assert not cloud.effects


def test_a_server_that_restarts_is_waited_for(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    process = started(tmp_path, "a", url, count=COUNT)
    wait_for_effects(tmp_path, 10, process)
    postgres.stop()
    time.sleep(2)
    postgres.start()
    ended(process)
    assert complete(tmp_path, COUNT)
    assert set(times(tmp_path, "effect").values()) == {1} and not times(tmp_path, "refused")


def test_a_database_that_is_dropped_loses_nothing(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    for effects in (5, 20, 35):
        process = started(tmp_path, "a", url, count=COUNT)
        wait_for_effects(tmp_path, effects, process)
        postgres.drop(url)
        out, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 4), out
    ended(started(tmp_path, "a", url, count=COUNT))
    assert complete(tmp_path, COUNT)
    assert set(times(tmp_path, "effect").values()) == {1}


def test_of_many_takers_one_gets_an_order(postgres: Postgres) -> None:
    url = postgres.database()
    ledgers = [Ledger(url, SystemClock(), 5.0) for _ in range(8)]
    one = change("tenant/t1/secret/production", "projects/p/secrets/t1", {"labels": LABELS})
    ledgers[0].prepare()
    entry = ledgers[0].add(Order(Plan("local:test", "", "c0ffee", {}, (one,))), "dead")
    got: list[bool] = []
    go = threading.Barrier(len(ledgers))

    def take(ledger: Ledger, name: str) -> None:
        go.wait()
        got.append(ledger.take(entry, name))

    threads = [threading.Thread(target=take, args=(ledger, f"w{n}")) for n, ledger in enumerate(ledgers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]
    for ledger in ledgers:
        ledger.close()


def _open_orders(postgres: Postgres, url: str) -> int:
    ((count,),) = postgres.ask("SELECT count(*) FROM aipress_orders WHERE closed IS NULL", url)
    return int(str(count))


def _until(done: "object", seconds: float = 100.0) -> None:
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end, "it does not end"
        time.sleep(0.05)


def test_a_worker_gives_the_shard_back_when_its_part_is_over(postgres: Postgres, tmp_path: Path) -> None:
    """Whoever publishes, or walks the next part, may be another process."""
    fence = Fenced()
    changes = tuple(
        change(f"tenant/t{n}/secret/production", f"projects/p/secrets/t{n}", {"labels": LABELS}) for n in range(3)
    )
    order = Order(Plan("local:test", "", "c0ffee", {"shard/s": None}, changes), {})
    effects = plain_effects(FakeCloud(), MemoryJournal(), SystemClock(), fence=fence)
    engine = DurableEngine(effects, tmp_path, Terms(4, postgres.database()))
    seen: list[list[str]] = []
    outcome = engine.apply(order, lambda event: None, lambda order, shard, ended: seen.append(list(fence.asked)))
    assert outcome.ok and fence.asked.count("leave s") == 1
    assert seen[0][-1] == "leave s", "before it is handed over to be published"
