"""Single values in words: JSON values, durations, money, counts, commits."""

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.catalog import KINDS
from reconciler.model.ids import Target
from reconciler.model.plan import FieldChange
from reconciler.model.resource import Ref
from reconciler.report.escape import cut, plain

NONE = "(none)"
SENSITIVE = "(sensitive, changed)"
VALUE_LIMIT = 160


def shown(value: Any, limit: int = VALUE_LIMIT) -> str:
    """A JSON value on one line, at most `limit` characters; strings quoted, nothing in them takes effect."""
    return cut(_whole(value), limit)


def _whole(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + plain(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    ref = Ref.from_body(value)
    if ref is not None:
        return known_after(ref)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{plain(str(k))}: {_whole(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_whole(item) for item in value) + "]"
    return plain(str(value))


def known_after(ref: Ref, own: Target | None = None) -> str:
    """Where an unknown value will come from; `own`: shorten a reference to the target itself."""
    if own is not None and ref.resource.target == own:
        return f"(known after apply: its own {plain(f'{ref.resource.kind}/{ref.resource.key} {ref.path}')})"
    return f"(known after apply: {plain(f'{ref.resource} {ref.path}')})"


def hidden(kind: str, field: FieldChange) -> bool:
    """Whether a field's values are kept from sight: marked so by the plan, or so by the table of kinds."""
    if field.sensitive:
        return True
    known = KINDS.get(kind)
    secret = (*known.sensitive, *known.write_only) if known else ()
    return any(field.path == path or field.path.startswith((path + ".", path + "[")) for path in secret)


def sign(kind: str, field: FieldChange) -> str:
    """`+` a value where there was none, `-` a value that goes, `~` everything else."""
    if field.sensitive or hidden(kind, field):
        return "~"
    if field.before is None:
        return "+"
    return "-" if field.after is None and field.unknown is None else "~"


def transition(kind: str, field: FieldChange, own: Target | None = None) -> str:
    """The value part of a field's line: `"512Mi" → "1Gi"`."""
    if hidden(kind, field):
        return SENSITIVE
    if field.after is None and field.unknown is None:
        return shown(field.before)
    after = known_after(field.unknown, own) if field.unknown is not None else shown(field.after)
    replace = "  may replace the object" if field.may_replace else ""
    if field.before is None:
        return after + replace
    return f"{shown(field.before)} → {after}{replace}"


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 tenant", "1,204 tenants"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def commit(text: str) -> str:
    """A commit id as people write it: seven digits; anything else as it is."""
    is_id = len(text) >= 40 and all(c in "0123456789abcdef" for c in text)
    return text[:7] if is_id else plain(text)


def age(seconds: float) -> str:
    """A rough span for people: "41 s", "4 min", "1 d 19 h"."""
    whole = max(int(seconds), 0)
    for size, big, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {big}" + (f" {rest} {small}" if rest else "")
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"


def took(seconds: float) -> str:
    """A measured span, as one reads it in logs: "41s", "1m12s"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    minutes = f"{whole // 60 % 60}m{whole % 60}s"
    return minutes if whole < 3600 else f"{whole // 3600}h{minutes}"
