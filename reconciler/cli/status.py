"""`aipress status`: one line a target, two words."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given


def status(
    *targets: Annotated[str, Parameter(help="Which targets; default the whole fleet.")],
    given: Given,
) -> int:
    """Sync and health of targets, read now. What is on hold, suspended or wrong says why."""
    from reconciler.actions.status import status as read
    from reconciler.report.tables import status_table

    world = given.world()
    rows = read(world, given.targets(targets))
    terminal = given.terminal
    if terminal.json:
        terminal.out_json([asdict(row) for row in rows])
    else:
        terminal.out(status_table(rows, world.clock.now(), terminal.style))
    return 0
