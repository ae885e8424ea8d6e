"""What a rollback would write, before it is written."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reconciler.model.ids import Address, Target
from reconciler.model.version import Version
from reconciler.report.escape import plain
from reconciler.report.style import PLAIN, Style


class Proposal(Protocol):
    """A rollback as it was computed. `before` and `files`: texts by path."""

    @property
    def target(self) -> Target: ...
    @property
    def current(self) -> Version: ...
    @property
    def chosen(self) -> Version: ...
    @property
    def before(self) -> Mapping[str, str]: ...
    @property
    def files(self) -> Mapping[str, str]: ...
    @property
    def differences(self) -> Sequence[str]: ...
    @property
    def lost(self) -> Sequence[Address]: ...
    @property
    def notes(self) -> Sequence[str]: ...


def rollback_text(proposal: Proposal, style: Style = PLAIN) -> str:
    """From which version to which, the difference of every file, and what stands in the way."""
    lines = [
        style.bold(f"{proposal.target} returns from {plain(proposal.current.label)} to {plain(proposal.chosen.label)}"),
        f"  now   {plain(proposal.current.summary)}",
        f"  then  {plain(proposal.chosen.summary)}  ({proposal.chosen.at:%Y-%m-%d %H:%M} UTC)",
        "",
        *_difference(proposal.before, proposal.files, style),
    ]
    lines += [f"note: {plain(note)}" for note in proposal.notes]
    lines += [f"{style.red('data gone:')} {plain(str(address))} would come back empty" for address in proposal.lost]
    lines += [f"{style.red('would still differ:')} {plain(row)}" for row in proposal.differences]
    return "\n".join(lines) + "\n"


def rollback_document(proposal: Proposal, commit: str | None) -> dict[str, Any]:
    """`rollback --json`; `commit` is None when none was made."""
    return {
        "target": str(proposal.target), "from": proposal.current.label, "to": proposal.chosen.label, "commit": commit,
        "files": dict(sorted(proposal.files.items())), "differences": list(proposal.differences),
        "lost": [str(address) for address in proposal.lost], "notes": list(proposal.notes),
    }  # fmt: skip


def _difference(before: Mapping[str, str], files: Mapping[str, str], style: Style) -> list[str]:
    paint = {"+": style.green, "-": style.red, "@": style.cyan}
    lines: list[str] = []
    for path, text in sorted(files.items()):
        rows = difflib.unified_diff(before.get(path, "").splitlines(), text.splitlines(), path, path, lineterm="", n=2)
        lines += [paint.get(row[:1], str)(plain(row)) for row in rows]
        lines.append("")
    return lines
