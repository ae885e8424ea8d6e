"""One line for people about what an apply did: "tenant/acme-bakery memory 512Mi → 1Gi", "12 tenants: +38 ~2"."""

import re
from collections.abc import Sequence
from typing import Any

from reconciler.model.ids import Target, TargetKind
from reconciler.model.outcome import ItemOutcome, Result
from reconciler.model.plan import Action, FieldChange

_SIGNS = {
    Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "±", Action.DELETE: "-", Action.RUN: "run ",
    Action.ADOPT: "adopted ",
}  # fmt: skip
_NOT_DONE = (
    (Result.FAILED, "failed"), (Result.STALE, "moved since the plan"), (Result.SKIPPED, "skipped"),
    (Result.INTERRUPTED, "interrupted"),
)  # fmt: skip


def summarise(items: Sequence[ItemOutcome]) -> str:
    """What was done and to whom, then what was not."""
    done = [item for item in items if item.result is Result.DONE]
    told = f"{_whom(done)}{_what(done)}" if done else "nothing applied" if items else "recorded, nothing was left to do"
    rest = [f"{count} {word}" for result, word in _NOT_DONE if (count := _count(items, result))]
    return "; ".join((told, ", ".join(rest))) if rest else told


def _whom(done: Sequence[ItemOutcome]) -> str:
    targets = sorted({item.change.address.target.whole for item in done})
    if len(targets) == 1:
        return str(targets[0])
    tenants = [t for t in targets if t.kind is TargetKind.TENANT]
    others = [str(t) for t in targets if t.kind is not TargetKind.TENANT]
    return " and ".join((*others, *_tenants(tenants)))


def _tenants(tenants: Sequence[Target]) -> list[str]:
    if not tenants:
        return []
    return [str(tenants[0])] if len(tenants) == 1 else [f"{len(tenants)} tenants"]


def _what(done: Sequence[ItemOutcome]) -> str:
    """The same one or two fields everywhere are told as such; else counts by action."""
    if moves := {said for item in done if (said := _state(item.change.fields))}:
        return f" {moves.pop()}" if len(moves) == 1 else f" {len(moves)} changes of state"
    if all(item.change.action is Action.UPDATE for item in done):
        told = {_fields(item.change.fields) for item in done}
        if len(told) == 1 and (said := told.pop()):
            return f" {said}"
    counts = {action: sum(1 for item in done if item.change.action is action) for action in _SIGNS}
    return ": " + " ".join(f"{sign}{counts[action]}" for action, sign in _SIGNS.items() if counts[action])


def _state(fields: Sequence[FieldChange]) -> str:
    """ "active → deleted": what a reader of the history looks for first."""
    label = next((f for f in fields if f.path == "labels.aipress-state"), None)
    return f"{label.before} → {label.after}" if label and label.before and label.after else ""


def _fields(fields: Sequence[FieldChange]) -> str:
    if not 1 <= len(fields) <= 2 or any(f.unknown for f in fields):
        return ""
    return ", ".join(_field(f) for f in fields)


def _field(field: FieldChange) -> str:
    label = _label(field.path)
    before, after = _value(field.before), _value(field.after)
    if field.sensitive or before is None or after is None:
        return f"{label} changed"
    return f"{label} {before} → {after}"


def _label(path: str) -> str:
    """The last part a person would say: `env[WP_DEBUG]` for `….env[WP_DEBUG].value`."""
    parts = re.findall(r"[^.\[\]]+(?:\[[^\]]*\])?", path)
    if len(parts) > 1 and parts[-1] == "value":
        return str(parts[-2])
    return str(parts[-1]) if parts else path


def _value(value: Any) -> str | None:
    """Short scalars only; a list or a map is not for one line."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if isinstance(value, str | int | float) and 0 < len(text) <= 32 and text.isprintable() else None


def _count(items: Sequence[ItemOutcome], result: Result) -> int:
    return sum(1 for item in items if item.result is result)
