"""What the daemon counts about the cloud, the changes, and what is not well. No label names a tenant, but for the few
hundred that are not well: that is bounded, and what somebody who is woken up looks for first."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from reconciler.actions.apply import Applied
from reconciler.applying.limits import RULES
from reconciler.daemon.commits import Commits, Live
from reconciler.daemon.serve import Begun, Reported
from reconciler.daemon.telling import Sight
from reconciler.kinds.catalog import KINDS
from reconciler.model.errors import HistoryUnreachableError
from reconciler.model.hold import HoldKind
from reconciler.model.ids import TargetKind
from reconciler.model.observing import CloudCall, Operated
from reconciler.model.outcome import Event, EventKind, Result
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Clock
from reconciler.model.wave import Phase

CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
NAMED = 200
"""Tenants that are not well and have a line of their own."""
_ENDS = {EventKind.COMPLETE: "success", EventKind.ERRORED: "error", EventKind.SKIPPED: "skipped"}


class CloudMeter:
    """ports.Observer: calls, waits, operations, and the parts of a cycle. `phase`: hears how long each part took."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, phase: Callable[[str, float], None]) -> None:
        self._clock = clock
        self._phase = phase
        self._requests = Counter(
            "aipress_gcp_requests", "Calls to Google's APIs; code 0: no answer came.", ["api", "method", "code"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "aipress_gcp_request_duration_seconds", "How long a call took.", ["api"], registry=registry, buckets=CALLS
        )
        self._waits = Histogram(
            "aipress_gcp_quota_wait_seconds", "How long calls were put off to stay within our share of a quota.",
            ["api"], registry=registry, buckets=CALLS,
        )  # fmt: skip
        self._operations = Histogram(
            "aipress_gcp_operation_duration_seconds", "From the write until its long-running operation was over.",
            ["kind", "result"], registry=registry, buckets=LONG,
        )  # fmt: skip

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began = self._clock.now()
        try:
            yield
        finally:
            self._phase(name, max(0.0, (self._clock.now() - began).total_seconds()))

    def working(self, change: Change) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def called(self, call: CloudCall) -> None:
        self._requests.labels(call.api, call.method, str(call.status)).inc()
        self._seconds.labels(call.api).observe(call.seconds)

    def waited(self, api: str, seconds: float) -> None:
        self._waits.labels(api).observe(seconds)

    def operated(self, operation: Operated) -> None:
        result = "success" if operation.ok else "error"
        self._operations.labels(operation.kind, result).observe(operation.seconds)


class Wellbeing:
    """What is not well, from the end of each cycle; and how long commits take. `sight`: what is looked up beside."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, sight: Sight) -> None:
        self._clock, self._sight = clock, sight
        self._commits = Commits(sight.committed)
        self._first_drift: dict[str, tuple[datetime, str]] = {}
        self._running: Begun | None = None
        make = _Maker(registry)
        self._live = make.histogram("commit_to_live_seconds", "From the commit's own time until it was live.", "source")
        self._seen = make.histogram("seen_to_live_seconds", "From when it was seen until it was live.", "source")
        self._changes = make.counter("changes", "Changes by how they ended.", "action", "result")
        self._took = make.histogram("change_duration_seconds", "How long a change took, by kind of object.", "kind")
        self._drift = make.gauge("drift_objects", "Objects changed outside Git, at the last look at everything; high: "
                                 "security, data, or something that is gone.", "shard", "severity")  # fmt: skip
        self._undone = make.counter("drift_undone", "Objects that were set back.", "severity")
        self._tenants = make.gauge("tenants", "Tenants, at the last look at everything.", "sync")
        self._info = make.gauge(
            "resource_info", f"1 for each tenant that is not well, at most {NAMED}.", "kind", "name", "shard", "ready",
            "sync",
        )  # fmt: skip
        self._holds = make.gauge("holds", "Holds in force; quarantine: parked after it failed again and again.", "kind")
        self._breakers = make.gauge("breaker_open", "1 while a shard's project is paused because calls fail.", "shard")
        self._limits = make.counter("limit_refusals", "Changes that a limit kept from being made.", "limit")
        self._waves = make.gauge("waves", "Waves that bear on the last cycle, by phase.", "phase")
        self._history = make.gauge("history_reachable", "0: the history could not be reached in the last cycle.")
        self._history.set(1)
        self._failures = make.gauge("cycle_failures", "Cycles in a row that failed.")
        self._ended = make.gauge("cycle_timestamp_seconds", "When a cycle last ended, however it did.")
        make.gauge("leader", "1: this daemon owns the fleet.").set(1)
        make.gauge("stop_switch", "1: the stop switch is thrown, and nothing changes.").set_function(self._stopped)
        oldest = make.gauge("drift_oldest_seconds", "How long the oldest drift is known and not undone.", "severity")
        for severity in ("high", "low"):
            oldest.labels(severity).set_function(partial(self._drift_age, severity))
        age = make.gauge("queue_oldest_seconds", "How long the oldest waits that is not live yet.", "name")
        age.labels("commits").set_function(self._oldest_commit)
        unfinished = Gauge(
            "workqueue_unfinished_work_seconds", "How long the cycle at hand has run.", ["name"], registry=registry
        )
        unfinished.labels("reconcile").set_function(self._cycle_age)
        longest = Gauge(
            "workqueue_longest_running_processor_seconds", "The same: there is one cycle at a time.", ["name"],
            registry=registry,
        )  # fmt: skip
        longest.labels("reconcile").set_function(self._cycle_age)
        self._work = Histogram(
            "workqueue_work_duration_seconds", "How long a cycle took.", ["name"], registry=registry, buckets=LONG
        )
        self._adds = Counter("workqueue_adds", "Cycles begun.", ["name"], registry=registry)
        self._retries = Counter(
            "workqueue_retries", "Cycles begun because one before failed.", ["name"], registry=registry
        )

    # --- while it runs ----------------------------------------------------------------------------------------------

    def begins(self, cycle: Begun) -> None:
        self._running = cycle
        self._commits.begins(cycle)
        self._adds.labels("reconcile").inc()
        if cycle.trigger == "retry":
            self._retries.labels("reconcile").inc()

    def happened(self, event: Event) -> None:
        if (result := _ENDS.get(event.kind)) is None:
            return
        change = event.change
        self._changes.labels(str(change.action), result).inc()
        if event.kind is EventKind.COMPLETE:
            self._took.labels(change.address.kind).observe(event.elapsed)
            if change.drift:
                self._undone.labels(severity(change)).inc()

    # --- at its end -------------------------------------------------------------------------------------------------

    def told(self, reported: Reported) -> None:
        now, applied = self._clock.now(), reported.applied
        self._running = None
        self._work.labels("reconcile").observe(reported.seconds)
        self._ended.set(now.timestamp())
        self._history.set(0 if isinstance(reported.error, HistoryUnreachableError) else 1)
        if reported.error is None:
            self._failures.set(0)
        else:
            self._failures.inc()
        for commit in self._commits.told(reported, now):
            self._commit(commit)
        if applied is not None:
            self._limited(applied, whole=reported.scope.everything)
            counts = Tally(str(waves.phase) for waves in applied.waves)
            for phase in Phase:
                self._waves.labels(str(phase)).set(counts[str(phase)])
            if reported.scope.everything:
                self._everything(applied, now)

    def _commit(self, commit: Live) -> None:
        self._seen.labels("fleet").observe(commit.since_seen)
        if commit.since_committed is not None:
            self._live.labels("fleet").observe(commit.since_committed)

    def _limited(self, applied: Applied, *, whole: bool) -> None:
        paused = set()
        for item in applied.outcome.items.values():
            limit = limit_of(item.message) if item.result is Result.SKIPPED else ""
            if limit:
                self._limits.labels(limit).inc()
            if limit == "breaker":
                paused.add(item.change.shard)
        if whole:
            self._breakers.clear()
        for shard in {item.change.shard for item in applied.outcome.items.values()} - paused:
            self._breakers.labels(shard or "fleet").set(0)
        for shard in paused:
            self._breakers.labels(shard or "fleet").set(1)

    def _everything(self, applied: Applied, now: datetime) -> None:
        self._drifted(applied, now)
        self._sync(applied)
        held = self._sight.holds()
        if held is not None:
            counts = Tally(str(hold.kind) for hold in held if hold.active(now))
            for kind in HoldKind:
                self._holds.labels(str(kind)).set(counts[str(kind)])

    def _drifted(self, applied: Applied, now: datetime) -> None:
        self._drift.clear()
        items, left = applied.outcome.items, {}
        for change in applied.plan.changes:
            if not change.drift:
                continue
            self._drift.labels(change.shard or "fleet", severity(change)).inc()
            item = items.get(change.address)
            if item is None or item.result is not Result.DONE:
                since = self._first_drift.get(str(change.address), (now, ""))[0]
                left[str(change.address)] = (since, severity(change))
        self._first_drift = left

    def _sync(self, applied: Applied) -> None:
        """Each tenant counts once, as the worst that is known of it."""
        worst: dict[str, tuple[str, str]] = {}
        for state, changes in _states(applied):
            for change in changes:
                if change.address.target.kind is TargetKind.TENANT:
                    worst.setdefault(change.address.target.name, (state, change.shard))
        counts = Tally(state for state, _ in worst.values())
        total = max(applied.plan.populations.get("tenants", 0), len(worst))
        for state in ("failed", "out_of_sync"):
            self._tenants.labels(state).set(counts[state])
        self._tenants.labels("synced").set(total - sum(counts.values()))
        self._info.clear()
        ordered = sorted(worst.items(), key=lambda one: (one[1][0] != "failed", one[0]))
        for name, (state, shard) in ordered[:NAMED]:
            self._info.labels("tenant", name, shard, "False" if state == "failed" else "Unknown", state).set(1)

    # --- at each look -----------------------------------------------------------------------------------------------

    def _stopped(self) -> float:
        return float(bool(self._sight.stopped()))

    def _drift_age(self, severity: str) -> float:
        since = [at for at, how in tuple(self._first_drift.values()) if how == severity]
        return self._age(min(since)) if since else 0.0

    def _oldest_commit(self) -> float:
        oldest = self._commits.oldest
        return self._age(oldest) if oldest is not None else 0.0

    def _cycle_age(self) -> float:
        running = self._running
        return self._age(running.at) if running is not None else 0.0

    def _age(self, since: datetime) -> float:
        return max(timedelta(), self._clock.now() - since).total_seconds()


class _Maker:
    """Metrics with our prefix in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"aipress_{name}", text, labels, registry=self._registry)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"aipress_{name}", text, labels, registry=self._registry)

    def histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"aipress_{name}", text, labels, registry=self._registry, buckets=LONG)


def _states(applied: Applied) -> Iterator[tuple[str, Sequence[Change]]]:
    """The worst first."""
    items = applied.outcome.items.values()
    yield "failed", [item.change for item in items if item.result is Result.FAILED]
    done = {item.change.address for item in items if item.result is Result.DONE}
    yield "out_of_sync", [change for change in applied.plan.changes if change.address not in done]


def severity(change: Change) -> str:
    """high: somebody deleted it, or it is about security or a customer's data."""
    gone = change.action in (Action.CREATE, Action.REPLACE)
    kind = change.address.kind
    return "high" if gone or kind.endswith(".iam") or _API.get(kind) in _GRAVE else "low"


_API: Mapping[str, str] = {name: kind.api for name, kind in KINDS.items()}
_GRAVE = frozenset({"iam", "secretmanager", "sqladmin", "storage"})


def limit_of(message: str) -> str:
    """The limit of ours that kept a change from being made ("" : none did): its name stands before its words."""
    words = message.split(": ", 2)[:2]
    return next((word for word in words if word in RULES), "")
