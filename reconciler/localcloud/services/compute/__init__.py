"""Compute Engine, by rule from its discovery document.

- `places`: where a resource lives, the key it is stored under, partial and full URLs.
- `shapes`: a body by its schema (output-only fields out, nested defaults, kinds and links in full).
- `engine`: insert, get, list, aggregatedList, patch, update, delete, setLabels for every collection.
- `work`: operations. `filters`: lists. `world`: regions and zones. `project`: what a project is and starts with.
- `facts/`: one table per room of what Google fills in, refuses, and calls differently (KINDS and MESSAGES).
- `catalogue` and `public_images`: what Google offers everywhere; `sources`: images and disks by reference.
- `managed`, `managed_members`, `autoscaling`: managed groups as they are asked; `versions` (arithmetic), `crew` (their
  machines) and `tending` (their steps in virtual time): what they do by themselves.
- the other files: custom verbs of a room (METHODS, discovery method id -> behaviour).

To teach a kind something: defaults, required and immutable fields, who uses it, operation types and a `fill` function
belong in `facts/<room>.py`, listed in `facts/__init__`; a custom verb is a function of a Call in `<room>.py` beside
this file, listed in ROOMS below. Such a verb reads `place_of(call)` and `engine.load`, changes the stored object, and
ends with `engine.changed_to` (which completes, checks, stores and answers with the operation). `engine.make` creates a
resource that no request asked for by itself (the subnetworks of an auto-mode network).
"""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services.compute import (
    autoscaling,
    balancing,
    capacity,
    disks,
    engine,
    groups,
    instances,
    managed,
    managed_members,
    networks,
    offers,
    project,
    rarities,
    rules,
    standing,
    tending,
    work,
)

ROOMS: tuple[dict[str, Behaviour], ...] = (
    networks.METHODS,
    balancing.METHODS,
    rules.METHODS,
    project.METHODS,
    offers.METHODS,
    disks.METHODS,
    capacity.METHODS,
    instances.METHODS,
    groups.METHODS,
    managed.METHODS,
    managed_members.METHODS,
    autoscaling.METHODS,
    rarities.METHODS,
)

METHODS: dict[str, Behaviour] = {name: project.begun(behaviour) for room in ROOMS for name, behaviour in room.items()}
FINISHERS: dict[str, Finisher] = {"compute.done": work.done, "compute.tend": tending.step}
FALLBACK: Behaviour = project.begun(engine.answer)
BY_RULE = standing.by_rule
