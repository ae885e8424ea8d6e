"""What applying came to, per change; and the events that tell it while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.plan import Action, Change


class Result(StrEnum):
    DONE = "done"
    FAILED = "failed"
    STALE = "stale"
    """The live object moved since the plan; not touched."""
    SKIPPED = "skipped"
    """Something it depends on did not succeed, or a guard or a stop kept it."""
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """`live` is the object after a successful change ({} after a delete); `uid` the cloud's identity of it."""

    change: Change
    result: Result
    message: str = ""
    live: Body | None = None
    uid: str = ""
    attempts: int = 1
    seconds: float = 0.0
    forbidden: bool = False
    body: Body | None = None
    """`change.body` with every reference resolved: what was really asked for, and what history records."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`interrupted`: a person or the system asked the process to end; `stopped`: why a switch or a limit of ours said
    stop, in words ("" : nothing did)."""

    items: Mapping[Address, ItemOutcome]
    interrupted: bool = False
    stopped: str = ""

    def count(self, result: Result) -> int:
        return sum(1 for item in self.items.values() if item.result is result)

    @property
    def ok(self) -> bool:
        return all(item.result is Result.DONE for item in self.items.values())

    def actions(self) -> dict[str, int]:
        """Finished changes by action, in the order of Action."""
        counts = {str(a): 0 for a in Action if a is not Action.NONE}
        for item in self.items.values():
            if item.result is Result.DONE:
                counts[str(item.change.action)] += 1
        return counts


class EventKind(StrEnum):
    START = "apply_start"
    PROGRESS = "apply_progress"
    COMPLETE = "apply_complete"
    ERRORED = "apply_errored"
    SKIPPED = "apply_skipped"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one change, for progress on a terminal and as lines."""

    kind: EventKind
    change: Change
    at: datetime
    elapsed: float = 0.0
    """Seconds since this change started."""
    message: str = ""
