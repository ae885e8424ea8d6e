"""`aipress history`: versions, newest first; one whole; the difference between two."""

from typing import Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given

app = App(name="history", help="Versions: what was applied, newest first.", default_parameter=QUIET)


@app.default
def history(
    target: Annotated[str | None, Parameter(help="Whose versions; default everybody's.")] = None,
    /,
    *,
    limit: Annotated[int, Parameter(help="Most versions listed, 0 for all; default 20.")] = 20,
    given: Given,
) -> int:
    """Versions of a target, newest first; without a target those of the whole fleet."""
    from reconciler.actions.history import list_versions, stands
    from reconciler.report.tables import history_table

    world, terminal = given.world(), given.terminal
    versions = list_versions(world, given.target(target) if target else None, limit)
    if terminal.json:
        terminal.out_json([version.to_json() for version in versions])
    else:
        terminal.out(history_table(versions, terminal.style))
        for row in stands(world, given.target(target)) if target else ():
            terminal.note(row)
    return 0


app.command(history, name="list", help="The same: versions, newest first.")


@app.command
def show(
    version: Annotated[str, Parameter(help="SHARD/NUMBER or an id.")],
    /,
    *,
    given: Given,
) -> int:
    """One version whole: who, when, from which commit, and what was done."""
    from reconciler.actions.history import show as read
    from reconciler.report.versions import version_document, version_text

    found, terminal = read(given.world(), version), given.terminal
    if terminal.json:
        terminal.out_json(version_document(found))
    else:
        terminal.out(version_text(found, terminal.style))
    return 0


@app.command
def diff(
    older: Annotated[str, Parameter(help="SHARD/NUMBER or an id.")],
    newer: Annotated[str | None, Parameter(help="Default: the newest of the same shard.")] = None,
    /,
    *,
    given: Given,
) -> int:
    """What differs between two versions of a shard, from the older to the newer."""
    from reconciler.actions.history import diff as compare
    from reconciler.report.versions import differences_document, differences_text

    first, second, rows = compare(given.world(), older, newer or "")
    terminal = given.terminal
    if terminal.json:
        terminal.out_json(differences_document(first, second, rows))
    else:
        terminal.out(differences_text(first, second, rows, terminal.style))
    return 0
