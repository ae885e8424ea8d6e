"""`executeSql`: statements run by the database server itself, on the same accounts as the Admin API's.

The Data API as documented in "MCP Tools Reference: cloud-sql" (execute_sql) and in the discovery document. Ours,
because nothing says it: the status 400 of the refusals, and who the anonymous caller is (see `_caller`).
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.sqladmin.accounts import IAM_TYPES, database_row, saved, server_of
from reconciler.localcloud.services.sqladmin.mysql_grammar import Reader, Result
from reconciler.localcloud.services.sqladmin.mysql_privileges import MysqlError, Server, Session, Who
from reconciler.localcloud.services.sqladmin.target import place, running
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.values import Json

_ROW_LIMIT = 10_000
# Error numbers that mean "you may not", for the status code of a failed statement.
_DENIED = frozenset({1044, 1045, 1142, 1227})
_IAM_FLAGS = (
    {"name": "cloudsql_iam_authentication", "value": "on"},
    {"name": "cloudsql.iam_authentication", "value": "on"},
)


def _execute_sql(call: Call) -> Answer:
    instance, where = running(call), place(call)
    if engine(instance["databaseVersion"]) == "SQLSERVER":
        raise GoogleError(400, "Invalid request: executeSql is not supported for SQL Server.", reason="invalid")
    if instance["settings"].get("dataApiAccess") != "ALLOW_DATA_API":
        raise GoogleError(400, "The instance doesn't allow using executeSql to access this instance.", reason="invalid")
    by_iam = any(flag in instance["settings"].get("databaseFlags", ()) for flag in _IAM_FLAGS)
    if call.body.get("autoIamAuthn") and not by_iam:
        raise GoogleError(400, "IAM authentication is not enabled for the instance.", reason="invalid")
    return _execute(call, where)


def _save_databases(call: Call, place: str, server: Server, before: set[str]) -> None:
    """CREATE and DROP DATABASE are seen by the Admin API too."""
    for name in before - set(server.databases):
        call.state.delete(f"sqladmin.databases/{place}/databases/{name}")
    for name in set(server.databases) - before:
        call.state.put(f"sqladmin.databases/{place}/databases/{name}", database_row(call.state, place, name, "sql"))


def _execute(call: Call, place: str) -> Json:
    """Run the statements in order; the first that fails ends the run and is told in `status`, as documented.

    Without `user` or `autoIamAuthn` the caller acts as the administrator, as no client of Google's could. The codes in
    `status` are ours: no recording has one.
    """
    server = server_of(call.state, place)
    before = set(server.databases)
    session = Session(server)
    answer: Json = {"metadata": {"sqlStatementExecutionTime": "0.001s"}}
    results: list[Result] = []
    try:
        automatic = call.body.get("autoIamAuthn", False)
        session.who = _caller(server) if automatic else _login(server, call.body.get("user", ""))
        if call.body.get("database"):
            session.use(call.body["database"])
        reader = Reader(call.body.get("sqlStatement", ""), session)
        while not reader.done():
            results.append(reader.run())
    except MysqlError as error:
        answer["status"] = {"code": 7 if error.number in _DENIED else 3, "message": str(error)}
        answer["messages"] = [{"message": str(error), "severity": "ERROR"}]
    if results:
        answer["results"] = [result.printed(int(call.body.get("rowLimit") or _ROW_LIMIT)) for result in results]
    saved(call.state, place, server)
    _save_databases(call, place, server, before)
    return answer


def _caller(server: Server) -> Who:
    """Callers are anonymous here, so any user of IAM is the caller's; without one nobody may log in."""
    for _, account in sorted(server.accounts.items()):
        if account.get("type") in IAM_TYPES:
            return Who(account["name"], account["host"])
    raise MysqlError(1045, "Access denied for user 'anonymous'@'cloudsqlproxy' (using password: YES)", "28000")


def _login(server: Server, user: str) -> Who | None:
    """`name` or `name@host`; an unknown one gets error 1045."""
    if not user:
        return None
    name, _, host = user.partition("@")
    for who in (Who(name, host or "%"), Who(user, "%")):
        if server.account(who.name, who.host) is not None:
            return who
    raise MysqlError(1045, f"Access denied for user '{name}'@'cloudsqlproxy' (using password: YES)", "28000")


METHODS: dict[str, Behaviour] = {"sql.instances.executeSql": _execute_sql}
