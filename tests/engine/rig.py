"""An engine over a cloud in memory, with a clock that never waits, for tests of this room."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconciler.engine.threads import ThreadEngine
from reconciler.model.ids import Address
from reconciler.model.outcome import Event, Outcome
from reconciler.model.plan import Change, Plan
from reconciler.model.ports import Intent
from tests.doubles import FakeCloud


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


@dataclass
class Switch:
    reason: str = ""

    def stopped(self) -> str:
        return self.reason


@dataclass
class Rig:
    cloud: FakeCloud = field(default_factory=FakeCloud)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: FastClock = field(default_factory=FastClock)
    switch: Switch = field(default_factory=Switch)
    parallel: int = 4
    events: list[Event] = field(default_factory=list)
    settled: list[tuple[str, Outcome]] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None
    on_settled: Callable[[str], None] = lambda shard: None

    def apply(self, changes: Sequence[Change], skip: Mapping[Address, str] | None = None) -> Outcome:
        shards = {f"shard/{c.shard}" if c.shard else "fleet": None for c in changes}
        plan = Plan("local:test", "", "c0ffee", shards, tuple(changes))
        engine = ThreadEngine(self.cloud, self.journal, self.clock, self.switch, self.parallel)
        return engine.apply(plan, skip or {}, self._heard, self._settled)

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def _settled(self, shard: str, outcome: Outcome) -> None:
        self.settled.append((shard, outcome))
        self.on_settled(shard)

    def said(self, change: Change) -> list[str]:
        return [str(e.kind).removeprefix("apply_") for e in self.events if e.change == change]
