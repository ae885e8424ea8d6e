"""A whole world in memory but for git: the fleet of the scenarios, a cloud in memory, a real history."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pygit2

from reconciler.cycle import World
from reconciler.engine.journal import FileJournal
from reconciler.engine.lease import FlockLease
from reconciler.engine.switch import FileStopSwitch
from reconciler.engine.threads import ThreadEngine
from reconciler.history.store import GitHistory
from reconciler.source.git import GitRepository
from tests.doubles import FakeCloud

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
        body["ipAddresses"] = [{"ipAddress": "10.1.2.3"}]
    if kind == "secret.version":
        body |= {"version": "1", "name": name}
    if kind == "sql.backup":
        body |= {"status": "SUCCESSFUL", "endTime": "2026-11-23T09:00:00Z"}
    return {key: value for key, value in body.items() if key not in ("passwordFrom", "generate")}


class SmallWorld:
    """`commit(path, old, new)` edits a file of the fleet; `world()` is what a new process would assemble."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fleet = folder, folder / "fleet"
        shutil.copytree(FLEET, self.fleet)
        pygit2.init_repository(str(self.fleet), initial_head="main")
        self.clock = SteadyClock()
        self.cloud = FakeCloud(fill=filled)
        self._commit("The fleet")

    def world(self) -> World:
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        engine = ThreadEngine(self.cloud, FileJournal(state), self.clock, FileStopSwitch(state), 4)
        repository = GitRepository.discover(self.fleet)
        history = GitHistory(state / "history.git", self.clock)
        return World(repository, self.cloud, history, engine, self.clock, FlockLease(state), "jo@example.org")

    def write(self, path: str, text: str) -> None:
        (self.fleet / path).write_text(text)
        self._commit(f"Edit {path}")

    def read(self, path: str) -> str:
        return (self.fleet / path).read_text()

    def _commit(self, message: str) -> None:
        repository = pygit2.Repository(str(self.fleet))
        repository.index.add_all()
        repository.index.write()
        parents = [] if repository.head_is_unborn else [repository.head.target]
        repository.create_commit("HEAD", WHO, WHO, message, repository.index.write_tree(), parents)
