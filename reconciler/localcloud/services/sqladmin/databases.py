"""Databases of an instance."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin import accounts
from reconciler.localcloud.services.sqladmin.accounts import system_databases
from reconciler.localcloud.services.sqladmin.target import free, load, operation, place, refused, running
from reconciler.localcloud.values import Json, etag_like

# MySQL's own limit, PostgreSQL's NAMEDATALEN, SQL Server's sysname.
_LONGEST = {"MYSQL": 64, "POSTGRES": 63, "SQLSERVER": 128}


def _database_key(call: Call, own: str) -> str:
    return f"sqladmin.databases/{place(call)}/databases/{own}"


def _there(call: Call, own: str) -> Json | None:
    """A database that somebody made, or one that the server has of its own."""
    stored = call.state.get(_database_key(call, own))
    return stored or next((row for row in system_databases(call.state, place(call)) if row["name"] == own), None)


def _exists(instance: Json, own: str) -> GoogleError:
    """The database server's own words (MySQL: recording; the others: their servers' messages)."""
    said = {
        "MYSQL": f"Error 1007 (HY000): Can't create database '{own}'; database exists.",
        "POSTGRES": f'pq: database "{own}" already exists.',
        "SQLSERVER": f"mssql: Database '{own}' already exists. Choose a different database name.",
    }[accounts.family(instance)]
    return refused(f"failed to create database {own}. Detail: {said}")


def _insert_database(call: Call) -> Answer:
    instance, own = running(call), call.body.get("name", "")
    if not own or len(own) > _LONGEST[accounts.family(instance)]:
        raise refused(f"Invalid database name ({own}).")
    if _there(call, own) is not None:
        raise _exists(instance, own)
    row = accounts.database_row(call.state, place(call), own, etag_like(call.rng, 48))
    row |= {name: call.body[name] for name in ("charset", "collation") if call.body.get(name)}
    if "sqlserverDatabaseDetails" in row:
        row["sqlserverDatabaseDetails"] |= call.body.get("sqlserverDatabaseDetails", {})
    return operation(call, "CREATE_DATABASE", "sqladmin.database_made", {"name": own, "row": row})


def _database_made(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.put(
            f"sqladmin.databases/{ending.args['place']}/databases/{ending.args['name']}", ending.args["row"]
        )


def _database(call: Call) -> Json:
    load(call)
    row = _there(call, call.params["database"])
    if row is None:
        raise GoogleError(404, "Not Found", reason="notFound")
    return row


def _get_database(call: Call) -> Answer:
    running(call)
    return _database(call)


def _list_databases(call: Call) -> Answer:
    running(call)
    found = [row for _, row in call.state.scan(f"sqladmin.databases/{place(call)}/databases/")]
    found += system_databases(call.state, place(call))
    found.sort(key=lambda row: str(row["name"]))
    return {"kind": "sql#databasesList"} | ({"items": found} if found else {})


def _own(call: Call) -> Json:
    """A database that may be changed. GoogleError 400 for those of the server itself, in MySQL's words."""
    running(call)
    row = _database(call)
    if call.state.get(_database_key(call, row["name"])) is None:
        raise refused(f"Error 3552 (HY000): Access to system schema '{row['name']}' is rejected.")
    return row


def _patch_database(call: Call) -> Answer:
    row = {
        **_own(call),
        "etag": etag_like(call.rng, 48),
        **{name: call.body[name] for name in ("charset", "collation") if call.body.get(name)},
    }
    return operation(call, "UPDATE_DATABASE", "sqladmin.database_made", {"name": row["name"], "row": row})


def _delete_database(call: Call) -> Answer:
    own = _own(call)["name"]
    return operation(call, "DELETE_DATABASE", "sqladmin.database_gone", {"name": own})


def _database_gone(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.delete(f"sqladmin.databases/{ending.args['place']}/databases/{ending.args['name']}")


FINISHERS: dict[str, Finisher] = {
    "sqladmin.database_made": _database_made,
    "sqladmin.database_gone": _database_gone,
}
METHODS: dict[str, Behaviour] = {
    "sql.databases.insert": _insert_database, "sql.databases.get": _get_database, "sql.databases.list": _list_databases,
    "sql.databases.patch": _patch_database, "sql.databases.update": _patch_database,
    "sql.databases.delete": _delete_database,
}  # fmt: skip
