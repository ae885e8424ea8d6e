"""`aipress rollback`: return targets to versions. Undo is a new commit and a new version; reconciliation stays on.

What is left behind is marked, so that it does not come back by mistake; what is applied before Git says so is held.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.actions.apply import Applied, exit_code
from reconciler.actions.history import shard_of
from reconciler.actions.marks import committed, mark, marks_on, refuse_marked
from reconciler.actions.proposal import Leg, RollbackProposal
from reconciler.actions.returning import Compiled, Texts, differences
from reconciler.actions.selftest import require_guards
from reconciler.cycle.loop import apply_once, look
from reconciler.cycle.world import Walk, World
from reconciler.history.rollback import Override, candidates, lost_data, rollback_files, version_at
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.hold import Hold, HoldKind
from reconciler.model.ids import FLEET, Address, Target, TargetKind, shard_target
from reconciler.model.policies import NO_BASE
from reconciler.model.ports import Progress
from reconciler.model.version import FLEET_SHARD, RETURNED, Version, past_guards
from reconciler.planning.plan import make_plan
from reconciler.source.edit import remove_value, set_value
from reconciler.source.scope import scope_of


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """`version` and `to_commit` "" : the last healthy version in which the (one) target differs. `reason` is told to
    everybody who meets what was left behind."""

    targets: tuple[Target, ...]
    version: str = ""
    to_commit: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Immediate:
    """`--now`: applied before Git says so, and held until it does."""

    until: datetime
    progress: Progress
    allow: frozenset[str] = frozenset()


def propose(world: World, request: RollbackRequest) -> RollbackProposal:
    """Compute and compile the return. Raises InputError (no such version, nothing differs) and RefusedError (a tenant
    is another one under the same name, the state was itself left behind)."""
    if request.to_commit:
        return _by_commit(world, request)
    if len(request.targets) != 1:
        raise InputError("several targets return to a commit, not to one version", "name it: --to-commit SHA")
    target = request.targets[0]
    shard = shard_of(world, target)
    current = _current(world, target, shard)
    if not request.version:
        return _by_default(world, Leg(target, current, current), request)
    chosen = world.history.version(request.version)
    if chosen.shard != shard:
        whose = chosen.shard or "the fleet"
        raise InputError(f"{chosen.label} is a version of {whose}, and {target} is on {shard or 'the fleet'}")
    proposal = return_to(world, (Leg(target, current, chosen),), request)
    refuse_marked(world, proposal, f"{chosen.label} is")
    return proposal


def return_to(
    world: World, legs: Sequence[Leg], request: RollbackRequest, base: Mapping[str, str] | None = None
) -> RollbackProposal:
    """The proposal that brings every leg's target to its version, as one commit. `base`: texts that are written
    whatever the versions say (a fleet's own file and tiers). Raises InputError when nothing differs."""
    head, base = world.repository.resolve("HEAD"), base or {}
    texts = Texts(world.repository, head)
    written: dict[str, str] = {}
    notes: list[str] = []
    lost: list[Address] = []
    for leg in legs:
        gone = lost_data(leg.target, leg.chosen, leg.current)
        alone = leg.target.kind is TargetKind.TENANT
        purged = set() if alone else {a.target.name for a in gone if a.target.kind is TargetKind.TENANT}
        lost += [a for a in gone if a.target.kind is not TargetKind.TENANT or a.target.name not in purged]
        change = rollback_files(leg.target, leg.chosen, {**texts.of(leg.chosen), **base}, purged)
        written |= change.files
        notes += change.notes
        for one in change.overrides:
            written[one.file] = _overridden(written.get(one.file, texts.text(one.file)), one)
    files = {path: text for path, text in {**written, **base}.items() if text != texts.text(path)}
    compiled = Compiled.after(world.repository, head, files, {leg.chosen.shard for leg in legs} - {FLEET_SHARD})
    wrong = compiled.wrong or tuple(row for leg in legs for row in differences(compiled, leg.target, leg.chosen))
    if not files and not wrong:
        labels = ", ".join(dict.fromkeys(leg.chosen.label for leg in legs))
        said = f"{', '.join(map(str, request.targets))} says what it said in {labels}"
        raise InputError(said, "`aipress apply` undoes what moved outside Git")
    proposal = RollbackProposal(
        targets=request.targets, legs=tuple(legs), commit=head, files=files,
        before={path: texts.text(path) for path in files}, differences=wrong, lost=tuple(lost), notes=tuple(notes),
        to=request.to_commit or legs[0].chosen.label, reason=request.reason,
    )  # fmt: skip
    return proposal if wrong else _with_states(world, proposal, compiled)


def commit(world: World, proposal: RollbackProposal) -> str:
    """Write it as a commit on the fleet repository; the next cycle applies it. Returns the commit id.

    Raises RefusedError when a target would not equal its version, would lose data, or the branch moved.
    """
    _refuse(proposal)
    if world.repository.resolve("HEAD") != proposal.commit:
        raise RefusedError("the fleet repository moved since this was computed", "run the rollback again")
    why = [f"because: {proposal.reason}"] if proposal.reason else []
    rows = [*why, *(row for leg in proposal.legs for row in _told(leg, alone=len(proposal.legs) == 1))]
    message = "\n".join([f"Return {proposal.title} to {proposal.to}", "", *rows, ""])
    return committed(world, [proposal], proposal.files, message)


def now(world: World, proposal: RollbackProposal, how: Immediate) -> Applied:
    """Apply it at once and hold the targets, so that no cycle undoes it before Git says the same."""
    require_guards()
    _refuse(proposal)
    with world.lease.hold("apply"):
        facts = look(world, proposal.commit, scope_of(proposal.targets), NO_BASE, proposal.files)
        names = {str(target) for target in proposal.targets}
        others = tuple(h for h in facts.holds if h.kind != HoldKind.ROLLBACK or h.target not in names)
        plan = make_plan(replace(facts, holds=others))
        if plan.waves.waves and "blast-radius" not in how.allow:
            raise RefusedError(
                f"this return changes {sum(wave.sites for wave in plan.waves.waves):,} live sites at once",
                "without --now it is a commit that is walked in waves; --allow blast-radius does all of it now",
            )
        mark(world, [proposal])
        why = f" ({proposal.reason})" if proposal.reason else ""
        for target in proposal.targets:
            reason = f"rolled back to {proposal.to}{why}; Git does not say so yet"
            since, kind = world.clock.now(), HoldKind.ROLLBACK.value
            hold = Hold(str(target), reason, world.actor, since, how.until, kind, states=proposal.reached)
            world.history.set_hold(hold)
        walk = Walk(
            how.progress,
            past_guards(f"{RETURNED}{proposal.to}", how.allow, proposal.reason),
            how.allow,
            texts=proposal.files,
        )
        outcome, versions = apply_once(world, plan, walk)
    return Applied(plan, outcome, versions, {}, exit_code(plan, outcome, how.allow, False))


# --- which versions -------------------------------------------------------------------------------------------------


def _by_default(world: World, here: Leg, request: RollbackRequest) -> RollbackProposal:
    """The newest healthy version in which the target differs and that was not itself left behind."""
    texts = Texts(world.repository, world.repository.resolve("HEAD"))
    passed: list[str] = []
    versions = (world.history.version(version.id) for version in world.history.versions(here.current.shard))
    for chosen in candidates(versions, here.target, texts.of(here.current)):
        proposal = return_to(world, (replace(here, chosen=chosen),), request)
        if not marks_on(world, proposal):
            notes = [f"{label} was itself rolled back from, and is passed over" for label in passed]
            return replace(proposal, notes=(*notes, *proposal.notes))
        passed.append(chosen.label)
    left = f" ({', '.join(passed)} differ, and were rolled back from)" if passed else ""
    raise InputError(f"no healthy version of {here.target} differs from today{left}", f"aipress history {here.target}")


def _by_commit(world: World, request: RollbackRequest) -> RollbackProposal:
    """Each target to the version that applied a commit, or to the last one before it. The whole fleet gets that
    commit's own fleet.yaml and tiers; a part of it inherits today's, so what it inherited then is written down."""
    at = world.repository.resolve(request.to_commit)
    legs: list[Leg] = []
    notes: list[str] = []
    for target in _parts(world, request.targets):
        shard = shard_of(world, target)
        found = version_at(world.history.versions(shard), at, lambda commit: world.repository.is_behind(commit, at))
        if found is None:
            notes.append(f"{target} had no version at {at[:12]} or before: it stays as it is")
        else:
            legs.append(Leg(target, _current(world, target, shard), world.history.version(found.id)))
    if not legs:
        raise InputError(f"nothing of {', '.join(map(str, request.targets))} was applied at {at[:12]} or before")
    base = Texts(world.repository, at).shared() if FLEET in request.targets else {}
    proposal = return_to(world, legs, replace(request, to_commit=at), base)
    refuse_marked(world, proposal, f"at {at[:12]} it is")
    return replace(proposal, notes=(*notes, *proposal.notes))


def _parts(world: World, targets: Sequence[Target]) -> Iterator[Target]:
    """The fleet is its own objects and every shard that has a version."""
    for target in targets:
        if target.kind is not TargetKind.FLEET:
            yield target
            continue
        for shard in sorted(world.history.heads()):
            yield shard_target(shard) if shard else FLEET


def _current(world: World, target: Target, shard: str) -> Version:
    current = world.history.head(shard)
    if current is None:
        raise InputError(f"{target} has no version yet: there is nothing to return to")
    return current


def _overridden(text: str, one: Override) -> str:
    return remove_value(text, one.path) if one.value is None else set_value(text, one.path, one.value)


# --- what is left behind --------------------------------------------------------------------------------------------


def _with_states(world: World, proposal: RollbackProposal, after: Compiled) -> RollbackProposal:
    """What is returned to, and what is left: what Git says today, and what the newest versions have applied."""
    shards = {leg.chosen.shard for leg in proposal.legs} - {FLEET_SHARD}
    reached = after.states(proposal.legs)
    ways = [Compiled.after(world.repository, proposal.commit, {}, shards)]
    ways += [Compiled.of_version(leg.current) for leg in proposal.legs]
    left: dict[str, dict[str, None]] = {}
    for way in ways:
        for unit, state in way.states(proposal.legs).items():
            if unit in reached and state != reached[unit]:
                left.setdefault(unit, {})[state] = None
    return replace(proposal, reached=reached, left={unit: tuple(bad) for unit, bad in left.items()})


def _refuse(proposal: RollbackProposal) -> None:
    if proposal.differences:
        raise RefusedError(
            f"{proposal.title} would not equal {proposal.to}: {'; '.join(proposal.differences[:5])}",
            "change what it inherits in fleet.yaml or the tier first",
        )
    if proposal.lost:
        gone = ", ".join(map(str, proposal.lost[:5]))
        raise RefusedError(f"the data of {gone} is gone: it would come back empty", "restore the data first")


def _told(leg: Leg, *, alone: bool) -> list[str]:
    if alone:
        sides = (("from", leg.current), ("to", leg.chosen))
        return [f"{word} {version.label} ({version.summary})" for word, version in sides]
    return [f"{leg.target}: from {leg.current.label} to {leg.chosen.label}"]
