"""What was done lately, counted: rows in, figures out. No clock: every question says what time it is.

A row from the future (a clock that was set back) counts as now, so that no limit is gained by turning a clock.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.model.effect import Effect, Mishap, Over, Reply, Row, Trip
from reconciler.model.ids import Address
from reconciler.model.plan import Action

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
REPEATS = timedelta(minutes=10)
"""Over how long repeated calls are counted."""
DESTROYS = (Action.DELETE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one project since some moment: `targets` is how many different ones had an error."""

    calls: int
    errors: int
    targets: int


@dataclass(slots=True)
class Tally:
    """Add rows oldest first. Only what a question can still ask for is kept."""

    _known: set[tuple[str, str]] = field(default_factory=set)
    _destroyed: dict[str, datetime] = field(default_factory=dict)
    _changed: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    _deleted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _begun: dict[str, datetime] = field(default_factory=dict)
    _rollouts: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    _pace: deque[tuple[datetime, str]] = field(default_factory=deque)
    _calls: deque[tuple[datetime, str, bool]] = field(default_factory=deque)
    _last: dict[str, datetime] = field(default_factory=dict)
    _replies: dict[str, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))
    _trips: dict[str, Trip] = field(default_factory=dict)
    _probes: dict[str, Effect] = field(default_factory=dict)
    _instances: dict[str, Effect] = field(default_factory=dict)
    _mishaps: dict[tuple[str, str], list[Mishap]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row) -> None:
        if isinstance(row, Effect):
            self._effect(row)
        elif isinstance(row, Reply):
            self._reply(row)
        elif isinstance(row, Over):
            self._instances.pop(row.resource, None)
        elif isinstance(row, Trip):
            self._trips[row.shard] = row
            self._probes.pop(row.shard, None)
        else:
            self._mishaps[row.tenant, row.commit].append(row)

    def walk_begins(self, shards: Iterable[str]) -> None:
        """A shard is walked by one order at a time: whoever tried it out before is not there to hear the answer."""
        for shard in shards:
            self._probes.pop(shard, None)

    # --- questions --------------------------------------------------------------------------------------------------

    def knows(self, plan: str, resource: str) -> bool:
        """Whether this plan's change of a live site, or destruction, of this resource was counted."""
        return (plan, resource) in self._known

    def destroyed(self, now: datetime, window: timedelta) -> Mapping[str, datetime]:
        """tenant -> when something that holds its data was last deleted or replaced."""
        return {tenant: at for tenant, at in self._destroyed.items() if at > now - window}

    def deleted_by(self, plan: str) -> frozenset[str]:
        """Resources without data that a plan has deleted or replaced so far, purges aside."""
        return frozenset(self._deleted.get(plan, ()))

    def changed(self, shard: str, now: datetime) -> Mapping[str, datetime]:
        """Live tenants of a shard changed in the last hour -> when last."""
        return {tenant: at for tenant, at in self._changed.get(shard, {}).items() if at > now - HOUR}

    def begun(self, commit: str) -> datetime | None:
        """When a commit first touched a live tenant."""
        return self._begun.get(commit)

    def rollout(self, commit: str, now: datetime) -> Mapping[str, datetime]:
        """Live tenants that a commit first touched in the last minute -> when."""
        return {tenant: at for tenant, at in self._rollouts.get(commit, {}).items() if at > now - MINUTE}

    def reached(self, commit: str, tenant: str) -> bool:
        """Whether a commit has touched this live tenant before."""
        return tenant in self._rollouts.get(commit, {})

    def pace(self, now: datetime, shard: str | None = None) -> tuple[datetime, ...]:
        """When changing calls on live sites were made in the last second: of a shard, or of all. Oldest first. Those of
        a time to come (the clock went back) say nothing about haste."""
        while self._pace and self._pace[0][0] <= now - SECOND:
            self._pace.popleft()
        return tuple(at for at, of in self._pace if now - SECOND < at <= now and shard in (None, of))

    def repeats(self, now: datetime) -> tuple[int, int]:
        """(repeated calls, calls) of the last ten minutes."""
        while self._calls and self._calls[0][0] <= now - REPEATS:
            at, name, _ = self._calls.popleft()
            if self._last.get(name) == at:
                del self._last[name]
        return sum(1 for _, _, repeated in self._calls if repeated), len(self._calls)

    def last(self, call_id: str) -> datetime | None:
        """When a call was last made, if that is not long ago."""
        return self._last.get(call_id)

    def answers(self, shard: str, since: datetime) -> Answers:
        """Answers after a moment."""
        calls, wrong = 0, []
        for reply in reversed(self._replies.get(shard, ())):
            if reply.at <= since:
                break
            calls += 1
            if reply.error:
                wrong.append(reply.target)
        return Answers(calls, len(wrong), len(set(wrong)))

    def trip(self, shard: str) -> Trip | None:
        """The last time that a shard's breaker opened."""
        return self._trips.get(shard)

    def tripped(self, since: datetime) -> frozenset[str]:
        """Shards whose breaker opened after a moment."""
        return frozenset(shard for shard, trip in self._trips.items() if trip.at > since)

    def probe(self, shard: str) -> Effect | None:
        """The call that tries out a project after its breaker's pause, while it has no answer."""
        return self._probes.get(shard)

    def instances(self) -> Mapping[str, Effect]:
        """Changes of live Cloud SQL instances that are under way, by resource."""
        return dict(self._instances)

    def mishaps(self, tenant: str, commit: str) -> int:
        return len(self._mishaps.get((tenant, commit), ()))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _effect(self, effect: Effect) -> None:
        tenant, address = effect.tenant, Address.parse(effect.resource)
        if effect.live or effect.action in DESTROYS:
            self._known.add((effect.plan, effect.resource))
        if effect.action in DESTROYS and effect.holds_data:
            self._destroyed[tenant or effect.resource] = effect.at
        if effect.action in DESTROYS and not (effect.holds_data or effect.approved):
            self._deleted[effect.plan].add(effect.resource)
        if effect.live and tenant:
            self._changed[effect.shard][tenant] = effect.at
            self._begun.setdefault(effect.commit, effect.at)
            self._rollouts[effect.commit].setdefault(tenant, effect.at)
        if not effect.id:  # from a version: it was done, and nobody knows how fast
            return
        if effect.live:
            self._pace.append((effect.at, effect.shard))
            if address.kind == "sql.instance":
                self._instances[effect.resource] = effect
        self._calls.append((effect.at, effect.id, effect.repeat))
        self._last[effect.id] = effect.at
        if (trip := self._trips.get(effect.shard)) is not None and effect.at > trip.at:
            self._probes.setdefault(effect.shard, effect)

    def _reply(self, reply: Reply) -> None:
        kept = self._replies[reply.shard]
        while kept and kept[0].at < reply.at - HOUR:
            kept.popleft()
        kept.append(reply)
        probe = self._probes.get(reply.shard)
        if probe is not None and reply.id == probe.id:
            del self._probes[reply.shard]
