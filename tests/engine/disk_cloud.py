"""A cloud whose objects are files, so that processes that die can share it, and a process that applies a plan to it.

`python -m tests.engine.disk_cloud FOLDER HOST URL COUNT [SECONDS]` goes on with what was left, then plans and applies
what is missing of COUNT objects, and prints "done". HOST names its state folder; URL is "" for a file in there. With
SECONDS (the lifetime of a sign of life) it first waits until somebody dies, and works for them; with -SECONDS it works
at once.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconciler.applying.pace import Rules
from reconciler.engine.clock import SystemClock
from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.terms import Terms
from reconciler.engine.journal import FileJournal
from reconciler.model.canonical import Body
from reconciler.model.errors import AipressError, Failure, Next
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Event, Outcome
from reconciler.model.plan import Change, Plan
from reconciler.model.ports import Answer, Call, Done, Failed, Listing, Pending, Seen
from reconciler.model.resource import Absent, Found, Observation, Ref
from tests.applying.builders import LABELS, change
from tests.doubles import plain_effects

SHARDS = 4
LASTS = 0.15
"""Seconds that an operation takes."""


class DiskCloud:
    """What it is asked is in `calls.log`: "PID begin NAME", then "PID refused NAME" where that is there. An effect is a
    file in `cloud`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._chance = folder / "cloud", random.Random(os.getpid())
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def identity(self) -> str:
        return "local:disk"

    def list(self, kind: str, parent: str, names: Sequence[str] = ()) -> Listing:
        return Seen({}, _now())

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        try:
            row = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            return Absent(_now(), "get")
        return Found(row["body"], row["uid"], _now(), ready=time.time() >= row["ready"])

    def begin(self, call: Call) -> Answer:
        self._log("begin", call.name)
        time.sleep(self._chance.uniform(0.002, 0.02))
        body = {**call.body, "made": f"made of {call.name}"}
        row = {"body": body, "uid": f"{os.getpid()}-{time.time()}", "ready": time.time() + LASTS}
        fresh = self._file(f"{call.name}.{os.getpid()}")
        fresh.write_text(json.dumps(row))
        try:
            os.link(fresh, self._file(call.name))
        except FileExistsError:
            self._log("refused", call.name)
            return Failed(Failure(Next.REPLAN, f"{call.name} already exists", 409, exists=True))
        finally:
            fresh.unlink()
        time.sleep(self._chance.uniform(0.002, 0.02))
        return Pending(f"operations/{call.name}")

    def poll(self, kind: str, operation: str, call: Call) -> Answer:
        found = self.get(kind, call.name, "", {})
        if not isinstance(found, Found):
            return Failed(Failure(Next.REPLAN, f"{call.name} is gone", 404, missing=True))
        return Done(found) if found.ready else Pending(operation)

    def files(self) -> Iterator[Path]:
        return self._folder.iterdir()

    def _file(self, name: str) -> Path:
        return self._folder / name.replace("/", "_")

    def _log(self, what: str, name: str) -> None:
        line = f"{os.getpid()} {what} {name}\n".encode()
        handle = os.open(self._folder.parent / "calls.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, line)
        os.close(handle)


def log(folder: Path) -> list[list[str]]:
    """[pid, what, name] in order."""
    file = folder / "calls.log"
    return [line.split(" ") for line in file.read_text().splitlines()] if file.exists() else []


def times(folder: Path, what: str) -> Counter[str]:
    """How often each name had this done. An effect is its file, which comes to be at one moment: a process that is
    killed right after it leaves no line in the log."""
    if what == "effect":
        there = {path.name for path in DiskCloud(folder).files()}
        return Counter(name for name in map(name_of, range(1000)) if name.replace("/", "_") in there)
    return Counter(name for _, did, name in log(folder) if did == what)


def changes(count: int) -> list[Change]:
    """Object 0 is the fleet's own; the first of each shard refers to it, every other to the one before."""

    def one(n: int) -> Change:
        on = None if not n else max(0, n - SHARDS)
        refers = {} if on is None else {"from": Ref(_address(on), "made").to_body()}
        after = [] if on is None else [str(_address(on))]
        shard = f"s{n % SHARDS}" if n else ""
        return change(str(_address(n)), name_of(n), {"labels": LABELS, **refers}, shard=shard, after=after)

    return [one(n) for n in range(count)]


def name_of(n: int) -> str:
    return f"projects/p/secrets/t{n:03}"


def complete(folder: Path, count: int) -> bool:
    """Each is there, and was given the value of the one that it refers to."""
    cloud = DiskCloud(folder)
    for n, one in enumerate(changes(count)):
        seen = cloud.get("secret", one.name, "", {})
        if not isinstance(seen, Found) or (n and seen.body["from"] != f"made of {name_of(max(0, n - SHARDS))}"):
            return False
    return True


def _address(n: int) -> Address:
    return Address.parse(f"tenant/t{n:03}/secret/production")


def _now() -> datetime:
    return datetime.now(UTC)


def main(folder: Path, host: str, url: str, count: int, lifetime: float) -> int:
    state = folder / host
    state.mkdir(parents=True, exist_ok=True)
    clock, cloud = SystemClock(), DiskCloud(folder)
    rules = Rules(first_poll=0.02, base=0.05)
    terms = Terms(4, url, rules, lifetime=abs(lifetime) or 120.0, longest_call=0.5 if lifetime else 45.0, patience=20.0)
    engine = DurableEngine(plain_effects(cloud, FileJournal(state), clock), state, terms)

    def told(event: Event) -> None:
        print(event.kind, event.change.name, flush=True)

    def settled(order: Order, shard: str, outcome: Outcome) -> None:
        handle = os.open(folder / "settled.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, f"{os.getpid()} {shard or 'fleet'} {outcome.ok}\n".encode())
        os.close(handle)

    if lifetime > 0:
        with engine.working():
            print("waiting", flush=True)
            while not engine.resume(lambda order: True, told, settled):
                clock.sleep(0.1)
    else:
        for _, outcome in engine.resume(lambda order: True, told, settled):
            print("gone on with", len(outcome.items), outcome.ok, flush=True)
        missing = [c for c in changes(count) if isinstance(cloud.get("secret", c.name, "", {}), Absent)]
        if missing:
            there = {c.address for c in missing}
            plan = Plan(cloud.identity, "", "c0ffee", {}, tuple(_resolved(c, there) for c in missing))
            outcome = engine.apply(Order(plan), told, settled)
            if not outcome.ok:
                print([f"{i.change.address}: {i.message}" for i in outcome.items.values() if i.message])
                return 1
    print("done", flush=True)
    return 0


def _resolved(one: Change, missing: set[Address]) -> Change:
    """As a plan made now would have it: what is there already is a value, and no reference."""
    from dataclasses import replace

    body = dict(one.body)
    for field, value in one.body.items():
        ref = Ref.from_body(value)
        if ref is not None and ref.resource not in missing:
            body[field] = f"made of {ref.resource.target.name}".replace("of t", "of projects/p/secrets/t")
    return replace(one, body=body, after=tuple(a for a in one.after if a in missing))


if __name__ == "__main__":
    where, host, url, count = sys.argv[1:5]
    try:
        sys.exit(main(Path(where), host, url, int(count), float(sys.argv[5]) if len(sys.argv) > 5 else 0.0))
    except AipressError as error:
        print("error", type(error).__name__, error, flush=True)
        sys.exit(4)
