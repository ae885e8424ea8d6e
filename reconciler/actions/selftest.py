"""At start: every guard and every limit refuses a plan or a write that it must refuse, or nothing is applied at all."""

from functools import cache

from reconciler.applying.selftest import lost_rules
from reconciler.model.errors import AipressError
from reconciler.planning.selftest import lost_guards


@cache
def require_guards() -> None:
    """Once a process. Raises AipressError with the names of the guards that let a violating plan through."""
    lost = [*lost_guards(), *lost_rules()]
    if lost:
        raise AipressError(
            f"the guard{'s' if len(lost) > 1 else ''} {', '.join(sorted(set(lost)))} let a plan through that must be "
            "refused; nothing is applied by this aipress",
            "this is a bug of ours: go back to the release before, and please report it",
        )
