"""`make bench`: how fast and how large the local cloud is, as ratios against something run beside it.


`python -m tests.bench [--resources N] [--publish]`. Absolute figures are shown too, but only ratios compare machines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tests.bench import load
from tests.bench.fleet import REGION, SERVICES_PER_PROJECT, Fleet, template

ROUNDS = 3
RESULTS = Path(__file__).parent / "RESULTS.md"


@dataclass
class Process:
    """A server of ours, by its port."""

    process: subprocess.Popen[str]
    port: int
    started: float

    def ask(self, verb: str, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, method=verb)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read() or b"{}")

    def resident(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@dataclass
class Bench:
    folder: Path
    fleet: Fleet
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def tell(self, what: str, ours: str, ratio: str) -> None:
        self.rows.append((what, ours, ratio))
        print(f"  {what:44} {ours:>22}   {ratio}", flush=True)


@contextlib.contextmanager
def cloud(folder: Path) -> Iterator[Process]:
    command = [sys.executable, "-m", "reconciler.localcloud", "--state", str(folder), "--time-scale", "600"]
    begun = time.perf_counter()
    with _running(command) as (process, line):
        yield Process(process, int(json.loads(line)["url"].rsplit(":", 1)[1]), time.perf_counter() - begun)


@contextlib.contextmanager
def bare(answer: Path) -> Iterator[Process]:
    with _running([sys.executable, "-m", "tests.bench.bare", str(answer)]) as (process, line):
        yield Process(process, int(line), 0.0)


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait(60)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def start_up(bench: Bench) -> None:
    imports = [sys.executable, "-c", "import asyncio, uvicorn, orjson, sqlite3"]
    peer = statistics.median(seconds(lambda: subprocess.run(imports, check=True)) for _ in range(ROUNDS))
    times = []
    for number in range(ROUNDS):
        with cloud(bench.folder / f"start-{number}") as server:
            times.append(server.started)
    ours = statistics.median(times)
    bench.tell("start to first line", f"{ours:.2f} s", f"{ours / peer:.1f} x importing uvicorn, orjson, sqlite3")


def seed(bench: Bench, server: Process) -> int:
    """Fill the cloud; returns the bytes of raw JSON."""
    for project in bench.fleet.projects:
        wish = {"projectId": project, "parent": "folders/222222222222"}
        server.ask("POST", "/cloudresourcemanager/v3/projects", orjson.dumps(wish))
    server.ask("POST", "/_aipress/time", b'{"advance": 60}')
    spent, raw, peer = 0.0, 0, 0.0
    base = sqlite3.connect(bench.folder / "peer.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE rows (key TEXT NOT NULL UNIQUE, value BLOB NOT NULL)")
    for piece, _ in bench.fleet.pieces():
        spent += seconds(lambda piece=piece: server.ask("POST", "/_aipress/seed", piece))  # type: ignore[misc]
        parsed = [orjson.loads(line) for line in piece.split(b"\n")]
        rows = sorted((seed["path"], orjson.dumps(seed["body"])) for seed in parsed)
        raw += sum(len(value) for _, value in rows)
        peer += seconds(lambda rows=rows: _insert(base, rows))  # type: ignore[misc]
    base.close()
    count = bench.fleet.resources
    bench.tell("seeding by the bulk door", f"{count / spent:,.0f} rows/s", f"{peer / spent:.2f} x bare SQLite inserts")
    return raw


def _insert(base: sqlite3.Connection, rows: list[tuple[str, bytes]]) -> None:
    base.execute("BEGIN")
    base.executemany("INSERT INTO rows (key, value) VALUES (?, ?)", rows)
    base.execute("COMMIT")


def sizes(bench: Bench, server: Process, raw: int, state: Path) -> None:
    resident = server.resident()
    count = bench.fleet.resources
    bench.tell(
        f"resident memory with {count:,} resources", f"{resident / 1e6:.0f} MB", f"{resident / raw:.3f} x their JSON"
    )
    file = (state / "cloud.sqlite").stat().st_size
    bench.tell("state file", f"{file / 1e6:.0f} MB", f"{file / raw:.2f} x their JSON ({raw / 1e6:.0f} MB)")


def rates(bench: Bench, server: Process) -> None:
    dice = random.Random(5)
    names = list(bench.fleet.services())
    chosen = [f"/run/v2/{dice.choice(names)}" for _ in range(4000)]
    gets = [load.request("GET", path) for path in chosen]
    _against_bare(bench, server, "gets of random services", orjson.dumps(server.ask("GET", chosen[0])), [gets] * ROUNDS)
    # Every creation in another project, so that no soft limit is in the way.
    body = orjson.dumps({"template": template(), "labels": {"a": "b"}})
    projects = bench.fleet.projects
    writes = [
        [
            load.request("POST", f"/run/v2/projects/{projects[n % len(projects)]}/locations/europe-west{2 + n % 3}"
                         f"/services?serviceId=new-{round_}-{n}", body)
            for n in range(1500)
        ]
        for round_ in range(ROUNDS)
    ]  # fmt: skip
    _against_bare(bench, server, "creations of Run services", body, writes)
    path = f"/run/v2/projects/{projects[0]}/locations/{REGION}/services?pageSize=2000"
    page = orjson.dumps(server.ask("GET", path))
    lists = [load.request("GET", path)] * 8
    what = f"lists of {SERVICES_PER_PROJECT} services in a page ({len(page) / 1e6:.2f} MB)"
    _against_bare(bench, server, what, page, [lists] * ROUNDS)


def _against_bare(bench: Bench, server: Process, what: str, answer: bytes, rounds: list[list[bytes]]) -> None:
    file = bench.folder / "answer.json"
    file.write_bytes(answer)
    ours, peers = [], []
    with bare(file) as peer:
        for requests in rounds:
            done = load.run(server.port, requests)
            assert set(done.statuses) == {200}, done.statuses
            ours.append(done.rate)
            peers.append(load.run(peer.port, requests).rate)
    rate = statistics.median(ours)
    ratio = statistics.median(one / other for one, other in zip(ours, peers, strict=True))
    bench.tell(what, f"{rate:,.0f} /s", f"{ratio:.2f} x a bare uvicorn sending the same bytes")


def snapshots(bench: Bench, server: Process, state: Path) -> None:
    file, copy = bench.folder / "snapshot.sqlite", bench.folder / "copy.sqlite"
    wish = orjson.dumps({"file": str(file)})
    taken = seconds(lambda: server.ask("POST", "/_aipress/snapshot", wish))
    peer = seconds(lambda: shutil.copyfile(state / "cloud.sqlite", copy))
    bench.tell(
        "snapshot", f"{taken:.2f} s", f"{taken / peer:.2f} x cp of the file ({copy.stat().st_size / 1e6:.0f} MB)"
    )
    copy.unlink()
    back = seconds(lambda: server.ask("POST", "/_aipress/restore", wish))
    bench.tell("restore", f"{back:.2f} s", f"{back / peer:.2f} x cp of the file")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--resources", type=int, default=60_000)
    parser.add_argument("--publish", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aipress-bench-") as folder:
        bench = Bench(Path(folder), Fleet(options.resources))
        print(f"The local cloud with {options.resources:,} resources on {machine()}:", flush=True)
        start_up(bench)
        state = bench.folder / "state"
        with cloud(state) as server:
            raw = seed(bench, server)
            rates(bench, server)
            sizes(bench, server, raw, state)
            snapshots(bench, server, state)
        with cloud(state) as server:
            bench.tell("start with all of that", f"{server.started:.2f} s", "")
    if options.publish:
        publish(bench)
    return 0


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def publish(bench: Bench) -> None:
    """The table in RESULTS.md for this number of resources; those for others stay."""
    title = f"## {bench.fleet.resources:,} resources"
    lines = [
        title, "", f"{datetime.now(UTC):%Y-%m-%d}, {machine()}", "",
        "| what | here | ratio |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in bench.rows), "",
    ]  # fmt: skip
    old = (
        RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# What `make bench` and `make bench-full` found\n"
    )
    head, *sections = old.split("\n## ")
    kept = [f"## {section}".rstrip() + "\n" for section in sections if not f"## {section}".startswith(title + "\n")]
    RESULTS.write_text(
        "\n".join([head.rstrip() + "\n", *sorted([*kept, "\n".join(lines)], key=_size)]), encoding="utf-8"
    )


def _size(section: str) -> int:
    return int(section.split()[1].replace(",", ""))


if __name__ == "__main__":
    sys.exit(main())
