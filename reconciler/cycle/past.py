"""What the history knows of a fleet, beside the newest versions: what vanished, moved, or has another's name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.cycle.mending import in_force
from reconciler.cycle.world import Texts, World
from reconciler.history.recent import healed_fields
from reconciler.model.errors import HistoryUnreachableError, InputError
from reconciler.model.fleet import Fleet
from reconciler.model.hold import Hold, Poison
from reconciler.model.ids import Address, Scope
from reconciler.model.ports import History
from reconciler.model.version import FLEET_SHARD, Version
from reconciler.model.wave import Waves
from reconciler.source.scope import placed


@dataclass(frozen=True, slots=True)
class Past:
    """What the history says at one moment, as far as a plan asks; see planning/facts.py for each. All but `versions`
    is empty when it cannot be reached (`two_way`)."""

    versions: Mapping[str, Version | None]
    two_way: bool = False
    holds: tuple[Hold, ...] = ()
    poisons: tuple[Poison, ...] = ()
    waves: tuple[Waves, ...] = ()
    moves: Mapping[str, str] = field(default_factory=dict)
    former: "Kept" = field(default_factory=dict)
    vanished: Mapping[str, str] = field(default_factory=dict)
    healed: Mapping[Address, frozenset[str]] = field(default_factory=dict)


def past_of(world: World, fleet: Fleet, scope: Scope, texts: Texts, since: datetime) -> Past:
    """`since`: how far back what was healed counts. Read at one moment, and in one look where the history is elsewhere.

    What changes after it is met when the plan is applied: holds are asked again, versions and waves compared.
    """
    history, commit = world.history, fleet.commit
    with history.still():
        versions, two_way = newest_versions(history, fleet, scope)
        if two_way:
            return Past(versions, two_way)
        lately = [shard for shard, version in versions.items() if version and version.at > since]
        moves, former = elsewhere(history, fleet, versions)
        return Past(
            versions, holds=in_force(world, commit, texts), poisons=tuple(history.poisons()),
            waves=tuple(w for w in history.waves() if w.standing), moves=moves, former=former,
            vanished=vanished(world, commit, scope, versions),
            healed=healed_fields((v for shard in lately for v in versions_since(history, shard, since)), since),
        )  # fmt: skip


def newest_versions(history: History, fleet: Fleet, scope: Scope) -> tuple[Mapping[str, Version | None], bool]:
    """The newest version per shard in scope; (nothing, True) when the history cannot be reached."""
    try:
        recorded = history.heads()
        shards = {FLEET_SHARD, *fleet.shards, *(s for s in fleet.where.values() if not fleet.partial)}
        if scope.shards is None:
            shards |= set(recorded)
        return {shard: history.head(shard) if shard in recorded else None for shard in sorted(shards)}, False
    except HistoryUnreachableError:
        return dict.fromkeys(sorted({FLEET_SHARD, *fleet.shards})), True


def versions_since(history: History, shard: str, since: datetime) -> Sequence[Version]:
    """Versions of a shard, newest first, at least as far back as a moment."""
    count = 1
    while True:
        found = history.versions(shard, count)
        if len(found) < count or found[-1].at <= since:
            return found
        count *= 16


def vanished(world: World, commit: str, scope: Scope, versions: Mapping[str, Version | None]) -> Mapping[str, str]:
    """Tenants of shards that are not looked at whose file went since the newest version that is: the whole fleet's
    total counts, however small the scope (a scope over everything sees it in the versions themselves)."""
    newest = max((v for v in versions.values() if v), key=lambda v: v.at, default=None)
    if scope.shards is None or newest is None:
        return {}
    try:
        before = placed(world.repository, newest.fleet_commit)
    except InputError:  # that commit is gone; the next look at everything counts
        return {}
    there = placed(world.repository, commit)
    gone = {name: shard for name, shard in before.items() if name not in there}
    kept: dict[str, str] = {}
    heads = world.history.heads() if gone else {}
    for shard in sorted(set(gone.values()) & heads.keys() - versions.keys()):
        tenants = world.history.versions(shard, 1)[0].tenants
        kept |= {n: s for n, s in gone.items() if s == shard and n in tenants and tenants[n].state != "deleted"}
    return kept


Kept = Mapping[str, tuple[str, str, bool]]


def elsewhere(history: History, fleet: Fleet, versions: Mapping[str, Version | None]) -> tuple[Mapping[str, str], Kept]:
    """Of tenants that no version of their own shard knows: those that another shard's does (moves), and those whose
    name another shard's still records for another owner."""
    new = {
        name: written.document.metadata.uid
        for name, written in fleet.tenants.items()
        if not ((version := versions.get(fleet.where[name])) and name in version.tenants)
    }
    named = {uid: name for name, uid in new.items()}
    moves: dict[str, str] = {}
    former: dict[str, tuple[str, str, bool]] = {}
    for shard in sorted(history.heads()) if new else ():
        version = versions.get(shard) or history.head(shard)
        for name, tenant in version.tenants.items() if version else ():
            if tenant.uid in named and fleet.where[named[tenant.uid]] != shard:
                moves[named[tenant.uid]] = shard
            elif name in new and new[name] != tenant.uid and fleet.where[name] != shard:
                former[name] = (shard, tenant.uid, tenant.state == "deleted")
    return moves, former
