"""One value changed and nothing else: every other line, comment and quote stays."""

import difflib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.errors import InputError
from reconciler.source.document import parse
from reconciler.source.edit import remove_value, set_value, written
from reconciler.source.fix import fixed, fixes
from reconciler.source.load import load_files

TEXT = """\
# Who edits this should know why.
metadata:
  name: acme   # never changes
  uid: a0000001
spec:
  tier: silver  # since 2026
  source: { repository: "https://git.example/a.git" }

  # measured in March
  runtime:
    php: "8.3"   # waits for a plug-in
    env:
      A: b
  environments:
    production: { ref: main, domains: [a.example] }
    staging: { ref: dev, runtime: { memory: 1Gi } }
  redirects:
  - { from: /a }
  - from: /b
    to: /c
  cdn: {}
"""


def changed(after: str, before: str = TEXT) -> list[str]:
    """Lines taken out and put in."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [row for row in rows if row[0] in "+-" and row[:3] not in ("+++", "---")]


SETS: dict[str, tuple[tuple[str | int, ...], Any, list[str]]] = {
    "plain text": (("spec", "tier"), "gold", ["-  tier: silver  # since 2026", "+  tier: gold  # since 2026"]),
    "quoted text stays quoted": (
        ("spec", "runtime", "php"), "8.4",
        ['-    php: "8.3"   # waits for a plug-in', '+    php: "8.4"   # waits for a plug-in'],
    ),
    "text that looks like a number is quoted": (
        ("spec", "tier"), "010", ["-  tier: silver  # since 2026", '+  tier: "010"  # since 2026'],
    ),
    "new field": (("spec", "runtime", "memory"), "1Gi", ["+    memory: 1Gi"]),
    "new block": (("spec", "database", "connections"), 30, ["+  database:", "+    connections: 30"]),
    "new field in braces": (
        ("spec", "environments", "production", "runtime", "memory"), "2Gi",
        ["-    production: { ref: main, domains: [a.example] }",
         "+    production: { ref: main, domains: [a.example], runtime: { memory: 2Gi } }"],
    ),
    "value in braces": (
        ("spec", "environments", "staging", "runtime", "memory"), "2Gi",
        ["-    staging: { ref: dev, runtime: { memory: 1Gi } }",
         "+    staging: { ref: dev, runtime: { memory: 2Gi } }"],
    ),
    "into empty braces": (("spec", "cdn", "on"), True, ["-  cdn: {}", "+  cdn: { on: true }"]),
    "one more in brackets": (
        ("spec", "environments", "production", "domains", 1), "b.example",
        ["-    production: { ref: main, domains: [a.example] }",
         "+    production: { ref: main, domains: [a.example, b.example] }"],
    ),
    "field of a list's element": (("spec", "redirects", 1, "to"), "/d", ["-    to: /c", "+    to: /d"]),
    "new field of a list's element": (("spec", "redirects", 1, "code"), 301, ["+    code: 301"]),
    "what stands there already": (("spec", "tier"), "silver", []),
}  # fmt: skip


@pytest.mark.parametrize("what", SETS)
def test_setting_a_value_changes_only_its_line(what: str) -> None:
    path, value, expected = SETS[what]
    assert changed(set_value(TEXT, path, value)) == expected


REMOVALS: dict[str, tuple[tuple[str | int, ...], list[str]]] = {
    "last of a block takes the block": (("spec", "runtime", "env", "A"), ["-    env:", "-      A: b"]),
    "a block": (("spec", "runtime", "env"), ["-    env:", "-      A: b"]),
    "a list": (("spec", "redirects"), ["-  redirects:", "-  - { from: /a }", "-  - from: /b", "-    to: /c"]),
    "last in braces": (
        ("spec", "environments", "production", "domains"),
        ["-    production: { ref: main, domains: [a.example] }", "+    production: { ref: main }"],
    ),
    "first in braces": (
        ("spec", "environments", "production", "ref"),
        ["-    production: { ref: main, domains: [a.example] }", "+    production: { domains: [a.example] }"],
    ),
    "only one in braces": (
        ("spec", "environments", "staging", "runtime", "memory"),
        ["-    staging: { ref: dev, runtime: { memory: 1Gi } }", "+    staging: { ref: dev }"],
    ),
    "what is not there": (("spec", "database"), []),
}  # fmt: skip


@pytest.mark.parametrize("what", REMOVALS)
def test_removing_a_value_changes_only_its_lines(what: str) -> None:
    path, expected = REMOVALS[what]
    assert changed(remove_value(TEXT, path)) == expected


def test_a_new_key_may_follow_a_sibling() -> None:
    after = set_value(TEXT, ("metadata", "displayName"), 'A: "b" # c', after="name")
    assert changed(after) == ['+  displayName: "A: \\"b\\" # c"']
    assert after.splitlines()[3].startswith("  displayName")


def test_what_needs_a_round_trip_is_right_all_the_same() -> None:
    after = set_value(TEXT, ("spec", "runtime"), {"php": "8.4", "scaling": {"min": 1}})
    assert parse(after.encode(), "f").value["spec"]["runtime"] == {"php": "8.4", "scaling": {"min": 1}}
    assert "# Who edits this should know why." in after
    assert "# since 2026" in after


def test_line_endings_stay() -> None:
    windows = TEXT.replace("\n", "\r\n")
    after = set_value(windows, ("spec", "runtime", "memory"), "1Gi")
    assert after == set_value(TEXT, ("spec", "runtime", "memory"), "1Gi").replace("\n", "\r\n")
    assert remove_value(after, ("spec", "runtime", "memory")) == windows


def test_a_last_line_without_an_end_gets_one_before_more_follows() -> None:
    assert set_value("a: 1", ("b",), 2) == "a: 1\nb: 2\n"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: set_value("a: [", ("a",), 1), lambda: set_value("a: *x", ("a",), 1), lambda: set_value("", ("a",), 1),
        lambda: set_value("a: text", ("a", "b"), 1), lambda: set_value("a: [1]", ("a", 5), 1),
        lambda: set_value("a: 1", ("b",), "control \x00"), lambda: set_value("a: 1", ("b",), float("nan")),
        lambda: remove_value("a: [", ("a",)),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_is_said_and_never_guessed(attempt: Callable[[], str]) -> None:
    with pytest.raises(InputError):
        attempt()


names = st.text("abcxyz", min_size=1, max_size=4)
scalars = (
    st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))
    | st.sampled_from(["010", "no", "8.10", "~", "", "- x", "a: b", "#", "&a", "*a", "!t", "12:30", "'", '"', "{", "]"])
)  # fmt: skip
trees = st.recursive(scalars, lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=3))


def _block(value: Any, indent: int = 0) -> str:
    """A tree as block YAML."""
    rows = []
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            rows.append(" " * indent + f"{written(key)}:\n" + _block(inner, indent + 2))
        else:
            rows.append(" " * indent + f"{written(key)}: {written(inner)}  # note\n")
    return "".join(rows)


@given(st.dictionaries(names, trees, min_size=1, max_size=4), names, names, trees, st.booleans())
def test_any_edit_says_exactly_what_was_asked(tree: dict[str, Any], a: str, b: str, value: Any, flow: bool) -> None:
    text = f"root: {written(tree)}\n" if flow else "root:\n" + _block(tree, 2)
    assert parse(text.encode(), "f").value == {"root": tree}
    path = ("root", a, b) if isinstance(tree.get(a, {}), dict) else ("root", a)
    after = set_value(text, path, value)
    expected = {"root": {**tree, a: {**tree.get(a, {}), b: value} if len(path) == 3 else value}}
    assert parse(after.encode(), "f").value == expected
    again = parse(remove_value(after, path).encode(), "f").value
    assert again["root"].get(a, {}) != {b: value} if len(path) == 3 else a not in again["root"]


@given(trees)
def test_written_values_are_read_back(value: Any) -> None:
    assert parse(f"a: {written(value)}".encode(), "f").value == {"a": value}


# --- validate --fix -------------------------------------------------------------------------------------------------

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


def test_fix_writes_the_missing_uid_and_quotes_what_was_meant_as_text(texts: dict[str, str], memory_files: Any) -> None:
    broken = texts[ACME].replace("  uid: a0000001\n", "")
    broken = broken.replace("spec:\n", "spec:\n  runtime: { php: 8.3, env: { N: 5, DEBUG: true } } # mine\n")
    files = memory_files({**texts, ACME: broken})
    made = fixes(load_files(files), files, lambda: "n0000001")
    assert list(made) == [ACME]
    assert changed(made[ACME], broken) == [
        "+  uid: n0000001",
        "-  runtime: { php: 8.3, env: { N: 5, DEBUG: true } } # mine",
        '+  runtime: { php: "8.3", env: { N: "5", DEBUG: "true" } } # mine',
    ]
    assert load_files(memory_files({**texts, ACME: made[ACME]})).diagnostics == ()


def test_fix_never_gives_a_uid_that_is_taken(texts: dict[str, str], memory_files: Any) -> None:
    files = memory_files({**texts, ACME: texts[ACME].replace("  uid: a0000001\n", "")})
    offered = iter(["c0000001", "e0000001", "n0000001"])
    made = fixes(load_files(files), files, lambda: next(offered))
    assert "uid: n0000001" in made[ACME]


def test_fix_leaves_alone_what_needs_a_person() -> None:
    assert fixed(b"a: [", ACME, "n0000001") is None
    assert fixed(b"metadata: { name: x }\nspec: { tier: 5 }\n", ACME, "n0000001") == (
        "metadata: { name: x, uid: n0000001 }\nspec: { tier: 5 }\n"
    )
    assert fixed(b"metadata: { name: x, uid: 1 }\n", ACME, "n0000001") == "metadata: { name: x, uid: 1 }\n"
