"""One pull request as it is now: planned when it may be, told on it, and its commands heard.

Guards, policies and limits of a plan with a base are the base's; a stranger's commit is checked offline (forge/trust).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from reconciler.actions.hearing import commands_after, hear, standing
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.pull_request import Came, Telling, tell
from reconciler.cycle.world import World
from reconciler.desired.compile import compile_fleet
from reconciler.forge.commands import Command, Verb
from reconciler.forge.trust import Live, Offline
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import ForbiddenError, ForgeUnreachableError, InputError
from reconciler.model.forge import Check, Comment, Conclusion, Forge, PullRequest
from reconciler.model.mark import Mark, safe
from reconciler.model.plan import Plan
from reconciler.report import checks, markdown
from reconciler.report.markdown import CommentView
from reconciler.report.unplanned import CHECKED, FAILED, unplanned
from reconciler.source.load import load

PLAN = "plan"


class Proposals(Protocol):
    """Where pull requests' commits are brought, away from the fleet repository."""

    def base(self) -> str:
        """The commit of the base branch."""

    def merged(self, pull: PullRequest, base: str) -> str:
        """The commit that merging would make. Raises InputError (it cannot be merged, or its head moved meanwhile),
        AipressError (it cannot be fetched)."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What reviews need. `world` reads fleets from where `proposals` brings commits; `branch` is the one that is
    followed; `view` what every comment says; `blob_url` where files of a commit are shown ("" : nowhere); `keep` hears
    each plan that is shown, with its pull request. `host`: "github" or "gitlab", whose word on authors is believed
    ("" : git's authors are)."""

    world: World
    forge: Forge
    proposals: Proposals
    branch: str
    view: CommentView
    blob_url: Callable[[str], str]
    keep: Callable[[PullRequest, Plan], None] = lambda _pull, _plan: None
    host: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """`came` is LEFT when there was nothing to tell; `result`: "planned", "checked", "failed" or "" (nothing was done).
    `heard`: the newest comment that was looked at. `apply`: what a command after the merge said yes to ("" : none)."""

    pull: PullRequest
    came: Came = Came.LEFT
    result: str = ""
    why: str = ""
    heard: int = 0
    apply: str = ""


def review(bench: Bench, number: int, heard: int | None = None) -> Reviewed:
    """Raises as the Forge does, and AipressError when the commit cannot be fetched.

    `heard`: the newest comment that commands were looked for in; None: none of this pull request yet, then what stands
    after the newest comment of ours is new.
    """
    forge = bench.forge
    pull = forge.pull_request(number)
    if pull.base != bench.branch or not (pull.open or pull.merged):
        return Reviewed(pull)
    comments, me = forge.comments(number), forge.me().id
    newest = max((c.id for c in comments), default=0)
    since = heard if heard is not None else max((c.id for c in comments if c.author == me), default=0)
    asked = [
        command
        for one in commands_after(comments, since, me)
        if isinstance(command := hear(forge, number, one, lambda now: _shown(bench, comments, me, now)), Command)
    ]
    if pull.merged:
        yes = next((c.plan for c in reversed(asked) if c.verb is Verb.APPLY), "")
        return Reviewed(pull, heard=newest, apply=yes)
    anew = any(command.verb is Verb.PLAN for command in asked)
    return replace(_told(bench, number, _ours(bench, comments, me), anew=anew), heard=newest)


def _told(bench: Bench, number: int, before: Mark | None, *, anew: bool) -> Reviewed:
    stand = standing(bench.forge, number)
    pull = stand.pull
    same = before is not None and before.head == pull.head and not anew
    base = bench.proposals.base()
    if same and before is not None and _still_true(before, base, stand.reach):
        return Reviewed(pull)
    try:
        commit = bench.proposals.merged(pull, base)
        if isinstance(stand.reach, Offline):
            found = _offline(bench, commit)
            return _not_planned(bench, pull, base, _Why(CHECKED, stand.reach.why, stand.reach.how, found))
        plan = make(bench.world, PlanRequest(base=base, author=_author(bench, pull), head=commit))
    except ForgeUnreachableError:
        raise
    except InputError as error:
        return _not_planned(bench, pull, base, _Why(FAILED, str(error), error.hint))
    return _planned(bench, pull, plan)


def _still_true(before: Mark, base: str, reach: Live | Offline) -> bool:
    """Whether what is told of this head need not be looked at again: a plan stands until it is asked for anew; what was
    checked offline, or could not be planned, comes to the same until the base moves or somebody says yes."""
    if before.plan.startswith("sha256:"):
        return isinstance(reach, Live)
    kind = CHECKED if isinstance(reach, Offline) else FAILED
    return before.base == safe(base) and before.plan.startswith(kind)


def _author(bench: Bench, pull: PullRequest) -> str:
    return f"{bench.host}:{pull.author}" if bench.host else ""


def _planned(bench: Bench, pull: PullRequest, plan: Plan) -> Reviewed:
    now = bench.world.clock.now()
    blob = bench.blob_url(pull.head)
    prefix = bench.view.fleet
    url = f"{blob}/{prefix}".rstrip("/") if blob else ""
    view = replace(bench.view, at=f"{now:%Y-%m-%dT%H:%M:%SZ}", head=pull.head, blob_url=url)
    bench.keep(pull, plan)
    body = markdown.comment(plan, view)
    telling = Telling(
        pull.number, markdown.mark(plan, view),
        lambda part: body if part >= 1 else markdown.comment(plan, markdown.shorter(view, part)),
    )  # fmt: skip
    told = tell(bench.forge, telling)
    _said(bench.forge, replace(checks.check(plan, body, prefix), commit=pull.head))
    return Reviewed(pull, told.came, "planned", told.why)


@dataclass(frozen=True, slots=True)
class _Why:
    kind: str
    why: str
    how: str = ""
    found: tuple[Diagnostic, ...] = ()


def _not_planned(bench: Bench, pull: PullRequest, base: str, why: _Why) -> Reviewed:
    """Said once for one head and one reason: the same words leave the comment as it is."""
    now = f"{bench.world.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    words = unplanned(Mark(PLAN, plan=why.kind), why.why, why.how, why.found)
    sign = f"{why.kind}{sha256(words.encode()).hexdigest()[:16]}"
    mark = Mark(PLAN, bench.view.fleet, pull.head, base, sign, now)
    result = "checked" if why.kind == CHECKED else "failed"
    before = _ours(bench, bench.forge.comments(pull.number), bench.forge.me().id)
    if before is not None and (before.head, before.plan) == (pull.head, safe(sign)):
        return Reviewed(pull, Came.LEFT, result, why.why)
    body = unplanned(mark, why.why, why.how, why.found)
    told = tell(bench.forge, Telling(pull.number, mark, lambda _part: body))
    said = checks.not_planned(pull.head, why.why)
    if why.kind == FAILED or any(d.severity is Severity.ERROR for d in why.found):
        said = replace(said, conclusion=Conclusion.FAILURE)
    _said(bench.forge, replace(said, summary=body, annotations=checks.beside(why.found, bench.view.fleet)))
    return Reviewed(pull, told.came, result, why.why)


def _said(forge: Forge, check: Check) -> None:
    """GitHub takes check runs from Apps alone: with a person's token it is a status, without remarks on lines."""
    try:
        forge.put_check(check)
    except ForbiddenError:
        forge.put_status(check)


def _offline(bench: Bench, commit: str) -> tuple[Diagnostic, ...]:
    """What is wrong in the files, without a look at anything that lives."""
    fleet = load(bench.world.repository, commit)
    try:
        return (*fleet.diagnostics, *compile_fleet(fleet).diagnostics)
    except InputError:
        return fleet.diagnostics


def _ours(bench: Bench, comments: tuple[Comment, ...], me: int, key: str = PLAN) -> Mark | None:
    """The mark of our newest comment under a key."""
    fleet = safe(bench.view.fleet)
    marks = [m for c in comments if c.author == me and (m := Mark.of(c.body)) and (m.key, m.fleet) == (key, fleet)]
    return marks[-1] if marks else None


def _shown(bench: Bench, comments: tuple[Comment, ...], me: int, pull: PullRequest) -> str:
    """The digest that a command may name: of the plan of this head, after the merge of what waits for a yes."""
    mark = _ours(bench, comments, me, "apply" if pull.merged else PLAN)
    return mark.plan if mark is not None and mark.head == pull.head and mark.plan.startswith("sha256:") else ""
