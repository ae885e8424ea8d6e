"""A plan for a terminal: what changes, for whom, is it safe, what it costs. Danger first, totals last."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.ids import Target, TargetKind
from reconciler.model.plan import GuardVerdict, Plan, Verdict
from reconciler.report.arrange import Danger, Section, heading, sections
from reconciler.report.capacity import capacity_lines
from reconciler.report.cost import cost_lines
from reconciler.report.escape import columns, cut, padded, plain
from reconciler.report.notices import notice_lines
from reconciler.report.rows import NAMES_SHOWN, Row, names, rows, who
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import age, commit, count
from reconciler.report.waves import planned_text

HEADING_WIDTH = 64
_UNMANAGED = "accepted, not yet managed"


@dataclass(frozen=True, slots=True)
class PlanView:
    """How to show a plan, and what the plan itself does not know.

    `read_age`: seconds since the live state was read; None: not known (a saved plan). `everything`: nothing is folded.
    """

    version: str = ""
    base_name: str = ""
    head_name: str = ""
    read_age: float | None = None
    everything: bool = False
    style: Style = PLAIN


def plan_text(plan: Plan, view: PlanView = PlanView()) -> str:
    """The whole plan as text, with a line feed at its end."""
    lines = [_header(plan, view), ""]
    lines += _after(_drift(plan, view.style))
    if plan.changes:
        lines += [_legend(view.style), ""]
        for section in sections(plan, view.everything):
            lines += [*_section(section, view), ""]
    lines += _after(_findings(plan, view))
    lines += _after(_guards(plan.guards, view.style))
    lines += _after(planned_text(plan.waves, view.style))
    lines += _after(capacity_lines(plan))
    lines += _after(notice_lines(plan, view.style))
    lines += _closing(plan, view)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def totals(plan: Plan) -> str:
    """ "Plan: 1 to create, … 2 of 1,204 tenants, 2 of 20 shards." """
    summary = plan.summary()
    parts = [f"{summary[a]:,} to {a}" for a in ("create", "update", "replace", "delete")]
    parts += [f"{summary[a]:,} to {a}" for a in ("run", "adopt") if summary[a]]
    return f"Plan: {', '.join(parts)}. {touched(plan)}."


def touched(plan: Plan) -> str:
    """ "2 of 1,204 tenants, 2 of 20 shards"."""
    summary = plan.summary()
    words = []
    for noun in ("tenant", "shard"):
        mine, all_of = summary[f"{noun}s"], max(plan.populations.get(f"{noun}s", 0), summary[f"{noun}s"])
        words.append(f"{mine:,} of {count(all_of, noun)}" if all_of else count(mine, noun))
    return ", ".join(words)


def unchanged(plan: Plan, view: PlanView) -> str:
    """The sentence that a silent no-op earns: what was compared, and how old it is."""
    if plan.unread():
        return unread_words(plan)
    return f"No changes. {unchanged_words(plan, _revision(view.head_name, plan.fleet_head), view.read_age)}"


def unread_words(plan: Plan) -> str:
    """ "3 objects could not be read: nothing is known about them, and nothing is planned for them." """
    unread = len({address for verdict in plan.unread() for address in verdict.items})
    known = f"The other {count(plan.compared, 'object')} compared are as wanted." if plan.compared else ""
    which = "nothing is known about it or planned for it" if unread == 1 else "nothing is known or planned for them"
    return f"{count(unread, 'object')} could not be read: {which}. {known}".rstrip()


def unchanged_words(plan: Plan, revision: str, read_age: float | None = None) -> str:
    """ "Fleet matches main@3f9c1e2 (12 tenants, 187 objects compared)." """
    tenants = plan.populations.get("tenants", 0)
    compared = f"{count(tenants, 'tenant')}, {count(plan.compared, 'object')} compared"
    read = f", read {age(read_age)} ago" if read_age is not None else ""
    subject = "Fleet" if not plan.scope or plan.scope == ("fleet",) else scope_words(plan)
    return f"{subject} matches {revision} ({compared}{read})."


def scope_words(plan: Plan) -> str:
    return cut(", ".join(plain(name) for name in plan.scope), 80)


# --- parts ----------------------------------------------------------------------------------------------------------


def _revision(name: str, id_: str) -> str:
    short = commit(id_) if id_ else "(no commit)"
    return f"{plain(name)}@{short}" if name and name not in ("HEAD", id_) else short


def _header(plan: Plan, view: PlanView) -> str:
    head = _revision(view.head_name, plan.fleet_head)
    base = f"{_revision(view.base_name, plan.fleet_base)} → " if plan.fleet_base not in ("", plan.fleet_head) else ""
    parts = [f"aipress {view.version}".strip(), f"fleet {base}{head}", plain(plan.cloud)]
    if view.read_age is not None:
        parts.append(f"live state read {age(view.read_age)} ago")
    return view.style.dim("  ".join(parts))


def _legend(style: Style) -> str:
    words = {"+": "create", "~": "update in place", "-/+": "replace", "-": "delete", ">": "run", "=": "adopt"}
    return "Symbols:  " + "  ".join(f"{style.symbol(s)} {w}" for s, w in words.items()) + "  ! visitors notice"


def _after(lines: list[str]) -> list[str]:
    return [*lines, ""] if lines else []


def _drift(plan: Plan, style: Style) -> list[str]:
    drifted = [change for change in plan.changes if change.drift]
    if not drifted:
        return []
    them = "it" if len(drifted) == 1 else "them"
    lines = [style.yellow(f"Note: {count(len(drifted), 'object')} changed outside Git; this plan sets {them} back:")]
    lines += [f"  {plain(str(change.address))}" for change in drifted[:NAMES_SHOWN]]
    if len(drifted) > NAMES_SHOWN:
        lines.append(f"  and {len(drifted) - NAMES_SHOWN:,} more: aipress drift list")
    return lines


def _section(section: Section, view: PlanView) -> Iterator[str]:
    style = view.style
    title = f"# {who(section)} {heading(section)}"
    paint = style.red if section.danger <= Danger.REPLACES else style.bold
    source = plain(section.source) if section.same_source else "each from its own file"
    yield "  " + padded(paint(title), HEADING_WIDTH + len(paint(title)) - columns(title)) + "  " + style.dim(source)
    if len(section.targets) > 1:
        yield "    " + names(section, len(section.targets) if view.everything else NAMES_SHOWN)
    for row in rows(section, view.everything):
        yield _row(row, style)


def _row(row: Row, style: Style) -> str:
    notes = [part for part in (style.yellow(row.alarm), style.dim(row.aside)) if part]
    if row.depth == 0:
        return "  ".join([f"  {style.symbol(row.sign)} {row.text}", *notes])
    mark = f"{style.symbol(row.sign)} " if row.sign else ""
    return "      " + "  ".join([part for part in (mark + row.text,) if part] + notes)


def _findings(plan: Plan, view: PlanView) -> list[str]:
    """Input problems one per line; blocks that nothing manages yet in one note, listed where something changes."""
    style = view.style
    unmanaged = [found for found in plan.diagnostics if found.severity is Severity.NOTE and _UNMANAGED in found.message]
    lines = [diagnostic_line(found, style) for found in plan.diagnostics if found not in unmanaged]
    if not unmanaged:
        return lines
    blocks = f"Note: {count(len(unmanaged), 'block')} accepted, not yet managed"
    if not plan.changes and not view.everything:
        return [*lines, style.dim(f"{blocks} (`aipress validate` lists them).")]
    lines.append(style.dim(f"{blocks} (nothing applies them):"))
    shown = unmanaged if view.everything else unmanaged[:NAMES_SHOWN]
    lines += [style.dim(f"  {_note(found)}") for found in shown]
    if len(unmanaged) > len(shown):
        lines.append(style.dim(f"  and {len(unmanaged) - len(shown):,} more: aipress validate"))
    return lines


def _note(found: Diagnostic) -> str:
    where = f"{found.file}:{found.position.line}" if found.file else found.target
    return f"{plain(where)}  {cut(plain(found.message.partition(f' is {_UNMANAGED}')[0]), 120)}"


def diagnostic_line(found: Diagnostic, style: Style) -> str:
    """ "error AP103 file:line:column  message  (help)"."""
    paints = {Severity.ERROR: style.red, Severity.NOTE: style.dim}
    paint = paints.get(found.severity, style.yellow)
    helping = f"  ({cut(plain(found.help), 160)})" if found.help else ""
    where = f" {plain(found.where)}" if found.file else ""
    return f"{paint(str(found.severity))} {plain(found.code)}{where}  {cut(plain(found.message), 240)}{helping}"


def standing_in_the_way(plan: Plan, style: Style) -> list[str]:
    """What is wrong with a plan in which nothing changes: else one would take it for a fleet that is well."""
    wrong = [d for d in plan.diagnostics if d.severity is not Severity.NOTE]
    lines = [diagnostic_line(found, style) for found in wrong]
    return lines + [f"{style.red('refused')} {guard_line(verdict)}" for verdict in plan.refused()]


def _guards(guards: tuple[GuardVerdict, ...], style: Style) -> list[str]:
    if not guards:
        return []
    worst: dict[str, Verdict] = {}
    for found in guards:
        rank = (Verdict.PASS, Verdict.WARN, Verdict.REFUSE)
        worst[found.guard] = max(worst.get(found.guard, Verdict.PASS), found.verdict, key=rank.index)
    mark = {Verdict.PASS: style.green("✔"), Verdict.WARN: style.yellow("!"), Verdict.REFUSE: style.red("✗")}
    lines = ["Guards: " + "  ".join(f"{mark[verdict]} {plain(guard)}" for guard, verdict in worst.items())]
    for verdict in (Verdict.REFUSE, Verdict.WARN):
        told = [g for g in guards if g.verdict is verdict]
        lines += [f"  {mark[verdict]} {guard_line(g)}" for g in told[:NAMES_SHOWN]]
        if len(told) > NAMES_SHOWN:
            lines.append(f"  {mark[verdict]} and {len(told) - NAMES_SHOWN:,} more of these (--format json has all)")
    return lines


def guard_line(verdict: GuardVerdict) -> str:
    subject = "" if verdict.target == Target(TargetKind.FLEET) else f" {verdict.target}:"
    items = f" ({count(len(verdict.items), 'item')} held back)" if verdict.items else ""
    return f"{plain(verdict.guard)}:{plain(subject)} {cut(plain(verdict.message), 300)}{items}"


def _closing(plan: Plan, view: PlanView) -> list[str]:
    lines = []
    if plan.two_way:
        lines.append("Note: the history could not be read. This plan compares two ways only and cannot be applied.")
    lines += cost_lines(plan)
    lines.append(view.style.bold(totals(plan)) if plan.changes else unchanged(plan, view))
    return lines


__all__ = ["PlanView", "diagnostic_line", "guard_line", "plan_text", "totals", "touched", "who"]
