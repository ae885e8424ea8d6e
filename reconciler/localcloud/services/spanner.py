"""Spanner admin v1: a database is named by its statement, has its DDL as it was given, and is dropped, not deleted.

Answers and defaults are those of the recordings. No SQL is parsed beyond the names; everything else is generic.
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.bodies import camel
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, invalid
from reconciler.localcloud.operations import Ending, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, uuid_like

_DATABASES = "spanner.projects.instances.databases."
_PACKAGE = "type.googleapis.com/google.spanner.admin.database.v1."
_INSTANCES = "type.googleapis.com/google.spanner.admin.instance.v1."
_INSTANCE = re.compile(r"[a-z][a-z0-9-]{0,62}[a-z0-9]")
_STATEMENT = re.compile(r'\s*CREATE\s+DATABASE\s+[`"]?([A-Za-z0-9_-]*)[`"]?\s*;?\s*', re.IGNORECASE)
# https://cloud.google.com/spanner/quotas#database_limits and the field's own description.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,28}[a-z0-9]")
_ACTION = re.compile(
    r'\s*(CREATE|ALTER|DROP)\s+(?:UNIQUE\s+)?([A-Z]+)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?[`"]?([\w.]+)', re.I
)


def _create(call: Call) -> Answer:
    statement = str(call.body.get("createStatement", ""))
    found = _STATEMENT.fullmatch(statement)
    if found is None or not _NAME.fullmatch(found[1]):
        raise invalid(f'Invalid "CREATE DATABASE" statement: {statement}')
    path = f"{generic.path_of(call).strip('/')}/{found[1]}"
    generic.require_parent(call, path)
    key, shown = generic.key_of(call, path), projects.with_id(call.state, path)
    if call.state.get(key) is not None:
        raise exists(f"Database already exists: {shown}")
    row: Json = {
        "name": shown, "state": "READY", "createTime": call.stamp, "earliestVersionTime": call.stamp,
        "databaseDialect": call.body.get("databaseDialect") or "GOOGLE_STANDARD_SQL", "versionRetentionPeriod": "1h",
        "encryptionInfo": [{"encryptionType": "GOOGLE_DEFAULT_ENCRYPTION"}],
    }  # fmt: skip
    call.state.put(key, row)
    call.state.put(_ddl_key(key), {"statements": list(call.body.get("extraStatements") or ())})
    about = {"@type": f"{_PACKAGE}CreateDatabaseMetadata", "database": shown}
    return _started(call, shown, about, {"key": key}, "Database")


def _get_ddl(call: Call) -> Answer:
    _, key = _database(call)
    return {"statements": (call.state.get(_ddl_key(key)) or {}).get("statements", [])}


def _update_ddl(call: Call) -> Answer:
    shown, key = _database(call)
    statements = [str(statement) for statement in call.body.get("statements") or ()]
    if not statements:
        raise invalid("Required field 'statements' is not set.", ("statements", "Required field is not set."))
    before = (call.state.get(_ddl_key(key)) or {}).get("statements", [])
    call.state.put(_ddl_key(key), {"statements": [*before, *statements]})
    about = {
        "@type": f"{_PACKAGE}UpdateDatabaseDdlMetadata", "database": shown, "statements": statements,
        "actions": [_action(found) for statement in statements if (found := _ACTION.match(statement))],
        "progress": [{"startTime": call.stamp} for _ in statements],
    }  # fmt: skip
    return _started(call, shown, about, {"response": {}}, "")


def _action(found: re.Match[str]) -> Json:
    return {"action": found[1].upper(), "entityType": found[2].upper(), "entityNames": [found[3]]}


def _drop(call: Call) -> Answer:
    shown, key = _database(call)
    if (call.state.get(key) or {}).get("enableDropProtection"):
        raise GoogleError(400, f"Database {shown} has drop protection enabled.", "FAILED_PRECONDITION")
    for inner, _ in list(generic.scan_all(call, shown, "backupSchedules")):
        call.state.delete(inner)
    call.state.delete(key)
    call.state.delete(_ddl_key(key))
    return {}


def _database(call: Call) -> tuple[str, str]:
    """The name and the key of the database that the path is about. Raises GoogleError 404."""
    path = generic.path_of(call).strip("/").removesuffix("/ddl")
    key = generic.key_of(call, path)
    if call.state.get(key) is None:
        raise GoogleError(404, f"Database not found: {projects.with_id(call.state, path)}")
    return projects.with_id(call.state, path), key


def _ddl_key(key: str) -> str:
    return f"spanner.ddl/{key}"


def _started(call: Call, shown: str, about: Json, args: Json, kind: str) -> Answer:
    name = f"{shown}/operations/_auto_{uuid_like(call.rng)[:8]}"
    response = f"{_PACKAGE}{kind}" if kind else "type.googleapis.com/google.protobuf.Empty"
    return operations.rendered(operations.start(call, Work(name, "spanner.done", args, about, response)))


def _done(ending: Ending) -> None:
    """What the operation brings is the database without what only a read shows (recordings)."""
    row = ending.state.get(ending.args["key"]) if "key" in ending.args else ending.args.get("response")
    if ending.row["metadata"]["@type"].startswith(_INSTANCES):
        ending.row["metadata"] |= {"endTime": ending.stamp, "expectedFulfillmentPeriod": "FULFILLMENT_PERIOD_NORMAL"}
    ending.response = _packed(row or {})


def _packed(row: Json) -> Json:
    """A resource inside an operation: without what only a read shows, or Google's clients do not know and break on."""
    return {name: value for name, value in row.items() if name not in ("encryptionInfo", "resourceLocation")}


# --- instances -------------------------------------------------------------------------------------------------------


def _create_instance(call: Call) -> Answer:
    own, given = str(call.body.get("instanceId", "")), dict(call.body.get("instance") or {})
    if not _INSTANCE.fullmatch(own):
        raise invalid(f"Invalid CreateInstance request: invalid instance id {own!r}.", ("instance_id", "invalid"))
    for name in ("config", "displayName"):
        if not given.get(name):
            raise invalid(f"Required field 'instance.{name}' is not set.", (f"instance.{name}", "Required."))
    path = f"{call.subject}/instances/{own}"
    key, shown = generic.key_of(call, path), projects.with_id(call.state, path)
    if call.state.get(key) is not None:
        raise exists(f"Instance already exists: {shown}")
    row: Json = {
        "edition": "STANDARD", "instanceType": "PROVISIONED", "defaultBackupScheduleType": "AUTOMATIC", **given,
        "name": shown, "state": "READY", "createTime": call.stamp, "updateTime": call.stamp,
    }  # fmt: skip
    return _kept(call, key, _sized(row, given), "Create")


def _update_instance(call: Call) -> Answer:
    given, mask = dict(call.body.get("instance") or {}), str(call.body.get("fieldMask", ""))
    path = generic.path_of(call)
    key, stored = generic.key_of(call, path), generic.load(call, path)
    names = [camel(name.split(".")[0].strip()) for name in mask.split(",") if name.strip()]
    if not names:
        raise invalid("Invalid UpdateInstance request: the field mask is empty.", ("field_mask", "Required."))
    changed = {name: given[name] for name in names if name in given}
    size = {"nodeCount", "processingUnits", "autoscalingConfig"}
    kept = {name: value for name, value in stored.items() if not (size & set(names) and name in size)}
    row = {name: value for name, value in kept.items() if name not in names or name in changed} | changed
    return _kept(call, key, _sized(row | {"updateTime": call.stamp}, row), "Update")


def _sized(row: Json, given: Json) -> Json:
    """Capacity in both units, whichever was given; of an autoscaled instance the least that it may have."""
    limits = (given.get("autoscalingConfig") or {}).get("autoscalingLimits") or {}
    nodes = int(limits.get("minNodes") or given.get("nodeCount") or 0)
    units = int(limits.get("minProcessingUnits") or given.get("processingUnits") or 0)
    in_units = not nodes and bool(units)
    units = units if in_units else (nodes or 1) * 1000
    place = str(row.get("config", "")).rpartition("/regional-")[2]
    size = {"processingUnits": units} if in_units else {"nodeCount": units // 1000}
    found = {**row, "processingUnits": units} | ({"nodeCount": units // 1000} if units >= 1000 else {})
    if place and "/" not in place:
        found["replicaComputeCapacity"] = [{"replicaSelection": {"location": place}, **size}]
        found["resourceLocation"] = place
    return found


def _kept(call: Call, key: str, row: Json, verb: str) -> Answer:
    call.state.put(key, row)
    about = {"@type": f"{_INSTANCES}{verb}InstanceMetadata", "instance": _packed(row), "startTime": call.stamp}
    name = f"{row['name']}/operations/{uuid_like(call.rng)}"
    work = Work(name, "spanner.done", {"key": key}, about, f"{_INSTANCES}Instance")
    return operations.rendered(operations.start(call, work))


METHODS = {
    "spanner.projects.instances.create": _create_instance,
    "spanner.projects.instances.patch": _update_instance,
    f"{_DATABASES}create": _create,
    f"{_DATABASES}getDdl": _get_ddl,
    f"{_DATABASES}updateDdl": _update_ddl,
    f"{_DATABASES}dropDatabase": _drop,
}
FINISHERS = {"spanner.done": _done}
