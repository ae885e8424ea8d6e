"""What repeats is told once and then counted: at first, again after an hour, and when it is over."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST = 2_000
"""Things that are remembered at once; the one heard of longest ago is forgotten."""
AGAIN = timedelta(hours=1)
"""What goes on is said again after so long."""
OVER = timedelta(hours=6)
"""What was not heard of for so long is new when it comes again."""


@dataclass(slots=True)
class _Heard:
    first: datetime
    last: datetime
    told: datetime
    count: int
    silent: int


@dataclass(frozen=True, slots=True)
class Said:
    """Whether to tell now. `count`: how often it was heard since `since`; `left_out`: since it was told last."""

    tell: bool
    count: int
    left_out: int
    since: datetime


class Repeats:
    """Not safe for threads: who shares one has a lock."""

    def __init__(self, again: timedelta = AGAIN, most: int = MOST) -> None:
        self._again = again
        self._most = most
        self._heard: OrderedDict[str, _Heard] = OrderedDict()

    def hear(self, key: str, now: datetime) -> Said:
        """One more of `key`."""
        known = self._heard.get(key)
        if known is None or now - known.last >= OVER:
            self._heard[key] = _Heard(now, now, now, 1, 0)
            self._heard.move_to_end(key)
            if len(self._heard) > self._most:
                self._heard.popitem(last=False)
            return Said(True, 1, 0, now)
        self._heard.move_to_end(key)
        known.count, known.last = known.count + 1, now
        if now - known.told < self._again:
            known.silent += 1
            return Said(False, known.count, known.silent, known.first)
        left_out, known.silent, known.told = known.silent, 0, now
        return Said(True, known.count, left_out, known.first)

    def over(self, prefix: str) -> tuple[int, datetime | None]:
        """Whatever begins so has ended: how often it was heard, since when; (0, None) when it was not."""
        ended = [key for key in self._heard if key.startswith(prefix)]
        gone = [self._heard.pop(key) for key in ended]
        return sum(one.count for one in gone), min((one.first for one in gone), default=None)
