"""Which paths of a fleet repository are fleet files, and what each one names. Pure."""

import re
from dataclasses import dataclass

from reconciler.model.ids import shard_target, tenant_target

FLEET_FILE = "fleet.yaml"
FOLDERS = ("tiers", "shards", "edges")
MAX_DEPTH = 8
"""Levels below the fleet root that are walked; the deepest fleet file is at 5."""

PLAIN = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
SUBMODULE = 0o160000
TREE = 0o040000

# C0, C1, line and paragraph separators, direction changes, byte order mark: none of them can be seen by a reviewer.
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def odd(path: str) -> bool:
    """Whether a path has a part that could lead elsewhere, or characters that deceive who reads it."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        return True
    return "\\" in path or "\n" in path or "\t" in path or "\r" in path or UNSEEN.search(path) is not None


@dataclass(frozen=True, slots=True)
class Place:
    """What a path says by itself. `kind` is the document kind that belongs there; `target` what a bad file freezes."""

    kind: str
    name: str = ""
    shard: str = ""
    target: str = ""


def place(path: str) -> Place | None:
    """The meaning of a path relative to the fleet root; None when no fleet file belongs there."""
    parts = path.split("/")
    match parts:
        case ["fleet.yaml"]:
            return Place("Fleet")
        case ["tiers", file] if file.endswith(".yaml"):
            return Place("Tier", file.removesuffix(".yaml"))
        case ["shards", shard, "shard.yaml"]:
            return Place("Shard", shard, shard, str(shard_target(shard)))
        case ["shards", shard, "tenants", tenant, "tenant.yaml"]:
            return Place("Tenant", tenant, shard, str(tenant_target(tenant)))
    return None


def could_be_fleet_file(path: str) -> bool:
    """Whether a path lies where fleet files live (whatever it is)."""
    return path == FLEET_FILE or path.split("/", 1)[0] in FOLDERS


def holder(path: str) -> str:
    """The target that an entry at (or above) a fleet file belongs to, "" for none: shards/eu-001/tenants -> shard."""
    parts = path.split("/")
    if parts[0] != "shards" or len(parts) < 2:
        return ""
    if len(parts) >= 4 and parts[2] == "tenants":
        return str(tenant_target(parts[3]))
    return str(shard_target(parts[1]))


def near_miss(path: str) -> str:
    """For a path that nothing reads, the path its author may have meant ("" : none)."""
    parts = path.split("/")
    if parts[-1] in ("tenant.yml", "shard.yml", "fleet.yml"):
        return path[: -len(".yml")] + ".yaml"
    if parts[0] == "tiers" and len(parts) == 2 and path.endswith(".yml"):
        return path[: -len(".yml")] + ".yaml"
    if parts[0] == "shards" and len(parts) == 4 and parts[-1] in ("tenant.yaml", "tenant.yml"):
        return f"{parts[0]}/{parts[1]}/tenants/{parts[2]}/tenant.yaml"
    if parts[0] == "shards" and len(parts) == 4 and parts[2] == "tenants" and path.endswith((".yaml", ".yml")):
        return f"{'/'.join(parts[:3])}/{parts[3].rsplit('.', 1)[0]}/tenant.yaml"
    return ""
