"""MySQL accounts and privileges, as far as `executeSql` shows them: who may use which database, and says so.

What a statement looks like is read in `mysql_grammar`; here stands what it does, with MySQL's own error texts
(https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reconciler.localcloud import regular
from reconciler.localcloud.values import Json

DATABASE_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER",
    "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
    "EVENT", "TRIGGER",
)  # fmt: skip
GLOBAL_PRIVILEGES = (
    *DATABASE_PRIVILEGES, "RELOAD", "PROCESS", "SHOW DATABASES", "REPLICATION SLAVE", "REPLICATION CLIENT",
    "CREATE USER", "CREATE ROLE", "DROP ROLE",
)  # fmt: skip
# What every user made through the Admin API is given: https://cloud.google.com/sql/docs/mysql/users.
SUPER_ROLE = "cloudsqlsuperuser"
SYSTEM_DATABASES = ("information_schema", "mysql", "performance_schema", "sys")


@dataclass
class MysqlError(Exception):
    """A refusal of the server; `state` is the SQLSTATE."""

    number: int
    message: str
    state: str = "42000"

    def __str__(self) -> str:
        return f"Error {self.number} ({self.state}): {self.message}"


@dataclass
class Server:
    """One instance's accounts and database names. Accounts are JSON so that they can be stored as they are."""

    accounts: dict[str, Json] = field(default_factory=dict)
    databases: dict[str, Json] = field(default_factory=dict)

    def account(self, name: str, host: str) -> Json | None:
        return self.accounts.get(f"{name}@{host}")

    def add(self, name: str, host: str, **more: object) -> Json:
        """A new account that may do nothing (USAGE)."""
        account: Json = {"name": name, "host": host, "global": [], "grant": False, "schemas": {}, "roles": [], **more}
        self.accounts[f"{name}@{host}"] = account
        return account


@dataclass(frozen=True)
class Who:
    """An account name as written in SQL; the host is `%` when it is not written."""

    name: str
    host: str = "%"

    @property
    def quoted(self) -> str:
        return f"'{self.name}'@'{self.host}'"

    @property
    def ticked(self) -> str:
        return f"`{self.name}`@`{self.host}`"


@dataclass
class Session:
    """One connection: who it is (None: the instance's administrator) and the database in use."""

    server: Server
    who: Who | None = None
    database: str = ""

    @property
    def account(self) -> Json | None:
        return self.server.account(self.who.name, self.who.host) if self.who else None

    # --- what the session may do ---------------------------------------------------------------------------

    def global_privileges(self) -> set[str]:
        account = self.account
        if account is None or SUPER_ROLE in account["roles"]:
            return set(GLOBAL_PRIVILEGES)
        return set(account["global"])

    def privileges_on(self, database: str) -> set[str]:
        """The privileges on a database by name: the global ones and those of every pattern that matches it."""
        found = self.global_privileges() & set(DATABASE_PRIVILEGES)
        for pattern, entry in (self.account or {"schemas": {}})["schemas"].items():
            if like(pattern, database):
                found |= set(entry["privileges"])
        return found

    def may_see(self, database: str) -> bool:
        if database in ("information_schema", "performance_schema"):
            return True
        return bool(self.privileges_on(database)) or "SHOW DATABASES" in self.global_privileges()

    def need_global(self, privilege: str) -> None:
        if privilege not in self.global_privileges():
            raise MysqlError(
                1227, f"Access denied; you need (at least one of) the {privilege} privilege(s) for this operation"
            )

    def need_grant_option(self, pattern: str, wanted: list[str]) -> None:
        """GRANT and REVOKE need GRANT OPTION at that level, and every privilege that is handed on."""
        account = self.account
        if account is None or SUPER_ROLE in account["roles"]:
            return
        entry = account["schemas"].get(pattern, {"privileges": [], "grant": False})
        held = set(account["global"]) | set(entry["privileges"])
        if not (account["grant"] or entry["grant"]) or not set(wanted) <= held:
            if pattern == "*":
                raise MysqlError(1045, f"Access denied for user {self._me} (using password: YES)", "28000")
            raise MysqlError(1044, f"Access denied for user {self._me} to database '{pattern}'")

    @property
    def _me(self) -> str:
        return self.who.quoted if self.who else "'root'@'%'"

    # --- statements ----------------------------------------------------------------------------------------

    def use(self, database: str) -> None:
        if not self.may_see(database) or (database not in SYSTEM_DATABASES and not self.privileges_on(database)):
            raise MysqlError(1044, f"Access denied for user {self._me} to database '{database}'")
        if database not in (*self.server.databases, *SYSTEM_DATABASES):
            raise MysqlError(1049, f"Unknown database '{database}'")
        self.database = database

    def create_user(self, who: Who, *, if_missing: bool) -> None:
        self.need_global("CREATE USER")
        if self.server.account(who.name, who.host) is not None:
            if if_missing:
                return
            raise MysqlError(1396, f"Operation CREATE USER failed for {who.quoted}", "HY000")
        self.server.add(who.name, who.host)

    def drop_user(self, who: Who, *, if_exists: bool) -> None:
        self.need_global("CREATE USER")
        if self.server.accounts.pop(f"{who.name}@{who.host}", None) is None and not if_exists:
            raise MysqlError(1396, f"Operation DROP USER failed for {who.quoted}", "HY000")

    def alter_user(self, who: Who) -> None:
        if who != self.who:
            self.need_global("CREATE USER")
        if self.server.account(who.name, who.host) is None:
            raise MysqlError(1396, f"Operation ALTER USER failed for {who.quoted}", "HY000")

    def limit_connections(self, who: Who, most: int) -> None:
        """ALTER USER … WITH MAX_USER_CONNECTIONS n (0: no limit of its own)."""
        account = self.server.account(who.name, who.host)
        if account is not None:
            account["max_user_connections"] = most

    def _expanded(self, privileges: list[str], pattern: str) -> list[str]:
        everything = GLOBAL_PRIVILEGES if pattern == "*" else DATABASE_PRIVILEGES
        if privileges == ["ALL"]:
            return list(everything)
        for privilege in privileges:
            if privilege != "USAGE" and privilege not in everything:
                known = privilege in GLOBAL_PRIVILEGES
                raise (
                    MysqlError(1221, "Incorrect usage of DB GRANT and GLOBAL PRIVILEGES", "HY000")
                    if known
                    else MysqlError(1149, f"You have an error in your SQL syntax near '{privilege}'")
                )
        return [privilege for privilege in privileges if privilege != "USAGE"]

    def grant(self, privileges: list[str], pattern: str, who: Who, *, option: bool) -> None:
        wanted = self._expanded(privileges, pattern)
        self.need_grant_option(pattern, wanted)
        account = self.server.account(who.name, who.host)
        if account is None:
            raise MysqlError(1410, "You are not allowed to create a user with GRANT")
        if pattern == "*":
            account["global"] = ordered({*account["global"], *wanted})
            account["grant"] = account["grant"] or option
        elif wanted or option:
            entry = account["schemas"].setdefault(pattern, {"privileges": [], "grant": False})
            entry["privileges"] = ordered({*entry["privileges"], *wanted})
            entry["grant"] = entry["grant"] or option

    def revoke(self, privileges: list[str], pattern: str, who: Who, *, option: bool) -> None:
        wanted = self._expanded(privileges, pattern)
        self.need_grant_option(pattern, wanted)
        account = self.server.account(who.name, who.host)
        entry = (account or {"schemas": {}})["schemas"].get(pattern)
        if account is None or (pattern != "*" and entry is None):
            raise MysqlError(1141, f"There is no such grant defined for user '{who.name}' on host '{who.host}'")
        if pattern == "*":
            account["global"] = [name for name in account["global"] if name not in wanted]
            account["grant"] = account["grant"] and not option
        else:
            entry["privileges"] = [name for name in entry["privileges"] if name not in wanted]
            entry["grant"] = entry["grant"] and not option
            if not entry["privileges"] and not entry["grant"]:
                del account["schemas"][pattern]

    def revoke_everything(self, who: Who) -> None:
        """REVOKE ALL PRIVILEGES, GRANT OPTION FROM: every level; roles stay, as in MySQL 8."""
        self.need_global("CREATE USER")
        account = self.server.account(who.name, who.host)
        if account is None:
            raise MysqlError(1269, "Can't revoke all privileges for one or more of the requested users", "HY000")
        account |= {"global": [], "grant": False, "schemas": {}}

    def change_role(self, role: Who, who: Who, *, granted: bool) -> None:
        self.need_global("CREATE USER")
        account = self.server.account(who.name, who.host)
        if account is None or (role.name != SUPER_ROLE and self.server.account(role.name, role.host) is None):
            raise MysqlError(3523, f"Unknown authorization ID {(who if account is None else role).ticked}", "HY000")
        others = [name for name in account["roles"] if name != role.name]
        account["roles"] = [*others, role.name] if granted else others

    def grants(self, who: Who | None) -> list[str]:
        """SHOW GRANTS: one's own are always visible, those of others to who may read the `mysql` database."""
        subject = who or self.who or Who("root")
        if subject != self.who and "SELECT" not in self.privileges_on("mysql"):
            raise MysqlError(1044, f"Access denied for user {self._me} to database 'mysql'")
        account = self.server.account(subject.name, subject.host)
        if account is None:
            raise MysqlError(1141, f"There is no such grant defined for user '{subject.name}' on host '{subject.host}'")
        lines = [
            f"GRANT {_printed(account['global'], GLOBAL_PRIVILEGES)} ON *.* TO {subject.ticked}" + _option(account)
        ]
        for pattern, entry in sorted(account["schemas"].items()):
            lines.append(
                f"GRANT {_printed(entry['privileges'], DATABASE_PRIVILEGES)} ON `{pattern}`.* TO {subject.ticked}"
                + _option(entry)
            )
        lines += [f"GRANT `{role}`@`%` TO {subject.ticked}" for role in sorted(account["roles"])]
        return lines


def _option(entry: Json) -> str:
    return " WITH GRANT OPTION" if entry["grant"] else ""


def _printed(held: list[str], everything: tuple[str, ...]) -> str:
    if not held:
        return "USAGE"
    return "ALL PRIVILEGES" if set(held) == set(everything) else ", ".join(held)


def ordered(privileges: set[str]) -> list[str]:
    return [name for name in GLOBAL_PRIVILEGES if name in privileges]


def like(wanted: str, name: str) -> bool:
    r"""A database name in GRANT is a pattern: `_` one character, `%` any, `\_` and `\%` themselves."""
    wild = {"_": ".", "%": ".*"}
    tokens = re.findall(r"\\.|.", wanted, re.DOTALL)
    pieces = [wild.get(token) or re.escape(token[-1]) for token in tokens]
    return regular.pattern("".join(pieces), re.DOTALL).fullmatch(name)
