"""Lists for a terminal: history, drift, status, holds. Columns line up; a cell is one visible line, cut when long."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from reconciler.model.hold import Hold
from reconciler.model.ids import Address
from reconciler.model.version import Version
from reconciler.report.escape import columns, cut, padded, plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import NONE, age, commit, count, shown

CELL = 60
_GOOD = frozenset({"Synced", "Healthy", "healthy", "low"})
_BAD = frozenset({"Degraded", "Missing", "Frozen", "failed", "high"})


class DriftRow(Protocol):
    """One drifted field, as planning finds it."""

    @property
    def address(self) -> Address: ...
    @property
    def path(self) -> str: ...
    @property
    def git(self) -> Any: ...
    @property
    def last(self) -> Any: ...
    @property
    def live(self) -> Any: ...
    @property
    def since(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def sensitive(self) -> bool: ...
    @property
    def by(self) -> str: ...


class StatusRow(Protocol):
    """One target, as the status action tells it."""

    @property
    def target(self) -> str: ...
    @property
    def sync(self) -> str: ...
    @property
    def health(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def since(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def escrow(self) -> Mapping[str, Any] | None: ...


def table(head: Sequence[str], rows: Sequence[Sequence[str]], style: Style = PLAIN, limit: int = CELL) -> str:
    """Rows under a head, columns two blanks apart; the last column is not padded. Ends in a line feed."""
    cells = [[cut(plain(text), limit) for text in row] for row in rows]
    widths = [max([columns(head[n]), *(columns(row[n]) for row in cells)]) for n in range(len(head))]
    lines = ["  ".join(style.dim(padded(text, width)) for text, width in zip(head, widths, strict=True)).rstrip()]
    for row in cells:
        painted = [_painted(text, width, style) for text, width in zip(row, widths, strict=True)]
        lines.append("  ".join(painted).rstrip())
    return "\n".join(lines) + "\n"


def history_table(versions: Sequence[Version], style: Style = PLAIN) -> str:
    """Versions as they come, newest first."""
    if not versions:
        return "No versions yet: nothing has been applied here.\n"
    rows = [
        [
            v.label, f"{v.at:%Y-%m-%d %H:%M}", v.actor, commit(v.fleet_commit), v.trigger,
            {"healthy": "✔ healthy", "partial": "! partial", "failed": "✗ failed"}.get(v.result, v.result), v.summary,
        ]
        for v in versions
    ]  # fmt: skip
    return table(("VERSION", "WHEN (UTC)", "BY", "COMMIT", "TRIGGER", "RESULT", "SUMMARY"), rows, style, 72)


def drift_table(rows: Sequence[DriftRow], now: datetime, style: Style = PLAIN) -> str:
    """Drifted fields, what visitors notice first, and how to keep or undo them."""
    if not rows:
        return "No drift: everything is as it was applied.\n"
    ordered = sorted(rows, key=lambda r: (r.severity != "high", r.address, r.path))
    listed = [
        [
            row.severity, str(row.address.target), f"{row.address.kind}/{row.address.key}",
            row.path or "(whole object)", *_sides(row), row.by or "–", _since(row.since, now),
        ]
        for row in ordered
    ]  # fmt: skip
    head = ("SEVERITY", "TARGET", "OBJECT", "FIELD", "GIT", "LIVE", "LAST MODIFIED BY", "APPLIED")
    objects = len({row.address for row in rows})
    targets = sorted({str(row.address.target) for row in rows})
    undo = f"aipress apply {targets[0]}" if len(targets) == 1 else "aipress apply"
    kept = next((row for row in ordered if row.path and not row.sensitive), None)
    keep = f"   Keep live: aipress drift accept {kept.address.target} {plain(kept.path)}" if kept else ""
    told = f"{count(len(rows), 'field')} drifted on {count(objects, 'object')}.  Set back: {undo}{keep}\n"
    return table(head, listed, style, 56) + told


def drift_columns(rows: Sequence[DriftRow], style: Style = PLAIN) -> str:
    """One target's drift with all three sides: Git, last applied, live."""
    if not rows:
        return "No drift: everything is as it was applied.\n"
    listed = [
        [
            f"{row.address.kind}/{row.address.key}", row.path or "(whole object)", _side(row, row.git),
            _side(row, row.last), _side(row, row.live), row.by or "–", row.source,
        ]
        for row in sorted(rows, key=lambda r: (r.address, r.path))
    ]  # fmt: skip
    return table(
        ("OBJECT", "FIELD", "GIT", "LAST APPLIED", "LIVE", "LAST MODIFIED BY", "WRITTEN AT"), listed, style, 64
    )


def status_table(rows: Sequence[StatusRow], now: datetime, style: Style = PLAIN) -> str:
    """One line a target; the count of what is well last."""
    if not rows:
        return "Nothing here: no shard or tenant in this scope.\n"
    listed = [[r.target, r.sync, r.health, r.version or "–", _since(r.since, now), r.reason] for r in rows]
    well = sum(1 for r in rows if r.sync == "Synced" and r.health in ("Healthy", "Suspended", "Deleted"))
    head = ("TARGET", "SYNC", "HEALTH", "VERSION", "SINCE", "WHY")
    kept = "".join(f"{plain(r.target)}: {plain(str(r.escrow['told']))}\n" for r in rows if r.escrow)
    return table(head, listed, style, 90) + f"{well:,} of {count(len(rows), 'target')} in sync and well.\n" + kept


def status_line(row: StatusRow, now: datetime) -> str:
    """ "11:02:03Z  tenant/acme-bakery  Synced  Healthy  eu-001/12": one that changed while somebody looks on."""
    words = [f"{now:%H:%M:%S}Z", row.target, row.sync, row.health, row.version or "–", row.reason]
    return "  ".join(plain(word) for word in words if word) + "\n"


def holds_table(holds: Sequence[Hold], now: datetime, style: Style = PLAIN) -> str:
    """Holds in force, and for how long."""
    if not holds:
        return "Nothing is on hold.\n"
    rows = [
        [
            hold.target, hold.kind, hold.actor, age((now - hold.since).total_seconds()),
            f"{hold.until:%Y-%m-%d %H:%M}Z" if hold.until else "until resumed", hold.reason,
        ]
        for hold in sorted(holds, key=lambda h: (h.target, h.since))
    ]  # fmt: skip
    return table(("TARGET", "KIND", "BY", "FOR", "UNTIL", "REASON"), rows, style, 80)


def _painted(text: str, width: int, style: Style) -> str:
    word = text.rsplit(" ", maxsplit=1)[-1]
    paint = style.green if word in _GOOD else style.red if word in _BAD else str
    return paint(text) + " " * max(width - columns(text), 0)


def _sides(row: DriftRow) -> tuple[str, str]:
    return _side(row, row.git), _side(row, row.live)


def _side(row: DriftRow, value: Any) -> str:
    if row.sensitive:
        return "(sensitive)"
    if not row.path:
        return plain(str(value))
    return NONE if value is None else shown(value, 60)


def _since(text: str, now: datetime) -> str:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return "–"
    return f"{age((now - then).total_seconds())} ago"
