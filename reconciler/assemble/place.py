"""Where the cloud is: Google, or the local one that a process of this machine is."""

import json
import os
from typing import Any
from urllib.parse import urlsplit

from reconciler.assemble.choosing import Settings
from reconciler.model.errors import InputError, UsageError


def cloud_url(chosen: Settings) -> str:
    """The local cloud's address, or "" for Google Cloud. Raises UsageError or InputError saying what to do."""
    cloud = chosen.get("cloud")
    if not cloud:
        raise UsageError(
            "no cloud is chosen, and there is no default: a command must never reach the wrong one",
            'write `cloud = "local"` or `cloud = "gcp"` into aipress.toml, or set AIPRESS_CLOUD',
        )
    if cloud == "gcp":
        return ""
    if chosen.get("cloud_url"):
        return _loopback(chosen.get("cloud_url"))
    found = running_cloud(chosen)
    if found is None:
        raise InputError("the local cloud is not running", "start it: aipress cloud up")
    return str(found["url"])


def running_cloud(chosen: Settings) -> dict[str, Any] | None:
    """What the local cloud wrote about itself, while its process lives."""
    try:
        said: dict[str, Any] = json.loads((chosen.cloud_state / "cloud.json").read_text())
        os.kill(int(said["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return said


def _loopback(url: str) -> str:
    """The local cloud is anonymous: it is never looked for on another machine."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:  # half an IPv6 address
        scheme, host = "", ""
    if scheme != "http" or host not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(f"AIPRESS_CLOUD_URL {url!r}: the local cloud is http on 127.0.0.1 only")
    return url.rstrip("/")
