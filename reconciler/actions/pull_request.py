"""What is told on a pull request: one comment that is kept up to date, and a check on its commit."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.forge.sticky import Create, Edit, Leave, Wanted, sticky
from reconciler.model.errors import AipressError, InputError, TooLongError
from reconciler.model.forge import Forge
from reconciler.model.mark import Mark

ROUNDS = 5
"""Others may write at the same moment; after so many looks they are at odds with us."""
SHORTER = (1.0, 0.5, 0.15)
"""What is tried, as a part of the longest comment, on a host that takes less than we know of."""


class Came(StrEnum):
    CREATED = "created"
    EDITED = "edited"
    LEFT = "left as it is"


@dataclass(frozen=True, slots=True)
class Told:
    came: Came
    why: str = ""


@dataclass(frozen=True, slots=True)
class Telling:
    """`body(part)`: the comment, at most that part of the longest one, with `mark` as its first line."""

    number: int
    mark: Mark
    body: Callable[[float], str]


def tell(forge: Forge, telling: Telling) -> Told:
    """See to it that the pull request has one comment of ours under this key, of the newest head.

    Looks again after whatever may have made two of them. Raises as the Forge does.
    """
    me, told, parts = forge.me().id, Told(Came.LEFT), list(SHORTER)
    for _ in range(ROUNDS):
        comments = forge.comments(telling.number)
        current = forge.pull_request(telling.number).head
        decision = sticky(comments, me, wanted := Wanted(telling.mark, telling.body(parts[0]), current))
        if isinstance(decision, Leave):
            return told if told.came is not Came.LEFT else Told(Came.LEFT, decision.why)
        try:
            told = _carry_out(forge, telling.number, decision, wanted.body)
        except TooLongError:
            del parts[0]
            if not parts:
                raise
        except InputError:
            if isinstance(decision, Create):
                raise
            continue  # somebody took it away between our look and our edit
        else:
            if isinstance(decision, Edit) and not decision.extra:
                return told
    raise AipressError(
        f"the comment on pull request {telling.number} changes faster than we can write it",
        "does another job use the same token to comment there? One is enough",
    )


def _carry_out(forge: Forge, number: int, decision: Create | Edit, body: str) -> Told:
    if isinstance(decision, Create):
        forge.create_comment(number, body)
        return Told(Came.CREATED)
    if decision.body is not None:
        forge.edit_comment(number, decision.comment, decision.body)
    for one in decision.extra:
        forge.delete_comment(number, one)
    return Told(Came.EDITED)
