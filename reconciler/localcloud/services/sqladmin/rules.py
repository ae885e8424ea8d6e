"""What an instance may be: the refusals of insert, patch and update, before an operation exists.

Words of a refusal that nobody has quoted are ours; those quoted come from: pulumi/pulumi#9414 (stale settings),
pulumi/pulumi-google-native#465 (name in the body), langfuse/langfuse-terraform-gcp#8 (log retention),
GoogleCloudPlatform/magic-modules#15107 (connection pool), hashicorp/terraform-provider-google#10871 (name).
"""

from __future__ import annotations

import re

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.places import REGIONS
from reconciler.localcloud.services.sqladmin.defaults import PLUS
from reconciler.localcloud.services.sqladmin.flags import check_flags
from reconciler.localcloud.services.sqladmin.target import refused
from reconciler.localcloud.services.sqladmin.tiers import check_tier
from reconciler.localcloud.services.sqladmin.versions import engine, upgrades
from reconciler.localcloud.values import Json

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_LONGEST = 98
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_NETWORK = re.compile(r"projects/[^/]+/global/networks/[^/]+")
_IMMUTABLE = ("region", "instanceType")
_SMALLEST_DISK, _LARGEST_DISK = 10, 65_536


def check_name(project: str, name: str) -> None:
    """Lower-case letters, digits and hyphens, a letter first; with the project's id at most 98 characters."""
    if not _NAME.fullmatch(name) or len(f"{project}:{name}") > _LONGEST:
        raise refused(f"instance name ({name}).")


def check_new(row: Json) -> None:
    """Refuse an instance, its defaults filled in, that cannot be made."""
    if row["region"] not in REGIONS:
        raise refused(f"region ({row['region']}).")
    if engine(row["databaseVersion"]) not in ("MYSQL", "POSTGRES", "SQLSERVER"):
        raise refused(f"Database version ({row['databaseVersion']}).")
    _check(row)


def check_change(row: Json, wish: Json, after: Json) -> None:
    """Refuse a patch or update (`wish`) of `row` that would make it `after`."""
    for name in _IMMUTABLE:
        if name in wish and wish[name] != row.get(name):
            raise refused(f"{name} of an instance cannot be changed after creation.")
    wished, own = (body.get("diskEncryptionConfiguration", {}).get("kmsKeyName", "") for body in (wish, row))
    if wished and wished != own:
        raise refused("The encryption key of an instance cannot be changed after creation.")
    if wish.get("name", row["name"]) != row["name"]:
        raise refused("Invalid instance name in request body.")
    stale(row, wish.get("settings", {}).get("settingsVersion", ""))
    version = after["databaseVersion"]
    known = {entry["name"] for entry in upgrades(row["databaseVersion"])} | {row["databaseVersion"]}
    if version not in known:
        raise refused(f"Cannot change the database version from {row['databaseVersion']} to {version}.")
    if _whole(after["settings"]["dataDiskSizeGb"]) < _whole(row["settings"]["dataDiskSizeGb"]):
        raise refused("Disk size cannot be decreased.")
    if row["settings"].get("collation") != after["settings"].get("collation"):
        raise refused("collation of an instance cannot be changed after creation.")
    _check(after)


def stale(row: Json, version: str) -> None:
    """Refuse (GoogleError 412) a settings version that the instance has had and has no longer.

    Google refuses every other version. A number that this instance has never had cannot be a lost update, and the
    recordings carry such a number in the place of the real ones, so those pass.
    """
    if version.isdecimal() and len(version) < 19 and int(version) < int(row["settings"]["settingsVersion"]):
        raise GoogleError(412, "Condition does not match.", reason="staleData", location="If-Match")


def _whole(text: str) -> int:
    return int(text) if len(text) < 19 else 0


def _check(row: Json) -> None:
    settings, version = row["settings"], row["databaseVersion"]
    check_tier(version, settings["edition"], settings["tier"])
    check_flags(version, settings.get("databaseFlags", []))
    if not _SMALLEST_DISK <= _whole(settings["dataDiskSizeGb"]) <= _LARGEST_DISK:
        raise refused(f"Disk size ({settings['dataDiskSizeGb']} GB) must be between {_SMALLEST_DISK} and 65536 GB.")
    _check_editions(settings, version)
    _check_backups(settings, version)
    _check_network(settings["ipConfiguration"])
    _check_window(settings.get("maintenanceWindow", {}))


def _check_editions(settings: Json, version: str) -> None:
    if settings["edition"] == PLUS:
        return
    if settings.get("dataCacheConfig", {}).get("dataCacheEnabled"):
        raise refused("Data cache is only supported for Enterprise Plus edition..")
    if settings.get("connectionPoolConfig", {}).get("connectionPoolingEnabled"):
        raise refused("Connection pool is only supported for Enterprise Plus edition..")
    if settings.get("activeDirectoryConfig") and engine(version) != "SQLSERVER":
        raise refused("Active Directory is only supported for SQL Server instances.")


def _check_backups(settings: Json, version: str) -> None:
    backup = settings["backupConfiguration"]
    days, most = backup["transactionLogRetentionDays"], 35 if settings["edition"] == PLUS else 7
    if not 1 <= days <= most:
        raise refused(f"The number of transaction log retention days must be between 1 and {most}.")
    if not 1 <= backup["backupRetentionSettings"]["retainedBackups"] <= 365:
        raise refused("The number of retained backups must be between 1 and 365.")
    if not _CLOCK.fullmatch(backup["startTime"]):
        raise refused(f"Backup start time ({backup['startTime']}).")
    if not backup["enabled"] and backup.get("binaryLogEnabled"):
        raise refused("Binary log must be disabled when backups are disabled.")
    if not backup["enabled"] and backup.get("pointInTimeRecoveryEnabled"):
        raise refused("Point-in-time recovery must be disabled when backups are disabled.")
    if settings["availabilityType"] == "REGIONAL" and engine(version) == "MYSQL" and not backup.get("binaryLogEnabled"):
        raise refused("Regional MySQL instances must have automated backups and binary logging enabled.")


def _check_network(network: Json) -> None:
    private, service = network.get("privateNetwork", ""), network.get("pscConfig", {}).get("pscEnabled")
    if private and not _NETWORK.fullmatch(private):
        raise refused(f"Invalid private network: {private}.")
    if not (network.get("ipv4Enabled") or private or service):
        raise refused("At least one of public IP, private IP or Private Service Connect must be enabled.")


def _check_window(window: Json) -> None:
    if not 0 <= window.get("day", 0) <= 7 or not 0 <= window.get("hour", 0) <= 23:
        raise refused("Invalid maintenance window.")
