"""Strict YAML: what is read, what is refused, and where each thing stands."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.source.document import MAX_DIAGNOSTICS, Parsed, parse

HOSTILE: dict[str, tuple[bytes, str]] = {
    "fifty kilobytes of brackets": (b"[" * 50_000, "AP004"),
    "open braces": (b"{" * 50_000, "AP012"),
    "nested lists": (b"- " * 60_000, "AP004"),
    "question marks": (b"? " * 60_000, "AP012"),
    "nul": (b"a: \x00", "AP011"),
    "escape": (b"a: \x1b[31m", "AP011"),
    "utf-16": ("a: b".encode("utf-16"), "AP002"),
    "byte order mark": (b"\xef\xbb\xbfa: b", "AP002"),
    "latin-1": (b"a: caf\xe9", "AP002"),
    "lone surrogate": (b"a: \xed\xa0\x80", "AP002"),
    "escaped surrogate": (b'a: "\\ud800"', "AP001"),
    "bidirectional override": ("a: b # \u202e".encode(), "AP011"),
    "escaped bidirectional override": (b'a: "\\u202e"', "AP011"),
    "next line": ("a: b\x85c: d".encode(), "AP011"),
    "tab indentation": (b"a:\n\t- b", "AP001"),
    "unclosed quote": (b'a: "' + b"x" * 200_000, "AP001"),
    "too large": (b"# " + b"x" * 262_144, "AP003"),
    "anchor": (b"a: &x 1", "AP007"),
    "alias": (b"a: *x", "AP007"),
    "merge key": (b"<<: {b: 1}", "AP007"),
    "billion laughs": (b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "AP007"),
    "tag": (b"a: !!python/object:os.system x", "AP008"),
    "non-specific tag": (b"a: ! x", "AP008"),
    "directive": (b"%YAML 1.1\n---\na: b", "AP008"),
    "tag directive": (b"%TAG !e! tag:e,2000:\n---\na: b", "AP008"),
    "second document": (b"a: b\n---\nc: d", "AP009"),
    "duplicate key": (b"a: 1\nb: 2\na: 3", "AP006"),
    "duplicate of another spelling": (b'a: 1\n"a": 2', "AP006"),
    "number as key": (b"8.3: image", "AP012"),
    "true as key": (b"true: image", "AP012"),
    "list as key": (b"[a]: b", "AP012"),
    "empty": (b"", "AP010"),
    "only a comment": (b"# nothing\n", "AP010"),
    "a list": (b"- a", "AP010"),
    "a text": (b"hello", "AP010"),
    "octal or not": (b"a: 010", "AP013"),
    "infinity": (b"a: .inf", "AP013"),
    "not a number": (b"a: .nan", "AP013"),
    "overflowing float": (b"a: 1e999", "AP013"),
    "too many digits": (b"a: " + b"9" * 5000, "AP013"),
    "integer that JSON rounds": (b"a: 9007199254740993", "AP013"),
    "too many values": (b"a: [" + b"1," * 10_001 + b"1]", "AP005"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_input_is_a_diagnostic_with_its_position(name: str) -> None:
    content, code = HOSTILE[name]
    parsed = parse(content, "fleet.yaml")
    assert code in [d.code for d in parsed.diagnostics]
    for diagnostic in parsed.diagnostics:
        assert diagnostic.file == "fleet.yaml"
        assert diagnostic.position.line >= 1
        assert diagnostic.message


VALUES: dict[str, Any] = {
    "NO": "NO", "no": "no", "yes": "yes", "on": "on", "true": True, "True": True, "FALSE": False, "y": "y",
    "12:30": "12:30", "1:30": "1:30", "2026-11-23": "2026-11-23", "2026-11-23T10:00:00Z": "2026-11-23T10:00:00Z",
    "1_000": "1_000", "0": 0, "-0": 0, "17": 17, "+17": 17, "0o17": 15, "0x1F": 31, "0b11": "0b11", "8.10": 8.1,
    "1e3": 1000, "10.0": 10, ".5": 0.5, "5.": 5, "1.5e-3": 0.0015, "null": None, "~": None, "": None, "nil": "nil",
    '"8.10"': "8.10", "'010'": "010", "=": "=", "512Mi": "512Mi", "-": "-", "1.2.3": "1.2.3",
}  # fmt: skip


@pytest.mark.parametrize("written", [w for w in VALUES if w != "-"])
def test_scalars_follow_the_yaml_1_2_core_schema(written: str) -> None:
    parsed = parse(f"a: {written}\n".encode(), "f")
    assert parsed.value == {"a": VALUES[written]}
    assert type(parsed.value["a"]) is type(VALUES[written])


def test_all_problems_of_a_file_are_told_at_once() -> None:
    parsed = parse(b"a: &x 1\nb: 010\na: 2\nc: !t 3\n", "f")
    assert [(d.code, d.position.line, d.position.column) for d in parsed.diagnostics] == [
        ("AP007", 1, 4), ("AP013", 2, 4), ("AP006", 3, 1), ("AP008", 4, 4),
    ]  # fmt: skip
    assert parsed.diagnostics[2].help == "it stands in line 1 already; keep one"


def test_a_file_wrong_in_one_way_many_times_does_not_flood() -> None:
    parsed = parse(b"a: 1\n" * 5000, "f")
    assert len(parsed.diagnostics) == MAX_DIAGNOSTICS


def test_the_first_of_two_equal_keys_is_kept_and_the_second_is_still_read() -> None:
    parsed = parse(b"a: {b: 1}\na: {c: 010}\n", "f")
    assert parsed.value == {"a": {"b": 1}}
    assert [d.code for d in parsed.diagnostics] == ["AP006", "AP013"]


def test_depth_and_count_just_inside_the_limits_are_read() -> None:
    nested = "a: " + "[" * 31 + "]" * 31
    assert parse(nested.encode(), "f").ok
    assert not parse(nested.replace("[" * 31, "[" * 32).replace("]" * 31, "]" * 32).encode(), "f").ok
    assert parse(b"a: [" + b"1," * 9_990 + b"]", "f").ok


def test_positions_underline_the_token_in_every_line_ending_and_width_of_character() -> None:
    for ending in ("\n", "\r\n", "\r"):
        text = ending.join(["größe: é # 😀", "liste:", "  - {schlüssel: 'wört'}", ""])
        parsed = parse(text.encode(), "f")
        assert parsed.token(parsed.positions["größe",]) == "é"
        assert parsed.token(parsed.positions["liste",]) == "liste"
        assert parsed.token(parsed.positions["liste", 0, "schlüssel"]) == "'wört'"
        assert parsed.positions["liste", 0, "schlüssel"].line == 3


def test_flow_collections_know_their_extent() -> None:
    text = "a: { b: [1, 2], c: {} }\n"
    parsed = parse(text.encode(), "f")
    cut = {path: text[start:end] for path, (start, end) in parsed.spans.items()}
    assert cut == {("a",): "{ b: [1, 2], c: {} }", ("a", "b"): "[1, 2]", ("a", "c"): "{}"}


def _scalars(parsed: Parsed) -> list[tuple[Any, str]]:
    found = []
    for path, position in parsed.positions.items():
        value = parsed.value
        for step in path:
            value = value[step]
        if not isinstance(value, dict | list):
            found.append((value, parsed.token(position)))
    return found


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"))
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
trees = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def _visible(value: Any) -> bool:
    return not any(
        c in json.dumps(value, ensure_ascii=False)
        for c in "\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x7f"
    )


@given(st.dictionaries(texts, trees, min_size=1, max_size=4).filter(_visible))
def test_json_is_read_back_as_it_was(tree: dict[str, Any]) -> None:
    parsed = parse(json.dumps(tree, ensure_ascii=False).encode(), "f")
    assert parsed.diagnostics == ()
    assert parsed.value == tree
    for value, token in _scalars(parsed):
        assert json.loads(token) == value


@given(st.permutations(["a: 1", "b: [x, y]", "c: {d: true}", "e: text"]))
def test_the_order_of_keys_means_nothing(lines: list[str]) -> None:
    assert parse("\n".join(lines).encode(), "f").value == {"a": 1, "b": ["x", "y"], "c": {"d": True}, "e": "text"}


@settings(max_examples=400)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived(content: bytes) -> None:
    parsed = parse(content, "f")
    assert parsed.diagnostics or isinstance(parsed.value, dict)


@settings(max_examples=400)
@given(st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`#\n\t 01.~<\\x"), max_size=200))
def test_any_yaml_like_text_is_survived(text: str) -> None:
    parsed = parse(text.encode(), "f")
    assert parsed.diagnostics or isinstance(parsed.value, dict)
    for diagnostic in parsed.diagnostics:
        lines = text.replace("\r", "\n").split("\n")
        assert diagnostic.position.line <= len(lines) + 1


@given(st.sampled_from("[{-?&*!'\"|>#"), st.integers(1, 250_000))
def test_any_run_of_one_character_is_survived(character: str, count: int) -> None:
    assert parse((character * count).encode(), "f").diagnostics
