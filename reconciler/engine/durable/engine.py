"""The Engine port on DBOS: an order is stored, cut into parts, queued by shard, and seen through; what a killed process
left is gone on with, as long as its plan is current. DBOS is loaded for an apply only, and launched only while there is
something to walk.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.engine.durable.file import oldest_open, prepared
from reconciler.engine.durable.terms import Terms, overdue
from reconciler.engine.earlier import sent
from reconciler.engine.effects import Effects
from reconciler.engine.lease import FlockLease
from reconciler.model.canonical import Body
from reconciler.model.errors import AipressError
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome
from reconciler.model.ports import Clock, Current, Progress, Settled

if TYPE_CHECKING:
    from reconciler.engine.durable.shop import Shop

_LOG = logging.getLogger(__name__)
_NUMBERS = count(1)


def _load() -> None:
    import reconciler.engine.durable.shop  # noqa: F401, PLC0415 - a third of a second, while the cloud is waited for


@dataclass(slots=True)
class DurableEngine:
    """`folder` keeps the database, unless the terms name another."""

    effects: Effects
    folder: Path
    terms: Terms = field(default_factory=Terms)
    shop: "Shop | None" = None

    @property
    def clock(self) -> Clock:
        return self.effects.clock

    def apply(self, order: Order, progress: Progress, settled: Settled) -> Outcome:
        """Walk an order's plan; items in its `skip` are not run, nor what depends on them.

        A change that fails never stops the walk. What `progress` or `settled` raise is raised when the walk is over,
        the first of it. On Ctrl-C, SIGTERM or a thrown stop switch nothing new starts and what is under way is
        finished; on a second Ctrl-C it is left. Raises ValueError for a plan that cannot be walked (a bug),
        AipressError when the engine's database is lost meanwhile.
        """
        if not order.plan.changes:
            return Outcome({})
        with self.working() as shop:
            return shop.apply(order, progress, settled)

    def resume(self, current: Current, progress: Progress, settled: Settled) -> Sequence[tuple[Order, Outcome]]:
        """Go on with what killed processes left half done, while its plan is current; close the rest.

        Where nothing was left, what walks is loaded in the background: who asks is about to read the cloud and to walk.
        """
        age = self.oldest_pending()
        if age is None:
            threading.Thread(target=_load, daemon=True, name="aipress-load").start()
            return ()
        if age > self.terms.overdue:
            _LOG.warning("%s", overdue(age))
        with self.working() as shop:
            return shop.resume(current, progress, settled)

    @contextmanager
    def working(self) -> "Iterator[Shop]":
        """While this lasts, this process walks what is queued. Nested calls share one."""
        if self.shop is not None:
            yield self.shop
            return
        from reconciler.engine.durable.shop import Shop  # noqa: PLC0415 - a third of a second, paid only to walk

        with self._alone():
            url = self.terms.url or f"sqlite:///{prepared(self.folder)}"
            shop = Shop(self.effects, url, self._executor(), self.terms)
            shop.open()
            self.shop = shop
            try:
                yield shop
            finally:
                self.shop = None
                shop.close()

    def _alone(self) -> AbstractContextManager[None]:
        """One process at a time has a database that is a file. Raises RefusedError."""
        return nullcontext() if self.terms.url else FlockLease(self.folder).hold("engine")

    def _executor(self) -> str:
        """Never the same twice: what a dead process left is looked at before anybody goes on with it."""
        return f"{os.uname().nodename}-{os.getpid()}-{self.clock.now().timestamp():.0f}-{next(_NUMBERS)}"

    def abandoned(self) -> bool:
        """Only where several processes share a database: a file's process looks into it at its next start."""
        if not self.terms.url or self.shop is not None:
            return False
        from reconciler.engine.durable.shop import abandoned_at  # noqa: PLC0415 - only who has set it pays for it

        try:
            return abandoned_at(self.terms.url, self.clock, self.terms.lifetime)
        except AipressError as error:  # the next cycle says what is wrong with the database
            _LOG.debug("whether an apply was left cannot be told", exc_info=error)
            return False

    def begun(self) -> Mapping[Address, Body]:
        return sent(self.effects.journal)

    def oldest_pending(self) -> float | None:
        """Seconds since the oldest apply that is not over began; None: all are over. Raises AipressError when the
        database does not answer."""
        if self.terms.url:
            from reconciler.engine.durable.shop import oldest_open_at  # noqa: PLC0415 - only who has set it pays for it

            return oldest_open_at(self.terms.url, self.clock)
        return oldest_open(self.folder)
