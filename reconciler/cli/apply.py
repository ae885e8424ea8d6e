"""`aipress apply`: what was reviewed, or what is shown now and confirmed."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reconciler import __version__
from reconciler.cli.confirm import confirmed
from reconciler.cli.invocation import Given, Invocation
from reconciler.cli.live_view import following
from reconciler.cli.plan import warn_of_edits
from reconciler.cli.plan_file import is_plan_file, read_plan
from reconciler.model.errors import UsageError

if TYPE_CHECKING:
    from reconciler.actions.apply import Applied
    from reconciler.model.plan import Plan


NO_REASON = "--allow without --reason: the history will say that no reason was given"


def apply(
    *what: Annotated[str, Parameter(help="A saved plan's file, or targets; default the whole fleet.")],
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="Do not ask.")] = False,
    expect_plan: Annotated[str | None, Parameter(help="Apply only if the plan has this digest (sha256:…).")] = None,
    allow: Annotated[
        list[str] | None, Parameter(help="Let this guard pass, for this apply alone; may be given several times.")
    ] = None,
    reason: Annotated[str, Parameter(help="With --allow: why; it stands in the history, for who reviews it.")] = "",
    max_parallel: Annotated[int | None, Parameter(help="Changes under way at once; default 8.")] = None,
    given: Given,
) -> int:
    """Apply a saved plan (never asks), or targets: their plan is shown first, and asked about without --yes.

    In an emergency: `--allow GUARD --reason "…"`. The guard is passed for this apply alone and refuses again in the
    next plan. The versions that come of it say who passed which guard and why, for the review afterwards: see `aipress
    history`. A limit that is wrong for longer is raised by a reviewed change of `spec.guards` in fleet.yaml.
    """
    from reconciler.actions.apply import ApplyRequest
    from reconciler.actions.apply import apply as run

    flags = {} if max_parallel is None else {"max_parallel": max_parallel}
    saved = _saved(what, given)
    targets = () if saved else given.targets(what)
    world = given.world(flags)
    request = ApplyRequest(saved, targets, expect=_digest(expect_plan), allow=guards(allow), reason=reason)
    if request.allow and not reason:
        given.terminal.note(NO_REASON)
    if saved is None:
        warn_of_edits(given, world.repository.edited())
    with following(given.terminal) as progress:

        def confirm(plan: "Plan") -> bool:
            progress.expect(len(plan.changes))
            return shown_and_asked(plan, given, yes)

        progress.expect(len(saved.changes) if saved else 0)
        applied = run(world, replace(request, progress=progress, confirm=confirm))
    tell(applied, given)
    return applied.exit_code


def shown_and_asked(plan: "Plan", given: Invocation, yes: bool) -> bool:
    """Show a plan (on standard output, unless that is for JSON), then ask unless --yes was given."""
    from reconciler.report.text import PlanView, plan_text

    if not given.terminal.json:
        given.terminal.out(plan_text(plan, PlanView(version=__version__, style=given.terminal.style)) + "\n")
    return yes or confirmed(plan, given.terminal)


def tell(applied: "Applied", given: Invocation) -> None:
    """The end of an apply: a summary, or one JSON document."""
    from reconciler.report.holding import agreed_text
    from reconciler.report.summary import Told, apply_document, apply_text

    told = Told(applied.plan, applied.outcome, applied.versions, applied.skipped, applied.waves)
    terminal = given.terminal
    if terminal.json:
        terminal.out_json({**apply_document(told), "exit": applied.exit_code})
    else:
        terminal.out(apply_text(told, terminal.style) + agreed_text(applied.lifted))


def guards(allow: list[str] | None) -> frozenset[str]:
    """--allow a --allow b,c."""
    return frozenset(name.strip() for text in allow or () for name in text.split(",") if name.strip())


def _digest(text: str | None) -> str:
    if text and not text.startswith("sha256:"):
        raise UsageError(f"--expect-plan {text}: a digest starts with sha256:", "copy it from `aipress plan`")
    return text or ""


def _saved(what: tuple[str, ...], given: Invocation) -> "Plan | None":
    files = [text for text in what if is_plan_file(given.directory / text)]
    if not files:
        return None
    if len(what) > 1:
        raise UsageError("a saved plan is applied alone", "name one plan file, or only targets")
    return read_plan(given.directory / files[0])
