"""A notice as a message to the outside: a CloudEvent for programs, a Slack message for people. Tenant text is hostile:
in a CloudEvent it is JSON; in Slack it stands in code, in which nothing is a mention, a link or a format.
"""

import hashlib
from datetime import datetime
from typing import Any

from reconciler.model.notice import Grade, Notice
from reconciler.model.trace import traceparent
from reconciler.report.escape import cut
from reconciler.report.redact import Seam

SPEC = "1.0"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
MOST_TEXT = 3_000
"""Characters of a Slack text block."""
_SHOWN = 700
_SIGNS = {Grade.CRITICAL: "🛑", Grade.ERROR: "🔴", Grade.WARNING: "🟠", Grade.NOTICE: "🔵"}


def identity(notice: Notice, fleet: str) -> str:
    """The same for the same event, whoever asks and however often: receivers count it once."""
    since = notice.once or f"{notice.cause}\n{notice.at.isoformat()}"
    return hashlib.sha256("\n".join((fleet, notice.kind, notice.subject, since)).encode()).hexdigest()[:32]


def cloud_event(notice: Notice, fleet: str, seam: Seam) -> dict[str, Any]:
    """CloudEvents 1.0, in JSON."""
    row: dict[str, Any] = {
        "specversion": SPEC, "id": identity(notice, fleet), "source": f"//aipress/fleets/{seam.line(fleet)}",
        "type": f"dev.aipress.{notice.kind}.v1", "subject": seam.line(notice.subject) or "fleet",
        "time": _time(notice.at), "datacontenttype": "application/json",
    }  # fmt: skip
    if notice.trace and notice.span:
        row["traceparent"] = traceparent(notice.trace, notice.span)
    more = {key: value for key, value in notice.more.items() if key not in ("stack_trace", "httpRequest")}
    row["data"] = {
        "severity": str(notice.grade), "who": seam.line(notice.who), "what": seam.line(notice.what),
        "why": seam.line(notice.why), "fix": seam.line(notice.fix), "count": notice.count,
        "examples": [seam.line(one) for one in notice.examples],
        "labels": seam.value({key: value for key, value in notice.labels.items() if value}), **seam.value(more),
    }  # fmt: skip
    return row


def slack(notice: Notice, fleet: str, seam: Seam) -> dict[str, Any]:
    """For an incoming webhook of Slack, or of what speaks its format (Mattermost, Google Chat's bridges, Discord's)."""
    lines = [f"{_SIGNS.get(notice.grade, '⚪')} *{_words(notice.kind)}* · fleet {_code(fleet, seam)}"]
    if notice.subject not in ("", "fleet"):
        lines[0] += f" · {_code(notice.subject, seam)}"
    for name, text in (("What", notice.what), ("Why", notice.why), ("Fix", notice.fix), ("Who", notice.who)):
        if text:
            lines.append(f"*{name}:* {_code(text, seam)}")
    if notice.count > 1 and notice.examples:
        rest = f" and {notice.count - len(notice.examples):,} more" if notice.count > len(notice.examples) else ""
        lines.append(f"*Of these:* {', '.join(_code(one, seam) for one in notice.examples)}{rest}")
    text = "\n".join(lines)
    while len(text) > MOST_TEXT and len(lines) > 2:  # whole lines go: half an escape would be a format
        lines.pop()
        text = "\n".join(lines)
    return {"text": text, "unfurl_links": False, "unfurl_media": False, "link_names": False, "mrkdwn": True}


def _code(text: str, seam: Seam) -> str:
    """Inline code: `&`, `<` and `>` are Slack's own signs everywhere (`<!channel>`), a backtick would end the code."""
    shown = cut(seam.line(text), _SHOWN).replace("`", "ˋ").strip() or "-"
    return "`" + shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") + "`"


def _words(kind: str) -> str:
    """ "apply failed" of a word of ours."""
    return kind.replace(".", " ").replace("_", " ")


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
