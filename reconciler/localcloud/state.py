"""The state of the cloud: JSON objects under ordered keys, read through an overlay that records every write.

A door commits exactly `State.writes` in one transaction; dropping them undoes the request. Keys are
`<collection>/<name>`; a list is a scan of a key prefix and never touches other projects.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Protocol

import orjson

from reconciler.localcloud.values import Json

_END = "\U0010ffff"
_PAGE = 256


class Rows(Protocol):
    """What holds the committed state. Values are JSON bytes; scans are in key order, `low` included, `high` not."""

    def get(self, key: str) -> bytes | None: ...

    def scan(self, low: str, high: str, limit: int) -> list[tuple[str, bytes]]: ...

    def commit(self, writes: Mapping[str, bytes | None]) -> None: ...


class MemoryRows:
    """Rows in memory, for the simulation and for tests of the core. Every commit lasts at once: never `open`."""

    open = False
    shared = False

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._keys: list[str] = []

    def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    def scan(self, low: str, high: str, limit: int) -> list[tuple[str, bytes]]:
        start = bisect_left(self._keys, low)
        keys = self._keys[start : start + limit]
        return [(key, self._values[key]) for key in keys if key < high]

    def commit(self, writes: Mapping[str, bytes | None]) -> None:
        for key, value in writes.items():
            if value is None:
                if self._values.pop(key, None) is not None:
                    del self._keys[bisect_left(self._keys, key)]
            else:
                if key not in self._values:
                    insort(self._keys, key)
                self._values[key] = value

    def flush(self) -> None:
        pass


class State:
    """The committed rows plus the writes of the request in hand."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._read: dict[str, bytes | None] = {}
        self._looked: dict[str, Json | None] = {}
        self.scanned: list[tuple[str, str]] = []
        self.writes: dict[str, bytes | None] = {}
        self.settled: dict[str, bytes | None] = {}

    def get(self, key: str) -> Json | None:
        raw = self.writes[key] if key in self.writes else self.raw_before(key)
        return None if raw is None else orjson.loads(raw)

    def look(self, key: str) -> Json | None:
        """The object as `get` gives it, but shared with every other look in this request: not to be changed."""
        if key in self.writes:
            return self.get(key)
        if key not in self._looked:
            self._looked[key] = self.before(key)
        return self._looked[key]

    def before(self, key: str) -> Json | None:
        """The committed object, as it was before the request in hand."""
        raw = self.raw_before(key)
        return None if raw is None else orjson.loads(raw)

    def overwritten(self, but: tuple[str, ...] = ()) -> dict[str, bytes | None]:
        """What each written key (those with the prefixes `but` left out) holds in the rows until the commit."""
        return {key: self.raw_before(key) for key in self.writes if not key.startswith(but)}

    @property
    def read(self) -> frozenset[str]:
        """The keys that were looked up."""
        return frozenset(self._read)

    def raw_before(self, key: str) -> bytes | None:
        """The committed object as the rows hold it."""
        if key not in self._read:
            self._read[key] = self._rows.get(key)
        return self._read[key]

    def put(self, key: str, value: Json) -> None:
        # A copy, because orjson's buffer keeps its over-allocation for as long as the value lives.
        self.writes[key] = bytes(memoryview(orjson.dumps(value)))

    def delete(self, key: str) -> None:
        self.writes[key] = None

    def scan(self, prefix: str, after: str = "", until: str = "") -> Iterator[tuple[str, Json]]:
        """Objects whose key starts with `prefix`, in key order, those at or before key `after` left out."""
        # `after` comes from a page token, which a caller may forge: it must not lead out of the prefix.
        low, high = max(after + "\0" if after else prefix, prefix), (until or prefix + _END)
        self.scanned.append((low, high))
        mine = sorted(key for key in self.writes if low <= key < high)
        position = 0
        while True:
            page = self._rows.scan(low, high, _PAGE)
            for key, raw in page:
                while position < len(mine) and mine[position] < key:
                    yield from self._own(mine[position])
                    position += 1
                if position < len(mine) and mine[position] == key:
                    yield from self._own(key)
                    position += 1
                elif key not in self.writes:
                    yield key, orjson.loads(raw)
            if len(page) < _PAGE:
                break
            low = page[-1][0] + "\0"
        for key in mine[position:]:
            yield from self._own(key)

    def _own(self, key: str) -> Iterator[tuple[str, Json]]:
        raw = self.writes.get(key)
        if raw is not None:
            yield key, orjson.loads(raw)

    def commit(self) -> int:
        """Make the recorded writes part of the rows; returns how many there were."""
        count = len(self.writes)
        if count:
            self._rows.commit(self.writes)
            self.writes, self.settled, self._read, self._looked = {}, {}, {}, {}
        return count

    def drop(self) -> None:
        """Forget the writes of the request in hand, but not those that time alone made."""
        self.writes = dict(self.settled)
