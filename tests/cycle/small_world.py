"""A whole world in memory but for git: the fleet of the scenarios, a cloud in memory, a real history."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pygit2

from reconciler.cycle.world import World
from reconciler.engine.audit import FileAudit
from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.terms import Terms
from reconciler.engine.effects import Effects, StopGate
from reconciler.engine.fence import ShardLeases, this_process
from reconciler.engine.journal import FileJournal
from reconciler.engine.lease import FlockLease, store_id
from reconciler.engine.ledger import FileLedger
from reconciler.engine.limits import CountedLimits
from reconciler.engine.switch import FileStopSwitch
from reconciler.engine.tenure import StoreTenure
from reconciler.engine.trail import Trail
from reconciler.history.audited import AuditedHistory
from reconciler.model.ports import Engine
from reconciler.policy.cel import CelProcess
from reconciler.source.git import GitRepository
from tests.doubles import FakeCloud, FakeVisitor
from tests.engine.threads import ThreadEngine

FLEET = Path(__file__).parents[1] / "scenarios" / "fleet"
WHO = pygit2.Signature("Jo", "jo@example.org", 1_790_000_000, 0)


class SteadyClock:
    """Time stands still but for sleeps: nothing in a test waits."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 9, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def filled(kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the server adds and others refer to."""
    if kind == "folder":
        body["name"] = "folders/" + str(abs(hash(name)) % 10**12)
    if kind == "sql.instance":
        body["ipAddresses"] = [{"type": "PRIMARY", "ipAddress": "10.1.2.3"}]
    if kind == "secret.version":
        body |= {"version": "1", "name": name}
    if kind == "sql.backup":
        body |= {"status": "SUCCESSFUL", "endTime": "2026-11-23T09:00:00Z"}
    return {key: value for key, value in body.items() if key not in ("passwordFrom", "generate")}


class SmallWorld:
    """`commit(path, old, new)` edits a file of the fleet; `world()` is what a new process would assemble."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.durable = durable
        self.folder, self.fleet = folder, folder / "fleet"
        shutil.copytree(FLEET, self.fleet)
        pygit2.init_repository(str(self.fleet), initial_head="main")
        self.clock = SteadyClock()
        self.parallel = 4
        self.cloud = FakeCloud(fill=filled, clock=self.clock)
        self.visitor = FakeVisitor()
        self._commit("The fleet")

    def world(self, host: str = "state") -> World:
        """`host`: the name of a state folder; all hosts share one history and one cloud."""
        state = self.folder / host
        state.mkdir(exist_ok=True)
        stop = StopGate(FileStopSwitch(state))
        audit = FileAudit(state, self.clock, lambda: store_id(state))
        history = AuditedHistory(self.folder / "state" / "history.git", self.clock, None, audit)
        us = this_process(store_id(state))
        fence, tenure = ShardLeases(history, self.clock, us), StoreTenure(history, self.clock, us)
        limits = CountedLimits(FileLedger(state), self.clock, history.holds)
        effects = Effects(self.cloud, FileJournal(state), self.clock, (stop, tenure), fence, limits, trail=Trail(audit))
        engine: Engine = ThreadEngine(effects, self.parallel)
        if self.durable:
            engine = DurableEngine(effects, state, Terms(self.parallel))
        lease, fleet, who = FlockLease(state), GitRepository.discover(self.fleet), "jo@example.org"
        ports = (fleet, self.cloud, history, engine, self.clock, lease, who, fence, limits, tenure, self.visitor)
        return World(*ports, audit=audit, expressions=CelProcess())

    def write(self, path: str, text: str, who: pygit2.Signature = WHO) -> None:
        (self.fleet / path).write_text(text)
        self._commit(f"Edit {path}", who)

    def read(self, path: str) -> str:
        return (self.fleet / path).read_text()

    def _commit(self, message: str, who: pygit2.Signature = WHO) -> None:
        repository = pygit2.Repository(str(self.fleet))
        repository.index.add_all()
        repository.index.write()
        parents = [] if repository.head_is_unborn else [repository.head.target]
        repository.create_commit("HEAD", who, who, message, repository.index.write_tree(), parents)
