"""DBOS itself: the one durable workflow, its steps, and the one DBOS of this process. Nobody else speaks to it.

The rules that keep it true, each with its test in tests/engine: steps only through `JournaledSteps`, which reserves
them in plan order and names each by its address; a constant application version; what is resumed goes back to the one
queue, a shard a partition, one at a time in each, and no partition limiter.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from dbos import DBOS, DBOSClient, Serializer, StepReservation
from dbos import error as dbos_errors

from reconciler.engine.durable.attending import Standing, taken_over
from reconciler.engine.durable.coding import to_json
from reconciler.engine.durable.ledger import SCHEMA, Entry, opened
from reconciler.engine.durable.parts import Given, Part, outcome_from_json, outcome_to_json
from reconciler.engine.durable.site import Broke, Over
from reconciler.engine.durable.walking import Errand, PartWalk, Row
from reconciler.engine.durable.works import Works
from reconciler.model.ids import Address
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Change
from reconciler.model.version import shard_label

QUEUE = "aipress-shards"
WORKFLOW = "aipress-apply"
VERSION = f"aipress-{SCHEMA}"
"""The application version: constant, or every upgrade would strand what is pending."""
APPLICATION = "aipress"
UNFINISHED = ("ENQUEUED", "PENDING", "DELAYED")
POLL = 0.1
"""Seconds between two looks for queued parts. DBOS 3.4 cannot be woken; each look takes 3 ms of a core."""
CONNECTIONS = 20
"""To a database that is a file: as many as DBOS would open itself."""
_STEPS = ("begin", "wait")
_LOG = logging.getLogger(__name__)


class JournaledSteps:
    """The one way to a durable step: reserved for every change in plan order, before anything runs."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._places: dict[tuple[str, Address], StepReservation] = {
            (what, change.address): DBOS.reserve_step() for change in changes for what in _STEPS
        }

    async def run(self, what: str, address: Address, act: Callable[[], Awaitable[Row]]) -> Row:
        async def acting() -> Row:
            return await act()

        return await self._places[what, address].run_async({"name": f"{what} {address}"}, acting)


@DBOS.workflow(name=WORKFLOW)
async def _apply(number: int, part: int, given: Row) -> Row:
    """Walk one part of the order with this number."""
    works = Journal.works()
    asyncio.get_running_loop().set_exception_handler(_unretrieved)
    try:
        order, parts = await works.site.hands.do(lambda: works.order(number))
        steps = JournaledSteps(parts[part].changes)
        if not await works.may_walk(number):
            return {"items": [], "interrupted": True, "stopped": ""}
        errand = Errand(number, order, parts[part], _given(given))
        outcome = await PartWalk(works.site, errand, steps).through()
        if not works.ledger.embedded and not _under_way(outcome):  # another process may walk the next part, or publish
            await works.site.hands.do(lambda: works.site.effects.fence.leave(parts[part].shard))
    except asyncio.CancelledError:  # the process ends; the part stays pending
        raise
    except dbos_errors.DBOSBaseException:  # what it would record is not its to record any more, or was cancelled
        works.site.tell(number, Broke(taken_over()))
        raise
    except BaseException as error:
        works.site.tell(number, Broke(error))
        raise
    works.site.tell(number, Over(part))
    return outcome_to_json(outcome)


def _under_way(outcome: Outcome) -> bool:
    return any(item.result is Result.INTERRUPTED and item.attempts for item in outcome.items.values())


def _unretrieved(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """What broke a part is told to who waits for it; asyncio's own word about it is not for a terminal."""
    _LOG.debug("on the event loop: %s", context.get("message"), exc_info=context.get("exception"))


def _given(row: Row) -> Given:
    results = {Address.parse(address): body for address, body in row["results"].items()}
    return Given(results, {Address.parse(address): why for address, why in row["skip"].items()})


class Journal:
    """The one DBOS of this process. Raises DBOSException or sqlalchemy.exc.SQLAlchemyError when it cannot go on."""

    _launched: ClassVar["Journal | None"] = None

    def __init__(self, url: str, works: Works) -> None:
        self._url, self._works = url, works
        self._file = opened(url, CONNECTIONS) if works.ledger.embedded else None

    @classmethod
    def works(cls) -> Works:
        if cls._launched is None:
            raise RuntimeError("no journal is launched")
        return cls._launched._works

    def launch(self) -> None:
        """Raises RuntimeError when one is launched already: one per process."""
        if Journal._launched is not None:
            raise RuntimeError("a journal is launched in this process already")
        _quiet()
        DBOS.migrate(self._url)
        client = DBOSClient(system_database_url=self._url, serializer=_Json(), application_name=APPLICATION)
        try:  # before the launch, or the new queue would be noticed only a second later
            client.register_queue(
                QUEUE, partition_concurrency=1, worker_concurrency=self._works.site.parallel, polling_interval_sec=POLL
            )
        finally:
            client.destroy()
        Journal._launched = self
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._url,
                **({"system_database_engine": self._file} if self._file is not None else {}),
                "application_version": VERSION,
                "executor_id": self._works.executor,
                "serializer": _Json(),
                "log_level": "ERROR",
                "enable_otlp": False,
                "notification_listener_polling_interval_sec": 0.05,  # what a close waits for
                "scheduler_polling_interval_sec": 3600.0,
            }
        )
        DBOS.launch()

    def close(self) -> None:
        """What is under way stays pending."""
        try:
            DBOS.destroy()
        finally:
            Journal._launched = None
            if self._file is not None:
                self._file.dispose()

    # --- workflows --------------------------------------------------------------------------------------------------

    def enqueue(self, entry: Entry, part: Part, given: Given) -> None:
        row = {
            "results": {str(address): to_json(body) for address, body in given.results.items()},
            "skip": {str(address): why for address, why in given.skip.items()},
        }
        options = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": workflow_id(entry, part),
            "workflow_id_reuse_policy": "reject",
            "app_version": VERSION,
            "queue_partition_key": shard_label(part.shard),
        }
        DBOS.enqueue_workflow_with_options(options, entry.number, part.number, row)  # type: ignore[arg-type]

    def resume(self, entry: Entry, part: Part) -> None:
        """Back to its own queue, never to DBOS's internal one, where a second apply of a shard could run beside it."""
        DBOS.resume_workflow(workflow_id(entry, part), queue_name=QUEUE)

    def cancel(self, workflows: Iterable[str]) -> None:
        """What is over stays as it is."""
        those = list(workflows)
        if those:
            DBOS.cancel_workflows(those)

    def standings(self, entry: Entry) -> dict[int, Standing]:
        """By part number, of what was queued of an order."""
        prefix = _prefix(entry)
        found = DBOS.list_workflows(workflow_id_prefix=prefix, load_input=False, load_output=False)
        return {
            int(one.workflow_id.removeprefix(prefix).partition("-")[0]): Standing(one.status, one.executor_id or "")
            for one in found
        }

    def unfinished(self, entry: Entry) -> Sequence[str]:
        found = DBOS.list_workflows(
            workflow_id_prefix=_prefix(entry), status=list(UNFINISHED), load_input=False, load_output=False
        )
        return [one.workflow_id for one in found]

    def outcome(self, entry: Entry, part: Part) -> Outcome:
        """Waits until it is on record. Raises what ended the workflow otherwise."""
        handle: Any = DBOS.retrieve_workflow(workflow_id(entry, part))
        return outcome_from_json(handle.get_result(polling_interval_sec=0.01), part)

    def every_unfinished(self) -> Mapping[str, str]:
        """Workflow id -> its application version, of every queue."""
        found = DBOS.list_workflows(name=WORKFLOW, status=list(UNFINISHED), load_input=False, load_output=False)
        return {one.workflow_id: one.app_version or "" for one in found}

    def forget(self, numbers: Iterable[int]) -> None:
        """Delete the finished workflows of these orders."""
        for number in numbers:
            found = DBOS.list_workflows(workflow_id_prefix=f"{number:010d}-", load_input=False, load_output=False)
            DBOS.delete_workflows([one.workflow_id for one in found])


def belongs(workflow: str, entry: Entry) -> bool:
    return workflow.startswith(_prefix(entry))


def workflow_id(entry: Entry, part: Part) -> str:
    """Sorts by order and part. Never used twice, even when the tables of orders and of workflows were lost apart."""
    return f"{_prefix(entry)}{part.number:05d}-{shard_label(part.shard)}"


def _prefix(entry: Entry) -> str:
    return f"{entry.number:010d}-{int(entry.began * 1000):014d}-{entry.digest.removeprefix('sha256:')[:12]}-"


class RecordedError(Exception):
    """What a workflow of another process ended with, by its words."""


class _Json(Serializer):
    """Plain JSON in the database, never pickles: what is read there must not be able to run."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            data = {"error": f"{type(data).__name__}: {data}"}
        return json.dumps({"json": data}, separators=(",", ":"))

    def deserialize(self, serialized_data: str) -> Any:
        data = json.loads(serialized_data)["json"]
        if isinstance(data, dict) and data.keys() == {"error"}:
            return RecordedError(data["error"])
        return data

    def name(self) -> str:
        return "aipress_json"


def _quiet() -> None:
    """DBOS speaks to nobody's terminal: what matters of it is told by us."""
    log = logging.getLogger("dbos")
    if not any(isinstance(one, logging.NullHandler) for one in log.handlers):
        log.addHandler(logging.NullHandler())
    log.propagate = False
