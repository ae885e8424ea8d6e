"""Whatever is written, what is shown is one visible line, and nothing in it takes effect."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report.escape import ascii_only, cell, code_span, columns, cut, fence, html_code, padded, plain

ANY_TEXT = st.text(st.characters(), max_size=60) | st.text(st.sampled_from("`|<>@#\\\n\u202e\u200b\x1b "), max_size=40)


@given(ANY_TEXT)
def test_plain_text_is_one_printable_line_that_encodes(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    shown.encode("utf-8")


@given(st.text(st.characters(categories=["L", "N", "P"], exclude_characters="\u3164\u115f\u1160\uffa0"), max_size=40))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Kb", "a\\e[2Kb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("safe\u202eelete", "safe\\u{202e}elete"),
        ("ad\u200bmin", "ad\\u{200b}min"),
        ("\u3164", "\\u{3164}"),
        ("a\U000e0041b\U000e0100", "a\\u{e0041}b\\u{e0100}"),
        ("\x9b31m", "\\u{9b}31m"),
        ("half\ud800", "half\\u{d800}"),
        ("Bäckerei 漢字 🥐", "Bäckerei 漢字 🥐"),
    ],
)
def test_what_hides_is_named(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(ANY_TEXT)
def test_a_code_span_cannot_be_closed_from_inside(text: str) -> None:
    span = code_span(text)
    opening = re.match(r"`+", span)
    assert opening
    ticks = opening[0]
    inside = span[len(ticks) : -len(ticks)]
    assert span.endswith(ticks)
    assert "\n" not in span
    assert inside.strip()
    assert all(len(run) != len(ticks) for run in re.findall("`+", inside))
    assert not inside.startswith("`")
    assert not inside.endswith("`")


@given(ANY_TEXT)
def test_a_cell_holds_no_pipe(text: str) -> None:
    assert "|" not in cell(text)


@given(ANY_TEXT)
def test_html_has_one_element_and_no_tag_of_others(text: str) -> None:
    shown = html_code(text)
    assert shown.count("<") == 2
    assert shown.count(">") == 2


@given(st.lists(ANY_TEXT, max_size=5))
def test_a_fence_closes_only_at_its_end(texts: list[str]) -> None:
    block = fence([plain(text) for text in texts]).split("\n")
    assert block[-1] == block[0].removesuffix("diff")
    assert all(not line.strip().startswith(block[-1]) for line in block[1:-1])


@given(ANY_TEXT)
def test_ascii_terminals_get_ascii(text: str) -> None:
    assert ascii_only(plain(text)).isascii()


def test_our_own_signs_are_spelled_out_in_ascii() -> None:
    assert ascii_only("✔ 1 → 2 ✗ …") == "ok 1 -> 2 x ..."


def test_widths_count_columns_of_a_terminal() -> None:
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1
    assert padded("漢", 4) == "漢  "
    assert cut("abcdef", 4) == "abc…"
    assert cut("abc", 3) == "abc"
