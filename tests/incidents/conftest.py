"""A fleet that is applied, and what incidents do to it."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from tests.cycle.small_world import SmallWorld
from tests.incidents.playing import YOGA


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    """Three tenants on two shards, applied; the record of writes is empty again."""
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    made.cloud.effects.clear()
    return made


@pytest.fixture
def deleted(small: SmallWorld) -> SmallWorld:
    """Linden Yoga was deleted 15 days ago, so its escrow window is over; nothing of it has been purged."""
    text = small.read(YOGA)
    small.write(YOGA, text.replace("tier: bronze\n", "tier: bronze\n  state: deleted\n  deletion: { reason: over }\n"))
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    small.clock.at += timedelta(days=15)
    small.cloud.effects.clear()
    return small
