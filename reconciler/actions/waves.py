"""Waves under way: what an apply may walk of a plan, and where they stand after it. `aipress waves` lists and moves
them.

Each move is written by compare-and-swap before what it allows begins, so that whoever dies in between leaves waves that
the next process goes on with: a wave begun is walked to its end, one that is walked is never walked again, and none
begins before the bake of the one before is over and its sites are well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.cycle.loop import look
from reconciler.cycle.world import World
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ids import Address, Scope, Target, TargetKind
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Plan
from reconciler.model.version import shard_label
from reconciler.model.visit import Heard, Visit
from reconciler.model.wave import Course, IllegalMoveError, Phase, Stamp, Waves
from reconciler.planning.drift import find_drift
from reconciler.planning.facts import Facts
from reconciler.planning.gate import Gate, Witnessed, addresses, judge_wave
from reconciler.planning.health import health_of
from reconciler.planning.standing import waiting, waves_spec
from reconciler.source.scope import own_objects, placed

AT_ONCE = "blast-radius"
"""The guard whose `--allow` walks everything at once, in no waves."""
AGAIN = 2.0
"""Seconds until a site that answered an error is asked once more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one apply does with waves. `waves`: those it concerns, as they are now; `skip`: what waits, and for what;
    `begun`: ids of those whose wave at hand began with this apply; `early`: id -> why the next wave does not begin
    although the bake is over."""

    waves: tuple[Waves, ...] = ()
    skip: Mapping[Address, str] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    early: Mapping[str, str] = field(default_factory=dict)


def fits(world: World, plan: Plan) -> bool:
    """Whether a plan knows the waves that bear on it as they are now."""
    about = {str(change.address.target.whole) for change in plan.changes}
    standing = [w for w in world.history.waves() if w.standing and about & w.wave_of().keys()]
    known = {ident: length for ident, length in plan.waves.seen.items() if ident not in plan.waves.superseded}
    stored = {w.id: len(w.log) for w in world.history.waves()}
    return {w.id for w in standing} <= plan.waves.seen.keys() and all(stored.get(i) == n for i, n in known.items())


def begin(world: World, plan: Plan, why: str, allow: Iterable[str] = ()) -> Turn:
    """Open the waves that a plan asks for, go on with those whose bake is over, and say what may not be walked yet.

    Raises RefusedError when somebody else moved them since the plan was made.
    """
    if not fits(world, plan):
        raise RefusedError("the waves moved on while this plan was made", "run the same command again")
    stamp = Stamp(world.clock.now(), world.actor)
    stored = {w.id: w for w in world.history.waves()}
    newer = f"commit {plan.fleet_head[:12]} wants something else of its targets"
    moved = {i: stored[i].supersede(stamp, newer) for i in plan.waves.superseded if i in stored and stored[i].standing}
    at_once = AT_ONCE in set(allow)
    standing = [w for w in stored.values() if w.standing and w.id not in moved]
    if plan.waves.waves and not at_once:
        standing.append(plan.waves.opened(plan.digest, plan.fleet_head, stamp, why))
        moved[standing[-1].id] = standing[-1]
    begun: set[str] = set()
    early: dict[str, str] = {}
    for number, waves in enumerate(standing):
        on, early[waves.id] = (waves, "") if at_once else _onwards(world, plan, waves, why)
        if on is not waves:
            moved[on.id] = standing[number] = on
            begun |= {on.id} if on.phase is Phase.WALKING else set()
    if moved:
        world.history.move_waves(list(moved.values()))
    about = {str(change.address.target.whole) for change in plan.changes}
    ours = tuple(w for w in standing if about & w.wave_of().keys() or _in_sight(world, plan, w, w.at_wave))
    return Turn(ours, {} if at_once else waiting(ours, plan.changes, early), frozenset(begun), early)


def finish(world: World, turn: Turn, plan: Plan, outcome: Outcome, skip: Iterable[Address]) -> tuple[Waves, ...]:
    """Where the waves stand after the walk. `skip`: what was left out on purpose (a hold, a guard)."""
    result = []
    for waves in turn.waves:
        after = waves
        if waves.phase is Phase.WALKING and not outcome.interrupted and _in_sight(world, plan, waves, waves.at_wave):
            after = _walked(world, waves, _Walk(plan, outcome, frozenset(skip), waves.id in turn.begun))
        if after is not waves:
            try:
                world.history.move_waves([after])
            except RefusedError:  # paused, or ended by somebody else meanwhile: that stands
                after = next((w for w in world.history.waves() if w.id == waves.id), waves)
        result.append(after)
    return tuple(result)


def bakes(world: World) -> dict[str, datetime]:
    """ "ID/WAVE" -> when its bake is over, for all that bake now."""
    running = (w for w in world.history.waves() if w.running)
    return {f"{w.id}/{w.at_wave}": w.until for w in running if w.until is not None}


# --- going on -------------------------------------------------------------------------------------------------------


def _onwards(world: World, plan: Plan, waves: Waves, why: str) -> tuple[Waves, str]:
    """The same waves, or with their next wave begun, or aborted; and why it does not begin although it is its time."""
    now = world.clock.now()
    if waves.phase not in (Phase.PROPOSED, Phase.BAKING) or not _in_sight(world, plan, waves, waves.at_wave + 1):
        return waves, ""
    stamp = Stamp(now, world.actor)
    if waves.phase is Phase.BAKING:
        found = gate(world, waves, plan.fleet_head)
        if found.unwell:
            return waves.abort(stamp, found.unwell, found.targets), ""
        baking = waves.until is not None and now < waves.until
        if found.waits or baking:
            return waves, "" if baking else found.waits
        why = f"wave {waves.at_wave} is well{f' ({found.told})' if found.told else ''}: {why}"
    number = waves.at_wave + 1
    targets = waves.waves[number - 1].targets
    labels = {shard_label(c.shard) for c in plan.changes if str(c.address.target.whole) in targets}
    before = {label: plan.parents.get(label) for label in sorted(labels)}
    then = _asked(world, plan.fleet_head, targets)
    return waves.walk(stamp, why, Course(before, then.sick(), visits=then.heard())), ""


def gate(world: World, waves: Waves, commit: str) -> Gate:
    """How the sites of the wave at hand are, read now: every one as well as it was before, and still as applied."""
    number = waves.at_wave
    now = _asked(world, commit, waves.waves[number - 1].targets)
    return judge_wave(number, waves.courses.get(number, Course()), now)


def _asked(world: World, commit: str, targets: Iterable[str]) -> Witnessed:
    """Of the sites of these targets that have a file at this commit."""
    where = placed(world.repository, commit)
    chosen = [Target.parse(t) for t in targets]
    tenants = frozenset(t.name for t in chosen if t.kind is TargetKind.TENANT and t.name in where)
    shards = frozenset(t.name for t in chosen if t.kind is TargetKind.SHARD) & frozenset(where.values())
    if not tenants and not shards:
        return Witnessed({})
    facts = look(world, commit, Scope(fleet=False, shards=shards, tenants=tenants))
    on = sorted(t for t, shard in where.items() if t in tenants or shard in shards)
    healths = {f"tenant/{t}": health_of(facts, Target(TargetKind.TENANT, t)) for t in on}
    moved = {str(d.address.target) for d in find_drift(facts)} & healths.keys()
    return Witnessed(healths, _visited(world, facts, healths), tuple(sorted(moved)))


def _visited(world: World, facts: Facts, targets: Iterable[str]) -> dict[str, Visit]:
    """What visitors of these sites meet. Who answers an error is asked once more: one hiccup ends no rollout."""
    probe = waves_spec(facts).probe
    urls = addresses(facts, targets, probe)
    known = {url: target for target, url in urls.items() if url}
    met = {v.url: v for v in world.visitor.visit(tuple(known), probe.timeout_seconds)} if known else {}
    if again := [url for url, visit in met.items() if visit.heard is Heard.UNWELL]:
        world.clock.sleep(AGAIN)
        met |= {visit.url: visit for visit in world.visitor.visit(again, probe.timeout_seconds)}
    return {t: met[url] if url else Visit(t, why="Cloud Run gives it no public URL") for t, url in urls.items()}


# --- after a walk ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Walk:
    """`begun`: the wave at hand began with this very walk, so that nothing of it was done before."""

    plan: Plan
    outcome: Outcome
    left_out: frozenset[Address]
    begun: bool


def _walked(world: World, waves: Waves, walk: _Walk) -> Waves:
    """The wave at hand ends when each of its changes has: done, failed, or left out on purpose. Then it bakes, or so
    much failed that the rest is not walked."""
    stamp, number = Stamp(world.clock.now(), world.actor), waves.at_wave
    ends = _ends(walk)
    targets = frozenset(waves.waves[number - 1].targets)
    mine = {address: end for address, end in ends.items() if str(address.target.whole) in targets}
    if "open" in mine.values():
        return waves
    failed = tuple(sorted({str(address.target.whole) for address, end in mine.items() if end == "failed"}))
    if waves.too_many(len(failed), number):
        of = f"{len(failed)} of {waves.waves[number - 1].sites} sites"
        return waves.abort(stamp, f"{of} of wave {number} failed ({', '.join(failed[:3])})", failed)
    done = any(end == "done" for end in mine.values())
    return waves.bake(stamp, f"wave {number} is walked", failed, walked=done or not walk.begun)


def _ends(walk: _Walk) -> dict[Address, str]:
    """Address -> done, failed (it, or what it waits for), left (out on purpose), or open: to be tried again."""
    ends: dict[Address, str] = {}
    for change in walk.plan.changes:
        item = walk.outcome.items.get(change.address)
        if item is None or item.result in (Result.STALE, Result.INTERRUPTED):
            ends[change.address] = "open"
        elif item.result is Result.DONE:
            ends[change.address] = "done"
        elif item.result is Result.FAILED:
            ends[change.address] = "failed"
        else:
            before = {ends[a] for a in change.after if a in ends} - {"done"}
            own = "left" if change.address in walk.left_out else "open"
            ends[change.address] = next((end for end in ("failed", "open", "left") if end in before), own)
    return ends


def _in_sight(world: World, plan: Plan, waves: Waves, number: int) -> bool:
    """Whether a plan is about all of one wave: else it neither begins nor ends it."""
    if not 1 <= number <= len(waves.waves):
        return False
    if "fleet" in plan.scope:
        return True
    where, scope = placed(world.repository, plan.fleet_head), frozenset(plan.scope)
    return all(
        {target, own_objects(target), f"shard/{where.get(target.removeprefix('tenant/'), '')}"} & scope
        for target in waves.waves[number - 1].targets
    )


# --- what a person asks ---------------------------------------------------------------------------------------------


def every(world: World) -> Sequence[Waves]:
    """The newest first."""
    return tuple(reversed(world.history.waves()))


def find(world: World, ident: str = "") -> Waves:
    """By id; without one the only waves that stand. Raises InputError."""
    known = every(world)
    found = [w for w in known if (w.id == ident if ident else w.standing)]
    if len(found) != 1:
        names = ", ".join(w.id for w in known if w.standing) or "none"
        message = f"there are no waves {ident}" if ident else f"{len(found) or 'no'} waves stand: say which"
        raise InputError(message, f"standing: {names}; `aipress waves list` has all")
    return found[0]


def pause(world: World, waves: Waves, why: str) -> Waves:
    """No further wave begins until they are resumed. Raises RefusedError."""
    return _moved(world, waves, "pause", why)


def resume(world: World, waves: Waves, why: str) -> Waves:
    return _moved(world, waves, "resume", why)


def abort(world: World, waves: Waves, why: str) -> Waves:
    """What is not walked never is at this commit; what was done stays."""
    return _moved(world, waves, "abort", why)


def _moved(world: World, waves: Waves, verb: str, why: str) -> Waves:
    stamp = Stamp(world.clock.now(), world.actor)
    try:
        after: Waves = {"pause": waves.pause, "resume": waves.resume, "abort": waves.abort}[verb](stamp, why)
    except IllegalMoveError as error:
        raise RefusedError(str(error), f"`aipress waves show {waves.id}` says where they are") from error
    world.history.move_waves([after])
    return after
