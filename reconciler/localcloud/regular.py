"""Regular expressions and globs from requests, matched in time that grows with their length and not faster.

Google matches them with RE2, which knows no back-references and no look-around and never backtracks. Python's `re`
backtracks: `(a+)+$` on thirty letters stops a server for minutes. What is plainly harmless still goes to `re`, as it
is much faster; the rest runs as a set of states (https://swtch.com/~rsc/regexp/regexp2.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

# RE2 refuses programs that are too large as well (its default is some megabytes).
_MOST_STEPS = 2000
# With no more than so many repeats, none within another, in a text of that length, backtracking cannot hurt.
_FEW_REPEATS, _SHORT = 2, 500
_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d", op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_SPACE: r"\s", op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
Test = Callable[[str], bool]
# One step: a test of the next character, a test of a place, two ways to go on, or the end.
Step = tuple[str, Any]


class Pattern:
    """What `re.compile` gives, as far as a yes or no. Raises re.error for what RE2 does not take."""

    def __init__(self, text: str, flags: int = 0) -> None:
        try:
            tree = parser.parse(text, flags)
            self._steps: list[Step] = []
            self._repeats = _repeats(tree)
            self._add(tree, tree.state.flags)
            self._quick = re.compile(text, flags)
        except (RecursionError, OverflowError) as error:
            raise re.error("the expression is too deep", text) from error
        self._steps.append(("end", None))

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text is meant."""
        if self._harmless(text):
            return self._quick.fullmatch(text) is not None
        return self._run(text, anywhere=False)

    def search(self, text: str) -> bool:
        """Whether a part of the text is meant."""
        if self._harmless(text):
            return self._quick.search(text) is not None
        return self._run(text, anywhere=True)

    def _harmless(self, text: str) -> bool:
        return not self._repeats or (self._repeats <= _FEW_REPEATS and len(text) <= _SHORT)

    def _run(self, text: str, *, anywhere: bool) -> bool:
        last = len(self._steps) - 1
        here: set[int] = set()
        for at in range(len(text) + 1):
            if at == 0 or anywhere:
                self._follow(here, 0, text, at)
            if (last in here and anywhere) or at == len(text) or (not here and not anywhere):
                break
            letter, there = text[at], set[int]()
            for number in here:
                kind, what = self._steps[number]
                if kind == "letter" and what(letter):
                    self._follow(there, number + 1, text, at + 1)
            here = there
        return last in here

    def _follow(self, found: set[int], number: int, text: str, at: int) -> None:
        """Every state that can be reached without another letter."""
        todo = [number]
        while todo:
            number = todo.pop()
            if number in found:
                continue
            found.add(number)
            kind, what = self._steps[number]
            if kind == "ways":
                todo += what
            elif kind == "place" and what(text, at):
                todo.append(number + 1)

    def _step(self, kind: str, what: Any) -> int:
        if len(self._steps) >= _MOST_STEPS:
            raise re.error("the expression is too large")
        self._steps.append((kind, what))
        return len(self._steps) - 1

    def _add(self, tree: Iterable[tuple[Any, Any]], flags: int) -> None:
        for kind, what in tree:
            if kind is op.SUBPATTERN:
                self._add(what[3], (flags | what[1]) & ~what[2])
            elif kind is op.ATOMIC_GROUP:
                self._add(what, flags)
            elif kind in _REPEATS:
                self._repeat(what, flags)
            elif kind is op.BRANCH:
                self._branch(what[1], flags)
            elif kind is op.AT:
                self._step("place", _place(what, flags))
            else:
                self._step("letter", _letter(kind, what, flags))

    def _repeat(self, what: tuple[int, int, Any], flags: int) -> None:
        least, most, tree = what
        for _ in range(least):
            self._add(tree, flags)
        if most is op.MAXREPEAT:
            loop = self._step("ways", [])
            self._add(tree, flags)
            self._step("ways", [loop])
            self._steps[loop][1].extend((loop + 1, len(self._steps)))
            return
        skips = []
        for _ in range(most - least):
            skips.append(self._step("ways", []))
            self._add(tree, flags)
        for skip in skips:
            self._steps[skip][1].extend((skip + 1, len(self._steps)))

    def _branch(self, trees: list[Any], flags: int) -> None:
        fork = self._step("ways", [])
        ends = []
        for tree in trees:
            self._steps[fork][1].append(len(self._steps))
            self._add(tree, flags)
            ends.append(self._step("ways", []))
        for end in ends:
            self._steps[end][1].append(len(self._steps))


@lru_cache(maxsize=1024)
def pattern(text: str, flags: int = 0) -> Pattern:
    """The expression, read once however often it is asked for."""
    return Pattern(text, flags)


@lru_cache(maxsize=1024)
def glob(pattern: str) -> Pattern:
    """`*` is any text; everything else is itself."""
    return Pattern(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)


def _repeats(tree: Iterable[tuple[Any, Any]], *, within: bool = False) -> int:
    """How many parts may be longer or shorter; more than few where one is within another."""
    found = 0
    for kind, what in tree:
        if kind in _REPEATS:
            inner = _repeats(what[2], within=True)
            found += 1 + inner + (_FEW_REPEATS if inner or within else 0)
        elif kind is op.SUBPATTERN:
            found += _repeats(what[3], within=within)
        elif kind is op.ATOMIC_GROUP:
            found += _repeats(what, within=within)
        elif kind is op.BRANCH:
            found += sum(_repeats(one, within=within) for one in what[1]) + (_FEW_REPEATS + 1 if within else 0)
    return found


def _letter(kind: Any, what: Any, flags: int) -> Test:
    if kind is op.ANY:
        return (lambda _: True) if flags & re.DOTALL else (lambda letter: letter != "\n")
    if kind is op.LITERAL:
        plain = _same(what)
    elif kind is op.NOT_LITERAL:
        plain = _not(_same(what))
    elif kind is op.IN:
        negated = what[0][0] is op.NEGATE
        tests = [_member(inner, own, flags) for inner, own in what[negated:]]
        plain = lambda letter: any(test(letter) for test in tests)  # noqa: E731
        if flags & re.IGNORECASE:
            plain = _either_case(plain)
        return _not(plain) if negated else plain
    else:
        raise re.error(f"RE2 has no {str(kind).lower()}")
    return _either_case(plain) if flags & re.IGNORECASE else plain


def _member(kind: Any, what: Any, flags: int) -> Test:
    if kind is op.RANGE:
        low, high = what
        return lambda letter: low <= ord(letter) <= high
    if kind is op.CATEGORY:
        found = re.compile(_CATEGORIES[what], flags & re.ASCII)
        return lambda letter: found.match(letter) is not None
    return _same(what)


def _same(code: int) -> Test:
    return lambda letter: ord(letter) == code


def _not(test: Test) -> Test:
    return lambda letter: not test(letter)


def _either_case(test: Test) -> Test:
    return lambda letter: any(test(one) for one in {letter, *letter.lower()[:1], *letter.upper()[:1]})


def _place(what: Any, flags: int) -> Callable[[str, int], bool]:
    # `$` stands before a last line break too, for Python.
    ends = {op.AT_BEGINNING: r"(?:^)", op.AT_BEGINNING_STRING: r"\A", op.AT_END: r"(?:$)", op.AT_END_STRING: r"\Z",
            op.AT_BOUNDARY: r"\b", op.AT_NON_BOUNDARY: r"\B"}  # fmt: skip
    found = re.compile(ends[what], flags & (re.MULTILINE | re.ASCII))
    return lambda text, at: found.match(text, at) is not None
