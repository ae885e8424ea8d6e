"""Diagnostics in the layouts that people and tools know: ruff's two, JSON, GitHub commands, GitLab code quality."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.canonical import canonical
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.report.escape import columns, plain
from reconciler.report.jsontext import json_text
from reconciler.report.sarif import sarif_document
from reconciler.report.style import PLAIN, Style
from reconciler.report.values import count

EXCERPT = 120
"""Most characters shown of a source line; the part around the column is kept."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a validation came to. `prefix`: folder of the fleet root inside the repository, for CI annotations."""

    diagnostics: tuple[Diagnostic, ...]
    files: int
    fixed: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def ordered(self) -> list[Diagnostic]:
        return sorted(self.diagnostics, key=lambda d: (d.file, d.position.line, d.position.column, d.code, d.message))

    def path(self, found: Diagnostic) -> str:
        return f"{self.prefix.strip('/')}/{found.file}" if self.prefix.strip("/") and found.file else found.file


def full(findings: Findings, style: Style = PLAIN) -> str:
    """Each problem with its line and a caret; notes one per line after them; the count last."""
    loud = [d for d in findings.ordered if d.severity is not Severity.NOTE]
    quiet = [d for d in findings.ordered if d.severity is Severity.NOTE]
    blocks = ["\n".join(_block(found, style)) for found in loud]
    if quiet:
        blocks.append("\n".join(_line(found, style) for found in quiet))
    return "\n\n".join([*blocks, closing(findings)]) + "\n"


def concise(findings: Findings, style: Style = PLAIN) -> str:
    """file:line:column: code message, one per line; the count last."""
    return "\n".join([*(_line(found, style) for found in findings.ordered), closing(findings)]) + "\n"


def as_json(findings: Findings, style: Style = PLAIN) -> str:
    """An array of diagnostics: code, severity, message, file, line, column, help, target, fixable."""
    del style
    return json_text([found.to_json() for found in findings.ordered])


def github(findings: Findings, style: Style = PLAIN) -> str:
    """Workflow commands. GitHub shows ten of a kind a step: callers print the count elsewhere too."""
    del style
    return "".join(_workflow_command(findings.path(found), found) for found in findings.ordered)


def gitlab(findings: Findings, style: Style = PLAIN) -> str:
    """A code quality report: an array with check_name, description, severity, fingerprint and location."""
    del style
    return json_text([_code_quality(findings.path(found), found) for found in findings.ordered])


def sarif(findings: Findings, style: Style = PLAIN) -> str:
    """SARIF 2.1.0, one run."""
    del style
    return json_text(sarif_document([(findings.path(found), found) for found in findings.ordered]))


FORMATS: Mapping[str, Callable[[Findings, Style], str]] = {
    "full": full, "concise": concise, "json": as_json, "github": github, "gitlab": gitlab, "sarif": sarif,
}  # fmt: skip


def closing(findings: Findings) -> str:
    """ "Found 2 errors in 1 of 1,204 files. 1 fixable with `aipress validate --fix`." """
    counts = Counter(found.severity for found in findings.diagnostics)
    told = [count(counts[s], str(s)) for s in (Severity.ERROR, Severity.WARNING, Severity.NOTE) if counts[s]]
    fixed = f"Fixed {count(len(findings.fixed), 'file')}. " if findings.fixed else ""
    if not told:
        return (
            f"{fixed}All {count(findings.files, 'file')} valid." if findings.files else f"{fixed}No fleet files found."
        )
    if not counts[Severity.ERROR]:
        return f"{fixed}All {count(findings.files, 'file')} valid; {_listed(told)}."
    concerned = len({found.file for found in findings.diagnostics if found.file})
    files = max(findings.files, concerned)
    fixable = sum(1 for found in findings.diagnostics if found.fixable)
    tail = f" {fixable} fixable with `aipress validate --fix`." if fixable else ""
    where = f" in {concerned:,} of {count(files, 'file')}" if concerned else ""
    return f"{fixed}Found {_listed(told)}{where}.{tail}"


# --- for people -----------------------------------------------------------------------------------------------------


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _title(found: Diagnostic, style: Style) -> str:
    paint = {Severity.ERROR: style.red, Severity.WARNING: style.yellow, Severity.NOTE: style.cyan}[found.severity]
    kind = "" if found.severity is Severity.ERROR else f" {found.severity}:"
    return f"{paint(plain(found.code))}{kind} {plain(found.message)}"


def _line(found: Diagnostic, style: Style) -> str:
    return f"{style.bold(plain(found.where))}{': ' if found.file else ''}{_title(found, style)}"


def _block(found: Diagnostic, style: Style) -> list[str]:
    lines = [_title(found, style)]
    gutter = len(str(found.position.line))
    edge = " " * gutter + style.blue(" |")
    if found.file:
        lines.append(f"{' ' * gutter}{style.blue('-->')} {plain(found.where)}")
    if found.excerpt.strip():
        before, shown, carets = _excerpt(found)
        lines += [edge, f"{style.blue(f'{found.position.line} |')} {shown}", f"{edge} {before}{style.red(carets)}"]
    if found.help:
        lines.append(f"{' ' * gutter} {style.blue('=')} help: {plain(found.help)}")
    return lines


def _excerpt(found: Diagnostic) -> tuple[str, str, str]:
    """(blanks before the caret, the visible part of the line, the carets), in terminal columns."""
    line = found.excerpt.rstrip("\r\n")
    at = min(max(found.position.column - 1, 0), len(line))
    start = 0 if len(line) <= EXCERPT else max(min(at - EXCERPT // 3, len(line) - EXCERPT), 0)
    end = min(start + EXCERPT, len(line))
    lead, trail = ("…" if start else ""), ("…" if end < len(line) else "")
    before = lead + _spaced(line[start:at])
    token = _spaced(line[at : min(at + max(found.position.width, 1), end)])
    return " " * columns(before), f"{lead}{_spaced(line[start:end])}{trail}", "^" * max(columns(token), 1)


def _spaced(text: str) -> str:
    return plain(text.replace("\t", "    "))


# --- for tools ------------------------------------------------------------------------------------------------------


def _workflow_command(path: str, found: Diagnostic) -> str:
    command = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}[found.severity]
    properties = {"title": found.code}
    if path:
        end = found.position.column + max(found.position.width, 1)
        properties = {
            "file": path, "line": str(found.position.line), "col": str(found.position.column), "endColumn": str(end),
            "title": found.code,
        }  # fmt: skip
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = found.message + (f" ({found.help})" if found.help else "")
    return f"::{command} {listed}::{_escaped(plain(text))}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(plain(text)).replace(":", "%3A").replace(",", "%2C")


def _code_quality(path: str, found: Diagnostic) -> dict[str, Any]:
    severity = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}[found.severity]
    line, column = found.position.line, found.position.column
    identity = canonical([found.code, path, found.message, found.excerpt])
    return {
        "check_name": found.code,
        "description": plain(found.message + (f" ({found.help})" if found.help else "")),
        "severity": severity,
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        "location": {
            "path": path or "fleet.yaml",
            "lines": {"begin": line},
            "positions": {
                "begin": {"line": line, "column": column},
                "end": {"line": line, "column": column + max(found.position.width, 1)},
            },
        },
    }
