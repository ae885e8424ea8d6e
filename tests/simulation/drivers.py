"""The engines that a simulation walks with, each in one thread, in an order that the seed chooses.

"threads" is the plain driver of the tests, without a journal of steps: after a death everything is planned anew.
"durable" is the production engine with DBOS in memory (tests/engine/simulated.py): the next process goes on from the
journal. Both carry their requests out through `Watched`, which tells the realm of each moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.applying.exchange import Begin, Close, Poll, RecordIntent, Request, Response
from reconciler.applying.state import State
from reconciler.engine.durable.terms import Terms
from reconciler.engine.effects import Effects
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.plan import Change
from reconciler.model.ports import Engine
from tests.engine.crew import Active, Crew
from tests.engine.simulated import Around, SimulatedEngine
from tests.engine.threads import ThreadEngine

if TYPE_CHECKING:
    from tests.simulation.realm import Host, Realm

THREADS, DURABLE = ENGINES = "threads", "durable"

PHASES = (
    "before intent", "after intent", "before a call", "after a call", "answered", "polling", "polled", "before close",
    "closed", "publishing", "published",
)  # fmt: skip
KEPT_PHASES = ("order kept", "queued", "step kept", "part kept", "shard settled", "order shut")
"""Of the durable engine alone: what its database holds from then on."""
_AROUND: Mapping[type, tuple[str, str]] = {
    RecordIntent: ("before intent", "after intent"), Begin: ("", "answered"), Poll: ("polling", "polled"),
    Close: ("before close", "closed"),
}  # fmt: skip


def engine(realm: "Realm", host: "Host", effects: Effects, state: Path, terms: Terms) -> Engine:
    """What a process on this host walks with."""
    watched = Watched(**{one.name: getattr(effects, one.name) for one in fields(Effects)}, realm=realm)
    if realm.engine == THREADS:
        return ThreadEngine(watched, terms.parallel, crew=lambda e, plan: OneHand(e, plan, realm))
    return SimulatedEngine(watched, state, terms, Around(host.kept, realm.chance, realm.kept_moment))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Effects):
    """The door, with a look at whoever goes through."""

    realm: "Realm"

    def opened(self, order: Order) -> None:
        self.realm.orders[order.plan.digest] = order.plan
        Effects.opened(self, order)

    def carry_out(self, change: Change, state: State, request: Request, plan: str) -> Response:
        realm, (before, after) = self.realm, _AROUND.get(type(request), ("", ""))
        realm.at_work, realm.walked = str(change.address), (plan, change.shard)
        if isinstance(request, RecordIntent):
            realm.effects += 1
        if before:
            realm.point(before)
        response = Effects.carry_out(self, change, state, request, plan)
        if after:
            realm.point(after)
        realm.at_work, realm.walked = "", ("", "")
        return response


class OneHand(Crew):
    """Requests are carried out by the walking thread itself."""

    def __init__(self, effects: Any, plan: str, realm: "Realm") -> None:
        super().__init__(effects, plan)
        self._realm = realm
        self._mine: list[tuple[Active, Request]] = []

    def muster(self, size: int) -> None:
        pass

    def nudge(self) -> None:
        pass

    def give(self, active: Active, request: Request) -> None:
        self.busy += 1
        self._mine.append((active, request))

    def take(self, seconds: float) -> tuple[Address, Response] | None:
        if not self._mine:
            return None
        active, request = self._mine.pop(self._realm.chance.randrange(len(self._mine)))
        self.busy -= 1
        return active.change.address, self.done(active, request)
