"""Backups of Redis clusters: each cluster has a collection of its own, made with its first backup.

Names of backups: the discovery document (time and the first eight digits of the cluster's uid). There is no data, so a
backup has one empty file a shard. Listing and reading go by rule from the API model.
"""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, failed_precondition
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.redis.work import bad, begun, load, ready, region_of, shown, shown_to_clients
from reconciler.localcloud.services.storage import deposits
from reconciler.localcloud.values import Json, timestamp, uuid_like

_CENTURY = 3_155_760_000.0
_DAY = 86_400.0


def _stored(call: Call, name: str) -> str:
    return f"redis.{name.split('/')[-2]}/{projects.canonical(call.state, name)}"


def _collection(call: Call, row: Json) -> Json:
    """The collection of a cluster's backups."""
    if "backupCollection" in row:
        kept = call.state.get(_stored(call, row["backupCollection"]))
        if kept is not None:
            return kept
    own = uuid_like(call.rng)
    parent = "/".join(row["name"].split("/")[:4])
    return {
        "name": f"{parent}/backupCollections/{own}", "uid": own, "cluster": row["name"], "clusterUid": row["uid"],
        "createTime": call.stamp, "totalBackupCount": "0", "totalBackupSizeBytes": "0",
        **({"kmsKey": row["kmsKey"]} if "kmsKey" in row else {}),
    }  # fmt: skip


def _backup(call: Call) -> Answer:
    row = ready(call, "ACTIVE")
    kept = _collection(call, row)
    moment = datetime.fromtimestamp(call.now, UTC).strftime("%Y%m%d%H%M%S")
    own = call.body.get("backupId") or f"{moment}_{row['uid'].replace('-', '')[:8]}"
    name = f"{kept['name']}/backups/{own}"
    if call.state.get(_stored(call, name)) is not None:
        raise exists(f"Resource '{name}' already exists")
    life = float(call.body["ttl"].removesuffix("s")) if call.body.get("ttl") else _CENTURY
    if not _DAY <= life <= _CENTURY:
        raise bad("ttl", "The time to live of a backup must be between 1 day and 100 years.")
    files = [
        {"fileName": f"{shard}.rdb", "sizeBytes": "0", "createTime": call.stamp} for shard in range(row["shardCount"])
    ]
    backup: Json = {
        "name": name, "uid": uuid_like(call.rng), "cluster": row["name"], "clusterUid": row["uid"],
        "createTime": call.stamp, "expireTime": timestamp(call.now + life), "engineVersion": "redis-7.2",
        "backupType": "ON_DEMAND", "state": "CREATING", "nodeType": row["nodeType"], "shardCount": row["shardCount"],
        "replicaCount": row["replicaCount"], "totalSizeBytes": "0", "backupFiles": files,
        "encryptionInfo": row["encryptionInfo"],
    }  # fmt: skip
    kept |= {"lastBackupTime": call.stamp, "totalBackupCount": str(int(kept["totalBackupCount"]) + 1)}
    call.state.put(_stored(call, kept["name"]), kept)
    call.state.put(_stored(call, name), backup)
    call.state.put(generic.key_of(call, row["name"]), {**row, "backupCollection": kept["name"]})
    return begun(call, row["name"], "redis.cluster_backed_up", {"backup": _stored(call, name)})


def _backed_up(ending: Ending) -> None:
    backup = ending.state.get(ending.args["backup"])
    if backup is not None and ending.failed:
        ending.state.delete(ending.args["backup"])
    elif backup is not None:
        ending.state.put(ending.args["backup"], {**backup, "state": "ACTIVE"})
    ending.response = shown_to_clients(ending.state.get(ending.args["key"]))


def _export(call: Call) -> Answer:
    row, bucket = load(call), call.body.get("gcsBucket", "")
    if call.state.get(f"storage.b/{bucket}") is None:
        raise bad("gcs_bucket", f"The bucket '{bucket}' does not exist.")
    names = [file["fileName"] for file in row.get("backupFiles", [])]
    folder = shown(call).rsplit("/", 1)[1]
    return begun(call, row["name"], "redis.backup_exported", {"bucket": bucket, "folder": folder, "files": names})


def _exported(ending: Ending) -> None:
    for name in [] if ending.failed else ending.args["files"]:
        deposits.put(ending.moment, ending.args["bucket"], f"{ending.args['folder']}/{name}", b"")
    ending.response = ending.state.get(ending.args["key"])


def _reschedule(call: Call) -> Answer:
    row = ready(call, "ACTIVE")
    raise failed_precondition(f"The cluster '{row['name']}' has no maintenance scheduled.")


def _shared_authority(call: Call) -> Answer:
    """The light data plane has no TLS: between BEGIN and END stands nothing."""
    pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    name = shown(call)
    return {
        "name": "/".join([*name.split("/")[:3], region_of(name), "sharedRegionalCertificateAuthority"]),
        "managedServerCa": {"caCerts": [{"certificates": [pem]}]},
    }


FINISHERS: dict[str, Finisher] = {"redis.cluster_backed_up": _backed_up, "redis.backup_exported": _exported}
_HOME = "redis.projects.locations"
METHODS: dict[str, Behaviour] = {
    f"{_HOME}.clusters.backup": _backup, f"{_HOME}.backupCollections.backups.export": _export,
    f"{_HOME}.clusters.rescheduleClusterMaintenance": _reschedule,
    f"{_HOME}.getSharedRegionalCertificateAuthority": _shared_authority,
}  # fmt: skip
