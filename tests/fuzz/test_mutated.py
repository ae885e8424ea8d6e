"""Valid documents with something done to them: read or refused in words, whole in a fleet too."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.every import SEEDS, TARGETS
from tests.fuzz.shapes import documents
from tests.fuzz.targets import document, in_a_fleet
from tests.fuzz.worlds import VALID, valid_fleet


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_changed_documents_never_break_the_reader(case: tuple[str, bytes]) -> None:
    path, content = case
    document(content)
    in_a_fleet(path, content)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_pieces_of_seeds_put_together(target: str, data: st.DataObject) -> None:
    seeds = list(SEEDS(target, 3_000)) or [b""]
    first, second = data.draw(st.sampled_from(seeds)), data.draw(st.sampled_from(seeds))
    at, to = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, len(second)))
    TARGETS[target](first[:at] + data.draw(st.binary(max_size=20)) + second[to:])


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_changed_documents_never_break_the_reader_at_length(case: tuple[str, bytes]) -> None:
    path, content = case
    in_a_fleet(path, content)


def test_the_fleet_they_start_from_is_valid() -> None:
    assert in_a_fleet("fleet.yaml", VALID["fleet.yaml"].encode()) == ()
    assert valid_fleet() == VALID
