"""What a walk is held to: the limits written at the plan's commit, and what the history knows was done lately."""

from datetime import timedelta

from reconciler.cycle.past import versions_since
from reconciler.cycle.world import World
from reconciler.history.recent import recent_effects
from reconciler.kinds.catalog import kind_of
from reconciler.model.bounds import Bounds
from reconciler.model.fleet import Fleet
from reconciler.model.guards import Guards
from reconciler.model.plan import Action, Plan

DAY = timedelta(hours=24)


def bounds_of(world: World, plan: Plan, fleet: Fleet, allow: frozenset[str]) -> Bounds:
    """What the walk is held to: the limits written at the plan's commit, and what the history knows."""
    shards = {c.shard for c in plan.changes}
    purges = any(
        c.action in (Action.DELETE, Action.REPLACE) and kind_of(c.address.kind).data_bearing for c in plan.changes
    )
    recorded, since = world.history.heads(), world.clock.now() - DAY
    before = [
        effect
        for shard in sorted(recorded if purges else shards & recorded.keys())  # purges are counted fleet-wide
        for effect in recent_effects(versions_since(world.history, shard, since), since)
    ]
    live: dict[str, tuple[str, ...]] = {}
    for shard in sorted(shards & recorded.keys()):
        newest = world.history.versions(shard, 1)
        live[shard] = tuple(sorted(name for name, t in newest[0].tenants.items() if t.state == "active"))
    return Bounds(
        guards=limits_of(fleet), allow=allow, sites=plan.populations.get("tenants", 0),
        shards=plan.populations.get("shards", 0), live=live, before=tuple(before),
        at=world.clock.now(),
    )  # fmt: skip


def limits_of(fleet: Fleet) -> Guards:
    return fleet.fleet.document.spec.guards if fleet.fleet else Guards()
