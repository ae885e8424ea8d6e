"""Machine tiers of Cloud SQL: the list, and which tier an instance may have.

Sizes and rules: https://cloud.google.com/sql/docs/mysql/instance-settings#machine-type-2ndgen and the "Tiers" list of
gcloud, recalled. Messages: hashicorp/terraform-provider-google#20498 (edition), terraform-google-modules/
terraform-google-sql-db#256 (unknown tier), serverpod/serverpod#2373 (PostgreSQL).
"""

from __future__ import annotations

import re

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.places import REGIONS
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.values import Json

_MEBIBYTE = 2**20
_SHARED = {"db-f1-micro": 614, "db-g1-small": 1740}
_STANDARD = (1, 2, 4, 8, 16, 32, 64, 96)
_HIGH_MEMORY = (2, 4, 8, 16, 32, 64, 96)
_OPTIMIZED = (2, 4, 8, 16, 32, 48, 64, 80, 96, 128)
_SHARED_DISK, _DISK = 3062 * 2**30, 64 * 2**40

# name -> memory in MiB
PREDEFINED = {
    **_SHARED,
    **{f"db-n1-standard-{cpus}": cpus * 3840 for cpus in _STANDARD},
    **{f"db-n1-highmem-{cpus}": cpus * 6656 for cpus in _HIGH_MEMORY},
}
PLUS_TIERS = {f"db-perf-optimized-N-{cpus}": cpus * 8192 for cpus in _OPTIMIZED}
_PLUS = re.compile(r"db-(perf-optimized-N|memory-optimized-N|c4a-highmem|c4n-highmem|n4-highmem)-\d+(-lssd)?")
_CUSTOM = re.compile(r"db-custom-(\d+)-(\d+)")
_DOCUMENTATION = "https://cloud.google.com/sql/docs"


def tiers() -> list[Json]:
    found = {**PREDEFINED, **PLUS_TIERS}
    return [
        {
            "kind": "sql#tier", "tier": name, "RAM": str(memory * _MEBIBYTE),
            "DiskQuota": str(_SHARED_DISK if name in _SHARED else _DISK), "region": list(REGIONS),
        }
        for name, memory in found.items()
    ]  # fmt: skip


def check_tier(version: str, edition: str, tier: str) -> None:
    """Refuse (GoogleError 400) a tier that the engine or the edition does not have."""
    if edition == "ENTERPRISE_PLUS":
        if not _PLUS.fullmatch(tier):
            raise _invalid(
                f"Invalid Tier ({tier}) for ({edition}) Edition. Use a predefined Tier like db-perf-optimized-N-* "
                f"instead. Learn more at {_DOCUMENTATION}/{engine(version).lower()}/create-instance#machine-types."
            )
        return
    if _PLUS.fullmatch(tier):
        raise _invalid(f"Invalid Tier ({tier}) for ({edition}) Edition.")
    custom = _CUSTOM.fullmatch(tier)
    if custom:
        if not _possible(int(custom[1]), int(custom[2])):
            raise _invalid(f"Tier ({tier}).")
    elif tier not in PREDEFINED:
        raise _invalid(f"Tier ({tier}).")
    elif engine(version) == "POSTGRES" and tier not in _SHARED:
        raise _invalid("Only custom or shared-core instance Billing Tier type allowed for PostgreSQL database.")
    elif engine(version) == "SQLSERVER":
        raise _invalid("Only custom instance Billing Tier type allowed for SQL Server database.")


def _possible(cpus: int, memory: int) -> bool:
    """One CPU or an even number up to 96; memory in steps of 256 MiB, at least 3.75 GiB, 0.9 to 6.5 GiB a CPU."""
    return (
        (cpus == 1 or (cpus % 2 == 0 and 2 <= cpus <= 96))
        and memory % 256 == 0
        and memory >= 3840
        and 921.6 * cpus <= memory <= 6656 * cpus
    )


def _invalid(what: str) -> GoogleError:
    return GoogleError(400, f"Invalid request: {what}", reason="invalid")
