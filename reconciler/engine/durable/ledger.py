"""Our own tables in the engine's database: orders as they were given, their parts, and who is at work.

Orders can be large, so each is stored once and its parts name it. On SQLite one process has the database at a time
(its lock says so); on PostgreSQL each process beats, and what belongs to one that beats no more may be taken over.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from reconciler.model.order import Order
from reconciler.model.ports import Clock

SCHEMA = 3
"""Number of everything kept in the engine's database: tables here, what steps come to, how an order is cut into parts.

Whoever changes the meaning of any of these counts on; applies that stand under another number are cancelled."""

PAUSE = 0.5
"""Seconds between two tries at a server that is away."""

_META = sa.MetaData()
_ORDERS = sa.Table(
    "aipress_orders", _META,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("schema", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("began", sa.Float, nullable=False),
    sa.Column("closed", sa.Float),
    sa.Column("ending", sa.Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)  # fmt: skip
_SETTLED = sa.Table(
    "aipress_settled", _META,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("shard", sa.Text, primary_key=True),
)  # fmt: skip
_EXECUTORS = sa.Table(
    "aipress_executors", _META,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("seen", sa.Float, nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """An order that is not closed. `began` in seconds since 1970, by the database's clock; `settled`: handed over."""

    number: int
    schema: int
    digest: str
    owner: str
    began: float
    settled: frozenset[str]


def opened(url: str, connections: int) -> sa.Engine:
    """The engine's database, with so many connections at most.

    A file is not synced at each commit: what a power cut takes is the newest of it, never its order or soundness, and a
    step whose end is not on record looks again before it acts. What must be on disk before an effect is in the journal
    of intents. A killed process loses nothing.
    """
    if not url.startswith("sqlite"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        return sa.create_engine(url, pool_size=connections, max_overflow=0, pool_pre_ping=True)
    engine = sa.create_engine(url, pool_size=connections, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"  # as DBOS sets it itself: two writers wait for each other
        for pragma in ("synchronous=NORMAL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


Method = TypeVar("Method", bound=Callable[..., Any])


def patient(method: Method) -> Method:
    """A database server that restarts is waited for."""

    @wraps(method)
    def waiting(self: "Ledger", *given: Any) -> Any:
        waited = 0.0
        while True:
            try:
                return method(self, *given)
            except sa.exc.OperationalError:
                if self.embedded or waited >= self.patience:
                    raise
            self.clock.sleep(PAUSE)
            waited += PAUSE

    return cast("Method", waiting)


class Ledger:
    """Raises sqlalchemy.exc.SQLAlchemyError where the database is gone, or a server is away for longer than `patience`
    seconds."""

    def __init__(self, url: str, clock: Clock, patience: float) -> None:
        self.clock, self.patience = clock, patience
        self.embedded = url.startswith("sqlite")
        self._engine = opened(url, 4)
        self._now = _julian() if self.embedded else _epoch()

    def prepare(self) -> None:
        """Make what is missing. Two processes may do so at once."""
        with suppress(sa.exc.IntegrityError, sa.exc.ProgrammingError):
            _META.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    # --- orders -----------------------------------------------------------------------------------------------------

    @patient
    def add(self, order: Order, owner: str) -> Entry:
        """Later ones have greater numbers."""
        digest, body = order.plan.digest, json.dumps(order.to_json(), separators=(",", ":"))
        row = {"schema": SCHEMA, "digest": digest, "body": body, "owner": owner, "began": self._now}
        with self._engine.begin() as at:
            number = at.execute(_ORDERS.insert().values(row).returning(_ORDERS.c.number)).scalar_one()
            began = at.execute(sa.select(_ORDERS.c.began).where(_ORDERS.c.number == number)).scalar_one()
        return Entry(int(number), SCHEMA, digest, owner, began, frozenset())

    @patient
    def order(self, number: int) -> Order:
        """Raises LookupError when there is none (any more)."""
        with self._engine.connect() as at:
            body = at.execute(sa.select(_ORDERS.c.body).where(_ORDERS.c.number == number)).scalar()
        if body is None:
            raise LookupError(f"order {number} is not in the engine's database")
        return Order.from_json(json.loads(body))

    @patient
    def open_orders(self) -> Sequence[Entry]:
        """Oldest first."""
        columns = (_ORDERS.c.number, _ORDERS.c.schema, _ORDERS.c.digest, _ORDERS.c.owner, _ORDERS.c.began)
        with self._engine.connect() as at:
            rows = at.execute(sa.select(*columns).where(_ORDERS.c.closed.is_(None)).order_by(_ORDERS.c.number)).all()
            done = at.execute(sa.select(_SETTLED).where(_SETTLED.c.number.in_([row.number for row in rows]))).all()
        settled: dict[int, set[str]] = {}
        for number, shard in done:
            settled.setdefault(number, set()).add(shard)
        return [Entry(*row, frozenset(settled.get(row.number, ()))) for row in rows]

    @patient
    def owner_in_time(self, number: int) -> str:
        """The same, however long the database needs to come back."""
        return self.owner(number)

    def owner(self, number: int) -> str:
        """Whose an order is; "" when it is closed. Raises LookupError when it is not there (any more)."""
        with self._engine.connect() as at:
            row = at.execute(sa.select(_ORDERS.c.owner, _ORDERS.c.closed).where(_ORDERS.c.number == number)).first()
        if row is None:
            raise LookupError(f"order {number} is not in the engine's database")
        return row.owner if row.closed is None else ""

    @patient
    def take(self, entry: Entry, owner: str) -> bool:
        """Make it this owner's, unless another was faster."""
        same = (_ORDERS.c.number == entry.number) & (_ORDERS.c.owner == entry.owner) & _ORDERS.c.closed.is_(None)
        with self._engine.begin() as at:
            return bool(at.execute(_ORDERS.update().where(same).values(owner=owner)).rowcount)

    @patient
    def settle(self, number: int, shard: str) -> None:
        """A shard of an order was handed over. More than once is fine."""
        with suppress(sa.exc.IntegrityError), self._engine.begin() as at:
            at.execute(_SETTLED.insert().values(number=number, shard=shard))

    @patient
    def shut(self, number: int, ending: str) -> None:
        """Nobody goes on with this order any more. `ending` says why, in a few words."""
        with self._engine.begin() as at:
            still = (_ORDERS.c.number == number) & _ORDERS.c.closed.is_(None)
            at.execute(_ORDERS.update().where(still).values(closed=self._now, ending=ending))

    @patient
    def forget(self, older_than: float) -> Sequence[int]:
        """Delete what was closed so many seconds ago; the numbers."""
        old = _ORDERS.c.closed < self._now - older_than
        with self._engine.begin() as at:
            numbers = list(at.execute(sa.select(_ORDERS.c.number).where(old)).scalars())
            at.execute(_SETTLED.delete().where(_SETTLED.c.number.in_(numbers)))
            at.execute(_ORDERS.delete().where(_ORDERS.c.number.in_(numbers)))
        return numbers

    def oldest(self) -> float | None:
        """Seconds since the oldest open order began; None when all are closed, or nothing is there yet."""
        if not sa.inspect(self._engine).has_table(_ORDERS.name):
            return None
        with self._engine.connect() as at:
            age = at.execute(sa.select(self._now - sa.func.min(_ORDERS.c.began)).where(_ORDERS.c.closed.is_(None)))
            return age.scalar()

    # --- who is at work ---------------------------------------------------------------------------------------------

    def beat(self, executor: str) -> None:
        with self._engine.begin() as at:
            if not at.execute(_EXECUTORS.update().where(_EXECUTORS.c.id == executor).values(seen=self._now)).rowcount:
                at.execute(_EXECUTORS.insert().values(id=executor, seen=self._now))

    def alive(self, within: float) -> frozenset[str]:
        """Executors that beat within so many seconds; the others' rows are deleted once they are old."""
        with self._engine.begin() as at:
            at.execute(_EXECUTORS.delete().where(_EXECUTORS.c.seen < self._now - 100 * within))
            seen = at.execute(sa.select(_EXECUTORS.c.id).where(_EXECUTORS.c.seen >= self._now - within)).scalars()
            return frozenset(seen)

    def retire(self, executor: str) -> None:
        """It works no more, by its own word."""
        with self._engine.begin() as at:
            at.execute(_EXECUTORS.delete().where(_EXECUTORS.c.id == executor))


def _julian() -> Any:
    """Seconds since 1970, with fractions, for every SQLite."""
    return (sa.func.julianday("now") - 2440587.5) * 86400.0


def _epoch() -> Any:
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
