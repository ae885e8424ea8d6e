"""Faults on demand: which requests go wrong, how, and how often. Pure: a matched fault only counts itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reconciler.localcloud.values import Json

KINDS = ("error", "latency", "lost_response", "half_finished", "stale_list")


@dataclass
class Fault:
    """`method` is a discovery id or a glob of one; `after` matching calls pass first, then `times` fail (0: all)."""

    kind: str
    service: str = ""
    method: str = ""
    match: str = ""
    status: int = 503
    message: str = ""
    times: int = 1
    after: int = 0
    retry_after: float = 0.0
    seconds: float = 1.0
    seen: int = 0
    hit: int = 0

    def meets(self, service: str, method: str, path: str) -> bool:
        return (
            self.service in ("", service)
            and (not self.method or fnmatchcase(method, self.method))
            and self.match in path
        )

    def printed(self) -> Json:
        names = {"retry_after": "retryAfter"}
        return {names.get(name, name): value for name, value in vars(self).items()}


@dataclass
class Faults:
    """The faults that are armed, in the order in which they were added."""

    armed: list[Fault] = field(default_factory=list)

    def add(self, wish: Json) -> Fault:
        """Arm a fault from its JSON form. Raises ValueError with what is wrong and how to put it right."""
        kind = wish.get("kind", "")
        if kind not in KINDS:
            raise ValueError(f"fault kind {kind!r} is not known; use one of {', '.join(KINDS)}")
        fault = Fault(
            kind=kind, service=str(wish.get("service", "")), method=str(wish.get("method", "")),
            match=str(wish.get("match", "")), status=int(wish.get("status", 503)), message=str(wish.get("message", "")),
            times=int(wish.get("times", 1)), after=int(wish.get("after", 0)),
            retry_after=float(wish.get("retryAfter", 0)), seconds=float(wish.get("seconds", 1)),
        )  # fmt: skip
        self.armed.append(fault)
        return fault

    def hits(self, service: str, method: str, path: str) -> list[Fault]:
        """The faults that strike this call; each that matched counts it."""
        struck = []
        for fault in self.armed:
            if not fault.meets(service, method, path):
                continue
            fault.seen += 1
            if fault.seen > fault.after and (fault.times == 0 or fault.hit < fault.times):
                fault.hit += 1
                struck.append(fault)
        return struck
