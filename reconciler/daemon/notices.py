"""What cycles, changes and deliveries come to, as notices: who, what, why, and how to mend it. Grouped, so that five
thousand tenants that fail for one reason are one notice.
"""

import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from reconciler.actions.apply import Applied
from reconciler.daemon.commits import Live
from reconciler.daemon.desk import Knock
from reconciler.daemon.serve import Begun, Reported
from reconciler.model.errors import AipressError, RefusedError
from reconciler.model.fence import Store
from reconciler.model.hold import Hold
from reconciler.model.ids import Address
from reconciler.model.notice import Grade, Notice, Place
from reconciler.model.outcome import Event, EventKind, ItemOutcome, Result
from reconciler.model.plan import Change, GuardVerdict
from reconciler.model.trace import change_span, cycle_span, trace_of
from reconciler.model.wave import Phase
from reconciler.planning.guards import ALLOWABLE
from reconciler.report.progress import event_line
from reconciler.report.values import count, took

EXAMPLES = 5
REASONS = 3
WEBHOOKS_REFUSED = frozenset({"bad_signature", "full", "too_large", "no_length", "busy"})
_DIGITS = re.compile(r"[0-9a-f]{12,}|\d+")


@dataclass(frozen=True, slots=True)
class Scene:
    """What every notice of a cycle says alike."""

    fleet: str
    who: str
    cycle: Begun | None = None

    @property
    def trace(self) -> str:
        return trace_of(self.cycle.commit) if self.cycle is not None else ""

    @property
    def span(self) -> str:
        cycle = self.cycle
        return cycle_span(self.trace, cycle.number, cycle.at.timestamp()) if cycle is not None and self.trace else ""

    def labels(self, shard: str = "", tenant: str = "") -> dict[str, str]:
        number = str(self.cycle.number) if self.cycle is not None else ""
        return {"fleet": self.fleet, "shard": shard, "tenant": tenant, "cycle": number}

    def notice(self, kind: str, grade: Grade, at: datetime, what: str, **more: object) -> Notice:
        frame = sys._getframe(1)
        place = Place("reconciler/daemon/notices.py", frame.f_lineno, frame.f_code.co_name)
        ours = {"who": self.who, "labels": self.labels(), "trace": self.trace, "span": self.span, "place": place}
        given = {**ours, **more}
        return Notice(kind, grade, at, what, **given)  # type: ignore[arg-type]


# --- cycles -----------------------------------------------------------------------------------------------------------


def begun(scene: Scene, cycle: Begun) -> Notice:
    what = f"cycle {cycle.number} ({cycle.trigger}) begins at {cycle.commit[:12] or 'no commit'}"
    return scene.notice("cycle.started", Grade.DEBUG, cycle.at, what, more={"commit": cycle.commit})


def ended(scene: Scene, reported: Reported, at: datetime) -> Iterator[Notice]:
    """The end of the cycle, and everything in it that a person may have to hear of."""
    if reported.error is not None:
        yield _failed(scene, reported, reported.error, at)
    applied = reported.applied
    if applied is None:
        return
    yield _finished(scene, reported, applied, at)
    yield from _items(scene, applied, at)
    yield from _refusals(scene, applied, at)
    yield from _drift(scene, applied, at)
    yield from _waves(scene, applied, at)


def _failed(scene: Scene, reported: Reported, error: AipressError, at: datetime) -> Notice:
    refused = isinstance(error, RefusedError)
    cause = error.__cause__ if type(error) is AipressError else None
    stack = {"stack_trace": "".join(traceback.format_exception(cause))} if cause is not None else {}
    return scene.notice(
        "cycle.refused" if refused else "cycle.failed", Grade.WARNING if refused else Grade.ERROR, at,
        f"cycle {reported.number} ({reported.trigger}) at {reported.commit[:12] or 'no commit'} "
        + ("was refused" if refused else "failed"),
        why=str(error), fix=error.hint, cause=alike(str(error)),
        more={"commit": reported.commit, "error": type(error).__name__, "seconds": round(reported.seconds, 3), **stack},
    )  # fmt: skip


def _finished(scene: Scene, reported: Reported, applied: Applied, at: datetime) -> Notice:
    outcome = applied.outcome
    counts = {str(result): n for result in Result if (n := outcome.count(result))}
    told = ", ".join(f"{n:,} {result}" for result, n in counts.items()) or "nothing to do"
    return scene.notice(
        "cycle.finished", Grade.NOTICE if outcome.items else Grade.INFO, at,
        f"cycle {reported.number} ({reported.trigger}) at {reported.commit[:12]} ended after {took(reported.seconds)}: "
        f"{told}", why=outcome.stopped,
        more={
            "commit": reported.commit, "plan": applied.plan.digest if applied.plan.changes else "", "results": counts,
            "exit": applied.exit_code, "seconds": round(reported.seconds, 3),
            "versions": [version.id for version in applied.versions[:100]],
        },
    )  # fmt: skip


def _items(scene: Scene, applied: Applied, at: datetime) -> Iterator[Notice]:
    """What failed; and what was left out, by reason."""
    if failed := [item for item in applied.outcome.items.values() if item.result is Result.FAILED]:
        subject, labels = _about(scene, [item.change for item in failed])
        targets = {item.change.address.target for item in failed}
        reasons = Counter(_without(item) for item in failed)
        yield scene.notice(
            "apply.failed", Grade.ERROR, at,
            f"{count(len(failed), 'change')} of {count(len(targets), 'target')} failed",
            why=_reasons(reasons), fix=f"aipress why {failed[0].change.address.target} says what comes next",
            subject=subject, labels=labels, cause=alike(reasons.most_common(1)[0][0]), count=len(failed),
            examples=_examples(item.change.address for item in failed), more={"plan": applied.plan.digest},
        )  # fmt: skip
    if applied.skipped:
        reasons = Counter(alike(why) for why in applied.skipped.values())
        yield scene.notice(
            "change.skipped", Grade.NOTICE, at, f"{count(len(applied.skipped), 'change')} not run",
            why=_reasons(Counter(applied.skipped.values())), cause=reasons.most_common(1)[0][0],
            count=len(applied.skipped), examples=_examples(applied.skipped),
        )  # fmt: skip


def _refusals(scene: Scene, applied: Applied, at: datetime) -> Iterator[Notice]:
    """One for each guard that refuses."""
    groups: dict[str, list[GuardVerdict]] = {}
    for verdict in applied.plan.refused():
        groups.setdefault(verdict.guard, []).append(verdict)
    for guard, verdicts in groups.items():
        passing = f"; if it is meant: aipress apply --allow {guard} --reason …" if guard in ALLOWABLE else ""
        targets = Counter(str(verdict.target) for verdict in verdicts)
        yield scene.notice(
            "guard.refused", Grade.WARNING, at,
            f"guard {guard} refuses {count(sum(max(1, len(v.items)) for v in verdicts), 'item')}",
            why=_reasons(Counter(verdict.message for verdict in verdicts)),
            fix=f"aipress plan shows what it refuses{passing}", cause=f"{guard} {alike(verdicts[0].message)}",
            subject=next(iter(targets)) if len(targets) == 1 else "fleet", count=len(verdicts),
            examples=tuple(targets)[:EXAMPLES], more={"guard": guard, "plan": applied.plan.digest},
        )  # fmt: skip


def _drift(scene: Scene, applied: Applied, at: datetime) -> Iterator[Notice]:
    items = applied.outcome.items
    drifted = [change for change in applied.plan.changes if change.drift]
    undone = [c for c in drifted if c.address in items and items[c.address].result is Result.DONE]
    left = [c for c in drifted if c not in undone]
    sorts = (
        ("drift.undone", Grade.NOTICE, undone, "changed outside Git and set back", "if it was meant, commit it"),
        ("drift.found", Grade.WARNING, left, "changed outside Git, and still is",
         "aipress drift show says what; aipress drift accept writes it into Git"),
    )  # fmt: skip
    for kind, grade, changes, told, fix in sorts:
        if not changes:
            continue
        subject, labels = _about(scene, changes)
        why = _reasons(Counter(_fields(change) for change in changes))
        yield scene.notice(
            kind, grade, at, f"{count(len(changes), 'object')} {told}", why=why, fix=fix, subject=subject,
            labels=labels, who="somebody outside Git", cause=why, count=len(changes),
            examples=_examples(change.address for change in changes), more={"plan": applied.plan.digest},
        )  # fmt: skip


def _waves(scene: Scene, applied: Applied, at: datetime) -> Iterator[Notice]:
    for waves in applied.waves:
        last = waves.last
        if waves.phase not in (Phase.PAUSED, Phase.ABORTED, Phase.DONE):
            continue
        stands = waves.phase is not Phase.DONE
        yield scene.notice(
            f"waves.{waves.phase}", Grade.ERROR if waves.phase is Phase.ABORTED else Grade.NOTICE, at,
            f"waves {waves.id} are {waves.phase} at wave {last.wave} of {len(waves.waves)}", why=last.why,
            fix=f"aipress waves show {waves.id}; aipress rollback --wave {waves.id} returns what they touched"
            if stands else "", who=last.actor, once=f"{waves.id}/{len(waves.log)}", more={"commit": waves.commit},
        )  # fmt: skip


# --- one thing at a time ----------------------------------------------------------------------------------------------

_GRADES: Mapping[EventKind, Grade] = {
    EventKind.START: Grade.INFO, EventKind.PROGRESS: Grade.DEBUG, EventKind.COMPLETE: Grade.INFO,
    EventKind.ERRORED: Grade.ERROR, EventKind.SKIPPED: Grade.NOTICE,
}  # fmt: skip


def changed(scene: Scene, event: Event) -> Notice:
    change = event.change
    span = change_span(scene.span, change.address) if scene.span else ""
    target = change.address.target
    return scene.notice(
        f"change.{str(event.kind).removeprefix('apply_')}", _GRADES[event.kind], event.at, event_line(event),
        subject=str(target), cause=f"{change.address} {alike(event.message)}",
        labels=scene.labels(change.shard, target.name if target.kind == "tenant" else ""), span=span,
        more={
            "resource": str(change.address), "action": str(change.action), "elapsed": round(event.elapsed, 3),
            "source": change.source,
        },
    )  # fmt: skip


def delivered(scene: Scene, knock: Knock, at: datetime) -> Notice:
    bad = knock.outcome in WEBHOOKS_REFUSED
    forged = knock.outcome == "bad_signature"
    request = {
        "requestMethod": "POST", "requestUrl": knock.path, "requestSize": str(knock.size), "status": knock.status,
        "userAgent": knock.agent[:200], "remoteIp": knock.remote, "latency": f"{knock.seconds:.3f}s",
    }  # fmt: skip
    return scene.notice(
        "webhook.refused" if bad else "webhook.received", Grade.WARNING if bad else Grade.INFO, at,
        f"a delivery of {knock.provider}: {knock.outcome}",
        fix="if it is yours, the secret there is not the one in the settings here" if forged else "",
        who=knock.provider, cause=f"{knock.provider} {knock.outcome}", more={"httpRequest": request},
    )  # fmt: skip


def live(scene: Scene, commit: Live) -> Notice:
    since = commit.since_committed
    told = f"{took(since)} after it was made" if since is not None else f"{took(commit.since_seen)} after it was seen"
    return scene.notice(
        "commit.converged", Grade.NOTICE, commit.live, f"commit {commit.commit[:12]} is live, {told}",
        once=commit.commit, trace=trace_of(commit.commit),
        more={"commit": commit.commit, "since_seen": commit.since_seen, "since_committed": since},
    )  # fmt: skip


def quarantined(scene: Scene, holds: Sequence[Hold], at: datetime) -> Notice:
    """Of tenants that were parked in one cycle (at least one)."""
    first, many = holds[0], len(holds) > 1
    named = first.target.removeprefix("tenant/")
    return scene.notice(
        "tenant.quarantined", Grade.ERROR, at,
        (f"{len(holds):,} tenants are" if many else f"{first.target} is") + " parked: nothing is applied there",
        why=_reasons(Counter(alike(hold.reason) for hold in holds)) if many else first.reason,
        fix=f"mend what fails and commit; or lift it: aipress resume {first.target}", who=first.actor,
        subject="fleet" if many else first.target, labels=scene.labels(tenant="" if many else named),
        once="\n".join(f"{hold.target} {hold.since.isoformat()}" for hold in holds), count=len(holds),
        examples=tuple(hold.target for hold in holds[:EXAMPLES]), more={"commit": first.commit},
    )  # fmt: skip


def took_over(scene: Scene, owner: Store) -> Notice:
    return scene.notice(
        "daemon.took_over", Grade.WARNING, owner.since,
        f"the daemon on {owner.host} owns the fleet now (epoch {owner.epoch})",
        why="it was told to take over, or the one before was silent for five minutes",
        fix="if the other one should run instead: stop this one, and start that with --take-over",
        once=f"epoch {owner.epoch}",
    )  # fmt: skip


# --- words ------------------------------------------------------------------------------------------------------------


def alike(text: str) -> str:
    """The same text for the same trouble, whatever its figures and ids."""
    return _DIGITS.sub("#", text)[:300]


def _without(item: ItemOutcome) -> str:
    """Why an item failed, whoever it is."""
    name = item.change.address.target.name
    return item.message.replace(name, "…") if name else item.message


def _fields(change: Change) -> str:
    """ "run.service: template.containers[0].image"."""
    return f"{change.address.kind}: {', '.join(field.path for field in change.fields[:3]) or change.reason}"


def _reasons(found: Mapping[str, int]) -> str:
    """The commonest of them; how often each, when there are several."""
    common = Counter(found).most_common(REASONS)
    if len(common) == 1 or not common:
        return common[0][0] if common else ""
    told = "; ".join(f"{n:,} × {why}" for why, n in common)
    return told + (f"; and {len(found) - REASONS:,} other reasons" if len(found) > REASONS else "")


def _examples(addresses: Iterable[Address]) -> tuple[str, ...]:
    return tuple(str(address) for address in islice(addresses, EXAMPLES))


def _about(scene: Scene, changes: Sequence[Change]) -> tuple[str, dict[str, str]]:
    """The smallest thing that all of them are about, and its labels."""
    targets, shards = {c.address.target for c in changes}, {c.shard for c in changes}
    shard = next(iter(shards)) if len(shards) == 1 else ""
    if len(targets) == 1:
        target = next(iter(targets))
        return str(target), scene.labels(shard, target.name if target.kind == "tenant" else "")
    return (f"shard/{shard}" if shard else "fleet"), scene.labels(shard)
