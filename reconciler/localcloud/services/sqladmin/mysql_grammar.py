"""Reads the few MySQL statements that the control plane of a database needs, and runs them in a Session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from reconciler.localcloud.services.sqladmin.mysql_cursor import Cursor
from reconciler.localcloud.services.sqladmin.mysql_privileges import SYSTEM_DATABASES, MysqlError, Session, Who, like
from reconciler.localcloud.services.sqladmin.mysql_tables import Condition, rows_of
from reconciler.localcloud.values import Json


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


class Reader(Cursor):
    """Reads and runs statements one after the other."""

    def __init__(self, sql: str, session: Session) -> None:
        super().__init__(sql)
        self._session = session

    # --- statements ------------------------------------------------------------------------------------------

    def done(self) -> bool:
        while self.sign(";"):
            pass
        return self.peek().kind == "end"

    def run(self) -> Result:
        """Run the next statement up to its semicolon."""
        for word, statement in self._statements.items():
            if self.word(word):
                result = statement(self)
                if self.peek().kind != "end":
                    self.need_sign(";")
                return result
        raise self.refuse()

    def _use(self) -> Result:
        self._session.use(self.name())
        return Result(message="Database changed")

    def _create(self) -> Result:
        if self.word("DATABASE", "SCHEMA"):
            return self._create_database()
        self.need("USER")
        lenient = self.optional("IF", "NOT", "EXISTS")
        while True:
            self._session.create_user(self.who(), if_missing=lenient)
            self._authentication()
            if not self.sign(","):
                return Result()

    def _authentication(self) -> None:
        """IDENTIFIED [WITH plugin] BY 'secret' and whatever options follow; the secret is not kept."""
        while self.peek().kind != "end" and not (self.peek().kind == "sign" and self.peek().text in (",", ";")):
            self.next()

    def _alter(self) -> Result:
        self.need("USER")
        self.optional("IF", "EXISTS")
        who = self.who()
        self._session.alter_user(who)
        while self.peek().kind != "end" and not (self.peek().kind == "sign" and self.peek().text in (",", ";")):
            if self.word("MAX_USER_CONNECTIONS"):
                self._session.limit_connections(who, int(self.name()))
            else:
                self.next()
        return Result()

    def _create_database(self) -> Result:
        lenient = self.optional("IF", "NOT", "EXISTS")
        name = self.name()
        self._authentication()
        if "CREATE" not in self._session.privileges_on(name):
            self._session.use(name)
            raise MysqlError(1044, f"Access denied to database '{name}'")
        if name in self._session.server.databases and not lenient:
            raise MysqlError(1007, f"Can't create database '{name}'; database exists", "HY000")
        self._session.server.databases.setdefault(name, {})
        return Result(message="Query OK, 1 row affected")

    def _drop(self) -> Result:
        if self.word("DATABASE", "SCHEMA"):
            lenient = self.optional("IF", "EXISTS")
            name = self.name()
            if "DROP" not in self._session.privileges_on(name):
                self._session.use(name)
            if self._session.server.databases.pop(name, None) is None and not lenient:
                raise MysqlError(1008, f"Can't drop database '{name}'; database doesn't exist", "HY000")
            return Result()
        self.need("USER")
        lenient = self.optional("IF", "EXISTS")
        while True:
            self._session.drop_user(self.who(), if_exists=lenient)
            if not self.sign(","):
                return Result()

    def _privileges(self) -> tuple[list[str], list[Who]]:
        """`SELECT, CREATE VIEW` before ON, or role names before TO or FROM: (privileges, roles)."""
        names: list[str] = []
        roles: list[Who] = []
        while True:
            if self.peek().kind in ("tick", "string"):
                roles.append(self.who())
            else:
                words = [self.name().upper()]
                while self.peek().kind == "word" and not self.peek().is_word("ON", "TO", "FROM"):
                    words.append(self.next().text.upper())
                names.append("ALL" if words in (["ALL"], ["ALL", "PRIVILEGES"]) else " ".join(words))
            if not self.sign(","):
                return names, roles

    def _level(self) -> str:
        """`*.*` -> "*", `db.*` -> "db"."""
        if self.sign("*"):
            if self.sign("."):
                self.need_sign("*")
                return "*"
            return self._session.database or "*"
        name = self.name()
        self.need_sign(".")
        self.need_sign("*")
        return name

    def _grant(self) -> Result:
        names, roles = self._privileges()
        if self.word("ON"):
            level = self._level()
            self.need("TO")
            subjects = self._subjects()
            option = self.optional("WITH", "GRANT", "OPTION")
            for who in subjects:
                self._session.grant(names, level, who, option=option)
            return Result()
        return self._roles("TO", roles or [Who(name.lower()) for name in names], granted=True)

    def _revoke(self) -> Result:
        names, roles = self._privileges()
        if self.word("ON"):
            level = self._level()
            self.need("FROM")
            option = "GRANT OPTION" in names
            for who in self._subjects():
                self._session.revoke([name for name in names if name != "GRANT OPTION"], level, who, option=option)
            return Result()
        if names == ["ALL", "GRANT OPTION"]:
            self.need("FROM")
            for who in self._subjects():
                self._session.revoke_everything(who)
            return Result()
        return self._roles("FROM", roles or [Who(name.lower()) for name in names], granted=False)

    def _roles(self, word: str, roles: list[Who], *, granted: bool) -> Result:
        self.need(word)
        for who in self._subjects():
            for role in roles:
                self._session.change_role(role, who, granted=granted)
        return Result()

    def _subjects(self) -> list[Who]:
        found = [self.who()]
        while self.sign(","):
            found.append(self.who())
        return found

    def _flush(self) -> Result:
        self.need("PRIVILEGES")
        return Result()

    def _set(self) -> Result:
        self._authentication()
        return Result()

    def _show(self) -> Result:
        if self.word("DATABASES", "SCHEMAS"):
            pattern = self.name() if self.word("LIKE") else "%"
            names = sorted({*self._session.server.databases, *SYSTEM_DATABASES})
            return Result(
                ["Database"], [[name] for name in names if self._session.may_see(name) and like(pattern, name)]
            )
        self.need("GRANTS")
        who = self.who() if self.word("FOR") else None
        shown = who or self._session.who or Who("root")
        return Result([f"Grants for {shown.name}@{shown.host}"], [[line] for line in self._session.grants(who)])

    def _select(self) -> Result:
        """SELECT columns FROM one known table WHERE simple conditions, joined by UNION [ALL]."""
        result = self._one_select()
        while self.word("UNION"):
            self.word("ALL")
            self.need("SELECT")
            more = self._one_select()
            if len(more.columns) != len(result.columns):
                raise MysqlError(1222, "The used SELECT statements have a different number of columns", "21000")
            result = Result(result.columns, result.rows + more.rows)
        if self.optional("ORDER", "BY"):
            keys = self._list()
            positions = [self._column_at(result.columns, key) for key in keys]
            result.rows.sort(key=lambda row: [row[position] or "" for position in positions])
        if self.word("LIMIT"):
            result = Result(result.columns, result.rows[: int(self.name())])
        return result

    @staticmethod
    def _column_at(columns: list[str], key: str) -> int:
        for position, name in enumerate(columns):
            if name.lower() == key.lower():
                return position
        if key.isdecimal() and len(key) < 10 and 1 <= int(key) <= len(columns):
            return int(key) - 1
        raise MysqlError(1054, f"Unknown column '{key}' in 'order clause'", "42S22")

    def _list(self) -> list[str]:
        found = [self.name()]
        self.word("ASC", "DESC")
        while self.sign(","):
            found.append(self.name())
            self.word("ASC", "DESC")
        return found

    def _one_select(self) -> Result:
        self.word("DISTINCT")
        wanted: list[tuple[str, str, bool]] = []
        while True:
            wanted.append(self._expression())
            if not self.sign(","):
                break
        if not self.word("FROM"):
            return Result(
                [name for name, _, _ in wanted], [[self._constant(text, literal) for _, text, literal in wanted]]
            )
        first = self.name()
        schema, table = (first, self.name()) if self.sign(".") else (self._session.database, first)
        columns, rows = rows_of(self._session, schema, table)
        conditions = self._where() if self.word("WHERE") else []
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
        if self.sign("*"):
            return "*", "*", False
        token = self.peek()
        text = self.name()
        literal = token.kind == "string" or text.isdigit()
        if self.sign("."):
            text = self.name()
        if self.sign("("):
            self.need_sign(")")
        alias = self.name() if self.word("AS") else ""
        return alias or text, text, literal

    def _where(self) -> list[Condition]:
        found = []
        while True:
            column = self.name()
            if self.sign("."):
                column = self.name()
            negated = self.word("NOT")
            if self.word("IN"):
                self.need_sign("(")
                values = [self.name()]
                while self.sign(","):
                    values.append(self.name())
                self.need_sign(")")
                found.append(Condition(column.lower(), "in", tuple(values), negated))
            elif self.word("LIKE"):
                found.append(Condition(column.lower(), "like", (self.name(),), negated))
            else:
                sign = self.next().text
                if sign not in ("=", "<>", "!="):
                    self.back()
                    raise self.refuse()
                found.append(Condition(column.lower(), "in", (self.name(),), sign != "="))
            if not self.word("AND"):
                return found

    _statements: ClassVar[dict[str, Callable[[Reader], Result]]] = {
        "USE": _use, "CREATE": _create, "DROP": _drop, "ALTER": _alter, "GRANT": _grant, "REVOKE": _revoke,
        "FLUSH": _flush, "SET": _set, "SHOW": _show, "SELECT": _select,
    }  # fmt: skip
