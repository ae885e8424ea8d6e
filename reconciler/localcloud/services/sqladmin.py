"""Cloud SQL Admin v1beta4 and v1: instances, databases, users and operations.

One operation at a time per instance: a second one is refused (409 operationInProgress), as the real one does.
`settingsVersion` is kept and counted but not demanded: the recordings carry a normalised one.
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic, sql_accounts, sql_databases
from reconciler.localcloud.services.sql_common import free, link, load, operation, place, project_id, running, shown
from reconciler.localcloud.services.sql_defaults import complete, flags, tiers
from reconciler.localcloud.values import Json, hexadecimal, milliseconds

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_TAKEN = (
    "The Cloud SQL instance already exists. When you delete an instance, you can't reuse the name of the deleted "
    "instance until one week from the deletion date."
)
_PROTECTED = (
    "The instance is protected. Please disable the deletion protection and try again. To disable deletion "
    "protection, update the instance settings with deletionProtectionEnabled set to false."
)
_IMMUTABLE = ("region", "name", "instanceType")


# --- instances -------------------------------------------------------------------------------------------------


def _insert(call: Call) -> Answer:
    own = call.body.get("name", "")
    if not _NAME.fullmatch(own) or len(f"{project_id(call)}:{own}") > 98:
        raise GoogleError(400, f"Invalid request: Invalid instance name ({own}).", reason="invalid")
    call.params["instance"] = own
    if call.state.get(f"sqladmin.instances/{place(call)}") is not None:
        raise GoogleError(409, _TAKEN, reason="instanceAlreadyExists")
    if not call.body.get("settings", {}).get("tier"):
        raise GoogleError(400, "Invalid request: Missing parameter: tier.", reason="required")
    row = {name: value for name, value in call.body.items() if name != "rootPassword"}
    number = str((projects.find(call.state, call.params["project"]) or {})["number"])
    complete(row, project_id(call), milliseconds(call.now))
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
    free(ending)
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
        "kind": "sql#sslCert", "certSerialNumber": "0", "instance": row["name"],
        "sha1Fingerprint": ending.args["fingerprint"],
        "commonName": "C=US,O=Google\\, Inc,CN=Google Cloud SQL Server CA", "createTime": ending.stamp,
        "expirationTime": f"{int(ending.stamp[:4]) + 10}{ending.stamp[4:]}",
        "cert": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    }  # fmt: skip
    ending.state.put(key, row)
    if not ending.failed:
        sql_accounts.install(ending.state, ending.args["place"], row)


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
    complete(changed, project_id(call), row["createTime"])
    changed["settings"]["settingsVersion"] = str(int(row["settings"]["settingsVersion"]) + 1)
    changed |= {"etag": hexadecimal(call.rng, 64), "state": row["state"]}
    return operation(call, "UPDATE", "sqladmin.changed", {"row": changed})


def _changed(ending: Ending) -> None:
    key = f"sqladmin.instances/{ending.args['place']}"
    free(ending)
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
        raise GoogleError(400, _PROTECTED, reason="invalid")
    answer = operation(call, "DELETE", "sqladmin.deleted", {})
    call.state.put(f"sqladmin.instances/{place(call)}", {**row, "state": "PENDING_DELETE"})
    return answer


def _deleted(ending: Ending) -> None:
    where = ending.args["place"]
    free(ending)
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
    free(ending)


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


# Operation types of methods that do nothing on the light data plane but take the instance's time.
_KINDS = {
    "export": "EXPORT", "import": "IMPORT", "failover": "FAILOVER", "clone": "CLONE", "restoreBackup": "RESTORE_VOLUME",
    "startReplica": "START_REPLICA", "stopReplica": "STOP_REPLICA", "promoteReplica": "PROMOTE_REPLICA",
    "truncateLog": "TRUNCATE_LOG", "reencrypt": "REENCRYPT",
}  # fmt: skip


def _other(call: Call) -> Answer:
    """Every other method: an operation in Cloud SQL's shape where one is due, else the API model alone."""
    if call.method.response != "Operation":
        return generic.answer(call)
    if "instance" not in call.params:
        raise GoogleError(501, "The local cloud does not have this method of Cloud SQL yet.", reason="notImplemented")
    running(call)
    return operation(call, _KINDS.get(call.method.name, "UPDATE"), "sqladmin.nothing", {})


FALLBACK = _other
_ENDS: dict[str, Finisher] = {"created": _created, "changed": _changed, "deleted": _deleted, "nothing": _nothing}
FINISHERS: dict[str, Finisher] = (
    {f"sqladmin.{name}": end for name, end in _ENDS.items()} | sql_accounts.FINISHERS | sql_databases.FINISHERS
)
METHODS: dict[str, Behaviour] = {
    "sql.instances.insert": _insert, "sql.instances.get": _get, "sql.instances.list": _list,
    "sql.instances.patch": _update, "sql.instances.update": _update, "sql.instances.delete": _delete,
    "sql.instances.restart": _restart, "sql.operations.get": _get_operation, "sql.operations.list": _list_operations,
    "sql.flags.list": _flags, "sql.tiers.list": _tiers, **sql_accounts.METHODS, **sql_databases.METHODS,
}  # fmt: skip
