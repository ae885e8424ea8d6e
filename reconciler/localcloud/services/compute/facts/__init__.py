"""Facts of the kinds, one table per room: what Google fills in, refuses and calls differently. Facts, no methods.

KINDS: collection -> Kind. MESSAGES: schema name -> fields that Google fills in wherever such a message is stored and
the field was left out (`HTTPHealthCheck` -> port 80), at the top or nested. Only what a recording or a document
confirms belongs in here: a field that Google does not show is as wrong as one that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.services.compute.facts import (
    balancing,
    capacity,
    copies,
    disks,
    groups,
    machines,
    networking,
)
from reconciler.localcloud.services.compute.kinds import Kind

ROOMS = (networking, balancing, disks, machines, groups, capacity, copies)
KINDS: dict[str, Kind] = {name: kind for room in ROOMS for name, kind in room.KINDS.items()}
MESSAGES: dict[str, Mapping[str, Any]] = {name: row for room in ROOMS for name, row in room.MESSAGES.items()}


def kind_of(collection: str) -> Kind:
    return KINDS.get(collection, _PLAIN)


_PLAIN = Kind()
