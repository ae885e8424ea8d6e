"""Images of Google's public projects, readable by everyone: one current image a family.

Names and the id of Debian 11 as recorded; the others recalled. The dates are those of one release day, because
what "latest" means must not depend on the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.localcloud.services.compute.catalogue import stable_id
from reconciler.localcloud.values import Json

_CREATED = "2023-10-10T09:22:31.204-07:00"
_FEATURES = ("UEFI_COMPATIBLE", "VIRTIO_SCSI_MULTIQUEUE", "GVNIC", "SEV_CAPABLE")


@dataclass(frozen=True)
class PublicImage:
    """`license` is the name of the licence in the image's project; sizes are gigabytes."""

    name: str
    license: str
    size: int = 10
    description: str = ""
    architecture: str = "X86_64"
    id: str = ""


def _debian(number: int, word: str, date: str, identity: str = "") -> PublicImage:
    name = f"debian-{number}-{word}"
    said = f"Debian, Debian GNU/Linux, {number} ({word}), amd64 built on {date}"
    return PublicImage(f"{name}-v{date}", name, 10, said, id=identity)


PROJECTS: dict[str, dict[str, PublicImage]] = {
    "debian-cloud": {
        "debian-11": _debian(11, "bullseye", "20231010", "2443108620951880213"),
        "debian-12": _debian(12, "bookworm", "20231010"),
        "debian-13": _debian(13, "trixie", "20250910"),
    },
    "ubuntu-os-cloud": {
        "ubuntu-2004-lts": PublicImage("ubuntu-2004-focal-v20231101", "ubuntu-2004-lts"),
        "ubuntu-2204-lts": PublicImage("ubuntu-2204-jammy-v20231030", "ubuntu-2204-lts"),
        "ubuntu-2404-lts-amd64": PublicImage("ubuntu-2404-noble-amd64-v20240607", "ubuntu-2404-lts"),
        "ubuntu-minimal-2204-lts": PublicImage("ubuntu-minimal-2204-jammy-v20231030", "ubuntu-2204-lts"),
    },
    "cos-cloud": {
        "cos-stable": PublicImage("cos-stable-109-17800-66-27", "cos-stable"),
        "cos-beta": PublicImage("cos-beta-113-18244-1-14", "cos-beta"),
        "cos-109-lts": PublicImage("cos-109-17800-66-27", "cos-109"),
        "cos-113-lts": PublicImage("cos-113-18244-85-14", "cos-113"),
    },
    "centos-cloud": {"centos-7": PublicImage("centos-7-v20231010", "centos-7", 20),
                     "centos-stream-9": PublicImage("centos-stream-9-v20231010", "centos-stream-9", 20)},
    "rocky-linux-cloud": {"rocky-linux-8": PublicImage("rocky-linux-8-v20231010", "rocky-linux-8", 20),
                          "rocky-linux-9": PublicImage("rocky-linux-9-v20231010", "rocky-linux-9", 20)},
    "rhel-cloud": {"rhel-8": PublicImage("rhel-8-v20231010", "rhel-8-server", 20),
                   "rhel-9": PublicImage("rhel-9-v20231010", "rhel-9-server", 20)},
    "windows-cloud": {"windows-2019": PublicImage("windows-server-2019-dc-v20231011", "windows-server-2019-dc", 50),
                      "windows-2022": PublicImage("windows-server-2022-dc-v20231011", "windows-server-2022-dc", 50)},
    "fedora-coreos-cloud": {},
}  # fmt: skip
# What `debian-cloud/debian-11` means in the short form that instances.insert takes is a family or a name.
_DEFAULT_ARCHIVE = "1073741824"


def image(project: str, name: str, base: str) -> Json | None:
    """compute#image of a public project by name; `base` is the address of the API with a slash at its end."""
    for family, found in PROJECTS.get(project, {}).items():
        if found.name == name:
            return _body(project, family, found, base)
    return None


def of_family(project: str, family: str, base: str) -> Json | None:
    found = PROJECTS.get(project, {}).get(family)
    return _body(project, family, found, base) if found else None


def images(project: str, base: str) -> Iterator[Json]:
    for family, found in sorted(PROJECTS.get(project, {}).items()):
        yield _body(project, family, found, base)


def _body(project: str, family: str, found: PublicImage, base: str) -> Json:
    home = f"{base}projects/{project}/global"
    return {
        "kind": "compute#image", "id": found.id or "24431086" + stable_id(found.name), "creationTimestamp": _CREATED,
        "name": found.name, "description": found.description or found.name, "sourceType": "RAW",
        "rawDisk": {"source": "", "containerType": "TAR"}, "status": "READY", "archiveSizeBytes": _DEFAULT_ARCHIVE,
        "diskSizeGb": str(found.size), "licenses": [f"{home}/licenses/{found.license}"], "family": family,
        "selfLink": f"{home}/images/{found.name}", "labelFingerprint": "42WmSpB8rSM=",
        "guestOsFeatures": [{"type": feature} for feature in _FEATURES],
        "licenseCodes": [stable_id(found.license)], "storageLocations": ["asia", "eu", "us"],
        "architecture": found.architecture, "enableConfidentialCompute": False,
    }  # fmt: skip
