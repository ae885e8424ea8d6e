"""Reads the few MySQL statements that the control plane of a database needs, and runs them in a Session."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reconciler.localcloud.services.mysql_privileges import SYSTEM_DATABASES, MysqlError, Session, Who, like
from reconciler.localcloud.services.mysql_tables import Condition, rows_of
from reconciler.localcloud.values import Json

_TOKEN = re.compile(
    r"\s+|--[ \t][^\n]*|#[^\n]*|/\*.*?\*/|(?P<string>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")|(?P<tick>`(?:[^`]|``)*`)"
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


@dataclass(frozen=True)
class Result:
    """One statement's outcome: a table, or a message for what has none."""

    columns: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    message: str = ""

    def printed(self, limit: int) -> Json:
        if not self.columns:
            return {"message": self.message or "Query OK, 0 rows affected"}
        cells = [
            {"values": [{"nullValue": True} if cell is None else {"value": cell} for cell in row]} for row in self.rows
        ]
        shown = {"columns": [{"name": name, "type": "VARCHAR"} for name in self.columns]}
        return (
            shown | ({"rows": cells[:limit]} if cells else {}) | ({"partialResult": True} if len(cells) > limit else {})
        )


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


class Reader:
    """Reads statements one after the other; every method consumes what it has read or raises error 1064."""

    def __init__(self, sql: str, session: Session) -> None:
        self._sql, self._session = sql, session
        self._tokens, self._position = tokens_of(sql), 0

    # --- tokens ----------------------------------------------------------------------------------------------

    def _peek(self) -> Token:
        end = Token("end", "", len(self._sql))
        return self._tokens[self._position] if self._position < len(self._tokens) else end

    def _next(self) -> Token:
        token = self._peek()
        self._position += 1
        return token

    def _refuse(self) -> MysqlError:
        return _syntax(self._sql, self._peek().at)

    def _word(self, *words: str) -> bool:
        if self._peek().is_word(*words):
            self._position += 1
            return True
        return False

    def _sign(self, sign: str) -> bool:
        token = self._peek()
        if token.kind == "sign" and token.text == sign:
            self._position += 1
            return True
        return False

    def _need(self, *words: str) -> None:
        for word in words:
            if not self._word(word):
                raise self._refuse()

    def _need_sign(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._refuse()

    def _name(self) -> str:
        token = self._peek()
        if token.kind not in ("word", "tick", "string"):
            raise self._refuse()
        return self._next().text

    def _who(self) -> Who:
        name = self._name()
        return Who(name, self._name() if self._sign("@") else "%")

    def _optional(self, *words: str) -> bool:
        if not self._word(words[0]):
            return False
        self._need(*words[1:])
        return True

    # --- statements ------------------------------------------------------------------------------------------

    def done(self) -> bool:
        while self._sign(";"):
            pass
        return self._peek().kind == "end"

    def run(self) -> Result:
        """Run the next statement up to its semicolon."""
        for word, statement in self._statements.items():
            if self._word(word):
                result = statement(self)
                if self._peek().kind != "end":
                    self._need_sign(";")
                return result
        raise self._refuse()

    def _use(self) -> Result:
        self._session.use(self._name())
        return Result(message="Database changed")

    def _create(self) -> Result:
        if self._word("DATABASE", "SCHEMA"):
            return self._create_database()
        self._need("USER")
        lenient = self._optional("IF", "NOT", "EXISTS")
        while True:
            self._session.create_user(self._who(), if_missing=lenient)
            self._authentication()
            if not self._sign(","):
                return Result()

    def _authentication(self) -> None:
        """IDENTIFIED [WITH plugin] BY 'secret' and whatever options follow; the secret is not kept."""
        while self._peek().kind != "end" and not (self._peek().kind == "sign" and self._peek().text in (",", ";")):
            self._next()

    def _alter(self) -> Result:
        self._need("USER")
        self._optional("IF", "EXISTS")
        who = self._who()
        self._session.alter_user(who)
        while self._peek().kind != "end" and not (self._peek().kind == "sign" and self._peek().text in (",", ";")):
            if self._word("MAX_USER_CONNECTIONS"):
                self._session.limit_connections(who, int(self._name()))
            else:
                self._next()
        return Result()

    def _create_database(self) -> Result:
        lenient = self._optional("IF", "NOT", "EXISTS")
        name = self._name()
        self._authentication()
        if "CREATE" not in self._session.privileges_on(name):
            self._session.use(name)
            raise MysqlError(1044, f"Access denied to database '{name}'")
        if name in self._session.server.databases and not lenient:
            raise MysqlError(1007, f"Can't create database '{name}'; database exists", "HY000")
        self._session.server.databases.setdefault(name, {})
        return Result(message="Query OK, 1 row affected")

    def _drop(self) -> Result:
        if self._word("DATABASE", "SCHEMA"):
            lenient = self._optional("IF", "EXISTS")
            name = self._name()
            if "DROP" not in self._session.privileges_on(name):
                self._session.use(name)
            if self._session.server.databases.pop(name, None) is None and not lenient:
                raise MysqlError(1008, f"Can't drop database '{name}'; database doesn't exist", "HY000")
            return Result()
        self._need("USER")
        lenient = self._optional("IF", "EXISTS")
        while True:
            self._session.drop_user(self._who(), if_exists=lenient)
            if not self._sign(","):
                return Result()

    def _privileges(self) -> tuple[list[str], list[Who]]:
        """`SELECT, CREATE VIEW` before ON, or role names before TO or FROM: (privileges, roles)."""
        names: list[str] = []
        roles: list[Who] = []
        while True:
            if self._peek().kind in ("tick", "string"):
                roles.append(self._who())
            else:
                words = [self._name().upper()]
                while self._peek().kind == "word" and not self._peek().is_word("ON", "TO", "FROM"):
                    words.append(self._next().text.upper())
                names.append("ALL" if words in (["ALL"], ["ALL", "PRIVILEGES"]) else " ".join(words))
            if not self._sign(","):
                return names, roles

    def _level(self) -> str:
        """`*.*` -> "*", `db.*` -> "db"."""
        if self._sign("*"):
            if self._sign("."):
                self._need_sign("*")
                return "*"
            return self._session.database or "*"
        name = self._name()
        self._need_sign(".")
        self._need_sign("*")
        return name

    def _grant(self) -> Result:
        names, roles = self._privileges()
        if self._word("ON"):
            level = self._level()
            self._need("TO")
            subjects = self._subjects()
            option = self._optional("WITH", "GRANT", "OPTION")
            for who in subjects:
                self._session.grant(names, level, who, option=option)
            return Result()
        return self._roles("TO", roles or [Who(name.lower()) for name in names], granted=True)

    def _revoke(self) -> Result:
        names, roles = self._privileges()
        if self._word("ON"):
            level = self._level()
            self._need("FROM")
            option = "GRANT OPTION" in names
            for who in self._subjects():
                self._session.revoke([name for name in names if name != "GRANT OPTION"], level, who, option=option)
            return Result()
        if names == ["ALL", "GRANT OPTION"]:
            self._need("FROM")
            for who in self._subjects():
                self._session.revoke_everything(who)
            return Result()
        return self._roles("FROM", roles or [Who(name.lower()) for name in names], granted=False)

    def _roles(self, word: str, roles: list[Who], *, granted: bool) -> Result:
        self._need(word)
        for who in self._subjects():
            for role in roles:
                self._session.change_role(role, who, granted=granted)
        return Result()

    def _subjects(self) -> list[Who]:
        found = [self._who()]
        while self._sign(","):
            found.append(self._who())
        return found

    def _flush(self) -> Result:
        self._need("PRIVILEGES")
        return Result()

    def _set(self) -> Result:
        self._authentication()
        return Result()

    def _show(self) -> Result:
        if self._word("DATABASES", "SCHEMAS"):
            pattern = self._name() if self._word("LIKE") else "%"
            names = sorted({*self._session.server.databases, *SYSTEM_DATABASES})
            return Result(
                ["Database"], [[name] for name in names if self._session.may_see(name) and like(pattern, name)]
            )
        self._need("GRANTS")
        who = self._who() if self._word("FOR") else None
        shown = who or self._session.who or Who("root")
        return Result([f"Grants for {shown.name}@{shown.host}"], [[line] for line in self._session.grants(who)])

    def _select(self) -> Result:
        """SELECT columns FROM one known table WHERE simple conditions, joined by UNION [ALL]."""
        result = self._one_select()
        while self._word("UNION"):
            self._word("ALL")
            self._need("SELECT")
            more = self._one_select()
            if len(more.columns) != len(result.columns):
                raise MysqlError(1222, "The used SELECT statements have a different number of columns", "21000")
            result = Result(result.columns, result.rows + more.rows)
        if self._optional("ORDER", "BY"):
            keys = self._list()
            positions = [self._column_at(result.columns, key) for key in keys]
            result.rows.sort(key=lambda row: [row[position] or "" for position in positions])
        if self._word("LIMIT"):
            result = Result(result.columns, result.rows[: int(self._name())])
        return result

    @staticmethod
    def _column_at(columns: list[str], key: str) -> int:
        for position, name in enumerate(columns):
            if name.lower() == key.lower():
                return position
        if key.isdigit() and 1 <= int(key) <= len(columns):
            return int(key) - 1
        raise MysqlError(1054, f"Unknown column '{key}' in 'order clause'", "42S22")

    def _list(self) -> list[str]:
        found = [self._name()]
        self._word("ASC", "DESC")
        while self._sign(","):
            found.append(self._name())
            self._word("ASC", "DESC")
        return found

    def _one_select(self) -> Result:
        self._word("DISTINCT")
        wanted: list[tuple[str, str, bool]] = []
        while True:
            wanted.append(self._expression())
            if not self._sign(","):
                break
        if not self._word("FROM"):
            return Result(
                [name for name, _, _ in wanted], [[self._constant(text, literal) for _, text, literal in wanted]]
            )
        first = self._name()
        schema, table = (first, self._name()) if self._sign(".") else (self._session.database, first)
        columns, rows = rows_of(self._session, schema, table)
        conditions = self._where() if self._word("WHERE") else []
        kept = [row for row in rows if all(condition.holds(row) for condition in conditions)]
        if wanted[0][0] == "*":
            return Result(columns, [[row[name.lower()] for name in columns] for row in kept])
        for _, text, literal in wanted:
            if not literal and text.lower() not in (name.lower() for name in columns):
                raise MysqlError(1054, f"Unknown column '{text}' in 'field list'", "42S22")
        cells = [[text if literal else row[text.lower()] for _, text, literal in wanted] for row in kept]
        return Result([name for name, _, _ in wanted], cells)

    def _constant(self, text: str, literal: bool) -> str:
        if literal:
            return text
        me = self._session.who or Who("root")
        known = {
            "current_user": f"{me.name}@{me.host}",
            "user": f"{me.name}@{me.host}",
            "database": self._session.database,
            "version": "8.0.37-google",
        }
        if text.lower() not in known:
            raise MysqlError(1054, f"Unknown column '{text}' in 'field list'", "42S22")
        return known[text.lower()]

    def _expression(self) -> tuple[str, str, bool]:
        """(column name, column or value, is it a literal)."""
        if self._sign("*"):
            return "*", "*", False
        token = self._peek()
        text = self._name()
        literal = token.kind == "string" or text.isdigit()
        if self._sign("."):
            text = self._name()
        if self._sign("("):
            self._need_sign(")")
        alias = self._name() if self._word("AS") else ""
        return alias or text, text, literal

    def _where(self) -> list[Condition]:
        found = []
        while True:
            column = self._name()
            if self._sign("."):
                column = self._name()
            negated = self._word("NOT")
            if self._word("IN"):
                self._need_sign("(")
                values = [self._name()]
                while self._sign(","):
                    values.append(self._name())
                self._need_sign(")")
                found.append(Condition(column.lower(), "in", tuple(values), negated))
            elif self._word("LIKE"):
                found.append(Condition(column.lower(), "like", (self._name(),), negated))
            else:
                sign = self._next().text
                if sign not in ("=", "<>", "!="):
                    self._position -= 1
                    raise self._refuse()
                found.append(Condition(column.lower(), "in", (self._name(),), sign != "="))
            if not self._word("AND"):
                return found

    _statements = {
        "USE": _use, "CREATE": _create, "DROP": _drop, "ALTER": _alter, "GRANT": _grant, "REVOKE": _revoke,
        "FLUSH": _flush, "SET": _set, "SHOW": _show, "SELECT": _select,
    }  # fmt: skip
