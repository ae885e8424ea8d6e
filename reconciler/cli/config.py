"""`aipress config show`: the settings in force."""

from dataclasses import replace
from typing import Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given

app = App(name="config", help="The settings in force, and where each comes from.", default_parameter=QUIET)


@app.command
def show(
    *,
    origin: Annotated[bool, Parameter(help="Beside each value: the flag, variable or file it comes from.")] = False,
    given: Given,
) -> int:
    """Every setting with its value. The first that is set wins: flag, AIPRESS_*, aipress.toml, user config, default."""
    from reconciler.assemble import SECRETS
    from reconciler.daemon.credentials import shown_reference
    from reconciler.history.location import shown
    from reconciler.report.tables import table

    terminal = given.terminal
    printed = {"history": shown, "engine_url": shown, "otlp_endpoint": shown, **dict.fromkeys(SECRETS, shown_reference)}
    values = {
        name: replace(said, value=printed[name](said.value)) if name in printed and said.value else said
        for name, said in given.settings().values.items()
    }
    if terminal.json:
        terminal.out_json({name: {"value": s.value, "origin": s.origin} for name, s in values.items()})
        return 0
    head = ("SETTING", "VALUE", "FROM") if origin else ("SETTING", "VALUE")
    rows = [(name, s.value or "(not set)", *((s.origin,) if origin else ())) for name, s in sorted(values.items())]
    terminal.out(table(head, rows, terminal.style, 120))
    return 0
