"""The pull-request comment, and `plan --format markdown`.

One comment must answer: what changes, for whom, is it safe, what next. It never outgrows what a forge takes: details
are shed in a fixed order, and the comment says so. Whatever somebody else wrote stands in code, where nothing of it
takes effect.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import IntEnum

from reconciler.kinds.noticed import Level
from reconciler.model.diagnostic import Severity
from reconciler.model.ids import TargetKind
from reconciler.model.mark import Mark
from reconciler.model.plan import Action, Plan, Verdict
from reconciler.report.alerts import alerts, next_steps
from reconciler.report.alike import alike_markdown
from reconciler.report.arrange import Danger, Section, heading, sections
from reconciler.report.capacity import capacity_markdown
from reconciler.report.cost import cost_line, cost_markdown
from reconciler.report.escape import cell, code_span, cut, fence, html_code, plain
from reconciler.report.notices import notice_markdown, worst
from reconciler.report.rows import names, rows, who
from reconciler.report.text import touched, unchanged_words, unread_words
from reconciler.report.values import age, commit, count
from reconciler.report.waves import planned_markdown

CHARACTERS = 60_000
"""GitHub refuses a comment above 65,536 characters with 422; the rest is room for what a forge adds."""
BYTES = 200_000

_PATH = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
_LINE = re.compile(r"^(.*?)(?::([0-9]+))?$", re.DOTALL)
_DIFF = {"~": "!", "-/+": "!", "+": "+", "-": "-", ">": "!", "=": "+", "": " "}
"""A diff block colours what stands in column 0: `!` is its sign for a change."""
_LIGHTS = {
    Danger.DESTROYS: "🔴",
    Danger.DELETES: "🔴",
    Danger.REPLACES: "🔴",
    Danger.VISIBLE: "🟡",
    Danger.UPDATES: "🟡",
}


class Shed(IntEnum):
    """What has been left out, in this order, each step keeping what the earlier ones left out."""

    NOTHING = 0
    NOTES = 1
    HARMLESS = 2
    """Details of creations, adoptions and steps."""
    DETAILS = 3
    ROWS = 4
    """One row per shard instead of one per target."""
    TABLE = 5


@dataclass(frozen=True, slots=True)
class CommentView:
    """`blob_url`: where files of the head commit are shown ("https://…/blob/COMMIT"); `url`: the plan's own page."""

    key: str = "plan"
    version: str = ""
    fleet: str = ""
    at: str = ""
    """When the plan was made, ISO 8601; "" leaves it out (and makes equal plans equal comments)."""
    url: str = ""
    blob_url: str = ""
    head: str = ""
    """The pull request's head, where the plan is of another commit: what merging it would make ("" : the plan's)."""
    read_age: float | None = None
    characters: int = CHARACTERS
    octets: int = BYTES


def comment(plan: Plan, view: CommentView = CommentView()) -> str:
    """The whole comment, at most `view.characters` long and ending in a line feed."""
    page = _Page(plan, sections(plan), view, plan.digest)
    for shed in Shed:
        if shed < Shed.DETAILS and len(plan.changes) * 20 > view.characters:
            continue  # it cannot fit: do not render what is thrown away
        text = _comment(page, shed)
        if len(text) <= view.characters and len(text.encode()) <= view.octets:
            break
    return text


@dataclass(frozen=True, slots=True)
class _Page:
    """What every rendering of one comment needs. A large plan's digest is worth computing once."""

    plan: Plan
    ordered: tuple[Section, ...]
    view: CommentView
    digest: str


def mark(plan: Plan, view: CommentView, digest: str = "") -> Mark:
    """What the first line says: by it, and by its author, a later run finds the comment again."""
    return Mark(view.key, view.fleet, view.head or plan.fleet_head, plan.fleet_base, digest or plan.digest, view.at)


def shorter(view: CommentView, part: float) -> CommentView:
    """For a host that takes less: at most that part of what `view` allows."""
    return replace(view, characters=int(view.characters * part), octets=int(view.octets * part))


def _comment(page: _Page, shed: Shed) -> str:
    plan, ordered, view = page.plan, page.ordered, page.view
    blocks = [mark(plan, view, page.digest).line() + "\n" + _title(plan, ordered, view)]
    if ordered:
        if shed < Shed.ROWS:
            blocks.append(_table(ordered, view))
        elif shed < Shed.TABLE:
            blocks.append(_shard_table(ordered))
        blocks.append(_counts(plan))
        blocks += [block for block in (notice_markdown(plan), capacity_markdown(plan)) if block]
        if shed < Shed.TABLE and (money := cost_markdown(plan)):
            blocks.append(money)
    if many := alike_markdown(ordered):
        blocks.append(many)
    if waves := planned_markdown(plan.waves):
        blocks.append(waves)
    blocks += [*alerts(plan, ordered)]
    if shed < Shed.DETAILS:
        blocks += [_details(s) for s in ordered if shed < Shed.HARMLESS or s.danger < Danger.RUNS]
    if shed < Shed.NOTES:
        blocks += _notes(plan)
    if shed is not Shed.NOTHING:
        blocks.append(_shortened(shed, view))
    return "\n\n".join([*blocks, _footer(page)]) + "\n"


def _title(plan: Plan, ordered: tuple[Section, ...], view: CommentView) -> str:
    link = f" · [full plan]({view.url})" if view.url else ""
    wrong = sum(1 for found in plan.diagnostics if found.severity is Severity.ERROR)
    tail = (f", **{count(wrong, 'error')}**" if wrong else "") + link
    if not ordered and plan.unread():
        return f"### AIPress plan: not everything could be read{tail}\n\n{unread_words(plan)}"
    if not ordered:
        return f"### AIPress plan: no changes{tail}\n\n{unchanged_words(plan, code_span(commit(plan.fleet_head)))}"
    summary = plan.summary()
    changed = [count(summary[f"{noun}s"], noun) for noun in ("tenant", "shard") if summary[f"{noun}s"]]
    subject = changed[0] if changed else "the fleet's own objects"
    verb = "changes" if subject.startswith("1 ") else "change"
    lost = sum(len(s.targets) for s in ordered if s.danger <= Danger.DELETES)
    grave = f", **{count(lost, 'target')} {'loses' if lost == 1 else 'lose'} objects**" if lost else ""
    return f"### AIPress plan: {subject} {verb}{grave}{tail}"


def _counts(plan: Plan) -> str:
    summary = plan.summary()
    signs = (("create", "+"), ("update", "~"), ("replace", "-/+"), ("delete", "−"), ("run", ">"), ("adopt", "="))
    told = [(action, mark) for action, mark in signs if summary[action] or action not in ("run", "adopt")]
    parts = [f"{mark if summary[action] else ''}{summary[action]:,} {action}" for action, mark in told]
    cost = cost_line(plan).removesuffix(".")
    return f"**{' · '.join(parts)}** · {touched(plan)}" + (f" · {cost}" if cost else "")


# --- tables ---------------------------------------------------------------------------------------------------------


def _table(ordered: tuple[Section, ...], view: CommentView) -> str:
    lines = ["| | Target | Shard | Changes | Visitors notice | File |", "|:-:|---|---|---|---|---|"]
    for section in ordered:
        shard = cell(", ".join(section.shards[:3])) if section.shards else "–"
        lines.append(
            f"| {_LIGHTS.get(section.danger, '🟢')} | {_subject(section)} | {shard} | {_signed(section)} "
            f"| {_noticed(section)} | {_file(section, view)} |"
        )
    return "\n".join(lines)


def _shard_table(ordered: tuple[Section, ...]) -> str:
    per_shard: dict[str, list[Section]] = defaultdict(list)
    for section in ordered:
        per_shard[", ".join(section.shards[:3]) or "fleet"].append(section)
    lines = ["| | Shard | Targets | Changes |", "|:-:|---|---|---|"]
    for shard, mine in sorted(per_shard.items(), key=lambda item: (min(s.danger for s in item[1]), item[0])):
        light = _LIGHTS.get(min(s.danger for s in mine), "🟢")
        targets = sum(len(s.targets) for s in mine)
        lines.append(f"| {light} | {cell(shard)} | {targets:,} | {sum(s.size for s in mine):,} |")
    return "\n".join(lines)


def _subject(section: Section) -> str:
    if len(section.targets) > 1:
        return f"{len(section.targets):,} {section.target.kind}s, all alike"
    return cell(section.target.name if section.target.kind is TargetKind.TENANT else str(section.target))


def _signed(section: Section) -> str:
    signs = {
        Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "-/+", Action.DELETE: "−", Action.RUN: ">",
        Action.ADOPT: "=",
    }  # fmt: skip
    actions = section.actions()
    return " ".join(f"{mark}{actions[action]:,}" for action, mark in signs.items() if action in actions)


def _noticed(section: Section) -> str:
    notice = worst(section)
    if notice.level is Level.NOTHING:
        return "no"
    return f"**{notice.sentence}**" if notice.level is Level.GONE else notice.sentence


def _file(section: Section, view: CommentView) -> str:
    if not section.source or not section.same_source:
        return "each its own"
    found = _LINE.match(section.source)
    path, line = (found[1], found[2]) if found else (section.source, None)
    shown = cell(section.source)
    if view.blob_url and _PATH.match(path) and ".." not in path:
        return f"[{shown}]({view.blob_url}/{path}{f'#L{line}' if line else ''})"
    return shown


# --- details, notes -------------------------------------------------------------------------------------------------


def _details(section: Section) -> str:
    lines = []
    for row in rows(section):
        text = "  ".join(part for part in (row.text, row.alarm, row.aside) if part)
        lines.append(f"{_DIFF.get(row.sign, ' ')} {'  ' * row.depth}{cut(text, 600)}")
    listed = f"\n{html_code(names(section, 60), 2000)}\n" if len(section.targets) > 1 else ""
    summary = f"<summary>{html_code(who(section))} {heading(section)}</summary>"
    return f"<details>{summary}\n{listed}\n{fence(lines)}\n</details>"


def _notes(plan: Plan) -> list[str]:
    unmanaged = [d for d in plan.diagnostics if d.severity is Severity.NOTE]
    lines = [f"- {code_span(d.where)} {code_span(d.message)}" for d in unmanaged[:50]]
    if len(unmanaged) > 50:
        lines.append(f"- and {len(unmanaged) - 50:,} more")
    blocks = []
    if lines:
        summary = f"{count(len(unmanaged), 'block')} accepted, not yet managed"
        blocks.append(f"<details><summary>{summary}</summary>\n\n" + "\n".join(lines) + "\n</details>")
    passed = sorted({g.guard for g in plan.guards if g.verdict is Verdict.PASS})
    if passed:
        blocks.append("Guards passed: " + " ".join(code_span(guard) for guard in passed[:30]))
    return blocks


def _shortened(shed: Shed, view: CommentView) -> str:
    left_out = {
        Shed.NOTES: "notes", Shed.HARMLESS: "notes and the details of what is only created",
        Shed.DETAILS: "all details", Shed.ROWS: "all details, and the table is by shard",
        Shed.TABLE: "all details and the table",
    }  # fmt: skip
    where = f"[the full plan]({view.url})" if view.url else "`aipress plan --all`"
    return f"_Shortened to fit a comment: {left_out[shed]} left out. Everything: {where}._"


def _footer(page: _Page) -> str:
    plan, view = page.plan, page.view
    parts = [code_span(commit(plan.fleet_head))]
    if plan.fleet_base not in ("", plan.fleet_head):
        parts[0] += f" on {code_span(commit(plan.fleet_base))}"
    if view.read_age is not None:
        parts.append(f"live state read {age(view.read_age)} before")
    if view.at:
        parts.append(f"made {plain(cut(view.at, 30))}")
    parts.append(f"plan {code_span(page.digest[:19])}")
    parts.append(f"aipress {plain(view.version)}".strip())
    parts.append("expires when the branch or the cloud moves")
    return f"**Next:** {next_steps(plan, page.digest)}\n<sub>{' · '.join(parts)}</sub>"
