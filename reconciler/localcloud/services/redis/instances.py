"""Redis instances: create, patch, delete, failover, upgrade, exports and imports, AUTH and TLS.

What the server fills in: a recording of a BASIC instance and samples; the rest from the discovery document's
descriptions (defaults, ports, ranges) and https://cloud.google.com/memorystore/docs/redis. Words of refusals are ours,
but for private service access (documentation).
"""

from __future__ import annotations

import random
import re

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import failed_precondition, invalid
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.redis.work import (
    bad,
    begun,
    gone,
    load,
    marked,
    mask,
    new_name,
    project_of,
    ready,
    region_of,
    required,
    settled,
    shown,
)
from reconciler.localcloud.services.servicenetworking import connection_of
from reconciler.localcloud.values import Json, hexadecimal, timestamp, uuid_like

_ID = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_VERSIONS = ("REDIS_3_2", "REDIS_4_0", "REDIS_5_0", "REDIS_6_X", "REDIS_7_0", "REDIS_7_2")
_DEFAULT_VERSION = "REDIS_7_0"
# What a sampled instance of 2026 runs, and what it could update itself to.
_RUNNING, _NEXT = "20251007_00_00", "20260220_00_01"
_PORT, _TLS_PORT = 6379, 6378
_MOST_MEMORY = 300
_MUTABLE = frozenset({
    "authEnabled", "displayName", "labels", "maintenancePolicy", "maintenanceVersion", "memorySizeGb",
    "persistenceConfig", "readReplicasMode", "redisConfigs", "replicaCount", "secondaryIpRange",
})  # fmt: skip
_PRIVATE = "Google private service access is not enabled. Enable privateServiceAccess and try again."
_SNAPSHOT_SECONDS = {"ONE_HOUR": 3600, "SIX_HOURS": 21_600, "TWELVE_HOURS": 43_200, "TWENTY_FOUR_HOURS": 86_400}
_YEARS_10 = 315_360_000


# --- create ----------------------------------------------------------------------------------------------------


def _create(call: Call) -> Answer:
    own = call.query("instanceId")
    if not _ID.fullmatch(own):
        raise bad("instance_id", f"Invalid instance id '{own}': 1 to 40 lower-case letters, digits and hyphens.")
    required(call, "memorySizeGb", "tier")
    name = new_name(call, own)
    row = _completed(call, name, {field: value for field, value in call.body.items() if field != "tags"})
    _check(row, region_of(name))
    if row["connectMode"] == "PRIVATE_SERVICE_ACCESS" and connection_of(call.state, row["authorizedNetwork"]) is None:
        raise failed_precondition(_PRIVATE)
    marked(call, name, row, "CREATING")
    return begun(call, name, "redis.instance_made", {})


def _completed(call: Call, name: str, body: Json) -> Json:
    project, region = project_of(name), region_of(name)
    number = (projects.find(call.state, project) or {"number": "0"})["number"]
    zone = body.get("locationId") or f"{region}-a"
    row: Json = {
        "authorizedNetwork": f"projects/{project}/global/networks/default", "connectMode": "DIRECT_PEERING",
        "persistenceConfig": {"persistenceMode": "DISABLED"}, "readReplicasMode": "READ_REPLICAS_DISABLED",
        "redisVersion": _DEFAULT_VERSION, "transitEncryptionMode": "DISABLED", "maintenanceVersion": _RUNNING,
        **body, "name": name, "createTime": call.stamp, "locationId": zone, "currentLocationId": zone,
        "persistenceIamIdentity": f"serviceAccount:service-{number}@cloud-redis.iam.gserviceaccount.com",
    }  # fmt: skip
    row["availableMaintenanceVersions"] = [version for version in (_NEXT,) if version > row["maintenanceVersion"]]
    if row["tier"] == "STANDARD_HA":
        other = next(f"{region}-{letter}" for letter in "bcf" if f"{region}-{letter}" != zone)
        row.setdefault("alternativeLocationId", other)
        row.setdefault("replicaCount", 2 if row["readReplicasMode"] == "READ_REPLICAS_ENABLED" else 1)
    if row["persistenceConfig"].get("persistenceMode") == "RDB":
        row["persistenceConfig"] = _snapshots(call.now, row["persistenceConfig"])
    if "maintenancePolicy" in row:
        row["maintenancePolicy"] = _policy(call, row["maintenancePolicy"], call.stamp)
    return row


def _snapshots(now: float, wished: Json) -> Json:
    period = wished.get("rdbSnapshotPeriod") or "TWENTY_FOUR_HOURS"
    begins = wished.get("rdbSnapshotStartTime") or timestamp(now)
    following = timestamp(now + _SNAPSHOT_SECONDS.get(period, 86_400))
    return {**wished, "rdbSnapshotPeriod": period, "rdbSnapshotStartTime": begins, "rdbNextSnapshotTime": following}


def _policy(call: Call, wished: Json, made: str) -> Json:
    windows = [{"duration": "3600s", **window} for window in wished.get("weeklyMaintenanceWindow", [])]
    kept = {**wished, "createTime": made, "updateTime": call.stamp}
    return kept | ({"weeklyMaintenanceWindow": windows} if windows else {})


def _check(row: Json, region: str) -> None:
    if not 1 <= row["memorySizeGb"] <= _MOST_MEMORY:
        raise bad("memory_size_gb", f"Memory size must be between 1 and {_MOST_MEMORY} GiB.")
    if row["redisVersion"] not in _VERSIONS:
        raise bad("redis_version", f"Redis version {row['redisVersion']} is not supported.")
    for field in ("locationId", "alternativeLocationId"):
        if not row.get(field, region).startswith(region):
            raise bad(field, f"Zone {row[field]} is not in region {region}.")
    replicas, reading = row.get("replicaCount", 0), row["readReplicasMode"] == "READ_REPLICAS_ENABLED"
    if row["tier"] == "BASIC" and (replicas or reading):
        raise bad("replica_count", "An instance of the basic tier has no replicas.")
    if row["tier"] == "STANDARD_HA" and not (1 <= replicas <= 5 if reading else replicas == 1):
        raise bad("replica_count", "The number of replicas must be 1, or 1 to 5 with read replicas enabled.")
    if reading and row["memorySizeGb"] < 5:
        raise bad("read_replicas_mode", "Read replicas need at least 5 GiB of memory.")


def _made(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is None:
        return
    if ending.failed:
        ending.state.delete(ending.args["key"])  # an instance that could not be made is not there
        return
    row |= _endpoints(row, ending.moment.rng)
    if row["transitEncryptionMode"] == "SERVER_AUTHENTICATION":
        row["serverCaCerts"] = [_authority(ending)]
    ending.state.put(ending.args["key"], row)
    settled(ending, "READY")


def _endpoints(row: Json, rng: random.Random) -> Json:
    """Addresses and nodes. Without an own range an instance takes a /29, with read replicas a /28."""
    block = f"10.{rng.randrange(1, 250)}.{rng.randrange(250)}"
    reading = row["readReplicasMode"] == "READ_REPLICAS_ENABLED"
    size, first = (28, 16 * rng.randrange(16)) if reading else (29, 8 * rng.randrange(32))
    secure = row["transitEncryptionMode"] == "SERVER_AUTHENTICATION"
    found: Json = {
        "host": f"{block}.{first + 3}", "port": _TLS_PORT if secure else _PORT, "nodes": _nodes(row),
        "reservedIpRange": row.get("reservedIpRange") or f"{block}.{first}/{size}",
    }  # fmt: skip
    if reading:
        found |= {"readEndpoint": f"{block}.{first + 2}", "readEndpointPort": found["port"]}
    return found


def _nodes(row: Json) -> list[Json]:
    zones = [row["locationId"], row.get("alternativeLocationId", row["locationId"])]
    count = 1 + (row.get("replicaCount", 0) if row["tier"] == "STANDARD_HA" else 0)
    return [{"id": f"node-{number}", "zone": zones[number % 2]} for number in range(count)]


def _authority(ending: Ending) -> Json:
    """The light data plane has no TLS: between BEGIN and END stands nothing."""
    now = ending.moment.now
    return {
        "serialNumber": uuid_like(ending.moment.rng), "createTime": timestamp(now),
        "expireTime": timestamp(now + _YEARS_10),
        "cert": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "sha1Fingerprint": hexadecimal(ending.moment.rng, 40),
    }  # fmt: skip


# --- get, patch, delete ----------------------------------------------------------------------------------------


def _get(call: Call) -> Answer:
    return load(call)


def _patch(call: Call) -> Answer:
    row = ready(call, "READY")
    named = mask(call, _MUTABLE)
    after = masked(row, call.body, call.query("updateMask"))
    if "persistenceConfig" in named and after.get("persistenceConfig", {}).get("persistenceMode") == "RDB":
        after["persistenceConfig"] = _snapshots(call.now, after["persistenceConfig"])
    if "maintenancePolicy" in named and "maintenancePolicy" in after:
        made = row.get("maintenancePolicy", {}).get("createTime", call.stamp)
        after["maintenancePolicy"] = _policy(call, after["maintenancePolicy"], made)
    if after["readReplicasMode"] != row["readReplicasMode"] and after["readReplicasMode"] != "READ_REPLICAS_ENABLED":
        raise failed_precondition("Read replicas cannot be disabled.")
    if after["readReplicasMode"] == "READ_REPLICAS_ENABLED" != row["readReplicasMode"] and "replicaCount" not in named:
        after["replicaCount"] = 2
    if after["maintenanceVersion"] not in (row["maintenanceVersion"], *row["availableMaintenanceVersions"]):
        raise bad("maintenance_version", f"Maintenance version {after['maintenanceVersion']} is not available.")
    after["availableMaintenanceVersions"] = [version for version in (_NEXT,) if version > after["maintenanceVersion"]]
    _check(after, region_of(row["name"]))
    after["nodes"] = _nodes(after)
    if after["readReplicasMode"] == "READ_REPLICAS_ENABLED" and "readEndpoint" not in after:
        after |= {"readEndpoint": f"{row['host'].rpartition('.')[0]}.2", "readEndpointPort": row["port"]}
    marked(call, row["name"], row, "UPDATING")
    return begun(call, row["name"], "redis.instance_changed", {"change": after})


def _changed(ending: Ending) -> None:
    settled(ending, "READY")


def _delete(call: Call) -> Answer:
    row = load(call)
    marked(call, row["name"], row, "DELETING")
    return begun(call, row["name"], "redis.instance_gone", {})


def _gone(ending: Ending) -> None:
    gone(ending, "READY")


# --- custom verbs ----------------------------------------------------------------------------------------------


def _failover(call: Call) -> Answer:
    row = ready(call, "READY")
    if row["tier"] != "STANDARD_HA":
        raise failed_precondition("Failover is only available for instances of the standard tier.")
    zones = {row["locationId"], row["alternativeLocationId"]} - {row["currentLocationId"]}
    marked(call, row["name"], row, "FAILING_OVER")
    return begun(call, row["name"], "redis.instance_changed", {"change": {"currentLocationId": zones.pop()}})


def _upgrade(call: Call) -> Answer:
    row, wished = ready(call, "READY"), call.body.get("redisVersion", "")
    if wished not in _VERSIONS or _VERSIONS.index(wished) <= _VERSIONS.index(row["redisVersion"]):
        raise bad("redis_version", f"Cannot upgrade from {row['redisVersion']} to {wished or 'no version'}.")
    marked(call, row["name"], row, "UPDATING")
    return begun(call, row["name"], "redis.instance_changed", {"change": {"redisVersion": wished}})


def _transfer(call: Call) -> Answer:
    """Exports and imports: nothing is in the light data plane, so no object is written or read."""
    row = ready(call, "READY")
    side = call.body.get("outputConfig", {}).get("gcsDestination") or call.body.get("inputConfig", {}).get("gcsSource")
    if not (side or {}).get("uri", "").startswith("gs://"):
        raise invalid("A Cloud Storage URI (gs://bucket/object) is required.")
    marked(call, row["name"], row, "IMPORTING" if call.method.name == "import" else "UPDATING")
    return begun(call, row["name"], "redis.instance_changed", {})


def _reschedule(call: Call) -> Answer:
    row = ready(call, "READY")
    if "maintenanceSchedule" not in row:
        raise failed_precondition("The instance has no maintenance scheduled.")
    return begun(call, row["name"], "redis.instance_changed", {})


def _auth_string(call: Call) -> Answer:
    """The password of an instance with AUTH: the same one as long as the instance lives."""
    name = shown(call).removesuffix("/authString")
    call.params = {parameter: value.removesuffix("/authString") for parameter, value in call.params.items()}
    key = generic.key_of(call, name)
    row = call.state.get(key) or load(call)
    if not row.get("authEnabled"):
        return {}
    return {"authString": uuid_like(random.Random(f"{row['name']}/{row['createTime']}"))}  # noqa: S311 - not a secret


FINISHERS: dict[str, Finisher] = {
    "redis.instance_made": _made, "redis.instance_changed": _changed, "redis.instance_gone": _gone,
}  # fmt: skip
_VERBS: dict[str, Behaviour] = {
    "create": _create, "get": _get, "patch": _patch, "delete": _delete, "failover": _failover, "upgrade": _upgrade,
    "export": _transfer, "import": _transfer, "rescheduleMaintenance": _reschedule, "getAuthString": _auth_string,
    "list": generic.listed,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {f"redis.projects.locations.instances.{verb}": end for verb, end in _VERBS.items()}
