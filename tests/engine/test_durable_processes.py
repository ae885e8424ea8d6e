"""Real processes that apply on the durable engine, killed by SIGKILL: embedded, on a file."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.engine.disk_cloud import complete, log, name_of, times

ROOT = Path(__file__).parents[2]
COUNT = 48
STARTED: "list[subprocess.Popen[str]]" = []


def started(
    folder: Path, host: str, url: str = "", lifetime: float = 0.0, count: int = COUNT
) -> "subprocess.Popen[str]":
    words = [str(folder), host, url, str(count), *([str(lifetime)] if lifetime else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.disk_cloud", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """Whatever a test comes to, its processes end with it."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait(20)


def wait_for_effects(folder: Path, count: int, process: "subprocess.Popen[str]", seconds: float = 60.0) -> None:
    """Until so many took effect, or the process ended."""
    end = time.monotonic() + seconds
    while times(folder, "effect").total() < count and process.poll() is None:
        assert time.monotonic() < end, f"only {times(folder, 'effect').total()} effects"
        time.sleep(0.003)


def ended(process: "subprocess.Popen[str]", seconds: float = 90.0) -> str:
    """Its output; fails when it does not end well."""
    out, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, out
    assert out.endswith("done\n"), out
    return out


def on_record(state: Path) -> set[str]:
    """Names of objects whose call was answered and checkpointed."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(state / "engine.sqlite")) as at:
        rows = at.execute("SELECT function_name FROM operation_outputs WHERE output IS NOT NULL").fetchall()
        return {f"projects/p/secrets/{row[0].split('/')[1]}" for row in rows if row[0].startswith("begin ")}
    return set()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_it_ends_where_it_would_have_ended_and_calls_nothing_twice(seed: int, tmp_path: Path) -> None:
    chance, kills = random.Random(seed), 0
    for _ in range(5):
        process = started(tmp_path, "host")
        wait_for_effects(tmp_path, times(tmp_path, "effect").total() + chance.randint(1, 8), process)
        time.sleep(chance.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        kills += process.wait(20) == -signal.SIGKILL
        answered, before = on_record(tmp_path / "host"), len(log(tmp_path))
        later = started(tmp_path, "host")
        wait_for_effects(tmp_path, times(tmp_path, "effect").total() + chance.randint(1, 4), later)
        later.send_signal(signal.SIGKILL)
        kills += later.wait(20) == -signal.SIGKILL
        begun = {name for _, what, name in log(tmp_path)[before:] if what == "begin"}
        assert not begun & answered, "it was answered, and that was on record"
    ended(started(tmp_path, "host"))
    assert kills >= 5
    assert complete(tmp_path, COUNT)
    assert times(tmp_path, "effect") == dict.fromkeys(map(name_of, range(COUNT)), 1)
    assert not times(tmp_path, "refused")
    handed = {line.split(" ")[1] for line in (tmp_path / "settled.log").read_text().splitlines()}
    assert handed == {"fleet", "s0", "s1", "s2", "s3"}


@pytest.mark.slow
def test_what_was_cut_off_is_gone_on_with_by_the_next_process_and_only_that(tmp_path: Path) -> None:
    process = started(tmp_path, "host")
    wait_for_effects(tmp_path, 12, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL
    out = ended(started(tmp_path, "host"))
    assert f"gone on with {COUNT} True" in out
    assert complete(tmp_path, COUNT)
    ended(started(tmp_path, "host"))
    assert times(tmp_path, "effect").total() == COUNT
