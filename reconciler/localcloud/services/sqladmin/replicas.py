"""Replicas and clones: made from another instance, promoted, failed over, and deleted in order.

https://cloud.google.com/sql/docs/mysql/replication and …/clone-instance. A primary that has replicas cannot be deleted
(`errorReplicationMasterInvalidOperation`, crossplane-contrib/provider-gcp#473), and its settings version counts up when
a replica comes or goes (hashicorp/terraform-provider-google#25246). The words for replicas themselves are by symmetry.
"""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin import accounts, births
from reconciler.localcloud.services.sqladmin.backups import recovery_window
from reconciler.localcloud.services.sqladmin.rules import check_name, stale
from reconciler.localcloud.services.sqladmin.target import (
    amend,
    free,
    key,
    load,
    operation,
    place,
    project_id,
    refused,
    running,
    unlocked,
)  # fmt: skip
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.values import Json, seconds_of

REPLICA, PRIMARY = "READ_REPLICA_INSTANCE", "CLOUD_SQL_INSTANCE"
# What a clone does not take over from its source.
_OWN = (
    "state", "ipAddresses", "serverCaCert", "replicaNames", "masterInstanceName", "replicaConfiguration", "createTime",
    "dnsName", "dnsNames", "pscServiceAttachmentLink", "gceZone", "secondaryGceZone", "etag", "selfLink",
)  # fmt: skip


def _not_for_master() -> GoogleError:
    said = "The requested operation is not valid for a replication master instance."
    return GoogleError(400, said, reason="errorReplicationMasterInvalidOperation")


def _not_for_replica() -> GoogleError:
    said = "The requested operation is not valid for a replication slave instance."
    return GoogleError(400, said, reason="errorReplicationSlaveInvalidOperation")


def is_replica(row: Json) -> bool:
    return row.get("instanceType") == REPLICA


def check_alone(row: Json) -> None:
    if row.get("replicaNames"):
        raise _not_for_master()


def check_stop(row: Json, after: Json) -> None:
    """Neither a primary with replicas nor a replica can be stopped (…/start-stop-restart-instance)."""
    if after["settings"].get("activationPolicy") == "NEVER" != row["settings"].get("activationPolicy"):
        check_alone(row)
        if is_replica(row):
            raise _not_for_replica()


# --- read replicas ---------------------------------------------------------------------------------------------


def of(call: Call, row: Json, master: str) -> Json:
    """The wished replica with what it takes from its primary."""
    own = master.rpartition(":")[2]
    primary = running(call, own)
    backup = primary["settings"]["backupConfiguration"]
    if engine(primary["databaseVersion"]) == "MYSQL" and not (is_replica(primary) or backup.get("binaryLogEnabled")):
        raise refused("Binary logging and automated backups must be enabled on the primary instance.")
    settings = {
        "edition": primary["settings"]["edition"],
        "databaseReplicationEnabled": True,
        **row.get("settings", {}),
    }
    settings["dataDiskSizeGb"] = str(
        max(int(settings.get("dataDiskSizeGb") or 0), int(primary["settings"]["dataDiskSizeGb"]))
    )
    return {
        "databaseVersion": primary["databaseVersion"], "region": primary["region"], **row, "settings": settings,
        "instanceType": REPLICA, "masterInstanceName": f"{project_id(call)}:{own}",
        "replicaConfiguration": {
            **row.get("replicaConfiguration", {}), "kind": "sql#replicaConfiguration",
        },
    }  # fmt: skip


def create(call: Call, row: Json) -> Answer:
    master = place(call, row["masterInstanceName"].rpartition(":")[2])
    return operation(call, "CREATE_REPLICA", "sqladmin.replica_created", {"also": [master], "master": master})


def _replica_created(ending: Ending) -> None:
    free(ending)
    row, master = ending.state.get(key(ending.args["place"])), ending.state.get(key(ending.args["master"]))
    if row is None or master is None:
        return
    births.begin(ending, row)
    if ending.failed:
        return
    accounts.filled(ending.state, ending.args["place"], accounts.held(ending.state, ending.args["master"]))
    names = [*master.get("replicaNames", []), row["name"]]
    amend(ending, ending.args["master"], {"replicaNames": names})


def forget(ending: Ending, master: str, name: str) -> None:
    """The primary no longer names a replica."""
    row = ending.state.get(key(master))
    if row is not None:
        left = [other for other in row.get("replicaNames", []) if other != name]
        amend(ending, master, {"replicaNames": left or None})


def _replica(call: Call) -> Json:
    row = load(call)
    if not is_replica(row):
        raise _not_for_master() if row.get("replicaNames") else refused("The instance is not a read replica.")
    return running(call)


def _start(call: Call) -> Answer:
    _replica(call)
    return operation(call, "START_REPLICA", "sqladmin.replicating", {"on": True})


def _stop(call: Call) -> Answer:
    _replica(call)
    return operation(call, "STOP_REPLICA", "sqladmin.replicating", {"on": False})


def _replicating(ending: Ending) -> None:
    free(ending)
    row = ending.state.get(key(ending.args["place"]))
    if row is not None and not ending.failed:
        settings = {**row["settings"], "databaseReplicationEnabled": ending.args["on"]}
        ending.state.put(key(ending.args["place"]), row)
        amend(ending, ending.args["place"], {"settings": _next(settings)})


def _next(settings: Json) -> Json:
    return {**settings, "settingsVersion": str(int(settings["settingsVersion"]) + 1)}


def _promote(call: Call) -> Answer:
    master = place(call, _replica(call)["masterInstanceName"].rpartition(":")[2])
    return operation(call, "PROMOTE_REPLICA", "sqladmin.promoted", {"master": master})


def _promoted(ending: Ending) -> None:
    free(ending)
    where = ending.args["place"]
    row = ending.state.get(key(where))
    if row is None or ending.failed:
        return
    settings = {name: value for name, value in row["settings"].items() if name != "databaseReplicationEnabled"}
    change = {"instanceType": PRIMARY, "masterInstanceName": None, "replicaConfiguration": None}
    amend(ending, where, {**change, "settings": _next(settings)})
    forget(ending, ending.args["master"], row["name"])


def _switchover(call: Call) -> Answer:
    master = place(call, _replica(call)["masterInstanceName"].rpartition(":")[2])
    return operation(call, "SWITCHOVER", "sqladmin.switched", {"master": master, "also": [master]})


def _switched(ending: Ending) -> None:
    """Primary and replica change places; the other replicas follow the new primary."""
    free(ending)
    where, old = ending.args["place"], ending.args["master"]
    row, master = ending.state.get(key(where)), ending.state.get(key(old))
    if row is None or master is None or ending.failed:
        return
    others = [name for name in master.get("replicaNames", []) if name != row["name"]]
    amend(ending, where, {
        "instanceType": PRIMARY, "masterInstanceName": None, "replicaConfiguration": None,
        "replicaNames": [*others, master["name"]],
    })  # fmt: skip
    follower = {"masterInstanceName": f"{row['project']}:{row['name']}"}
    amend(ending, old, {
        **follower, "instanceType": REPLICA, "replicaNames": None,
        "replicaConfiguration": {"kind": "sql#replicaConfiguration"},
    })  # fmt: skip
    for name in others:
        amend(ending, f"{old.rpartition('/')[0]}/{name}", follower)


def _failover(call: Call) -> Answer:
    row = running(call)
    if row["settings"]["availabilityType"] != "REGIONAL":
        raise refused("The instance is not highly available, so it cannot fail over.")
    stale(row, call.body.get("failoverContext", {}).get("settingsVersion", ""))
    return operation(call, "FAILOVER", "sqladmin.failed_over", {})


def _failed_over(ending: Ending) -> None:
    """The standby's zone serves now."""
    free(ending)
    row = ending.state.get(key(ending.args["place"]))
    if row is not None and not ending.failed:
        zones = {"gceZone": row["secondaryGceZone"], "secondaryGceZone": row["gceZone"]}
        amend(ending, ending.args["place"], zones)


def _demote(call: Call) -> Answer:
    """A stand-alone instance becomes the replica of a server elsewhere."""
    row = running(call)
    check_alone(row)
    context = call.body.get("demoteMasterContext") or call.body.get("demoteContext") or {}
    source = context.get("masterInstanceName") or context.get("sourceRepresentativeInstanceName") or ""
    load(call, source or "-")
    change = {"instanceType": REPLICA, "masterInstanceName": f"{project_id(call)}:{source}"}
    return operation(call, "DEMOTE_MASTER", "sqladmin.nothing", {"change": change})


def _reset_size(call: Call) -> Answer:
    _replica(call)
    return operation(call, "UPDATE", "sqladmin.nothing", {})


# --- clones ----------------------------------------------------------------------------------------------------


def _clone(call: Call) -> Answer:
    context = call.body.get("cloneContext", {})
    source, name = running(call), context.get("destinationInstanceName", "")
    if is_replica(source):
        raise _not_for_replica()
    check_name(project_id(call), name)
    return copied(call, source, name, context)


def copied(call: Call, source: Json, name: str, context: Json) -> Json:
    """A new instance with the settings, databases and users of `source`, at a point in time if one is given."""
    if context.get("pointInTime"):
        _check_point(call, source, context["pointInTime"])
    origin = place(call, source["name"])
    unlocked(call.state, [origin])
    call.params["instance"] = name
    row = {field: value for field, value in source.items() if field not in _OWN}
    row["settings"] = {**source["settings"]}
    if context.get("preferredZone"):
        row["settings"]["locationPreference"] = {"zone": context["preferredZone"]}
    if context.get("allocatedIpRange"):
        network = {**row["settings"]["ipConfiguration"], "allocatedIpRange": context["allocatedIpRange"]}
        row["settings"]["ipConfiguration"] = network
    births.make(call, row)
    return operation(call, "CLONE", "sqladmin.cloned", {"also": [origin], "source": origin})


def _check_point(call: Call, source: Json, point: str) -> None:
    earliest, latest = recovery_window(call, source)
    try:
        wished = seconds_of(point)
    except ValueError as error:
        raise refused(f"Invalid point in time ({point}).") from error
    if earliest is None:
        raise refused("Point-in-time recovery is not enabled for the instance.")
    if not earliest <= wished <= latest:
        raise refused(f"The point in time ({point}) is not within the instance's recovery window.")


def _cloned(ending: Ending) -> None:
    free(ending)
    row = ending.state.get(key(ending.args["place"]))
    if row is None:
        return
    births.begin(ending, row)
    if not ending.failed:
        accounts.filled(ending.state, ending.args["place"], accounts.held(ending.state, ending.args["source"]))


FINISHERS: dict[str, Finisher] = {
    "sqladmin.replica_created": _replica_created, "sqladmin.replicating": _replicating,
    "sqladmin.promoted": _promoted, "sqladmin.switched": _switched, "sqladmin.failed_over": _failed_over,
    "sqladmin.cloned": _cloned,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    "sql.instances.clone": _clone, "sql.instances.startReplica": _start, "sql.instances.stopReplica": _stop,
    "sql.instances.promoteReplica": _promote, "sql.instances.switchover": _switchover,
    "sql.instances.failover": _failover, "sql.instances.demoteMaster": _demote, "sql.instances.demote": _demote,
    "sql.projects.instances.resetReplicaSize": _reset_size,
}  # fmt: skip
