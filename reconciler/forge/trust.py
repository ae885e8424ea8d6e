"""Whose commits may be planned against the live cloud. A plan tells what is live, so a stranger's is checked offline
only, until somebody who may push here says yes to that very commit. Pure.

Whatever this says, guards, policies and settings come from the base branch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.model.forge import Approval, Permission, PullRequest


@dataclass(frozen=True, slots=True)
class Live:
    """It may be planned."""

    why: str


@dataclass(frozen=True, slots=True)
class Offline:
    """It may be validated. `how`: what makes it Live."""

    why: str
    how: str


def reach(
    pull: PullRequest, permission: Callable[[int], Permission], approvals: Sequence[Approval] = ()
) -> Live | Offline:
    """`permission` tells what a user (immutable id) may now; `approvals`: reviews, and commands that quote a head."""
    if not pull.fork and permission(pull.author) >= Permission.WRITE:
        return Live("its author may push here")
    for given in approvals:
        if given.commit == pull.head and permission(given.user) >= Permission.WRITE:
            return Live(f"user {given.user} approved {pull.head[:12]}")
    stranger = "it comes from a fork" if pull.fork else "its author may not push here"
    past = " (a yes to another commit, or of somebody who may not push, counts for nothing)" if approvals else ""
    return Offline(
        f"{stranger}, so it was checked offline and the live cloud was not read{past}",
        f"somebody who may push here approves it, or comments `/aipress plan head={pull.head}`",
    )
