"""Saved plans: one document, the bytes of `plan --format json`, readable by its owner alone."""

import json
import os
from pathlib import Path

from reconciler.model.errors import InputError
from reconciler.model.plan import Plan
from reconciler.report.jsontext import plan_document

OWNER_ONLY = 0o600
MOST_BYTES = 1 << 30
"""A plan of 50,000 tenants is some hundred megabytes; what is larger is no plan."""


def write_plan(path: Path, plan: Plan) -> None:
    """Whole or not at all, mode 0600. Raises InputError when the folder is not there or cannot be written."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), OWNER_ONLY)
            file.write(plan_document(plan))
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise InputError(
            f"{path} cannot be written ({error.strerror})", "choose another --out, or make room"
        ) from error


def write_report(path: Path, text: str) -> None:
    """A report that CI picks up. Raises InputError when it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another file, or make room") from error


def is_plan_file(path: Path) -> bool:
    """Whether a word on the command line is a file that may hold a plan (a fleet's own files never do)."""
    return path.is_file() and path.suffix not in (".yaml", ".yml")


def read_plan(path: Path) -> Plan:
    """Raises InputError for a file that is no plan, or one that was changed after it was made."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is no saved plan: it is larger than any plan", "name the file of `plan --out`")
        row = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(row, dict):
            raise ValueError("not a plan: no JSON object")
        return Plan.from_json(row)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror})", "make it again: aipress plan --out FILE"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}", "make it again: aipress plan --out FILE") from error
