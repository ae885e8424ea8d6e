"""Splits a plan that changes many live sites into waves, and says what waits in waves that are under way.

A *unit* is walked whole: a tenant; a shard whose own objects change, with all its tenants (it concerns all of them);
the fleet's own objects. Units go in this order: canaries; then tiers, the cheapest first; within a tier one region
after the other, shard by shard, by name. What concerns no live site (first creates, purges, adoptions) goes first.

**A new commit in mid-wave.** A plan is always made at HEAD. Beside waves under way,
- a target in none of their waves to come is free: it is walked by itself, and waits for nobody;
- a target in a wave to come waits for its wave, and then gets what HEAD wants of it. While no more live sites than the
  blast radius allows are wanted otherwise than when the waves were made, they go on: so a commit that mends one site
  does not send a rollout of the fleet back to its canary;
- with more of them the waves are superseded: what they had not walked is free again, and above the blast radius it
  becomes waves of its own at HEAD, from the canary on.
The same rule lifts aborted waves: until Git wants something else of their targets, those are not walked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.ids import Address, TargetKind
from reconciler.model.plan import Change
from reconciler.model.planned import Planned
from reconciler.model.wave import Wave
from reconciler.planning.facts import Facts
from reconciler.planning.standing import allowed_sites, overtaken, shares, sites_of, unclaimed, waves_spec, wish


def plan_waves(facts: Facts, changes: Sequence[Change]) -> Planned:
    """The waves these changes need beside those that stand."""
    superseded = tuple(w.id for w in facts.waves if overtaken(facts, changes, w))
    about = {str(c.address.target.whole) for c in changes}
    seen = {w.id: len(w.log) for w in facts.waves if w.id in superseded or about & w.wave_of().keys()}
    free = unclaimed([w for w in facts.waves if w.id not in superseded], changes)
    spec = waves_spec(facts)
    needed = spec.enabled and len(sites_of(facts, free)) > allowed_sites(facts)
    waves = split(facts, free) if needed else ()
    wishes = {c.address: wish(facts, c.address) for c in free} if waves else {}
    return Planned(waves, wishes, seen, superseded, spec.abort.percent, spec.abort.failures)


# --- a new split ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Unit:
    """What is walked whole. `first`: it concerns no site that visitors reach, so nothing is gained by waiting."""

    targets: set[str]
    sites: frozenset[str]
    shards: set[str]
    order: tuple[int, str, str, str]
    first: bool
    wave: int = 0


def split(facts: Facts, changes: Sequence[Change]) -> tuple[Wave, ...]:
    """The waves of these changes; each target is in exactly one. A change never stands in an earlier wave than what it
    comes after, and no wave reaches further than its step says, but for the canaries and for one whole shard."""
    names = _unit_names(changes)
    units = _units(facts, changes, names)
    steps = waves_spec(facts).steps
    reach = _reach(facts)
    _canaries(facts, units)
    taken, at = 0, 0
    for unit in sorted(units.values(), key=lambda u: (not u.first, u.order)):
        size = len(unit.sites)
        alone = taken == 0 or unit.first or unit.order[0] < 0
        while not alone and taken + size > reach[at] and at + 1 < len(reach):
            at += 1
        unit.wave, taken = at, taken + size
    _after(changes, names, units)
    waves = []
    for number in sorted({unit.wave for unit in units.values()}):
        together = [unit for unit in units.values() if unit.wave == number]
        bake = steps[number].bake_seconds if number < len(steps) else 0
        targets = sorted(target for unit in together for target in unit.targets)
        sites = len(frozenset[str]().union(*(unit.sites for unit in together)))
        shards = len(set[str]().union(*(unit.shards for unit in together)))
        waves.append(Wave(tuple(targets), sites, shards, bake))
    return tuple(waves)


def _reach(facts: Facts) -> list[int]:
    """How many sites are walked in all after each step; never less than after the one before."""
    live, result = len(facts.live_tenants()), [0]
    for step in waves_spec(facts).steps:
        result.append(max(result[-1], step.reach(live)))
    return [*result[1:], live] if result[-1] < live else result[1:]


def _unit_names(changes: Iterable[Change]) -> dict[Address, str]:
    """Address -> the unit it is walked in."""
    chosen = tuple(changes)
    shared = {c.shard for c in chosen if shares(c)}
    return {
        c.address: f"shard/{c.shard}"
        if c.shard in shared and c.address.target.kind is not TargetKind.FLEET
        else str(c.address.target.whole)
        for c in chosen
    }


def _units(facts: Facts, changes: Sequence[Change], names: Mapping[Address, str]) -> dict[str, _Unit]:
    grouped: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        grouped[names[change.address]].append(change)
    tiers = _ranks(facts)
    return {name: _unit(facts, together, tiers) for name, together in grouped.items()}


def _unit(facts: Facts, together: Sequence[Change], tiers: Mapping[str, int]) -> _Unit:
    sites = sites_of(facts, together)
    shard = together[0].shard
    written = facts.fleet.shards.get(shard)
    region = written.document.spec.region if written else ""
    own = {c.address.target.name for c in together if c.address.target.kind is TargetKind.TENANT}
    rank = max((tiers.get(_tier(facts, shard, name), len(tiers)) for name in sites or own), default=0)
    name = min(str(c.address.target.whole) for c in together)
    states = {_state(facts, shard, name) for name in own}
    return _Unit(
        targets={str(c.address.target.whole) for c in together}, sites=sites, shards={shard} if shard else set(),
        order=(rank, region, shard, name), first=not sites and "suspended" not in states,
    )  # fmt: skip


def _ranks(facts: Facts) -> dict[str, int]:
    """Tier -> its place, the cheapest first."""
    priced = sorted((written.document.spec.price_usd, name) for name, written in facts.fleet.tiers.items())
    return {name: rank for rank, (_, name) in enumerate(priced)}


def _tier(facts: Facts, shard: str, tenant: str) -> str:
    version, written = facts.history.get(shard), facts.fleet.tenants.get(tenant)
    recorded = version.tenants.get(tenant) if version else None
    return recorded.tier if recorded and recorded.tier else written.document.spec.tier if written else ""


def _state(facts: Facts, shard: str, tenant: str) -> str:
    version = facts.history.get(shard)
    recorded = version.tenants.get(tenant) if version else None
    return recorded.state if recorded else ""


def _canaries(facts: Facts, units: Mapping[str, _Unit]) -> None:
    """Put the named canaries in front (a rank below every tier's); without one that changes, the cheapest tier's first
    site by name."""
    named = frozenset(waves_spec(facts).canaries)
    chosen = [unit for unit in units.values() if unit.sites & named]
    if not chosen:
        ordinary = [unit for unit in units.values() if unit.sites]
        chosen = [min(ordinary, key=lambda u: (u.order[0], min(u.sites)))] if ordinary else []
    for unit in chosen:
        unit.order = (-1, *unit.order[1:])


def _after(changes: Sequence[Change], names: Mapping[Address, str], units: Mapping[str, _Unit]) -> None:
    """What waits for something goes at the earliest in its wave. Moving up only makes earlier waves smaller."""
    settled = False
    while not settled:
        settled = True
        for change in changes:
            unit = units[names[change.address]]
            latest = max((units[names[a]].wave for a in change.after if a in names), default=0)
            if latest > unit.wave:
                unit.wave, settled = latest, False
