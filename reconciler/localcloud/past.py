"""What was there a moment ago: an undo log of recent commits, and the rows as they were before some of them.

A stale read is a true reading of an earlier state, never a made-up one, so it pages and filters like any other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.localcloud.state import Rows

_REMEMBERED_BYTES = 16 * 1024 * 1024
_ENTRY_BYTES = 160
Values = dict[str, bytes | None]


class PastRows:
    """Rows behind a few values from earlier. Read-only: a commit through it would mix the times."""

    def __init__(self, rows: Rows, earlier: Values) -> None:
        self._rows = rows
        self._earlier = earlier
        self._keys = sorted(earlier)

    def get(self, key: str) -> bytes | None:
        return self._earlier[key] if key in self._earlier else self._rows.get(key)

    def scan(self, low: str, high: str, limit: int) -> list[tuple[str, bytes]]:
        """As many as `limit`, or fewer only at the end: what the log hides is made up for by reading on."""
        mine = self._keys[bisect_left(self._keys, low) : bisect_left(self._keys, high)]
        found: dict[str, bytes] = {}
        page = self._rows.scan(low, high, limit + len(mine))
        found.update((key, raw) for key, raw in page if key not in self._earlier)
        end = page[-1][0] if len(page) == limit + len(mine) else high
        found.update((key, raw) for key in mine if key <= end and (raw := self._earlier[key]) is not None)
        return sorted(found.items())[:limit]

    def commit(self, writes: Mapping[str, bytes | None]) -> None:
        self._rows.commit(writes)


@dataclass
class Past:
    """The last commits, newest last: when, and what each key was before. Bounded in bytes; older ones are forgotten."""

    _log: deque[tuple[float, Values, int]] = field(default_factory=deque)
    _bytes: int = 0

    def record(self, now: float, before: Values) -> None:
        if not before:
            return
        size = sum(len(key) + len(raw or b"") + _ENTRY_BYTES for key, raw in before.items())
        self._log.append((now, before, size))
        self._bytes += size
        while self._bytes > _REMEMBERED_BYTES:
            self._bytes -= self._log.popleft()[2]

    def since(self, then: float, wanted: Callable[[str, bytes | None], bool]) -> Values:
        """The wanted keys as they were at `then`; `wanted` is asked with the key and what was there before."""
        earlier: Values = {}
        for when, before, _ in reversed(self._log):
            if when <= then:
                break
            earlier.update((key, raw) for key, raw in before.items() if wanted(key, raw))
        return earlier

    def changes_ago(self, count: int, touches: Callable[[str], bool]) -> Values:
        """The touched keys as they were before the last `count` commits that changed any of them."""
        earlier: Values = {}
        for _, before, _ in reversed(self._log):
            mine = {key: raw for key, raw in before.items() if touches(key)}
            earlier.update(mine)
            count -= bool(mine)
            if not count:
                break
        return earlier

    def clear(self) -> None:
        self._log.clear()
        self._bytes = 0


def touched(keys: Iterable[str], ranges: Iterable[tuple[str, str]]) -> Callable[[str], bool]:
    """Whether a key is among `keys` or in one of the key `ranges`."""
    known, spans = frozenset(keys), tuple(ranges)
    return lambda key: key in known or any(low <= key < high for low, high in spans)
