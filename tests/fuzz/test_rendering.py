"""Nothing that somebody else wrote takes effect in what we print, and nothing hides what is destroyed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.rendering import everywhere, judge_markdown
from tests.fuzz.seeds_words import PIECES, SEEDS, text


@pytest.mark.parametrize("name", [name for name in SEEDS if "long" not in name and "megabyte" not in name])
def test_hostile_words_take_no_effect(name: str) -> None:
    everywhere(text(SEEDS[name]))


@pytest.mark.parametrize("name", ["long-backticks", "long-controls"])
def test_words_without_end_are_cut_before_they_cost_anything(name: str) -> None:
    everywhere(text(SEEDS[name]))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in SEEDS if "long" in name or "megabyte" in name])
def test_long_hostile_words_take_no_effect(name: str) -> None:
    everywhere(text(SEEDS[name]))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=25).map("".join))
def test_any_words_take_no_effect(words: str) -> None:
    everywhere(words)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join))
def test_any_words_take_no_effect_at_length(words: str) -> None:
    everywhere(words)


@pytest.mark.parametrize(
    "page",
    [
        "zqxmark",
        "![a](b)",
        "[a](https://evil.example)",
        "<b>x</b>",
        "<code onclick=x>",
        "<!-- x -->",
        "hello @all",
        "https://x",
    ],
)
def test_the_judge_sees_what_takes_effect(page: str) -> None:
    with pytest.raises(AssertionError):
        judge_markdown(page)
