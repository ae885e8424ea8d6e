"""`aipress audit`: who decided and wrote what; whether the record of it is whole."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given, Invocation

if TYPE_CHECKING:
    from reconciler.actions.audit import Records, Wanted

BROKEN = 1
app = App(name="audit", help="Who decided and wrote what, and whether the record is whole.", default_parameter=QUIET)
Since = Annotated[str, Parameter(help="From when on: 2h or 3d ago, or a time such as 2026-12-01T08:00Z.")]
Until = Annotated[str, Parameter(help="Before when, written in the same way.")]
About = Annotated[str, Parameter(name="--target", help="Only what is about this target.")]


@app.command
def export(
    *,
    since: Since = "",
    until: Until = "",
    target: About = "",
    form: Annotated[
        Literal["ndjson", "csv", "cloudevents"], Parameter(name="--format", help="Default ndjson: the log as it is.")
    ] = "ndjson",
    given: Given,
) -> int:
    """Every decision and every write of this state folder, oldest first: actor, trigger, commit, plan. Offline."""
    from reconciler.actions.audit import read
    from reconciler.report.audit import exported

    records = given.records()
    for line in exported(read(records, _wanted(given, records, (since, until, target))), form):
        given.terminal.out(line)
    return 0


@app.command
def tail(
    *,
    lines: Annotated[int, Parameter(name=["-n", "--lines"], help="How many of the newest; default 20.")] = 20,
    target: About = "",
    given: Given,
) -> int:
    """The newest records, a line each."""
    from collections import deque

    from reconciler.actions.audit import read
    from reconciler.report.audit import audit_line

    records, terminal = given.records(), given.terminal
    rows = deque(read(records, _wanted(given, records, ("", "", target))), maxlen=max(lines, 0))
    if terminal.json:
        terminal.out_json([row.to_json() for row in rows])
    else:
        terminal.out("".join(audit_line(row, terminal.style) for row in rows) or "Nothing was recorded yet.\n")
    return 0


@app.command
def verify(*, given: Given) -> int:
    """Whether the log is whole and unchanged: each record against the one before it, and against the versions of the
    history that name it. Exit 1 when it is not, with where."""
    from reconciler.actions.audit import verify as check
    from reconciler.report.audit import checked_document, checked_text

    found, terminal = check(given.records()), given.terminal
    if terminal.json:
        terminal.out_json(checked_document(found))
    else:
        terminal.out(checked_text(found, terminal.style))
    return BROKEN if found.broken else 0


def _wanted(given: Invocation, records: "Records", said: tuple[str, str, str]) -> "Wanted":
    from reconciler.actions.audit import Wanted, back_to, shard_at

    since, until, target = said
    now = records.clock.now()
    about = given.target(target) if target else None
    shard = shard_at(records, about) if about else ""
    return Wanted(back_to(since, now) if since else None, back_to(until, now) if until else None, about, shard)
