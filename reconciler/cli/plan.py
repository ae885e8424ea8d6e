"""`aipress plan` and `aipress show`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from reconciler import __version__
from reconciler.cli.invocation import AUTHOR, Given, Invocation, author_of
from reconciler.cli.plan_file import is_plan_file, read_plan, write_plan
from reconciler.model.diagnostic import Severity
from reconciler.model.plan import FORBIDDEN_READ

if TYPE_CHECKING:
    from reconciler.model.plan import Plan
    from reconciler.report.text import PlanView

Format = Literal["text", "json", "ndjson", "markdown"]
FAILED, WRONG, FORBIDDEN = 1, 3, 4
CHANGES = 2


def plan(
    *targets: Annotated[str, Parameter(help="What to plan; default the whole fleet.")],
    base: Annotated[str | None, Parameter(help="Plan only what differs between this revision and --head.")] = None,
    head: Annotated[str, Parameter(help="The revision to plan; default HEAD.")] = "HEAD",
    author: Annotated[str, Parameter(help=AUTHOR)] = "",
    out: Annotated[Path | None, Parameter(help="Save the plan in this file (mode 0600), for `aipress apply`.")] = None,
    detailed_exitcode: Annotated[bool, Parameter(help="Exit 2 when there are changes.")] = False,
    format: Annotated[Format, Parameter(help="How the plan is printed; default text.")] = "text",
    all: Annotated[bool, Parameter(name="--all", help="Fold nothing, leave nothing out.")] = False,
    given: Given,
) -> int:
    """Show what would change and why. Never writes to the cloud. Reads commits: uncommitted edits are not in it."""
    from reconciler.actions.plan import PlanRequest, make
    from reconciler.report.text import PlanView

    world, chosen = given.world(), given.targets(targets)
    began = world.clock.now()
    made = make(world, PlanRequest(chosen, base or "", author_of(author), head))
    view = PlanView(
        version=__version__, base_name=base or "", head_name=head, everything=all, style=given.terminal.style,
        read_age=(world.clock.now() - began).total_seconds(),
    )  # fmt: skip
    warn_of_edits(given, world.repository.edited())
    if out is not None:
        write_plan(given.directory / out, made)
    print_plan(made, "json" if given.terminal.json else format, view, given)
    if out is not None:
        given.terminal.note(f"Saved {out}  {made.digest}\nTo apply exactly this:  aipress apply {out}")
    return exit_code(made, detailed_exitcode)


def show(
    what: Annotated[str, Parameter(help="A saved plan's file, or a version: SHARD/NUMBER or an id.")],
    /,
    *,
    format: Annotated[Format, Parameter(help="How a plan is printed; default text.")] = "text",
    all: Annotated[bool, Parameter(name="--all", help="Fold nothing, leave nothing out.")] = False,
    given: Given,
) -> int:
    """Print a saved plan, or a version of the history."""
    from reconciler.report.text import PlanView

    path = given.directory / what
    if is_plan_file(path):
        view = PlanView(version=__version__, everything=all, style=given.terminal.style)
        print_plan(read_plan(path), "json" if given.terminal.json else format, view, given)
        return 0
    from reconciler.cli.history import show as show_version

    return show_version(what, given=given)


def exit_code(made: "Plan", detailed: bool) -> int:
    """Of a plan: its guards' verdicts never count; what could not be read does, for then it is not the whole plan."""
    unread = made.unread()
    if any(verdict.guard == FORBIDDEN_READ for verdict in unread):
        return FORBIDDEN
    if unread:
        return FAILED
    if any(found.severity is Severity.ERROR for found in made.diagnostics):
        return WRONG
    return CHANGES if detailed and made.changes else 0


def warn_of_edits(given: Invocation, edited: Sequence[str]) -> None:
    """What is edited and not committed is not in a plan: say so."""
    if edited:
        number = f"{len(edited)} edited file{'s are' if len(edited) > 1 else ' is'}"
        style = given.terminal.aside
        given.terminal.warn(
            f"{style.yellow('warning:')} {number} not in this plan: commit {'them' if len(edited) > 1 else 'it'}"
        )


def print_plan(made: "Plan", form: Format, view: "PlanView", given: Invocation) -> None:
    """Data, so on standard output."""
    from reconciler.report.jsontext import plan_document
    from reconciler.report.markdown import CommentView, comment
    from reconciler.report.ndjson import Stamp, complete_line, plan_lines, version_line
    from reconciler.report.text import plan_text

    terminal = given.terminal
    match form:
        case "text":
            terminal.out(plan_text(made, view))
        case "json":
            terminal.out(plan_document(made))
        case "markdown":
            terminal.out(comment(made, CommentView(version=view.version)))
        case "ndjson":
            stamp = Stamp(datetime.now(UTC), view.version)
            lines = (version_line(stamp), *plan_lines(made, stamp), complete_line(stamp, exit_code(made, False)))
            terminal.out("".join(lines))
