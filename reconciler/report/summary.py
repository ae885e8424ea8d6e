"""What an apply came to, and how a longer story ends: the last screen that a person reads."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.ids import Address
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Plan
from reconciler.model.version import Version
from reconciler.model.wave import Waves
from reconciler.report.escape import columns, cut, padded, plain
from reconciler.report.progress import subject
from reconciler.report.style import PLAIN, Style
from reconciler.report.text import standing_in_the_way
from reconciler.report.values import count
from reconciler.report.waves import sentence, waves_document

SHOWN = 20
SAME = 3
"""More items than this with the same reason are told in one line."""
_DONE = {
    Action.CREATE: "created", Action.UPDATE: "updated", Action.REPLACE: "replaced", Action.DELETE: "deleted",
    Action.RUN: "run", Action.ADOPT: "adopted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An apply as it is told: `skipped` maps what was not run to the reason."""

    plan: Plan
    outcome: Outcome
    versions: tuple[Version, ...] = ()
    skipped: Mapping[Address, str] | None = None
    waves: tuple[Waves, ...] = ()


def apply_text(told: Told, style: Style = PLAIN) -> str:
    """What went wrong first, then one sentence, then the versions. Ends in a line feed."""
    outcome = told.outcome
    lines = [
        *_listed("failed", style.red("✗"), _of(outcome, Result.FAILED)),
        *_listed("moved since the plan was made, not touched", style.yellow("!"), _of(outcome, Result.STALE)),
        *_skipped(told, style),
        *_listed("not finished", style.yellow("!"), _of(outcome, Result.INTERRUPTED)),
    ]
    lines.append(_sentence(told, style))
    if told.versions:
        lines.append(_versions(told.versions))
    lines += [sentence(waves) for waves in told.waves]
    if _unfinished(told) and not _in_waves(told):
        lines.append(_onwards(told))
    return "\n".join(lines) + "\n"


def apply_document(told: Told) -> dict[str, object]:
    """The same for machines: `apply --json`."""
    items = [
        {
            "resource": str(address), "target": str(address.target), "action": str(item.change.action),
            "result": str(item.result), "message": item.message, "attempts": item.attempts,
            "seconds": round(item.seconds, 3),
        }
        for address, item in told.outcome.items.items()
    ]  # fmt: skip
    return {
        "plan": told.plan.digest,
        "fleet": {"base": told.plan.fleet_base, "head": told.plan.fleet_head},
        "summary": {str(result): told.outcome.count(result) for result in Result},
        "done": told.outcome.actions(),
        "interrupted": told.outcome.interrupted,
        "stopped": told.outcome.stopped,
        "items": items,
        "skipped": {str(address): reason for address, reason in sorted((told.skipped or {}).items())},
        "versions": [version.to_json() for version in told.versions],
        "waves": [waves_document(waves) for waves in told.waves],
        "guards": [guard.to_json() for guard in told.plan.guards],
        "diagnostics": [found.to_json() for found in told.plan.diagnostics],
    }


def closing(title: str, facts: Sequence[tuple[str, str]], then: Sequence[tuple[str, str]], style: Style = PLAIN) -> str:
    """A last screen: a title, facts as (label, value), and what to try next as (command, why)."""
    lines = [style.bold(plain(title)), ""]
    width = max((columns(plain(label)) for label, _ in facts), default=0)
    lines += [f"  {style.dim(padded(plain(label), width))}  {plain(value)}" for label, value in facts]
    if then:
        wide = max(columns(plain(command)) for command, _ in then)
        lines += ["", "Next:"]
        lines += [f"  {style.cyan(padded(plain(command), wide))}  {style.dim(plain(why))}" for command, why in then]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _onwards(told: Told) -> str:
    """What a person does next. Running again helps where something went wrong, not where a rule says no."""
    outcome = told.outcome
    wrong = outcome.interrupted or outcome.count(Result.FAILED) or outcome.count(Result.INTERRUPTED)
    done = "What was done stays done and is recorded. " if outcome.count(Result.DONE) else "Nothing was changed. "
    if wrong:
        return f"{done}Run the same command again to go on from here."
    if outcome.count(Result.STALE):
        return f"{done}Plan again to see what moved: aipress plan"
    return f"{done}The rest waits for what is said above."


def _of(outcome: Outcome, result: Result) -> list[ItemOutcome]:
    return [item for item in outcome.items.values() if item.result is result]


def _listed(what: str, mark: str, items: list[ItemOutcome]) -> list[str]:
    if not items:
        return []
    rows = _alike(mark, [(item.change.address, item.message or "no reason given") for item in items])
    return [f"{count(len(items), 'item')} {what}:", *_bounded(rows), ""]


def _skipped(told: Told, style: Style) -> list[str]:
    reasons = dict(told.skipped or {})
    for address, item in told.outcome.items.items():
        if item.result is Result.SKIPPED:
            reasons.setdefault(address, item.message)
    if not reasons:
        return []
    rows = _alike(style.yellow("·"), sorted(reasons.items()))
    return [f"{count(len(reasons), 'item')} not run:", *_bounded(rows), ""]


def _alike(mark: str, said: Iterable[tuple[Address, str]]) -> list[str]:
    """What has one and the same reason is one row."""
    alike: dict[str, list[Address]] = defaultdict(list)
    for address, reason in said:
        alike[reason].append(address)
    rows: list[str] = []
    for reason, mine in alike.items():
        about = [_targets(mine)] if len(mine) > SAME else [subject(address) for address in mine]
        rows += [f"  {mark} {who}: {cut(plain(reason), 400)}" for who in about]
    return rows


def _targets(addresses: list[Address]) -> str:
    """Many items with the same reason: how many, and of whom."""
    names = sorted({str(address.target) for address in addresses})
    more = f" and {len(names) - SAME:,} more" if len(names) > SAME else ""
    return f"{count(len(addresses), 'item')} of {', '.join(plain(name) for name in names[:SAME])}{more}"


def _bounded(rows: list[str]) -> list[str]:
    return rows if len(rows) <= SHOWN else [*rows[:SHOWN], f"  and {len(rows) - SHOWN:,} more (--json has all)"]


def _sentence(told: Told, style: Style) -> str:
    outcome, done = told.outcome, told.outcome.actions()
    if not told.plan.changes:
        wrong = standing_in_the_way(told.plan, style)
        return "\n".join([*wrong, *([""] if wrong else []), style.bold("Nothing to apply: no changes.")])
    words = [
        f"{done[str(a)]:,} {word}" for a, word in _DONE.items() if done[str(a)] or a not in (Action.RUN, Action.ADOPT)
    ]
    bad = [
        f"{outcome.count(result):,} {word}"
        for result, word in ((Result.FAILED, "failed"), (Result.STALE, "moved"), (Result.INTERRUPTED, "not finished"))
        if outcome.count(result)
    ]
    if outcome.interrupted:
        start = style.yellow("Apply interrupted.")
    elif outcome.stopped:
        start = style.yellow(f"Apply stopped: {plain(outcome.stopped)}.")
    elif _in_waves(told):
        start = style.green("Applied as far as its waves have come:")
    else:
        start = style.red("Apply incomplete.") if _unfinished(told) else style.green("Apply complete!")
    return f"{start} {', '.join(words + bad)}."


def _versions(versions: tuple[Version, ...]) -> str:
    labels = [f"{plain(v.label)} ({plain(v.result)})" for v in versions[:SHOWN]]
    more = f" and {len(versions) - SHOWN:,} more" if len(versions) > SHOWN else ""
    return f"Version{'s' if len(versions) > 1 else ''}: {', '.join(labels)}{more}."


def _in_waves(told: Told) -> bool:
    """Whether all that is left only waits for its wave."""
    well = all(item.result in (Result.DONE, Result.SKIPPED) for item in told.outcome.items.values())
    reasons = (told.skipped or {}).values()
    return well and bool(reasons) and all(reason.startswith("waits for wave ") for reason in reasons)


def _unfinished(told: Told) -> bool:
    return told.outcome.interrupted or bool(told.outcome.stopped) or not told.outcome.ok or bool(told.skipped)
