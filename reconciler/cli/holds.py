"""`aipress pause` and `aipress resume`: a named stop that every host sees."""

from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given


def pause(
    target: Annotated[str, Parameter(help="What to hold: fleet, shard/NAME or tenant/NAME.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; everyone who meets the hold reads it.")],
    until: Annotated[str | None, Parameter(help="30m, 2h, 3d or a time; default until resumed.")] = None,
    begins: Annotated[
        str | None, Parameter(name="--from", help="A freeze window: nothing is held before this time.")
    ] = None,
    given: Given,
) -> int:
    """Hold a target: nothing is applied to it until it is resumed or the time is over."""
    from reconciler.actions.holds import Window
    from reconciler.actions.holds import pause as hold
    from reconciler.report.tables import holds_table

    world, chosen, terminal = given.world(), given.target(target), given.terminal
    made = hold(world, chosen, reason, Window(until or "", begins or ""))
    if terminal.json:
        terminal.out_json(made.to_json())
    else:
        terminal.out(holds_table([made], world.clock.now(), terminal.style))
        terminal.note(f"Lift it with: aipress resume {chosen}")
    return 0


def resume(
    target: Annotated[str, Parameter(help="What to release.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; told with the release.")] = "",
    given: Given,
) -> int:
    """Lift a target's holds, and let what was rolled back from come again. What waited runs with the next cycle."""
    from reconciler.actions.holds import resume as lift
    from reconciler.report.holding import lifted_text

    world, chosen, terminal = given.world(), given.target(target), given.terminal
    lifted = lift(world, chosen)
    if terminal.json:
        rows = [hold.to_json() for hold in lifted.holds]
        rows += [{"kind": "poisoned", **mark.to_json()} for mark in lifted.poisons]
        terminal.out_json([{**row, "resumed": reason} for row in rows])
    else:
        terminal.out(lifted_text(lifted.holds, lifted.poisons, world.clock.now()))
        terminal.note(f"To go on now: aipress apply {chosen}")
    return 0
