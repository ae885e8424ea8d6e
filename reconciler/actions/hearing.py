"""What people may set off on a pull request: whether its head may be planned, and what a comment asks for. All of it is
read anew at the moment it is needed: who may what, which head it is, what was approved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from reconciler.forge.commands import Asked, Command, No, Verb, decide, parse
from reconciler.forge.trust import Live, Offline, reach
from reconciler.model.forge import Approval, Comment, Forge, Permission, PullRequest, Reaction


@dataclass(frozen=True, slots=True)
class Standing:
    """A pull request as it is now, and how far its head may go."""

    pull: PullRequest
    reach: Live | Offline


def standing(forge: Forge, number: int) -> Standing:
    """Reviews count, and comments `/aipress plan head=<commit>`: both name the commit. Raises as the Forge does."""
    pull, permission = forge.pull_request(number), cache(forge.permission)
    first = reach(pull, permission)
    if isinstance(first, Live):
        return Standing(pull, first)
    return Standing(pull, reach(pull, permission, [*forge.approvals(number), *_said(forge.comments(number))]))


def commands_after(comments: Sequence[Comment], after: int, me: int) -> tuple[int, ...]:
    """The ids of comments that were made after that one, by others, and may be commands: oldest first."""
    return tuple(c.id for c in comments if c.id > after and c.author != me and parse(c.body) is not None)


def hear(forge: Forge, number: int, comment: int, digest: Callable[[PullRequest], str]) -> Command | No | None:
    """What a comment asks for, when its author may ask it; the comment shows at once that it was read.

    `digest`: of the plan that is shown for the head of that pull request now ("" : none). A refusal is answered in
    words that repeat nothing of the comment. None: it is not for us, or gone. Raises as the Forge does.
    """
    said = next((c for c in forge.comments(number) if c.id == comment), None)
    command = parse(said.body) if said is not None else None
    if said is None or command is None:
        return None
    if isinstance(command, Command):
        pull = forge.pull_request(number)
        asked = Asked(command, forge.permission(said.author), pull, digest(pull), said.edited)
        command = decide(asked)
    elif forge.permission(said.author) < Permission.WRITE:
        return command  # a stranger who does not know the words is not talked to
    if isinstance(command, No):
        forge.react(number, comment, Reaction.NO)
        forge.create_comment(number, f"AIPress did nothing: {command.why}.")
    else:
        forge.react(number, comment, Reaction.SEEN)
    return command


def _said(comments: tuple[Comment, ...]) -> list[Approval]:
    found = [(c.author, parse(c.body)) for c in comments if not c.edited]
    return [
        Approval(author, command.head)
        for author, command in found
        if isinstance(command, Command) and command.verb is Verb.PLAN and command.head
    ]
