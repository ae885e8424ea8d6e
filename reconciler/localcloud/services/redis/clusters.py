"""Redis clusters: create, patch, delete, their Private Service Connect endpoints, and replication across clusters.

What the server fills in: a recording of a replicated pair and samples. Memory of a node type: the recording
(19.5 GB for three small shards), samples (4.2 GB for three nano ones) and
https://cloud.google.com/memorystore/docs/cluster/cluster-node-specification.
"""

from __future__ import annotations

import ipaddress
import math
import re

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import failed_precondition
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.redis.replication import leave, replicate, wished
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
    shown_to_clients,
)
from reconciler.localcloud.values import Json, digits, hexadecimal, uuid_like

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_GIGABYTES = {
    "REDIS_SHARED_CORE_NANO": 1.4, "REDIS_STANDARD_SMALL": 6.5, "REDIS_HIGHCPU_MEDIUM": 6.5,
    "REDIS_HIGHMEM_MEDIUM": 13.0, "REDIS_STANDARD_LARGE": 26.0, "REDIS_HIGHMEM_XLARGE": 58.0,
    "REDIS_HIGHMEM_2XLARGE": 116.0,
}  # fmt: skip
_MAINTENANCE = "REDISCLUSTER_20260512_00_00"
_MOST_SHARDS, _MOST_REPLICAS = 250, 5
_PORT = 6379
_INPUT_ONLY = ("pscConfigs", "gcsSource", "managedBackupSource", "ondemandMaintenance", "rotateServerCertificate",
               "simulateMaintenanceEvent")  # fmt: skip
_MUTABLE = frozenset({
    "aclPolicy", "asyncClusterEndpointsDeletionEnabled", "automatedBackupConfig", "clusterEndpoints",
    "crossClusterReplicationConfig", "deletionProtectionEnabled", "labels", "maintenancePolicy", "maintenanceVersion",
    "nodeType", "ondemandMaintenance", "persistenceConfig", "redisConfigs", "replicaCount", "rotateServerCertificate",
    "shardCount", "simulateMaintenanceEvent", "zoneDistributionConfig",
})  # fmt: skip
_TLS = "TRANSIT_ENCRYPTION_MODE_SERVER_AUTHENTICATION"


# --- create ----------------------------------------------------------------------------------------------------


def _create(call: Call) -> Answer:
    own = call.query("clusterId")
    if not _ID.fullmatch(own):
        raise bad("cluster_id", f"Invalid cluster id '{own}': 1 to 63 lower-case letters, digits and hyphens.")
    required(call, "shardCount")
    name = new_name(call, own)
    row = _completed(call, name)
    if "crossClusterReplicationConfig" in row:
        row["crossClusterReplicationConfig"] = wished(call)
    _check(row)
    network = next((config.get("network", "") for config in call.body.get("pscConfigs", [])), "")
    marked(call, name, row, "CREATING")
    return begun(call, name, "redis.cluster_made", {"network": network})


def _completed(call: Call, name: str) -> Json:
    body = {field: value for field, value in call.body.items() if field not in _INPUT_ONLY}
    secure = body.get("transitEncryptionMode") == _TLS
    row: Json = {
        "authorizationMode": "AUTH_MODE_DISABLED", "automatedBackupConfig": {"automatedBackupMode": "DISABLED"},
        "deletionProtectionEnabled": False, "nodeType": "REDIS_HIGHMEM_MEDIUM",
        "persistenceConfig": {"mode": "DISABLED"},
        "replicaCount": 0, "satisfiesPzi": False, "transitEncryptionMode": "TRANSIT_ENCRYPTION_MODE_DISABLED",
        "serverCaMode": "SERVER_CA_MODE_GOOGLE_MANAGED_PER_INSTANCE_CA" if secure else "SERVER_CA_MODE_UNSPECIFIED",
        "zoneDistributionConfig": {"mode": "MULTI_ZONE"}, **body, "name": name, "createTime": call.stamp,
        "uid": uuid_like(call.rng), "effectiveMaintenanceVersion": _MAINTENANCE,
    }  # fmt: skip
    if "kmsKey" in body:
        row["encryptionInfo"] = {
            "encryptionType": "CUSTOMER_MANAGED_ENCRYPTION",
            "kmsKeyVersions": [f"{body['kmsKey']}/cryptoKeyVersions/1"],
        }
    else:
        row["encryptionInfo"] = {"encryptionType": "GOOGLE_DEFAULT_ENCRYPTION"}
    if "maintenancePolicy" in row:
        row["maintenancePolicy"] = {**row["maintenancePolicy"], "createTime": call.stamp, "updateTime": call.stamp}
    return row | _sizes(row)


def _sizes(row: Json) -> Json:
    precise = round(_GIGABYTES.get(row["nodeType"], 13.0) * row["shardCount"], 1)
    return {"preciseSizeGb": precise, "sizeGb": math.ceil(precise)}


def _check(row: Json) -> None:
    if row["nodeType"] not in _GIGABYTES:
        raise bad("node_type", f"Node type {row['nodeType']} is not supported.")
    if not 1 <= row["shardCount"] <= _MOST_SHARDS:
        raise bad("shard_count", f"The number of shards must be between 1 and {_MOST_SHARDS}.")
    if not 0 <= row["replicaCount"] <= _MOST_REPLICAS:
        raise bad("replica_count", f"The number of replicas per shard must be between 0 and {_MOST_REPLICAS}.")


def _made(ending: Ending) -> None:
    row, key = ending.state.get(ending.args["key"]), ending.args["key"]
    if row is None:
        return
    if ending.failed:
        ending.state.delete(key)
        return
    if ending.args["network"]:
        row |= _endpoints(ending, row, ending.args["network"])
    ending.state.put(key, row)
    if "crossClusterReplicationConfig" in row:
        replicate(ending, row)
    settled(ending, "ACTIVE")


def _endpoints(ending: Ending, row: Json, network: str) -> Json:
    """Two connections by Private Service Connect: the first to find the cluster by, the second to its nodes."""
    project, region, rng = project_of(row["name"]), region_of(row["name"]), ending.moment.rng
    rules = f"https://www.googleapis.com/compute/v1/projects/{project}/regions/{region}/forwardingRules"
    own = f"projects/{digits(rng, 12)}/regions/{region}/serviceAttachments/gcp-memorystore-auto-{hexadecimal(rng, 16)}"
    number = int(digits(rng, 17))
    plain: list[Json] = [
        {
            "address": address, "forwardingRule": f"{rules}/sca-auto-fr-{uuid_like(rng)}", "network": network,
            "projectId": project, "pscConnectionId": str(number + index), "serviceAttachment": f"{own}-psc-sa{tail}",
        }
        for index, (tail, address) in enumerate(zip(("", "-2"), _addresses(ending, row, network), strict=True))
    ]  # fmt: skip
    finding = {"connectionType": "CONNECTION_TYPE_DISCOVERY"}
    active = {"pscConnectionStatus": "PSC_CONNECTION_STATUS_ACTIVE"}
    return {
        "discoveryEndpoints": [{"address": plain[0]["address"], "port": _PORT, "pscConfig": {"network": network}}],
        "pscConnections": plain,
        "pscServiceAttachments": [
            {"serviceAttachment": f"{own}-psc-sa", **finding}, {"serviceAttachment": f"{own}-psc-sa-2"},
        ],
        "clusterEndpoints": [{
            "connections": [
                {"pscAutoConnection": {**plain[0], **active, **finding}}, {"pscAutoConnection": {**plain[1], **active}},
            ]
        }],
    }  # fmt: skip


def _addresses(ending: Ending, row: Json, network: str) -> list[str]:
    """The next two addresses of the network's subnet in the region (recording), or of a block of their own."""
    state, rng = ending.state, ending.moment.rng
    home = projects.canonical(state, f"projects/{project_of(row['name'])}")
    path = projects.canonical(state, network[max(network.find("projects/"), 0) :])
    region = region_of(row["name"])
    taken = {
        connection["address"]
        for _, other in state.scan(f"redis.clusters/{home}/locations/{region}/")
        for connection in other.get("pscConnections", [])
    }
    for _, subnet in state.scan(f"compute.subnetworks/{home}/regions/{region}/"):
        at = subnet.get("network", "")
        if projects.canonical(state, at[max(at.find("projects/"), 0) :]) != path:
            continue
        first = int(ipaddress.ip_network(subnet["ipCidrRange"], strict=False).network_address) + 2
        free = (str(ipaddress.ip_address(first + offset)) for offset in range(2 + len(taken)))
        return [address for address in free if address not in taken][:2]
    block, last = f"10.{rng.randrange(1, 250)}.{rng.randrange(250)}", rng.randrange(2, 200)
    return [f"{block}.{last}", f"{block}.{last + 1}"]


# --- get, patch, delete ----------------------------------------------------------------------------------------


def _get(call: Call) -> Answer:
    return load(call)


def _patch(call: Call) -> Answer:
    row = ready(call, "ACTIVE")
    named = mask(call, _MUTABLE)
    after = masked(row, call.body, call.query("updateMask"))
    if "crossClusterReplicationConfig" in named:
        # Membership is the server's: the wish names the other clusters only.
        known = row.get("crossClusterReplicationConfig", {}).get("membership")
        after["crossClusterReplicationConfig"] = wished(call) | ({"membership": known} if known else {})
    _check(after)
    after |= _sizes(after)
    for name in _INPUT_ONLY:
        after.pop(name, None)
    marked(call, row["name"], row, "UPDATING")
    args = {"change": after, "replicate": "crossClusterReplicationConfig" in named}
    return begun(call, row["name"], "redis.cluster_changed", args)


def _changed(ending: Ending) -> None:
    settled(ending, "ACTIVE")
    if ending.args["replicate"] and not ending.failed and ending.response is not None:
        replicate(ending, ending.response)
        ending.response = shown_to_clients(ending.state.get(ending.args["key"]))


def _delete(call: Call) -> Answer:
    row = load(call)
    if row.get("deletionProtectionEnabled"):
        raise failed_precondition(f"The cluster '{row['name']}' is protected from deletion.")
    marked(call, row["name"], row, "DELETING")
    return begun(call, row["name"], "redis.cluster_gone", {})


def _gone(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is not None and not ending.failed and "crossClusterReplicationConfig" in row:
        leave(ending, row)
    gone(ending, "ACTIVE")


def _authority(call: Call) -> Answer:
    """The light data plane has no TLS: between BEGIN and END stands nothing."""
    name = shown(call).removesuffix("/certificateAuthority")
    row = call.state.get(generic.key_of(call, name)) or load(call)
    pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    return {
        "name": f"{row['name']}/certificateAuthority",
        "managedServerCa": {"caCerts": [{"certificates": [pem]}]},
    }


FINISHERS: dict[str, Finisher] = {
    "redis.cluster_made": _made, "redis.cluster_changed": _changed, "redis.cluster_gone": _gone,
}  # fmt: skip
_VERBS: dict[str, Behaviour] = {
    "create": _create, "get": _get, "patch": _patch, "delete": _delete, "getCertificateAuthority": _authority,
    "list": generic.listed,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {f"redis.projects.locations.clusters.{verb}": end for verb, end in _VERBS.items()}
