"""How long to wait, and how often to try: numbers only, chance from a hash, so that every run can be repeated."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Budgets of one change. Seconds are waited seconds, summed; no clock is read.

    Retries, cap and full jitter: reliability.md §4 row 25. Polls start quick for a local cloud and slow down to
    Google's pace. `patience` bounds waiting for something else (another operation, an object still being made),
    `longest` one operation of our own (creating a Cloud SQL instance takes 10 to 20 minutes), `settling` how long a
    freshly made parent may still answer "forbidden" or nothing (IAM takes 2 to 7 minutes).
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
    confirmations: int = 5


def jitter(seed: str, attempt: int, rules: Rules) -> float:
    """Full jitter: anywhere between 0 and the doubled pause, the same for the same seed and attempt."""
    share = int(hashlib.sha256(f"{seed}#{attempt}".encode()).hexdigest()[:12], 16) / 16**12
    return share * min(rules.cap, rules.base * 2.0 ** min(attempt, 16))


def poll_pause(count: int, rules: Rules) -> float:
    """0.1 s, then half as much again each time, up to 10 s."""
    return min(rules.slowest_poll, rules.first_poll * rules.growth ** min(count, 64))
