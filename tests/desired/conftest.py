import pytest

from reconciler.model.fleet import Fleet
from tests.desired.fleets import FILES, fleet_of


@pytest.fixture
def sample() -> Fleet:
    """One shard, one tenant with production and staging, every managed field written."""
    return fleet_of(FILES)
