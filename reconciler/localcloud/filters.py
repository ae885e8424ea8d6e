"""Google's filter language (https://google.aip.dev/160) as far as the services here speak it: terms, AND, OR, NOT.

`a:b` means "has": equal without regard to case, a `*` for any rest, membership in lists, presence for `*` alone.
As in AIP-160, OR binds closer than AND, and terms beside each other are joined by AND.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.localcloud import regular
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.values import Json, seconds_of

# Google's limit is not documented; each level is a few calls of ours, and Python has a thousand.
MOST_LEVELS = 50
_TOKEN = re.compile(r"""\s*(?:(\(|\)|<=|>=|!=|=~|[:=<>])|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s()"'<>=!:]+))""")
_COMPARATORS = frozenset({"<=", ">=", "!=", "=~", ":", "=", "<", ">"})

Predicate = Callable[[Json], bool]


@dataclass(frozen=True)
class Language:
    """How one API reads names and `:`. `aliases` map a name to a path; `contains` makes `:` a search within text.

    `anywhere` are the paths that a term without a comparator searches.
    """

    aliases: Mapping[str, str]
    contains: bool = False
    anywhere: tuple[str, ...] = ()


def predicate(text: str, language: Language) -> Predicate:
    """What `text` says of an object. Raises GoogleError 400 for a text that is not in the language."""
    tokens = _tokens(text)
    if not tokens:
        return lambda _: True
    reader = _Reader(tokens, language)
    found = reader.conjunction()
    if reader.position < len(tokens):
        raise _refused()
    return found


def _refused() -> Exception:
    return invalid("Request contains an invalid argument.", ("filter", "The filter is not valid."))


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        token = _TOKEN.match(text, position)
        if token is None:
            raise _refused()
        sign, double, single, word = token.groups()
        if sign:
            found.append(("sign", sign))
        elif word is not None:
            found.append(("word", word))
        else:
            found.append(("text", re.sub(r"\\(.)", r"\1", double if double is not None else single)))
        position = token.end()
    return found


@dataclass
class _Reader:
    tokens: list[tuple[str, str]]
    language: Language
    position: int = 0
    level: int = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def word(self, name: str) -> bool:
        if self.peek() == ("word", name):
            self.position += 1
            return True
        return False

    def conjunction(self) -> Predicate:
        parts = [self.disjunction()]
        while self.peek() not in (("end", ""), ("sign", ")")):
            self.word("AND")
            parts.append(self.disjunction())
        return lambda row: all(part(row) for part in parts)

    def disjunction(self) -> Predicate:
        parts = [self.term()]
        while self.word("OR"):
            parts.append(self.term())
        return lambda row: any(part(row) for part in parts)

    def term(self) -> Predicate:
        if self.level == MOST_LEVELS:
            raise _refused()
        self.level += 1
        found = self._term()
        self.level -= 1
        return found

    def _term(self) -> Predicate:
        if self.word("NOT"):
            inner = self.term()
            return lambda row: not inner(row)
        kind, value = self.take()
        if (kind, value) == ("sign", "("):
            inner = self.conjunction()
            if self.take() != ("sign", ")"):
                raise _refused()
            return inner
        if kind == "word" and value.startswith("-") and len(value) > 1:
            self.position -= 1
            self.tokens[self.position] = (kind, value[1:])
            inner = self.term()
            return lambda row: not inner(row)
        if kind not in ("word", "text"):
            raise _refused()
        if self.peek()[0] == "sign" and self.peek()[1] in _COMPARATORS:
            return self.comparison(value)
        return self.search(value)

    def comparison(self, name: str) -> Predicate:
        sign = self.take()[1]
        wanted = self.values()
        path = self.language.aliases.get(name, name)
        contains = self.language.contains
        if sign == "!=":
            return lambda row: not any(_holds(value_at(row, path), "=", one, contains=contains) for one in wanted)
        return lambda row: any(_holds(value_at(row, path), sign, one, contains=contains) for one in wanted)

    def values(self) -> list[str]:
        """One value, or several in parentheses joined by OR."""
        kind, value = self.take()
        if (kind, value) != ("sign", "("):
            if kind not in ("word", "text"):
                raise _refused()
            while self.peek() == ("sign", ":") and kind == "word":
                # A value such as serviceAccount:x@y is one word to its writer.
                self.take()
                value += ":" + self.take()[1]
            return [value]
        found: list[str] = []
        while True:
            kind, value = self.take()
            if kind not in ("word", "text"):
                raise _refused()
            found.append(value)
            if self.peek() == ("sign", ")"):
                self.take()
                return found
            self.word("OR")

    def search(self, wanted: str) -> Predicate:
        low = wanted.lower().strip("*")
        paths = self.language.anywhere
        return lambda row: any(low in str(value_at(row, path) or "").lower() for path in paths)


def value_at(row: Json, path: str) -> Any:
    """The value under a dotted path; snake case finds camel case; None where there is none."""
    value: Any = row
    for part in path.split("."):
        if isinstance(value, list):
            value = [inner.get(part) for inner in value if isinstance(inner, dict)]
            continue
        if not isinstance(value, dict):
            return None
        name = part if part in value else re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), part)
        value = value.get(name)
    return value


def _holds(value: Any, sign: str, wanted: str, *, contains: bool) -> bool:
    if isinstance(value, list):
        return any(_holds(inner, sign, wanted, contains=contains) for inner in value)
    if isinstance(value, dict):
        return sign in (":", "=") and (wanted == "*" or wanted in value)
    if value is None:
        return False
    if isinstance(value, bool):
        value = str(value).lower()
    if sign in (":", "="):
        return _alike(str(value), wanted, contains=contains and sign == ":")
    if sign == "=~":
        return regular.glob(wanted.replace(".*", "*")).search(str(value))
    left, right = _ordered(value), _ordered(wanted)
    if isinstance(left, str) != isinstance(right, str):
        left, right = str(value), wanted
    return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign])  # type: ignore[operator]


def _alike(value: str, wanted: str, *, contains: bool) -> bool:
    low, want = value.lower(), wanted.lower()
    if "*" in want:
        return regular.glob(want).fullmatch(low)
    return want in low if contains else want == low


def _ordered(value: Any) -> float | str:
    try:
        return float(value)
    except (TypeError, ValueError):  # no number: a time, or text
        pass
    try:
        return seconds_of(str(value))
    except ValueError:
        return str(value)
