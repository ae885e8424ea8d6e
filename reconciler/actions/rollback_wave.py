"""`aipress rollback --wave`: one commit that returns what a wave touched to the versions before it.

A wave that walked only some of a shard leaves a version whose shared files (a tier) are new while other tenants still
have the old state; so where the version right before a wave does not say by its files what a tenant was, the one before
the first of the waves on that shard is taken.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.actions.marks import committed
from reconciler.actions.proposal import RollbackProposal
from reconciler.actions.rollback import RollbackRequest, propose
from reconciler.actions.waves import find
from reconciler.cycle.world import World
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ids import Target, TargetKind
from reconciler.model.version import shard_label
from reconciler.model.wave import Waves
from reconciler.source.scope import placed


@dataclass(frozen=True, slots=True)
class WaveReturn:
    """`numbers`: the waves that are returned; `proposals`: one for each target that would change; `same`: targets that
    say already what they said then."""

    waves: Waves
    numbers: tuple[int, ...]
    commit: str
    proposals: tuple[RollbackProposal, ...]
    same: tuple[str, ...] = ()
    reason: str = ""

    @property
    def files(self) -> Mapping[str, str]:
        return {path: text for proposal in self.proposals for path, text in proposal.files.items()}


def return_of(world: World, which: str, reason: str = "") -> WaveReturn:
    """`which`: ID (all of its waves that began) or ID/N; `reason` is told to everybody who meets what was left behind.

    Raises InputError (there is no such wave, it says already what it said), RefusedError (they go on, a target would
    not equal its version, or what it would return to was itself rolled back from)."""
    ident, _, text = which.partition("/")
    waves = find(world, ident)
    if waves.running:
        raise RefusedError(f"waves {ident} go on by themselves", f"end them first: aipress waves abort {ident}")
    begun = sorted(waves.courses)
    numbers = tuple(n for n in begun if not text or str(n) == text)
    if not numbers:
        raise InputError(
            f"waves {ident} have begun no wave {text}".rstrip(), f"begun: {', '.join(map(str, begun)) or 'none'}"
        )
    commit = world.repository.resolve("HEAD")
    where = placed(world.repository, commit)
    proposals: list[RollbackProposal] = []
    same: list[str] = []
    for number in numbers:
        for target in _whole(waves.waves[number - 1].targets, where):
            shard = target.name if target.kind is TargetKind.SHARD else where.get(target.name, "")
            proposal = _returned(world, target, tuple(_before(waves, number, shard)), reason)
            if proposal is None:
                same.append(str(target))
            else:
                proposals.append(proposal)
    if not proposals:
        raise InputError(f"everything of wave {which} says what it said before it")
    return WaveReturn(waves, numbers, commit, tuple(proposals), tuple(same), reason)


def write(world: World, returned: WaveReturn) -> str:
    """As one commit, which the next cycle applies; what is left behind is marked first. Returns its id. Raises
    RefusedError."""
    for proposal in returned.proposals:
        if proposal.lost:
            gone = ", ".join(map(str, proposal.lost[:3]))
            raise RefusedError(f"the data of {gone} is gone: it would come back empty", "restore the data first")
    if world.repository.resolve("HEAD") != returned.commit:
        raise RefusedError("the fleet repository moved since this was computed", "run the rollback again")
    number = ", ".join(map(str, returned.numbers))
    first = f"Return what wave {number} of waves {returned.waves.id} touched"
    why = [f"because: {returned.reason}"] if returned.reason else []
    rows = [*why, *(f"{p.target}: from {p.legs[0].current.label} to {p.to}" for p in returned.proposals)]
    return committed(world, returned.proposals, returned.files, "\n".join([first, "", *rows, ""]))


def _whole(targets: tuple[str, ...], where: Mapping[str, str]) -> Iterator[Target]:
    """A shard that went as a whole returns as a whole; what has no file any more is left alone."""
    chosen = [Target.parse(target) for target in targets]
    shards = {t.name for t in chosen if t.kind is TargetKind.SHARD}
    for target in chosen:
        if target.kind is TargetKind.SHARD or (target.name in where and where[target.name] not in shards):
            yield target


def _before(waves: Waves, number: int, shard: str) -> Iterator[str]:
    """Versions to return to, the better first: right before this wave, and before any of these waves."""
    label = shard_label(shard)
    for n in (number, *sorted(waves.courses)):
        version = waves.courses[n].before.get(label)
        if version is not None:
            yield version


def _returned(world: World, target: Target, versions: tuple[str, ...], reason: str) -> RollbackProposal | None:
    """The return of one target; None when it says what it said. Raises RefusedError when no version can be reached."""
    wrong = ""
    for version in dict.fromkeys(versions):
        try:
            proposal = propose(world, RollbackRequest((target,), version, reason=reason))
        except InputError:
            return None
        if not proposal.differences:
            return proposal
        wrong = f"{target} would not equal {proposal.to}: {'; '.join(proposal.differences[:3])}"
    if wrong:
        raise RefusedError(wrong, f"return it by hand: aipress rollback {target}")
    return None
