"""What a finished build of Cloud Build pushed comes to stand in the repository that its name says.

An image `<place>-docker.pkg.dev/<project>/<repository>/<image>:<tag>` becomes a package, a version (the digest) and a
tag, under `artifactregistry.{packages,versions,tags}/<repository>/packages/<image, percent-encoded>/…`.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from reconciler.localcloud import projects
from reconciler.localcloud.call import Moment
from reconciler.localcloud.values import Json

_IMAGE = re.compile(r"([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/([^/]+)/([^@]+?)(?::([\w][\w.-]*))?")
_BUILDS = "cloudbuild.builds/"


def record(moment: Moment) -> None:
    """Take note of the images of every build among the writes in hand that has just told its results."""
    for key in [key for key in moment.state.writes if key.startswith(_BUILDS)]:
        build = moment.state.get(key)
        pushed = ((build or {}).get("results") or {}).get("images") or []
        if pushed and not ((moment.state.before(key) or {}).get("results") or {}).get("images"):
            for image in pushed:
                _put(moment, image["name"], image.get("digest", ""))


def _put(moment: Moment, name: str, digest: str) -> None:
    found = _IMAGE.fullmatch(name)
    if found is None or not digest:
        return
    place, project, repository, image, tag = found.groups()
    path = projects.canonical(moment.state, f"projects/{project}/locations/{place}/repositories/{repository}")
    if moment.state.get(f"artifactregistry.repositories/{path}") is None:
        return
    package = f"{path}/packages/{quote(image, safe='')}"
    before = moment.state.get(f"artifactregistry.packages/{package}")
    row: Json = {"createTime": (before or {}).get("createTime", moment.stamp), "updateTime": moment.stamp}
    moment.state.put(f"artifactregistry.packages/{package}", row)
    version = f"artifactregistry.versions/{package}/versions/{digest}"
    if moment.state.get(version) is None:
        size = 20_000_000 + int(digest.rpartition(":")[2][:8] or "0", 16) % 200_000_000
        stamps = {"createTime": moment.stamp, "updateTime": moment.stamp}
        moment.state.put(version, {**stamps, "imageSizeBytes": str(size)})
    moment.state.put(f"artifactregistry.tags/{package}/tags/{tag or 'latest'}", {"version": digest})
