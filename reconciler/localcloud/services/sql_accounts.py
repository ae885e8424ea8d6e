"""Cloud SQL users and `executeSql`: two doors to the same accounts, those of the database server itself.

A user made through the Admin API gets the role cloudsqlsuperuser, and with it every database of the instance, as
Google does (https://cloud.google.com/sql/docs/mysql/users); one made by SQL may do nothing until it is granted.

Users of IAM and the Data API as documented in "MCP Tools Reference: cloud-sql" (execute_sql, create_user, update_user)
and in the discovery document; the refusals of an insert as quoted in the issues of Terraform's provider. Ours, because
nothing says it: the status 400 of executeSql's refusals, and who the anonymous caller is (see `_caller`).
"""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.mysql_grammar import Reader, Result
from reconciler.localcloud.services.mysql_privileges import SUPER_ROLE, MysqlError, Server, Session, Who
from reconciler.localcloud.services.sql_common import free, operation, place, running
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_ROW_LIMIT = 10_000
_ADMINISTRATORS = {"MYSQL": "root", "POSTGRES": "postgres", "SQLSERVER": "sqlserver"}
# Error numbers that mean "you may not", for the status code of a failed statement.
_DENIED = frozenset({1044, 1045, 1142, 1227})
_IAM = ("CLOUD_IAM_SERVICE_ACCOUNT", "CLOUD_IAM_USER")
_IAM_FLAGS = (
    {"name": "cloudsql_iam_authentication", "value": "on"},
    {"name": "cloudsql.iam_authentication", "value": "on"},
)


def family(instance: Json) -> str:
    return str(instance.get("databaseVersion", "MYSQL_8_0")).partition("_")[0]


def install(state: State, place: str, instance: Json) -> None:
    """The administrator that every new instance has, and the databases that come with it."""
    server = Server()
    server.add(
        _ADMINISTRATORS.get(family(instance), "root"),
        "" if family(instance) != "MYSQL" else "%",
        roles=[SUPER_ROLE],
        type="BUILT_IN",
    )
    own = {"MYSQL": [], "POSTGRES": ["postgres"], "SQLSERVER": []}.get(family(instance), [])
    for name in own:
        state.put(f"sqladmin.databases/{place}/databases/{name}", database_row(state, place, name, "initial"))
    _save(state, place, server)


def database_row(state: State, place: str, name: str, etag: str) -> Json:
    instance = state.get(f"sqladmin.instances/{place}") or {}
    old = instance.get("databaseVersion") == "MYSQL_5_7"
    charset, collation = ("utf8", "utf8_general_ci") if old else ("utf8mb4", "utf8mb4_0900_ai_ci")
    if family(instance) == "POSTGRES":
        charset, collation = "UTF8", "en_US.UTF8"
    project = projects.with_id(state, place).split("/")[1]
    own = place.rsplit("/", 1)[1]
    return {
        "kind": "sql#database", "name": name, "charset": charset, "collation": collation, "etag": etag, "instance": own,
        "project": project,
        "selfLink": f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{own}/databases/{name}",
    }  # fmt: skip


def _server(state: State, place: str) -> Server:
    stored = state.get(f"sqladmin.accounts/{place}") or {"accounts": {}}
    databases = {row["name"]: row for _, row in state.scan(f"sqladmin.databases/{place}/databases/")}
    return Server(stored["accounts"], databases)


def _save(state: State, place: str, server: Server) -> None:
    state.put(f"sqladmin.accounts/{place}", {"accounts": server.accounts})


def _save_databases(call: Call, place: str, server: Server, before: set[str]) -> None:
    """CREATE and DROP DATABASE are seen by the Admin API too."""
    for name in before - set(server.databases):
        call.state.delete(f"sqladmin.databases/{place}/databases/{name}")
    for name in set(server.databases) - before:
        call.state.put(f"sqladmin.databases/{place}/databases/{name}", database_row(call.state, place, name, "sql"))


# --- users -----------------------------------------------------------------------------------------------------


def _shown(call: Call, account: Json, place: str) -> Json:
    result: Json = {
        "kind": "sql#user", "name": account["name"], "host": account["host"], "instance": place.rsplit("/", 1)[1],
        "project": projects.with_id(call.state, place).split("/")[1], "etag": account.get("etag", "ACAB"),
    }  # fmt: skip
    if account["name"] == "root":
        result |= {"host": "", "passwordPolicy": {"status": {}}}
    if account.get("type", "BUILT_IN") != "BUILT_IN":
        result |= {"type": account["type"], "iamEmail": account.get("iamEmail", account["name"])}
    roles = [role for role in account["roles"] if role != SUPER_ROLE]
    return result | ({"databaseRoles": roles} if roles else {})


def _rdbms(number: int, message: str) -> GoogleError:
    return GoogleError(400, f"Invalid request: Error {number}: {message}.", reason="invalid")


def _insert_iam_user(call: Call, kind: str) -> Answer:
    """MySQL keeps what stands before the @; the address stays as `iamEmail`."""
    if call.body.get("password") or call.body.get("host"):
        said = "For IAM users, password or hostname should not be specified."
        raise GoogleError(400, f"Invalid request: {said}", reason="invalid")
    email = call.body.get("name", "")
    name, _, domain = email.partition("@")
    home = projects.canonical(call.state, f"projects/{domain.partition('.')[0]}")
    there = call.state.get(f"iam.serviceAccounts/{home}/serviceAccounts/{email}") is not None
    if not domain or (kind == "CLOUD_IAM_SERVICE_ACCOUNT" and not there):
        raise GoogleError(400, f"Invalid request: Provided {kind}: {email}, does not exist.", reason="invalid")
    roles = call.body.get("databaseRoles") or [SUPER_ROLE]
    made = {"name": name, "host": "%", "roles": roles, "type": kind, "iamEmail": email}
    return operation(call, "CREATE_USER", "sqladmin.user_made", made)


def _insert_user(call: Call) -> Answer:
    instance, name = running(call), call.body.get("name", "")
    if family(instance) == "MYSQL" and call.body.get("type") in _IAM:
        return _insert_iam_user(call, call.body["type"])
    host = call.body.get("host") or ("%" if family(instance) == "MYSQL" else "")
    if not name or (family(instance) == "MYSQL" and len(name) > 32):
        raise GoogleError(400, "Invalid request: User name must be between 1 and 32 characters long.", reason="invalid")
    if _server(call.state, place(call)).account(name, host) is not None:
        # Inserting a user that is there changes its password, as the real API does.
        return operation(call, "CREATE_USER", "sqladmin.user_made", {"name": name, "host": host, "roles": None})
    roles = call.body.get("databaseRoles") or [SUPER_ROLE]
    return operation(
        call,
        "CREATE_USER",
        "sqladmin.user_made",
        {"name": name, "host": host, "roles": roles, "type": call.body.get("type", "BUILT_IN")},
    )


def _subject(call: Call) -> Json:
    name, host = call.query("name") or call.params.get("name", ""), call.query("host")
    server = _server(call.state, place(call))
    by_address = [account for account in server.accounts.values() if account.get("iamEmail") == name]
    found = server.account(name, host or "%") or server.account(name, host) or next(iter(by_address), None)
    if found is None:
        raise not_found("The user does not exist.")
    return found


def _get_user(call: Call) -> Answer:
    running(call)
    return _shown(call, _subject(call), place(call))


def _list_users(call: Call) -> Answer:
    running(call)
    where = place(call)
    accounts = _server(call.state, where).accounts
    found = [_shown(call, account, where) for _, account in sorted(accounts.items())]
    return {"kind": "sql#usersList"} | ({"items": found} if found else {})


def _update_user(call: Call) -> Answer:
    running(call)
    account = _subject(call)
    added = call.request.query.get("databaseRoles", [])  # those of the body are ignored, as documented
    kept = [] if call.flag("revokeExistingRoles") else account["roles"]
    roles = [*kept, *(role for role in added if role not in kept)]
    return operation(
        call,
        "UPDATE_USER",
        "sqladmin.user_made",
        {"name": account["name"], "host": account["host"], "roles": roles},
    )


def _delete_user(call: Call) -> Answer:
    running(call)
    name, host = call.query("name"), call.query("host")
    server = _server(call.state, place(call))
    found = (
        server.account(name, host) if host or name == "root" else server.account(name, "%") or server.account(name, "")
    )
    if found is None:
        raise _rdbms(1396, f"Operation DROP USER failed for '{name}'@'{host}'")
    return operation(call, "DELETE_USER", "sqladmin.user_gone", {"name": name, "host": found["host"]})


def _execute_sql(call: Call) -> Answer:
    instance, where = running(call), place(call)
    if family(instance) == "SQLSERVER":
        raise GoogleError(400, "Invalid request: executeSql is not supported for SQL Server.", reason="invalid")
    if instance["settings"].get("dataApiAccess") != "ALLOW_DATA_API":
        raise GoogleError(400, "The instance doesn't allow using executeSql to access this instance.", reason="invalid")
    by_iam = any(flag in instance["settings"].get("databaseFlags", ()) for flag in _IAM_FLAGS)
    if call.body.get("autoIamAuthn") and not by_iam:
        raise GoogleError(400, "IAM authentication is not enabled for the instance.", reason="invalid")
    return _execute(call, where)


def _user_made(ending: Ending) -> None:
    place, args = ending.args["place"], ending.args
    free(ending)
    if ending.failed:
        return
    server = _server(ending.state, place)
    email = {"iamEmail": args["iamEmail"]} if "iamEmail" in args else {}
    account = server.account(args["name"], args["host"]) or server.add(
        args["name"], args["host"], type=args.get("type", "BUILT_IN"), **email
    )
    if args["roles"] is not None:
        account["roles"] = args["roles"]
    _save(ending.state, place, server)


def _user_gone(ending: Ending) -> None:
    place = ending.args["place"]
    free(ending)
    if not ending.failed:
        server = _server(ending.state, place)
        server.accounts.pop(f"{ending.args['name']}@{ending.args['host']}", None)
        _save(ending.state, place, server)


FINISHERS: dict[str, Finisher] = {"sqladmin.user_made": _user_made, "sqladmin.user_gone": _user_gone}


# --- executeSql ------------------------------------------------------------------------------------------------


def _execute(call: Call, place: str) -> Json:
    """Run the statements in order; the first that fails ends the run and is told in `status`, as documented.

    Without `user` or `autoIamAuthn` the caller acts as the administrator, as no client of Google's could. The codes in
    `status` are ours: no recording has one.
    """
    server = _server(call.state, place)
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
    _save(call.state, place, server)
    _save_databases(call, place, server, before)
    return answer


def _caller(server: Server) -> Who:
    """Callers are anonymous here, so any user of IAM is the caller's; without one nobody may log in."""
    for _, account in sorted(server.accounts.items()):
        if account.get("type") in _IAM:
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


METHODS: dict[str, Behaviour] = {
    "sql.users.insert": _insert_user, "sql.users.get": _get_user, "sql.users.list": _list_users,
    "sql.users.update": _update_user, "sql.users.delete": _delete_user, "sql.instances.executeSql": _execute_sql,
}  # fmt: skip
