"""The list of mutants fits the code: each can be planted, is still Python, and names tests that are there."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.__main__ import lives, verdict
from tests.mutants.all import MUTANTS
from tests.mutants.bench import Ended, StaleError, planted
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]


@cache
def text_of(file: str) -> str:
    return (ROOT / file).read_text()


def test_every_mutant_can_be_planted() -> None:
    stale = []
    for mutant in MUTANTS:
        try:
            changed = planted(mutant, text_of(mutant.file))
        except (OSError, StaleError) as error:
            stale.append(str(error))
            continue
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text_of(mutant.file))), mutant.name
    assert not stale, "\n".join(["", *stale])


def test_every_mutant_names_tests_that_are_there() -> None:
    for mutant in MUTANTS:
        assert mutant.tests, mutant.name
        for test in mutant.tests:
            file, _, function = test.partition("::")
            assert (ROOT / file).exists(), f"{mutant.name}: {test}"
            assert not function or f"def {function.partition('[')[0]}(" in text_of(file), f"{mutant.name}: {test}"


def test_there_are_enough_and_none_is_there_twice() -> None:
    assert not [name for name, count in Counter(m.name for m in MUTANTS).items() if count > 1]
    assert not [key for key, count in Counter((m.file, m.old, m.new, m.tests) for m in MUTANTS).items() if count > 1]


def test_every_incident_has_a_mutant_that_takes_its_safeguard_out() -> None:
    aimed_at = {test for mutant in MUTANTS for test in mutant.tests}
    replays = {
        f"{file.relative_to(ROOT)}::{node.name}"
        for file in sorted((ROOT / "tests/incidents").glob("test_*.py"))
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert len(replays) >= 14
    assert not sorted(replays - aimed_at)


def test_a_text_that_is_not_there_once_is_told_with_what_to_do() -> None:
    mutant = Mutant("reconciler/x.py", "a = 1", "a = 2", "a is wrong", ("tests",))
    assert planted(mutant, "a = 1\n") == "a = 2\n"
    for text in ("", "a = 1\na = 1\n"):
        with pytest.raises(StaleError, match="Write it anew"):
            planted(mutant, text)


@pytest.mark.parametrize(
    ("killed", "survives", "said", "code"),
    [
        (True, "", "killed", 0),
        (False, "", "unexplained", 1),
        (False, "it is the same", "explained", 1),  # one of one: 0 % killed
        (True, "it is the same", "explained away", 1),
    ],
)
def test_what_counts_as_a_success(killed: bool, survives: str, said: str, code: int) -> None:
    ended = Ended(Mutant("reconciler/x.py", "a", "b", "wrong", ("tests",), survives=survives), killed, 0.1, "")
    assert lives(ended) == said
    assert verdict([ended], 1.0) == code
