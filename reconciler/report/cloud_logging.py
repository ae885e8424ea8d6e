"""A notice as one line of Cloud Logging's structured format: what its agent, and Cloud Run, read from standard error.

Field names: cloud.google.com/logging/docs/structured-logging, and for Error Reporting
cloud.google.com/error-reporting/docs/formatting-error-messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.notice import Grade, Notice
from reconciler.report.escape import cut, plain
from reconciler.report.jsontext import json_line
from reconciler.report.redact import Seam
from reconciler.report.values import count

LONGEST = 200_000
"""Bytes of a line; Cloud Logging refuses entries of more than 256 KiB."""
_STACK = 16_000
"""Characters of a stack trace: its end is what is looked for."""
_SERVICE = "aipress"
_REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
_PREFIX = "logging.googleapis.com/"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who writes the lines: the release, and the project that keeps the traces ("" : not known)."""

    version: str
    project: str = ""


def log_line(notice: Notice, seam: Seam, origin: Origin) -> str:
    """One line with its line feed. Nothing in the notice can add a second one, or a secret."""
    row = _row(notice, seam, origin)
    line = json_line(row)
    if len(line) > LONGEST:
        line = json_line({key: value for key, value in row.items() if key not in ("more", "examples", "stack_trace")})
    return line


def text_line(notice: Notice, seam: Seam) -> str:
    """For people: "warning: …", its remedy below, and where a bug was."""
    lines = [f"{notice.grade.lower()}: {_message(notice, seam)}"]
    if notice.fix:
        lines.append(f"  help: {seam.line(notice.fix)}")
    if stack := notice.more.get("stack_trace"):
        lines += [f"  {line}" for line in _lines(seam, str(stack)).splitlines()]
    return "\n".join(lines) + "\n"


def _row(notice: Notice, seam: Seam, origin: Origin) -> dict[str, Any]:
    more = dict(notice.more)
    request, stack = more.pop("httpRequest", None), more.pop("stack_trace", "")
    row: dict[str, Any] = {
        "severity": str(notice.grade), "time": notice.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": _message(notice, seam),
    }  # fmt: skip
    if notice.trace:
        named = f"projects/{origin.project}/traces/{notice.trace}" if origin.project else notice.trace
        row |= {f"{_PREFIX}trace": named, f"{_PREFIX}trace_sampled": True}
        row |= {f"{_PREFIX}spanId": notice.span} if notice.span else {}
    row[f"{_PREFIX}labels"] = seam.value({key: value for key, value in notice.labels.items() if value})
    if (place := notice.place) is not None:
        where = {"file": place.file, "line": str(place.line), "function": place.function}
        row[f"{_PREFIX}sourceLocation"] = where
    if request is not None:
        row["httpRequest"] = seam.value(request)
    row |= {"event": notice.kind, "subject": seam.line(notice.subject)}
    row |= _facts(notice, seam)
    if more:
        row["more"] = seam.value(more)
    if notice.grade in (Grade.ERROR, Grade.CRITICAL):
        row["serviceContext"] = {"service": _SERVICE, "version": origin.version}
    if stack:
        row |= {"stack_trace": _lines(seam, str(stack)), "@type": _REPORTED}
    return row


def _message(notice: Notice, seam: Seam) -> str:
    parts = [seam.line(notice.what), seam.line(notice.why)]
    return cut(": ".join(part for part in parts if part), 4_000)


def _facts(notice: Notice, seam: Seam) -> Mapping[str, Any]:
    row: dict[str, Any] = {}
    for name, text in (("why", notice.why), ("fix", notice.fix), ("who", notice.who)):
        if text:
            row[name] = seam.line(text)
    if notice.count > 1:
        row["count"] = notice.count
    if notice.examples:
        row["examples"] = [seam.line(one) for one in notice.examples]
    return row


def _lines(seam: Seam, text: str) -> str:
    """Lines as Error Reporting groups them by: the same, each without what is not seen."""
    return "\n".join(plain(line) for line in seam.hidden(text)[-_STACK:].splitlines())


def again(left_out: int, since: str) -> str:
    """What is added to something that was left out meanwhile."""
    return f" (and {count(left_out, 'more time')} since {since})" if left_out else ""
