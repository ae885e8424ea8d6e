"""Everything outside of our processes, in memory but for git: a cloud, a fleet repository, hosts with their files.

    realm = Realm(folder, seed=7)                 # an empty cloud, a fleet repository, a history
    realm.commit({"shards/…/tenant.yaml": text})  # somebody pushes
    with realm.real():                            # the substitutions of a simulation, no more than these:
        realm.cycle()                             #   what `aipress serve` does once, in a process of its own

A process is what `assemble.world` makes of settings, with four things put in place of others: the clock, the wire under
Google's clients, the engine's threads (drivers.py), and one thread where many would observe. Generated secrets come
from the seed, so that they can be looked for where none may be.
"""

import contextlib
import hashlib
import logging
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pygit2

from reconciler import assemble
from reconciler.cycle.world import World
from reconciler.daemon.serve import Reported, Watch, _cycle
from reconciler.gcp.session import Session
from reconciler.history.shelf import Shelf
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.state import MemoryRows
from reconciler.localcloud.values import Request as Call
from reconciler.model.errors import AipressError
from reconciler.model.ids import Scope
from reconciler.model.outcome import Event
from reconciler.model.plan import Plan
from reconciler.model.version import shard_label
from tests.engine.memory_dbos import Kept
from tests.simulation import drivers, memory
from tests.simulation.binding import URL, Binding, copied, new_house, session_over, sharing_clients

BEGAN = datetime(2026, 11, 23, 9, tzinfo=UTC)
WHO = pygit2.Signature("Jo", "jo@example.org", 1_790_000_000, 0)
LATENCY = 0.02
"""Seconds of virtual time that a call to the cloud takes."""
INTERVAL = 60.0
CANARY = "CANARY"
EVERYTHING = Scope()
SCALE = 20.0
"""The cloud's durations are divided by this: operations still take seconds to half a minute, and few polls."""


class Death(BaseException):
    """SIGKILL: nothing of the process goes on; what it wrote stays."""


class TrueTime:
    """The time that passes for everybody. `sleeping` lets others live meanwhile."""

    def __init__(self, at: datetime = BEGAN) -> None:
        self.at = at
        self.sleeping: Callable[[float], None] = self.pass_by

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.sleeping(max(0.0, seconds))

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class HostClock:
    """One host's clock: true time, and how far it is off."""

    true: TrueTime
    off: float = 0.0

    def now(self) -> datetime:
        return self.true.now() + timedelta(seconds=self.off)

    def sleep(self, seconds: float) -> None:
        self.true.sleep(seconds)


class OneAfterAnother(Executor):
    """A pool in which work is done when it is given, by whoever gives it."""

    def __init__(self, **_: Any) -> None:
        pass

    def map(self, work: Callable[..., Any], *items: Any, **_: Any) -> Iterator[Any]:
        return iter([work(*each) for each in zip(*items, strict=False)])


class Seeded:
    """What `secrets` gives, from a seed and recognisable."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def choice(self, letters: str) -> str:
        return self._chance.choice(letters)

    def token_urlsafe(self, size: int) -> str:
        return f"{CANARY}{self._chance.getrandbits(size * 8):x}"


@dataclass(frozen=True)
class Point:
    """A moment at which a process may die or the world may change. `effect`: which effect of the run, from 1."""

    number: int
    phase: str
    effect: int
    address: str
    method: str = ""

    @property
    def cell(self) -> str:
        """Phase and kind of effect: what is counted as covered."""
        parts = self.address.split("/")
        return f"{self.phase} · {parts[-2] if len(parts) > 2 else self.address or 'publishing'}"


class _Listener(logging.Handler):
    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(self.format(record))


@dataclass
class Host:
    """A machine that runs `aipress serve`: its state folder and its clock."""

    folder: Path
    clock: HostClock
    kept: Kept = field(default_factory=Kept)
    """What DBOS would have in the engine's database there."""


@dataclass
class Snapshot:
    """A realm at rest: forked as often as wanted."""

    rows: MemoryRows
    at: datetime
    head: str
    folder: Path


@dataclass
class Place:
    """What a worker makes once: Google's clients over a wire whose house is exchanged, and the fleet repository."""

    folder: Path
    fleet: pygit2.Repository
    binding: Binding
    session: Session
    applied: dict[str, Snapshot] = field(default_factory=dict)
    """Fleets that are applied, by their files."""

    @classmethod
    def make(cls, folder: Path, files: Mapping[str, str]) -> "Place":
        folder.mkdir(parents=True, exist_ok=True)
        fleet = pygit2.init_repository(str(folder / "fleet.git"), bare=True, initial_head="main")
        clock = TrueTime()
        binding = Binding(new_house(clock), quick=True)
        place = cls(folder, fleet, binding, session_over(binding, clock))
        place.commit(files, "The fleet")
        return place

    def commit(self, files: Mapping[str, str | None], message: str = "Edit", onto: str = "") -> str:
        """Texts (None: gone) on top of main (`onto` "none": of nothing); returns the commit id."""
        at = "" if onto == "none" else onto or self.head
        index = pygit2.Index()
        if at:
            index.read_tree(self.fleet[at].peel(pygit2.Tree))
        for path, text in files.items():
            if text is None:
                index.remove(path)
            else:
                blob = self.fleet.create_blob(text.encode())
                index.add(pygit2.IndexEntry(path, blob, pygit2.enums.FileMode.BLOB))
        tree = index.write_tree(self.fleet)
        made = str(self.fleet.create_commit(None, WHO, WHO, message, tree, [at] if at else []))
        self.push(made)
        return made

    def push(self, commit: str) -> None:
        self.fleet.references.create("refs/heads/main", commit, force=True)

    def move(self, folder: Path) -> None:
        """Into a folder of its own, in a forked process: the branch is this process's alone."""
        folder.mkdir(parents=True)
        shutil.copytree(self.folder / "fleet.git", folder / "fleet.git")
        self.folder, self.fleet = folder, pygit2.Repository(str(folder / "fleet.git"))

    @property
    def head(self) -> str:
        found = self.fleet.references.get("refs/heads/main")
        return str(found.target) if found is not None else ""

    def text(self, path: str, commit: str = "") -> str:
        return self.fleet[commit or self.head].peel(pygit2.Tree)[path].data.decode()

    def stood(self, path: str, text: str, commit: str) -> bool:
        """Whether a path had this text at a commit or at one before it."""
        for each in self.fleet.walk(commit):
            tree = each.peel(pygit2.Tree)
            if path in tree and tree[path].data == text.encode():
                return True
        return False


class Realm:
    """`seed` decides every choice: of the cloud's ids, of the order of work, of generated secrets. `engine`: "threads"
    or "durable"."""

    def __init__(
        self, place: Place, folder: Path, seed: int, start: Snapshot | None = None, engine: str = drivers.THREADS
    ) -> None:
        self.place, self.folder, self.seed, self.engine = place, folder, seed, engine
        self.chance, self.true = random.Random(f"order {seed}"), TrueTime(start.at if start else BEGAN)
        if start is not None:
            shutil.copytree(start.folder, folder)
            place.push(start.head)
        folder.mkdir(parents=True, exist_ok=True)
        rows = copied(start.rows) if start else MemoryRows()
        self.house: House = new_house(self.true, seed, rows, time_scale=SCALE)
        self.hosts: list[Host] = []
        self.host()
        self.secrets = Seeded(random.Random(f"secrets {seed}"))
        self.points: list[Point] = []
        self.effects, self.at_work = 0, ""
        self.orders: dict[str, Plan] = {}
        self.walked = ("", "")
        """Digest of the plan whose request is carried out now, and the shard of its change."""
        self.outdated: list[str] = []
        self.on_point: Callable[[Point], None] = lambda _point: None
        self.events: list[Event] = []
        self.reports: list[Reported] = []
        self.told: list[str] = []

    # --- hosts and processes ----------------------------------------------------------------------------------------

    def host(self, off: float = 0.0) -> Host:
        """One more machine."""
        made = Host(self.folder / f"host-{len(self.hosts)}", HostClock(self.true, off))
        made.folder.mkdir(exist_ok=True)
        self.hosts.append(made)
        return made

    def process(self, host: Host) -> World:
        """A fresh process on a host: new objects over the files, the history and the cloud that are there."""
        said = {
            "cloud": "local", "cloud_url": URL, "state": str(host.folder), "history": str(self.folder / "history.git"),
            "cloud_state": str(host.folder / "cloud"), "max_parallel": "4", "interval": str(int(INTERVAL)),
            "actor": "serve@example.org", "quota_project": "",
        }  # fmt: skip
        values = {name: assemble.Setting(said.get(name, ""), "simulation") for name in assemble.NAMES}
        session = sharing_clients(self.place.session, host.clock)
        with (
            patch("reconciler.engine.clock.SystemClock", lambda: host.clock),
            patch("reconciler.gcp.session.Session", lambda _setting, _clock, **_observer: session),
            patch("reconciler.engine.durable.engine.DurableEngine", partial(drivers.engine, self, host)),
        ):
            return assemble.world(assemble.Settings(self.place.folder / "fleet.git", values))

    def cycle(self, host: Host | None = None, scope: Scope = EVERYTHING, *, take_over: bool = False) -> Reported:
        """What `aipress serve` does at its start, in a new process: claim the fleet, and one cycle. Raises Death."""
        at = self.process(host or self.hosts[0])
        self.at_work, self.walked = "", ("", "")
        try:
            at.tenure.claim(take_over=take_over)
        except AipressError as refused:
            report = Reported(0, "simulation", "", None, refused)
            self.reports.append(report)
            return report
        report = _cycle(at, Watch(None, INTERVAL, self._heard, lambda _reported: None), 1, "simulation", scope)
        self.reports.append(report)
        return report

    def _heard(self, event: Event) -> None:
        self.events.append(event)

    # --- moments ----------------------------------------------------------------------------------------------------

    def point(self, phase: str, method: str = "") -> None:
        made = Point(len(self.points), phase, self.effects, self.at_work, method)
        self.points.append(made)
        self.on_point(made)

    def kept_moment(self, what: str, of: str) -> None:
        """Something is in the engine's database from now on."""
        before, self.at_work = self.at_work, of
        self.point(what)
        self.at_work = before

    def _before(self, call: Call) -> None:
        self.true.pass_by(LATENCY)
        if self._ours(call):
            self._look_at_the_plan(call)
            self.point("before a call", self.method(call))

    def _after(self, call: Call, outcome: Outcome) -> Outcome:
        if self._ours(call):
            self.point("after a call", self.method(call))
        return outcome

    def _look_at_the_plan(self, call: Call) -> None:
        """Whatever is written, is written by a plan whose parent is its shard's newest version."""
        digest, shard = self.walked
        if not digest:
            return
        parent = self.orders[digest].parents.get(shard_label(shard))
        head = self.head_of(shard)
        if head != parent:
            self.outdated.append(
                f"{self.method(call)} for {self.at_work} by a plan for {parent}, while {head} is newest"
            )

    def head_of(self, shard: str) -> str | None:
        """The id of a shard's newest version, read past all of our code."""
        ref = self.folder / "history.git" / "refs" / "aipress" / (f"shards/{shard}" if shard else "fleet")
        return ref.read_text().strip() if ref.exists() else None

    def _ours(self, call: Call) -> bool:
        """Whether a call may change something."""
        return call.verb != "GET" and not call.path.endswith((":getIamPolicy", ":testIamPermissions"))

    def method(self, call: Call) -> str:
        try:
            return self.house.cloud.route(call).method.id
        except Exception:
            return call.path

    @contextlib.contextmanager
    def real(self) -> Iterator["Realm"]:
        """The substitutions, for as long as the block lasts."""
        binding, swap = self.place.binding, Shelf._swap
        before = binding.house, binding.before, binding.after

        def swapped(shelf: Shelf, *arguments: Any) -> None:
            self.point("publishing")
            swap(shelf, *arguments)
            self.point("published")

        binding.house, binding.before, binding.after = self.house, self._before, self._after
        try:
            with (
                self._overheard(),
                memory.parsing(),
                patch("reconciler.live.observe.ThreadPoolExecutor", OneAfterAnother),
                patch("reconciler.gcp.secrets.secrets", self.secrets),
                patch.object(Shelf, "_swap", swapped),
            ):
                yield self
        finally:
            binding.house, binding.before, binding.after = before

    @contextlib.contextmanager
    def _overheard(self) -> Iterator[None]:
        """All that the reconciler logs, into `told`."""
        log, listener = logging.getLogger("reconciler"), _Listener(self.told)
        before = log.level
        log.addHandler(listener)
        log.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            log.removeHandler(listener)
            log.setLevel(before)

    # --- copies -----------------------------------------------------------------------------------------------------

    def snapshot(self, folder: Path) -> Snapshot:
        """The realm as it is, at rest."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        history = folder / "history.git"
        if history.exists():
            packed(history)
        return Snapshot(copied(self.house.rows), self.true.at, self.place.head, folder)

    def trace(self) -> str:
        """A digest of all that happened, to compare two runs of one seed."""
        own = hashlib.sha256()
        for raw in self.house.calls.since(0):
            own.update(raw)
        for point in self.points:
            own.update(repr(point).encode())
        return own.hexdigest()


def packed(path: Path) -> None:
    """All objects of a bare repository in one file: quick to copy."""
    repository = pygit2.Repository(str(path))
    repository.pack()
    for folder in (path / "objects").iterdir():
        if len(folder.name) == 2:
            shutil.rmtree(folder)
    shutil.rmtree(path / "hooks", ignore_errors=True)
