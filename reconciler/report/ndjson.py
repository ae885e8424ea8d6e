"""NDJSON for programs: tofu's envelope, our types. The first line is `version`, the last `run_complete`.

Compatible by rule: a minor version only adds; a reader ignores keys it does not know, shows `@message` for a type it
does not know, and refuses an unknown major.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.model.diagnostic import Severity
from reconciler.model.outcome import Event, EventKind
from reconciler.model.plan import Plan, Verdict
from reconciler.report.escape import plain
from reconciler.report.jsontext import json_line
from reconciler.report.progress import event_line
from reconciler.report.text import guard_line, totals

UI = "1.0"
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warn", Severity.NOTE: "info"}


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a line is written (aware, UTC), and by which release."""

    at: datetime
    version: str


def version_line(stamp: Stamp) -> str:
    return _line(stamp, "info", f"aipress {stamp.version}", "version", aipress=stamp.version, ui=UI)


def plan_lines(plan: Plan, stamp: Stamp) -> Iterator[str]:
    """diagnostic, resource_drift, planned_change, guard_refused and change_summary lines, in this order."""
    for found in plan.diagnostics:
        text = f"{found.where}: {found.message}" if found.file else found.message
        yield _line(stamp, _LEVEL[found.severity], text, "diagnostic", diagnostic=found.to_json())
    for change in plan.changes:
        if change.drift:
            row: dict[str, Any] = {"resource": str(change.address), "fields": [f.to_json() for f in change.fields]}
            yield _line(stamp, "warn", f"{change.address}: changed outside Git", "resource_drift", change=row)
    for change in plan.changes:
        file, _, line = change.source.rpartition(":")
        row = {
            "resource": str(change.address), "target": str(change.address.target), "kind": change.address.kind,
            "action": str(change.action), "reason": change.reason, "fields": [f.to_json() for f in change.fields],
            "file": file, "line": int(line) if line.isdigit() else 0,
        }  # fmt: skip
        yield _line(stamp, "info", f"{change.address}: Plan to {change.action}", "planned_change", change=row)
    for guard in plan.guards:
        if guard.verdict is not Verdict.PASS:
            level = "error" if guard.verdict is Verdict.REFUSE else "warn"
            yield _line(stamp, level, guard_line(guard), "guard_refused", guard=guard.to_json())
    summary = {**plan.summary(), "operation": "plan"}
    yield _line(stamp, "info", totals(plan), "change_summary", changes=summary, plan=plan.digest)


def apply_line(event: Event, version: str) -> str:
    """An event of an apply; its type is the event's kind."""
    level = {EventKind.ERRORED: "error", EventKind.SKIPPED: "warn"}.get(event.kind, "info")
    hook = {
        "resource": str(event.change.address), "action": str(event.change.action), "elapsed": round(event.elapsed, 3),
        "message": event.message,
    }  # fmt: skip
    return _line(Stamp(event.at, version), level, event_line(event), str(event.kind), hook=hook)


def complete_line(stamp: Stamp, exit_code: int) -> str:
    """Always the last line, whatever happened."""
    return _line(stamp, "info", f"Run complete, exit code {exit_code}", "run_complete", exit=exit_code)


def _line(stamp: Stamp, level: str, message: str, kind: str, **more: Any) -> str:
    envelope = {
        "@level": level, "@message": plain(message), "@module": "aipress.ui",
        "@timestamp": stamp.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "type": kind,
    }  # fmt: skip
    return json_line({**envelope, **more})
