"""What a rollback leaves behind is marked, so that it does not come back by itself (the guard `poisoned`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from reconciler.actions.proposal import RollbackProposal
from reconciler.cycle.world import World
from reconciler.model.errors import AipressError, RefusedError
from reconciler.model.hold import Poison

POISONED_FOR = timedelta(days=30)
"""How long a state that was left is kept from coming back by itself: longer than most branches live."""


def committed(world: World, proposals: Sequence[RollbackProposal], files: Mapping[str, str], message: str) -> str:
    """Mark what these returns leave behind, then write them as one commit. Returns its id; where it is not made, no
    mark stays. Raises what `Repository.commit` does."""
    marks = mark(world, proposals)
    try:
        return world.repository.commit(files, message, world.actor)
    except AipressError:
        world.history.drop_poisons(marks, world.actor, "the commit was not made")
        raise


def mark(world: World, proposals: Sequence[RollbackProposal]) -> list[Poison]:
    """Before anything is written or applied: should this process die, the mark alone stops nothing that runs. What is
    marked already keeps its mark. Returns the new ones."""
    now = world.clock.now()
    there = [(one.target, one.states) for one in world.history.poisons() if one.active(now)]
    marks = [one for proposal in proposals for one in _left(proposal, world.actor, now)]
    new = [one for one in marks if (one.target, one.states) not in there]
    if new:
        world.history.set_poisons(new)
    return new


def marks_on(world: World, proposal: RollbackProposal) -> list[Poison]:
    """The marks in force on what a proposal would return to."""
    moving = {unit: state for unit, state in proposal.reached.items() if unit in proposal.left}
    now = world.clock.now()
    return [poison for poison in world.history.poisons() if poison.active(now) and poison.units(moving)]


def refuse_marked(world: World, proposal: RollbackProposal, what: str) -> None:
    """Raises RefusedError when what is returned to was itself left behind. `what`: how the message begins."""
    if marks := marks_on(world, proposal):
        again = f"allow it again: aipress resume {marks[0].target}"
        raise RefusedError(f"{what} the state that {marks[0].told()}", again)


def _left(proposal: RollbackProposal, actor: str, now: datetime) -> list[Poison]:
    return [
        Poison(
            str(target), proposal.left, _whence(proposal), proposal.to, proposal.commit, proposal.reason, actor,
            now, now + POISONED_FOR,
        )
        for target in proposal.targets
        if proposal.left
    ]  # fmt: skip


def _whence(proposal: RollbackProposal) -> str:
    """The versions that are left; where the newest is returned to, what Git says beyond it."""
    labels = [leg.current.label for leg in proposal.legs if leg.current.label != leg.chosen.label]
    return ", ".join(labels[:3]) + (" …" if len(labels) > 3 else "") or f"commit {proposal.commit[:12]}"
