"""How much one plan may change: live sites (or waves), a shard's share, deletions. Guards, like those in guards.py.

Percentages bind from 100 live sites on; below that, absolute numbers. First creates do not count (reliability.md §4
row 5, after octoDNS's 30 % from ten records on).
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from reconciler.model.guards import Guards
from reconciler.model.ids import FLEET, shard_target
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.model.wave import Phase
from reconciler.planning.facts import Facts
from reconciler.planning.standing import PERCENT_FROM, allowed_sites, sites_of, unclaimed, waiting, waves_spec
from reconciler.planning.waves import split

DELETE_PERCENT = 1.0
"""Share of all recorded resources that one plan may delete, approved ones included."""


def blast_radius(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Live sites one plan changes at once: above the limit it is walked in waves, or refused where those are off."""
    free = unclaimed(facts.waves, changes)
    sites, live, allowed = sites_of(facts, free), len(facts.live_tenants()), allowed_sites(facts)
    share = f"{100 * len(sites) / live:.1f} %" if live else "0 %"
    message = f"{len(sites):,} of {live:,} live sites change ({share}; limit {allowed:,})"
    if len(sites) <= allowed:
        yield GuardVerdict("blast-radius", FLEET, Verdict.PASS, message)
    elif not waves_spec(facts).enabled:
        yield GuardVerdict("blast-radius", FLEET, Verdict.REFUSE, message)
    else:
        waves = split(facts, free)
        number = f"{len(waves)} waves, the first of {waves[0].sites:,}" if len(waves) > 1 else "1 wave"
        yield GuardVerdict("blast-radius", FLEET, Verdict.WARN, f"{message}: walked in {number}")


def under_way(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """What waits in waves under way; what aborted waves keep from being walked is refused."""
    for waves in facts.waves:
        waits = waiting([waves], changes)
        if not waits:
            continue
        sites = len({address.target.whole for address in waits})
        if waves.phase is Phase.ABORTED:
            message = (
                f"waves {waves.id} were aborted in wave {waves.at_wave} of {len(waves.waves)}: {waves.last.why}. What "
                f"is left of them is not walked: change it in Git (what was done: aipress rollback --wave {waves.id})"
            )
            yield GuardVerdict("waves", FLEET, Verdict.REFUSE, message, tuple(waits))
        else:
            wait = f"{sites:,} {'target waits' if sites == 1 else 'targets wait'} in waves {waves.id}"
            message = f"{wait}: {waves.phase}, {waves.walked} of {len(waves.waves)} walked"
            yield GuardVerdict("waves", FLEET, Verdict.WARN, message)


def shard_share(facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """A large share of what a shard has, in one plan: a new release of ours, or a misread shard."""
    changed = Counter(c.shard for c in changes if c.action not in (Action.CREATE, Action.ADOPT))
    for shard, number in sorted(changed.items()):
        version = facts.history.get(shard)
        recorded = len(version.resources) if shard and version else 0
        percent = limits.blast_radius.shard_percent
        if recorded and number > limits.blast_radius.sites and 100 * number > percent * recorded:
            message = (
                f"{number:,} of the {recorded:,} objects of shard {shard} change at once "
                f"({100 * number / recorded:.0f} %; limit {percent:g} %: guards.blastRadius.shardPercent)"
            )
            yield GuardVerdict("shard-share", shard_target(shard), Verdict.REFUSE, message)


def delete_share(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Even approved one by one, deletions are never a large share of the fleet."""
    recorded = len(facts.recorded())
    gone = tuple(c.address for c in changes if c.action in (Action.DELETE, Action.REPLACE))
    if len(facts.live_tenants()) >= PERCENT_FROM and 100 * len(gone) > DELETE_PERCENT * recorded:
        message = f"{len(gone):,} of {recorded:,} objects would be deleted (limit {DELETE_PERCENT:g} %)"
        yield GuardVerdict("deletes", FLEET, Verdict.REFUSE, message, gone)


BLAST_GUARDS = (blast_radius, under_way, shard_share, delete_share)
