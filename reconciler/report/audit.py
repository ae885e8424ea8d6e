"""The audit log in words, and for others: JSON lines, CSV in which no spreadsheet finds a formula, CloudEvents."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.model.audit import Checked, Recorded
from reconciler.report.escape import cut, plain
from reconciler.report.jsontext import json_line
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import commit, count

FORMATS = ("ndjson", "csv", "cloudevents")
_COLUMNS = (
    "n", "at", "what", "actor", "trigger", "commit", "plan", "shard", "target", "resource", "detail", "log", "prev",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def exported(rows: Iterable[Recorded], form: str) -> Iterator[str]:
    """Lines, each with its line feed. `ndjson`: the records as they are chained."""
    if form == "csv":
        yield _csv(dict(zip(_COLUMNS, _COLUMNS, strict=True)))
    for row in rows:
        said = row.to_json()
        if form == "csv":
            detail = "; ".join(f"{name}: {_text(value)}" for name, value in sorted(row.note.detail.items()))
            yield _csv({**said, "detail": detail})
        else:
            yield json_line(_event(row) if form == "cloudevents" else said)


def audit_line(row: Recorded, style: Style = PLAIN) -> str:
    """One record on one line, for a person."""
    note = row.note
    about = note.resource or note.target or (f"shard/{note.shard}" if note.shard else "")
    detail = ", ".join(f"{name} {_text(value)}" for name, value in note.detail.items() if value not in ("", None, []))
    who = f"{plain(note.actor)}{f' ({plain(note.trigger)})' if note.trigger else ''}"
    at = f" at {commit(note.commit)}" if note.commit else ""
    words = [f"{row.at:%Y-%m-%d %H:%M:%S}Z", style.bold(plain(note.what)), plain(about), cut(plain(detail), 200)]
    return "  ".join(word for word in words if word) + (f"  by {who}{at}" if note.actor else "") + "\n"


def checked_text(found: Checked, style: Style = PLAIN) -> str:
    """Whether the log is whole; what is broken, and where."""
    lines = [f"{style.red('✗')} {plain(one.where)}: {plain(one.what)}" for one in found.broken]
    if found.torn:
        lines.append(f"{count(found.torn, 'line')} half written by a process that was killed, each told as such.")
    for log, where in sorted(found.elsewhere.items()):
        lines.append(f"Not here: log {plain(log[:12])} of another state folder (last named by {plain(where)}).")
    size = f"{count(found.records, 'record')}, {count(found.anchors, 'version')} of the history name some of them"
    verdict = f"{count(len(found.broken), 'fault')}: this log is not what was written." if found.broken else "Whole."
    return "\n".join([*lines, f"{size}. {verdict}"]) + "\n"


def checked_document(found: Checked) -> dict[str, Any]:
    return {
        "whole": not found.broken, "records": found.records, "head": str(found.head) if found.head else None,
        "anchors": found.anchors, "torn": found.torn, "elsewhere": dict(found.elsewhere),
        "broken": [{"where": one.where, "what": one.what} for one in found.broken],
    }  # fmt: skip


def _event(row: Recorded) -> dict[str, Any]:
    """CloudEvents 1.0, JSON format: `id` is unique within `source`, the log."""
    note = row.note
    subject = note.resource or note.target or (f"shard/{note.shard}" if note.shard else "")
    return {
        "specversion": "1.0", "id": str(row.number), "source": f"urn:aipress:audit:{row.log}",
        "type": f"io.aipress.audit.{note.what}", "time": row.at.isoformat(), "datacontenttype": "application/json",
        **({"subject": subject} if subject else {}), "data": row.to_json(),
    }  # fmt: skip


def _csv(row: Mapping[str, Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_cell(row[name]) for name in _COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    text = plain(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
