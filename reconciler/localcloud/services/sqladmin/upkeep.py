"""What else is done to a running instance: logs, encryption, disks, maintenance, reports, external sync.

An operation of Google's type that takes the instance's time; the light data plane has no rows behind it.
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services.sqladmin.flags import flags
from reconciler.localcloud.services.sqladmin.replicas import is_replica
from reconciler.localcloud.services.sqladmin.target import operation, refused, running
from reconciler.localcloud.services.sqladmin.tiers import tiers
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.values import Json

_NOTHING = "sqladmin.nothing"
_LOGS = ("MYSQL_GENERAL_TABLE", "MYSQL_SLOW_TABLE")


def _truncate(call: Call) -> Answer:
    row, kind = running(call), call.body.get("truncateLogContext", {}).get("logType", "")
    if engine(row["databaseVersion"]) != "MYSQL" or kind not in _LOGS:
        raise refused(f"Invalid log type ({kind}).")
    return operation(call, "TRUNCATE_LOG", _NOTHING, {})


def _reencrypt(call: Call) -> Answer:
    if "diskEncryptionConfiguration" not in running(call):
        raise refused("The instance is not encrypted with a customer-managed key.")
    return operation(call, "REENCRYPT", _NOTHING, {})


def _reschedule(call: Call) -> Answer:
    if not running(call).get("scheduledMaintenance"):
        raise refused("The instance has no maintenance scheduled.")
    return operation(call, "RESCHEDULE_MAINTENANCE", _NOTHING, {})


def _precheck(call: Call) -> Answer:
    wished = call.body.get("preCheckMajorVersionUpgradeContext", {}).get("targetDatabaseVersion", "")
    known = {entry["name"] for entry in running(call)["upgradableDatabaseVersions"]}
    if wished not in known:
        raise refused(f"The instance cannot be upgraded to {wished}.")
    context = {"kind": "sql#preCheckMajorVersionUpgradeContext", "targetDatabaseVersion": wished}
    return operation(
        call, "PRE_CHECK_MAJOR_VERSION_UPGRADE", _NOTHING, {}, {"preCheckMajorVersionUpgradeContext": context}
    )


# --- disks -----------------------------------------------------------------------------------------------------


def _smallest(call: Call) -> int:
    """The light data plane has no rows, so a disk can shrink to the least that there is."""
    running(call)
    return 10


def _shrink_config(call: Call) -> Answer:
    return {"kind": "sql#getDiskShrinkConfig", "minimalTargetSizeGb": str(_smallest(call))}


def _shrink(call: Call) -> Answer:
    row, wished = running(call), call.body.get("targetSizeGb", "")
    size = int(wished) if wished.isdecimal() and len(wished) < 10 else 0
    if not _smallest(call) <= size < int(row["settings"]["dataDiskSizeGb"]):
        raise refused(f"Invalid target disk size ({wished} GB).")
    settings = {**row["settings"], "dataDiskSizeGb": wished}
    return operation(call, "UPDATE", _NOTHING, {"change": {"settings": settings}})


# --- SQL Server Reporting Services ------------------------------------------------------------------------------


def _acquire(call: Call) -> Answer:
    row, context = running(call), call.body.get("acquireSsrsLeaseContext", {})
    _reporting(row)
    if not all(context.get(name) for name in ("setupLogin", "serviceLogin", "reportDatabase")):
        raise refused("Setup login, service login and report database are required.")
    return {"operationId": operation(call, "ACQUIRE_SSRS_LEASE", _NOTHING, {})["name"]}


def _release(call: Call) -> Answer:
    _reporting(running(call))
    return {"operationId": operation(call, "RELEASE_SSRS_LEASE", _NOTHING, {})["name"]}


def _reporting(row: Json) -> None:
    if engine(row["databaseVersion"]) != "SQLSERVER":
        raise refused("SQL Server Reporting Services are only supported for SQL Server instances.")


# --- external primaries ----------------------------------------------------------------------------------------


def _external(call: Call) -> Json:
    row = running(call)
    if not is_replica(row):
        raise refused("The instance is not a replica of an external primary instance.")
    return row


def _start_sync(call: Call) -> Answer:
    _external(call)
    return operation(call, "START_EXTERNAL_SYNC", _NOTHING, {})


def _verify_sync(call: Call) -> Answer:
    _external(call)
    return {"kind": "sql#migrationSettingErrorList"}


# --- lists of Cloud SQL itself ---------------------------------------------------------------------------------


def _flags(call: Call) -> Answer:
    found = flags(call.query("databaseVersion"))
    return {"kind": "sql#flagsList"} | ({"items": found} if found else {})


def _tiers(_: Call) -> Answer:
    return {"kind": "sql#tiersList", "items": tiers()}


METHODS: dict[str, Behaviour] = {
    "sql.instances.truncateLog": _truncate,
    "sql.instances.reencrypt": _reencrypt, "sql.instances.preCheckMajorVersionUpgrade": _precheck,
    "sql.projects.instances.rescheduleMaintenance": _reschedule,
    "sql.projects.instances.getDiskShrinkConfig": _shrink_config,
    "sql.projects.instances.performDiskShrink": _shrink, "sql.instances.acquireSsrsLease": _acquire,
    "sql.instances.releaseSsrsLease": _release, "sql.projects.instances.startExternalSync": _start_sync,
    "sql.projects.instances.verifyExternalSyncSettings": _verify_sync, "sql.flags.list": _flags,
    "sql.tiers.list": _tiers,
}  # fmt: skip
