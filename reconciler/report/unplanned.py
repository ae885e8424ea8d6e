"""The comment of a pull request that was not planned: why, what makes it planned, and what is wrong in its files."""

from collections.abc import Sequence

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.mark import Mark
from reconciler.report.escape import code_span, cut, plain
from reconciler.report.values import commit, count

_LISTED = 50


def unplanned(mark: Mark, why: str, how: str = "", found: Sequence[Diagnostic] = ()) -> str:
    """`why` and `how` are our own sentences, where names of others stand in code already; a later run finds the comment
    by `mark`."""
    wrong = [d for d in found if d.severity is Severity.ERROR]
    title = f", **{count(len(wrong), 'error')}**" if wrong else ""
    blocks = [f"{mark.line()}\n### AIPress plan: not planned{title}", f"{_sentence(why)}"]
    if how:
        blocks.append(f"**Next:** {_sentence(how)}")
    told = [d for d in found if d.severity in (Severity.ERROR, Severity.WARNING)]
    if told:
        lines = [f"- {code_span(d.where)} {code_span(d.message)}" for d in told[:_LISTED]]
        if len(told) > _LISTED:
            lines.append(f"- and {len(told) - _LISTED:,} more")
        blocks.append("\n".join(lines))
    elif mark.plan.startswith(CHECKED):
        blocks.append("Its files are valid as far as they tell by themselves.")
    return "\n\n".join([*blocks, f"<sub>{code_span(commit(mark.head))} · the live cloud was not read</sub>"]) + "\n"


CHECKED, FAILED = "checked:", "failed:"
"""How the mark's `plan` begins where there is no plan: it was checked offline, or could not be planned."""


def _sentence(text: str) -> str:
    said = cut(plain(text), 1000)
    return said if said.endswith((".", "!", "`")) else f"{said}."
