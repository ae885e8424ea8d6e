"""Policies in words: what came of their tests, and what they may ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.report.escape import cut, plain
from reconciler.report.style import Style


@dataclass(frozen=True, slots=True)
class TestLine:
    """One case. `got` and `message`: what came of it; `wanted`: a part of the message; `why`: of an error."""

    policy: str
    name: str
    where: str
    expected: str
    got: str
    passed: bool
    message: str = ""
    wanted: str = ""
    why: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            "policy": self.policy, "name": self.name, "where": self.where, "expected": self.expected, "got": self.got,
            "passed": self.passed, "message": self.message, "why": self.why,
        }  # fmt: skip


def tests_text(lines: Sequence[TestLine], untested: Sequence[str], style: Style) -> str:
    told = []
    for line in lines:
        word = style.green("passed") if line.passed else style.red("FAILED")
        told.append(f"{word}  {plain(line.policy)}: {cut(plain(line.name), 200)}  {style.dim(plain(line.where))}")
        if line.passed:
            continue
        told.append(f"        expected {line.expected}, got {line.got}" + _because(line))
        if line.got == line.expected:
            told.append(f"        expected in the message: {cut(plain(line.wanted), 300)}")
        if line.message:
            told.append(f"        message: {cut(plain(line.message), 300)}")
    if untested:
        told.append(style.dim(f"Without a test: {', '.join(map(plain, untested))}"))
    failed = sum(1 for line in lines if not line.passed)
    told.append(f"{len(lines) - failed} passed, {failed} failed")
    return "\n".join(told) + "\n"


def _because(line: TestLine) -> str:
    return f": {cut(plain(line.why), 300)}" if line.why else ""


def facts_text(facts: Mapping[str, Sequence[tuple[str, str, str]]], style: Style) -> str:
    """`facts`: "each: change" -> (name, CEL type, about)."""
    blocks = []
    for each, rows in facts.items():
        wide = max(len(name) for name, _, _ in rows)
        typed = max(len(kind) for _, kind, _ in rows)
        lines = [f"  {name.ljust(wide)}  {style.cyan(kind.ljust(typed))}  {about}" for name, kind, about in rows]
        blocks.append("\n".join([style.bold(each), *lines]))
    return "\n\n".join(blocks) + "\n"
