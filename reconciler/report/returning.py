"""What a rollback would write, before it is written."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reconciler.model.ids import Address, Target
from reconciler.model.version import Version
from reconciler.model.wave import Waves
from reconciler.report.escape import plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import commit as commit_words
from reconciler.report.values import count

LEGS_SHOWN = 20


class Leg(Protocol):
    """One target of one shard."""

    @property
    def target(self) -> Target: ...
    @property
    def current(self) -> Version: ...
    @property
    def chosen(self) -> Version: ...


class Proposal(Protocol):
    """A rollback as it was computed. `before` and `files`: texts by path."""

    @property
    def title(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def to(self) -> str: ...
    @property
    def legs(self) -> Sequence[Leg]: ...
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


class WaveProposal(Protocol):
    """The return of waves, or of some of them."""

    @property
    def waves(self) -> Waves: ...
    @property
    def numbers(self) -> Sequence[int]: ...
    @property
    def proposals(self) -> Sequence[Proposal]: ...
    @property
    def same(self) -> Sequence[str]: ...


SHOWN = 3
"""Targets whose difference is shown; they are mostly alike."""


def wave_text(returned: WaveProposal, style: Style = PLAIN) -> str:
    """What a return of waves would write: the first targets whole, the others by name."""
    numbers = ", ".join(map(str, returned.numbers))
    number = count(len(returned.proposals), "target")
    lines = [style.bold(f"{number} of wave {numbers} of waves {returned.waves.id} return to what they were before"), ""]
    for proposal in returned.proposals[:SHOWN]:
        lines += [
            f"{plain(proposal.title)} returns from {plain(proposal.legs[0].current.label)} to {plain(proposal.to)}"
        ]
        lines += _difference(proposal.before, proposal.files, style)
    rest = [plain(str(proposal.target)) for proposal in returned.proposals[SHOWN:]]
    if rest:
        more = f" and {len(rest) - 20:,} more" if len(rest) > 20 else ""
        lines += [f"And in the same way: {', '.join(rest[:20])}{more}", ""]
    if returned.same:
        lines += [f"note: {count(len(returned.same), 'target')} of it say already what they said then"]
    return "\n".join(lines) + "\n"


def wave_document(returned: WaveProposal, commit: str) -> dict[str, Any]:
    """`rollback --wave --json`."""
    return {
        "waves": returned.waves.id, "numbers": list(returned.numbers), "commit": commit,
        "returns": [rollback_document(proposal, commit) for proposal in returned.proposals],
        "same": list(returned.same),
    }  # fmt: skip


def rollback_text(proposal: Proposal, style: Style = PLAIN) -> str:
    """From which version to which, the difference of every file, and what stands in the way."""
    lines = [*_head(proposal, style), "", *_difference(proposal.before, proposal.files, style)]
    lines += [f"note: {plain(note)}" for note in proposal.notes]
    lines += [f"{style.red('data gone:')} {plain(str(address))} would come back empty" for address in proposal.lost]
    lines += [f"{style.red('would still differ:')} {plain(row)}" for row in proposal.differences]
    return "\n".join(lines) + "\n"


def rollback_document(proposal: Proposal, commit: str | None) -> dict[str, Any]:
    """`rollback --json`; `commit` is None when none was made."""
    returns = [{"target": str(leg.target), "from": leg.current.label, "to": leg.chosen.label} for leg in proposal.legs]
    alone = returns[0] if len(returns) == 1 else {"target": proposal.title, "from": None, "to": proposal.to}
    return {
        **alone, "returns": returns, "commit": commit,
        "files": dict(sorted(proposal.files.items())), "differences": list(proposal.differences),
        "lost": [str(address) for address in proposal.lost], "notes": list(proposal.notes),
    }  # fmt: skip


def _head(proposal: Proposal, style: Style) -> list[str]:
    """One target: what it does now and did then. Many: from where to where each goes."""
    if len(proposal.legs) == 1:
        leg = proposal.legs[0]
        return [
            style.bold(f"{leg.target} returns from {plain(leg.current.label)} to {plain(leg.chosen.label)}"),
            f"  now   {plain(leg.current.summary)}",
            f"  then  {plain(leg.chosen.summary)}  ({leg.chosen.at:%Y-%m-%d %H:%M} UTC)",
        ]
    moving = [leg for leg in proposal.legs if leg.current.label != leg.chosen.label]
    lines = [style.bold(f"{plain(proposal.title)} returns to what {commit_words(proposal.to)} applied")]
    lines += [f"  {leg.target}  {plain(leg.current.label)} → {plain(leg.chosen.label)}" for leg in moving[:LEGS_SHOWN]]
    if len(moving) > LEGS_SHOWN:
        lines.append(f"  and {len(moving) - LEGS_SHOWN:,} more (--json has all)")
    return lines


def _difference(before: Mapping[str, str], files: Mapping[str, str], style: Style) -> list[str]:
    paint = {"+": style.green, "-": style.red, "@": style.cyan}
    lines: list[str] = []
    for path, text in sorted(files.items()):
        rows = difflib.unified_diff(before.get(path, "").splitlines(), text.splitlines(), path, path, lineterm="", n=2)
        lines += [paint.get(row[:1], str)(plain(row)) for row in rows]
        lines.append("")
    return lines
