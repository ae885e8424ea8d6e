"""`aipress drift`: what moved outside Git, and writing a live value into the YAML."""

from collections.abc import Sequence

from reconciler.cycle import World, look
from reconciler.model.ids import Target
from reconciler.planning.drift import Drift, find_drift
from reconciler.source.scope import scope_of


def find(world: World, targets: Sequence[Target]) -> tuple[Drift, ...]:
    """Drift of these targets at HEAD, read now."""
    return find_drift(look(world, world.repository.resolve("HEAD"), scope_of(targets)))
