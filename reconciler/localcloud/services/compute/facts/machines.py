"""Instances and their templates: what Google fills in when a request leaves it out.

From the recordings of templates and the reference (cloud.google.com/compute/docs/reference/rest/v1/instances); the
answers of instances in the recordings come from a stand-in that fills in next to nothing, so the rest is recalled.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.localcloud import projects
from reconciler.localcloud.services.compute import catalogue
from reconciler.localcloud.services.compute.addressing import external_address, placed_in_network
from reconciler.localcloud.services.compute.facts.disks import concealed
from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.services.compute.places import STORED, full
from reconciler.localcloud.services.compute.sources import existing, unfound
from reconciler.localcloud.values import Json

# Series that `catalogue` does not list are not judged.
_MACHINE = re.compile(r"^[a-z]\d+[a-z]*(-[a-z0-9]+)+$")
_SHIELD = {"enableSecureBoot": False, "enableVtpm": True, "enableIntegrityMonitoring": True}
_PLATFORMS = {
    "n1": "Intel Haswell", "n2": "Intel Cascade Lake", "n2d": "AMD Rome", "e2": "Intel Broadwell", "c2":
    "Intel Cascade Lake", "c3": "Intel Sapphire Rapids", "c4": "Intel Emerald Rapids", "t2d": "AMD Milan",
    "t2a": "Ampere Altra", "n4": "Intel Emerald Rapids",
}  # fmt: skip


def fingerprint(value: Any) -> str:
    """Always the same for the same content, as fingerprints of metadata, tags and interfaces are."""
    text = json.dumps(value, sort_keys=True).encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()


def machine_link(text: str, scope: str, project: str) -> str:
    """A machine type by its name or any form of URL, in full. GoogleError 400 for one that does not exist."""
    name = text.rsplit("/", 1)[-1]
    zone = scope.rsplit("/", 1)[-1]
    series = name.split("-", 1)[0]
    listed = any(known.split("-", 1)[0] == series for known in catalogue.machine_types())
    if (listed and catalogue.machine_type(name) is None) or not (_MACHINE.match(name) or catalogue.machine_type(name)):
        said = f"Machine type with name '{name}' does not exist in zone '{zone}'."
        raise refused("resource.machineType", text, said)
    return f"{STORED}projects/{project}/{scope}/machineTypes/{name}"


def scheduled(body: Json) -> None:
    """Preemptible machines are neither moved nor started again; all others are both."""
    given = body.get("scheduling") or {}
    spot = bool(given.get("preemptible")) or given.get("provisioningModel") == "SPOT"
    usual: Json = {
        "automaticRestart": not spot, "onHostMaintenance": "TERMINATE" if spot else "MIGRATE", "preemptible": spot,
        "provisioningModel": "SPOT" if spot else "STANDARD",
    }  # fmt: skip
    body["scheduling"] = usual | given


def marked(body: Json) -> None:
    """Fingerprints of what is changed with one, and the numbers of interfaces and disks."""
    metadata = body.setdefault("metadata", {})
    metadata |= {"kind": "compute#metadata", "fingerprint": fingerprint(metadata.get("items", []))}
    tags = body.setdefault("tags", {})
    tags["fingerprint"] = fingerprint(tags.get("items", []))
    for number, interface in enumerate(body.get("networkInterfaces", [])):
        interface["name"] = f"nic{number}"
        own = {name: value for name, value in interface.items() if name != "fingerprint"}
        interface["fingerprint"] = fingerprint(own)
    for number, disk in enumerate(body.get("disks", [])):
        disk["index"] = number
        if "diskEncryptionKey" in disk:
            disk["diskEncryptionKey"] = concealed(disk["diskEncryptionKey"])


def _template(draft: Draft) -> None:
    body = draft.body.get("properties")
    if body is None:
        if not draft.body.get("sourceInstance"):
            raise refused("resource.properties", "", "Instance properties must be specified.")
        body = draft.body["properties"] = _of_instance(draft)
    if not body.get("machineType"):
        raise refused("resource.properties.machineType", "", "Machine type must be specified.")
    for number, disk in enumerate(body.get("disks", [])):
        # Recorded: the boot disk's device is called `boot`.
        disk.setdefault("deviceName", "boot" if disk.get("boot") else f"persistent-disk-{number}")
    for number, interface in enumerate(body.get("networkInterfaces", [])):
        interface.setdefault("name", f"nic{number}")
    scheduled(body)
    marked(body)
    for interface in body.get("networkInterfaces", []):
        del interface["fingerprint"]
    body["tags"] = {name: value for name, value in body["tags"].items() if name == "items"}


def _of_instance(draft: Draft) -> Json:
    link = full(draft.call.state, draft.body["sourceInstance"], draft.place.project)
    source = existing(draft.call.state, link)
    if source is None:
        raise unfound("resource.sourceInstance", link, "instance")
    kept = ("machineType", "networkInterfaces", "disks", "metadata", "tags", "labels", "serviceAccounts", "scheduling")
    copied: Json = {name: source[name] for name in kept if name in source}
    copied["machineType"] = copied.get("machineType", "").rsplit("/", 1)[-1]
    return copied


def _instance(draft: Draft) -> None:
    body, place, state = draft.body, draft.place, draft.call.state
    if body.get("machineType"):
        # Not required: the recordings have instances without one.
        body["machineType"] = machine_link(body["machineType"], place.scope, place.project)
        series = body["machineType"].rsplit("/", 1)[-1].split("-", 1)[0]
        draft.default("cpuPlatform", body.get("minCpuPlatform") or _PLATFORMS.get(series, "Intel Broadwell"))
    for number, disk in enumerate(body.get("disks", [])):
        _attached(draft, disk, number)
    for interface in body.get("networkInterfaces", []):
        placed_in_network(state, place, interface)
        for config in interface.get("accessConfigs", []):
            reserved = existing(state, config.get("natIP", ""))
            if reserved and "address" in reserved:
                config["natIP"] = reserved["address"]
            if not config.get("natIP"):
                config["natIP"] = external_address(draft.call.rng)
    for account in body.get("serviceAccounts", []):
        if account.get("email") in (None, "", "default"):
            owner = projects.find(state, place.project) or {"number": "0"}
            account["email"] = f"{owner['number']}-compute@developer.gserviceaccount.com"
    scheduled(body)
    marked(body)
    if draft.before is None:
        draft.default("lastStartTimestamp", draft.call.stamp)


def _attached(draft: Draft, disk: Json, number: int) -> None:
    disk.setdefault("deviceName", f"persistent-disk-{number}")
    source = disk.get("source")
    if not source:
        return
    link = full(draft.call.state, source, draft.place.project)
    if "/" not in source:
        link = f"{STORED}{draft.place.parent}/disks/{source}"
    row = existing(draft.call.state, link)
    if row is None:
        raise unfound(f"resource.disks[{number}].source", link, "disk")
    disk["source"] = link
    disk["diskSizeGb"] = row["sizeGb"]
    for name in ("licenses", "guestOsFeatures", "architecture"):
        if name in row:
            disk[name] = row[name]


MESSAGES: dict[str, Mapping[str, Any]] = {
    "AttachedDisk": {"mode": "READ_WRITE", "type": "PERSISTENT", "interface": "SCSI"},
    "AccessConfig": {"type": "ONE_TO_ONE_NAT", "name": "External NAT", "networkTier": "PREMIUM"},
    "NetworkInterface": {"stackType": "IPV4_ONLY"},
}
KINDS: dict[str, Kind] = {
    "instances": Kind(
        defaults={"status": "RUNNING", "startRestricted": False, "deletionProtection": False, "canIpForward": False,
                  "shieldedInstanceConfig": _SHIELD, "satisfiesPzi": True, "resourceStatus": {"scheduling": {}},
                  "shieldedInstanceIntegrityPolicy": {"updateAutoLearnPolicy": True}},
        fill=_instance, unready=True, until="STAGING",
    ),
    "instanceTemplates": Kind(
        fill=_template, dotted=True, noun="instance_template",
        used_by=("instanceGroupManagers",),
    ),
}  # fmt: skip
