"""`aipress config show`: the settings in force."""

from dataclasses import replace
from typing import Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import Given

app = App(name="config", help="The settings in force, and where each comes from.")


@app.command
def show(
    *,
    origin: Annotated[bool, Parameter(help="Beside each value: the flag, variable or file it comes from.")] = False,
    given: Given,
) -> int:
    """Every setting with its value. The first that is set wins: flag, AIPRESS_*, aipress.toml, user config, default."""
    from reconciler.history.location import shown
    from reconciler.report.tables import table

    terminal = given.terminal
    values = {
        name: replace(said, value=shown(said.value)) if name == "history" else said
        for name, said in given.settings().values.items()
    }
    if terminal.json:
        terminal.out_json({name: {"value": s.value, "origin": s.origin} for name, s in values.items()})
        return 0
    head = ("SETTING", "VALUE", "FROM") if origin else ("SETTING", "VALUE")
    rows = [(name, s.value or "(not set)", *((s.origin,) if origin else ())) for name, s in sorted(values.items())]
    terminal.out(table(head, rows, terminal.style, 120))
    return 0
