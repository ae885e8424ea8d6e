"""Replication across clusters: one is primary, the others follow it, and each says who all of them are (recording)."""

from __future__ import annotations

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.operations import Ending
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json


def wished(call: Call) -> Json:
    """The replication that a body asks for. The discovery document calls names of remote clusters output only and has
    them dropped; the recording sends them. The role follows from which clusters are named."""
    sent = orjson.loads(call.request.body)
    config = sent.get("crossClusterReplicationConfig") or sent.get("cross_cluster_replication_config") or {}
    primary = _named([config.get("primaryCluster") or config.get("primary_cluster")])
    secondaries = _named(config.get("secondaryClusters") or config.get("secondary_clusters") or [])
    if primary:
        return {"clusterRole": "SECONDARY", "primaryCluster": primary[0]}
    return {"clusterRole": "PRIMARY", "secondaryClusters": secondaries} if secondaries else {"clusterRole": "NONE"}


def _named(entries: object) -> list[Json]:
    found = entries if isinstance(entries, list) else []
    return [
        {"cluster": entry["cluster"]}
        for entry in found
        if isinstance(entry, dict) and isinstance(entry.get("cluster"), str)
    ]


def _key(state: State, name: str) -> str:
    return f"redis.clusters/{projects.canonical(state, name)}"


def _reference(state: State, name: str) -> Json:
    return {"cluster": name, "uid": (state.get(_key(state, name)) or {}).get("uid", "")}


def _members(state: State, row: Json) -> list[str]:
    """The names of all clusters of a replication group, the primary first."""
    config = row.get("crossClusterReplicationConfig", {})
    membership = config.get("membership", {})
    first = membership.get("primaryCluster") or config.get("primaryCluster") or {}
    rest = [*membership.get("secondaryClusters", []), *config.get("secondaryClusters", [])]
    named = [entry["cluster"] for entry in [first, *rest] if entry.get("cluster")]
    return [name for name in dict.fromkeys(named) if state.get(_key(state, name)) is not None]


def replicate(ending: Ending, row: Json) -> None:
    """What one cluster's configuration means for all of its group: one is primary, the others follow it."""
    state, own = ending.state, row["name"]
    config = row["crossClusterReplicationConfig"]
    role = config.get("clusterRole", "NONE")
    if role == "SECONDARY":
        primary = config.get("primaryCluster", {}).get("cluster", "")
        stored = state.get(_key(state, primary)) or {}
        group = [primary, *_members(state, stored), own]
    elif role == "PRIMARY":
        group = [own, *_members(state, row)]
    else:
        leave(ending, row)
        return
    _assign(ending, list(dict.fromkeys(group)))


def _assign(ending: Ending, group: list[str]) -> None:
    """Write the group into each of its clusters; the first is the primary."""
    state, first, rest = ending.state, group[0], group[1:]
    head, tail = _reference(state, first), [_reference(state, name) for name in rest]
    membership = {"primaryCluster": head} | ({"secondaryClusters": tail} if tail else {})
    for name in group:
        row = state.get(_key(state, name))
        if row is None:
            continue
        if not tail:
            row.pop("crossClusterReplicationConfig", None)
        else:
            more: Json = {"clusterRole": "PRIMARY", "secondaryClusters": tail}
            if name != first:
                more = {"clusterRole": "SECONDARY", "primaryCluster": head}
            row["crossClusterReplicationConfig"] = {**more, "membership": membership, "updateTime": ending.stamp}
        state.put(_key(state, name), row)


def leave(ending: Ending, row: Json) -> None:
    """A cluster that detaches or goes; what is left of its group goes on."""
    left = [name for name in _members(ending.state, row) if name != row["name"]]
    row.pop("crossClusterReplicationConfig", None)
    ending.state.put(_key(ending.state, row["name"]), row)
    if left:
        _assign(ending, left)
