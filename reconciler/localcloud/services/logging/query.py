"""The Logging query language, read into a predicate over log entries.

Grammar and rules: https://cloud.google.com/logging/docs/view/logging-query-language. NOT binds closest, then OR, then
AND; terms beside each other are joined by AND; text compares without regard to case, severities by their weight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from reconciler.localcloud.api.bodies import camel
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.filters import MOST_LEVELS
from reconciler.localcloud.regular import Pattern
from reconciler.localcloud.values import Json, seconds_of

SEVERITIES = {
    "DEFAULT": 0, "DEBUG": 100, "INFO": 200, "NOTICE": 300, "WARNING": 400, "ERROR": 500, "CRITICAL": 600,
    "ALERT": 700, "EMERGENCY": 800,
}  # fmt: skip
Predicate = Callable[[Json], bool]
_TOKEN = re.compile(
    r"""\s+|--[^\n]*|(?P<sign><=|>=|!=|=~|!~|[=<>:(),])|"(?P<text>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<word>(?:[^\s()<>=!:,"'.]|\.(?!")|\."(?:[^"\\]|\\.)*")+)|(?P<bad>.)"""
)
_COMPARATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", ":", "=~", "!~"})
_FUNCTIONS = frozenset({"log_id", "source", "search", "sample", "ip_in_net", "has_subnet", "cast", "regexp_extract"})
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')


def predicate(text: str) -> Predicate:
    """What `text` says of an entry. Raises GoogleError 400 for a text that is not in the language."""
    tokens = list(_tokens(text))
    if not tokens:
        return lambda _: True
    reader = _Reader(tokens)
    found = reader.conjunction()
    if not reader.ended:
        raise _refused(reader.peek()[1])
    return found


def _refused(token: str) -> GoogleError:
    return invalid(f"Unparseable filter: syntax error at token '{token}'")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """(kind, text): sign, text or word."""
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        if kind == "bad":
            raise _refused(found[0])
        if kind in ("text", "single"):
            yield "text", re.sub(r"\\(.)", r"\1", found[kind])
        elif kind:
            yield kind, found[kind]


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.position = 0
        self.level = 0

    @property
    def ended(self) -> bool:
        return self.position >= len(self.tokens)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if not self.ended else ("end", "end of filter")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def accepts(self, kind: str, *texts: str) -> bool:
        if self.peek()[0] == kind and self.peek()[1] in texts:
            self.position += 1
            return True
        return False

    def conjunction(self) -> Predicate:
        terms = [self.disjunction()]
        while not self.ended and self.peek() != ("sign", ")"):
            self.accepts("word", "AND")
            terms.append(self.disjunction())
        return terms[0] if len(terms) == 1 else lambda entry: all(term(entry) for term in terms)

    def disjunction(self) -> Predicate:
        terms = [self.negation()]
        while self.accepts("word", "OR"):
            terms.append(self.negation())
        return terms[0] if len(terms) == 1 else lambda entry: any(term(entry) for term in terms)

    def negation(self) -> Predicate:
        if self.level == MOST_LEVELS:
            raise _refused(self.peek()[1])
        self.level += 1
        found = self._negation()
        self.level -= 1
        return found

    def _negation(self) -> Predicate:
        kind, text = self.peek()
        if self.accepts("word", "NOT", "-"):
            inner = self.negation()
            return lambda entry: not inner(entry)
        if kind == "word" and text.startswith("-") and len(text) > 1:
            self.tokens[self.position] = (kind, text[1:])
            inner = self.negation()
            return lambda entry: not inner(entry)
        return self.primary()

    def primary(self) -> Predicate:
        if self.accepts("sign", "("):
            inner = self.conjunction()
            if not self.accepts("sign", ")"):
                raise _refused(self.peek()[1])
            return inner
        kind, text = self.take()
        if kind not in ("word", "text") or text in ("AND", "OR"):
            raise _refused(text)
        following = self.peek()
        if kind == "word" and following == ("sign", "(") and text.lower() in _FUNCTIONS:
            return self.function(text.lower())
        if following[0] == "sign" and following[1] in _COMPARATORS:
            return self.comparison(text)
        return lambda entry: _anywhere(entry, text)

    def function(self, name: str) -> Predicate:
        self.take()
        arguments: list[str] = []
        while not self.accepts("sign", ")"):
            kind, text = self.take()
            if kind not in ("word", "text"):
                raise _refused(text)
            arguments.append(text)
            self.accepts("sign", ",")
        if not arguments:
            raise _refused(name)
        if name == "log_id":
            return lambda entry: unquote(str(entry.get("logName", "")).partition("/logs/")[2]) == arguments[0]
        if name == "source":
            return lambda entry: str(entry.get("logName", "")).startswith(arguments[0] + "/logs/")
        if name == "search":
            return lambda entry: all(_anywhere(entry, word) for word in arguments[-1].split())
        if name == "sample":
            share = float(arguments[-1]) if re.fullmatch(r"[01](\.\d+)?", arguments[-1]) else 1.0
            return lambda entry: (sum(str(entry.get("insertId", "")).encode()) % 1000) < share * 1000
        return lambda _: True

    def comparison(self, path: str) -> Predicate:
        sign = self.take()[1]
        if self.accepts("sign", "("):
            values = [self.value()]
            joins = []
            while not self.accepts("sign", ")"):
                joins.append(self.take()[1])
                if joins[-1] not in ("AND", "OR"):
                    raise _refused(joins[-1])
                values.append(self.value())
            every = "AND" in joins
            tests = [_test(path, sign, value) for value in values]
            return lambda entry: (all if every else any)(test(entry) for test in tests)
        return _test(path, sign, self.value())

    def value(self) -> str:
        kind, text = self.take()
        if kind not in ("word", "text"):
            raise _refused(text)
        # A bare time keeps its colons.
        while kind == "word" and self.peek() == ("sign", ":") and re.match(r"\d{4}-\d\d-\d\dT[\d:]*$", text):
            self.take()
            text += ":" + self.take()[1]
        return text


def _test(path: str, sign: str, wanted: str) -> Predicate:
    parts = [quoted or plain for quoted, plain in _PART.findall(path)]
    if sign in ("=~", "!~"):
        try:
            pattern = Pattern(wanted)
        except re.error as error:
            raise invalid(f"Unparseable filter: invalid regular expression '{wanted}'") from error
        hits: Predicate = lambda entry: any(pattern.search(str(value)) for value in _values(entry, parts))  # noqa: E731
        return hits if sign == "=~" else lambda entry: not hits(entry)
    if sign == ":" and wanted == "*":
        return lambda entry: any(True for _ in _values(entry, parts))
    if sign == "!=":
        return lambda entry: not any(_holds(parts, value, "=", wanted) for value in _values(entry, parts))
    return lambda entry: any(_holds(parts, value, sign, wanted) for value in _values(entry, parts))


def _values(value: Any, parts: list[str]) -> Iterator[Any]:
    """What stands at a path; every element where there is a list on the way."""
    if isinstance(value, list):
        for one in value:
            yield from _values(one, parts)
    elif not parts:
        yield value
    elif isinstance(value, dict):
        name = parts[0] if parts[0] in value else camel(parts[0])
        if name in value:
            yield from _values(value[name], parts[1:])
        elif parts == ["severity"]:
            yield "DEFAULT"


def _holds(parts: list[str], value: Any, sign: str, wanted: str) -> bool:
    if sign == ":":
        if isinstance(value, dict):
            return any(str(key).lower() == wanted.lower() for key in value)
        return wanted.lower() in str(value).lower()
    left, right = _weights(parts, value, wanted)
    if sign == "=":
        return bool(left == right)
    try:
        return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign])
    except TypeError:
        return False


def _weights(parts: list[str], value: Any, wanted: str) -> tuple[Any, Any]:
    """Both sides as what they are: severities, truths, numbers, times or text."""
    if parts == ["severity"]:
        number = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else SEVERITIES.get(wanted.upper(), -1)
        return SEVERITIES.get(str(value).upper(), 0), number
    if isinstance(value, bool):
        return value, wanted.lower() == "true"
    if isinstance(value, int | float):
        try:
            return float(value), float(wanted)
        except ValueError:
            return str(value), wanted
    if parts[-1].lower().endswith(("timestamp", "time")):
        try:
            return seconds_of(str(value)), seconds_of(wanted if "T" in wanted else wanted + "T00:00:00Z")
        except ValueError:  # one of them is no time: they are compared as text
            pass
    return str(value).lower(), wanted.lower()


def _anywhere(value: Any, wanted: str) -> bool:
    if isinstance(value, dict):
        return any(_anywhere(one, wanted) for one in value.values())
    if isinstance(value, list):
        return any(_anywhere(one, wanted) for one in value)
    return wanted.lower() in str(value).lower()
