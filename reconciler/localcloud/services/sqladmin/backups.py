"""Backup runs of an instance, and restores from them or to a point in time.

An instance with backups enabled has an automatic one for each day since then, of which it keeps as many as its settings
say. They are told from the clock when somebody looks, so an idle cloud costs nothing. The shape of a run: samples.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call, Moment
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.sqladmin import accounts
from reconciler.localcloud.services.sqladmin.target import (
    free,
    key,
    load,
    operation,
    place,
    refused,
    running,
)  # fmt: skip
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.values import Json, milliseconds

DAY = 86_400
_BACKUP_SECONDS = 81
LINK = "https://sqladmin.googleapis.com/sql/v1beta4/"
_MULTI_REGIONS = {"us": "us", "northamerica": "us", "europe": "eu", "asia": "asia", "australia": "asia"}


# --- rows ------------------------------------------------------------------------------------------------------


def new_run(row: Json, number: str, began: float) -> Json:
    project, region = row["project"], row["region"].partition("-")[0]
    backup = row["settings"]["backupConfiguration"]
    run: Json = {
        "kind": "sql#backupRun", "id": number, "instance": row["name"], "type": "ON_DEMAND", "status": "RUNNING",
        "backupKind": "SNAPSHOT", "databaseVersion": row["databaseVersion"], "enqueuedTime": milliseconds(began),
        "startTime": milliseconds(began), "windowStartTime": milliseconds(began),
        "location": backup.get("location") or _MULTI_REGIONS.get(region, row["region"]),
        "selfLink": f"{LINK}projects/{project}/instances/{row['name']}/backupRuns/{number}",
    }  # fmt: skip
    if "diskEncryptionStatus" in row:
        run |= {name: row[name] for name in ("diskEncryptionConfiguration", "diskEncryptionStatus")}
    return run


def remember_schedule(ending: Ending, row: Json) -> None:
    """Since when an instance is backed up every day, and since when it can be recovered to a point in time."""
    where, backup = ending.args["place"], row["settings"]["backupConfiguration"]
    before = ending.state.get(f"sqladmin.schedule/{where}") or {}
    switch = "binaryLogEnabled" if engine(row["databaseVersion"]) == "MYSQL" else "pointInTimeRecoveryEnabled"
    wished = {"backups": backup["enabled"], "logs": backup["enabled"] and backup.get(switch, False)}
    since = {name: before.get(name, ending.moment.now) for name, on in wished.items() if on}
    if since != before:
        ending.state.put(f"sqladmin.schedule/{where}", since)


def _scheduled(moment: Moment, where: str, row: Json) -> Iterator[Json]:
    """The automatic runs that are still kept, newest first."""
    since = (moment.state.get(f"sqladmin.schedule/{where}") or {}).get("backups")
    if since is None:
        return
    backup = row["settings"]["backupConfiguration"]
    hours, minutes = (int(part) for part in backup["startTime"].split(":"))
    window = (moment.now // DAY) * DAY + hours * 3600 + minutes * 60
    for _ in range(backup["backupRetentionSettings"]["retainedBackups"]):
        while window + _BACKUP_SECONDS > moment.now:
            window -= DAY
        if window < since:
            return
        number = str(int(window * 1000))
        done = {"type": "AUTOMATED", "status": "SUCCESSFUL", "endTime": milliseconds(window + _BACKUP_SECONDS)}
        yield new_run(row, number, window) | done
        window -= DAY


def runs_of(moment: Moment, where: str, row: Json) -> list[Json]:
    """All runs of an instance, newest first."""
    stored = {run["id"]: run for _, run in moment.state.scan(f"sqladmin.backupRuns/{where}/")}
    automatic = {run["id"]: run for run in _scheduled(moment, where, row)}
    found = {number: run for number, run in (automatic | stored).items() if run.get("status") != "DELETED"}
    return sorted(found.values(), key=lambda run: (run["enqueuedTime"], run["id"]), reverse=True)


def data_key(where: str, number: str) -> str:
    """Where the content of a backup is kept: the accounts and databases of the server when it began."""
    return f"sqladmin.backupData/{where}/{number}"


def run_key(where: str, number: str) -> str:
    return f"sqladmin.backupRuns/{where}/backupRuns/{number}"


# --- backup runs -----------------------------------------------------------------------------------------------


def begin_run(call: Call, description: str, location: str) -> tuple[str, Json]:
    """Start a backup of the call's instance; the key of its run, and the operation."""
    row, where = running(call), place(call)
    number = int(call.now * 1000)
    while call.state.get(run_key(where, str(number))) is not None:
        number += 1
    run = new_run(row, str(number), call.now)
    run |= ({"description": description} if description else {}) | ({"location": location} if location else {})
    context = {"backupContext": {"kind": "sql#backupContext", "backupId": str(number)}}
    began = operation(call, "BACKUP_VOLUME", "sqladmin.backed_up", {"key": run_key(where, str(number))}, context)
    call.state.put(run_key(where, str(number)), run)
    call.state.put(data_key(where, str(number)), accounts.held(call.state, where))
    return str(number), began


def _insert(call: Call) -> Answer:
    return begin_run(call, call.body.get("description", ""), call.body.get("location", ""))[1]


def _backed_up(ending: Ending) -> None:
    free(ending)
    run = ending.state.get(ending.args["key"])
    if run is not None:
        status = "FAILED" if ending.failed else "SUCCESSFUL"
        ending.state.put(ending.args["key"], {**run, "status": status, "endTime": milliseconds(ending.moment.now)})


def _list(call: Call) -> Answer:
    row = load(call)
    found, token = paged(call, runs_of(call, place(call), row))
    return {"kind": "sql#backupRunsList"} | ({"items": found} if found else {}) | token


def paged(call: Call, rows: list[Json]) -> tuple[list[Json], Json]:
    after = generic.start_of(call)
    numbered = [(f"{position:09d}", row) for position, row in enumerate(rows)]
    found, token = generic.page(call, ((name, row) for name, row in numbered if name > after))
    return found, ({"nextPageToken": token} if token else {})


def find_run(call: Call, where: str, number: str) -> Json:
    row = call.state.get(key(where))
    if row is None:
        raise GoogleError(404, "The Cloud SQL instance does not exist.", reason="instanceDoesNotExist")
    for run in runs_of(call, where, row):
        if run["id"] == number:
            return run
    raise GoogleError(404, "The backup run does not exist.", reason="backupRunDoesNotExist")


def _get(call: Call) -> Answer:
    return find_run(call, place(call), call.params["id"])


def _delete(call: Call) -> Answer:
    run = find_run(call, place(call), call.params["id"])
    return remove_run(call, run)


def remove_run(call: Call, run: Json) -> Answer:
    context = {"backupContext": {"kind": "sql#backupContext", "backupId": run["id"]}}
    args = {"key": run_key(place(call), run["id"]), "run": run}
    return operation(call, "DELETE_BACKUP", "sqladmin.backup_gone", args, context)


def _backup_gone(ending: Ending) -> None:
    """An automatic run leaves a mark, or the clock would tell it again."""
    free(ending)
    if ending.failed:
        return
    if ending.args["run"]["type"] == "AUTOMATED":
        ending.state.put(ending.args["key"], {**ending.args["run"], "status": "DELETED"})
    else:
        ending.state.delete(ending.args["key"])
    ending.state.delete(data_key(ending.args["place"], ending.args["run"]["id"]))


# --- points in time -------------------------------------------------------------------------------------------------


def recovery_window(moment: Moment, row: Json) -> tuple[float | None, float]:
    """From when (None: not at all) to when an instance can be recovered to a point in time."""
    where = projects.canonical(moment.state, f"projects/{row['project']}/instances/{row['name']}")
    since = (moment.state.get(f"sqladmin.schedule/{where}") or {}).get("logs")
    if since is None:
        return None, moment.now
    kept = row["settings"]["backupConfiguration"]["transactionLogRetentionDays"] * DAY
    return max(since, moment.now - kept), moment.now


def _latest_recovery(call: Call) -> Answer:
    earliest, latest = recovery_window(call, load(call))
    if earliest is None:
        raise refused("Point-in-time recovery is not enabled for the instance.")
    return {
        "kind": "sql#getLatestRecoveryTime",
        "earliestRecoveryTime": milliseconds(earliest),
        "latestRecoveryTime": milliseconds(latest),
    }


FINISHERS: dict[str, Finisher] = {"sqladmin.backed_up": _backed_up, "sqladmin.backup_gone": _backup_gone}
METHODS: dict[str, Behaviour] = {
    "sql.backupRuns.insert": _insert, "sql.backupRuns.get": _get, "sql.backupRuns.list": _list,
    "sql.backupRuns.delete": _delete,     "sql.projects.instances.getLatestRecoveryTime": _latest_recovery,
}  # fmt: skip
