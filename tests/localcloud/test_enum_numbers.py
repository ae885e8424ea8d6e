"""The committed table of enum numbers is what the installed clients say."""

from __future__ import annotations

import pytest

from reconciler.localcloud.api.build_enums import TABLE, text

pytestmark = pytest.mark.slow


def test_the_table_is_fresh() -> None:
    told = "run: python -m reconciler.localcloud.api.build_enums"
    assert TABLE.read_text(encoding="utf-8") == text(), told
