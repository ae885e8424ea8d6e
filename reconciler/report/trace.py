"""A commit's way to a target in words: a line a step, the sentence that matters last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from reconciler.model.ids import Target
from reconciler.report.escape import cut, plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import commit

WIDE = 300
_SIGNS = {"done": "✔", "held": "✗", "failed": "✗", "waiting": "…", "none": "·"}


class Step(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def told(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def who(self) -> str: ...
    @property
    def way_out(self) -> str: ...


class Way(Protocol):
    @property
    def target(self) -> Target: ...
    @property
    def commit(self) -> str: ...
    @property
    def steps(self) -> Sequence[Step]: ...
    @property
    def end(self) -> str: ...


def trace_text(way: Way, style: Style = PLAIN) -> str:
    lines = [style.bold(f"{way.target}: the way of commit {commit(way.commit)}")]
    for step in way.steps:
        paint = {"held": style.red, "failed": style.red, "done": style.green}.get(step.state, str)
        who = f"  by {plain(step.who)}" if step.who else ""
        out = f"  → {plain(step.way_out)}" if step.way_out else ""
        told = cut(plain(step.told), WIDE)
        lines.append(f"{_when(step.at)}  {paint(_SIGNS[step.state])} {step.name:<9} {told}{who}{out}")
    return "\n".join([*lines, "", cut(plain(way.end), 2 * WIDE)]) + "\n"


def _when(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}Z" if text else " " * 20
