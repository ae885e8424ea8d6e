"""Which shard a new tenant should live on: rendezvous hashing with bounded load. Pure; Git holds the answer.

Every shard gets a score from the tenant's uid and its own name, so adding a shard changes only who comes *after* it,
and nobody who is placed ever moves. A shard that is already fuller than its share waits behind the others.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.model.fleet import Fleet

LOAD_FACTOR = 1.25
"""How far above the mean fill a shard may be before others go first (Mirrokni et al., consistent hashing with bounded
loads: 1 + epsilon with epsilon 1/4)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A shard as placement sees it. `tiers` None: all. `headroom` is what quotas leave beside the capacity."""

    shard: str
    region: str
    capacity: int
    tenants: int
    tiers: tuple[str, ...] | None = None
    draining: bool = False
    headroom: int | None = None

    @property
    def free(self) -> int:
        left = self.capacity - self.tenants
        return left if self.headroom is None else min(left, self.headroom)

    @property
    def fill(self) -> float:
        return self.tenants / self.capacity


@dataclass(frozen=True, slots=True)
class Wish:
    """What the tenant needs. `region` "": any."""

    uid: str
    tier: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A shard that fits, and why it stands where it does."""

    shard: str
    free: int
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Shards that fit, best first, and those that do not with the reason."""

    ranked: tuple[Ranked, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def shard(self) -> str:
        """The proposed shard, "" when none fits."""
        return self.ranked[0].shard if self.ranked else ""


def propose(wish: Wish, candidates: Iterable[Candidate]) -> Proposal:
    """Rank the shards for one tenant. The same wish and candidates always give the same answer, in any order."""
    everyone = sorted(candidates, key=lambda c: c.shard)
    refused = [(c.shard, reason) for c in everyone if (reason := _refusal(wish, c))]
    out = {shard for shard, _ in refused}
    fitting = [c for c in everyone if c.shard not in out]
    fitting.sort(key=lambda c: (-_score(wish.uid, c.shard), c.shard))
    bound = _bound(fitting)
    below = [Ranked(c.shard, c.free, _reason(c, bound)) for c in fitting if c.fill < bound]
    above = [Ranked(c.shard, c.free, _reason(c, bound)) for c in fitting if c.fill >= bound]
    return Proposal(tuple(below + above), tuple(refused))


def candidates(fleet: Fleet) -> tuple[Candidate, ...]:
    """The shards of a fleet with what is placed on them now."""
    placed: dict[str, int] = {}
    for shard in fleet.where.values():
        placed[shard] = placed.get(shard, 0) + 1
    return tuple(
        Candidate(
            name, spec.region, spec.capacity.tenants, placed.get(name, 0),
            tuple(spec.tiers) if spec.tiers is not None else None, spec.state == "draining",
        )
        for name, spec in ((name, written.document.spec) for name, written in sorted(fleet.shards.items()))
    )  # fmt: skip


def _refusal(wish: Wish, candidate: Candidate) -> str:
    if candidate.draining:
        return "draining: nothing new is placed there"
    if wish.region and candidate.region != wish.region:
        return f"in {candidate.region}, not in {wish.region}"
    if candidate.tiers is not None and wish.tier not in candidate.tiers:
        return f"takes {', '.join(candidate.tiers) or 'no tier'}, not {wish.tier}"
    if candidate.tenants >= candidate.capacity:
        return f"full: {candidate.tenants} of {candidate.capacity} tenants"
    if candidate.free <= 0:
        return "no quota left in its project"
    return ""


def _score(uid: str, shard: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{uid}\0{shard}".encode()).digest()[:8], "big")


def _bound(fitting: Sequence[Candidate]) -> float:
    """The fill from which a shard stands behind: its share of the mean, one tenant more at least."""
    if not fitting:
        return 1.0
    capacity = sum(c.capacity for c in fitting)
    share = math.ceil(LOAD_FACTOR * (sum(c.tenants for c in fitting) + 1)) / capacity
    return max(share, 1 / max(c.capacity for c in fitting))


def _reason(candidate: Candidate, bound: float) -> str:
    text = f"{candidate.tenants} of {candidate.capacity} tenants, {candidate.region}"
    return text if candidate.fill < bound else f"{text}; fuller than its share ({bound:.0%})"
