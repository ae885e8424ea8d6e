"""`aipress rollback`: return a target to an earlier version, by a commit that the next cycle applies."""

from typing import Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given


def rollback(
    target: Annotated[str, Parameter(help="What to return: shard/NAME or tenant/NAME.")],
    version: Annotated[str | None, Parameter(help="Default the last healthy one that differs.")] = None,
    /,
    *,
    commit: Annotated[bool, Parameter(help="Write the revert as a commit; the default.")] = False,
    now: Annotated[bool, Parameter(help="Apply it at once and hold the target until Git has it.")] = False,
    hold: Annotated[str | None, Parameter(help="With --now: for how long (2h); default 2h.")] = None,
    show_only: Annotated[bool, Parameter(name="--plan", help="Show what would be written and stop.")] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="Do not ask.")] = False,
    given: Given,
) -> int:
    """Return a target to a version: what would be written is shown, compiled, and only then committed."""
    raise NotImplementedError
