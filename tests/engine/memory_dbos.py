"""DBOS in memory, for a process that runs in one thread: what journaled.py asks of it, and no more.

`Kept` is the database: it outlives the process, a `Dbos` is what a process makes of it. Everything goes through the
engine's own serializer, as text, so nothing is shared between two processes that could not be on disk. That it does
what DBOS does is held by the tests that both pass: tests/engine/test_the_engine_port.py, test_durable_crashes.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from dbos import error as dbos_errors

from tests.engine.turns import Turns

OVER = ("SUCCESS", "ERROR", "CANCELLED")


@dataclass
class Workflow:
    """One row of DBOS's table, and its steps: number -> (name, what it came to)."""

    workflow_id: str
    partition: str
    queue: str
    app_version: str
    inputs: str
    created: int
    status: str = "ENQUEUED"
    executor_id: str | None = None
    output: str = ""
    steps: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Kept:
    """What is on disk. `repeated`: steps that were run although they were on record."""

    workflows: dict[str, Workflow] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: "count[int]" = field(default_factory=count)


@dataclass
class Running:
    """The workflow that a task belongs to, and the number of its newest step."""

    workflow: Workflow
    last: int = 0


_CURRENT: ContextVar[Running] = ContextVar("running")


@dataclass
class Reservation:
    """A step's number, drawn before anything runs."""

    dbos: "Dbos"
    workflow: Workflow
    number: int

    async def run_async(self, options: dict[str, Any], act: Callable[[], Awaitable[Any]]) -> Any:
        """What is on record, or what `act` comes to, put on record."""
        name, dbos = str(options["name"]), self.dbos
        known = self.recorded(name)
        if known is not None:
            return dbos.serializer.deserialize(known)
        if self.number in self.workflow.steps:
            dbos.kept.repeated.append(f"{name} of {self.workflow.workflow_id}")
        came_to = dbos.serializer.serialize(await act())
        await dbos.turns.do(lambda: self._record(name, came_to))
        return dbos.serializer.deserialize(came_to)

    def recorded(self, name: str) -> str | None:
        """Raises DBOSWorkflowCancelledError, and DBOSUnexpectedStepError where another step is on record."""
        if self.workflow.status == "CANCELLED":
            raise dbos_errors.DBOSWorkflowCancelledError(f"Workflow {self.workflow.workflow_id} is cancelled.")
        if self.number not in self.workflow.steps:
            return None
        before, came_to = self.workflow.steps[self.number]
        if before != name:
            raise dbos_errors.DBOSUnexpectedStepError(self.workflow.workflow_id, self.number, name, before)
        return came_to

    def _record(self, name: str, came_to: str) -> None:
        if self.dbos.turns.over:
            return
        self.workflow.steps.setdefault(self.number, (name, came_to))
        self.dbos.moment("step kept", name.partition(" ")[2])


@dataclass
class Handle:
    dbos: "Dbos"
    workflow_id: str

    def get_result(self, *, polling_interval_sec: float) -> Any:
        """Lets the others work until it is on record. Raises what ended it otherwise."""
        kept = self.dbos.kept.workflows
        self.dbos.turns.until(lambda: self.workflow_id in kept and kept[self.workflow_id].status in OVER)
        one = kept[self.workflow_id]
        if one.status == "CANCELLED":
            raise dbos_errors.DBOSAwaitedWorkflowCancelledError(self.workflow_id)
        came_to = self.dbos.serializer.deserialize(one.output)
        if one.status == "ERROR":
            raise came_to
        return came_to


@dataclass
class Dbos:
    """In place of the class DBOS, for one process. `walk` is the workflow; `moment` hears of each thing that is on
    record from now on: (what, of which change)."""

    kept: Kept
    turns: Turns
    walk: Callable[..., Awaitable[Any]]
    moment: Callable[[str, str], None] = lambda _what, _of: None
    executor: str = ""
    version: str = ""
    serializer: Any = None
    launched: bool = False
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    # --- as a process begins and ends -------------------------------------------------------------------------------

    def migrate(self, _url: str) -> None:
        pass

    def client(self, **_: Any) -> "Dbos":
        """In place of the class DBOSClient."""
        return self

    def register_queue(self, name: str, **terms: Any) -> None:
        self.kept.queues[name] = terms

    def __call__(self, *, config: dict[str, Any]) -> None:
        self.executor, self.version = config["executor_id"], config["application_version"]
        self.serializer = config["serializer"]

    def launch(self) -> None:
        """What this very executor left pending would go on; none is ever called the same twice."""
        self.launched = True
        self._dispatch()

    def destroy(self) -> None:
        """As a client: nothing. As a process: whatever is under way stays pending."""
        if self.launched:
            self.launched = False
            self.turns.close()

    # --- workflows --------------------------------------------------------------------------------------------------

    def enqueue_workflow_with_options(self, options: dict[str, Any], *inputs: Any) -> None:
        ident = options["workflow_id"]
        if ident in self.kept.workflows and options["workflow_id_reuse_policy"] == "reject":
            raise dbos_errors.DBOSWorkflowIDInUseError(ident, "it is there")
        self.kept.workflows[ident] = Workflow(
            ident, options["queue_partition_key"], options["queue_name"], options["app_version"],
            self.serializer.serialize(list(inputs)), next(self.kept.number),
        )  # fmt: skip
        self.moment("queued", "")
        self._dispatch()

    def resume_workflow(self, ident: str, *, queue_name: str) -> None:
        one = self.kept.workflows[ident]
        if one.status not in ("SUCCESS", "ERROR"):
            one.status, one.queue = "ENQUEUED", queue_name
        self._dispatch()

    def cancel_workflows(self, idents: Iterable[str]) -> None:
        for one in (self.kept.workflows[ident] for ident in idents):
            if one.status not in ("SUCCESS", "ERROR"):
                one.status, one.queue = "CANCELLED", ""
        self._dispatch()

    def list_workflows(
        self, *, workflow_id_prefix: str = "", name: str = "", status: Sequence[str] = (), **_: Any
    ) -> list[Workflow]:
        return [
            one
            for ident, one in self.kept.workflows.items()
            if ident.startswith(workflow_id_prefix) and (not status or one.status in status)
        ]

    def retrieve_workflow(self, ident: str) -> Handle:
        return Handle(self, ident)

    def delete_workflows(self, idents: Iterable[str]) -> None:
        for ident in idents:
            del self.kept.workflows[ident]

    def reserve_step(self) -> Reservation:
        running = _CURRENT.get()
        running.last += 1
        return Reservation(self, running.workflow, running.last)

    # --- the queue --------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Each partition's oldest, as many at once as the queue was told. What a dead process left pending counts."""
        if not self.launched:
            return
        going = [one for one in self.kept.workflows.values() if one.status == "PENDING"]
        for one in sorted(self.kept.workflows.values(), key=lambda one: one.created):
            terms = self.kept.queues.get(one.queue)
            if one.status != "ENQUEUED" or terms is None or one.app_version != self.version:
                continue
            beside = sum(other.partition == one.partition and other.queue == one.queue for other in going)
            mine = sum(other.executor_id == self.executor for other in going)
            if beside < (terms["partition_concurrency"] or 10**9) and mine < terms["worker_concurrency"]:
                one.status, one.executor_id = "PENDING", self.executor
                going.append(one)
                self.tasks.add(self.turns.loop.create_task(self._run(one)))

    async def _run(self, one: Workflow) -> None:
        _CURRENT.set(Running(one))
        try:
            came_to = self.serializer.serialize(await self.walk(*self.serializer.deserialize(one.inputs)))
        except (dbos_errors.DBOSBaseException, asyncio.CancelledError):
            return  # cancelled, or the process ends: not its to record
        except Exception as error:
            await self.turns.do(lambda wrong=error: self._end(one, "ERROR", self.serializer.serialize(wrong)))
            return
        await self.turns.do(lambda: self._end(one, "SUCCESS", came_to))

    def _end(self, one: Workflow, status: str, came_to: str) -> None:
        if not self.turns.over and one.status == "PENDING":
            one.status, one.output = status, came_to
            self.moment("part kept", "")
            self._dispatch()
