"""Leases: who may write to a shard now, with a generation that only grows. Values and rules; no clock, no store.

A lease lives as one commit on a ref of the history, which every host sees, and changes by compare-and-swap alone. Its
holder counts its own time from before the swap that granted it, so it stops sooner than anybody else may begin: another
host waits until `expires` has passed by SKEW on its own clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

CALL = timedelta(seconds=30)
"""The longest a call takes (gcp.session.TIMEOUT)."""
MARGIN = timedelta(seconds=15)
"""What a lease must outlive a call by: waking up, encoding, connecting."""
SKEW = timedelta(seconds=30)
"""How far two hosts' clocks may be apart."""
TTL = timedelta(seconds=120)
SILENCE = timedelta(seconds=300)
"""How long a store that owns the fleet may say nothing until another may take over without being told to."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process. `store`: the id of the state folder whose one apply it is ("" : several processes apply from there);
    `id`: chance, tells it from every other."""

    host: str
    pid: int
    store: str
    id: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease on a shard ("" : the fleet's own objects) as it stands in the history."""

    shard: str
    generation: int
    holder: Holder
    granted: datetime
    expires: datetime
    released: bool = False

    @property
    def ttl(self) -> timedelta:
        return self.expires - self.granted

    def free(self, now: datetime, holder: Holder) -> bool:
        """Whether `holder` may take it. One state folder runs one apply at a time (its lock file), so an earlier
        holder from the same one is dead."""
        same = (self.holder.host, self.holder.store) == (holder.host, holder.store)
        return self.released or (same and holder.store != "") or now > self.expires + SKEW

    def to_json(self) -> dict[str, Any]:
        holder = {"host": self.holder.host, "pid": self.holder.pid, "store": self.holder.store, "id": self.holder.id}
        return {
            "shard": self.shard, "generation": self.generation, "holder": holder, "released": self.released,
            "grantedAt": self.granted.isoformat(), "expiresAt": self.expires.isoformat(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Grant":
        """Raises KeyError, TypeError or ValueError for what is no lease."""
        granted, expires = (datetime.fromisoformat(row[key]) for key in ("grantedAt", "expiresAt"))
        if granted.tzinfo is None or expires.tzinfo is None or int(row["generation"]) < 1:
            raise ValueError("a lease has times with a zone and a generation from 1")
        holder = Holder(**row["holder"])
        return cls(row["shard"], int(row["generation"]), holder, granted, expires, bool(row["released"]))


def taken(before: Grant | None, shard: str, holder: Holder, now: datetime, ttl: timedelta) -> Grant:
    """The next generation, for a lease that is free. The first one of all is the time in seconds: should the history
    be lost, it is still higher than what live objects are stamped with (no two applies of a shard fit in a second)."""
    generation = before.generation + 1 if before else int(now.timestamp())
    return Grant(shard, generation, holder, now, now + ttl)


def renewed(grant: Grant, now: datetime) -> Grant:
    return replace(grant, granted=now, expires=now + grant.ttl)


def released(grant: Grant) -> Grant:
    return replace(grant, released=True)


@dataclass(frozen=True, slots=True)
class Time:
    """What a holder knows of its own lease's time: `since` before the swap that gave it, `latest` the newest look at
    the clock. A clock that went back tells nothing, so nothing remains then."""

    since: datetime
    latest: datetime
    ttl: timedelta

    def remaining(self, now: datetime) -> timedelta:
        return timedelta() if now < self.latest else self.since + self.ttl - now

    def outlives_a_call(self, now: datetime) -> bool:
        return self.remaining(now) >= CALL + MARGIN


@dataclass(frozen=True, slots=True)
class Store:
    """The engine store whose daemon owns the fleet, as it stands in the history. `epoch` grows with every new owner;
    `seen`: when its daemon last said that it is there."""

    id: str
    epoch: int
    host: str
    since: datetime
    seen: datetime
    gone: bool = False
    """Its daemon ended in good order."""

    def silent(self, now: datetime) -> bool:
        return self.gone or now > self.seen + SILENCE + SKEW

    def to_json(self) -> dict[str, Any]:
        times = {"since": self.since.isoformat(), "seen": self.seen.isoformat()}
        return {"store": self.id, "epoch": self.epoch, "host": self.host, "gone": self.gone, **times}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Store":
        """Raises KeyError, TypeError or ValueError for what is none."""
        since, seen = (datetime.fromisoformat(row[key]) for key in ("since", "seen"))
        if since.tzinfo is None or seen.tzinfo is None or int(row["epoch"]) < 1:
            raise ValueError("a store has times with a zone and an epoch from 1")
        return cls(str(row["store"]), int(row["epoch"]), str(row["host"]), since, seen, bool(row["gone"]))
