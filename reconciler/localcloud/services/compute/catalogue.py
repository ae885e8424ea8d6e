"""What Google offers everywhere and nobody creates: machine types, disk types, accelerators.

Recalled from the documentation (cloud.google.com/compute/docs: general-purpose-machines, disks, gpus),
as far as it can be told by rule: sizes and memory follow from the name of a machine type.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.localcloud.services.compute.world import zones
from reconciler.localcloud.values import Json

# Catalogue entries carry the epoch as Pacific time, as the real ones do.
_EPOCH = "1969-12-31T16:00:00.000-08:00"


def storage_location(place: str) -> str:
    """The multi-region where images and snapshots of a zone or region are kept unless told otherwise."""
    region = zones().get(place, place)
    return {"europe": "eu", "asia": "asia", "us": "us"}.get(region.split("-")[0], region)


def stable_id(text: str) -> str:
    """A number of 4 to 5 digits that is always the same for a name, as catalogue ids are."""
    return str(1000 + zlib.crc32(text.encode()) % 990_000)


# --- machine types ---------------------------------------------------------------------------------------------

_STANDARD, _HIGHMEM = (2, 4, 8, 16, 32, 48, 64, 80), (2, 4, 8, 16, 32, 48, 64, 80)
# Series: {variant: (megabytes a vCPU, vCPU counts)}
_SERIES: dict[str, dict[str, tuple[int, tuple[int, ...]]]] = {
    "n1": {"standard": (3840, (1, 2, 4, 8, 16, 32, 64, 96)), "highmem": (6656, (2, 4, 8, 16, 32, 64, 96)),
           "highcpu": (922, (2, 4, 8, 16, 32, 64, 96))},
    "n2": {"standard": (4096, (*_STANDARD, 96, 128)), "highmem": (8192, (*_HIGHMEM, 96, 128)),
           "highcpu": (1024, (*_STANDARD, 96))},
    "n2d": {"standard": (4096, (*_STANDARD, 96, 128, 224)), "highmem": (8192, (*_HIGHMEM, 96)),
            "highcpu": (1024, (*_STANDARD, 96, 128, 224))},
    "n4": {"standard": (4096, _STANDARD), "highmem": (8192, _HIGHMEM), "highcpu": (2048, _STANDARD)},
    "e2": {"standard": (4096, (2, 4, 8, 16, 32)), "highmem": (8192, (2, 4, 8, 16)),
           "highcpu": (1024, (2, 4, 8, 16, 32))},
    "c2": {"standard": (4096, (4, 8, 16, 30, 60))},
    "c2d": {"standard": (4096, (2, 4, 8, 16, 32, 56, 112)), "highmem": (8192, (2, 4, 8, 16, 32, 56, 112)),
            "highcpu": (2048, (2, 4, 8, 16, 32, 56, 112))},
    "c3": {"standard": (4096, (4, 8, 22, 44, 88, 176)), "highmem": (8192, (4, 8, 22, 44, 88, 176)),
           "highcpu": (2048, (4, 8, 22, 44, 88, 176))},
    "c3d": {"standard": (4096, (4, 8, 16, 30, 60, 90, 180, 360)), "highmem": (8192, (4, 8, 16, 30, 60, 90, 180, 360)),
            "highcpu": (2048, (4, 8, 16, 30, 60, 90, 180, 360))},
    "c4": {"standard": (3840, (2, 4, 8, 16, 32, 48, 96, 192)), "highmem": (7936, (2, 4, 8, 16, 32, 48, 96, 192)),
           "highcpu": (2048, (2, 4, 8, 16, 32, 48, 96, 192))},
    "t2d": {"standard": (4096, (1, 2, 4, 8, 16, 32, 48, 60))},
    "t2a": {"standard": (4096, (1, 2, 4, 8, 16, 32, 48))},
    "g2": {"standard": (4096, (4, 8, 12, 16, 24, 32, 48, 96))},
}  # fmt: skip
_SHARED = {"e2-micro": (2, 1024), "e2-small": (2, 2048), "e2-medium": (2, 4096), "f1-micro": (1, 614),
           "g1-small": (1, 1740)}  # fmt: skip
_CUSTOM = re.compile(r"^(?:(n1|n2|n2d|n4|e2|g2)-)?custom-(\d+)-(\d+)(?:-ext)?$")
_ARM = frozenset({"t2a", "c4a"})


def machine_types() -> Iterator[str]:
    """All names, in the order in which lists have them."""
    named = [f"{s}-{v}-{count}" for s, kinds in _SERIES.items() for v, (_, counts) in kinds.items() for count in counts]
    yield from sorted([*named, *_SHARED])


def machine_type(name: str) -> tuple[int, int] | None:
    """(vCPUs, megabytes) of a machine type, predefined or custom; None if there is no such type."""
    if name in _SHARED:
        return _SHARED[name]
    custom = _CUSTOM.fullmatch(name)
    if custom:
        return int(custom[2]), int(custom[3])
    series, _, rest = name.partition("-")
    variant, _, count = rest.partition("-")
    per_cpu, counts = _SERIES.get(series, {}).get(variant, (0, ()))
    return (int(count), int(count) * per_cpu) if count.isdigit() and int(count) in counts else None


def machine_type_body(name: str, zone: str, link: str) -> Json | None:
    """compute#machineType; `link` is its selfLink."""
    found = machine_type(name)
    if found is None:
        return None
    cpus, megabytes = found
    gigabytes = f"{megabytes / 1024:.2f}".rstrip("0").rstrip(".")
    shared = name in _SHARED
    return {
        "kind": "compute#machineType", "id": stable_id(f"machineTypes/{name}"), "creationTimestamp": _EPOCH,
        "name": name, "description": f"{cpus} vCPU{'s' * (cpus > 1)}, {gigabytes} GB RAM", "guestCpus": cpus,
        "memoryMb": megabytes, "imageSpaceGb": 0, "maximumPersistentDisks": 16 if shared else 128,
        "maximumPersistentDisksSizeGb": "3072" if shared else "263168", "zone": zone, "selfLink": link,
        "isSharedCpu": shared, "architecture": "ARM64" if name.split("-", maxsplit=1)[0] in _ARM else "X86_64",
    }  # fmt: skip


# --- disk types and accelerators ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiskType:
    """Sizes in gigabytes. `regional` is the smallest size as a regional disk, 0 if there is no such thing."""

    description: str
    default: int
    least: int
    most: int = 65536
    regional: int = 0


DISK_TYPES = {
    "hyperdisk-balanced": DiskType("Hyperdisk Balanced", 100, 4),
    "hyperdisk-balanced-high-availability": DiskType("Hyperdisk Balanced High Availability", 100, 4, regional=4),
    "hyperdisk-extreme": DiskType("Hyperdisk Extreme", 1000, 64),
    "hyperdisk-ml": DiskType("Hyperdisk ML", 100, 4),
    "hyperdisk-throughput": DiskType("Hyperdisk Throughput", 2048, 2048, 32768),
    "local-ssd": DiskType("Local SSD", 375, 375, 375),
    "pd-balanced": DiskType("Balanced Persistent Disk", 100, 10, regional=10),
    "pd-extreme": DiskType("Extreme Persistent Disk", 1000, 500),
    "pd-ssd": DiskType("SSD Persistent Disk", 100, 10, regional=10),
    "pd-standard": DiskType("Standard Persistent Disk", 500, 10, regional=200),
}
DEFAULT_DISK_TYPE = "pd-standard"


def disk_type_body(name: str, zone: str, region: str, link: str) -> Json | None:
    """compute#diskType of a zone, or of a region where the type has a regional form."""
    found = DISK_TYPES.get(name)
    if found is None or (region and not found.regional):
        return None
    where = {"region": region} if region else {"zone": zone}
    least = found.regional if region else found.least
    return {
        "kind": "compute#diskType", "id": stable_id(f"diskTypes/{name}"), "creationTimestamp": _EPOCH, "name": name,
        "description": found.description, "validDiskSize": f"{least}GB-{found.most}GB",
        "defaultDiskSizeGb": str(found.default), "selfLink": link, **where,
    }  # fmt: skip


# Name: (description, most cards in one instance)
ACCELERATORS = {
    "nvidia-a100-80gb": ("NVIDIA A100 80GB", 8), "nvidia-h100-80gb": ("NVIDIA H100 80GB", 8),
    "nvidia-l4": ("NVIDIA L4", 8), "nvidia-l4-vws": ("NVIDIA L4 Virtual Workstation", 8),
    "nvidia-tesla-a100": ("NVIDIA A100 40GB", 16), "nvidia-tesla-p100": ("NVIDIA Tesla P100", 4),
    "nvidia-tesla-p4": ("NVIDIA Tesla P4", 4), "nvidia-tesla-t4": ("NVIDIA T4", 4),
    "nvidia-tesla-t4-vws": ("NVIDIA Tesla T4 Virtual Workstation", 4), "nvidia-tesla-v100": ("NVIDIA V100", 8),
}  # fmt: skip


def accelerator_body(name: str, zone: str, link: str) -> Json | None:
    found = ACCELERATORS.get(name)
    if found is None:
        return None
    return {
        "kind": "compute#acceleratorType", "id": stable_id(f"acceleratorTypes/{name}"), "creationTimestamp": _EPOCH,
        "name": name, "description": found[0], "zone": zone, "selfLink": link, "maximumCardsPerInstance": found[1],
    }  # fmt: skip
