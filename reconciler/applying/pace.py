"""How long to wait, and how often to try: numbers only, chance from a hash, so that every run can be repeated."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH = timedelta(seconds=5)
"""How old a look may be when the call that follows from it leaves (reliability.md §4 row 12)."""
NOT_TAKEN = 429
"""The one transient answer that says that nothing happened."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Budgets of one change. Seconds are waited seconds, summed; no clock is read.

    Retries, cap and full jitter: reliability.md §4 row 25. Polls start quick for a local cloud and slow down to
    Google's pace. `patience` bounds waiting for something else (another operation, an object still being made),
    `longest` one operation of our own (creating a Cloud SQL instance takes 10 to 20 minutes), `settling` how long a
    freshly made parent may still answer "forbidden" or nothing (IAM takes 2 to 7 minutes), `looks` how often a look
    may be too old by the time its call could leave, `sendings` how often what cannot be read back (a password) is sent
    while no answer comes.
    """

    retries: int = 5
    base: float = 1.0
    cap: float = 60.0
    first_poll: float = 0.1
    growth: float = 1.5
    slowest_poll: float = 10.0
    patience: float = 1800.0
    longest: float = 5400.0
    settling: float = 420.0
    looks: int = 20
    sendings: int = 3
    confirmations: int = 5


def aged(looked: datetime, now: datetime) -> bool:
    """Whether a look is too old to act upon. A clock that went back tells nothing, so that counts as too old."""
    return not timedelta() <= now - looked <= FRESH


def jitter(seed: str, attempt: int, rules: Rules) -> float:
    """Full jitter: anywhere between 0 and the doubled pause, the same for the same seed and attempt."""
    share = int(hashlib.sha256(f"{seed}#{attempt}".encode()).hexdigest()[:12], 16) / 16**12
    return share * min(rules.cap, rules.base * 2.0 ** min(attempt, 16))


def poll_pause(count: int, rules: Rules) -> float:
    """0.1 s, then half as much again each time, up to 10 s."""
    return min(rules.slowest_poll, rules.first_poll * rules.growth ** min(count, 64))
