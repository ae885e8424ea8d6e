"""`aipress rollback`: return a target to a version. Undo is a new commit and a new version; reconciliation stays on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.actions.apply import Applied, exit_code
from reconciler.actions.history import shard_of
from reconciler.cycle import Walk, World, apply_once, look
from reconciler.desired.compile import compile_fleet
from reconciler.history.rollback import default_version, lost_data, rollback_files
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address, Scope, Target
from reconciler.model.ports import Progress
from reconciler.model.resource import Desired
from reconciler.model.version import Hold, Version
from reconciler.planning.narrow import in_scope
from reconciler.planning.plan import make_plan
from reconciler.source.edit import remove_value, set_value
from reconciler.source.load import load_files
from reconciler.source.overlay import OverlayFiles
from reconciler.source.scope import scope_of
from reconciler.source.tree import CommitFiles

_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """`version` "" : the last healthy one in which the target differs."""

    target: Target
    version: str = ""


@dataclass(frozen=True, slots=True)
class RollbackProposal:
    """What would be written. `before` and `files`: texts by path; `differences`: where the compiled result would still
    not equal the version (then nothing is written); `lost`: data that would come back empty; `notes` for people."""

    target: Target
    commit: str
    current: Version
    chosen: Version
    before: Mapping[str, str]
    files: Mapping[str, str]
    differences: tuple[str, ...] = ()
    lost: tuple[Address, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Immediate:
    """`--now`: applied before Git says so, and held until it does."""

    until: datetime
    progress: Progress
    allow: frozenset[str] = field(default_factory=frozenset)


def propose(world: World, request: RollbackRequest) -> RollbackProposal:
    """Compute and compile the return. Raises InputError (no such version, nothing differs) and RefusedError."""
    target, commit = request.target, world.repository.resolve("HEAD")
    shard = shard_of(world, target)
    current = world.history.head(shard)
    if current is None:
        raise InputError(f"{target} has no version yet: there is nothing to return to")
    texts = _texts(world, commit, shard)
    chosen = world.history.version(request.version) if request.version else _default(world, target, shard, texts)
    if chosen.shard != shard:
        raise InputError(f"{chosen.label} is a version of {chosen.shard or 'the fleet'}, and {target} is on {shard}")
    change = rollback_files(target, chosen, texts)
    files = dict(change.files)
    for one in change.overrides:
        text = files.get(one.file, texts.get(one.file, ""))
        changed = remove_value(text, one.path) if one.value is None else set_value(text, one.path, one.value)
        files[one.file] = changed
    files = {path: text for path, text in files.items() if text != texts.get(path)}
    differences = tuple(_differences(world, commit, files, (target, chosen)))
    if not files and not differences:
        raise InputError(
            f"{target} says what it said in {chosen.label}", "`aipress apply` undoes what moved outside Git"
        )
    return RollbackProposal(
        target=target, commit=commit, current=current, chosen=chosen, files=files,
        before={path: texts.get(path, "") for path in files},
        differences=differences,
        lost=lost_data(target, chosen, current), notes=change.notes,
    )  # fmt: skip


def commit(world: World, proposal: RollbackProposal) -> str:
    """Write it as a commit on the fleet repository; the next cycle applies it. Returns the commit id.

    Raises RefusedError when the target would not equal the version, would lose data, or the branch moved.
    """
    _refuse(proposal)
    if world.repository.resolve("HEAD") != proposal.commit:
        raise RefusedError("the fleet repository moved since this was computed", "run the rollback again")
    first = f"Return {proposal.target} to {proposal.chosen.label}"
    sides = (("from", proposal.current), ("to", proposal.chosen))
    body = "\n".join(f"{word} {version.label} ({version.summary})" for word, version in sides)
    return world.repository.commit(proposal.files, f"{first}\n\n{body}\n", world.actor)


def now(world: World, proposal: RollbackProposal, how: Immediate) -> Applied:
    """Apply it at once and hold the target, so that no cycle undoes it before Git says the same."""
    _refuse(proposal)
    with world.lease.hold("apply"):
        plan = make_plan(look(world, proposal.commit, scope_of([proposal.target]), "", proposal.files))
        reason = f"rolled back to {proposal.chosen.label}; Git does not say so yet"
        hold = Hold(str(proposal.target), reason, world.actor, world.clock.now(), how.until, "rollback")
        walk = Walk(how.progress, f"rollback to {proposal.chosen.label}", how.allow, texts=proposal.files)
        world.history.set_hold(hold)
        outcome, versions = apply_once(world, plan, walk)
    return Applied(plan, outcome, versions, {}, exit_code(plan, outcome, how.allow, False))


def until(world: World, seconds: float) -> datetime:
    return world.clock.now() + timedelta(seconds=seconds)


def _refuse(proposal: RollbackProposal) -> None:
    if proposal.differences:
        raise RefusedError(
            f"{proposal.target} would not equal {proposal.chosen.label}: {'; '.join(proposal.differences[:5])}",
            "change what it inherits in fleet.yaml or the tier first",
        )
    if proposal.lost:
        gone = ", ".join(map(str, proposal.lost[:5]))
        raise RefusedError(f"the data of {gone} is gone: it would come back empty", "restore the data first")


def _default(world: World, target: Target, shard: str, texts: Mapping[str, str]) -> Version:
    candidates = (world.history.version(version.id) for version in world.history.versions(shard))
    chosen = default_version(candidates, target, texts)
    if chosen is None:
        raise InputError(f"no healthy version of {target} differs from today", f"aipress history {target}")
    return chosen


def _texts(world: World, commit: str, shard: str) -> dict[str, str]:
    """The files of one shard and what they inherit from."""
    return {
        file.path: world.repository.read(file.blob, _LIMIT).decode(errors="replace")
        for file in world.repository.files(commit)
        if file.path == "fleet.yaml" or file.path.startswith(("tiers/", f"shards/{shard}/"))
    }


def _differences(world: World, commit: str, files: Mapping[str, str], about: tuple[Target, Version]) -> list[str]:
    """Where the compiled result would not equal the version: values that neither file can say."""
    target, chosen = about
    fleet: Fleet = load_files(OverlayFiles(CommitFiles(world.repository, commit), files), {chosen.shard})
    wrong = [f"{d.where}: {d.message}" for d in fleet.errors if d.file in files]
    if wrong:
        return wrong
    desired, scope = compile_fleet(fleet), scope_of([target])
    return wrong + _unequal(desired, chosen, scope)


def _unequal(desired: Desired, chosen: Version, scope: Scope) -> list[str]:
    rows: list[str] = []
    then = {a: r for a, r in chosen.resources.items() if in_scope(a, chosen.shard, scope)}
    wanted = {a: r for a, r in desired.resources.items() if in_scope(a, r.shard, scope) and r.only_if is None}
    for address in sorted(wanted.keys() & then.keys()):
        fields = difference(kind_of(address.kind), then[address].body, wanted[address].body, then[address].body)
        rows += [
            f"{address} {f.path}: {f.before} then, {f.after} now"
            for f in fields
            if f.unknown is None and not f.sensitive
        ]
    return rows + [f"{address} was not there then" for address in sorted(wanted.keys() - then.keys())]
