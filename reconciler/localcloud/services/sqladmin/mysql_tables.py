"""The system tables from which accounts and grants can be read, as rows of text."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.localcloud.services.sqladmin.mysql_privileges import (
    DATABASE_PRIVILEGES,
    GLOBAL_PRIVILEGES,
    SUPER_ROLE,
    SYSTEM_DATABASES,
    MysqlError,
    Session,
    like,
)
from reconciler.localcloud.values import Json

Row = dict[str, str | None]
_COLUMNS = {
    "CREATE TEMPORARY TABLES": "Create_tmp_table_priv", "SHOW DATABASES": "Show_db_priv",
    "REPLICATION SLAVE": "Repl_slave_priv",
    "REPLICATION CLIENT": "Repl_client_priv",
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """`column [NOT] IN (…)`, `column [NOT] LIKE pattern`; equality is an IN of one."""

    column: str
    kind: str
    values: tuple[str, ...]
    negated: bool

    def holds(self, row: Row) -> bool:
        if self.column not in row:
            raise MysqlError(1054, f"Unknown column '{self.column}' in 'where clause'", "42S22")
        value = row[self.column] or ""
        found = value in self.values if self.kind == "in" else like(self.values[0], value)
        return found != self.negated


def _privilege_column(name: str) -> str:
    return _COLUMNS.get(name, name.capitalize().replace(" ", "_").replace("_tables", "_tables") + "_priv")


def rows_of(session: Session, schema: str, table: str) -> tuple[list[str], list[Row]]:
    """Columns (as MySQL spells them) and rows (keys in lower case). Errors 1046, 1142 and 1146 as MySQL has them."""
    if not schema:
        raise MysqlError(1046, "No database selected", "3D000")
    where = f"{schema}.{table}".lower()
    builder = _TABLES.get(where)
    if builder is None:
        if not session.may_see(schema):
            raise MysqlError(
                1142, f"SELECT command denied to user {session.who.quoted if session.who else ''} for table '{table}'"
            )
        raise MysqlError(1146, f"Table '{schema}.{table}' doesn't exist", "42S02")
    if schema.lower() == "mysql" and "SELECT" not in session.privileges_on("mysql"):
        raise MysqlError(
            1142, f"SELECT command denied to user {session.who.quoted if session.who else ''} for table '{table}'"
        )
    columns, rows = builder(session)
    return columns, [{name.lower(): value for name, value in row.items()} for row in rows]


def _visible(session: Session) -> list[Json]:
    """information_schema shows everything to who may read `mysql`, and to others only themselves."""
    accounts = sorted(session.server.accounts.values(), key=lambda account: (account["name"], account["host"]))
    if "SELECT" in session.privileges_on("mysql"):
        return accounts
    return [account for account in accounts if account is session.account]


def _grantee(account: Json) -> str:
    return f"'{account['name']}'@'{account['host']}'"


def _held(account: Json) -> list[str]:
    return list(GLOBAL_PRIVILEGES) if account["name"] == SUPER_ROLE else account["global"]


def _user_privileges(session: Session) -> tuple[list[str], list[Row]]:
    columns = ["GRANTEE", "TABLE_CATALOG", "PRIVILEGE_TYPE", "IS_GRANTABLE"]
    rows: list[Row] = []
    for account in _visible(session):
        for privilege in account["global"] or ["USAGE"]:
            grantable = "YES" if account["grant"] else "NO"
            rows.append(dict(zip(columns, (_grantee(account), "def", privilege, grantable), strict=True)))
    return columns, rows


def _schema_privileges(session: Session) -> tuple[list[str], list[Row]]:
    columns = ["GRANTEE", "TABLE_CATALOG", "TABLE_SCHEMA", "PRIVILEGE_TYPE", "IS_GRANTABLE"]
    rows: list[Row] = []
    for account in _visible(session):
        for pattern, entry in sorted(account["schemas"].items()):
            grantable = "YES" if entry["grant"] else "NO"
            who = _grantee(account)
            cells = [(who, "def", pattern, privilege, grantable) for privilege in entry["privileges"] or ["USAGE"]]
            rows += [dict(zip(columns, row, strict=True)) for row in cells]
    return columns, rows


def _table_privileges(_: Session) -> tuple[list[str], list[Row]]:
    """Nothing: privileges on single tables are not modelled."""
    return ["GRANTEE", "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "PRIVILEGE_TYPE", "IS_GRANTABLE"], []


def _flags(held: list[str], everything: tuple[str, ...], grant: bool) -> Row:
    flags: Row = {_privilege_column(name): "Y" if name in held else "N" for name in everything}
    return flags | {"Grant_priv": "Y" if grant else "N"}


def _db(session: Session) -> tuple[list[str], list[Row]]:
    rows = []
    for account in _visible(session):
        for pattern, entry in sorted(account["schemas"].items()):
            base: Row = {"Host": account["host"], "Db": pattern, "User": account["name"]}
            rows.append(base | _flags(entry["privileges"], DATABASE_PRIVILEGES, entry["grant"]))
    columns = ["Host", "Db", "User", *_flags([], DATABASE_PRIVILEGES, False)]
    return columns, rows


def _user(session: Session) -> tuple[list[str], list[Row]]:
    rows = []
    for account in _visible(session):
        base: Row = {"Host": account["host"], "User": account["name"]}
        most = str(account.get("max_user_connections", 0))
        last: Row = {"max_user_connections": most, "plugin": "caching_sha2_password", "account_locked": "N"}
        rows.append(base | _flags(_held(account), GLOBAL_PRIVILEGES, account["grant"]) | last)
    return [
        "Host",
        "User",
        *_flags([], GLOBAL_PRIVILEGES, False),
        "max_user_connections",
        "plugin",
        "account_locked",
    ], rows


def _role_edges(session: Session) -> tuple[list[str], list[Row]]:
    columns = ["FROM_HOST", "FROM_USER", "TO_HOST", "TO_USER", "WITH_ADMIN_OPTION"]
    rows: list[Row] = []
    for account in _visible(session):
        cells = [("%", role, account["host"], account["name"], "N") for role in sorted(account["roles"])]
        rows += [dict(zip(columns, row, strict=True)) for row in cells]
    return columns, rows


def _schemata(session: Session) -> tuple[list[str], list[Row]]:
    columns = ["CATALOG_NAME", "SCHEMA_NAME", "DEFAULT_CHARACTER_SET_NAME", "DEFAULT_COLLATION_NAME"]
    rows: list[Row] = []
    for name in sorted({*session.server.databases, *SYSTEM_DATABASES}):
        if session.may_see(name):
            known = session.server.databases.get(name, {})
            charset, collation = known.get("charset", "utf8mb4"), known.get("collation", "utf8mb4_0900_ai_ci")
            rows.append(dict(zip(columns, ("def", name, charset, collation), strict=True)))
    return columns, rows


_TABLES = {
    "information_schema.user_privileges": _user_privileges,
    "information_schema.schema_privileges": _schema_privileges,
    "information_schema.table_privileges": _table_privileges,
    "information_schema.schemata": _schemata,
    "mysql.db": _db,
    "mysql.user": _user,
    "mysql.role_edges": _role_edges,
}
