"""Leases: a ref each, changed by compare-and-swap; `git log` on one tells who wrote to that shard, and when."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from reconciler.history.shelf import DamagedError, Entry, MovedError, Shelf
from reconciler.model.fence import Grant, Store
from reconciler.model.version import shard_label

LEASES = "refs/aipress/leases/"
FLEET_LEASE = "_fleet"
"""No shard is named so."""
STORE_REF = "refs/aipress/store"
_FILE = "lease.json"

T = TypeVar("T")


def lease_ref(shard: str) -> str:
    return LEASES + (shard or FLEET_LEASE)


class Leases:
    """And which store owns the fleet, which is kept in the same way."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def read(self, shard: str) -> Grant | None:
        """Raises DamagedError for what is no lease."""
        return self._lease(shard, self._shelf.head(lease_ref(shard)))

    def swap(self, before: Grant | None, after: Grant, at: datetime) -> bool:
        """Put `after` where `before` stands (None: nothing does); False when something else does by now."""
        ref = lease_ref(after.shard)
        head = self._shelf.head(ref)
        if self._lease(after.shard, head) != before:
            return False
        return self._put(ref, head, after.to_json(), Stamp(_message(before, after), after.holder.host, at))

    def store(self) -> Store | None:
        """Raises DamagedError for what is none."""
        return self._store(self._shelf.head(STORE_REF))

    def swap_store(self, before: Store | None, after: Store, at: datetime) -> bool:
        head = self._shelf.head(STORE_REF)
        if self._store(head) != before:
            return False
        verb = "seen" if before and before.epoch == after.epoch else "take the fleet"
        message = f"{verb}, epoch {after.epoch}: store {after.id[:8]} on {after.host}\n"
        return self._put(STORE_REF, head, after.to_json(), Stamp(message, after.host, at))

    def _lease(self, shard: str, identity: str | None) -> Grant | None:
        found = self._parsed(identity, Grant.from_json, "lease")
        if found is not None and found.shard != shard:
            raise DamagedError(f"it holds the lease of {shard_label(found.shard)}")
        return found

    def _store(self, identity: str | None) -> Store | None:
        return self._parsed(identity, Store.from_json, "store")

    def _parsed(self, identity: str | None, parse: Callable[[Mapping[str, Any]], T], noun: str) -> T | None:
        if identity is None:
            return None
        try:
            return parse(json.loads(self._shelf.file(self._shelf.commit(identity), _FILE)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedError(f"it holds no {noun}: {error!r}") from error

    def _put(self, ref: str, head: str | None, row: Mapping[str, Any], stamp: "Stamp") -> bool:
        content = (json.dumps(row, indent=2, sort_keys=True) + "\n").encode()
        try:
            self._shelf.put(ref, head, Entry({_FILE: content}, stamp.message, stamp.host, int(stamp.at.timestamp())))
        except MovedError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the log says of a swap."""

    message: str
    host: str
    at: datetime


def _message(before: Grant | None, after: Grant) -> str:
    verb = "release" if after.released else "renew" if before and before.holder == after.holder else "take"
    if verb == "renew" and before is not None and before.generation != after.generation:
        verb = "take"
    return f"{verb} {shard_label(after.shard)}, generation {after.generation}: {after.holder}\n"
