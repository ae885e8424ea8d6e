"""Instances: insert, get, list, patch, update, delete, restart.

One operation at a time per instance: a second one is refused (409 operationInProgress), as the real one does.
"""

from __future__ import annotations

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.servicenetworking import connection_of
from reconciler.localcloud.services.sqladmin import births, networks, replicas
from reconciler.localcloud.services.sqladmin.backups import remember_schedule
from reconciler.localcloud.services.sqladmin.defaults import complete
from reconciler.localcloud.services.sqladmin.filters import matches
from reconciler.localcloud.services.sqladmin.project_backups import keep_final, remove_backups
from reconciler.localcloud.services.sqladmin.rules import check_change, check_name
from reconciler.localcloud.services.sqladmin.target import (
    amend,
    fail,
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
from reconciler.localcloud.values import Json, hexadecimal

_PROTECTED = (
    "The instance is protected. Please disable the deletion protection and try again. To disable deletion "
    "protection, update the instance settings with deletionProtectionEnabled set to false."
)
# Fields of a body that say how to do it and are not kept.
_INPUT_ONLY = ("rootPassword", "skipPrecheck", "switchTransactionLogsToCloudStorageEnabled", "tags", "project")
# What a body cannot set, whatever it says.
_SERVER_SET = (
    "backendType", "connectionName", "currentDiskSize", "diskEncryptionStatus", "etag", "failoverReplica",
    "ipAddresses", "ipv6Address", "kind", "maxDiskSize", "outOfDiskReport", "replicaNames", "satisfiesPzs",
    "scheduledMaintenance", "secondaryGceZone", "selfLink", "serverCaCert", "serviceAccountEmailAddress",
    "sqlNetworkArchitecture", "state", "suspensionReason",
)  # fmt: skip
# Settings that a PUT without them does not take away: they only grow, or the server chose them.
_KEPT = ("dataDiskSizeGb", "edition")


# --- insert ----------------------------------------------------------------------------------------------------


def _insert(call: Call) -> Answer:
    own = call.body.get("name", "")
    check_name(project_id(call), own)
    call.params["instance"] = own
    if not call.body.get("settings", {}).get("tier") and not call.body.get("onPremisesConfiguration"):
        raise GoogleError(400, "Invalid request: Missing parameter: tier.", reason="required")
    row = {name: value for name, value in call.body.items() if name not in (*_INPUT_ONLY, *_SERVER_SET)}
    if engine(row.get("databaseVersion", "MYSQL")) == "SQLSERVER" and not call.body.get("rootPassword"):
        raise refused("Missing parameter: root password.")
    master = row.get("masterInstanceName", "")
    if master:
        row = replicas.of(call, row, master)
    row = births.make(call, row)
    if master:
        return replicas.create(call, row)
    return operation(call, "CREATE", "sqladmin.created", {})


def _created(ending: Ending) -> None:
    free(ending)
    row = ending.state.get(key(ending.args["place"]))
    if row is not None:
        births.begin(ending, row)


# --- get, list -------------------------------------------------------------------------------------------------


def _get(call: Call) -> Answer:
    return load(call)


def _list(call: Call) -> Answer:
    prefix = projects.canonical(call.state, f"projects/{call.params['project']}")
    wanted = matches(call.query("filter"))
    rows = call.state.scan(f"sqladmin.instances/{prefix}/", generic.start_of(call))
    found, token = generic.page(call, ((name, row) for name, row in rows if wanted(row)), default=500, most=500)
    return (
        {"kind": "sql#instancesList"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


# --- patch, update ---------------------------------------------------------------------------------------------


def _update(call: Call) -> Answer:
    """What cannot change in place is refused here, before an operation exists."""
    row, wish = load(call), call.body
    unlocked(call.state, [place(call)])
    if row["state"] not in ("RUNNABLE", "SUSPENDED"):
        raise refused("Invalid request since instance is not running.")
    kept = {name: value for name, value in wish.items() if name not in (*_INPUT_ONLY, *_SERVER_SET)}
    after = merged(row, kept)
    # PUT replaces the settings as a whole: what is left out is gone. PATCH merges, and null removes.
    if call.method.name == "update" and wish.get("settings"):
        after["settings"] = {name: row["settings"][name] for name in _KEPT} | wish["settings"]
        if not wish["settings"].get("tier"):
            raise GoogleError(400, "Invalid request: Missing parameter: tier.", reason="required")
    _settle_network(row, after, wish.get("settings", {}))
    complete(after, project_id(call), row["createTime"])
    check_change(row, wish, after)
    replicas.check_stop(row, after)
    after["settings"]["settingsVersion"] = str(int(row["settings"]["settingsVersion"]) + 1)
    after |= {"etag": hexadecimal(call.rng, 64), "state": row["state"]}
    if after["settings"]["tier"] != row["settings"]["tier"]:
        after["satisfiesPzi"] = False  # recorded: gone after every change of the tier
    return operation(call, "UPDATE", "sqladmin.changed", {"row": after})


def _settle_network(row: Json, after: Json, wished: Json) -> None:
    """A private network stays once it is there; a new `sslMode` overrules the older switch, and the other way round."""
    network = after["settings"].setdefault("ipConfiguration", {})
    before = row["settings"]["ipConfiguration"].get("privateNetwork")
    if network.get("privateNetwork") or before:
        network["privateNetwork"] = networks.relative(network.get("privateNetwork") or before)
    asked = wished.get("ipConfiguration", {})
    if "requireSsl" in asked and "sslMode" not in asked:
        network.pop("sslMode", None)
    elif "sslMode" in asked and "requireSsl" not in asked:
        network["requireSsl"] = asked["sslMode"] == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"


def _changed(ending: Ending) -> None:
    free(ending)
    row = ending.args["row"]
    if ending.state.get(key(ending.args["place"])) is None or ending.failed:
        return
    network = row["settings"]["ipConfiguration"].get("privateNetwork", "")
    if network and connection_of(ending.state, network) is None:
        fail(ending, "NETWORK_NOT_PEERED", networks.NOT_PEERED.format(row["project"], row["name"]))
        return
    row["ipAddresses"] = networks.addresses(ending.state, row, ending.moment.rng)
    if "dnsName" not in row:
        row |= networks.private_service(row, ending.moment.rng)
    ending.state.put(key(ending.args["place"]), row)
    remember_schedule(ending, row)


# --- delete, restart -------------------------------------------------------------------------------------------


def _delete(call: Call) -> Answer:
    row = load(call)
    if row["settings"].get("deletionProtectionEnabled"):
        raise GoogleError(400, _PROTECTED, reason="invalid")
    replicas.check_alone(row)
    last = row["settings"].get("finalBackupConfig", {}).get("enabled") or call.flag("enableFinalBackup")
    final = {"description": call.query("finalBackupDescription")} if last else None
    master = row.get("masterInstanceName", "").rpartition(":")[2]
    args: Json = {"final": final, "master": place(call, master) if master else ""}
    answer = operation(call, "DELETE", "sqladmin.deleted", args)
    call.state.put(key(place(call)), {**row, "state": "PENDING_DELETE"})
    return answer


def _deleted(ending: Ending) -> None:
    where = ending.args["place"]
    free(ending)
    row = ending.state.get(key(where))
    if ending.failed or row is None:
        if row is not None:
            ending.state.put(key(where), {**row, "state": "RUNNABLE"})
        return
    if ending.args["final"] is not None:
        keep_final(ending, row, ending.args["final"])
    remove_backups(ending, row)
    for collection in ("databases", "sslCerts", "serverCas"):
        for child, _ in list(ending.state.scan(f"sqladmin.{collection}/{where}/")):
            ending.state.delete(child)
    for single in ("instances", "accounts", "schedule", "serverCertificates"):
        ending.state.delete(f"sqladmin.{single}/{where}")
    if ending.args["master"]:
        replicas.forget(ending, ending.args["master"], row["name"])


def _restart(call: Call) -> Answer:
    running(call)
    return operation(call, "RESTART", "sqladmin.nothing", {})


def _nothing(ending: Ending) -> None:
    free(ending)
    if ending.args.get("change") and not ending.failed:
        amend(ending, ending.args["place"], ending.args["change"])


FINISHERS: dict[str, Finisher] = {
    "sqladmin.created": _created, "sqladmin.changed": _changed, "sqladmin.deleted": _deleted,
    "sqladmin.nothing": _nothing,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    "sql.instances.insert": _insert, "sql.instances.get": _get, "sql.instances.list": _list,
    "sql.instances.patch": _update, "sql.instances.update": _update, "sql.instances.delete": _delete,
    "sql.instances.restart": _restart,
}  # fmt: skip
