import pytest
from hypothesis import settings

from reconciler.model.fleet import Fleet
from tests.desired.fleets import FILES, fleet_of

settings.register_profile("untimed", deadline=None)  # a loaded machine is no bug
settings.load_profile("untimed")


@pytest.fixture
def sample() -> Fleet:
    """One shard, one tenant with production and staging, every managed field written."""
    return fleet_of(FILES)
