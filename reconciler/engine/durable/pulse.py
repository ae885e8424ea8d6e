"""Who is at work: a sign of life in the database for who shares it, and no write to the cloud without one."""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from reconciler.engine.durable.ledger import Ledger
from reconciler.engine.durable.terms import Terms
from reconciler.model.plan import Change
from reconciler.model.ports import Call, Clock, Halt

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Pulse:
    """Beats in a thread of its own, where others may take over; where one process has the database, it does nothing.

    Also a Gate: a process that was paused, or cannot reach the database, stops writing before others may begin.
    """

    ledger: Ledger
    executor: str
    clock: Clock
    terms: Terms
    _beaten: datetime | None = None
    _lapsed: bool = False
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """The first beat is made before this returns."""
        if not self.ledger.embedded:
            self.beat()
            threading.Thread(target=self._keep, daemon=True, name="aipress-pulse").start()

    def close(self) -> None:
        """Its applies may be taken over at once."""
        self._over.set()
        if not self.ledger.embedded:
            try:
                self.ledger.retire(self.executor)
            except sa.exc.SQLAlchemyError as error:
                _LOG.debug("cannot say that this process is done", exc_info=error)

    def alive(self) -> frozenset[str]:
        """Executors at work now, this one among them."""
        if self.ledger.embedded:
            return frozenset({self.executor})
        return self.ledger.alive(self.terms.lifetime) | {self.executor}

    # --- the gate ---------------------------------------------------------------------------------------------------

    def stopped(self) -> str:
        if self._beaten is None:
            return ""
        left = self.terms.lifetime - (self.clock.now() - self._beaten).total_seconds()
        if left > self.terms.longest_call and not self._lapsed:
            return ""
        return "this process gave no sign of life for too long: another may have taken its applies over"

    def ask(self, change: Change, call: Call) -> Halt | None:  # noqa: ARG002 - without a sign of life nothing may happen
        why = self.stopped()
        return Halt(why) if why else None

    def _keep(self) -> None:
        while not self._over.wait(self.terms.lifetime / 8):
            try:
                self.beat()
            except sa.exc.SQLAlchemyError as error:
                _LOG.debug("no sign of life could be given", exc_info=error)

    def beat(self) -> None:
        now = self.clock.now()  # before it is written: the others' count starts later than ours
        late = self._beaten is not None and (now - self._beaten).total_seconds() >= self.terms.lifetime
        self._lapsed = self._lapsed or late  # for good: whoever saw it dead does not look again
        self.ledger.beat(self.executor)
        self._beaten = now
