"""Cloud SQL users, and the accounts and databases that an instance begins with.

A user made through the Admin API gets the role cloudsqlsuperuser, and with it every database of the instance, as
Google does (https://cloud.google.com/sql/docs/mysql/users); one made by SQL may do nothing until it is granted.

Users of IAM as documented in "MCP Tools Reference: cloud-sql" (create_user, update_user) and in the discovery document;
the refusals of an insert as quoted in the issues of Terraform's provider. Passwords are not kept: nobody logs in here.
"""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin.mysql_privileges import SUPER_ROLE, Server
from reconciler.localcloud.services.sqladmin.target import free, key, operation, place, refused, running
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_ADMINISTRATORS = {"MYSQL": "root", "POSTGRES": "postgres", "SQLSERVER": "sqlserver"}
# Logins that every SQL Server has beside the administrator (recording).
_MICROSOFT = ("##MS_PolicyEventProcessingLogin##", "##MS_PolicyTsqlExecutionLogin##")
_SQLSERVER_ROLE = "CustomerDbRootRole"
IAM_TYPES = ("CLOUD_IAM_SERVICE_ACCOUNT", "CLOUD_IAM_USER", "CLOUD_IAM_GROUP")
_SERVICE_ACCOUNTS = ".gserviceaccount.com"
# hashicorp/terraform-provider-google#14019.
_WITH_SUFFIX = (
    'Database username for Cloud IAM service account should be created without ".gserviceaccount.com" suffix.'
)
# Longest names: MySQL's own limit, PostgreSQL's NAMEDATALEN, SQL Server's sysname.
_LONGEST = {"MYSQL": 32, "POSTGRES": 63, "SQLSERVER": 128}


def family(instance: Json) -> str:
    return engine(str(instance.get("databaseVersion", "MYSQL_8_0")))


def install(state: State, place: str, instance: Json) -> None:
    """The accounts that every new instance has, and the databases that come with it."""
    server, kind = Server(), family(instance)
    server.add(
        _ADMINISTRATORS.get(kind, "root"), "" if kind != "MYSQL" else "%", roles=[SUPER_ROLE], type="BUILT_IN"
    )  # fmt: skip
    if kind == "SQLSERVER":
        for name in _MICROSOFT:
            server.add(name, "", type="BUILT_IN", disabled=True)
    if kind == "POSTGRES":
        state.put(f"sqladmin.databases/{place}/databases/postgres", database_row(state, place, "postgres", "initial"))
    saved(state, place, server)


def held(state: State, place: str) -> Json:
    """What a server has: its accounts, and its databases by name."""
    rows = [row for _, row in state.scan(f"sqladmin.databases/{place}/databases/")]
    kept = ("name", "charset", "collation", "etag")
    return {
        "accounts": server_of(state, place).accounts,
        "databases": [{field: row[field] for field in kept} for row in rows],
    }


def filled(state: State, place: str, content: Json) -> None:
    """Have a server hold exactly `content`: what a replica, a clone or a restore brings."""
    for name, _ in list(state.scan(f"sqladmin.databases/{place}/databases/")):
        state.delete(name)
    for row in content["databases"]:
        own = database_row(state, place, row["name"], row["etag"]) | row
        state.put(f"sqladmin.databases/{place}/databases/{row['name']}", own)
    saved(state, place, Server(content["accounts"]))


def database_row(state: State, place: str, name: str, etag: str) -> Json:
    """A database as the Admin API shows it, with the character set that its engine begins with."""
    instance = state.get(key(place)) or {}
    old = instance.get("databaseVersion") in ("MYSQL_5_6", "MYSQL_5_7")
    charset, collation = {
        "MYSQL": ("utf8", "utf8_general_ci") if old else ("utf8mb4", "utf8mb4_0900_ai_ci"),
        "POSTGRES": ("UTF8", "en_US.UTF8"),
    }.get(family(instance), ("", instance.get("settings", {}).get("collation") or "SQL_Latin1_General_CP1_CI_AS"))
    project = projects.with_id(state, place).split("/")[1]
    own = place.rsplit("/", 1)[1]
    row: Json = {
        "kind": "sql#database", "name": name, "charset": charset, "collation": collation, "etag": etag, "instance": own,
        "project": project,
        "selfLink": f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{own}/databases/{name}",
    }  # fmt: skip
    if family(instance) == "SQLSERVER":
        row["sqlserverDatabaseDetails"] = {"compatibilityLevel": 150, "recoveryModel": "FULL"}
    return row


# Databases that every server has beside those of its users (output of `gcloud sql databases list`, recalled).
_SYSTEM = {
    "MYSQL": ("information_schema", "mysql", "performance_schema", "sys"),
    "SQLSERVER": ("master", "model", "msdb", "tempdb"),
}


def system_databases(state: State, place: str) -> list[Json]:
    """The databases of the server itself, as the Admin API lists them; nobody made them and nobody can delete them."""
    instance = state.get(key(place)) or {}
    rows = [database_row(state, place, name, "system") for name in _SYSTEM.get(family(instance), ())]
    for row in rows:
        if row["name"] in ("information_schema", "mysql"):
            row |= {"charset": "utf8mb3", "collation": "utf8mb3_general_ci"}
    return rows


def server_of(state: State, place: str) -> Server:
    stored = state.get(f"sqladmin.accounts/{place}") or {"accounts": {}}
    databases = {row["name"]: row for _, row in state.scan(f"sqladmin.databases/{place}/databases/")}
    return Server(stored["accounts"], databases)


def saved(state: State, place: str, server: Server) -> None:
    state.put(f"sqladmin.accounts/{place}", {"accounts": server.accounts})


# --- what a user looks like ------------------------------------------------------------------------------------


def _shown(call: Call, instance: Json, account: Json) -> Json:
    """A user as lists show it: each engine has fields of its own (recordings)."""
    where, kind = place(call), family(instance)
    result: Json = {
        "kind": "sql#user", "name": account["name"], "host": account["host"], "instance": where.rsplit("/", 1)[1],
        "project": projects.with_id(call.state, where).split("/")[1], "etag": account.get("etag", "ACAB"),
    }  # fmt: skip
    built_in = account.get("type", "BUILT_IN") == "BUILT_IN"
    if kind == "MYSQL" and built_in:
        result |= {"host": "" if account["name"] == "root" else account["host"]}
    policy = account.get("passwordPolicy")
    if policy is not None or (kind == "MYSQL" and built_in):
        result["passwordPolicy"] = {**(policy or {}), "status": {}}
    if kind == "POSTGRES":
        result["iamStatus"] = "IAM_STATUS_UNSPECIFIED"
    if kind == "SQLSERVER":
        result["sqlserverUserDetails"] = (
            {"disabled": True} if account.get("disabled") else {"serverRoles": account.get("server", [_SQLSERVER_ROLE])}
        )
    if not built_in:
        result["type"] = account["type"]
        if kind == "MYSQL":
            result["iamEmail"] = account.get("iamEmail", account["name"])
    roles = [role for role in account["roles"] if role != SUPER_ROLE]
    return result | ({"databaseRoles": roles} if roles else {})


def _rdbms(number: int, message: str) -> GoogleError:
    return refused(f"Error {number}: {message}.")


# --- insert ----------------------------------------------------------------------------------------------------


def _insert_iam_user(call: Call, instance: Json, kind: str) -> Answer:
    """MySQL keeps what stands before the @, and the address as `iamEmail`; PostgreSQL keeps the address.

    PostgreSQL's name of a service account leaves out `.gserviceaccount.com`.
    """
    if call.body.get("password") or call.body.get("host"):
        raise refused("For IAM users, password or hostname should not be specified.")
    email, account = call.body.get("name", ""), kind == "CLOUD_IAM_SERVICE_ACCOUNT"
    postgres = family(instance) == "POSTGRES"
    if family(instance) == "SQLSERVER":
        raise refused("IAM database authentication is not supported for SQL Server instances.")
    if account and postgres and email.endswith(_SERVICE_ACCOUNTS):
        raise refused(_WITH_SUFFIX)
    whole = f"{email}{_SERVICE_ACCOUNTS}" if account and postgres else email
    name, _, domain = whole.partition("@")
    home = projects.canonical(call.state, f"projects/{domain.partition('.')[0]}")
    there = call.state.get(f"iam.serviceAccounts/{home}/serviceAccounts/{whole}") is not None
    if not domain or (account and not there):
        raise refused(f"Provided {kind}: {whole}, does not exist.")
    roles = call.body.get("databaseRoles") or [SUPER_ROLE]
    own = email if postgres else name
    made = {"name": own, "host": "" if postgres else "%", "roles": roles, "type": kind, "iamEmail": whole}
    return operation(call, "CREATE_USER", "sqladmin.user_made", made)


def _insert_user(call: Call) -> Answer:
    instance, name = running(call), call.body.get("name", "")
    if call.body.get("type") in IAM_TYPES:
        return _insert_iam_user(call, instance, call.body["type"])
    kind = family(instance)
    host = (call.body.get("host") or "%") if kind == "MYSQL" else ""
    if not name or len(name) > _LONGEST[kind]:
        raise refused(f"User name must be between 1 and {_LONGEST[kind]} characters long.")
    _check_password(instance, name, call.body.get("password", ""))
    made: Json = {"name": name, "host": host, "roles": None, "policy": call.body.get("passwordPolicy")}
    if server_of(call.state, place(call)).account(name, host) is None:
        # Inserting a user that is there changes its password, as the real API does.
        server_roles = call.body.get("serverRoles") or call.body.get("sqlserverUserDetails", {}).get("serverRoles")
        made |= {"roles": call.body.get("databaseRoles") or [SUPER_ROLE], "server": server_roles or [_SQLSERVER_ROLE]}
        made["type"] = call.body.get("type") or "BUILT_IN"
    return operation(call, "CREATE_USER", "sqladmin.user_made", made)


def _check_password(instance: Json, name: str, password: str) -> None:
    """The instance's own password policy; its words are ours."""
    policy = instance["settings"].get("passwordValidationPolicy", {})
    if not policy.get("enablePasswordPolicy") or not password:
        return
    plain = password.isalnum() and password in (password.lower(), password.upper())
    if (
        len(password) < policy.get("minLength", 0)
        or (policy.get("complexity") == "COMPLEXITY_DEFAULT" and plain)
        or (policy.get("disallowUsernameSubstring") and name.lower() in password.lower())
    ):
        raise refused("The password does not satisfy the password policy of the instance.")


# --- get, list, update, delete ---------------------------------------------------------------------------------


def _subject(call: Call) -> Json:
    name, host = call.query("name") or call.params.get("name", "") or call.body.get("name", ""), call.query("host")
    server = server_of(call.state, place(call))
    by_address = [account for account in server.accounts.values() if account.get("iamEmail") == name]
    found = server.account(name, host or "%") or server.account(name, host) or next(iter(by_address), None)
    if found is None:
        raise not_found("The user does not exist.")
    return found


def _get_user(call: Call) -> Answer:
    instance = running(call)
    return _shown(call, instance, _subject(call))


def _list_users(call: Call) -> Answer:
    instance = running(call)
    accounts = server_of(call.state, place(call)).accounts
    found = [_shown(call, instance, account) for _, account in sorted(accounts.items())]
    return {"kind": "sql#usersList"} | ({"items": found} if found else {})


def _update_user(call: Call) -> Answer:
    instance = running(call)
    account = _subject(call)
    _check_password(instance, account["name"], call.body.get("password", ""))
    added = call.request.query.get("databaseRoles", [])  # those of the body are ignored, as documented
    kept = [] if call.flag("revokeExistingRoles") else account["roles"]
    roles = [*kept, *(role for role in added if role not in kept)]
    made = {"name": account["name"], "host": account["host"], "roles": roles, "policy": call.body.get("passwordPolicy")}
    return operation(call, "UPDATE_USER", "sqladmin.user_made", made)


def _delete_user(call: Call) -> Answer:
    instance = running(call)
    name, host = call.query("name"), call.query("host")
    server = server_of(call.state, place(call))
    found = (
        server.account(name, host) if host or name == "root" else server.account(name, "%") or server.account(name, "")
    )
    if found is None:
        by_address = (account for account in server.accounts.values() if account.get("iamEmail") == name)
        found = next(by_address, None)
    if found is None and family(instance) == "MYSQL":
        raise _rdbms(1396, f"Operation DROP USER failed for '{name}'@'{host}'")
    if found is None:
        raise refused(f'failed to delete user {name}: . role "{name}" does not exist.')
    return operation(call, "DELETE_USER", "sqladmin.user_gone", {"name": found["name"], "host": found["host"]})


def _user_made(ending: Ending) -> None:
    place, args = ending.args["place"], ending.args
    free(ending)
    if ending.failed:
        return
    server = server_of(ending.state, place)
    email = {"iamEmail": args["iamEmail"]} if "iamEmail" in args else {}
    account = server.account(args["name"], args["host"]) or server.add(
        args["name"], args["host"], type=args.get("type", "BUILT_IN"), **email
    )
    if args["roles"] is not None:
        account["roles"] = args["roles"]
    for name, value in (("passwordPolicy", args.get("policy")), ("server", args.get("server"))):
        if value is not None:
            account[name] = value
    saved(ending.state, place, server)


def _user_gone(ending: Ending) -> None:
    place = ending.args["place"]
    free(ending)
    if not ending.failed:
        server = server_of(ending.state, place)
        server.accounts.pop(f"{ending.args['name']}@{ending.args['host']}", None)
        saved(ending.state, place, server)


FINISHERS: dict[str, Finisher] = {"sqladmin.user_made": _user_made, "sqladmin.user_gone": _user_gone}
METHODS: dict[str, Behaviour] = {
    "sql.users.insert": _insert_user, "sql.users.get": _get_user, "sql.users.list": _list_users,
    "sql.users.update": _update_user, "sql.users.delete": _delete_user,
}  # fmt: skip
