"""Disks, snapshots, images, and the policies that are attached to disks.

Sizes and minimums: cloud.google.com/compute/docs/disks. Field values from the recordings where they have them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.localcloud.services.compute import catalogue
from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.services.compute.places import STORED, full
from reconciler.localcloud.services.compute.sources import existing, image_of, type_of, unfound
from reconciler.localcloud.values import Json

_FROM_SOURCE = ("licenses", "licenseCodes", "guestOsFeatures", "architecture")
_WINDOW = "PT14400S"
_NOUNS = {
    "sourceImage": "image", "sourceSnapshot": "snapshot", "sourceDisk": "disk",
    "sourceInstantSnapshot": "instantSnapshot",
}  # fmt: skip


def concealed(key: Json | None) -> Json | None:
    """A customer's encryption key as it is shown: its digest, never the key."""
    if not key or "rawKey" not in key:
        return key
    kept = {name: value for name, value in key.items() if name != "rawKey"}
    try:
        raw = base64.b64decode(key["rawKey"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused("resource.diskEncryptionKey.rawKey", key["rawKey"], "The key is not valid base64.") from error
    return kept | {"sha256": base64.b64encode(hashlib.sha256(raw).digest()).decode()}


def conceal(body: Json) -> None:
    """Keys of a body as they may be shown."""
    for name in [name for name in body if name.endswith("EncryptionKey")]:
        body[name] = concealed(body[name])


def _source(draft: Draft) -> Json:
    """What the new disk or image is made of; its own URL and id are put into the body."""
    state, body, project = draft.call.state, draft.body, draft.place.project
    for name, noun in _NOUNS.items():
        if not body.get(name):
            continue
        link = full(state, body[name], project)
        found = image_of(state, link, project) if name == "sourceImage" else existing(state, link)
        if found is None:
            raise unfound(f"resource.{name}", link, noun)
        body[name], body[f"{name}Id"] = found["selfLink"], found["id"]
        return found
    return {}


def _size(source: Json, default: int) -> int:
    return int(source.get("diskSizeGb") or source.get("sizeGb") or default)


def zone_link(text: str, project: str) -> str:
    """A zone by its name, part of a URL or whole URL, as its URL."""
    return f"{STORED}projects/{project}/zones/{text.rsplit('/', 1)[-1]}"


def _disk(draft: Draft) -> None:
    conceal(draft.body)
    if draft.before is not None:
        return
    body, place, state = draft.body, draft.place, draft.call.state
    source = _source(draft)
    draft.default("type", full(state, f"{place.scope}/diskTypes/{catalogue.DEFAULT_DISK_TYPE}", place.project))
    kind = type_of(body["type"])
    if kind is None:
        raise refused("resource.type", body["type"], "The referenced diskType resource cannot be found.")
    wanted, smallest = body.get("sizeGb"), _size(source, 0)
    if wanted is not None and int(wanted) < smallest:
        noun = "image" if "sourceImage" in body else "snapshot" if "sourceSnapshot" in body else "source disk"
        why = f"Requested disk size cannot be smaller than the {noun} size ({smallest} GB)"
        raise refused("resource.sizeGb", wanted, why)
    if wanted is not None and not 1 <= int(wanted) <= kind.most:
        raise refused("resource.sizeGb", wanted, f"Disk size must be between 1 GB and {kind.most} GB.")
    draft.default("sizeGb", str(smallest or kind.default))
    for name in _FROM_SOURCE:
        if name in source:
            draft.default(name, source[name])
    zones = [zone_link(zone, place.project) for zone in body.get("replicaZones", [])]
    if zones:
        body["replicaZones"] = zones
    if place.scope.startswith("regions/") and len(zones) != 2:
        raise refused("resource.replicaZones", "", "A regional disk must have exactly two replica zones.")


def _image(draft: Draft) -> None:
    conceal(draft.body)
    if draft.before is not None:
        return
    body = draft.body
    source = _source(draft)
    if not source and not body.get("rawDisk"):
        why = "A source disk, image, snapshot or raw disk must be specified."
        raise refused("resource.sourceDisk", "", why)
    draft.default("diskSizeGb", str(_size(source, 10)))
    for name in _FROM_SOURCE:
        if name in source:
            draft.default(name, source[name])
    origin = body.get("sourceDisk", "").split("/")
    place = origin[-3] if len(origin) > 3 else "us-central1"
    draft.default("storageLocations", [catalogue.storage_location(place)])


def snapshot_of(disk: Json, link: str) -> Json:
    """The fields of a snapshot that come from its disk."""
    place = link.split("/")[-3]
    copied = {name: disk[name] for name in _FROM_SOURCE if name in disk}
    return copied | {
        "diskSizeGb": disk["sizeGb"], "sourceDisk": link, "sourceDiskId": disk["id"],
        "storageLocations": [catalogue.storage_location(place)],
    }  # fmt: skip


def _snapshot(draft: Draft) -> None:
    conceal(draft.body)
    if draft.before is not None:
        return
    link = draft.body.get("sourceDisk")
    if not link:
        raise refused("resource.sourceDisk", "", "A source disk must be specified.")
    link = full(draft.call.state, link, draft.place.project)
    disk = existing(draft.call.state, link)
    if disk is None:
        raise unfound("resource.sourceDisk", link, "disk")
    for name, value in snapshot_of(disk, link).items():
        draft.default(name, value)


def _policy(draft: Draft) -> None:
    schedule = draft.body.get("snapshotSchedulePolicy", {}).get("schedule", {})
    for name in ("dailySchedule", "hourlySchedule"):
        if name in schedule:
            schedule[name].setdefault("duration", _WINDOW)
    for day in schedule.get("weeklySchedule", {}).get("dayOfWeeks", []):
        day.setdefault("duration", _WINDOW)
    kept = draft.body.get("snapshotSchedulePolicy", {}).get("retentionPolicy")
    if kept is not None:
        kept.setdefault("onSourceDiskDelete", "KEEP_AUTO_SNAPSHOTS")
    kinds = [name for name in draft.body if name.endswith("Policy")]
    if draft.before is None and not kinds:
        raise refused("resource", "", "Exactly one type of resource policy must be specified.")


def with_policies(disk: Json, links: Iterable[str]) -> Json:
    """The disk (or instance) with more resource policies, each once."""
    kept = [*disk.get("resourcePolicies", [])]
    return disk | {"resourcePolicies": [*kept, *(link for link in links if link not in kept)]}


def without_policies(disk: Json, links: Iterable[str]) -> Json:
    gone = set(links)
    kept = [link for link in disk.get("resourcePolicies", []) if link not in gone]
    rest = {name: value for name, value in disk.items() if name != "resourcePolicies"}
    return rest | ({"resourcePolicies": kept} if kept else {})


def resized(disk: Json, size: str) -> Json:
    """A bigger disk. Refused (GoogleError 400) when it is not bigger."""
    if int(size) <= int(disk["sizeGb"]):
        said = f"New disk size '{size}' GiB must be larger than existing size '{disk['sizeGb']}' GiB."
        raise refused("sizeGb", size, said)
    kind = type_of(disk["type"])
    if kind and int(size) > kind.most:
        raise refused("sizeGb", size, f"Disk size must be between 1 GB and {kind.most} GB.")
    return disk | {"sizeGb": size}


_DISK = Kind(
    defaults={"status": "READY", "physicalBlockSizeBytes": "4096", "enableConfidentialCompute": False,
              "satisfiesPzi": True},
    fill=_disk,
    immutable=frozenset({"type", "sourceImage", "sourceSnapshot", "sourceDisk", "physicalBlockSizeBytes"}),
    used_by=("instances",),
    unready=True,
    until="CREATING",
)  # fmt: skip
MESSAGES: dict[str, Mapping[str, Any]] = {}
KINDS: dict[str, Kind] = {
    "disks": _DISK,
    "images": Kind(
        defaults={"status": "READY", "sourceType": "RAW", "archiveSizeBytes": "1073741824",
                  "enableConfidentialCompute": False, "satisfiesPzi": True},
        fill=_image,
        at_once=frozenset({"setLabels"}),
        unready=True, until="PENDING",
    ),
    "snapshots": Kind(
        defaults={"status": "READY", "creationSizeBytes": "0", "downloadBytes": "5086", "storageBytes": "0",
                  "storageBytesStatus": "UP_TO_DATE", "autoCreated": False, "enableConfidentialCompute": False,
                  "satisfiesPzi": True},
        fill=_snapshot, unready=True, until="CREATING",
    ),
    "resourcePolicies": Kind(defaults={"status": "READY"}, fill=_policy,
                             used_by=("disks", "instances")),
}  # fmt: skip
