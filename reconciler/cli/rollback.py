"""`aipress rollback`: return a target to an earlier version, by a commit that the next cycle applies."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reconciler.cli.apply import guards, tell
from reconciler.cli.invocation import Given, Invocation
from reconciler.cli.live_view import following
from reconciler.model.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from reconciler.actions.rollback import RollbackProposal
    from reconciler.cycle import World

HOLD = "2h"


def rollback(
    target: Annotated[str, Parameter(help="What to return: shard/NAME or tenant/NAME.")],
    version: Annotated[str | None, Parameter(help="Default the last healthy one that differs.")] = None,
    /,
    *,
    commit: Annotated[bool, Parameter(help="Write the revert as a commit; this is what happens anyway.")] = False,
    now: Annotated[bool, Parameter(help="Apply it at once, and hold the target until Git says the same.")] = False,
    hold: Annotated[str | None, Parameter(help="With --now: how long to hold (30m, 2h, 3d); default 2h.")] = None,
    allow: Annotated[list[str] | None, Parameter(help="With --now: let this guard pass.")] = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="Do not ask (only --now asks).")] = False,
    given: Given,
) -> int:
    """Return a target to a version. What would be written is shown and compiled first; a commit reverts, Git agrees."""
    from reconciler.actions.rollback import RollbackRequest, propose
    from reconciler.actions.rollback import commit as write
    from reconciler.report.returning import rollback_document, rollback_text

    if commit and now:
        raise UsageError("--commit and --now exclude each other", "--now applies first; commit when it holds")
    if hold is not None and not now:
        raise UsageError("--hold belongs to --now", "`aipress pause` holds a target")
    world, terminal = given.world(), given.terminal
    proposal = propose(world, RollbackRequest(given.target(target), version or ""))
    if not terminal.json:
        terminal.out(rollback_text(proposal, terminal.style))
    if now:
        return _now(world, proposal, (hold or HOLD, guards(allow), yes), given)
    made = write(world, proposal)
    if terminal.json:
        terminal.out_json(rollback_document(proposal, made))
    else:
        terminal.out(f"Commit {made}\n")
        terminal.note(f"The next cycle applies it; `aipress apply {proposal.target}` does so now.")
    return 0


def _now(world: "World", proposal: "RollbackProposal", how: tuple[str, frozenset[str], bool], given: Invocation) -> int:
    from reconciler.actions.holds import until_from
    from reconciler.actions.rollback import Immediate
    from reconciler.actions.rollback import now as apply_now

    hold, allowed, yes = how
    until = until_from(hold, world.clock.now())
    if not yes:
        question = f"Apply this now and hold {proposal.target} until {until:%Y-%m-%d %H:%M} UTC? [y/N] "
        answer = given.terminal.ask(question, "--yes applies without asking; without --now it is only a commit")
        if answer.lower() not in ("y", "yes"):
            raise RefusedError("not applied: it was declined")
    with following(given.terminal) as progress:
        applied = apply_now(world, proposal, Immediate(until, progress, allowed))
    tell(applied, given)
    given.terminal.note(f"On hold until {until:%Y-%m-%d %H:%M} UTC. Make Git agree: aipress rollback {proposal.target}")
    return applied.exit_code
