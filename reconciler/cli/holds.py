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
    given: Given,
) -> int:
    """Hold a target: nothing is applied to it until it is resumed or the time is over."""
    from reconciler.actions.holds import pause as hold
    from reconciler.actions.holds import until_from
    from reconciler.report.tables import holds_table

    world, chosen, terminal = given.world(), given.target(target), given.terminal
    made = hold(world, chosen, reason, until_from(until, world.clock.now()) if until else None)
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
    """Lift a target's holds. What waited runs with the next cycle."""
    from reconciler.actions.holds import resume as lift
    from reconciler.report.values import count

    world, chosen, terminal = given.world(), given.target(target), given.terminal
    lifted = lift(world, chosen)
    if terminal.json:
        terminal.out_json([{**hold.to_json(), "resumed": reason} for hold in lifted])
    else:
        terminal.out(f"Lifted {count(len(lifted), 'hold')} on {chosen}. To go on now: aipress apply {chosen}\n")
    return 0
