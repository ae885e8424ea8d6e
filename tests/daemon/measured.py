"""A door's metrics after everything that can be counted was counted once."""

from datetime import UTC, datetime, timedelta

from reconciler.actions.apply import Applied
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.serve import Begun, Reported
from reconciler.daemon.telling import Sight
from reconciler.model.errors import InputError
from reconciler.model.hold import Hold
from reconciler.model.ids import FLEET, Address, Scope, tenant_target
from reconciler.model.observing import CloudCall, Operated
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from tests.cycle.small_world import SteadyClock

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
FIRST, SECOND = "a" * 40, "b" * 40


def change(number: int, shard: str, *, drift: bool = False, kind: str = "run.service") -> Change:
    address = Address(tenant_target(f"tenant-{number:05d}"), kind, "production")
    return Change(
        address, f"projects/p/{number}", "projects/p", Action.UPDATE, "a reason", {}, "sha256:1", "f.yaml:1", shard,
        "o", (FieldChange("x", 1, 2),), drift=drift,
    )  # fmt: skip


def sight(clock: SteadyClock, holds: tuple[Hold, ...] = ()) -> Sight:
    return Sight(lambda _commit: clock.at - timedelta(minutes=3), lambda: holds, lambda: "", lambda: None)


def applied(changes: tuple[Change, ...], results: tuple[Result, ...], tenants: int = 0, code: int = 0) -> Applied:
    """`results` in turn; "breaker" and its like are messages of what is skipped."""
    items = {}
    for number, one in enumerate(changes):
        result = results[number % len(results)]
        why = {Result.SKIPPED: "breaker: shard/s1 is paused", Result.FAILED: f"{one.address} broke"}.get(result, "")
        items[one.address] = ItemOutcome(one, result, why)
    refused = GuardVerdict("blast-radius", FLEET, Verdict.REFUSE, "12,000 of 50,000 sites")
    plan = Plan("local:x", "", SECOND, {}, changes, (refused,), populations={"tenants": tenants, "shards": 1})
    return Applied(plan, Outcome(items), exit_code=code)


def expositions() -> tuple[str, str]:
    """What /metrics tells while things are not well, and at the end."""
    clock = SteadyClock(AT)
    hold = Hold("tenant/x-y", "failed", "serve", AT, None, "quarantine")
    metrics = Metrics(lambda: 0.0, lambda: 0.0, clock, sight(clock, (hold,)))
    every = (Result.DONE, Result.FAILED, Result.SKIPPED)
    some = tuple(change(n, f"s{n % 2}", drift=n % 2 == 0) for n in range(6))
    for number, commit in enumerate((FIRST, SECOND), 1):
        metrics.begins(Begun(number, "retry", commit, Scope(), clock.at))
        for one in some:
            for kind in EventKind:
                metrics.happened(Event(kind, one, clock.at, 2.0))
        observer = metrics.observer
        for phase in ("look", "plan", "apply"):
            with observer.phase(phase), observer.working(some[0]):
                clock.at += timedelta(seconds=1)
        observer.called(CloudCall("run", "run.service.list", 200, 0.3, clock.at))
        observer.waited("run", 2.0)
        observer.operated(Operated("run.service", "op", True, 30.0, clock.at))
        metrics.told(Reported(number, "commit", commit, applied(some, every, 50, 1)), clock.at.timestamp())
    meanwhile = metrics.text().decode()
    metrics.told(Reported(3, "commit", SECOND, applied((), every, 50)), clock.at.timestamp())
    metrics.told(Reported(4, "retry", SECOND, None, InputError("wrong")), clock.at.timestamp())
    metrics.fetched(None)
    metrics.fetched(clock.at.timestamp())
    metrics.delivered("github", "push", "bad_signature")
    metrics.sent("notify_slack", "failed")
    return meanwhile, metrics.text().decode()
