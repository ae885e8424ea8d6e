"""Failures, named by what the caller does next. Adapters translate once, at their border, and keep the cause."""

from dataclasses import dataclass
from enum import StrEnum


class Next(StrEnum):
    """What to do about a failed call."""

    RETRY = "retry"
    """Transient (5xx, lost connection, 429): the same call again after a pause; its effect may have happened."""
    WAIT = "wait"
    """Something else is in progress (409 operationInProgress, API not yet enabled): again later; nothing happened."""
    REPLAN = "replan"
    """The world moved (412, etag 409, already exists, gone): this item's plan no longer holds."""
    PERSON = "person"
    """Needs a person: forbidden, invalid argument, quota that waiting does not cure."""
    BUG = "bug"
    """An answer we do not understand."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call. `message` is for a person and holds no secret; `status` the HTTP status (0: no answer)."""

    next: Next
    message: str
    status: int = 0
    retry_after: float = 0.0
    """Seconds the API asked us to wait; 0 when it said nothing."""
    exists: bool = False
    """A create was refused because the name is taken."""
    missing: bool = False
    """The object is not there."""
    forbidden: bool = False


class AipressError(Exception):
    """A failure that a command ends with. `exit_code` follows DESIGN §5; `hint` says how to go on."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(AipressError):
    exit_code = 64


class InputError(AipressError):
    """What was written is wrong."""

    exit_code = 3


class RefusedError(AipressError):
    """A guard, a hold, a stale plan or the person said no."""

    exit_code = 5


class ForbiddenError(AipressError):
    """Not authenticated, or not allowed."""

    exit_code = 4


class CorruptError(AipressError):
    """A store of ours does not hold together; the hint says how to rebuild it."""


class CloudUnreachableError(AipressError):
    """The cloud did not answer at all."""


class HistoryUnreachableError(AipressError):
    """The history repository did not answer: a plan can still be made (two-way), and cannot be applied."""


class ForgeUnreachableError(AipressError):
    """The code host did not answer, or asked us to wait longer than we do."""


class TooLongError(AipressError):
    """The code host takes no body of that length; the same in fewer words may do."""
