"""`aipress status`: one line a target, two words."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given, Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.cycle.world import World
    from reconciler.model.ids import Target


def status(
    *targets: Annotated[str, Parameter(help="Which targets; default the whole fleet.")],
    watch: Annotated[
        bool, Parameter(name=["--watch", "-w"], negative="", help="Tell what changes, until all is in sync and well.")
    ] = False,
    given: Given,
) -> int:
    """Sync and health of targets, read now. What is on hold, suspended or wrong says why."""
    from reconciler.actions.status import status as read
    from reconciler.report.tables import status_table

    world = given.world()
    if watch:
        return _watched(given, world, given.targets(targets))
    rows = read(world, given.targets(targets))
    terminal = given.terminal
    if terminal.json:
        terminal.out_json([asdict(row) for row in rows])
    else:
        terminal.out(status_table(rows, world.clock.now(), terminal.style))
        _tell_waiting(given)
    return 0


EVERY = 5.0
"""Seconds between two looks of `--watch`."""


def _watched(given: Invocation, world: "World", targets: "Sequence[Target]") -> int:
    """The table, then a line for each target that changed; with --json a JSON object a line."""
    from reconciler.actions.status import follow
    from reconciler.report.jsontext import json_line
    from reconciler.report.tables import status_line, status_table

    terminal, first = given.terminal, True
    for rows in follow(world, targets, EVERY):
        now = world.clock.now()
        if terminal.json:
            terminal.out("".join(json_line(asdict(row)) for row in rows))
        elif first:
            terminal.out(status_table(rows, now, terminal.style))
        else:
            terminal.out("".join(status_line(row, now) for row in rows))
        first = False
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
