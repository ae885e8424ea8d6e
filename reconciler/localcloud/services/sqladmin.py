"""Cloud SQL Admin v1beta4 and v1: instances, databases, users and operations.

One operation at a time per instance: a second one is refused (409 operationInProgress), as the real one does.
`settingsVersion` is kept and counted but not demanded: the recordings carry a normalised one.
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic, sql_accounts
from reconciler.localcloud.services.sql_defaults import complete, flags, tiers
from reconciler.localcloud.values import Json, digits, etag_like, hexadecimal, milliseconds, uuid_like

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_IMMUTABLE = ("region", "name", "instanceType")


def place(call: Call) -> str:
    """`projects/<number>/instances/<name>` of the call."""
    return projects.canonical(call.state, f"projects/{call.params['project']}/instances/{call.params['instance']}")


def project_id(call: Call) -> str:
    return str(
        (projects.find(call.state, call.params["project"]) or {"projectId": call.params["project"]})["projectId"]
    )


def link(call: Call, rest: str) -> str:
    return f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project_id(call)}/{rest}"


def load(call: Call) -> Json:
    row = call.state.get(f"sqladmin.instances/{place(call)}")
    if row is None:
        raise GoogleError(404, "The Cloud SQL instance does not exist.", reason="instanceDoesNotExist")
    return row


def running(call: Call) -> Json:
    row = load(call)
    if row["state"] != "RUNNABLE":
        raise GoogleError(400, "Invalid request: Invalid request since instance is not running.", reason="invalid")
    return row


def operation(call: Call, kind: str, finisher: str, args: Json) -> Json:
    """Start the one operation that the instance may have. GoogleError 409 while another is running."""
    where = place(call)
    busy = call.state.get(f"sqladmin.busy/{where}")
    if busy is not None:
        raise GoogleError(
            409,
            "Operation failed because another operation was already in progress. Try your request after the current "
            "operation is complete.",
            reason="operationInProgress",
        )
    own = uuid_like(call.rng)
    name = f"projects/{call.params['project']}/operations/{own}"
    extra: Json = {
        "kind": "sql#operation", "name": own, "operationType": kind, "targetId": call.params["instance"],
        "targetProject": project_id(call), "targetLink": link(call, f"instances/{call.params['instance']}"),
        "selfLink": link(call, f"operations/{own}"), "user": "user@example.com", "insertTime": milliseconds(call.now),
    }  # fmt: skip
    row = operations.start(call, Work(name, finisher, {**args, "place": where}, extra=extra))
    call.state.put(f"sqladmin.busy/{where}", {"operation": own})
    return {**extra, "status": "PENDING"} if not row["done"] else shown(row)


def shown(row: Json) -> Json:
    """An operation in Cloud SQL's own shape: an error is a list, and DONE says nothing about success."""
    started, ended = milliseconds(row["started"]), milliseconds(row["ends"])
    result = {**row["extra"], "status": "DONE" if row["done"] else "RUNNING", "startTime": started}
    if row["done"]:
        result["endTime"] = ended
    if "error" in row:
        code = "INTERNAL_ERROR" if row["error"]["code"] == 13 else "ERROR_RDBMS"
        result["error"] = {
            "kind": "sql#operationErrors",
            "errors": [{"kind": "sql#operationError", "code": code, "message": row["error"]["message"]}],
        }
    return result


# --- instances -------------------------------------------------------------------------------------------------


def _insert(call: Call) -> Answer:
    own = call.body.get("name", "")
    if not _NAME.fullmatch(own) or len(f"{project_id(call)}:{own}") > 98:
        raise GoogleError(400, f"Invalid request: Invalid instance name ({own}).", reason="invalid")
    call.params["instance"] = own
    if call.state.get(f"sqladmin.instances/{place(call)}") is not None:
        raise GoogleError(409, "The Cloud SQL instance already exists. When you delete an instance, you can't reuse the name of the deleted instance until one week from the deletion date.", reason="instanceAlreadyExists")  # fmt: skip
    if not call.body.get("settings", {}).get("tier"):
        raise GoogleError(400, "Invalid request: Missing parameter: tier.", reason="required")
    row = {name: value for name, value in call.body.items() if name != "rootPassword"}
    number = str((projects.find(call.state, call.params["project"]) or {})["number"])
    complete(row, project_id(call), number, milliseconds(call.now))
    row |= {
        "name": own,
        "state": "PENDING_CREATE",
        "selfLink": link(call, f"instances/{own}"),
        "etag": hexadecimal(call.rng, 64),
    }
    row["serviceAccountEmailAddress"] = f"p{number}-{hexadecimal(call.rng, 6)}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    address = f"10.{call.rng.randrange(1, 250)}.{call.rng.randrange(250)}.{call.rng.randrange(2, 250)}"
    call.state.put(f"sqladmin.instances/{place(call)}", row)
    return operation(call, "CREATE", "sqladmin.created", {"address": address, "fingerprint": hexadecimal(call.rng, 40)})


def _created(ending: Ending) -> None:
    key = f"sqladmin.instances/{ending.args['place']}"
    row = ending.state.get(key)
    _free(ending)
    if row is None:
        return
    row["state"] = "FAILED" if ending.failed else "RUNNABLE"
    network = row["settings"]["ipConfiguration"]
    row["ipAddresses"] = (
        [{"type": "PRIMARY", "ipAddress": "34." + ending.args["address"][3:]}] if network.get("ipv4Enabled") else []
    )
    if row["databaseVersion"].startswith("POSTGRES") and network.get("ipv4Enabled"):
        row["ipAddresses"].append({"type": "OUTGOING", "ipAddress": "35." + ending.args["address"][3:]})
    if network.get("privateNetwork"):
        row["ipAddresses"].append({"type": "PRIVATE", "ipAddress": ending.args["address"]})
    row["serverCaCert"] = {
        "kind": "sql#sslCert", "certSerialNumber": "0", "instance": row["name"], "sha1Fingerprint": ending.args["fingerprint"],
        "commonName": "C=US,O=Google\\, Inc,CN=Google Cloud SQL Server CA", "createTime": ending.stamp,
        "expirationTime": f"{int(ending.stamp[:4]) + 10}{ending.stamp[4:]}",
        "cert": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    }  # fmt: skip
    ending.state.put(key, row)
    if not ending.failed:
        sql_accounts.install(ending.state, ending.args["place"], row)


def _free(ending: Ending) -> None:
    ending.state.delete(f"sqladmin.busy/{ending.args['place']}")


def _change(call: Call, wish: Json) -> Answer:
    """patch and update. What cannot change in place is refused here, before an operation exists."""
    row = load(call)
    if row["state"] not in ("RUNNABLE", "STOPPED", "SUSPENDED"):
        raise GoogleError(400, "Invalid request: Invalid request since instance is not running.", reason="invalid")
    for name in _IMMUTABLE:
        if name in wish and wish[name] != row.get(name):
            raise GoogleError(
                400, f"Invalid request: {name} of an instance cannot be changed after creation.", reason="invalid"
            )
    settings = wish.get("settings", {})
    smaller = int(settings.get("dataDiskSizeGb") or row["settings"]["dataDiskSizeGb"]) < int(
        row["settings"]["dataDiskSizeGb"]
    )
    if smaller:
        raise GoogleError(400, "Invalid request: Disk size cannot be decreased.", reason="invalid")
    changed = merged(
        row, {name: value for name, value in wish.items() if name not in ("etag", "state", "selfLink", "project")}
    )
    # PUT replaces the settings as a whole: what is left out is gone. PATCH merges, and null removes.
    if call.method.name == "update" and settings:
        changed["settings"] = dict(settings)
    complete(changed, project_id(call), "", row["createTime"])
    changed["settings"]["settingsVersion"] = str(int(row["settings"]["settingsVersion"]) + 1)
    changed |= {"etag": hexadecimal(call.rng, 64), "state": row["state"]}
    return operation(call, "UPDATE", "sqladmin.changed", {"row": changed})


def _changed(ending: Ending) -> None:
    key = f"sqladmin.instances/{ending.args['place']}"
    _free(ending)
    if ending.state.get(key) is not None and not ending.failed:
        row = ending.args["row"]
        row["state"] = "STOPPED" if row["settings"].get("activationPolicy") == "NEVER" else "RUNNABLE"
        ending.state.put(key, row)


def _update(call: Call) -> Answer:
    return _change(call, call.body)


def _get(call: Call) -> Answer:
    return load(call)


def _list(call: Call) -> Answer:
    prefix = projects.canonical(call.state, f"projects/{call.params['project']}")
    found, token = generic.page(
        call, call.state.scan(f"sqladmin.instances/{prefix}/", generic.start_of(call)), default=500, most=500
    )
    return (
        {"kind": "sql#instancesList"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


def _delete(call: Call) -> Answer:
    row = load(call)
    if row["settings"].get("deletionProtectionEnabled"):
        raise GoogleError(400, "The instance is protected. Please disable the deletion protection and try again. To disable deletion protection, update the instance settings with deletionProtectionEnabled set to false.", reason="invalid")  # fmt: skip
    answer = operation(call, "DELETE", "sqladmin.deleted", {})
    call.state.put(f"sqladmin.instances/{place(call)}", {**row, "state": "PENDING_DELETE"})
    return answer


def _deleted(ending: Ending) -> None:
    where = ending.args["place"]
    _free(ending)
    key = f"sqladmin.instances/{where}"
    if ending.failed:
        ending.state.put(key, {**(ending.state.get(key) or {}), "state": "RUNNABLE"})
        return
    for child, _ in list(ending.state.scan(f"sqladmin.databases/{where}/")):
        ending.state.delete(child)
    ending.state.delete(key)
    ending.state.delete(f"sqladmin.accounts/{where}")


def _restart(call: Call) -> Answer:
    running(call)
    return operation(call, "RESTART", "sqladmin.nothing", {})


def _nothing(ending: Ending) -> None:
    _free(ending)


# --- databases -------------------------------------------------------------------------------------------------


def _database_key(call: Call, own: str) -> str:
    return f"sqladmin.databases/{place(call)}/databases/{own}"


def _insert_database(call: Call) -> Answer:
    running(call)
    own = call.body.get("name", "")
    if not own or len(own) > 64:
        raise GoogleError(400, f"Invalid request: Invalid database name ({own}).", reason="invalid")
    if call.state.get(_database_key(call, own)) is not None:
        raise GoogleError(400, f"Invalid request: failed to create database {own}. Detail: Error 1007 (HY000): Can't create database '{own}'; database exists.", reason="invalid")  # fmt: skip
    row = sql_accounts.database_row(call.state, place(call), own, etag_like(call.rng, 48))
    row |= {name: call.body[name] for name in ("charset", "collation") if call.body.get(name)}
    return operation(call, "CREATE_DATABASE", "sqladmin.database_made", {"name": own, "row": row})


def _database_made(ending: Ending) -> None:
    _free(ending)
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
    _free(ending)
    if not ending.failed:
        ending.state.delete(f"sqladmin.databases/{ending.args['place']}/databases/{ending.args['name']}")


# --- the rest --------------------------------------------------------------------------------------------------


def _get_operation(call: Call) -> Answer:
    key = operations.key_of(
        call.state, "sqladmin", f"projects/{call.params['project']}/operations/{call.params['operation']}"
    )
    row = call.state.get(key)
    if row is None:
        raise GoogleError(404, "The Cloud SQL instance operation does not exist.", reason="operationDoesNotExist")
    return shown(row)


def _list_operations(call: Call) -> Answer:
    prefix = operations.key_of(call.state, "sqladmin", f"projects/{call.params['project']}/operations/")
    wanted = call.query("instance")
    rows = [row for _, row in call.state.scan(prefix) if wanted in ("", row["extra"]["targetId"])]
    rows.sort(key=lambda row: -row["started"])
    start = (
        int(call.query("pageToken") or 0) if call.query("pageToken").isdigit() or not call.query("pageToken") else -1
    )
    if start < 0:
        raise invalid("Invalid page token.")
    size = call.whole("maxResults", 100) or 100
    found = [shown(row) for row in rows[start : start + size]]
    more = {"nextPageToken": str(start + size)} if start + size < len(rows) else {}
    return {"kind": "sql#operationsList"} | ({"items": found} if found else {}) | more


def _flags(call: Call) -> Answer:
    return {"kind": "sql#flagsList", "items": flags(call.query("databaseVersion"))}


def _tiers(_: Call) -> Answer:
    return {"kind": "sql#tiersList", "items": tiers()}


def _insert_backup(call: Call) -> Answer:
    running(call)
    own = digits(call.rng, 13)
    row: Json = {
        "kind": "sql#backupRun", "id": own, "instance": call.params["instance"], "type": "ON_DEMAND", "status": "RUNNING",
        "description": call.body.get("description", ""), "enqueuedTime": milliseconds(call.now), "startTime": milliseconds(call.now),
        "location": call.body.get("location", "us"), "backupKind": "SNAPSHOT",
        "selfLink": link(call, f"instances/{call.params['instance']}/backupRuns/{own}"),
    }  # fmt: skip
    key = f"sqladmin.backupRuns/{place(call)}/backupRuns/{own}"
    call.state.put(key, row)
    return operation(call, "BACKUP_VOLUME", "sqladmin.backed_up", {"key": key})


def _backed_up(ending: Ending) -> None:
    _free(ending)
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


_ENDS: dict[str, Finisher] = {
    "created": _created, "changed": _changed, "deleted": _deleted, "nothing": _nothing, "backed_up": _backed_up,
    "database_made": _database_made, "database_gone": _database_gone,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {f"sqladmin.{name}": end for name, end in _ENDS.items()} | sql_accounts.FINISHERS
METHODS = {
    "sql.instances.insert": _insert, "sql.instances.get": _get, "sql.instances.list": _list, "sql.instances.patch": _update,
    "sql.instances.update": _update, "sql.instances.delete": _delete, "sql.instances.restart": _restart,
    "sql.databases.insert": _insert_database, "sql.databases.get": _get_database, "sql.databases.list": _list_databases,
    "sql.databases.patch": _patch_database, "sql.databases.update": _patch_database, "sql.databases.delete": _delete_database,
    "sql.operations.get": _get_operation, "sql.operations.list": _list_operations, "sql.flags.list": _flags, "sql.tiers.list": _tiers,
    "sql.backupRuns.insert": _insert_backup, "sql.backupRuns.list": _list_backups,
    **sql_accounts.methods(running, place, operation),
}  # fmt: skip
