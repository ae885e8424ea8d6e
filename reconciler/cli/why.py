"""`aipress why`: why a target is in its state."""

from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given


def why(
    target: Annotated[str, Parameter(help="fleet, shard/NAME, tenant/NAME or tenant/NAME@ENVIRONMENT.")],
    /,
    *,
    given: Given,
) -> int:
    """Why a target is as it is: what was applied last and by whom, what stops it and until when, which wave it waits
    for, what the next plan would do and which guard refuses. Read now; nothing is written."""
    from reconciler.actions.why import why as read
    from reconciler.report.why import why_text

    world, terminal = given.world(), given.terminal
    found = read(world, given.target(target))
    if terminal.json:
        terminal.out_json(found.to_json())
    else:
        terminal.out(why_text(found, world.clock.now(), terminal.style))
    return 0
