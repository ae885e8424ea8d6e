"""Diagnostics about documents that are valid by themselves. Pure."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.source.paths import place
from reconciler.source.schema import UNMANAGED

AnyWritten = Written[Any]


def position(written: AnyWritten, path: Path) -> Position:
    """Where a path, or its nearest written ancestor, stands."""
    while path and path not in written.positions:
        path = path[:-1]
    return written.positions.get(path, Position())


def error(written: AnyWritten, code: str, message: str, path: Path, help_: str = "") -> Diagnostic:
    """An error that freezes what the file declares."""
    where = place(written.path)
    return about(written, code, message, path, help_, target=where.target if where else "")


def about(  # noqa: PLR0913 -- the parts of one message
    written: AnyWritten, code: str, message: str, path: Path, help_: str = "", *,
    severity: Severity = Severity.ERROR, target: str = "", fixable: bool = False,
) -> Diagnostic:  # fmt: skip
    """A diagnostic at a path of a document. Without a target it freezes nothing."""
    at = position(written, path)
    lines = _lines(written.text)
    excerpt = lines[at.line - 1][:1000] if at.line <= len(lines) else ""
    return Diagnostic(code, severity, message, written.path, at, help_, excerpt, target, fixable)


@lru_cache(maxsize=4)
def _lines(text: str) -> tuple[str, ...]:
    """Split once for all that is said about a document: there may be thousands of things to say."""
    return tuple(text.splitlines())


def warning(written: AnyWritten, code: str, message: str, path: Path, help_: str = "") -> Diagnostic:
    return about(written, code, message, path, help_, severity=Severity.WARNING)


def not_yet_managed(fleet: Fleet) -> Iterator[Diagnostic]:
    """One note for each written block that no kind of cloud object uses yet."""
    for kind, documents in (
        ("Fleet", {"": fleet.fleet} if fleet.fleet else {}), ("Tier", fleet.tiers), ("Shard", fleet.shards),
        ("Tenant", fleet.tenants),
    ):  # fmt: skip
        for written in documents.values():
            for path in UNMANAGED[kind]:
                if written is not None and path in written.positions:
                    name = ".".join(str(step) for step in path)
                    message = f"`{name}` is accepted, not yet managed: nothing in the cloud follows it"
                    yield about(written, "AP301", message, path, severity=Severity.NOTE)
