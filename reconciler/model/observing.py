"""What is heard of a cycle while it runs: calls, waits and operations, as values; and nobody who hears them."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import Change


@dataclass(frozen=True, slots=True)
class CloudCall:
    """One HTTP exchange with the cloud that is over. `method`: "run.service.list"; `status` 0: no answer came;
    `ended`: when it was over, `seconds` after it began."""

    api: str
    method: str
    status: int
    seconds: float
    ended: datetime


@dataclass(frozen=True, slots=True)
class Operated:
    """A long-running operation that is over, `seconds` after the write that began it."""

    kind: str
    name: str
    ok: bool
    seconds: float
    ended: datetime


class Nobody:
    """ports.Observer: nobody hears it."""

    def phase(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def working(self, change: Change) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def called(self, call: CloudCall) -> None:
        """Nobody counts it."""

    def waited(self, api: str, seconds: float) -> None:
        """Nobody counts it."""

    def operated(self, operation: Operated) -> None:
        """Nobody counts it."""


NOBODY = Nobody()
