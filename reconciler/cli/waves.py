"""`aipress waves`: changes of many live sites that are walked a few at a time; look at them, hold them, end them."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given, Invocation

if TYPE_CHECKING:
    from reconciler.model.wave import Waves

app = App(
    name="waves", help="Changes of many sites, walked a few at a time: list, hold, end them.", default_parameter=QUIET
)

Which = Annotated[str, Parameter(help="Their id; default those that stand, if they are the only ones.")]
Reason = Annotated[str, Parameter(help="Why; everyone who meets them reads it.")]


@app.default
def waves(*, given: Given) -> int:
    """Waves under way and those that ended lately, newest first."""
    from reconciler.actions.waves import every
    from reconciler.report.waves import waves_document, waves_table

    world, terminal = given.world(), given.terminal
    found = every(world)
    if terminal.json:
        terminal.out_json([waves_document(one) for one in found])
    else:
        terminal.out(waves_table(found, world.clock.now(), terminal.style))
    return 0


app.command(waves, name="list", help="The same: waves under way and those that ended lately.")


@app.command
def show(ident: Which = "", /, *, given: Given) -> int:
    """One of them whole: its waves, how each went, and who moved it when and why."""
    from reconciler.actions.waves import find

    return _told(find(given.world(), ident), given)


@app.command
def pause(ident: Which = "", /, *, reason: Reason, given: Given) -> int:
    """Begin no further wave until they are resumed. A wave that is being walked is walked to its end."""
    from reconciler.actions.waves import find, pause

    world = given.world()
    return _told(pause(world, find(world, ident), reason), given)


@app.command
def resume(ident: Which = "", /, *, reason: Reason = "resumed", given: Given) -> int:
    """Go on where the pause began. A bake that ended meanwhile is over."""
    from reconciler.actions.waves import find, resume

    world = given.world()
    return _told(resume(world, find(world, ident), reason), given)


@app.command
def abort(ident: Which = "", /, *, reason: Reason, given: Given) -> int:
    """Walk nothing more of them at this commit. What was done stays: `aipress rollback --wave` returns it."""
    from reconciler.actions.waves import abort, find

    world = given.world()
    return _told(abort(world, find(world, ident), reason), given)


def _told(found: "Waves", given: Invocation) -> int:
    from reconciler.engine.clock import SystemClock
    from reconciler.report.waves import waves_document, waves_text

    terminal = given.terminal
    if terminal.json:
        terminal.out_json(waves_document(found))
    else:
        terminal.out(waves_text(found, SystemClock().now(), terminal.style))
    return 0
