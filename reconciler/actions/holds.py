"""`aipress pause` and `resume`: holds, kept in the history repository so that every host sees them; and their end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.cycle.mending import in_force
from reconciler.cycle.world import NO_TEXTS, Texts, World
from reconciler.desired.compile import compile_fleet
from reconciler.model.errors import InputError, UsageError
from reconciler.model.hold import Hold, HoldKind, Poison
from reconciler.model.ids import Scope, Target, TargetKind
from reconciler.planning.held import binding
from reconciler.planning.states import states
from reconciler.source.load import load, load_files
from reconciler.source.overlay import OverlayFiles
from reconciler.source.scope import placed, require_environments, scope_of, shards_in
from reconciler.source.tree import CommitFiles

UNITS = {"m": 60, "h": 3600, "d": 86_400}
OURSELVES = "aipress"
"""Who lifts a hold that is over by itself."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when ("" : from now, until resumed), as people write times."""

    until: str = ""
    begins: str = ""


@dataclass(frozen=True, slots=True)
class Lifted:
    holds: Sequence[Hold] = ()
    poisons: Sequence[Poison] = ()

    def __len__(self) -> int:
        return len(self.holds) + len(self.poisons)


def pause(world: World, target: Target, reason: str, window: Window = Window()) -> Hold:
    """Nothing is applied to the target until it is resumed or the time is over; with a beginning it is a freeze window.
    Raises InputError for no such target, UsageError for times that make no window."""
    if target.kind is not TargetKind.FLEET:
        _require(world, scope_of([target]))
    now = world.clock.now()
    until = until_from(window.until, now) if window.until else None
    begins = until_from(window.begins, now) if window.begins else None
    if until is not None and until <= (begins or now):
        raise UsageError(f"--until {until:%Y-%m-%d %H:%M}Z is {'not after --from' if begins else 'in the past'}")
    if begins is not None and until is None:
        raise UsageError("a freeze window needs an end", "--from goes with --until")
    kind = HoldKind.FREEZE if begins else HoldKind.PAUSE
    hold = Hold(str(target), reason, world.actor, now, until, kind.value, begins=begins)
    world.history.set_hold(hold)
    return hold


def _require(world: World, scope: Scope) -> None:
    """Raises InputError for what is not at HEAD: a hold on a misspelt environment would hold nothing, in silence."""
    head = world.repository.resolve("HEAD")
    require_environments(load(world.repository, head, shards=shards_in(world.repository, head, scope)), scope)


def resume(world: World, target: Target) -> Lifted:
    """Lifts the target's holds and lets what was rolled back from come again; what waited runs with the next cycle.
    Raises InputError when there is nothing to lift."""
    poisons = [poison for poison in world.history.poisons() if poison.target == str(target)]
    holds = world.history.clear_hold(str(target), world.actor)
    if poisons:
        poisons = list(world.history.drop_poisons(poisons, world.actor, f"resume {target}"))
    if not holds and not poisons:
        here = {hold.target for hold in world.history.holds()} | {one.target for one in world.history.poisons()}
        raise InputError(f"{target} is not on hold", f"on hold: {', '.join(sorted(here)) or 'nothing'}")
    return Lifted(holds, poisons)


def binding_now(world: World, commit: str, texts: Texts = NO_TEXTS) -> tuple[Hold, ...]:
    """The holds that count now, as a plan of a commit (with other texts in place of its own) meets them."""
    holds, now = in_force(world, commit, texts), world.clock.now()
    said = _said(world, commit, holds, texts)
    return tuple(bound for hold in holds if hold.told_of(now) and (bound := binding(hold, said)) is not None)


def settle(world: World) -> tuple[Hold, ...]:
    """Take off what is over: rollback holds where Git says the same by now (these are returned), and what ended so long
    ago that nobody is told any more."""
    now, holds, poisons = world.clock.now(), world.history.holds(), world.history.poisons()
    if any(hold.states for hold in holds):
        said = _said(world, world.repository.resolve("HEAD"), holds)
        agreed = [h for h in holds if h.states and all(said.get(unit) == state for unit, state in h.states.items())]
    else:
        agreed = []
    lifted = world.history.drop_holds(agreed, OURSELVES, "Git says the same") if agreed else ()
    if old := [hold for hold in holds if not hold.told_of(now)]:
        world.history.drop_holds(old, OURSELVES, "ended")
    if past := [poison for poison in poisons if not poison.told_of(now)]:
        world.history.drop_poisons(past, OURSELVES, "ended")
    return tuple(hold for hold in lifted if hold.active(now))


def _said(world: World, commit: str, holds: Iterable[Hold], texts: Texts = NO_TEXTS) -> dict[str, str]:
    """unit -> digest of what Git says at a commit, for the units that rollback holds are about."""
    units = {unit for hold in holds for unit in hold.states}
    if not units:
        return {}
    where = placed(world.repository, commit)
    targets = [Target.parse(unit) for unit in units]
    shards = {t.name if t.kind is TargetKind.SHARD else where.get(t.name, "") for t in targets} - {""}
    fleet = load_files(OverlayFiles(CommitFiles(world.repository, commit), texts), shards)
    return states(compile_fleet(fleet), (), units) if fleet.fleet is not None else {}


def active(world: World) -> tuple[Hold, ...]:
    now = world.clock.now()
    return tuple(hold for hold in world.history.holds() if hold.active(now))


def until_from(text: str, now: datetime) -> datetime:
    """ "2h", "30m", "3d", or a time such as 2026-12-01T08:00Z. Raises UsageError."""
    try:
        if text[:-1].isdigit() and text[-1:] in UNITS:
            return now + timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no time: write 30m, 2h, 3d or a time such as 2026-12-01T08:00Z") from error
    return when if when.tzinfo else when.replace(tzinfo=now.tzinfo)


def placed_on(world: World, tenant: str) -> str:
    """The shard a tenant is written in at HEAD; "" when it is nowhere."""
    return placed(world.repository, world.repository.resolve("HEAD")).get(tenant, "")
