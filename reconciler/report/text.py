"""A plan for a terminal: what changes, for whom, is it safe, what it costs. Danger first, totals last."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.ids import Target, TargetKind
from reconciler.model.plan import Action, Change, FieldChange, GuardVerdict, Plan, Verdict
from reconciler.report.arrange import SIGNS, Danger, Section, danger, heading, leaves, sections, unknowns
from reconciler.report.escape import columns, cut, padded, plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import age, commit, count, hidden, known_after, money, shown, sign, transition

NAMES_SHOWN = 12
KEYS_SHOWN = 6
SAME_KIND_FROM = 4
"""So many creations of one kind in one section are shown as one line."""
PATH_WIDTH = 56
HEADING_WIDTH = 64

HEADLINES = {
    "project": ("projectId",),
    "sql.instance": ("databaseVersion", "settings.tier", "settings.availabilityType"),
    "storage.bucket": ("location",),
    "run.service": ("template.containers[0].image",),
    "sql.grant": ("maxUserConnections",),
}
"""What says most about a new object of a kind; the rest with --all."""


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
    if plan.changes:
        lines += [_legend(view.style), ""]
        for section in sections(plan, view.everything):
            lines += [*_section(section, view), ""]
    lines += _after(_findings(plan, view.style))
    lines += _after(_guards(plan.guards, view.style))
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
    tenants = plan.populations.get("tenants", 0)
    compared = f"{count(tenants, 'tenant')}, {count(plan.compared, 'object')} compared"
    read = f", read {age(view.read_age)} ago" if view.read_age is not None else ""
    subject = "Fleet matches" if not plan.scope or plan.scope == ("fleet",) else f"{scope_words(plan)} matches"
    return f"No changes. {subject} {_revision(view.head_name, plan.fleet_head)} ({compared}{read})."


def scope_words(plan: Plan) -> str:
    return cut(", ".join(plain(name) for name in plan.scope), 80)


def cost_line(plan: Plan) -> str:
    """Monthly list prices before and after; "" when the plan knows none."""
    if not plan.cost_before and not plan.cost_after:
        return ""
    delta = plan.cost_after - plan.cost_before
    if abs(delta) < 0.005:
        return f"Cost: {money(plan.cost_after)} a month, unchanged (list prices)."
    change = f"+{money(delta)}" if delta > 0 else money(delta)
    return f"Cost: {money(plan.cost_before)} → {money(plan.cost_after)} a month ({change}, list prices)."


# --- parts ----------------------------------------------------------------------------------------------------------


def _revision(name: str, id_: str) -> str:
    short = commit(id_) if id_ else "(no commit)"
    return f"{plain(name)}@{short}" if name and name not in ("HEAD", id_) else short


def _header(plan: Plan, view: PlanView) -> str:
    head = _revision(view.head_name, plan.fleet_head)
    base = f"{_revision(view.base_name, plan.fleet_base)} → " if plan.fleet_base else ""
    parts = [f"aipress {view.version}".strip(), f"fleet {base}{head}", plain(plan.cloud)]
    if view.read_age is not None:
        parts.append(f"live state read {age(view.read_age)} ago")
    return view.style.dim("  ".join(parts))


def _legend(style: Style) -> str:
    words = {"+": "create", "~": "update in place", "-/+": "replace", "-": "delete", ">": "run", "=": "adopt"}
    return "Symbols:  " + "  ".join(f"{style.symbol(s)} {w}" for s, w in words.items()) + "  ! visitors notice"


def _after(lines: list[str]) -> list[str]:
    return [*lines, ""] if lines else []


def _section(section: Section, view: PlanView) -> Iterator[str]:
    style = view.style
    title = f"# {who(section)} {heading(section)}"
    paint = style.red if section.danger <= Danger.REPLACES else style.bold
    source = plain(section.source) if section.same_source else "each from its own file"
    yield "  " + padded(paint(title), HEADING_WIDTH + len(paint(title)) - columns(title)) + "  " + style.dim(source)
    if len(section.targets) > 1:
        yield "    " + names(section, len(section.targets) if view.everything else NAMES_SHOWN)
    for same in _folded(section, view.everything):
        if len(same) > 1:
            yield f"  {style.symbol(SIGNS[same[0].action])} {_many(same)}"
        else:
            yield from _change(same[0], section, view)


def who(section: Section) -> str:
    """ "tenant/acme-bakery (shard eu-001)", or "38 tenants (shards eu-001, us-001)"."""
    if section.target.kind is TargetKind.FLEET:
        return "fleet (its own objects)"
    if len(section.targets) == 1:
        where = (
            f" (shard {plain(section.shards[0])})"
            if section.target.kind is TargetKind.TENANT and section.shards
            else ""
        )
        return f"{plain(str(section.target))}{where}"
    of = f"{len(section.targets):,} {section.target.kind}s"
    if section.target.kind is TargetKind.SHARD:
        return of
    shards = ", ".join(plain(s) for s in section.shards[:3])
    more = f" and {len(section.shards) - 3:,} more" if len(section.shards) > 3 else ""
    return f"{of} (shard{'s' if len(section.shards) > 1 else ''} {shards}{more})"


def names(section: Section, limit: int) -> str:
    listed = ", ".join(plain(t.name) for t in section.targets[:limit])
    more = len(section.targets) - limit
    return f"{listed} and {more:,} more" if more > 0 else listed


def _folded(section: Section, everything: bool) -> Iterator[list[Change]]:
    """Runs of creations of one kind that say nothing of their own, in one piece; everything else alone."""
    ordered = sorted(section.changes, key=danger)
    by_kind: dict[tuple[str, Action], list[Change]] = defaultdict(list)
    for change in ordered:
        by_kind[(change.address.kind, change.action)].append(change)
    for (_, action), same in by_kind.items():
        foldable = action in (Action.CREATE, Action.ADOPT) and len(same) >= SAME_KIND_FROM
        if foldable and not everything and not any(unknowns(c) for c in same):
            yield same
        else:
            yield from ([change] for change in same)


def _many(same: list[Change]) -> str:
    listed = ", ".join(plain(c.address.key) for c in same[:KEYS_SHOWN])
    more = f" and {len(same) - KEYS_SHOWN} more" if len(same) > KEYS_SHOWN else ""
    return f"{same[0].address.kind} ×{len(same)}  {listed}{more}"


def _change(change: Change, section: Section, view: PlanView) -> Iterator[str]:
    style = view.style
    notes = [f"({cut(plain(change.reason), 100)})"] if change.reason else []
    if danger(change) is Danger.VISIBLE:
        notes.append(style.yellow("! visitors notice"))
    if change.source and change.source != section.source and section.same_source:
        notes.append(style.dim(plain(change.source)))
    if change.approval:
        notes.append(f"approved: {cut(plain(change.approval), 80)}")
    yield (
        f"  {style.symbol(SIGNS[change.action])} {plain(f'{change.address.kind}/{change.address.key}')}  "
        + "  ".join(notes)
    )
    if change.action is Action.CREATE:
        yield from _creation(change, section, view)
    else:
        yield from _fields(change.fields, change, view)
        if change.action is Action.DELETE and view.everything:
            yield from (f"      - {plain(path)}  {shown(value)}" for path, value in leaves("", change.body))


def _fields(fields: Iterable[FieldChange], change: Change, view: PlanView) -> Iterator[str]:
    rows = list(fields)
    width = min(max((columns(plain(f.path)) for f in rows), default=0), PATH_WIDTH)
    own = change.address.target
    for field in rows:
        mark = view.style.symbol(sign(change.address.kind, field))
        yield f"      {mark} {padded(plain(field.path), width)}  {transition(change.address.kind, field, own)}"


def _creation(change: Change, section: Section, view: PlanView) -> Iterator[str]:
    kind, own = change.address.kind, change.address.target
    rows = list(leaves("", change.body))
    secret = {path for path, _ in rows if hidden(kind, FieldChange(path))}
    pending = dict(unknowns(change))
    if view.everything:
        picked = [(path, value) for path, value in rows if path not in pending]
    elif len(section.targets) > 1:
        picked = []
    else:
        by_index = {_indexed(path): value for path, value in rows}
        picked = [(path, by_index[path]) for path in HEADLINES.get(kind, ()) if path in by_index]
    for path, value in picked:
        yield f"      {plain(path)} = {'(sensitive)' if path in secret else shown(value)}"
    for path, ref in pending.items():
        yield f"      {plain(path)} = {known_after(ref, own if len(section.targets) > 1 else None)}"
    left = len(rows) - len(picked) - len(pending)
    if left > 0 and len(section.targets) == 1 and not view.everything and picked:
        yield view.style.dim(f"      # {count(left, 'more field')} (--all)")


def _indexed(path: str) -> str:
    """A leaf path with every named container back at its index: one container a service is all we make."""
    start = path.find("containers[")
    return path if start < 0 else path[:start] + "containers[0]" + path[path.index("]", start) + 1 :]


def _findings(plan: Plan, style: Style) -> list[str]:
    """Input problems one per line; blocks that nothing manages yet folded into one note."""
    lines, unmanaged = [], []
    for found in plan.diagnostics:
        if found.severity is Severity.NOTE:
            unmanaged.append(found)
        else:
            lines.append(diagnostic_line(found, style))
    if unmanaged:
        lines.append(
            style.dim(f"Note: {count(len(unmanaged), 'block')} accepted, not yet managed (nothing applies them):")
        )
        lines += [style.dim(f"  {_note(found)}") for found in unmanaged[:NAMES_SHOWN]]
        if len(unmanaged) > NAMES_SHOWN:
            lines.append(style.dim(f"  and {len(unmanaged) - NAMES_SHOWN:,} more: aipress validate"))
    return lines


def _note(found: Diagnostic) -> str:
    where = f"{found.file}:{found.position.line}" if found.file else found.target
    return f"{plain(where)}  {cut(plain(found.message), 120)}"


def diagnostic_line(found: Diagnostic, style: Style) -> str:
    """ "error AP103 file:line:column  message  (help)"."""
    paint = style.red if found.severity is Severity.ERROR else style.yellow
    helping = f"  ({cut(plain(found.help), 160)})" if found.help else ""
    where = f" {plain(found.where)}" if found.file else ""
    return f"{paint(str(found.severity))} {plain(found.code)}{where}  {cut(plain(found.message), 240)}{helping}"


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
    if cost := cost_line(plan):
        lines.append(cost)
    lines.append(view.style.bold(totals(plan)) if plan.changes else unchanged(plan, view))
    return lines


__all__ = ["PlanView", "cost_line", "diagnostic_line", "guard_line", "plan_text", "totals", "touched", "who"]
