"""Spellings: equal values compare equal, other values are left alone, and nothing crashes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.spelling import SPELLINGS, duration, integer, quantity

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2)
)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1000m"), ("0.5", "500m"), ("1Gi", "1024Mi"), ("1.5Gi", "1536Mi"), (1, "1"), ("2k", "2000"), ("1.0", 1)],
)
def test_quantities_in_other_units_are_equal(one: Any, other: Any) -> None:
    assert quantity(one) == quantity(other)


@pytest.mark.parametrize(("one", "other"), [("512Mi", "512M"), ("1", "1m"), ("1Gi", "1G"), ("1", "1x"), ("1\n", "1")])
def test_quantities_that_are_not_equal_stay_apart(one: str, other: str) -> None:
    assert quantity(one) != quantity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("300s", "5m0s"), ("300s", "300.000s"), ("604800s", "168h0m0s"), ("300s", 300), ("0.5s", "0.50s")],
)
def test_durations_in_other_forms_are_equal(one: Any, other: Any) -> None:
    assert duration(one) == duration(other)


@given(st.integers(-(10**18), 10**18))
def test_int64_as_text_is_the_number(number: int) -> None:
    assert integer(str(number)) == number


@pytest.mark.parametrize("text", ["--5", "²", "5\n", "", "1e3", "Infinity", "nan", "1_000"])
def test_what_only_looks_like_a_number_is_left_alone(text: str) -> None:
    assert [rule(text) for rule in (integer, quantity, duration)] == [text] * 3


@pytest.mark.parametrize("rule", SPELLINGS.values(), ids=SPELLINGS.keys())
@given(value=anything)
def test_no_value_crashes_a_rule_and_twice_is_once(rule: Any, value: Any) -> None:
    once = rule(value)
    assert rule(once) == once or once != once
