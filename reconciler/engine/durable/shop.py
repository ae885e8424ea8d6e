"""Everything that walks durably, opened and closed together: ledger, signs of life, site, journal. One per process."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from dbos import error as dbos_errors
from sqlalchemy.exc import SQLAlchemyError

from reconciler.engine.bug import bug
from reconciler.engine.durable.attending import Attending, LostJournalError, lost
from reconciler.engine.durable.journaled import VERSION, Journal, belongs
from reconciler.engine.durable.ledger import SCHEMA, Entry, Ledger
from reconciler.engine.durable.parts import parts_of
from reconciler.engine.durable.pulse import Pulse
from reconciler.engine.durable.site import Site
from reconciler.engine.durable.terms import Terms, overdue
from reconciler.engine.durable.works import Works
from reconciler.engine.effects import Effects
from reconciler.model.errors import AipressError
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome
from reconciler.model.ports import Clock, Current, Progress, Settled

_LOG = logging.getLogger(__name__)


class Shop:
    """`executor` names this process; `url` its database."""

    def __init__(self, effects: Effects, url: str, executor: str, terms: Terms) -> None:
        self._terms, self._executor = terms, executor
        self.ledger = Ledger(url, effects.clock, terms.patience)
        self._pulse = Pulse(self.ledger, executor, effects.clock, terms)
        self._site = Site(replace(effects, gates=(*effects.gates, self._pulse)), terms.parallel, terms.rules)
        self._works = Works(self._site, self.ledger, executor, self._pulse.alive)
        self.journal = Journal(url, self._works)

    def open(self) -> None:
        """Raises AipressError when the database cannot be used."""
        try:
            with _or_lost():
                self.ledger.prepare()
                self._pulse.start()
                self.journal.launch()
                self.journal.forget(self.ledger.forget(self._terms.kept))
        except LostJournalError:
            self.close()
            raise

    def close(self) -> None:
        """What is under way stays pending."""
        self._site.close()
        self.journal.close()
        self._pulse.close()
        self.ledger.close()

    # --- orders -----------------------------------------------------------------------------------------------------

    def apply(self, order: Order, progress: Progress, settled: Settled) -> Outcome:
        """Raises AipressError when the database is lost on the way, as `resume` does."""
        with _or_lost():
            return self._apply(order, progress, settled)

    def resume(self, current: Current, progress: Progress, settled: Settled) -> Sequence[tuple[Order, Outcome]]:
        """The boot sweep: what nobody alive has is gone on with, or closed."""
        with _or_lost():
            return self._resume(current, progress, settled)

    def _apply(self, order: Order, progress: Progress, settled: Settled) -> Outcome:
        parts_of(order.plan.changes)  # raises for what cannot be walked, before anything is kept
        self.drop_dead()
        self._site.effects.opened(order)  # what keeps it from counting keeps it from beginning
        entry = self.ledger.add(order, self._executor)
        return self._attend(self._attending(entry, order, (progress, settled)), resuming=False)

    def _resume(self, current: Current, progress: Progress, settled: Settled) -> Sequence[tuple[Order, Outcome]]:
        self._close_foreign()
        ended: list[tuple[Order, Outcome]] = []
        for entry in self._taken_over():
            order = self._readable(entry)
            if order is None:
                continue
            if not current(order):
                self._shut(entry, "its plan is not current any more")
                continue
            try:
                ended.append((order, self._attend(self._attending(entry, order, (progress, settled)), resuming=True)))
            except LostJournalError:
                raise
            except AipressError as error:
                _LOG.warning("an apply that was cut off cannot be gone on with, and is planned anew: %s", error)
        return ended

    def drop_dead(self) -> None:
        """What the dead left and nobody went on with: it would block its shards for ever."""
        self._close_foreign()
        for entry in self._taken_over():
            self._shut(entry, "nobody went on with it")

    def _taken_over(self) -> Iterator[Entry]:
        """The open orders of dead processes, one by one, each ours from here on."""
        for entry in self.ledger.open_orders():
            dead = entry.owner not in self._pulse.alive()
            if dead and entry.schema == SCHEMA and self.ledger.take(entry, self._executor):
                yield replace(entry, owner=self._executor)

    def _attending(self, entry: Entry, order: Order, heard: tuple[Progress, Settled]) -> Attending:
        return Attending(self._works, self.journal, entry, order, heard, self._clear_the_way)

    def _clear_the_way(self) -> None:
        """For an apply that hears nothing for a while: what the dead left stands in its way, or it is stuck itself."""
        self.drop_dead()
        age = self.ledger.oldest()
        if age is not None and age > self._terms.overdue:
            _LOG.warning("%s", overdue(age))

    def _attend(self, attending: Attending, *, resuming: bool) -> Outcome:
        entry = attending.entry
        try:
            outcome = attending.through(resuming=resuming)
            self.ledger.shut(entry.number, "cut short" if outcome.interrupted or outcome.stopped else "over")
        except (SQLAlchemyError, LostJournalError):
            raise
        except Exception as error:
            self._shut(entry, f"it broke: {bug(error)}")
            raise AipressError(
                f"the engine broke down in this apply ({bug(error)})",
                "nothing is lost: what was begun goes on in the cloud. Run again: it looks first",
            ) from error
        if attending.errors:
            for other in attending.errors[1:]:
                attending.errors[0].add_note(f"and also: {other}")
            raise attending.errors[0]
        return outcome

    # --- the sweep --------------------------------------------------------------------------------------------------

    def _close_foreign(self) -> None:
        """What another version of aipress left: nobody can go on with it, and it would block its shards."""
        unfinished = self.journal.every_unfinished()  # before the orders: each has its order by now
        alive, entries = self._pulse.alive(), self.ledger.open_orders()
        orders = [entry for entry in entries if entry.schema != SCHEMA and entry.owner not in alive]
        for entry in orders:
            self._shut(entry, "another version of aipress began it")
        going = [entry for entry in entries if entry.owner in alive]
        ours = [entry for entry in entries if entry.schema == SCHEMA]
        foreign = [
            workflow
            for workflow, version in unfinished.items()
            if not any(belongs(workflow, entry) for entry in (ours if version == VERSION else going))
        ]
        self.journal.cancel(foreign)
        if foreign or orders:
            _LOG.warning("an apply that another version of aipress left is cancelled, and planned anew")

    def _readable(self, entry: Entry) -> Order | None:
        try:
            return self._works.order(entry.number)[0]
        except (LookupError, ValueError, TypeError) as error:
            self._shut(entry, "it cannot be read")
            _LOG.warning("an apply that was cut off cannot be read, and is planned anew: %s", error)
            return None

    def _shut(self, entry: Entry, ending: str) -> None:
        self.ledger.shut(entry.number, ending)
        self.journal.cancel(self.journal.unfinished(entry))


def oldest_open_at(url: str, clock: Clock) -> float | None:
    """Seconds since the oldest apply that is not over began. Raises AipressError when the database does not answer."""
    ledger = Ledger(url, clock, patience=0.0)
    try:
        with _or_lost():
            return ledger.oldest()
    finally:
        ledger.close()


def abandoned_at(url: str, clock: Clock, lifetime: float) -> bool:
    """Whether an apply is open whose process gave no sign of life for so many seconds. Raises as `oldest_open_at`."""
    ledger = Ledger(url, clock, patience=0.0)
    try:
        with _or_lost():
            if ledger.oldest() is None:
                return False
            alive = ledger.alive(lifetime)
            return any(entry.owner not in alive for entry in ledger.open_orders())
    finally:
        ledger.close()


@contextmanager
def _or_lost() -> Iterator[None]:
    """A database that fails in here is lost."""
    try:
        yield
    except (SQLAlchemyError, dbos_errors.DBOSException) as error:
        raise lost(error) from error
