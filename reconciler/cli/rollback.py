"""`aipress rollback`: return a target to an earlier version, by a commit that the next cycle applies."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reconciler.cli.apply import guards, tell
from reconciler.cli.invocation import Given, Invocation
from reconciler.cli.live_view import following
from reconciler.model.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from reconciler.actions.proposal import RollbackProposal
    from reconciler.cycle.world import World

HOLD = "2h"


def rollback(
    target: Annotated[
        str | None, Parameter(help="What to return: fleet, shard/NAME or tenant/NAME; several: A,B.")
    ] = None,
    version: Annotated[str | None, Parameter(help="Default the last healthy one that differs.")] = None,
    /,
    *,
    to_commit: Annotated[
        str | None, Parameter(help="To what this fleet commit applied, or the last before it; over many shards too.")
    ] = None,
    wave: Annotated[
        str | None, Parameter(help="ID or ID/N instead of a target: what these waves, or one of them, touched.")
    ] = None,
    reason: Annotated[str, Parameter(help="Why; everyone who meets what was left behind reads it.")] = "",
    commit: Annotated[bool, Parameter(help="Write the revert as a commit; this is what happens anyway.")] = False,
    now: Annotated[bool, Parameter(help="Apply it at once, and hold the target until Git says the same.")] = False,
    hold: Annotated[str | None, Parameter(help="With --now: how long to hold (30m, 2h, 3d); default 2h.")] = None,
    allow: Annotated[list[str] | None, Parameter(help="With --now: let this guard pass.")] = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="Do not ask (only --now asks).")] = False,
    given: Given,
) -> int:
    """Return a target to a version. What would be written is shown and compiled first; a commit reverts, Git agrees.

    What is left behind does not come back by itself: the guard `poisoned` refuses it until `aipress resume TARGET`.
    """
    from reconciler.actions.rollback import RollbackRequest, propose
    from reconciler.actions.rollback import commit as write
    from reconciler.report.returning import rollback_document, rollback_text

    if commit and now:
        raise UsageError("--commit and --now exclude each other", "--now applies first; commit when it holds")
    if hold is not None and not now:
        raise UsageError("--hold belongs to --now", "`aipress pause` holds a target")
    if (target is None) == (wave is None):
        raise UsageError("name a target, or waves with --wave", "aipress waves list; aipress history")
    if version and to_commit:
        raise UsageError("a version and --to-commit exclude each other", "name one of them")
    world, terminal = given.world(), given.terminal
    if wave is not None or target is None:
        if now or version or to_commit:
            raise UsageError("--wave goes alone: it is a commit that the next cycle applies")
        return _wave(world, (wave or "", reason), given)
    targets = given.targets(tuple(dict.fromkeys(target.split(","))))
    proposal = propose(world, RollbackRequest(targets, version or "", to_commit or "", reason))
    if not terminal.json:
        terminal.out(rollback_text(proposal, terminal.style))
    if now:
        return _now(world, proposal, (hold or HOLD, guards(allow), yes), given)
    made = write(world, proposal)
    if terminal.json:
        terminal.out_json(rollback_document(proposal, made))
    else:
        terminal.out(f"Commit {made}\n")
        terminal.note(f"The next cycle applies it; `aipress apply {' '.join(map(str, targets))}` does so now.")
    return 0


def _wave(world: "World", asked: tuple[str, str], given: Invocation) -> int:
    from reconciler.actions.rollback_wave import return_of, write
    from reconciler.report.returning import wave_document, wave_text

    terminal, returned = given.terminal, return_of(world, *asked)
    if not terminal.json:
        terminal.out(wave_text(returned, terminal.style))
    made = write(world, returned)
    if terminal.json:
        terminal.out_json(wave_document(returned, made))
    else:
        terminal.out(f"Commit {made}\n")
        terminal.note(
            "The next cycle applies it, many sites in waves; `aipress apply --allow blast-radius` does so now, at once."
        )
    return 0


def _now(world: "World", proposal: "RollbackProposal", how: tuple[str, frozenset[str], bool], given: Invocation) -> int:
    from reconciler.actions.holds import until_from
    from reconciler.actions.rollback import Immediate
    from reconciler.actions.rollback import now as apply_now

    hold, allowed, yes = how
    until = until_from(hold, world.clock.now())
    if not yes:
        question = f"Apply this now and hold {proposal.title} until {until:%Y-%m-%d %H:%M} UTC? [y/N] "
        answer = given.terminal.ask(question, "--yes applies without asking; without --now it is only a commit")
        if answer.lower() not in ("y", "yes"):
            raise RefusedError("not applied: it was declined")
    with following(given.terminal) as progress:
        applied = apply_now(world, proposal, Immediate(until, progress, allowed))
    tell(applied, given)
    wanted = ",".join(map(str, proposal.targets)) + (f" --to-commit {proposal.to}" if len(proposal.legs) > 1 else "")
    given.terminal.note(
        f"On hold until {until:%Y-%m-%d %H:%M} UTC, or until Git says the same: aipress rollback {wanted}"
    )
    return applied.exit_code
