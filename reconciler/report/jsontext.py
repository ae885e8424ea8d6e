"""JSON as every command prints it: sorted keys, ASCII, two spaces. The same value is always the same bytes."""

import json
from typing import Any

from reconciler.model.plan import Plan


def json_text(value: Any) -> str:
    """Ends in a line feed. ASCII only: no control, bidi or C1 character of a tenant reaches a terminal raw."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"


def json_line(value: Any) -> str:
    """One object on one line, keys in the order given; ends in a line feed."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n"


def plan_document(plan: Plan) -> str:
    """What `plan --format json` prints and `plan --out` writes: one document, one text."""
    return json_text(plan.to_json())


def error_document(message: str, hint: str, exit_code: int) -> str:
    """What a failed command prints with `--json`."""
    return json_text({"error": message, "hint": hint, "exit": exit_code})
