"""`aipress drift`: what moved outside Git, and writing a live value into the YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.cycle.loop import look
from reconciler.cycle.world import World
from reconciler.desired.accept import Written, way_back
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Target, TargetKind
from reconciler.planning.drift import Drift, find_drift
from reconciler.source.edit import remove_value, set_value
from reconciler.source.load import load_files
from reconciler.source.overlay import OverlayFiles
from reconciler.source.scope import scope_of
from reconciler.source.tree import CommitFiles


@dataclass(frozen=True, slots=True)
class Accepted:
    """`files`: the new texts by path; `commit`: the commit that holds them; `left`: drift that no field can express."""

    files: Mapping[str, str]
    commit: str
    accepted: tuple[Drift, ...]
    left: tuple[Drift, ...]


def find(world: World, targets: Sequence[Target]) -> tuple[Drift, ...]:
    """Drift of these targets at HEAD, read now."""
    return find_drift(look(world, world.repository.resolve("HEAD"), scope_of(targets)))


def accept(world: World, target: Target, fields: Sequence[str]) -> Accepted:
    """Write live values into the target's own document and commit them. `fields`: body paths; none: all drift there.

    Raises InputError when nothing drifted there, when no field of the YAML can say it, or when the result is wrong.
    """
    facts = look(world, world.repository.resolve("HEAD"), scope_of([target]))
    drifted = [d for d in find_drift(facts) if d.address.target == target.whole and not d.unread]
    chosen = [d for d in drifted if not fields or d.path in fields]
    unknown = sorted(set(fields) - {d.path for d in drifted})
    if unknown or not chosen:
        there = ", ".join(d.path for d in drifted) or "nothing"
        raise InputError(f"{unknown[0] if unknown else target} has not drifted", f"drifted at {target}: {there}")
    ways = [(d, way_back(d.address, d.path, d.live)) for d in chosen]
    possible = [(d, way) for d, way in ways if way is not None]
    left = tuple(d for d, way in ways if way is None)
    if not possible:
        paths = ", ".join(d.path for d in left)
        raise InputError(
            f"no field of the YAML says {paths}: it is the platform's own choice", "aipress apply reverts it"
        )
    path, text = _document(facts.fleet, target)
    for _, way in possible:
        text = _written(text, way)
    _check(world, facts.fleet, {path: text})
    names = ", ".join(".".join(way.path) for _, way in possible)
    commit = world.repository.commit({path: text}, f"{target}: accept drift of {names}", world.actor)
    return Accepted({path: text}, commit, tuple(d for d, _ in possible), left)


def _document(fleet: Fleet, target: Target) -> tuple[str, str]:
    if target.kind is TargetKind.TENANT and target.name in fleet.tenants:
        return fleet.tenants[target.name].path, fleet.tenants[target.name].text
    if target.kind is TargetKind.SHARD and target.name in fleet.shards:
        return fleet.shards[target.name].path, fleet.shards[target.name].text
    raise InputError(f"{target} has no valid document to write into", "accept drift of one tenant/NAME or shard/NAME")


def _written(text: str, way: Written) -> str:
    return remove_value(text, way.path) if way.value is None else set_value(text, way.path, way.value)


def _check(world: World, fleet: Fleet, texts: Mapping[str, str]) -> None:
    """The commit is checked before it is made."""
    before = {(d.file, d.message) for d in fleet.errors}
    after = load_files(OverlayFiles(CommitFiles(world.repository, fleet.commit), texts))
    problem = next((d for d in after.errors if (d.file, d.message) not in before), None)
    if problem is not None:
        raise InputError(
            f"the live value is not allowed in the YAML: {problem.message}", problem.help or "let it be reverted"
        )
