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
        _tell_waiting(given)
    return 0


SHOWN = 5
"""Pushes that are named; the others are counted."""


def _tell_waiting(given: Given) -> None:
    """Pushes that webhooks told the daemon of this state folder, and that nobody has looked after yet."""
    from reconciler.daemon.inbox import MOST_WAITING, waiting_in

    waiting = waiting_in(given.settings().state, MOST_WAITING)
    if not waiting:
        return
    count = f"{len(waiting)} refs" if len(waiting) > 1 else "1 ref"
    given.terminal.note(f"Told by webhooks, waiting to be looked after: {count}.")
    for one in waiting[-SHOWN:]:
        hint = one.hint
        what = f"{hint.ref or 'some refs'} {hint.commit[:7]}".strip()
        given.terminal.note(f"  {one.last:%Y-%m-%d %H:%M}Z  {hint.provider}  {hint.repository}  {what}")
