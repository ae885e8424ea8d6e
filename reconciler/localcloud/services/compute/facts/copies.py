"""Copies of machines and disks, and pools and commitments: what Google fills in.

Recalled from the reference of each kind (cloud.google.com/compute/docs/reference/rest/v1): no recording has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.services.compute import catalogue
from reconciler.localcloud.services.compute.facts.capacity import later
from reconciler.localcloud.services.compute.facts.disks import conceal, snapshot_of
from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.services.compute.places import full
from reconciler.localcloud.services.compute.sources import existing, unfound
from reconciler.localcloud.values import Json

_YEAR = 365 * 86_400
_COPIED = (
    "machineType", "canIpForward", "networkInterfaces", "disks", "metadata", "tags", "labels", "serviceAccounts",
    "scheduling", "guestAccelerators", "minCpuPlatform", "shieldedInstanceConfig",
)  # fmt: skip


def _source(draft: Draft, name: str, noun: str) -> Json:
    link = full(draft.call.state, str(draft.body.get(name) or ""), draft.place.project)
    found = existing(draft.call.state, link)
    if found is None:
        raise unfound(f"resource.{name}", link, noun)
    draft.body[name] = found["selfLink"]
    return found


def _machine_image(draft: Draft) -> None:
    conceal(draft.body)
    if draft.before is not None:
        return
    source = _source(draft, "sourceInstance", "instance")
    properties: Json = {name: source[name] for name in _COPIED if name in source}
    properties["machineType"] = str(properties.get("machineType", "")).rsplit("/", 1)[-1]
    saved, size = [], 0
    for disk in properties.get("disks", []):
        size += int(disk.get("diskSizeGb", 0))
        saved.append({
            "kind": "compute#savedDisk", "sourceDisk": disk.get("source", ""), "storageBytes": "0",
            "storageBytesStatus": "UP_TO_DATE", "architecture": disk.get("architecture", "X86_64"),
        })  # fmt: skip
    draft.body |= {"instanceProperties": properties, "savedDisks": saved, "totalStorageBytes": "0"}
    draft.default("storageLocations", [catalogue.storage_location(source["selfLink"].split("/")[-3])])


def _instant_snapshot(draft: Draft) -> None:
    if draft.before is not None:
        return
    disk = _source(draft, "sourceDisk", "disk")
    for name, value in snapshot_of(disk, disk["selfLink"]).items():
        if name in ("diskSizeGb", "sourceDiskId", "architecture"):
            draft.default(name, value)


def _pool(draft: Draft) -> None:
    body = draft.body
    if not body.get("storagePoolType"):
        raise refused("resource.storagePoolType", "", "A storage pool type must be specified.")
    used: Json = {
        "diskCount": "0", "poolUsedCapacityBytes": "0", "poolUsedIops": "0", "poolUsedThroughput": "0",
        "poolUserWrittenBytes": "0", "totalProvisionedDiskCapacityGb": "0", "totalProvisionedDiskIops": "0",
        "totalProvisionedDiskThroughput": "0",
    }  # fmt: skip
    draft.default("resourceStatus", used)
    draft.default("status", used)


def _commitment(draft: Draft) -> None:
    body = draft.body
    years = {"TWELVE_MONTH": 1, "THIRTY_SIX_MONTH": 3}.get(str(body.get("plan")))
    if years is None:
        raise refused("resource.plan", body.get("plan", ""), "The plan must be TWELVE_MONTH or THIRTY_SIX_MONTH.")
    draft.default("startTimestamp", draft.call.stamp)
    draft.default("endTimestamp", later(body["startTimestamp"], {"seconds": years * _YEAR}))


MESSAGES: dict[str, Mapping[str, Any]] = {}
KINDS: dict[str, Kind] = {
    "machineImages": Kind(
        defaults={"status": "READY", "guestFlush": False, "satisfiesPzi": True},
        fill=_machine_image, required=("sourceInstance",), unready=True, until="CREATING",
    ),
    "instantSnapshots": Kind(
        defaults={"status": "READY", "resourceStatus": {"storageSizeBytes": "0"}, "satisfiesPzi": True},
        fill=_instant_snapshot, required=("sourceDisk",), unready=True, until="CREATING",
    ),
    "storagePools": Kind(
        defaults={"state": "READY", "capacityProvisioningType": "ADVANCED", "performanceProvisioningType": "ADVANCED"},
        fill=_pool, used_by=("disks",), noun="storage_pool",
    ),
    "commitments": Kind(
        defaults={"status": "ACTIVE", "statusMessage": "The commitment is active, and so will apply to current "
                  "resource usage.", "category": "MACHINE", "type": "GENERAL_PURPOSE", "autoRenew": False},
        fill=_commitment,
    ),
    "resizeRequests": Kind(defaults={"state": "ACCEPTED"}, required=("resizeBy",)),
}  # fmt: skip
