"""The production engine in one thread and under a virtual clock: reconciler/engine/durable with DBOS in memory.

Engine, shop, ledger (on SQLite), journal, queue, parts and walks are the real ones. Put in place of others are: DBOS
(memory_dbos.py), the threads that call the cloud and keep the time, and the inbox that the asking thread sleeps on
(turns.py), and SQLite's clock, which is the host's. A process that dies leaves the database and `Kept`; the next one
finds them.
"""

import inspect
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from reconciler.engine.durable import journaled
from reconciler.engine.durable.attending import Attending
from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.ledger import Entry, Ledger
from reconciler.engine.durable.shop import Shop
from reconciler.engine.durable.terms import Terms
from reconciler.engine.effects import Effects
from reconciler.model.order import Order
from reconciler.model.ports import Clock
from tests.engine.memory_dbos import Dbos, Kept
from tests.engine.turns import Mailbox, OneClock, OneHand, Turns

_DURABLE = "reconciler.engine.durable"
_WALK = inspect.unwrap(journaled._apply)
Moment = Callable[[str, str], None]


def _nothing(_what: str, _of: str) -> None:
    """Nobody listens."""


@dataclass
class Around:
    """What a simulated process stands in. `moment` hears of everything that is on record from now on."""

    kept: Kept
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    moment: Moment = _nothing


class SimulatedEngine(DurableEngine):
    """`around` says where the process runs; the rest is the engine's."""

    def __init__(self, effects: Effects, folder: Path, terms: Terms, around: Around) -> None:
        super().__init__(effects, folder, terms)
        self.around = around

    @contextmanager
    def working(self) -> Iterator[Shop]:
        if self.shop is not None:
            yield self.shop
            return
        turns = Turns(self.clock, self.around.chance)
        dbos = Dbos(self.around.kept, turns, _WALK, self.around.moment)
        with ExitStack() as instead:
            for name, thing in (
                ("shop.Shop", partial(OneThread, turns)), ("shop.Ledger", partial(Book, self.around.moment)),
                ("site.Hands", lambda _size, _died: OneHand(turns)),
                ("site.Timekeeper", lambda _clock, _at_work, hears: OneClock(turns, hears)),
                ("journaled.DBOS", dbos), ("journaled.DBOSClient", dbos.client), ("journaled.Journal._launched", None),
                ("file.sqlite3", _sqlite(self.clock)),
            ):  # fmt: skip
                instead.enter_context(patch(f"{_DURABLE}.{name}", thing))
            yield instead.enter_context(super().working())

    def oldest_pending(self) -> float | None:
        with patch(f"{_DURABLE}.file.sqlite3", _sqlite(self.clock)):
            return super().oldest_pending()


class OneThread(Shop):
    """Whose orders are seen through by the thread that also walks them."""

    def __init__(self, turns: Turns, *given: Any) -> None:
        super().__init__(*given)
        self._turns = turns

    def _attending(self, entry: Entry, order: Order, heard: Any) -> Attending:
        made = super()._attending(entry, order, heard)
        made.inbox = Mailbox(self._turns)  # type: ignore[assignment]
        return made


class Book(Ledger):
    """Tells of what is on record, and dates by the host's clock."""

    def __init__(self, moment: Moment, url: str, clock: Clock, patience: float) -> None:
        super().__init__(url, clock, patience)
        self._moment = moment
        sa.event.listen(self._engine, "connect", lambda made, _: _dated(made, clock))

    def add(self, order: Order, owner: str) -> Entry:
        entry = super().add(order, owner)
        self._moment("order kept", "")
        return entry

    def take(self, entry: Entry, owner: str) -> bool:
        taken = super().take(entry, owner)
        self._moment("order taken over", "")
        return taken

    def settle(self, number: int, shard: str) -> None:
        super().settle(number, shard)
        self._moment("shard settled", "")

    def shut(self, number: int, ending: str) -> None:
        super().shut(number, ending)
        self._moment("order shut", "")


def _dated(made: Any, clock: Clock) -> Any:
    """SQLite's "now" is the host's clock."""
    made.create_function("julianday", 1, lambda _: clock.now().timestamp() / 86400.0 + 2440587.5)
    return made


def _sqlite(clock: Clock) -> Any:
    return SimpleNamespace(
        connect=lambda file: _dated(sqlite3.connect(file), clock), Error=sqlite3.Error,
        DatabaseError=sqlite3.DatabaseError,
    )  # fmt: skip
