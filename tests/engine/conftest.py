"""PostgreSQL for tests, where it is installed; where it is not, they are skipped and say so."""

from collections.abc import Iterator

import pytest

from tests.engine.postgres import Postgres, binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed: make system-deps (as root)")
    server = Postgres(found)
    yield server
    server.close()
