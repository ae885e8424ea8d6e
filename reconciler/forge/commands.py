"""Commands in comments of a pull request. Pure: a text, who wrote it and what he may, and what we know of the head.

/aipress plan                                        plan again
/aipress plan head=<commit>                          the same, and for a stranger's commit the leave to read live state
/aipress apply plan=<digest, 12 or more> head=<commit>   after the merge: apply what came to mean something else since
                                                     it was shown, and waits for a yes

Nothing is applied before the merge: the next look at what is merged would take it back.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.forge import Permission, PullRequest

_WORD = re.compile(r"^/aipress(?=[ \t]|$)", re.IGNORECASE)
_PLAN = re.compile(r"/aipress plan(?: head=([0-9a-f]{40}(?:[0-9a-f]{24})?))?")
_APPLY = re.compile(r"/aipress apply plan=(?:sha256:)?([0-9a-f]{12,64}) head=([0-9a-f]{40}(?:[0-9a-f]{24})?)")
_USAGE = (
    "the first line is `/aipress plan`, `/aipress plan head=<commit>` or "
    "`/aipress apply plan=<digest, 12 or more characters> head=<commit>`, and nothing else"
)


class Verb(StrEnum):
    PLAN = "plan"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Command:
    """`head`: the full commit id that was quoted ("" : none); `plan`: hexadecimal digits of a digest."""

    verb: Verb
    head: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True)
class No:
    """A refusal, in words that hold nothing of what was written."""

    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A command with what is known about it at the moment it is carried out, not when it was written.

    `permission` is that of the comment's author, by immutable id; `edited`: the comment was changed after it was made;
    `digest`: of the plan that we show on the pull request, after the merge the one that waits for a yes ("" : none).
    """

    command: Command
    permission: Permission
    pull: PullRequest
    digest: str = ""
    edited: bool = False


def parse(body: str) -> Command | No | None:
    """None: not for us. Only the first line counts, and it must be exact: a quoted or hidden command is none."""
    first = body[:4000].partition("\n")[0].removesuffix("\r")
    if not _WORD.match(first):
        return None
    if found := _PLAN.fullmatch(first):
        return Command(Verb.PLAN, head=found[1] or "")
    if found := _APPLY.fullmatch(first):
        return Command(Verb.APPLY, head=found[2], plan=found[1])
    return No(_USAGE)


def decide(asked: Asked) -> Command | No:
    """Whether a command is carried out. What was approved is one commit and one plan: after a push it is neither."""
    command, pull = asked.command, asked.pull
    if asked.permission < Permission.WRITE:
        return No("only who may push to this repository may ask for that")
    if asked.edited:
        return No("a comment that was edited is no command: write a new one")
    if command.head and command.head != pull.head:
        return No(f"the head is `{pull.head[:12]}` by now, not the commit you name: look again, and ask for that one")
    if command.verb is not Verb.APPLY:
        return command if pull.open else No("this pull request is closed")
    if pull.open:
        return No("nothing is applied before the merge: merge it, and what was shown is what runs")
    if not pull.merged:
        return No("this pull request was closed and not merged")
    if not asked.digest:
        return No("nothing of this pull request waits for a yes")
    if not asked.digest.removeprefix("sha256:").startswith(command.plan):
        return No("the plan you name is not the one that is shown now: look again, and name that one")
    return command
