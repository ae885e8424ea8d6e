"""Files, functions and parameter lists stay small enough to hold in mind."""

import ast
import re
import warnings

from tests.architecture.house import Source, functions, report, sources

FILE_SOFT, FILE_HARD, FUNCTION, PARAMETERS = 300, 500, 60, 5
ARGUED = re.compile(r"# noqa: PLR0913[ ,A-Z0-9]* -- \w+")
ARGUED_BUDGET = 5


def too_long_files(source: Source, limit: int) -> list[str]:
    lines = source.text.count("\n")
    return [f"{source.path}: {lines} lines, more than {limit}: split it by what it is about"] if lines > limit else []


def too_long_functions(source: Source) -> list[str]:
    return [
        source.at(f, f"{f.name} has {length} lines, more than {FUNCTION}")
        for f in functions(source)
        if (length := (f.end_lineno or f.lineno) - f.lineno + 1) > FUNCTION
    ]


def too_many_parameters(source: Source) -> list[str]:
    """A command's flags are its parameters, so cli is left out; so is what says why on the spot (see the budget)."""
    if source.room == "cli":
        return []
    lines = source.text.splitlines()
    return [
        source.at(f, f"{f.name} takes {count} parameters, more than {PARAMETERS}: group them in a frozen dataclass")
        for f in functions(source)
        if (count := _parameters(f)) > PARAMETERS and not ARGUED.search(lines[f.lineno - 1])
    ]


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (1 if names[:1] in (["self"], ["cls"]) else 0)


def test_no_file_is_longer_than_the_hard_limit() -> None:
    every = (*sources("reconciler/"), *sources("tests/"))
    assert not (found := [c for s in every for c in too_long_files(s, FILE_HARD)]), report(found)


def test_files_beyond_the_soft_limit_are_listed() -> None:
    long = [c for s in sources() for c in too_long_files(s, FILE_SOFT)]
    if long:
        warnings.warn(report(long), stacklevel=1)


def test_no_function_is_too_long() -> None:
    assert not (found := [c for s in sources() for c in too_long_functions(s)]), report(found)


def test_no_function_takes_too_many_parameters() -> None:
    assert not (found := [c for s in sources() for c in too_many_parameters(s)]), report(found)


def test_few_functions_argue_for_more_parameters() -> None:
    argued = [f"{s.path}: {line.strip()}" for s in sources() for line in s.text.splitlines() if ARGUED.search(line)]
    assert len(argued) <= ARGUED_BUDGET, report(argued)


def test_the_rules_see_what_breaks_them() -> None:
    long = Source.of("reconciler/live/x.py", "def f(self, a, b, c, *, d, e):\n" + "    a = 1\n" * 60)
    wide = "def f(a, b, c, *, d, e, g): ...\n"
    assert too_long_files(long, 60) and not too_long_files(long, 61)
    assert too_long_functions(long) == ["reconciler/live/x.py:1: f has 61 lines, more than 60"]
    assert not too_many_parameters(long)
    assert too_many_parameters(Source.of("reconciler/live/x.py", wide))
    assert not too_many_parameters(Source.of("reconciler/cli/x.py", wide))
    assert too_many_parameters(Source.of("reconciler/live/x.py", wide.strip() + "  # noqa: PLR0913\n"))
    assert not too_many_parameters(Source.of("reconciler/live/x.py", wide.strip() + "  # noqa: PLR0913 -- why\n"))
