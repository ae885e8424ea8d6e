"""`aipress bootstrap`: the fleet's own objects, once, from a person's credentials."""

from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.apply import guards, shown_and_asked, tell
from reconciler.cli.invocation import Given
from reconciler.cli.live_view import following


def bootstrap(
    *,
    plan_only: Annotated[bool, Parameter(name="--plan", help="Show the plan and stop.")] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="Do not ask.")] = False,
    allow: Annotated[list[str] | None, Parameter(help="Let this guard pass.")] = None,
    reason: Annotated[str, Parameter(help="With --allow: why; it stands in the history.")] = "",
    given: Given,
) -> int:
    """Make the organisation's folders, the control project and its services. Idempotent; the plan is shown first."""
    from reconciler.actions.apply import ApplyRequest
    from reconciler.actions.bootstrap import plan, run
    from reconciler.cli.plan import exit_code, print_plan
    from reconciler.model.errors import RefusedError
    from reconciler.report.text import PlanView

    world = given.world()
    made = plan(world)
    if plan_only or not made.changes:
        print_plan(made, "json" if given.terminal.json else "text", PlanView(style=given.terminal.style), given)
        return exit_code(made, False)
    if not shown_and_asked(made, given, yes):
        raise RefusedError("not applied: the plan was declined")
    with following(given.terminal) as progress:
        progress.expect(len(made.changes))
        applied = run(world, made, ApplyRequest(allow=guards(allow), reason=reason, progress=progress))
    tell(applied, given)
    return applied.exit_code
