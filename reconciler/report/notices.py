"""What visitors notice of a plan, in words: the same sentence once, with how many it is true of, the worst first."""

from collections import defaultdict

from reconciler.kinds.noticed import NOTHING, Level, Notice, noticed
from reconciler.model.ids import Target, TargetKind
from reconciler.model.plan import Plan
from reconciler.report.arrange import Section
from reconciler.report.escape import cell, plain
from reconciler.report.style import Style
from reconciler.report.values import count

MOST = 8
_NAMED = 3
_LIGHTS = {Level.GONE: "🔴", Level.ERRORS: "🟠", Level.SLOW: "🟡"}


def notice_lines(plan: Plan, style: Style) -> list[str]:
    """For a terminal; "Visitors notice nothing." where something changes that nobody notices."""
    told = _grouped(plan)
    if not told:
        return ["Visitors notice nothing."] if plan.changes else []
    paint = {Level.GONE: style.red, Level.ERRORS: style.red, Level.SLOW: style.yellow}
    lines = [f"  {paint[notice.level](plain(text))}" for notice, text in told[:MOST]]
    more = [f"  and {len(told) - MOST:,} more kinds of notice"] if len(told) > MOST else []
    return ["Visitors notice:", *lines, *more]


def notice_markdown(plan: Plan) -> str:
    """A list; "" where visitors notice nothing (the table says so)."""
    told = _grouped(plan)
    if not told:
        return ""
    lines = [f"- {_LIGHTS[notice.level]} {cell(text, 240)}" for notice, text in told[:MOST]]
    if len(told) > MOST:
        lines.append(f"- and {len(told) - MOST:,} more kinds of notice")
    return "\n".join(["**Visitors notice:**", "", *lines])


def worst(section: Section) -> Notice:
    return min((noticed(change) for change in section.changes), default=NOTHING)


def _grouped(plan: Plan) -> list[tuple[Notice, str]]:
    """One notice a target, its worst: a site whose database goes away does not also restart."""
    mine: dict[Target, Notice] = {}
    for change in plan.changes:
        target = change.address.target
        mine[target] = min(mine.get(target, NOTHING), noticed(change))
    found: dict[Notice, list[Target]] = defaultdict(list)
    for target, notice in sorted(mine.items()):
        if notice != NOTHING:
            found[notice].append(target)
    return [(notice, _told(notice, targets)) for notice, targets in sorted(found.items())]


def _told(notice: Notice, targets: list[Target]) -> str:
    """ "12 sites (acme, birch, cedar and 9 more): sites restart …"."""
    named = ", ".join(t.name or str(t) for t in targets[:_NAMED])
    more = f" and {len(targets) - _NAMED:,} more" if len(targets) > _NAMED else ""
    noun = "site" if targets[0].kind is TargetKind.TENANT else str(targets[0].kind)
    if notice.whole_shard and noun == "shard":
        return f"every site of {count(len(targets), 'shard')} ({named}{more}): {notice.sentence}"
    return f"{count(len(targets), noun)} ({named}{more}): {notice.sentence}"
