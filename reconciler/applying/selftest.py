"""One write for each rule that it must refuse (row 33), asked at every start: no rule is ever lost in silence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from reconciler.applying.asked import Asked
from reconciler.applying.limits import objection
from reconciler.applying.tally import Tally
from reconciler.model.bounds import Bounds
from reconciler.model.effect import Effect, Reply, Row, Trip
from reconciler.model.hold import Hold, HoldKind
from reconciler.model.ids import Address
from reconciler.model.plan import ABSENT, Action, Change
from reconciler.model.ports import Call

_NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
_LATELY = _NOW - timedelta(milliseconds=500)
_SITE, _DATA = "tenant/site-1/run.service/production", "tenant/site-1/sql.database/production"
_OK = "purges/site-1/a0000000/2026-01-02"


def lost_rules() -> Iterable[str]:
    """Names of the rules that let through what they must refuse; none when all is well."""
    for name, asked in cases().items():
        if objection(asked)[0] != name:
            yield name


def cases() -> Mapping[str, Asked]:
    """By the name of the rule."""
    many = [_effect(f"tenant/t{n}/sql.database/x", "delete", id_=f"d{n}", live=False) for n in range(60)]
    sites = [_effect(f"tenant/t{n}/run.service/x", commit="other", id_=f"s{n}") for n in range(60)]
    same = [_effect(f"tenant/t{n}/run.service/x", id_=f"s{n}", shard=f"s{n}") for n in range(5)]
    deleted = [_effect(f"tenant/t{n}/run.service/x", "delete", id_=f"g{n}", live=False) for n in range(5)]
    repeats = [_effect(_SITE, id_="mine", repeat=n > 0, live=False) for n in range(60)]
    busy = _effect("shard/other/sql.instance/main", shard="other", id_="i")
    calls = [_effect(_SITE, id_=f"c{n}") for n in range(2)]
    sick: list[Row] = [Reply(_LATELY, "s", f"tenant/t{n % 3}", error=True) for n in range(40)]
    held = [Hold("tenant/site-1", "why", "who", _NOW, None)]
    parked = [Hold(f"tenant/t{n}", "why", "who", _NOW, None, HoldKind.QUARANTINE.value) for n in range(30)]
    instance, folder = "shard/s/sql.instance/main", "fleet/folder/shards"
    return {
        "hold": _asked(_SITE, holds=held), "quarantine": _asked(_SITE, holds=parked),
        "never-list": _asked(folder, Action.DELETE, approval=_OK), "data-delete": _asked(_DATA, Action.DELETE),
        "deletes": _asked(_SITE, Action.DELETE, deleted), "destroys": _asked(_DATA, Action.DELETE, many, _OK),
        "breaker": _asked(_SITE, before=[*sick, Trip(_LATELY, "s", "why")]), "retries": _asked(_SITE, before=repeats),
        "project-share": _asked(_SITE, before=sites), "one-instance": _asked(instance, before=[busy]),
        "rollout": _asked(_SITE, before=same), "pace": _asked(_SITE, before=calls),
    }  # fmt: skip


def _effect(resource: str, action: str = "update", **given: object) -> Effect:
    data = "sql.database" in resource
    more = {"commit": "c", "shard": "s", "live": True, "repeat": False, **given}
    return Effect(
        str(more["id_"]), _LATELY, "p", str(more["commit"]), str(more["shard"]), resource, action,
        bool(more["live"]), data, repeat=bool(more["repeat"]),
    )  # fmt: skip


def _asked(
    resource: str, action: Action = Action.UPDATE, before: Iterable[Row] = (), approval: str = "",
    holds: Sequence[Hold] = (),
) -> Asked:  # fmt: skip
    tally = Tally()
    for row in before:
        tally.add(row)
    address = Address.parse(resource)
    change = Change(address, "n", "p", action, "", {}, ABSENT, "", "s", "a0000000", approval=approval)
    bounds = Bounds(sites=1000, shards=20, live={"s": ("site-1", *(f"t{n}" for n in range(40)))})
    call = Call(action, address.kind, "n", "p", {}, request_id="mine")
    return Asked(change, call, "p", "c", tally, bounds, _NOW, tuple(holds))
