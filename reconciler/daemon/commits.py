"""Which commits are on their way and when they are live: the one figure that everybody who pushes cares about."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.daemon.serve import Begun, Reported

MOST = 1_000
"""Commits on their way at once; the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Live:
    """A commit that everything agrees with now. `committed`: None where git does not tell."""

    commit: str
    seen: datetime
    live: datetime
    committed: datetime | None

    @property
    def since_seen(self) -> float:
        """Seconds from the first cycle that saw it."""
        return max(0.0, (self.live - self.seen).total_seconds())

    @property
    def since_committed(self) -> float | None:
        """Seconds from the commit's own time; None when it is not known, or not before it was live."""
        if self.committed is None or self.committed > self.live:
            return None
        return (self.live - self.committed).total_seconds()


class Commits:
    """`committed`: when a commit was made. The commit that is there when the daemon starts is no news: how long it took
    is not known. Commits that newer ones overtook are live with them."""

    def __init__(self, committed: Callable[[str], datetime | None]) -> None:
        self._committed = committed
        self._first: str | None = None
        self._going: OrderedDict[str, datetime] = OrderedDict()
        self._newest = ""

    def begins(self, cycle: Begun) -> None:
        if not cycle.commit:
            return
        if self._first is None:
            self._first = cycle.commit
        elif cycle.commit not in (self._first, self._newest):
            self._going.setdefault(cycle.commit, cycle.at)
            if len(self._going) > MOST:
                self._going.popitem(last=False)
        self._newest = cycle.commit

    def told(self, reported: Reported, at: datetime) -> tuple[Live, ...]:
        """Those that are live with the end of this cycle, oldest first."""
        applied = reported.applied
        whole = applied is not None and applied.exit_code == 0 and reported.commit == self._newest
        if not whole or reported.trigger.endswith("looking only"):
            return ()
        ended, self._going = tuple(self._going.items()), OrderedDict()
        return tuple(Live(commit, seen, at, self._committed(commit)) for commit, seen in ended)

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest of them is on its way."""
        return next(iter(self._going.values()), None)

    @property
    def under_way(self) -> int:
        return len(self._going)
