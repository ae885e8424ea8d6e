"""Whether one write may be made now: pure rules over what was done lately. Asked right before every write.

Planning refuses plans; these rules hold whatever a plan says, across restarts and hosts. Each message says the limit,
the figure, the setting and how to go on. What is half done (the second half of a replacement) is always finished.
Waves and velocity concern live sites only, and percentages bind from 100 live sites on (DESIGN §6). The rows are those
of the table of safeguards in the study on reliability.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta

from reconciler.applying.asked import LOOK_AGAIN, STRANDED, Asked, Word
from reconciler.applying.sickness import breaker, retries
from reconciler.applying.tally import DAY, DESTROYS, HOUR, MINUTE, SECOND
from reconciler.kinds.catalog import kind_of
from reconciler.model.bounds import FEW
from reconciler.model.hold import HoldKind
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Halt, Later, No
from reconciler.model.version import shard_label

Rule = Callable[[Asked], Word]


def admit(asked: Asked) -> Word:
    """None: it may be made, and must be counted then. The first rule that objects is heard."""
    return objection(asked)[1]


def objection(asked: Asked) -> tuple[str, Word]:
    """The first rule that objects, by name, and what it says; ("", None) when none does."""
    if asked.half_done:
        return "", None
    said = ((name, word) for name, rule in RULES.items() if (word := rule(asked)) is not None)
    return next(said, ("", None))


# --- what is never done, or only with an approval -------------------------------------------------------------------


def never_list(asked: Asked) -> Word:
    """Projects and folders are never deleted or replaced (row 19): there is no approval for it."""
    kind = kind_of(asked.change.address.kind)
    if kind.never_replace and (asked.change.action in DESTROYS or asked.call.action in DESTROYS):
        return No(f"never-list: AIPress never deletes or replaces a {kind.noun}; nothing can allow it")
    return None


def data_delete(asked: Asked) -> Word:
    """What holds data goes only with a written approval that still holds at this moment (rows 1, 2 and 14)."""
    change, kind = asked.change, kind_of(asked.change.address.kind)
    if not kind.data_bearing or (asked.call.action not in DESTROYS and change.action not in DESTROYS):
        return None
    if change.action is Action.REPLACE or asked.call.action is Action.REPLACE:
        return No(f"data-delete: replacing this {kind.noun} would destroy what it holds; nothing can allow it")
    why = _unapproved(change, asked.now.date())
    return No(f"data-delete: the {kind.noun} holds data and stays: {why}") if why else None


def _unapproved(change: Change, today: date) -> str:
    """Why a change's approval ("purges/TENANT/UID/LAST-DAY") does not cover it now; "" when it does."""
    way = "write one in fleet.yaml `spec.purges`, in a commit of its own, and plan again"
    parts = change.approval.split("/")
    if not change.approval:
        return f"nobody approved its purge; {way}"
    if len(parts) != 4 or parts[0] != "purges":
        return f"its approval {change.approval!r} is none; {way}"
    _, tenant, uid, last = parts
    if (tenant, uid) != (change.address.target.name, change.owner):
        return f"the approval is for tenant {tenant} with uid {uid}, not for {change.address.target} ({change.owner})"
    try:
        over = date.fromisoformat(last) < today
    except ValueError:
        return f"the approval's last day {last!r} is none; {way}"
    return f"the approval expired on {last}; {way}" if over else ""


# --- what people, or failures, have put on hold ---------------------------------------------------------------------


def hold(asked: Asked) -> Word:
    """A pause, freeze or quarantine in force now, though it may be younger than the plan (row 22)."""
    change = asked.change
    for one in asked.holds:
        if one.covers(change.address.target, change.shard, change.address.key):
            why = f"hold: {one.target} is {one.told(asked.now)}; `aipress resume {one.target}` lifts it"
            return Halt(why) if one.target == "fleet" else No(why)
    return None


def parked(asked: Asked) -> Word:
    """So many tenants in quarantine that it is not about them (row 29)."""
    names = sorted(one.target for one in asked.holds if one.kind == HoldKind.QUARANTINE)
    most = asked.bounds.guards.quarantine.parked
    if len(names) <= most:
        return None
    return Halt(
        f"quarantine: {len(names)} tenants are parked (limit {most}: guards.quarantine.parked in fleet.yaml), so "
        f"nothing is applied any more. Find out what they share, then `aipress resume {names[0]}` and the others"
    )


# --- how much ------------------------------------------------------------------------------------------------------


def deletes(asked: Asked) -> Word:
    """Objects without data that one plan may delete (row 1); a purge covers its own."""
    change, most = asked.change, asked.bounds.guards.stateless_deletes
    if asked.call.action is not Action.DELETE or change.approval or kind_of(change.address.kind).data_bearing:
        return None
    gone = asked.tally.deleted_by(asked.plan)
    if "deletes" in asked.bounds.allow or str(change.address) in gone or len(gone) < most:
        return None
    return No(
        f"deletes: this plan has deleted {len(gone)} objects (limit {most}: guards.statelessDeletes in fleet.yaml); "
        "look at what else it would delete, then --allow deletes"
    )


def destroys(asked: Asked) -> Word:
    """Tenants purged an hour and a day, over all of the fleet (row 3)."""
    change, limits = asked.change, asked.bounds.guards.destroys
    if not kind_of(change.address.kind).data_bearing or asked.call.action not in DESTROYS:
        return None
    victim = asked.tenant or str(change.address)
    for window, most, word in ((HOUR, limits.per_hour, "perHour"), (DAY, limits.per_day, "perDay")):
        gone = asked.tally.destroyed(asked.now, window)
        if victim not in gone and len(gone) >= most:
            again = _when(gone, len(gone) - most, window)
            return No(
                f"destroys: {len(gone)} tenants were purged in the last {int(window / HOUR)} h (limit {most}: "
                f"guards.destroys.{word} in fleet.yaml){again}"
            )
    return None


def project_share(asked: Asked) -> Word:
    """Live tenants of one project changed in an hour (row 4): 10 %, at least one; below 100 live sites, 10."""
    if not asked.live or not asked.tenant:
        return None
    if "project-share" in asked.bounds.allow or (asked.bounds.small and "blast-radius" in asked.bounds.allow):
        return None
    limits, names = asked.bounds.guards.velocity, asked.bounds.live.get(asked.change.shard, ())
    most = max(1, int(len(names) * limits.project_percent_per_hour / 100))
    if asked.bounds.small:
        most = max(FEW, most)
    changed = asked.tally.changed(asked.change.shard, asked.now)
    if asked.tenant in changed or len(changed) < most:
        return None
    return No(
        f"project-share: {len(changed)} of the {len(names)} live tenants of {shard_label(asked.change.shard)} changed "
        f"in the last hour (limit {most}: guards.velocity.projectPercentPerHour in fleet.yaml)"
        f"{_when(changed, len(changed) - most, HOUR)}"
    )


def one_instance(asked: Asked) -> Word:
    """Never more than one live Cloud SQL instance of the fleet is changed at once (row 4)."""
    if not asked.live or asked.change.address.kind != "sql.instance":
        return None
    busy = [
        effect
        for resource, effect in asked.tally.instances().items()
        if resource != str(asked.change.address) and effect.at > asked.now - STRANDED
    ]
    if not busy:
        return None
    return Later(LOOK_AGAIN, f"one Cloud SQL instance at a time: {busy[0].resource} is being changed")


# --- how fast -------------------------------------------------------------------------------------------------------


def rollout(asked: Asked) -> Word:
    """Live tenants a minute in the first hour of a commit's rollout (row 24)."""
    begun = asked.tally.begun(asked.commit)
    if not asked.live or not asked.tenant or begun is None or asked.now >= begun + HOUR:
        return None
    most = asked.bounds.guards.velocity.rollout_per_minute
    if asked.bounds.small:
        most = max(FEW, most)
    lately = asked.tally.rollout(asked.commit, asked.now)
    if asked.tally.reached(asked.commit, asked.tenant) or len(lately) < most:
        return None
    seconds = _until(lately.values(), len(lately) - most, MINUTE, asked.now)
    return Later(seconds, f"{most} live tenants a minute in the first hour (guards.velocity.rolloutPerMinute)")


def pace(asked: Asked) -> Word:
    """Changing calls a second, in a project and over the fleet (row 24)."""
    if not asked.live:
        return None
    limits, shard = asked.bounds.guards.velocity, asked.change.shard
    for lately, most, word in (
        (asked.tally.pace(asked.now, shard), limits.project_per_second, "projectPerSecond"),
        (asked.tally.pace(asked.now), limits.fleet_per_second, "fleetPerSecond"),
    ):
        if len(lately) >= most:
            seconds = _until(lately, len(lately) - most, SECOND, asked.now)
            return Later(seconds, f"{most} changing calls a second (guards.velocity.{word})")
    return None


RULES: Mapping[str, Rule] = {
    "hold": hold, "quarantine": parked, "never-list": never_list, "data-delete": data_delete, "deletes": deletes,
    "destroys": destroys, "breaker": breaker, "retries": retries, "project-share": project_share,
    "one-instance": one_instance, "rollout": rollout, "pace": pace,
}  # fmt: skip
"""In the order they are asked: what forbids before what delays."""


def _when(moments: Mapping[str, datetime], ahead: int, window: timedelta) -> str:
    """When there is room again: once `ahead` + 1 of these have left the window."""
    ordered = sorted(moments.values())
    if not ordered:
        return "; raise it in a reviewed commit, if that is what you want"
    return f"; there is room again at {ordered[min(ahead, len(ordered) - 1)] + window:%Y-%m-%d %H:%M}Z"


def _until(moments: Iterable[datetime], ahead: int, window: timedelta, now: datetime) -> float:
    """Seconds until then; at most the window, whatever the clocks say."""
    ordered = sorted(moments)
    left = (ordered[min(ahead, len(ordered) - 1)] + window - now).total_seconds()
    return min(max(left, 0.01), window.total_seconds())
