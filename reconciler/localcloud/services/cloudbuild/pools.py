"""Worker pools: project numbers in their names, and a deletion that ends at once (recording).

The recording has operations below the pool's own name; gcloud 528 takes them directly in the location only. So they
are told as gcloud needs them, and answer under both names.
"""

from __future__ import annotations

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import exists, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.cloudbuild.builds import project_of
from reconciler.localcloud.services.cloudbuild.ends import TYPE
from reconciler.localcloud.values import Json, digits, etag_like, uuid_like

_SERVER = ("name", "uid", "createTime", "state", "etag", "updateTime")


def _load(call: Call) -> Json:
    row = call.state.get(generic.key_of(call, call.subject))
    if row is None:
        raise not_found()
    return row


def _operation(call: Call, verb: str, path: str) -> Work:
    numbered = projects.canonical(call.state, path)
    metadata = {"@type": f"{TYPE}{verb}WorkerPoolOperationMetadata", "workerPool": numbered, "createTime": call.stamp}
    name = f"{numbered.partition('/workerPools/')[0]}/operations/{uuid_like(call.rng)}"
    return Work(name, "cloudbuild.pool_changed", {"key": generic.key_of(call, path)}, metadata, TYPE + "WorkerPool")


def _complete(call: Call, row: Json) -> Json:
    """Defaults of https://cloud.google.com/build/docs/private-pools/worker-pool-config-file-schema."""
    config: Json = dict(row.get("privatePoolV1Config") or {})
    config["workerConfig"] = {"diskSizeGb": "100", "machineType": "e2-medium", **(config.get("workerConfig") or {})}
    network = dict(config.get("networkConfig") or {})
    if network.get("peeredNetwork"):
        network["peeredNetwork"] = projects.canonical(call.state, network["peeredNetwork"])
    if not config.get("privateServiceConnect"):
        network.setdefault("egressOption", "PUBLIC_EGRESS")
    if network:
        config["networkConfig"] = network
    if int(config["workerConfig"]["diskSizeGb"]) > 4000:
        raise invalid("The disk size of a worker must not exceed 4000 GB.", ("worker_pool.disk_size_gb", "invalid"))
    return {**row, "privatePoolV1Config": config, "etag": etag_like(call.rng), "updateTime": call.stamp}


def _create(call: Call) -> Answer:
    path = f"{call.subject}/workerPools/{call.query('workerPoolId')}"
    project_of(call)
    if not call.query("workerPoolId"):
        raise invalid("Request contains an invalid argument.", ("worker_pool_id", "required"))
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists("Requested entity already exists")
    row = _complete(call, {name: value for name, value in call.body.items() if name not in _SERVER})
    row |= {
        "name": projects.canonical(call.state, path), "uid": digits(call.rng, 21), "createTime": call.stamp,
        "state": "CREATING",
    }  # fmt: skip
    work = _operation(call, "Create", path)
    if not call.flag("validateOnly"):
        call.state.put(generic.key_of(call, path), row)
    return operations.rendered(operations.start(call, work))


def _changed(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is not None:
        row["state"] = "RUNNING"
        ending.state.put(ending.args["key"], row)
    ending.response = row


def _get(call: Call) -> Answer:
    return _load(call)


def _patch(call: Call) -> Answer:
    """The name is told afterwards as the request wrote it (recording)."""
    stored = _load(call)
    generic.check_etag(call, stored)
    body = {name: value for name, value in call.body.items() if name not in _SERVER}
    mask = call.query("updateMask")
    row = masked(stored, body, mask, call.api.schema("WorkerPool")["properties"]) if mask else {**stored, **body}
    before, after = (
        (one.get("privatePoolV1Config", {}).get("networkConfig") or {}).get("peeredNetwork") for one in (stored, row)
    )
    if before and projects.canonical(call.state, after or "") != before:
        raise invalid("The peered network of a worker pool cannot be changed.", ("peered_network", "immutable"))
    row = _complete(call, row) | {"name": call.body.get("name") or stored["name"], "state": "UPDATING"}
    call.state.put(generic.key_of(call, call.subject), row)
    return operations.rendered(operations.start(call, _operation(call, "Update", call.subject)))


def _delete(call: Call) -> Answer:
    """Done when it is answered, with an empty pool (recording)."""
    stored = call.state.get(generic.key_of(call, call.subject))
    if stored is None and not call.flag("allowMissing"):
        raise not_found()
    if stored is not None:
        generic.check_etag(call, stored)
        call.state.delete(generic.key_of(call, call.subject))
    work = _operation(call, "Delete", call.subject)
    if work.metadata is not None:
        work.metadata["completeTime"] = call.stamp
    return operations.rendered(operations.finished(call, work, {}))


_P = "cloudbuild.projects.locations.workerPools."
METHODS = {
    f"{_P}create": _create, f"{_P}get": _get, f"{_P}patch": _patch, f"{_P}delete": _delete,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"cloudbuild.pool_changed": _changed}
