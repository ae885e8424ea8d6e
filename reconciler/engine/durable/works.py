"""What a durable workflow finds in the process that runs it: its order, whether it may be walked, and the site."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from reconciler.engine.durable.ledger import Ledger
from reconciler.engine.durable.parts import Part, parts_of
from reconciler.engine.durable.site import Site
from reconciler.model.order import Order

KEPT = 8
"""Orders kept in memory, so that a thousand parts of one do not read it a thousand times."""
LOOK = 1.0
"""Seconds between two looks at whose an order is."""


@dataclass(slots=True)
class Works:
    """`executor` is this process; `alive` the executors at work now, this one among them."""

    site: Site
    ledger: Ledger
    executor: str
    alive: Callable[[], frozenset[str]]
    _orders: "OrderedDict[int, tuple[Order, tuple[Part, ...]]]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def order(self, number: int) -> tuple[Order, tuple[Part, ...]]:
        """Raises LookupError when it is not there, ValueError when it is none."""
        with self._lock:
            known = self._orders.get(number)
        return known or self.keep(number, self.ledger.order(number))

    def keep(self, number: int, order: Order) -> tuple[Order, tuple[Part, ...]]:
        cut = order, parts_of(order.plan.changes)
        self.site.effects.opened(order)
        with self._lock:
            self._orders[number] = cut
            while len(self._orders) > KEPT:
                self._orders.popitem(last=False)
        return cut

    async def may_walk(self, number: int) -> bool:
        """Waits while whose the order is has died: somebody will take it over, or close it. False: it is closed.

        So a queued part of a killed process is never walked before it was looked at whether its plan is current.
        """
        while not self.site.left:
            owner = await self.site.hands.do(lambda: self.ledger.owner_in_time(number))
            if not owner:
                return False
            if owner == self.executor or owner in await self.site.hands.do(self.alive):
                return True
            await self.site.clock.wait(LOOK)
        return False
