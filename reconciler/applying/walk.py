"""Many changes: which may start now, and what follows from each end. No clock, no threads, the same each time.

Order: a change starts when everything it comes after is done. Bounded: at most `parallel` at once, and one per lane
(a Cloud SQL instance takes one operation at a time). What waits for something that did not succeed is skipped, and
nothing else: one sick tenant never stops another. A shard is settled when its last change has ended.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from reconciler.kinds.catalog import kind_of
from reconciler.model.ids import Address
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Change

INTERRUPTED = "interrupted"
"""Why a walk is cut short when the process was asked to end; any other reason is a word of ours."""
_FAILED = {Result.FAILED: "failed", Result.STALE: "moved", Result.SKIPPED: "was not run", Result.INTERRUPTED: "stopped"}


@dataclass(slots=True)
class Turn:
    """What one step of the walk came to: items that ended without being run, and shards that are settled now."""

    skipped: list[ItemOutcome] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)


def lane_of(change: Change) -> str:
    """The queue a change stands in: "projects/P/instances/I" for what a Cloud SQL instance does, else ""."""
    if kind_of(change.address.kind).lane != "instance":
        return ""
    return "/".join(change.name.split("/")[:4])


def because(item: ItemOutcome) -> str:
    """Why what waits for this one, which did not succeed, is not run."""
    if item.result is Result.SKIPPED and item.message.startswith("waits for "):
        return item.message
    return f"waits for {item.change.address}, which {_FAILED[item.result]}: {item.message}"


class Walk:
    """The walk of one plan. `changes` in plan order, which is also the order of preference among those ready."""

    def __init__(self, changes: Sequence[Change], parallel: int) -> None:
        """Raises ValueError when an address stands twice, or when changes wait for each other: bugs of planning."""
        self._changes = list(changes)
        self._at = {change.address: n for n, change in enumerate(self._changes)}
        if len(self._at) != len(self._changes):
            raise ValueError("a plan changes each resource once: an address stands twice in it")
        self._parallel = max(1, parallel)
        self._waiting = {
            n: {self._at[a] for a in change.after if a in self._at} for n, change in enumerate(self._changes)
        }
        self._followers: dict[int, list[int]] = defaultdict(list)
        for n, needed in self._waiting.items():
            for other in needed:
                self._followers[other].append(n)
        self._refuse_circles()
        self._lanes = [lane_of(change) for change in self._changes]
        self._queued: dict[str, list[int]] = defaultdict(list)
        self._busy: set[str] = set()
        self._ready: list[int] = []
        self._running: set[int] = set()
        self._ends: dict[int, ItemOutcome] = {}
        self._left: dict[str, int] = defaultdict(int)
        self._of_shard: dict[str, list[int]] = defaultdict(list)
        for n, change in enumerate(self._changes):
            self._of_shard[change.shard].append(n)
            self._left[change.shard] += 1
        for n, needed in self._waiting.items():
            if not needed:
                self._enqueue(n)

    # --- asking -----------------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        return len(self._ends) == len(self._changes)

    def outcome(self, shard: str | None = None, *, cut: str = "") -> Outcome:
        """What has ended so far, in plan order: all of it, or one shard's. `cut`: why the walk was cut short."""
        among = range(len(self._changes)) if shard is None else self._of_shard[shard]
        items = {self._changes[n].address: self._ends[n] for n in among if n in self._ends}
        return Outcome(items, cut == INTERRUPTED, "" if cut == INTERRUPTED else cut)

    # --- moving -----------------------------------------------------------------------------------------------------

    def skip(self, reasons: Mapping[Address, str]) -> Turn:
        """Leave these out (address -> why), and what waits for them. For the start of the walk."""
        turn = Turn()
        for address, why in reasons.items():
            n = self._at.get(address)
            if n is not None and n not in self._ends and n not in self._running:
                self._conclude(n, ItemOutcome(self._changes[n], Result.SKIPPED, why, attempts=0), turn)
                turn.skipped.append(self._ends[n])
        return turn

    def start(self) -> list[Change]:
        """The changes to start now. Each must come back through `finish`."""
        started: list[Change] = []
        while self._ready and len(self._running) < self._parallel:
            n = heappop(self._ready)
            if n in self._ends:
                self._free(self._lanes[n])
                continue
            self._running.add(n)
            started.append(self._changes[n])
        return started

    def finish(self, item: ItemOutcome) -> Turn:
        """One started change has ended. Raises ValueError when it was not running."""
        n = self._at[item.change.address]
        if n not in self._running:
            raise ValueError(f"{item.change.address} was not running")
        self._running.remove(n)
        turn = Turn()
        self._conclude(n, item, turn)
        self._free(self._lanes[n])
        return turn

    def stop(self, reason: str) -> Turn:
        """Start nothing any more: what has not started ends as interrupted."""
        turn = Turn()
        for n, change in enumerate(self._changes):
            if n not in self._ends and n not in self._running:
                self._ends[n] = ItemOutcome(change, Result.INTERRUPTED, f"not started: {reason}", attempts=0)
                turn.skipped.append(self._ends[n])
                self._count(n, turn)
        return turn

    # --- inside -----------------------------------------------------------------------------------------------------

    def _refuse_circles(self) -> None:
        left = {n: len(needed) for n, needed in self._waiting.items()}
        free = [n for n, count in left.items() if not count]
        while free:
            n = free.pop()
            del left[n]
            for follower in self._followers[n]:
                left[follower] -= 1
                if not left[follower]:
                    free.append(follower)
        if left:
            names = ", ".join(str(self._changes[n].address) for n in sorted(left)[:5])
            raise ValueError(f"changes of this plan wait for each other, which is a bug, please report it: {names}")

    def _conclude(self, n: int, item: ItemOutcome, turn: Turn) -> None:
        """Record an end; free or skip, over and over, what waited for it."""
        self._ends[n] = item
        self._count(n, turn)
        ended = [n]
        while ended:
            one = ended.pop()
            for follower in self._followers[one]:
                if follower in self._ends:
                    continue
                if self._ends[one].result is Result.DONE:
                    self._waiting[follower].discard(one)
                    if not self._waiting[follower]:
                        self._enqueue(follower)
                    continue
                message = because(self._ends[one])
                self._ends[follower] = ItemOutcome(self._changes[follower], Result.SKIPPED, message, attempts=0)
                turn.skipped.append(self._ends[follower])
                self._count(follower, turn)
                ended.append(follower)

    def _count(self, n: int, turn: Turn) -> None:
        shard = self._changes[n].shard
        self._left[shard] -= 1
        if not self._left[shard]:
            turn.settled.append(shard)

    def _enqueue(self, n: int) -> None:
        lane = self._lanes[n]
        if lane and lane in self._busy:
            heappush(self._queued[lane], n)
            return
        if lane:
            self._busy.add(lane)
        heappush(self._ready, n)

    def _free(self, lane: str) -> None:
        """The lane's next one takes its place; those that ended meanwhile are passed over."""
        if not lane:
            return
        queue = self._queued[lane]
        while queue and queue[0] in self._ends:
            heappop(queue)
        if queue:
            heappush(self._ready, heappop(queue))
        else:
            self._busy.discard(lane)
