"""What Cloud SQL fills into an instance, from recordings of MySQL, PostgreSQL and SQL Server instances.

Fields that only recordings and samples of 2026 have (`backupTier`, `replicationLagMaxSeconds`, …) are filled in too.
"""

from __future__ import annotations

from reconciler.localcloud.services.sqladmin.versions import engine, installed, maintenance, upgrades
from reconciler.localcloud.values import Json

_GEMINI = {
    "MYSQL": ("activeQueryEnabled", "entitled", "flagRecommenderEnabled", "indexAdvisorEnabled"),
    "POSTGRES": (
        "activeQueryEnabled",
        "entitled",
        "googleVacuumMgmtEnabled",
        "indexAdvisorEnabled",
        "oomSessionCancelEnabled",
    ),
}
_SETTINGS: Json = {
    "activationPolicy": "ALWAYS", "authorizedGaeApplications": [], "availabilityType": "ZONAL",
    "connectorEnforcement": "NOT_REQUIRED", "dataDiskSizeGb": "10", "dataDiskType": "PD_SSD",
    "deletionProtectionEnabled": False, "enableDataplexIntegration": False, "enableGoogleMlIntegration": False,
    "pricingPlan": "PER_USE", "replicationLagMaxSeconds": 31_536_000, "replicationType": "SYNCHRONOUS",
    "retainBackupsOnDelete": False, "settingsVersion": "1", "storageAutoResize": True, "storageAutoResizeLimit": "0",
}  # fmt: skip
# Messages inside the settings that say their own kind.
_KINDS = {
    "activeDirectoryConfig": "sql#activeDirectoryConfig", "locationPreference": "sql#locationPreference",
    "maintenanceWindow": "sql#maintenanceWindow", "sqlServerAuditConfig": "sql#sqlServerAuditConfig",
}  # fmt: skip
# proto3 messages whose fields are not printed when they are false (recorded for query insights).
_SPARSE = ("insightsConfig",)
PLUS = "ENTERPRISE_PLUS"


def edition(version: str) -> str:
    """The edition of an instance that names none: Enterprise Plus from PostgreSQL 16 and MySQL 8.4 on.

    Source: hashicorp/terraform-provider-google#20498 (PostgreSQL); MySQL 8.4 recalled from the documentation.
    """
    number = version.rpartition("_")[2]
    later = engine(version) == "POSTGRES" and number.isdigit() and int(number) >= 16 and "9_6" not in version
    return PLUS if later or version in ("MYSQL_8_4", "MYSQL_9_7") else "ENTERPRISE"


def complete(row: Json, project: str, stamp: str) -> None:
    """Fill the defaults of an instance in place. `stamp` is its creation time."""
    version = row.setdefault("databaseVersion", "MYSQL_8_0")
    # gcloud's own default is the region that the first generation had.
    region = row["region"] = "us-central1" if row.get("region", "us-central") == "us-central" else row["region"]
    settings = row["settings"] = {**row["settings"]}
    zone = settings.get("locationPreference", {}).get("zone") or row.get("gceZone") or f"{region}-a"
    row |= {
        "kind": "sql#instance", "project": project, "connectionName": f"{project}:{region}:{row['name']}",
        "backendType": "SECOND_GEN", "gceZone": zone, "createTime": stamp,
        "databaseInstalledVersion": installed(version), "maintenanceVersion": maintenance(version),
        "sqlNetworkArchitecture": "NEW_NETWORK_ARCHITECTURE", "upgradableDatabaseVersions": upgrades(version),
    }  # fmt: skip
    for name, value in (("instanceType", "CLOUD_SQL_INSTANCE"), ("satisfiesPzi", True)):
        row.setdefault(name, value)
    row.setdefault("includeReplicasForMajorVersionUpgrade", False)
    if engine(version) in _GEMINI:
        row["geminiConfig"] = dict.fromkeys(_GEMINI[engine(version)], False)
    _encryption(row)
    _settings(settings, version, zone)
    row.pop("secondaryGceZone", None)
    if settings["availabilityType"] == "REGIONAL":
        wished = settings["locationPreference"].get("secondaryZone")
        row["secondaryGceZone"] = wished or next(
            f"{region}-{letter}" for letter in "bc" if f"{region}-{letter}" != zone
        )


def _encryption(row: Json) -> None:
    wished = row.get("diskEncryptionConfiguration", {})
    if wished.get("kmsKeyName"):
        row["diskEncryptionConfiguration"] = {**wished, "kind": "sql#diskEncryptionConfiguration"}
        row["diskEncryptionStatus"] = {
            "kind": "sql#diskEncryptionStatus",
            "kmsKeyVersionName": f"{wished['kmsKeyName']}/cryptoKeyVersions/1",
        }


def _settings(settings: Json, version: str, zone: str) -> None:
    settings["kind"] = "sql#settings"
    for name, value in _SETTINGS.items():
        settings.setdefault(name, value)
    settings.setdefault("edition", edition(version))
    if settings["edition"] == PLUS and engine(version) != "SQLSERVER":
        settings.setdefault("dataCacheConfig", {"dataCacheEnabled": True})
    settings["locationPreference"] = {"zone": zone, **settings.get("locationPreference", {})}
    if settings["availabilityType"] != "REGIONAL":
        settings["locationPreference"].pop("secondaryZone", None)
    for name, kind in _KINDS.items():
        if name in settings:
            settings[name] = {**settings[name], "kind": kind}
    for name in _SPARSE:
        if name in settings:
            settings[name] = {key: value for key, value in settings[name].items() if value is not False}
    settings["ipConfiguration"] = _network(settings.get("ipConfiguration", {}))
    settings["backupConfiguration"] = _backup(settings.get("backupConfiguration", {}), version, settings["edition"])


def _network(wished: Json) -> Json:
    network: Json = {
        "ipv4Enabled": True,
        "authorizedNetworks": [],
        "requireSsl": False,
        "serverCaMode": "GOOGLE_MANAGED_INTERNAL_CA",
        "serverCertificateRotationMode": "SERVER_CERTIFICATE_ROTATION_MODE_UNSPECIFIED",
        **wished,
    }
    network["authorizedNetworks"] = [{**entry, "kind": "sql#aclEntry"} for entry in network["authorizedNetworks"]]
    # `requireSsl` is the older spelling of the strictest mode.
    mode = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" if network["requireSsl"] else "ALLOW_UNENCRYPTED_AND_ENCRYPTED"
    network.setdefault("sslMode", mode)
    return network


def _backup(wished: Json, version: str, chosen: str) -> Json:
    """Each engine shows its own switch for point-in-time recovery, and that only once it has been set."""
    plus = chosen == PLUS
    backup: Json = {
        "enabled": False,
        "startTime": "12:00",
        "transactionLogRetentionDays": 14 if plus else 7,
        "transactionalLogStorageState": "TRANSACTIONAL_LOG_STORAGE_STATE_UNSPECIFIED",
        **wished,
        "backupTier": "STANDARD",
        "kind": "sql#backupConfiguration",
        "backupRetentionSettings": {
            "retentionUnit": "COUNT",
            "retainedBackups": 15 if plus else 7,
            **wished.get("backupRetentionSettings", {}),
        },
    }
    if engine(version) == "MYSQL":
        backup.pop("pointInTimeRecoveryEnabled", None)
    else:
        backup.pop("binaryLogEnabled", None)
    if engine(version) == "POSTGRES" and "pointInTimeRecoveryEnabled" in backup:
        backup["replicationLogArchivingEnabled"] = False
    return backup
