"""Why a target is as it is, in words: where it stands, what stops it, what comes next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from reconciler.model.ids import Target
from reconciler.model.plan import GuardVerdict
from reconciler.model.version import Version
from reconciler.report.escape import cut, plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import age, commit, count

SHOWN = 20
"""Rows of one kind; --json has all."""
WIDE = 300
_SIGNS = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "run": ">", "adopt": "="}


class Row(Protocol):
    @property
    def target(self) -> str: ...
    @property
    def sync(self) -> str: ...
    @property
    def health(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Stop(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def told(self) -> str: ...
    @property
    def way_out(self) -> str: ...


class Step(Protocol):
    @property
    def resource(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def fields(self) -> Sequence[str]: ...
    @property
    def drift(self) -> bool: ...
    @property
    def stopped(self) -> str: ...


class Reasons(Protocol):
    @property
    def target(self) -> Target: ...
    @property
    def commit(self) -> str: ...
    @property
    def two_way(self) -> bool: ...
    @property
    def status(self) -> Row | None: ...
    @property
    def below(self) -> Sequence[Row]: ...
    @property
    def version(self) -> Version | None: ...
    @property
    def stops(self) -> Sequence[Stop]: ...
    @property
    def next(self) -> Sequence[Step]: ...
    @property
    def guards(self) -> Sequence[GuardVerdict]: ...


def why_text(why: Reasons, now: datetime, style: Style = PLAIN) -> str:
    """The verdict first, then what it rests on."""
    row = why.status
    head = f"{why.target}: {row.sync}, {row.health}" if row else str(why.target)
    lines = [style.bold(plain(head))]
    if row and row.reason:
        lines.append(f"  {cut(plain(row.reason), WIDE)}")
    lines += ["", *_applied(why, now)]
    lines += _section("Stopped by", [_stop(stop) for stop in why.stops], style)
    lines += _section("Below it, not in order", [_below(one) for one in why.below], style)
    lines += _section("Guards", [f"{g.guard} {g.verdict}: {cut(plain(g.message), WIDE)}" for g in why.guards], style)
    lines += _section("The next plan asks for", [_step(step) for step in why.next], style)
    return "\n".join([*lines, "", _end(why)]) + "\n"


def _applied(why: Reasons, now: datetime) -> list[str]:
    lines = [f"Git      commit {commit(why.commit)}"]
    version = why.version
    if why.two_way:
        lines.append("Applied  not known: the history cannot be reached")
    elif version is None:
        lines.append("Applied  never: no version has tried anything of it")
    else:
        ago = age((now - version.at).total_seconds())
        who = f"by {plain(version.actor)} ({plain(version.trigger)}), commit {commit(version.fleet_commit)}"
        lines.append(f"Applied  {plain(version.label)} {ago} ago {who}")
        lines.append(f"         {plain(version.result)}: {cut(plain(version.summary), WIDE)}")
    return lines


def _section(title: str, rows: Sequence[str], style: Style) -> list[str]:
    if not rows:
        return []
    more = [f"  and {len(rows) - SHOWN:,} more (--json has all)"] if len(rows) > SHOWN else []
    return ["", style.bold(f"{title}:"), *(f"  {row}" for row in rows[:SHOWN]), *more]


def _stop(stop: Stop) -> str:
    out = f"  → {plain(stop.way_out)}" if stop.way_out else ""
    return f"{plain(stop.target)}: {cut(plain(stop.told), WIDE)}{out}"


def _below(row: Row) -> str:
    reason = f": {cut(plain(row.reason), WIDE)}" if row.reason else ""
    return f"{plain(row.target)}  {row.sync}, {row.health}{reason}"


def _step(step: Step) -> str:
    fields = f" ({', '.join(plain(path) for path in step.fields[:3])}{' …' if len(step.fields) > 3 else ''})"
    what = f"{_SIGNS.get(step.action, step.action)} {plain(step.resource)}{fields if step.fields else ''}"
    stopped = f"  ✗ not now: {cut(plain(step.stopped), WIDE)}" if step.stopped else ""
    return f"{what}: {plain(step.reason)}{stopped}"


def _end(why: Reasons) -> str:
    """What happens if nobody does anything."""
    stopped = sum(1 for step in why.next if step.stopped)
    if why.two_way:
        return "Nothing is applied until the history can be reached: see AIPRESS_HISTORY, `aipress doctor`."
    if not why.next:
        return "The next apply has nothing to do here."
    if stopped == len(why.next):
        return f"The next apply does none of this: {count(stopped, 'change')} would not run now."
    rest = f", and leaves {count(stopped, 'change')} alone" if stopped else ""
    return f"The next apply does {count(len(why.next) - stopped, 'change')} here{rest}: aipress apply {why.target}"
