"""An engine over a cloud in memory, with a clock that never waits, for tests of this room."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from reconciler.engine.durable.engine import DurableEngine
from reconciler.engine.durable.terms import Terms
from reconciler.engine.effects import Effects, StopGate
from reconciler.model.bounds import Bounds
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Event, Outcome
from reconciler.model.plan import Change, Plan
from reconciler.model.ports import Current, Engine, Intent, Limits
from tests.doubles import FakeCloud, Unfenced, Unlimited
from tests.engine.threads import ThreadEngine


class FastClock:
    """Time passes when somebody sleeps, and by a millisecond per look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)
        self.on_sleep: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self.at += timedelta(milliseconds=1)
            return self.at

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.at += timedelta(seconds=seconds)
        self.on_sleep()


class MemoryJournal:
    def __init__(self) -> None:
        self.open: dict[str, Intent] = {}
        self.log: list[tuple[str, str]] = []

    def record(self, intent: Intent) -> None:
        self.open[intent.id] = intent
        self.log.append(("record", intent.change["resource"]))

    def close(self, intent_id: str) -> None:
        intent = self.open.pop(intent_id, None)
        if intent is not None:
            self.log.append(("close", intent.change["resource"]))

    def open_intents(self) -> Sequence[Intent]:
        return tuple(self.open.values())

    def seen(self) -> Sequence[Intent]:
        return tuple(self.open.values())


@dataclass
class Switch:
    reason: str = ""

    def stopped(self) -> str:
        return self.reason


@dataclass
class Rig:
    """`driver` and `folder` are set by the fixture `driver`, for each engine there is."""

    driver: ClassVar[str] = "threads"
    folder: ClassVar[Path]
    url: ClassVar[str] = ""
    kept: ClassVar[dict[Path, Any]] = {}
    """By folder, what DBOS in memory keeps: memory_dbos.Kept."""
    cloud: FakeCloud = field(default_factory=FakeCloud)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: FastClock = field(default_factory=FastClock)
    switch: Switch = field(default_factory=Switch)
    parallel: int = 4
    limits: Limits = field(default_factory=Unlimited)
    bounds: Bounds = field(default_factory=Bounds)
    events: list[Event] = field(default_factory=list)
    settled: list[tuple[str, Outcome]] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None
    on_settled: Callable[[str], None] = lambda shard: None

    def apply(self, changes: Sequence[Change], skip: Mapping[Address, str] | None = None) -> Outcome:
        shards = {f"shard/{c.shard}" if c.shard else "fleet": None for c in changes}
        plan = Plan("local:test", "", "c0ffee", shards, tuple(changes))
        order = Order(plan, skip or {}, bounds=self.bounds)
        return self.engine().apply(order, self.heard, self.handed)

    def resume(self, current: Current = lambda order: True) -> Sequence[tuple[Order, Outcome]]:
        return self.engine().resume(current, self.heard, self.handed)

    def engine(self) -> Engine:
        effects = Effects(self.cloud, self.journal, self.clock, (StopGate(self.switch),), Unfenced(), self.limits)
        if self.driver == "threads":
            return ThreadEngine(effects, self.parallel)
        terms = Terms(self.parallel, self.url, lifetime=1e6)
        if self.driver == "simulated":
            from tests.engine.simulated import Around, Kept, SimulatedEngine

            return SimulatedEngine(effects, self.folder, terms, Around(self.kept.setdefault(self.folder, Kept())))
        return DurableEngine(effects, self.folder, terms)

    def heard(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def handed(self, _order: Order, shard: str, outcome: Outcome) -> None:
        self.settled.append((shard, outcome))
        self.on_settled(shard)

    def said(self, change: Change) -> list[str]:
        return [str(e.kind).removeprefix("apply_") for e in self.events if e.change == change]
