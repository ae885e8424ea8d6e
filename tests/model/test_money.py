"""Money is exact: what is divided adds up again, what is written reads back, and only people see cents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.money import MOST, micros, number, read, shares, words


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), max_size=60))
def test_shares_add_up_and_follow_their_weights(amount: int, weights: list[int]) -> None:
    parts = shares(amount, weights)
    assert sum(parts) == (amount if weights else 0) and len(parts) == len(weights)
    for (one, mine), (other, theirs) in zip(
        zip(weights, parts, strict=True), zip(weights[1:], parts[1:], strict=True), strict=False
    ):
        assert mine - theirs >= -1 if one >= other else mine - theirs <= 1


@given(st.integers(-(10**15), 10**15))
def test_what_is_written_in_json_reads_back(amount: int) -> None:
    assert read(number(amount)) == amount


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), True, float(MOST)])
def test_what_is_no_amount_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError):
        read(wrong)


def test_rounding_is_half_up_once_and_told() -> None:
    assert micros(Decimal("0.0000005")) == 1 and micros(Decimal("0.00000049")) == 0
    assert [words(n) for n in (0, 4_999, 5_000, 1_234_565_000, -250_000, -1)] == [
        "$0.00", "<$0.01", "$0.01", "$1,234.57", "-$0.25", "-<$0.01",
    ]  # fmt: skip
