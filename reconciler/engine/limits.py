"""The Limits port over a ledger: pure rules judge (applying.limits), and what they admit is written down first."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.applying.asked import NEVER, Asked
from reconciler.applying.limits import admit
from reconciler.applying.sickness import everything_paused, is_error, sick
from reconciler.applying.tally import DAY, DESTROYS, Tally
from reconciler.model.bounds import Bounds
from reconciler.model.effect import Mishap, Over, Reply, Row, Trip
from reconciler.model.errors import AipressError
from reconciler.model.hold import Hold, HoldKind
from reconciler.model.ids import TargetKind
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Change
from reconciler.model.ports import Answer, Call, Clock, Done, Failed, Halt, Later, Ledger, No
from reconciler.model.version import shard_label

HOLDS_READ = timedelta(seconds=5)
"""How old the holds may be that an effect is held against (row 22)."""
REMEMBERED = timedelta(days=7)
"""How far back failures at a commit count; everything else asks for a day at most."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """What of an order the rules need. `passed`: holds that it has leave to pass."""

    plan: str = ""
    commit: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    passed: tuple[Hold, ...] = ()
    at: datetime = NEVER


class CountedLimits:
    """One for a process: what it counts, it counts for every order. Judging and counting are one step, so that two
    threads are never both the last one allowed. `holds` reads the holds that everyone sees; unreadable means stop.
    """

    def __init__(self, ledger: Ledger, clock: Clock, holds: Callable[[], Sequence[Hold]]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._read_holds = holds
        self._held: tuple[Hold, ...] = ()
        self._held_at: datetime | None = None
        self._lock = threading.RLock()
        self._tally: Tally | None = None
        self._orders: dict[str, _Opened] = {}
        self._newest = Bounds()

    def opened(self, order: Order) -> None:
        """The order's bounds hold for its shards; what versions say was done, here or elsewhere, counts from now on."""
        plan = order.plan
        with self._lock:
            try:
                passed = self._passed(order)
            except Exception:  # the first write asks again, and stops where they cannot be read
                passed = ()
            named = _Opened(plan.digest, plan.fleet_head, order.bounds, passed, self._clock.now())
            self._newest = order.bounds
            self._orders |= dict.fromkeys({*plan.parents, *(shard_label(c.shard) for c in plan.changes)}, named)
            tally = self._counted()
            tally.walk_begins({change.shard for change in plan.changes})
            for effect in order.bounds.before:
                if effect.at > self._clock.now() - DAY and not tally.knows(effect.plan, effect.resource):
                    tally.add(effect)
            planned = {str(change.address) for change in plan.changes}
            for resource, effect in tally.instances().items():
                if shard_label(effect.shard) in plan.parents and resource not in planned:
                    self._write(Over(self._clock.now(), resource))  # the plan looked, and found it in order

    def stopped(self) -> str:
        with self._lock:
            return everything_paused(self._counted(), self._newest, self._clock.now())

    def ask(self, change: Change, call: Call) -> Later | No | Halt | None:
        """Raises AipressError when the effect cannot be written down: nothing is done then."""
        with self._lock:
            now = self._clock.now()
            opened = self._orders.get(shard_label(change.shard), _Opened())
            try:
                holds = tuple(hold for hold in self._holds(now) if hold not in opened.passed)
            except Exception as error:  # whatever keeps us from looking keeps us from writing
                return Halt(f"the holds cannot be read, which counts as on hold: {error}")
            bounds = opened.bounds
            asked = Asked(change, call, opened.plan, opened.commit, self._counted(), bounds, now, holds, opened.at)
            if not asked.half_done:
                if why := sick(asked):
                    self._write(Trip(now, change.shard, why))
                if why := everything_paused(self._counted(), bounds, now):
                    return Halt(why)
            word = admit(asked)
            if word is None:
                effect = asked.effect()
                self._write(effect, sync=effect.action in DESTROYS)
            return word

    def heard(self, change: Change, call: Call, answer: Answer) -> None:
        error = isinstance(answer, Failed) and is_error(answer.failure)
        target = str(change.address.target)
        with self._lock:
            probe = self._counted().probe(change.shard)
            tried = (
                probe is not None and probe.id == call.request_id
            )  # accepted is answered: an operation takes minutes
            if not (isinstance(answer, Done | Failed) or tried):
                return
            self._note(Reply(self._clock.now(), change.shard, target, error, call.request_id))

    def over(self, change: Change) -> None:
        with self._lock:
            if str(change.address) in self._counted().instances():
                self._note(Over(self._clock.now(), str(change.address)))

    def settled(self, order: Order, outcome: Outcome) -> Sequence[Hold]:
        """Counts each tenant's failure once per apply."""
        commit, limits = order.plan.fleet_head, order.bounds.guards.quarantine
        failed: dict[str, str] = {}
        for item in outcome.items.values():
            target = item.change.address.target
            if item.result is Result.FAILED and target.kind is TargetKind.TENANT:
                failed.setdefault(target.name, f"{item.change.address.kind}: {item.message}")
        holds: list[Hold] = []
        with self._lock:
            now = self._clock.now()
            for tenant, why in sorted(failed.items()):
                self._write(Mishap(now, tenant, commit, why[:500]), sync=True)
                times = self._counted().mishaps(tenant, commit)
                if times % limits.failures == 0:  # and again as often, once somebody has resumed it
                    reason = f"it failed {times} times at commit {commit[:12]}; the last time: {why}"[:500]
                    holds.append(
                        Hold(f"tenant/{tenant}", reason, order.actor, now, None, HoldKind.QUARANTINE.value, commit)
                    )
        return holds

    def _passed(self, order: Order) -> tuple[Hold, ...]:
        """The holds of this moment that do not bind this order's writes: all by --allow; and those of rollbacks, which
        bind some units only: planning has seen to them."""
        now = self._clock.now()
        self._held_at = None
        if "hold" in order.bounds.allow:
            return self._holds(now)
        return tuple(hold for hold in self._holds(now) if hold.kind == HoldKind.ROLLBACK)

    def _holds(self, now: datetime) -> tuple[Hold, ...]:
        """Those in force, read at most five seconds ago. Raises what reading raises."""
        if self._held_at is None or not self._held_at <= now < self._held_at + HOLDS_READ:
            self._held_at = None
            self._held = tuple(self._read_holds())
            self._held_at = now
        return tuple(hold for hold in self._held if hold.active(now))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _counted(self) -> Tally:
        if self._tally is None:
            tally, now = Tally(), self._clock.now()
            for row in self._ledger.rows(now - REMEMBERED):
                if isinstance(row, Mishap | Trip) or row.at > now - DAY:
                    tally.add(row)
            self._tally = tally
        return self._tally

    def _write(self, row: Row, *, sync: bool = False) -> None:
        """Written first, then counted."""
        tally = self._counted()
        self._ledger.append(row, sync=sync)
        tally.add(row)

    def _note(self, row: Row) -> None:
        """What came of an effect counts even where it cannot be written: the next effect is refused then anyway."""
        tally = self._counted()
        with suppress(AipressError):
            self._ledger.append(row, sync=False)
        tally.add(row)
