"""The backups of a project: the newer API for the same runs, and those that outlive their instance."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, not_found
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin import accounts
from reconciler.localcloud.services.sqladmin.backups import (
    DAY,
    LINK,
    begin_run,
    data_key,
    find_run,
    new_run,
    paged,
    remove_run,
    run_key,
    runs_of,
)
from reconciler.localcloud.services.sqladmin.filters import matches
from reconciler.localcloud.services.sqladmin.target import (
    amend,
    free,
    key,
    name_of,
    operation,
    place,
    project_id,
    refused,
    running,
)
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, milliseconds


def _project_of(call: Call) -> str:
    """The project of `parent` or `name`, or the one that the call names by itself."""
    return call.subject.split("/")[1] if call.subject.startswith("projects/") else call.params.get("project", "")


def _addressed(call: Call, instance: str) -> str:
    call.params = {**call.params, "project": _project_of(call), "instance": instance}
    return place(call)


def _shown(state: State, run: Json, project: str, more: Json) -> Json:
    """A run as the Backups API shows it. Its id there is made from the instance and the run."""
    own = f"projects/{project}/backups/{_uid(run)}"
    states = {"RUNNING": "RUNNING", "SUCCESSFUL": "SUCCESSFUL", "FAILED": "FAILED"}
    shown: Json = {
        "kind": "sql#backup", "name": own, "selfLink": f"{LINK}{own}", "type": run["type"],
        "instance": run["instance"],
        "state": states.get(run["status"], "SUCCESSFUL"), "location": run["location"], "backupKind": "SNAPSHOT",
        "databaseVersion": run["databaseVersion"], "maxChargeableBytes": "0", "satisfiesPzi": True,
        "backupRun": f"projects/{project}/instances/{run['instance']}/backupRuns/{run['id']}",
        "backupInterval": {"startTime": run["startTime"], **({"endTime": run["endTime"]} if "endTime" in run else {})},
    }  # fmt: skip
    if "diskEncryptionConfiguration" in run:
        shown |= {
            "kmsKey": run["diskEncryptionConfiguration"]["kmsKeyName"],
            "kmsKeyVersion": run["diskEncryptionStatus"]["kmsKeyVersionName"],
        }
    settings = state.get(key(projects.canonical(state, f"projects/{project}/instances/{run['instance']}")))
    shown |= {"instanceSettings": settings} if settings else {}
    return shown | ({"description": run["description"]} if "description" in run else {}) | more


def _uid(run: Json) -> str:
    return f"{run['instance']}-{run['id']}"


def _all(call: Call, project: str) -> Iterator[Json]:
    """Every backup of the project: {"run", "more"}; those of deleted instances are kept as rows of their own."""
    home = projects.canonical(call.state, f"projects/{project}")
    for _, row in call.state.scan(f"sqladmin.instances/{home}/"):
        where = f"{home}/instances/{row['name']}"
        for run in runs_of(call, where, row):
            yield {"run": run, "more": call.state.get(f"sqladmin.backups/{home}/notes/{_uid(run)}") or {}}
    for _, kept in call.state.scan(f"sqladmin.backups/{home}/kept/"):
        yield kept


def _backup_of(call: Call, name: str) -> Json:
    """The backup `projects/*/backups/*`, of whatever project the name says. GoogleError 404."""
    parts = name.split("/")
    for backup in _all(call, parts[1] if len(parts) == 4 else _project_of(call)):
        if _uid(backup["run"]) == name.rsplit("/", 1)[-1]:
            return backup
    raise not_found("The backup does not exist.")


def _create_backup(call: Call) -> Answer:
    instance = call.body.get("instance", "").rsplit("/", 1)[-1]
    where = _addressed(call, instance or "-")
    number, began = begin_run(call, call.body.get("description", ""), call.body.get("location", ""))
    home, uid = where.split("/instances/")[0], f"{instance}-{number}"
    _note(call, f"sqladmin.backups/{home}/notes/{uid}")
    began["backupContext"]["name"] = f"projects/{project_id(call)}/backups/{uid}"
    return began


def _note(call: Call, where: str) -> None:
    """When a backup goes by itself: at a time, or after days."""
    days, until = call.body.get("ttlDays", ""), call.body.get("expiryTime", "")
    if days and days.isdecimal() and len(days) < 6:
        until = milliseconds(call.now + int(days) * DAY)
    if until:
        call.state.put(where, {"expiryTime": until})


def _list_backups(call: Call) -> Answer:
    call.params = {**call.params, "project": _project_of(call)}
    wanted, project = matches(call.query("filter")), project_id(call)
    rows = [_shown(call.state, backup["run"], project, backup["more"]) for backup in _all(call, project)]
    rows.sort(key=lambda row: (row["backupInterval"]["startTime"], row["name"]), reverse=True)
    found, token = paged(call, [row for row in rows if wanted(row)])
    return ({"backups": found} if found else {}) | token


def _get_backup(call: Call) -> Answer:
    call.params = {**call.params, "project": _project_of(call)}
    backup = _backup_of(call, call.params["name"])
    return _shown(call.state, backup["run"], project_id(call), backup["more"])


def _kept_key(where: str, run: Json) -> str:
    return f"sqladmin.backups/{where.split('/instances/', maxsplit=1)[0]}/kept/{_uid(run)}"


def _update_backup(call: Call) -> Answer:
    run = _backup_of(call, call.params["name"])["run"]
    where = _addressed(call, run["instance"])
    stored = call.state.get(run_key(where, run["id"]))
    if stored is not None and "description" in call.body:
        call.state.put(run_key(where, run["id"]), {**stored, "description": call.body["description"]})
    _note(call, f"sqladmin.backups/{where.split('/instances/')[0]}/notes/{_uid(run)}")
    return operation(call, "UPDATE_BACKUP", "sqladmin.nothing", {})


def _delete_backup(call: Call) -> Answer:
    run = _backup_of(call, call.params["name"])["run"]
    where = _addressed(call, run["instance"])
    if call.state.get(_kept_key(where, run)) is not None:
        return operation(call, "DELETE_BACKUP", "sqladmin.kept_gone", {"key": _kept_key(where, run)})
    return remove_run(call, run)


def _kept_gone(ending: Ending) -> None:
    free(ending)
    if not ending.failed:
        ending.state.delete(ending.args["key"])


def _restore(call: Call) -> Answer:
    """Bring a run's data into this instance, or into another one of the same engine."""
    row = running(call)
    if row.get("replicaNames"):
        said = "The requested operation is not valid for a replication master instance."
        raise GoogleError(400, said, reason="errorReplicationMasterInvalidOperation")
    context, backup = call.body.get("restoreBackupContext", {}), call.body.get("backup", "")
    if backup:
        found = _backup_of(call, backup)
        run, content = found["run"], found.get("content")
        home, own = backup.split("/")[1] if "/" in backup else call.params["project"], run["instance"]
    else:
        home = context.get("project") or call.params["project"]
        own = context.get("instanceId") or call.params["instance"]
        source = projects.canonical(call.state, f"projects/{home}/instances/{own}")
        run, content = find_run(call, source, context.get("backupRunId", "")), None
    if run["status"] != "SUCCESSFUL":
        raise refused("The backup run is not successful, so it cannot be restored.")
    if engine(run["databaseVersion"]) != engine(row["databaseVersion"]):
        raise refused("The backup is of another database engine than the instance.")
    where = projects.canonical(call.state, f"projects/{home}/instances/{own}")
    # An automatic run is told from the clock and holds nothing: restoring it leaves the databases as they are.
    content = content or call.state.get(data_key(where, run["id"]))
    return operation(call, "RESTORE_VOLUME", "sqladmin.restored", {"content": content})


def _restored(ending: Ending) -> None:
    free(ending)
    row = ending.state.get(key(ending.args["place"]))
    if row is None or ending.failed:
        return
    if ending.args["content"] is not None:
        accounts.filled(ending.state, ending.args["place"], ending.args["content"])
    amend(ending, ending.args["place"], {})


# --- when an instance goes -------------------------------------------------------------------------------------


def keep_final(ending: Ending, row: Json, final: Json) -> None:
    """The last backup of an instance that is being deleted; it outlives it."""
    now = ending.moment.now
    run = new_run(row, str(int(now * 1000)), now) | {
        "type": "FINAL",
        "status": "SUCCESSFUL",
        "endTime": milliseconds(now),
    }
    run |= {"description": final["description"]} if final.get("description") else {}
    _keep(ending, row, run, accounts.held(ending.state, ending.args["place"]))


def _keep(ending: Ending, row: Json, run: Json, content: Json | None) -> None:
    more = {"instanceDeletionTime": milliseconds(ending.moment.now), "instanceSettings": row}
    ending.state.put(_kept_key(ending.args["place"], run), {"run": run, "more": more, "content": content})


def remove_backups(ending: Ending, row: Json) -> None:
    """Runs go with their instance, unless its settings retain them as backups of the project."""
    where = ending.args["place"]
    if row["settings"].get("retainBackupsOnDelete"):
        for run in runs_of(ending.moment, where, row):
            _keep(ending, row, run, ending.state.get(data_key(where, run["id"])))
    for collection in ("backupRuns", "backupData"):
        for name, _ in list(ending.state.scan(f"sqladmin.{collection}/{where}/")):
            ending.state.delete(name)
    home, own = where.split("/instances/")[0], name_of(where)
    for name, _ in list(ending.state.scan(f"sqladmin.backups/{home}/notes/{own}-")):
        if name.rpartition(f"/{own}-")[2].isdecimal():  # not those of an instance whose name only begins alike
            ending.state.delete(name)


FINISHERS: dict[str, Finisher] = {"sqladmin.kept_gone": _kept_gone, "sqladmin.restored": _restored}
_BACKUPS: dict[str, Behaviour] = {
    "createBackup": _create_backup, "getBackup": _get_backup, "listBackups": _list_backups,
    "updateBackup": _update_backup, "deleteBackup": _delete_backup,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    # v1 writes `sql.Backups.CreateBackup`, v1beta4 `sql.backups.createBackup`.
    f"sql.{collection}.{name if collection == 'backups' else name[0].upper() + name[1:]}": behaviour
    for collection in ("backups", "Backups")
    for name, behaviour in _BACKUPS.items()
} | {"sql.instances.restoreBackup": _restore}
