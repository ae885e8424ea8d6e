"""`aipress drift`: what was changed outside Git; keep it, or let the next apply undo it."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given
from reconciler.report.escape import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.cli.terminal import Terminal
    from reconciler.planning.drift import Drift

FAILED, CHANGES, FORBIDDEN = 1, 2, 4
app = App(name="drift", help="What was changed outside Git; keep it or undo it.", default_parameter=QUIET)


@app.default
def drift(
    *targets: Annotated[str, Parameter(help="Which targets; default the whole fleet.")],
    detailed_exitcode: Annotated[bool, Parameter(help="Exit 2 when there is drift.")] = False,
    given: Given,
) -> int:
    """Every field that is not as it was applied, read now."""
    from reconciler.actions.drift import find
    from reconciler.report.tables import drift_table

    world, terminal = given.world(), given.terminal
    rows = find(world, given.targets(targets))
    drifted = [row for row in rows if not row.unread]
    if terminal.json:
        terminal.out_json([document(row) for row in rows])
    elif drifted or len(drifted) == len(rows):
        terminal.out(drift_table(drifted, world.clock.now(), terminal.style))
    return warn_of_unread(rows, terminal) or (CHANGES if detailed_exitcode and drifted else 0)


app.command(drift, name="list", help="The same: every field that is not as it was applied.")


@app.command
def show(
    target: Annotated[str, Parameter(help="Whose drift.")],
    /,
    *,
    given: Given,
) -> int:
    """One target's drift with all three sides: Git, last applied, live."""
    from reconciler.actions.drift import find
    from reconciler.report.tables import drift_columns

    rows, terminal = find(given.world(), (given.target(target),)), given.terminal
    drifted = [row for row in rows if not row.unread]
    if terminal.json:
        terminal.out_json([document(row) for row in rows])
    elif drifted or len(drifted) == len(rows):
        terminal.out(drift_columns(drifted, terminal.style))
    return warn_of_unread(rows, terminal)


def warn_of_unread(rows: "Sequence[Drift]", terminal: "Terminal") -> int:
    """Say what nobody could look at; the exit code for that (0 when there is nothing of the kind)."""
    unread = [row for row in rows if row.unread]
    for row in unread:
        terminal.warn(f"{terminal.aside.yellow('unknown:')} {row.address} could not be read: {plain(row.unread)}")
    if any(row.forbidden for row in unread):
        return FORBIDDEN
    return FAILED if unread else 0


@app.command
def accept(
    target: Annotated[str, Parameter(help="Whose live values to keep.")],
    /,
    *fields: Annotated[str, Parameter(help="Field paths as `drift list` prints them; default all of the target.")],
    given: Given,
) -> int:
    """Write live values into the target's YAML, as one commit on the fleet repository."""
    from reconciler.actions.drift import accept as keep

    accepted, terminal = keep(given.world(), given.target(target), fields), given.terminal
    left = [row.path for row in accepted.left]
    if terminal.json:
        kept = [document(row) for row in accepted.accepted]
        terminal.out_json({"files": sorted(accepted.files), "commit": accepted.commit, "accepted": kept, "left": left})
        return 0
    terminal.out("".join(f"Wrote {path}\n" for path in sorted(accepted.files)) + f"Commit {accepted.commit}\n")
    if left:
        terminal.note(f"No field of the YAML says {', '.join(left)}; `aipress apply {target}` sets that back.")
    return 0


def document(row: "Drift") -> dict[str, Any]:
    """One drifted field for machines; secrets are null on all sides."""
    sides = {"git": row.git, "last": row.last, "live": row.live}
    return {
        "target": str(row.address.target), "resource": str(row.address), "kind": row.address.kind, "field": row.path,
        **{name: None if row.sensitive else value for name, value in sides.items()},
        **({"unread": row.unread} if row.unread else {}),
        "by": row.by or None, "since": row.since, "severity": row.severity, "source": row.source,
        "sensitive": row.sensitive,
    }  # fmt: skip
