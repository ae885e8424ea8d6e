"""Errors are handled or passed on: most catastrophic failures come from handlers that do neither (Yuan, OSDI'14: 92 %).

A handler is not empty. One that catches everything raises again, does something with the error it caught, or says in
a comment on its line why it may do neither. Nothing suppresses every exception there is.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.house import Source, report, sources

BROAD = {"Exception", "BaseException"}


def complaints(source: Source) -> Iterator[str]:
    lines = source.text.splitlines()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            yield from _wrong(source, node, lines)
        elif isinstance(node, ast.Call) and _last(node.func) == "suppress" and _names(node.args) & BROAD:
            yield source.at(node, "suppresses every exception there is: name the ones that are expected")


def _wrong(source: Source, handler: ast.ExceptHandler, lines: list[str]) -> Iterator[str]:
    reason = any("#" in lines[n - 1] for n in (handler.lineno, handler.body[0].lineno))
    if all(_does_nothing(statement) for statement in handler.body) and not reason:
        yield source.at(
            handler, "this handler is empty: handle the error, or say in a comment why there is nothing to do"
        )
    if handler.type is None:
        yield source.at(handler, "a bare `except:` catches Ctrl-C too: name what is expected")
    elif _names([handler.type]) & BROAD and not reason and not _handled(handler):
        yield source.at(
            handler, "it catches everything, and neither raises again nor looks at what it caught, nor says why"
        )


def _handled(handler: ast.ExceptHandler) -> bool:
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    raises = any(isinstance(node, ast.Raise) for node in inside)
    return raises or any(isinstance(node, ast.Name) and node.id == handler.name for node in inside)


def _does_nothing(statement: ast.stmt) -> bool:
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass | ast.Continue | ast.Break)


def _names(expressions: list[ast.expr]) -> set[str]:
    inner = [e for one in expressions for e in (one.elts if isinstance(one, ast.Tuple) else [one])]
    return {_last(e) for e in inner}


def _last(expression: ast.expr) -> str:
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


def test_errors_are_handled_or_passed_on() -> None:
    found = [complaint for source in sources() for complaint in complaints(source)]
    assert not found, report(found)


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    f()\nexcept ValueError:\n    pass",
        "for x in y:\n    try:\n        f()\n    except ValueError:\n        continue",
        "try:\n    f()\nexcept:\n    raise",
        "try:\n    f()\nexcept Exception:\n    x = 1",
        "try:\n    f()\nexcept (OSError, Exception) as error:\n    x = 1",
        "try:\n    f()\nexcept BaseException as error:\n    ...",
        "with contextlib.suppress(Exception):\n    f()",
        "with suppress(OSError, BaseException):\n    f()",
    ],
)
def test_the_rule_sees(body: str) -> None:
    assert list(complaints(Source.of("reconciler/x.py", body)))


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    f()\nexcept ValueError:\n    x = 1",
        "try:\n    f()\nexcept ValueError:  # nothing to do: it is optional\n    pass",
        "try:\n    f()\nexcept Exception as error:\n    raise Other from error",
        "try:\n    f()\nexcept Exception as error:\n    told(error)",
        "with contextlib.suppress(FileNotFoundError):\n    f()",
    ],
)
def test_the_rule_lets_pass(body: str) -> None:
    assert not list(complaints(Source.of("reconciler/x.py", body)))
