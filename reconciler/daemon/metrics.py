"""What the daemon counts, as Prometheus has it. No label names a tenant: 50,000 of them times the buckets of a
histogram is what brings a monitoring down. Only what is known is told: a figure nobody has measured has no line."""

import platform
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from reconciler import __version__
from reconciler.daemon.measures import CloudMeter, Wellbeing
from reconciler.daemon.serve import Begun, Reported
from reconciler.daemon.telling import Sight
from reconciler.model.errors import AipressError, ForbiddenError, InputError, RefusedError
from reconciler.model.ids import Scope
from reconciler.model.outcome import Event
from reconciler.model.ports import Clock, Observer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_TRIGGERS = {"commit": "push", "once": "manual"}
"""What started a cycle, by the metric's words; everything else came by the clock."""
_EVENTS = frozenset({"push", "pull_request", "comment"})


class Metrics:
    """`waiting`, `connections` and `sight` are asked at each look."""

    def __init__(
        self, waiting: Callable[[], float], connections: Callable[[], float], clock: Clock, sight: Sight
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
        self._registry = registry = CollectorRegistry()
        self._cycles = Counter("aipress_reconcile", "Cycles by how they ended.", ["kind", "result"], registry=registry)
        self._errors = Counter(
            "aipress_reconcile_errors", "Cycles that ended with an error; terminal: a person has to see to it.",
            ["kind", "reason", "terminal"], registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "aipress_reconcile_duration_seconds", "How long a cycle took.", ["kind", "phase"], registry=registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        self._applies = Counter(
            "aipress_apply", "Cycles that changed something.", ["trigger", "result"], registry=registry
        )
        self._refusals = Counter("aipress_guard_refusals", "Plans or items refused.", ["guard"], registry=registry)
        self._deliveries = Counter(
            "aipress_webhook_deliveries", "Webhook deliveries by what became of them.",
            ["provider", "event", "outcome"], registry=registry,
        )  # fmt: skip
        self._fetched = Gauge(
            "aipress_git_fetch_timestamp_seconds", "When the fleet repository's remote was last asked with success.",
            ["repo_kind"], registry=registry,
        )  # fmt: skip
        self._fetch_errors = Counter(
            "aipress_git_fetch_errors", "Fetches that failed.", ["repo_kind"], registry=registry
        )
        self._success = Gauge(
            "aipress_resource_last_success_timestamp_seconds", "When a cycle over everything last ended well.",
            ["kind", "name"], registry=registry,
        )  # fmt: skip
        build = Gauge("aipress_build_info", "1; the labels tell the release.", ["version", "python"], registry=registry)
        build.labels(__version__, platform.python_version()).set(1)
        depth = Gauge("workqueue_depth", "Hints of webhooks that nobody has looked after.", ["name"], registry=registry)
        depth.labels("webhooks").set_function(waiting)
        held = Gauge("aipress_door_connections", "Connections of the door that are open.", registry=registry)
        held.set_function(connections)
        self._messages = Counter(
            "aipress_notifications", "Messages by how they ended.", ["target", "result"], registry=registry
        )
        self._kind = "fleet"
        self._well = Wellbeing(registry, clock, sight)
        self.observer: Observer = CloudMeter(registry, clock, self._phase)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def delivered(self, provider: str, event: str, outcome: str) -> None:
        """`event` is told only of what was verified, and only what we know: a stranger makes no new series."""
        self._deliveries.labels(provider, event if event in _EVENTS else "other" if event else "", outcome).inc()

    def fetched(self, at: float | None) -> None:
        """`at`: epoch seconds; None: it failed."""
        if at is None:
            self._fetch_errors.labels("fleet").inc()
        else:
            self._fetched.labels("fleet").set(at)

    def sent(self, target: str, result: str) -> None:
        """A message to a target of the settings: sent, failed or dropped."""
        self._messages.labels(target, result).inc()

    def begins(self, cycle: Begun) -> None:
        self._kind = _kind(cycle.scope)
        self._well.begins(cycle)

    def happened(self, event: Event) -> None:
        self._well.happened(event)

    def _phase(self, name: str, seconds: float) -> None:
        self._seconds.labels(self._kind, name).observe(seconds)

    def told(self, reported: Reported, at: float) -> None:
        """Of the end of a cycle, at `at` (epoch seconds)."""
        self._well.told(reported)
        kind = _kind(reported.scope)
        self._seconds.labels(kind, "cycle").observe(reported.seconds)
        self._cycles.labels(kind, _result(reported)).inc()
        if reported.error is not None:
            person = isinstance(reported.error, InputError | ForbiddenError | RefusedError)
            self._errors.labels(kind, _reason(reported.error), str(person).lower()).inc()
        applied = reported.applied
        if applied is None:
            return
        for verdict in applied.plan.refused():
            self._refusals.labels(verdict.guard).inc()
        if applied.outcome.items:
            trigger = _TRIGGERS.get(reported.trigger, "schedule")
            self._applies.labels(trigger, "success" if applied.outcome.ok else "failed").inc()
        if reported.scope.everything:
            self._looked_at_everything(reported, at)

    def _looked_at_everything(self, reported: Reported, at: float) -> None:
        applied = reported.applied
        if applied and applied.exit_code == 0:
            self._success.labels("fleet", "fleet").set(at)


def _kind(scope: Scope) -> str:
    """The largest thing that the cycle was about."""
    if scope.everything:
        return "fleet"
    return "shard" if scope.fleet or scope.shards or scope.own else "tenant"


def _result(reported: Reported) -> str:
    applied = reported.applied
    if applied is None:
        return "error"
    if applied.outcome.stopped:
        return "requeue"
    if not applied.outcome.ok:
        return "error"
    return "success" if applied.outcome.items else "noop"


def _reason(error: AipressError) -> str:
    """ "history_unreachable" of HistoryUnreachableError."""
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_")
