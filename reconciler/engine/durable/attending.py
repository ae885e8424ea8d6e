"""One order, seen through by the thread that asked for it: parts queued when they may start, events told, shards
handed over. The walking itself happens in durable workflows, here or in another process."""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import Empty
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from reconciler.applying.walk import INTERRUPTED, Walk
from reconciler.engine.bug import bug
from reconciler.engine.durable.ledger import Entry
from reconciler.engine.durable.parts import Given, Part, given_to
from reconciler.engine.durable.site import Broke, Inbox, Nudge, Over
from reconciler.engine.durable.works import Works
from reconciler.engine.earlier import Earlier
from reconciler.engine.interrupts import Interrupts
from reconciler.model.errors import AipressError
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Outcome
from reconciler.model.ports import Progress, Settled

TICK = 1.0
"""Seconds between two looks at the stop switch, and at parts that another process walks."""
SWEEP = 10
"""Looks without news until what stands in the way is looked for."""
_LOG = logging.getLogger(__name__)


class LostJournalError(AipressError):
    """The engine's database is gone, or says something else than it did."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a queued part stands: DBOS's word for it, and who has it."""

    status: str
    executor: str


class Queue(Protocol):
    """What this room needs of the journal."""

    def enqueue(self, entry: Entry, part: Part, given: Given) -> None: ...

    def resume(self, entry: Entry, part: Part) -> None: ...

    def standings(self, entry: Entry) -> dict[int, Standing]:
        """By part number, of what was queued."""

    def outcome(self, entry: Entry, part: Part) -> Outcome: ...


@dataclass(slots=True)
class Attending:
    """`heard` are the listener and who publishes; `sweep` clears what dead processes left in our way. `over`: parts
    that ended, and what they came to."""

    works: Works
    queue: Queue
    entry: Entry
    order: Order
    heard: tuple[Progress, Settled]
    sweep: Callable[[], None]
    over: dict[int, Outcome] = field(default_factory=dict)
    queued: set[int] = field(default_factory=set)
    ends: dict[Address, ItemOutcome] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    inbox: Inbox = field(default_factory=Inbox)
    parts: tuple[Part, ...] = ()
    away: float = 0.0
    silent: int = 0
    left: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def through(self, *, resuming: bool = False) -> Outcome:
        """To the end of every part. Raises LostJournalError, and what ended a workflow."""
        earlier = Earlier(self.works.site.effects.journal)
        _, self.parts = self.works.keep(self.entry.number, self.order)
        for part in self.parts:
            self.left[part.shard] += 1
        interrupts = Interrupts(self._interrupted)
        self.works.site.listeners[self.entry.number] = self.inbox
        try:
            with interrupts.listening():
                if resuming:
                    self._take_up()
                while len(self.over) < len(self.parts):
                    self._heed(interrupts)
                    self._queue_ready()
                    self._hear(interrupts)
        finally:
            self.works.site.listeners.pop(self.entry.number, None)
        outcome = self._outcome(self.parts)
        earlier.forget(self.order.plan, outcome)
        return outcome

    # --- one round --------------------------------------------------------------------------------------------------

    def _interrupted(self) -> None:
        """In a signal handler: the walks see the reason before their next start."""
        self.works.site.reason = self.works.site.reason or INTERRUPTED
        self.inbox.put(Nudge())

    def _heed(self, interrupts: Interrupts) -> None:
        site = self.works.site
        reason = INTERRUPTED if interrupts.count else site.effects.stopped()
        if reason or site.reason:
            site.stop(reason)
            for part in self._unqueued():
                self._not_started(part)
        if interrupts.count > 1 and not site.left:
            site.leave()

    def _queue_ready(self) -> None:
        for part in self._unqueued():
            if part.needs <= self.over.keys():
                self.queue.enqueue(self.entry, part, given_to(part, self.order, self.ends))
                self.queued.add(part.number)

    def _hear(self, interrupts: Interrupts) -> None:
        """Take in what there is, or wait for it."""
        if len(self.over) == len(self.parts):
            return
        try:
            message = self.inbox.get(timeout=TICK)
        except Empty:
            self._look()
            return
        except KeyboardInterrupt:
            interrupts.add()
            return
        self.silent = 0
        if isinstance(message, Event):
            self._send(message)
        elif isinstance(message, Over):
            self._finish(message.part)
        elif isinstance(message, Broke):
            raise message.error
        elif message.interrupted:
            interrupts.add()

    def _look(self) -> None:
        """At what another process does for this order, and whether it is still ours."""
        number = self.entry.number
        try:
            owner = self.works.ledger.owner(number)
        except SQLAlchemyError as error:
            self.away += TICK
            if self.works.ledger.embedded or self.away > self.works.ledger.patience:
                raise lost(error) from error
            return
        except LookupError as error:
            raise lost(error) from error
        self.away = 0.0
        self.silent += 1
        if not self.silent % SWEEP:
            self.sweep()
        if owner != self.works.executor:
            raise taken_over()
        for part, standing in self.queue.standings(self.entry).items():
            if part in self.queued and part not in self.over and standing.status not in ("ENQUEUED", "PENDING"):
                self._finish(part)

    def _take_up(self) -> None:
        """What a dead process had queued: finished parts are read, those under way go back to the queue."""
        alive = self.works.alive()
        for number, standing in self.queue.standings(self.entry).items():
            self.queued.add(number)
            if standing.status == "SUCCESS":
                self._finish(number)
            elif standing.status == "PENDING" and standing.executor in alive:
                continue
            elif standing.status in ("PENDING", "CANCELLED"):
                self.queue.resume(self.entry, self.parts[number])
            elif standing.status != "ENQUEUED":
                self.queue.outcome(self.entry, self.parts[number])  # raises what ended it

    # --- one part ---------------------------------------------------------------------------------------------------

    def _unqueued(self) -> list[Part]:
        return [p for p in self.parts if p.number not in self.queued and p.number not in self.over]

    def _finish(self, number: int) -> None:
        if number in self.over:
            return
        part = self.parts[number]
        outcome = self.queue.outcome(self.entry, part)
        if len(outcome.items) != len(part.changes):
            raise taken_over()
        self._conclude(part, outcome)

    def _not_started(self, part: Part) -> None:
        walk = Walk(part.changes, 1)
        walk.stop(self.works.site.reason)
        outcome = walk.outcome(cut=self.works.site.reason)
        now = self.works.site.effects.clock.now()
        for item in outcome.items.values():
            self._send(Event(EventKind.SKIPPED, item.change, now, 0.0, item.message))
        self._conclude(part, outcome)

    def _conclude(self, part: Part, outcome: Outcome) -> None:
        self.over[part.number] = outcome
        self.ends |= outcome.items
        self.left[part.shard] -= 1
        if not self.left[part.shard]:
            self._settle(part.shard)

    def _settle(self, shard: str) -> None:
        if shard in self.entry.settled:
            return
        _, settled = self.heard
        try:
            settled(self.order, shard, self._outcome([p for p in self.parts if p.shard == shard]))
        except Exception as error:  # kept and raised at the end: the other shards go on
            self.errors.append(error)
            return
        self.works.ledger.settle(self.entry.number, shard)
        self.entry = replace(self.entry, settled=self.entry.settled | {shard})

    def _outcome(self, parts: "list[Part] | tuple[Part, ...]") -> Outcome:
        """In plan order."""
        among = {part.shard for part in parts}
        items = {
            change.address: self.ends[change.address]
            for change in self.order.plan.changes
            if change.shard in among and change.address in self.ends
        }
        over = [self.over[part.number] for part in parts]
        stopped = next((outcome.stopped for outcome in over if outcome.stopped), "")
        return Outcome(items, any(outcome.interrupted for outcome in over), stopped)

    def _send(self, event: Event) -> None:
        progress, settled = self.heard
        try:
            progress(event)
        except Exception as error:  # a closed terminal must not end an apply half way; raised when it is over
            self.errors.append(error)
            self.heard = (_unheard, settled)


def taken_over() -> LostJournalError:
    return LostJournalError(
        "this apply was taken over by another process: this one gave no sign of life for too long",
        "look at what became of it, or run again: it looks first",
    )


def lost(error: Exception) -> LostJournalError:
    return LostJournalError(
        f"the engine's database cannot be used any more: {bug(error).rpartition('report it: ')[2]}",
        "nothing is lost: what was begun goes on in the cloud. Run again: it looks first",
    )


def _unheard(_event: Event) -> None:
    """Where events go once the listener broke."""
