"""Names, ids, addresses and etags of Cloud Run, and what is said when a name is wrong, taken or unknown."""

from __future__ import annotations

import base64
import hashlib
import random
import re

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError, aborted, exists, forbidden, invalid
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import locations
from reconciler.localcloud.services.run.kinds import SHOWN, Kind
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# Fewer than 50 characters (discovery document, serviceId); jobs and pools have the same rule there.
_LONGEST_NAME = 49
_RULE = (
    "Resource name must use only lowercase letters, numbers and '-'. Must begin with a letter and cannot end with a "
    "'-'. Maximum length is 49 characters."
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# The two letters for a region in the older addresses (recalled; others are made from the region's name).
_CODES = {
    "us-central1": "uc", "us-east1": "ue", "us-east4": "uk", "us-west1": "uw", "us-west2": "wl", "europe-west1": "ew",
    "europe-west2": "nw", "europe-west3": "ey", "europe-west4": "ez", "europe-west6": "oa", "europe-north1": "lz",
    "asia-northeast1": "an", "asia-southeast1": "as", "asia-east1": "de", "australia-southeast1": "ts",
}  # fmt: skip
# A host name's label: https://cloud.google.com/run/docs/triggering/https-request#deterministic
_LONGEST_LABEL = 63


def number_of(state: State, path: str) -> str:
    return str((projects.find(state, projects.of(path)) or {"number": "0"})["number"])


def own(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def region_in(path: str) -> str:
    return path.split("/")[3]


def missing(path: str) -> GoogleError:
    """404 in the words that are recorded for jobs; the other kinds read the same."""
    parts = path.split("/")
    where = f"in region '{parts[3]}' in project '{parts[1]}' does not exist."
    return GoogleError(404, f"Resource '{parts[-1]}' of kind '{SHOWN.get(parts[-2], 'RESOURCE')}' {where}")


def load(call: Call, path: str) -> Json:
    stored = call.state.get(generic.key_of(call, path))
    if stored is None:
        raise missing(path)
    return stored


def check_name(chosen: str, where: str) -> None:
    if not _NAME.fullmatch(chosen) or len(chosen) > _LONGEST_NAME:
        raise invalid(f"{where}: {_RULE}", (where, _RULE))


def new_path(call: Call, kind: Kind, parent: str, chosen: str) -> str:
    """The path of a resource to be made. Raises GoogleError 403 for an unknown region, 409 for a name that is taken."""
    region = parent.rsplit("/", 1)[-1]
    if region not in locations.REGIONS:
        # Google's front end says so for any API (recalled).
        raise forbidden(f"Permission denied on 'locations/{region}' (or it may not exist).")
    path = projects.with_id(call.state, f"{parent}/{kind.collection}/{chosen}")
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists(f"Resource '{chosen}' already exists.")
    return path


def generated(rng: random.Random, prefix: str) -> str:
    """A name made by the server: the prefix and five letters or digits."""
    return prefix + "".join(rng.choice(_LETTERS + "0123456789") for _ in range(5))


def revision_name(rng: random.Random, owner: str, generation: int) -> str:
    """`web-00001-nvq` (samples): the generation that made it and three letters."""
    return f"{owner}-{generation:05d}-" + "".join(rng.choice(_LETTERS) for _ in range(3))


def etag(now: float, rng: random.Random, path: str) -> str:
    """`"<time as a protobuf Timestamp>/<path>"`, both in base64, as recorded for jobs."""
    stamp = b"\x08" + _varint(int(now)) + b"\x10" + _varint(rng.randrange(1, 10**9))
    parts = (base64.urlsafe_b64encode(stamp), base64.b64encode(path.encode()))
    return '"' + "/".join(part.decode().rstrip("=") for part in parts) + '"'


def changed_at(sent: str) -> int:
    """The microseconds since the epoch that an etag stands for; 0 for one that is not ours."""
    try:
        stamp = base64.urlsafe_b64decode(sent.strip('"').split("/")[0] + "===")
    except ValueError:
        return 0
    numbers, value, shift = [], 0, 0
    for byte in stamp:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    # Field, seconds, field, nanoseconds.
    return numbers[1] * 1_000_000 + numbers[3] // 1000 if len(numbers) == 4 and numbers[::2] == [8, 16] else 0


def check_etag(call: Call, row: Json) -> None:
    """Raises GoogleError 409 when the body or the query brings an etag that is no longer current."""
    sent = str(call.body.get("etag") or call.query("etag"))
    there = row.get("etag", "")
    if sent and sent != there:
        raise conflict(own(row["name"]), changed_at(sent), changed_at(there))


def conflict(resource: str, sent: int, there: int) -> GoogleError:
    """The words of both API versions (recalled from reports about the Terraform provider)."""
    return aborted(
        f"Conflict for resource '{resource}': version '{sent}' was specified but current version is '{there}'."
    )


def _varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def addresses(name: str, number: str, region: str, tag: str = "") -> list[str]:
    """The addresses of a service (or of a tag in it): by project number where that fits a label, and the older one."""
    front = f"{tag}---" if tag else ""
    digest = hashlib.sha256(f"{number}/{region}".encode()).digest()
    place = base64.b32encode(digest)[:10].decode().lower() + "-" + _CODES.get(region, region[0] + region[-1])
    older = f"https://{front}{name[: _LONGEST_LABEL - len(front) - len(place) - 1].rstrip('-')}-{place}.a.run.app"
    label = f"{front}{name}-{number}"
    newer = [f"https://{label}.{region}.run.app"] if len(label) <= _LONGEST_LABEL else []
    return [*newer, older]
