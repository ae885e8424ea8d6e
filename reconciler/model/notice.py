"""A notice: what people, or programs of theirs, are told of the daemon. One vocabulary for logs and messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Grade(StrEnum):
    """Cloud Logging's severities, as far as we use them."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    NOTICE = "NOTICE"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in our source something was said."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind`: what happened, as a dotted word ("apply.failed"). `what`, `why`, `fix` are sentences and may hold hostile
    text: who shows them escapes and redacts. `subject`: the target, or the scope, it is about.

    `cause`: with `kind` and `subject`, what makes it the same again, so that it is told once and then counted.
    `once`: what makes it the same for ever ("" : `cause` and the moment do), so that it is told once.
    `count`, `examples`: how many things it stands for, and the first few of them.
    `labels`: fleet, shard, tenant, cycle. `more`: further facts for programs.
    """

    kind: str
    grade: Grade
    at: datetime
    what: str
    why: str = ""
    fix: str = ""
    who: str = ""
    subject: str = "fleet"
    cause: str = ""
    once: str = ""
    count: int = 1
    examples: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    trace: str = ""
    span: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None

    @property
    def key(self) -> str:
        return "\n".join((self.kind, self.subject, self.cause))
