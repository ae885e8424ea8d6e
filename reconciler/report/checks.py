"""What a plan comes to as a check on a commit: a conclusion, remarks on the lines that cause it, and CI's reports."""

import re
from collections.abc import Iterable, Iterator

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.forge import DESCRIPTION, Annotation, Check, Conclusion, Level
from reconciler.model.plan import Action, Change, Plan, Verdict
from reconciler.report.arrange import Danger, danger
from reconciler.report.diagnostics import Findings, github, gitlab
from reconciler.report.escape import cut, plain
from reconciler.report.jsontext import json_text
from reconciler.report.text import touched, unread_words
from reconciler.report.values import count, transition

NAME = "aipress/plan"
"""Branch protection refers to it, so it never changes."""
MOST = 500
"""Remarks of one plan; ten requests' worth. The comment tells the rest."""
_FIELDS = 5
_SOURCE = re.compile(r"(.+):([0-9]{1,7})")
_LEVELS = {Severity.ERROR: Level.FAILURE, Severity.WARNING: Level.WARNING, Severity.NOTE: Level.NOTICE}
_WORDS = {
    Danger.DESTROYS: ("destroys-data", Severity.WARNING, "will be deleted, with its data"),
    Danger.DELETES: ("deletes", Severity.WARNING, "will be deleted"),
    Danger.REPLACES: ("replaces", Severity.WARNING, "must be replaced"),
    Danger.VISIBLE: ("visitors-notice", Severity.NOTE, "is updated, and visitors notice"),
}


def check(plan: Plan, summary: str, prefix: str = "", url: str = "") -> Check:
    """`summary`: Markdown; `prefix`: the fleet's folder in the repository."""
    conclusion, title = verdict(plan)
    return Check(NAME, plan.fleet_head, conclusion, title, summary, url, annotations(plan, prefix))


def not_planned(commit: str, why: str) -> Check:
    """Of a commit that was not planned on purpose."""
    return Check(NAME, commit, Conclusion.NEUTRAL, cut(f"Not planned: {plain(why)}", DESCRIPTION))


def verdict(plan: Plan) -> tuple[Conclusion, str]:
    """The conclusion, and one line of at most DESCRIPTION characters."""
    if plan.unread():
        return Conclusion.FAILURE, _line(unread_words(plan))
    wrong = sum(1 for found in plan.diagnostics if found.severity is Severity.ERROR)
    if wrong:
        files = len({d.file for d in plan.diagnostics if d.severity is Severity.ERROR})
        return Conclusion.FAILURE, _line(f"{count(wrong, 'error')} in {count(files, 'file')}; the rest is planned")
    if plan.two_way:
        return Conclusion.ACTION_REQUIRED, "The history could not be read: this plan cannot be applied"
    refused = plan.refused()
    if refused:
        names = ", ".join(dict.fromkeys(plain(verdict.guard) for verdict in refused))
        return Conclusion.ACTION_REQUIRED, _line(f"Refused by {names}: {plain(refused[0].message)}")
    if not plan.changes:
        return Conclusion.SUCCESS, "No changes"
    summary = plan.summary()
    told = [f"{summary[str(a)]:,} {a}" for a in Action if summary.get(str(a)) and a is not Action.NONE]
    return Conclusion.SUCCESS, _line(f"{', '.join(told)}; {touched(plan)}")


def remarks(plan: Plan) -> tuple[Diagnostic, ...]:
    """What is worth a remark beside a line: errors, refusals, losses, what visitors notice. MOST of them."""
    found = [*_refused(plan), *plan.diagnostics, *_changes(plan)]
    order = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    return tuple(sorted((d for d in found if d.file), key=lambda d: order.index(d.severity))[:MOST])


def annotations(plan: Plan, prefix: str = "") -> tuple[Annotation, ...]:
    return beside(remarks(plan), prefix)


def beside(found: Iterable[Diagnostic], prefix: str = "") -> tuple[Annotation, ...]:
    """Diagnostics as remarks beside their lines."""
    findings = Findings((), 0, prefix=prefix)
    return tuple(
        Annotation(
            findings.path(d), d.position.line, _LEVELS[d.severity], plain(d.code),
            plain(d.message) + (f" ({plain(d.help)})" if d.help else ""), d.position.column if d.position.width else 0,
        )
        for d in found
        if d.file
    )  # fmt: skip


def widget(plan: Plan) -> str:
    """GitLab's report `terraform`: what the merge request shows by itself. What is replaced is made and taken away."""
    summary = plan.summary()
    made, gone = summary["create"] + summary["replace"], summary["delete"] + summary["replace"]
    return json_text({"create": made, "update": summary["update"], "delete": gone})


def quality(plan: Plan, prefix: str = "") -> str:
    """GitLab's report `codequality`: remarks on lines."""
    return gitlab(Findings(remarks(plan), 0, prefix=prefix))


def commands(plan: Plan, prefix: str = "") -> str:
    """GitHub's workflow commands: remarks on lines, for a run without a token. GitHub shows ten of a kind."""
    return github(Findings(remarks(plan), 0, prefix=prefix))


def _line(text: str) -> str:
    return cut(text.replace("\n", " "), DESCRIPTION)


def _refused(plan: Plan) -> Iterator[Diagnostic]:
    """A refusal of certain items, beside the lines that ask for them."""
    where = {change.address: change.source for change in plan.changes}
    for said in plan.guards:
        if said.verdict is Verdict.REFUSE:
            sources = dict.fromkeys(_written(where.get(address, "")) for address in said.items)
            for file, line in sources:
                text = f"{said.target}: {said.message}"
                yield Diagnostic(f"refused/{said.guard}", Severity.ERROR, text, file, Position(line))


def _changes(plan: Plan) -> Iterator[Diagnostic]:
    """One remark a line and kind of danger, however many objects hang on that line."""
    beside: dict[tuple[str, int, Danger], list[Change]] = {}
    for change in plan.changes:
        if (how := danger(change)) in _WORDS and change.action is not Action.NONE:
            beside.setdefault((*_written(change.source), how), []).append(change)
    for (file, line, how), changes in sorted(beside.items(), key=lambda item: (item[0][2], item[0][:2])):
        code, severity, words = _WORDS[how]
        first = changes[0]
        more = f", and so {count(len(changes) - 1, 'other object')}" if len(changes) > 1 else ""
        text = f"{first.address} {words}{more}{_told(first)}"
        yield Diagnostic(f"plan/{code}", severity, text, file, Position(line))


def _told(change: Change) -> str:
    """The fields of an update, secrets hidden as everywhere."""
    if not change.fields:
        return ""
    fields = change.fields[:_FIELDS]
    listed = "; ".join(f"{f.path}: {transition(change.address.kind, f, change.address.target)}" for f in fields)
    left = len(change.fields) - len(fields)
    return f" — {listed}" + (f"; and {left} more" if left else "")


def _written(source: str) -> tuple[str, int]:
    found = _SOURCE.fullmatch(source)
    return (found[1], max(int(found[2]), 1)) if found else (source, 1)
