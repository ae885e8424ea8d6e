"""When the cloud is sick: what keeps failing is paused, and repeats stay a small share. Rows 25 and 26 of the study."""

from datetime import datetime, timedelta

from reconciler.applying.asked import LOOK_AGAIN, STRANDED, Asked, Word
from reconciler.applying.tally import Tally
from reconciler.model.bounds import Bounds
from reconciler.model.errors import Failure, Next
from reconciler.model.ports import Later, No
from reconciler.model.version import shard_label

TWO = 2
"""Fewest projects, and fewest targets in a project, whose trouble says anything about more than themselves: one sick
tenant never stops its neighbours."""


def breaker(asked: Asked) -> Word:
    """A project whose calls keep failing is paused; after the pause one call tries it out (row 26)."""
    shard, tally = asked.change.shard, asked.tally
    trip, pause = tally.trip(shard), _window(asked.bounds)
    why = sick(asked)
    if why:
        return No(f"breaker: {_paused(shard, why, asked.now + pause)}")
    if trip is None:
        return None
    if asked.now < trip.at + pause:
        return No(f"breaker: {_paused(shard, trip.why, trip.at + pause)}")
    answers, probe = tally.answers(shard, trip.at + pause), tally.probe(shard)
    if answers.calls > answers.errors or probe is None or probe.id == asked.call.request_id:
        return None
    if probe.at <= asked.now - STRANDED:
        return None
    return Later(LOOK_AGAIN, f"{shard_label(shard)} was paused and is tried out with one call first")


def sick(asked: Asked) -> str:
    """Why the breaker of a shard's project must open now; "" when it need not."""
    shard, limits = asked.change.shard, asked.bounds.guards.breakers
    window, trip = _window(asked.bounds), asked.tally.trip(shard)
    if trip is not None and asked.now < trip.at + window:
        return ""  # it is open already
    since = asked.now - window if trip is None else max(asked.now - window, trip.at)
    answers = asked.tally.answers(shard, since)
    if trip is not None:
        tried = asked.tally.answers(shard, trip.at + window)
        if tried.errors and tried.errors == tried.calls:
            return f"{trip.why}; the call that tried it out failed too"
    percent = 100 * answers.errors / answers.calls if answers.calls else 0.0
    if answers.calls < limits.calls or answers.targets < TWO or percent <= limits.error_percent:
        return ""
    return (
        f"{answers.errors} of {answers.calls} calls failed in {limits.window_minutes} minutes (limit "
        f"{limits.error_percent:g} %: guards.breakers.errorPercent in fleet.yaml)"
    )


def retries(asked: Asked) -> Word:
    """Beyond its share of repeats nothing is repeated any more: a sick cloud gets no sicker by us (row 25)."""
    if not asked.repeat:
        return None
    limits = asked.bounds.guards.retries
    repeated, calls = asked.tally.repeats(asked.now)
    if repeated < limits.floor or (repeated + 1) * 100 <= limits.percent * (calls + 1):
        return None
    return No(
        f"retries: {repeated} of the last {calls} calls were repeats (limit {limits.percent:g} %: "
        "guards.retries.percent in fleet.yaml), so this one is not repeated now; run again in 10 minutes"
    )


def is_error(failure: Failure) -> bool:
    """Whether a failed call says that the cloud, or our way into it, is sick: no answer, 5xx, 429, an answer that
    nobody understands, a refusal. A wrong argument, a lost race or a busy object is no such thing."""
    return failure.next in (Next.RETRY, Next.BUG) or failure.forbidden


def everything_paused(tally: Tally, bounds: Bounds, now: datetime) -> str:
    """Why nothing at all may be written ("" : it may): too many projects are paused (row 26)."""
    paused = tally.tripped(now - _window(bounds))
    percent = bounds.guards.breakers.projects_percent
    if len(paused) < TWO or len(paused) * 100 <= percent * bounds.shards:
        return ""
    names = ", ".join(shard_label(shard) for shard in sorted(paused)[:3])
    return (
        f"breaker: {len(paused)} of {bounds.shards} projects are paused (limit {percent:g} %: "
        f"guards.breakers.projectsPercent in fleet.yaml), so everything is: {names}. "
        "Look at the cloud's own status first; it goes on by itself"
    )


def _window(bounds: Bounds) -> timedelta:
    return timedelta(minutes=bounds.guards.breakers.window_minutes)


def _paused(shard: str, why: str, until: datetime) -> str:
    return f"{shard_label(shard)} is paused until {until:%H:%M:%S}Z: {why}. It is tried out again by itself then"
