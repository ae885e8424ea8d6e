"""Faults on demand: which requests go wrong, how, and how often. Pure: a matched fault only counts itself.

`KNOWN` is the whole language of the admin door (`POST /_aipress/faults`) and of a `--faults` file. A run repeats: the
dice of a fault are its seed, its number and how many calls it has met.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reconciler.localcloud.values import Json

KINDS = {
    "error": "answers `status`, `message`, `reason`, `retryAfter`; with `effect` after the work is done all the same",
    "latency": "answers `seconds` later (a number, or [least, most]); real seconds",
    "lost_request": "cuts the connection before anything happens",
    "lost_response": "cuts the connection after it has happened",
    "half_finished": "the operation that the call starts ends in the error `message`, its effect half done",
    "stuck_operation": "the operation that the call starts never ends",
    "late_operation": "the operation that the call starts ends `seconds` (of the cloud) later than it would",
    "stale_list": "a list answers as before the last `behind` changes to what it shows",
    "stale_read": "a get or a list answers as before the last `behind` changes to what it shows",
}
_READS = ("stale_list", "stale_read")


@dataclass(frozen=True)
class Met:
    """A call as a fault sees it."""

    service: str
    method: str
    path: str
    resource: str = ""
    caller: str = ""
    now: float = 0.0


@dataclass
class Fault:
    """`after` matching calls pass, then each `every`-th strikes, with probability `rate`, `times` times (0: always)."""

    kind: str
    service: str = ""
    method: str = ""
    match: str = ""
    resource: str = ""
    caller: str = ""
    status: int = 503
    message: str = ""
    reason: str = ""
    retry_after: float = 0.0
    effect: bool = False
    seconds: tuple[float, float] = (1.0, 1.0)
    behind: int = 1
    rate: float = 1.0
    after: int = 0
    every: int = 1
    times: int = 1
    lasting: float = 0.0
    seed: int = 0
    id: int = 0
    armed_at: float = 0.0
    seen: int = 0
    hit: int = 0

    def meets(self, met: Met) -> bool:
        return (
            self.service in ("", met.service)
            and (not self.method or fnmatchcase(met.method, self.method))
            and self.match in met.path
            and (not self.resource or fnmatchcase(met.resource, self.resource))
            and self.caller in met.caller
            and (not self.lasting or met.now <= self.armed_at + self.lasting)
        )

    def strikes(self) -> bool:
        """Count one more call that it met, and say whether it strikes."""
        self.seen += 1
        if self.seen <= self.after or (self.times and self.hit >= self.times):
            return False
        if (self.seen - self.after - 1) % self.every or (self.rate < 1 and self._dice() >= self.rate):
            return False
        self.hit += 1
        return True

    def _dice(self) -> float:
        return random.Random(f"{self.seed}/{self.id}/{self.seen}").random()  # noqa: S311 - repeatable by seed

    def wait(self) -> float:
        """Seconds of this strike: drawn between the least and the most."""
        low, high = self.seconds
        return low if low == high else low + (high - low) * self._dice()

    def printed(self) -> Json:
        low, high = self.seconds
        shown = vars(self) | {"seconds": low if low == high else [low, high]}
        return {_SPOKEN.get(name, name): value for name, value in shown.items()}


_SPOKEN = {"retry_after": "retryAfter", "armed_at": "armedAt"}
# Field in JSON -> type and how to say it.
KNOWN: dict[str, tuple[type | tuple[type, ...], str]] = {
    "kind": (str, "one of " + ", ".join(KINDS)),
    "service": (str, "the first segment of the path: run, sqladmin, storage"),
    "method": (str, "a discovery id or a glob of one: *.services.create"),
    "match": (str, "a part of the path"),
    "resource": (str, "a glob of the resource name: projects/*/secrets/a*"),
    "caller": (str, "a part of what the recorder shows as the caller"),
    "status": (int, "an HTTP status from 300 to 599"),
    "message": (str, "the error's message, or `CODE: message` for an operation"),
    "reason": (str, "the error's reason"),
    "retryAfter": ((int, float), "seconds in the Retry-After header"),
    "effect": (bool, "for an error: true when the work is done all the same"),
    "seconds": ((int, float, list), "a number, or [least, most]"),
    "behind": (int, "how many changes a stale answer misses, 1 or more"),
    "rate": ((int, float), "the probability of a strike, above 0 and at most 1"),
    "after": (int, "how many matching calls pass first"),
    "every": (int, "strike every n-th matching call, 1 or more"),
    "times": (int, "how often it strikes; 0: without end; default 1, or 0 when there is a rate"),
    "lasting": ((int, float), "how many seconds of the cloud it is armed; 0: until removed"),
    "seed": (int, "seed of its dice"),
}


@dataclass
class Faults:
    """The faults that are armed, in the order in which they were added. They live in memory only."""

    seed: int = 0
    armed: list[Fault] = field(default_factory=list)
    added: int = 0

    def add(self, wish: Json, now: float = 0.0) -> Fault:
        """Arm a fault from its JSON form. Raises ValueError with what is wrong and how to put it right."""
        checked(wish)
        low, high = _span(wish.get("seconds", 1))
        plain = {name: wish[name] for name in ("service", "method", "match", "resource", "caller") if name in wish}
        self.added += 1
        fault = Fault(
            wish["kind"], **plain, status=wish.get("status", 503), message=wish.get("message", ""),
            reason=wish.get("reason", ""), retry_after=float(wish.get("retryAfter", 0)),
            effect=wish.get("effect", False), seconds=(low, high), behind=wish.get("behind", 1),
            rate=float(wish.get("rate", 1)), after=wish.get("after", 0), every=wish.get("every", 1),
            times=wish.get("times", 0 if "rate" in wish or "lasting" in wish else 1),
            lasting=float(wish.get("lasting", 0)), seed=wish.get("seed", self.seed), id=self.added, armed_at=now,
        )  # fmt: skip
        self.armed.append(fault)
        return fault

    def remove(self, own: int) -> bool:
        """Disarm one by its id; False when it is not there."""
        before = len(self.armed)
        self.armed = [fault for fault in self.armed if fault.id != own]
        return len(self.armed) < before

    def clear(self) -> None:
        self.armed.clear()

    def hits(self, met: Met) -> list[Fault]:
        """The faults that strike this call; each that matched counts it."""
        return [fault for fault in self.armed if fault.meets(met) and fault.strikes()]


def listed(wish: Json) -> list[Json]:
    """The faults of a file (`{"faults": [...], "seed": N}`), each checked. Raises ValueError."""
    found = wish.get("faults")
    if set(wish) - {"faults", "seed"} or not isinstance(found, list) or not isinstance(wish.get("seed", 0), int):
        raise ValueError('faults are given as {"faults": [{"kind": …}, …], "seed": N}')
    for each in found:
        if not isinstance(each, dict):
            raise ValueError(f"a fault is an object; got {each!r}")
        checked(each)
    return found


def of_kind(struck: Iterable[Fault], *kinds: str) -> Fault | None:
    return next((fault for fault in struck if fault.kind in kinds), None)


def stale(struck: Iterable[Fault], method: str) -> Fault | None:
    """The fault that makes this read stale, if it is a read of the right sort."""
    return of_kind(struck, *(_READS if method == "list" else _READS[1:]))


def checked(wish: Json) -> None:
    """Raises ValueError with everything that is wrong in the JSON form of a fault."""
    wrong = [f"{name!r} is not known" for name in wish if name not in KNOWN]
    if not isinstance(wish.get("kind"), str) or wish["kind"] not in KINDS:
        wrong.append(f"fault kind {wish.get('kind', '')!r} is not known; use {KNOWN['kind'][1]}")
    for name, (kind, how) in KNOWN.items():
        value = wish.get(name)
        if name in wish and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            wrong.append(f"{name!r} must be {how}; got {value!r}")
    if not wrong:
        wrong = [f"{name!r} must be {KNOWN[name][1]}; got {wish[name]!r}" for name in _out_of_range(wish)]
    if wrong:
        raise ValueError(f"{'; '.join(wrong)}. A fault may have: {', '.join(KNOWN)}")


def _out_of_range(wish: Json) -> list[str]:
    least = {"behind": 1, "every": 1, "after": 0, "times": 0, "lasting": 0, "retryAfter": 0}
    found = [name for name, low in least.items() if wish.get(name, low) < low]
    if not 300 <= wish.get("status", 503) <= 599:
        found.append("status")
    if not 0 < wish.get("rate", 1) <= 1:
        found.append("rate")
    try:
        low, high = _span(wish.get("seconds", 1))
        return found if 0 <= low <= high else [*found, "seconds"]
    except (TypeError, ValueError):
        return [*found, "seconds"]


def _span(value: float | list[float]) -> tuple[float, float]:
    low, high = value if isinstance(value, list) else (value, value)
    return float(low), float(high)
