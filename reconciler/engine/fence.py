"""The leases of this process: taken shard by shard as a walk comes to them, kept while it writes, given back after.

What this cannot do is in kinds/methods.py: the gap between the last check and the bytes leaving.
"""

import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.model.errors import AipressError
from reconciler.model.fence import TTL, Grant, Holder, Time, released, renewed, taken
from reconciler.model.ports import Clock, Halt, LeaseBook, No
from reconciler.model.version import shard_label

TURNS = 5
"""Times a lease is asked for anew because its ref moved between the look and the swap."""


def this_process(store: str) -> Holder:
    return Holder(os.uname().nodename, os.getpid(), store, uuid.uuid4().hex)


@dataclass(slots=True)
class _Shard:
    """One shard of an apply. `parent`: the version its plan starts from ("" : not told here). `out`: why nothing
    happens in it any more."""

    parent: str | None = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    grant: Grant | None = None
    time: Time | None = None
    out: No | Halt | None = None


class ShardLeases:
    """The Fence port over the history. Safe for threads; shards do not wait for each other."""

    def __init__(self, book: LeaseBook, clock: Clock, holder: Holder, ttl: timedelta = TTL) -> None:
        self._book = book
        self._clock = clock
        self._holder = holder
        self._ttl = ttl
        self._shards: dict[str, _Shard] = {}

    @contextmanager
    def walking(self, parents: Mapping[str, str | None]) -> Iterator[None]:
        """Leases may be taken for these (labels of shards -> the version that the plan starts from); given back at the
        end, but for those of shards with something under way, which run out by themselves."""
        names = {"" if label == "fleet" else label.removeprefix("shard/"): parent for label, parent in parents.items()}
        for shard, parent in names.items():
            self._shards[shard] = _Shard(parent)
        try:
            yield
        finally:
            for shard in names:
                self._shards.pop(shard, None)

    def enter(self, shard: str) -> int | No | Halt:
        """The generation under which this process may look at and write to a shard; takes the lease when it is free.
        A shard that no `walking` named is entered all the same, by a worker that walks what another process planned."""
        one = self._shards.setdefault(shard, _Shard())
        with one.lock:
            if one.out is None and one.grant is None:
                one.out = self._take(one, shard)
            if one.out is None:
                one.out = self._kept(one)
            return one.out or (one.grant.generation if one.grant else 0)

    def keep(self, shard: str) -> No | Halt | None:
        """Nothing, when the lease outlives a call that leaves now: renewed where it would not. Else why not."""
        one = self._shards.get(shard)
        if one is None or (one.grant is None and one.out is None):
            return Halt(f"no lease is held on {shard_label(shard)}")
        with one.lock:
            one.out = one.out or self._kept(one)
            return one.out

    def tend(self, shard: str) -> None:
        """While an operation runs: renew a lease that has lived half its time. What fails is told by `keep`."""
        one = self._shards.get(shard)
        if one is None or one.grant is None or one.time is None:
            return
        with one.lock:
            if one.out is None and one.time.remaining(self._clock.now()) < self._ttl / 2:
                with suppress(AipressError):
                    one.out = self._renew(one)

    def leave(self, shard: str) -> None:
        """Give the lease back. One that cannot be given back runs out."""
        one = self._shards.pop(shard, None)
        if one is None:
            return
        with one.lock:
            if one.grant is not None and one.out is None:
                with suppress(AipressError):
                    self._book.swap_lease(one.grant, released(one.grant))

    # --- inside, under the shard's lock -----------------------------------------------------------------------------

    def _take(self, one: _Shard, shard: str) -> No | Halt | None:
        try:
            for _ in range(TURNS):
                now = self._clock.now()
                seen = self._book.lease(shard)
                if seen is not None and not seen.free(now, self._holder):
                    return No(_held(seen))
                wanted = taken(seen, shard, self._holder, now, self._ttl)
                if self._book.swap_lease(seen, wanted):
                    one.grant, one.time = wanted, Time(now, now, self._ttl)
                    return self._unmoved(one, shard)
        except AipressError as error:
            return Halt(f"the lease on {shard_label(shard)} cannot be taken: {error}. {error.hint}".rstrip(". ") + ".")
        return No(f"the lease on {shard_label(shard)} changes hands all the time; try again")

    def _unmoved(self, one: _Shard, shard: str) -> No | None:
        """Under the lease nobody publishes: what the plan starts from must still be the newest version."""
        if one.parent in ("", self._book.newest(shard)):
            return None
        if one.grant is not None:
            self._book.swap_lease(one.grant, released(one.grant))
        return No(f"{shard_label(shard)} got another version since this plan was made; plan again")

    def _kept(self, one: _Shard) -> No | Halt | None:
        if one.grant is None or one.time is None:
            return None
        now = self._clock.now()
        if one.time.outlives_a_call(now):
            one.time = Time(one.time.since, now, one.time.ttl)
            return None
        try:
            return self._renew(one)
        except AipressError as error:
            return Halt(f"the lease on {shard_label(one.grant.shard)} cannot be renewed: {error}")

    def _renew(self, one: _Shard) -> Halt | None:
        """The swap proves that nobody took it, even where it had run out."""
        if one.grant is None:
            return None
        now: datetime = self._clock.now()
        wanted = renewed(one.grant, now)
        if self._book.swap_lease(one.grant, wanted):
            one.grant, one.time = wanted, Time(now, now, self._ttl)
            if one.time.outlives_a_call(self._clock.now()):
                return None
            return Halt(f"renewing the lease on {shard_label(wanted.shard)} takes longer than the lease lives")
        seen = self._book.lease(one.grant.shard)
        by = f"; {seen.holder} holds it now, generation {seen.generation}" if seen and not seen.released else ""
        return Halt(
            f"the lease on {shard_label(one.grant.shard)} (generation {one.grant.generation}) was lost while this "
            f"process slept{by}. Nothing more is changed; plan again"
        )


def _held(seen: Grant) -> str:
    return (
        f"{shard_label(seen.shard)} is being applied by {seen.holder} (its lease, generation {seen.generation}, lasts "
        f"until {seen.expires:%H:%M:%S} UTC); run again when it is done"
    )
