"""A code host as we use it: pull requests, comments, checks. GitLab's words (merge request, note) become GitHub's."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

DESCRIPTION = 140
"""Most characters of a commit status; one more is refused with 422."""


@dataclass(frozen=True, slots=True)
class User:
    """`id` is the number that never changes; a login can be given up, and taken by somebody else."""

    id: int
    login: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment of a pull request. `id` grows with time. `edited`: its text may not be what it was at first."""

    id: int
    author: int
    body: str
    edited: bool = False


class Permission(IntEnum):
    NONE = 0
    READ = 1
    WRITE = 2
    """May push, so may also ask for what a push would do."""
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class PullRequest:
    """`head` is the newest commit (full id), `base` the branch it goes to, `author` an immutable user id.

    `fork`: the head is in another repository, also when that one is gone. One that was merged is not `open`.
    """

    number: int
    head: str
    base: str
    author: int
    fork: bool
    labels: frozenset[str] = frozenset()
    open: bool = True
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """A review that says yes. `commit` is the head it is of ("" : the host does not tell, so it is of none)."""

    user: int
    commit: str


class Level(StrEnum):
    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on one line. `path` is relative to the top of the repository; `line` and `column` count from 1
    (column 0: the whole line)."""

    path: str
    line: int
    level: Level
    title: str
    message: str
    column: int = 0


class Conclusion(StrEnum):
    SUCCESS = "success"
    ACTION_REQUIRED = "action_required"
    """A guard refuses: a person has to do something."""
    FAILURE = "failure"
    """It could not be planned, or not all of it."""
    NEUTRAL = "neutral"
    """Not planned on purpose (a stranger's commit)."""
    PENDING = "pending"
    """Under way; for a commit status alone."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is said of one commit under a name that stays the same, because branch protection refers to it.

    `title` is one line; `summary` Markdown. A host that has no annotations shows the title alone.
    """

    name: str
    commit: str
    conclusion: Conclusion
    title: str
    summary: str = ""
    url: str = ""
    annotations: tuple[Annotation, ...] = field(default=())


class Reaction(StrEnum):
    SEEN = "eyes"
    DONE = "rocket"
    NO = "confused"


class Forge(Protocol):
    """One repository on a code host.

    Every call raises ForbiddenError (not authenticated, or not allowed), InputError (not there, or not to be seen),
    ForgeUnreachableError (no answer, also after trying again), or AipressError (the host calls the request wrong).
    """

    def me(self) -> User:
        """Who our token is."""

    def pull_request(self, number: int) -> PullRequest: ...

    def open_pulls(self, most: int) -> tuple[PullRequest, ...]:
        """Those that are open, the one that moved last first; `most` of them."""

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All of them, oldest first."""

    def create_comment(self, number: int, body: str) -> Comment:
        """Raises TooLongError. May make two when an answer is lost: look again afterwards."""

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        """Raises TooLongError; InputError for one that is gone."""

    def delete_comment(self, number: int, comment: int) -> None:
        """One that is gone is fine."""

    def approvals(self, number: int) -> tuple[Approval, ...]:
        """Of each user the newest word, when it is a yes."""

    def permission(self, user: int) -> Permission:
        """Of the user with that immutable id, now."""

    def put_check(self, check: Check) -> None: ...

    def put_status(self, check: Check) -> None:
        """The title alone, as a commit status: at most DESCRIPTION characters of it."""

    def react(self, number: int, comment: int, reaction: Reaction) -> None: ...
