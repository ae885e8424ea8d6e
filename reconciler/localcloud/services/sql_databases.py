"""Databases and backup runs of Cloud SQL instances."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic, sql_accounts
from reconciler.localcloud.services.sql_common import free, link, load, operation, place, running
from reconciler.localcloud.values import Json, digits, etag_like, milliseconds

# --- databases -------------------------------------------------------------------------------------------------


def _database_key(call: Call, own: str) -> str:
    return f"sqladmin.databases/{place(call)}/databases/{own}"


def _insert_database(call: Call) -> Answer:
    running(call)
    own = call.body.get("name", "")
    if not own or len(own) > 64:
        raise GoogleError(400, f"Invalid request: Invalid database name ({own}).", reason="invalid")
    if call.state.get(_database_key(call, own)) is not None:
        detail = f"Error 1007 (HY000): Can't create database '{own}'; database exists."
        message = f"Invalid request: failed to create database {own}. Detail: {detail}"
        raise GoogleError(400, message, reason="invalid")
    row = sql_accounts.database_row(call.state, place(call), own, etag_like(call.rng, 48))
    row |= {name: call.body[name] for name in ("charset", "collation") if call.body.get(name)}
    return operation(call, "CREATE_DATABASE", "sqladmin.database_made", {"name": own, "row": row})


def _database_made(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.put(
            f"sqladmin.databases/{ending.args['place']}/databases/{ending.args['name']}", ending.args["row"]
        )


def _database(call: Call) -> Json:
    load(call)
    row = call.state.get(_database_key(call, call.params["database"]))
    if row is None:
        raise GoogleError(404, "Not Found", reason="notFound")
    return row


def _get_database(call: Call) -> Answer:
    running(call)
    return _database(call)


def _list_databases(call: Call) -> Answer:
    running(call)
    found = [row for _, row in call.state.scan(f"sqladmin.databases/{place(call)}/databases/")]
    return {"kind": "sql#databasesList"} | ({"items": found} if found else {})


def _patch_database(call: Call) -> Answer:
    row = {**_database(call), **{name: call.body[name] for name in ("charset", "collation") if call.body.get(name)}}
    return operation(call, "UPDATE_DATABASE", "sqladmin.database_made", {"name": row["name"], "row": row})


def _delete_database(call: Call) -> Answer:
    running(call)
    own = _database(call)["name"]
    return operation(call, "DELETE_DATABASE", "sqladmin.database_gone", {"name": own})


def _database_gone(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.delete(f"sqladmin.databases/{ending.args['place']}/databases/{ending.args['name']}")


# --- backups ---------------------------------------------------------------------------------------------------------


def _insert_backup(call: Call) -> Answer:
    running(call)
    own = digits(call.rng, 13)
    row: Json = {
        "kind": "sql#backupRun", "id": own, "instance": call.params["instance"], "type": "ON_DEMAND",
        "status": "RUNNING",
        "description": call.body.get("description", ""), "enqueuedTime": milliseconds(call.now),
        "startTime": milliseconds(call.now),
        "location": call.body.get("location", "us"), "backupKind": "SNAPSHOT",
        "selfLink": link(call, f"instances/{call.params['instance']}/backupRuns/{own}"),
    }  # fmt: skip
    key = f"sqladmin.backupRuns/{place(call)}/backupRuns/{own}"
    call.state.put(key, row)
    return operation(call, "BACKUP_VOLUME", "sqladmin.backed_up", {"key": key})


def _backed_up(ending: Ending) -> None:
    free(ending)
    row = ending.state.get(ending.args["key"])
    if row is not None:
        ending.state.put(
            ending.args["key"], {**row, "status": "FAILED" if ending.failed else "SUCCESSFUL", "endTime": ending.stamp}
        )


def _list_backups(call: Call) -> Answer:
    load(call)
    found, token = generic.page(call, call.state.scan(f"sqladmin.backupRuns/{place(call)}/", generic.start_of(call)))
    return (
        {"kind": "sql#backupRunsList"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


FINISHERS: dict[str, Finisher] = {
    "sqladmin.backed_up": _backed_up,
    "sqladmin.database_made": _database_made,
    "sqladmin.database_gone": _database_gone,
}
METHODS: dict[str, Behaviour] = {
    "sql.databases.insert": _insert_database, "sql.databases.get": _get_database, "sql.databases.list": _list_databases,
    "sql.databases.patch": _patch_database, "sql.databases.update": _patch_database,
    "sql.databases.delete": _delete_database, "sql.backupRuns.insert": _insert_backup,
    "sql.backupRuns.list": _list_backups,
}  # fmt: skip
