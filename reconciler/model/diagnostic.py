"""A message to a person about what was written: code, severity, position, what, why, how to fix."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column count from 1, in characters; `width` is the length of the token to underline (0: unknown)."""

    line: int = 1
    column: int = 1
    width: int = 0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`file` is relative to the fleet root; `target` the tenant or shard it freezes ("" : none).

    `excerpt` is the source line as it stands (control characters still in it: report escapes them).
    """

    code: str
    severity: Severity
    message: str
    file: str = ""
    position: Position = Position()
    help: str = ""
    excerpt: str = ""
    target: str = ""
    fixable: bool = False

    @property
    def where(self) -> str:
        return f"{self.file}:{self.position.line}:{self.position.column}" if self.file else ""

    def to_json(self) -> dict[str, object]:
        return {
            "code": self.code, "severity": str(self.severity), "message": self.message, "file": self.file,
            "line": self.position.line, "column": self.position.column, "help": self.help, "target": self.target,
            "fixable": self.fixable,
        }  # fmt: skip
