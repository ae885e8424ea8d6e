"""Images, disks and snapshots by reference: what a new disk, image or instance is made of."""

from __future__ import annotations

import re

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import catalogue, public_images
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import STORED, full, parsed, prefix_of, stored_at
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, seconds_of

# gcloud names a family by its view: `projects/debian-cloud/zones/-/imageFamilyViews/debian-12`.
_IMAGE = re.compile(r"^projects/([^/]+)/(?:global/images/(family/)?|zones/[^/]+/(imageFamilyViews)/)([^/]+)$")
# `debian-cloud/debian-12` and `family/web` are understood as well; the former may mean a family or an image.
_SHORT = re.compile(r"^(?:([a-z][a-z0-9-]*)/)?(?:(family)/)?([^/]+)$")


def unfound(field: str, link: str, noun: str) -> GoogleError:
    """How compute refuses a body that refers to nothing."""
    return refused(field, link, f"The referenced {noun} resource cannot be found.")


def image_of(state: State, link: str, project: str) -> Json | None:
    """The image that a URL, a family or a short name means; of a family the newest."""
    path = full(state, link, project).removeprefix(STORED)
    found = _IMAGE.match(path)
    if found:
        find = in_family if found[2] or found[3] else named
        return find(state, found[1], found[4])
    short = _SHORT.match(path)
    if short is None:
        return None
    owner, name = short[1] or project, short[3]
    if short[2] or short[1] == "family":
        return in_family(state, project if short[1] == "family" else owner, name)
    return in_family(state, owner, name) or named(state, owner, name)


def named(state: State, project: str, name: str) -> Json | None:
    public = public_images.image(project, name, STORED)
    return public or existing(state, f"{STORED}projects/{project}/global/images/{name}")


def in_family(state: State, project: str, family: str) -> Json | None:
    """The newest image of a family that is not deprecated."""
    public = public_images.of_family(project, family, STORED)
    if public:
        return public
    rows = (row for _, row in state.scan(prefix_of(state, "images", f"projects/{project}/global")))
    mine = [row for row in rows if row.get("family") == family and not row.get("deprecated", {}).get("state")]
    return max(mine, key=lambda row: (seconds_of(row["creationTimestamp"]), row["name"]), default=None)


def existing(state: State, link: str) -> Json | None:
    """The stored resource that a full URL means."""
    place = parsed(link)
    found = stored_at(state, place) if place else None
    return found[1] if found else None


def type_of(link: str) -> catalogue.DiskType | None:
    return catalogue.DISK_TYPES.get(link.rsplit("/", 1)[-1])
