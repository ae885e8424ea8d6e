"""Real processes die by SIGKILL in the middle of what they do, and the cloud ends as after a quiet life."""

from pathlib import Path

import pytest

from tests.outside.checking import check
from tests.outside.killing import Era


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_again_and_again_by_chance(tmp_path: Path) -> None:
    """A slice of `python -m tests.outside`: 12 kills while a fleet comes to be and is edited."""
    era = Era(tmp_path / "era", 11)
    try:
        era.reign(12)
        check(era, tmp_path / "quiet")
    finally:
        era.close()
    assert era.tally.cut >= 4, f"hardly anything was cut off in the middle: {era.tally}"
