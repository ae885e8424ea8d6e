"""`aipress pause` and `resume`: a hold, kept in the history repository so that every host sees it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconciler.cycle import World
from reconciler.model.errors import InputError, UsageError
from reconciler.model.ids import Target, TargetKind
from reconciler.model.version import Hold
from reconciler.source.scope import placed, scope_of, shards_in

UNITS = {"m": 60, "h": 3600, "d": 86_400}


def pause(world: World, target: Target, reason: str, until: datetime | None) -> Hold:
    """Nothing is applied to the target until it is resumed or `until` is over. Raises InputError for no such target."""
    if target.kind is not TargetKind.FLEET:
        shards_in(world.repository, world.repository.resolve("HEAD"), scope_of([target]))
    now = world.clock.now()
    if until is not None and until <= now:
        raise UsageError(f"--until {until:%Y-%m-%d %H:%M}Z is in the past")
    hold = Hold(str(target), reason, world.actor, now, until)
    world.history.set_hold(hold)
    return hold


def resume(world: World, target: Target) -> Sequence[Hold]:
    """Lifts the target's holds; what waited runs with the next cycle. Raises InputError when there is none."""
    lifted = world.history.clear_hold(str(target), world.actor)
    if not lifted:
        held = ", ".join(sorted(hold.target for hold in world.history.holds())) or "nothing"
        raise InputError(f"{target} is not on hold", f"on hold: {held}")
    return lifted


def active(world: World) -> tuple[Hold, ...]:
    now = world.clock.now()
    return tuple(hold for hold in world.history.holds() if hold.until is None or hold.until > now)


def until_from(text: str, now: datetime) -> datetime:
    """ "2h", "30m", "3d", or a time such as 2026-12-01T08:00Z. Raises UsageError."""
    if text[:-1].isdigit() and text[-1:] in UNITS:
        return now + timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--until {text!r}: write 30m, 2h, 3d or a time such as 2026-12-01T08:00Z") from error
    return when if when.tzinfo else when.replace(tzinfo=now.tzinfo)


def placed_on(world: World, tenant: str) -> str:
    """The shard a tenant is written in at HEAD; "" when it is nowhere."""
    return placed(world.repository, world.repository.resolve("HEAD")).get(tenant, "")
