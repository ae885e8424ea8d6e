"""`aipress trace`: a commit's way to a target."""

from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given


def trace(
    target: Annotated[str, Parameter(help="fleet, shard/NAME, tenant/NAME or tenant/NAME@ENVIRONMENT.")],
    commit: Annotated[str, Parameter(help="Default: the newest that changed a file the target is made from.")] = "",
    /,
    *,
    given: Given,
) -> int:
    """ "I pushed, why is it not live?" The commit's way step by step, with times and who or what holds it: files,
    plan, guards, holds, waves, versions. Read from git, the history and the audit log here; no cloud is asked."""
    from reconciler.actions.trace import trace as read
    from reconciler.report.trace import trace_text

    terminal = given.terminal
    way = read(given.records(), given.target(target), commit)
    if terminal.json:
        terminal.out_json(way.to_json())
    else:
        terminal.out(trace_text(way, terminal.style))
    return 0
