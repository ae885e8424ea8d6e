"""What a reviewer must not miss, as a forge's own alert boxes: losses first, then what guards, Git and the files say;
and what to do next."""

from collections.abc import Callable, Iterator

from reconciler.model.diagnostic import Severity
from reconciler.model.plan import Change, GuardVerdict, Plan, Verdict
from reconciler.report.arrange import Danger, Section, heading
from reconciler.report.escape import cell, code_span, plain
from reconciler.report.rows import who
from reconciler.report.values import count, transition

NAMED = 10
"""Most lines of one alert."""
WRITTEN = frozenset({"policy", "field-ownership"})
"""Guards that people wrote: no flag passes them."""
_FIELDS = 3
"""Most fields told of one object that drifted."""


def alerts(plan: Plan, ordered: tuple[Section, ...]) -> Iterator[str]:
    """Markdown blocks, at most a handful, each at most NAMED lines and one."""
    grave = [s for s in ordered if s.danger <= Danger.REPLACES]
    if grave:
        yield _alert("CAUTION", [f"{cell(who(s))} {heading(s)}" for s in grave], lambda n: f"and {n:,} more")
    drifted = [c for c in plan.changes if c.drift]
    if drifted:
        yield _alert("NOTE", [_drift(c) for c in drifted], lambda n: f"and {n:,} more")
    refused = [g for g in plan.guards if g.verdict is Verdict.REFUSE]
    if refused:
        yield _alert("WARNING", [_guard(g, "refuses") for g in refused], lambda n: f"and {n:,} more refusals")
    warned = [g for g in plan.guards if g.verdict is Verdict.WARN]
    if warned:
        yield _alert("NOTE", [_guard(g, "warns") for g in warned], lambda n: f"and {n:,} more warnings")
    if plan.two_way:
        yield "> [!WARNING]\n> The history could not be read: this plan compares two ways only and cannot be applied."
    wrong = [d for d in plan.diagnostics if d.severity is not Severity.NOTE]
    if wrong:
        lines = [f"{d.severity} {code_span(f'{d.code} {d.where}'.strip())} {code_span(d.message)}" for d in wrong]
        yield _alert("IMPORTANT", lines, lambda n: f"and {n:,} more: `aipress validate`")


def next_steps(plan: Plan, digest: str) -> str:
    """One line: what the reader can do, given what stands in the way."""
    exactly = f"`aipress apply --expect-plan {digest}`"
    wrong = sum(1 for d in plan.diagnostics if d.severity is Severity.ERROR)
    errors = "the error above" if wrong == 1 else f"the {count(wrong, 'error')} above"
    if plan.two_way:
        return "plan again when the history answers: nothing can be applied until then."
    if plan.unread():
        return "plan again when everything can be read; what could not be read stays as it is."
    if not plan.changes:
        told = "merging changes nothing in the cloud"
        return f"mend {errors}." if wrong else f"{told}."
    if any(g.guard in WRITTEN for g in plan.refused() if not g.items):
        return "what refuses this is written in fleet.yaml of the base branch: change this, or have that changed first."
    if whole := [g for g in plan.refused() if not g.items]:
        names = " ".join(dict.fromkeys(f"--allow {plain(g.guard)}" for g in whole))
        command = code_span(f"aipress apply {names} --expect-plan {digest}", 600)
        return f"a guard refuses the whole plan: make it smaller, or let somebody who may run {command}."
    rest = "merge to apply what no guard refuses" if plan.refused() else "merge to apply"
    mend = f"mend {errors} (until then that stays as it is); for the rest, " if wrong else ""
    return f"{mend}{rest}, or apply exactly this: {exactly}"


def _guard(said: GuardVerdict, verb: str) -> str:
    return f"Guard {code_span(said.guard)} {verb}: {code_span(f'{said.target}: {said.message}')}"


def _drift(change: Change) -> str:
    """What somebody made it, and what the merge sets it back to."""
    told = [
        cell(f"{field.path} {transition(change.address.kind, field, change.address.target)}")
        for field in change.fields[:_FIELDS]
    ]
    left = len(change.fields) - len(told)
    more = f" and {count(left, 'more field')}" if left > 0 else ""
    listed = f": {', '.join(told)}{more}" if told else ""
    return f"Changed outside Git, set back by this plan: {cell(str(change.address))}{listed}"


def _alert(name: str, lines: list[str], more: Callable[[int], str]) -> str:
    told = lines[:NAMED] + ([more(len(lines) - NAMED)] if len(lines) > NAMED else [])
    return "\n".join([f"> [!{name}]", *(f"> {line}<br>" for line in told[:-1]), f"> {told[-1]}"])
