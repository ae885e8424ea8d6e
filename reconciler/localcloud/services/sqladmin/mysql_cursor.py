"""MySQL's words: text into tokens, and a cursor over them that refuses with error 1064 where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.localcloud.services.sqladmin.mysql_privileges import MysqlError, Who

_TOKEN = re.compile(
    r"\s+|--[ \t][^\n]*|#[^\n]*|/\*.*?\*/"
    r"|(?P<string>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")|(?P<tick>`(?:[^`]|``)*`)"
    r"|(?P<word>[A-Za-z_$][\w$]*|\d[\w$]*)|(?P<sign><>|!=|<=|>=|[@.,()=*;<>%+-])",
    re.DOTALL,
)
_SYNTAX = (
    "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the "
    "right syntax to use near '{near}' at line {line}"
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words


def tokens_of(sql: str) -> list[Token]:
    found, position = [], 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise _syntax(sql, position)
        if match.lastgroup:
            found.append(Token(match.lastgroup, _plain(match[0], match.lastgroup), position))
        position = match.end()
    return found


def _plain(text: str, kind: str) -> str:
    if kind == "tick":
        return text[1:-1].replace("``", "`")
    if kind == "string":
        quote = text[0]
        # Inside LIKE-like patterns the escapes \_ and \% keep their backslash, as in MySQL.
        return re.sub(r"\\([^_%])", r"\1", text[1:-1].replace(quote * 2, quote))
    return text


def _syntax(sql: str, at: int) -> MysqlError:
    return MysqlError(1064, _SYNTAX.format(near=sql[at : at + 80], line=sql.count("\n", 0, at) + 1))


class Cursor:
    """A position in the tokens of a text; every method consumes what it has read or raises error 1064."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens, self._position = tokens_of(sql), 0

    def peek(self) -> Token:
        end = Token("end", "", len(self._sql))
        return self._tokens[self._position] if self._position < len(self._tokens) else end

    def next(self) -> Token:
        token = self.peek()
        self._position += 1
        return token

    def back(self) -> None:
        self._position -= 1

    def refuse(self) -> MysqlError:
        return _syntax(self._sql, self.peek().at)

    def word(self, *words: str) -> bool:
        if self.peek().is_word(*words):
            self._position += 1
            return True
        return False

    def sign(self, sign: str) -> bool:
        token = self.peek()
        if token.kind == "sign" and token.text == sign:
            self._position += 1
            return True
        return False

    def need(self, *words: str) -> None:
        for word in words:
            if not self.word(word):
                raise self.refuse()

    def need_sign(self, sign: str) -> None:
        if not self.sign(sign):
            raise self.refuse()

    def name(self) -> str:
        token = self.peek()
        if token.kind not in ("word", "tick", "string"):
            raise self.refuse()
        return self.next().text

    def who(self) -> Who:
        name = self.name()
        return Who(name, self.name() if self.sign("@") else "%")

    def optional(self, *words: str) -> bool:
        if not self.word(words[0]):
            return False
        self.need(*words[1:])
        return True
