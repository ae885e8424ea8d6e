"""Which API a host name of Google's means, and where its requests go in the core: `/<service>/<path>`.

Forms, from the discovery documents (`rootUrl`, `mtlsRootUrl`, `endpoints`) and from what clients were seen to call:
`run.googleapis.com`, `europe-west1-run.googleapis.com`, `run.mtls.googleapis.com`,
`run.europe-west1.rep.googleapis.com`, `www.googleapis.com/compute/v1/…`, `<bucket>.storage.googleapis.com/<object>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

GOOGLE = ".googleapis.com"
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]{2,}")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_REGIONAL = re.compile(r"([a-z]+-[a-z]+[0-9]+)-([a-z][a-z0-9-]*)")
# The names that the plain door has. gcloud puts a region in front of whatever endpoint it is given for Cloud Run.
_LOOPBACK = re.compile(r"(?:[a-z]+-[a-z]+[0-9]+-)?(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")
# What may stand before the API's name on www.googleapis.com.
_MEDIA = ("upload", "download", "resumable", "batch")
# On www.googleapis.com the first path element is the API's old name, where that is another than its host's.
_OLD_NAMES = {"sql": "sqladmin", "robot": "iam"}


def is_google(host: str) -> bool:
    """Whether a host name (lower case, no port) is one of Google's APIs."""
    return _NAME.fullmatch(host) is not None and (host + ".").endswith(f"{GOOGLE}.")


def is_loopback(host: str) -> bool:
    """Whether a Host header names the plain door: this machine, perhaps with a region in front and a port behind."""
    return _LOOPBACK.fullmatch(host) is not None


class Hosts:
    """`knows` says whether a name is the name of an API."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = lru_cache(maxsize=4096)(knows)
        self.service = lru_cache(maxsize=4096)(self._service)

    def _service(self, label: str) -> tuple[str, str]:
        """The API and the region of a host's name before `.googleapis.com`: ("run", "europe-west1"), or ("", "")."""
        words = [word for word in label.split(".") if word not in ("mtls", "rep", "sandbox")]
        regions = [word for word in words if _REGION.fullmatch(word)]
        rest = [word for word in words if word not in regions]
        if len(rest) == 1 and self._knows(rest[0]):
            return rest[0], next(iter(regions), "")
        found = _REGIONAL.fullmatch(rest[0]) if len(rest) == 1 else None
        return (found[2], found[1]) if found and self._knows(found[2]) else ("", "")

    def path(self, host: str, path: str) -> str:
        """The core's path for a request to a host of Google's; "" when no API of ours is there."""
        label = host.removesuffix(GOOGLE)
        if label == "www":
            return self._shared(path)
        if label.endswith(".storage"):
            return f"/storage/{label.removesuffix('.storage')}{path}"
        service, _ = self.service(label)
        return f"/{service}{path}" if service else ""

    def prefixed(self, path: str) -> tuple[str, str]:
        """A path that begins with an API's host name, perhaps a regional one: (the core's path, Google's host or "").

        `/europe-west1-run/v1/…` -> ("/run/v1/…", "europe-west1-run.googleapis.com").
        """
        head, slash, rest = path.lstrip("/").partition("/")
        service, region = self.service(head) if "-" in head and not self._knows(head) else ("", "")
        return (f"/{service}{slash}{rest}", head + GOOGLE) if region else (path, "")

    def _shared(self, path: str) -> str:
        words = path.lstrip("/").split("/")
        if words[0] == "discovery":
            return path
        at = 1 if words[0] in _MEDIA and len(words) > 1 else 2 if words[:2] == ["resumable", "upload"] else 0
        name = words[min(at, len(words) - 1)]
        service = _OLD_NAMES.get(name, name)
        return f"/{service}{path}" if self._knows(service) else ""
