"""What Cloud SQL fills into an instance, from recordings of MySQL, PostgreSQL and SQL Server instances."""

from __future__ import annotations

from reconciler.localcloud.values import Json

_INSTALLED = {
    "MYSQL_5_7": "MYSQL_5_7_44", "MYSQL_8_0": "MYSQL_8_0_31", "MYSQL_8_4": "MYSQL_8_4_4",
    "POSTGRES_15": "POSTGRES_15_7",
    "POSTGRES_16": "POSTGRES_16_3", "SQLSERVER_2019_EXPRESS": "SQLSERVER_2019_EXPRESS_CU26",
    "SQLSERVER_2022_EXPRESS": "SQLSERVER_2022_EXPRESS_CU12_GDR",
}  # fmt: skip
# Minor versions of MySQL 8.0 that an instance can be moved to, as recorded in 2024.
_MINORS = (18, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37)
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


def _upgrades(version: str) -> list[Json]:
    def entry(name: str, shown: str) -> Json:
        return {"majorVersion": "MYSQL_8_0", "name": name, "displayName": shown}

    minors = [
        entry(f"MYSQL_8_0_{minor}", f"MySQL 8.0.{minor}") for minor in _MINORS if version == "MYSQL_5_7" or minor > 31
    ]
    if version == "MYSQL_5_7":
        return [entry("MYSQL_8_0", "MySQL 8.0"), *minors]
    return minors if version == "MYSQL_8_0" else []


def complete(row: Json, project: str, stamp: str) -> None:
    """Fill the defaults of an instance in place. `stamp` is its creation time."""
    version = row.setdefault("databaseVersion", "MYSQL_8_0")
    region = row.setdefault("region", "us-central1")
    family = version.partition("_")[0]
    settings = row["settings"] = {**row["settings"]}
    zone = settings.get("locationPreference", {}).get("zone") or row.get("gceZone") or f"{region}-a"
    row |= {
        "kind": "sql#instance", "project": project, "connectionName": f"{project}:{region}:{row['name']}",
        "backendType": "SECOND_GEN", "gceZone": zone, "createTime": stamp,
        "databaseInstalledVersion": _INSTALLED.get(version, version),
        "sqlNetworkArchitecture": "NEW_NETWORK_ARCHITECTURE",
    }  # fmt: skip
    row.setdefault("instanceType", "CLOUD_SQL_INSTANCE")
    row.setdefault("satisfiesPzi", True)
    row["maintenanceVersion"] = f"{row['databaseInstalledVersion']}.R20240527.01_12"
    if family in _GEMINI:
        row["geminiConfig"] = dict.fromkeys(_GEMINI[family], False)
    row["upgradableDatabaseVersions"] = _upgrades(version)
    _settings(settings, zone)


def _settings(settings: Json, zone: str) -> None:
    settings["kind"] = "sql#settings"
    defaults: Json = {
        "activationPolicy": "ALWAYS", "authorizedGaeApplications": [], "availabilityType": "ZONAL",
        "connectorEnforcement": "NOT_REQUIRED", "dataDiskSizeGb": "10", "dataDiskType": "PD_SSD",
        "deletionProtectionEnabled": False, "edition": "ENTERPRISE", "pricingPlan": "PER_USE",
        "replicationType": "SYNCHRONOUS", "settingsVersion": "1", "storageAutoResize": True,
        "storageAutoResizeLimit": "0",
    }  # fmt: skip
    for name, value in defaults.items():
        settings.setdefault(name, value)
    settings["locationPreference"] = {
        "zone": zone,
        **settings.get("locationPreference", {}),
        "kind": "sql#locationPreference",
    }
    network: Json = {
        "ipv4Enabled": True,
        "authorizedNetworks": [],
        "requireSsl": False,
        **settings.get("ipConfiguration", {}),
    }
    network.setdefault("sslMode", "ALLOW_UNENCRYPTED_AND_ENCRYPTED")
    settings["ipConfiguration"] = network
    backup: Json = {
        "enabled": False,
        "startTime": "12:00",
        "transactionLogRetentionDays": 7,
        **settings.get("backupConfiguration", {}),
    }
    backup |= {
        "kind": "sql#backupConfiguration",
        "backupRetentionSettings": {
            "retentionUnit": "COUNT",
            "retainedBackups": 7,
            **backup.get("backupRetentionSettings", {}),
        },
    }
    backup.setdefault("transactionalLogStorageState", "TRANSACTIONAL_LOG_STORAGE_STATE_UNSPECIFIED")
    settings["backupConfiguration"] = backup


def flags(version: str) -> list[Json]:
    """A few flags of MySQL, enough to know their shape."""
    known = {
        "max_connections": "INTEGER", "slow_query_log": "BOOLEAN", "long_query_time": "FLOAT", "sql_mode": "STRING",
        "innodb_buffer_pool_size": "INTEGER", "wait_timeout": "INTEGER",
    }  # fmt: skip
    found = [
        {"kind": "sql#flag", "name": name, "type": kind, "appliesTo": ["MYSQL_5_7", "MYSQL_8_0", "MYSQL_8_4"]}
        for name, kind in known.items()
    ]
    return [flag for flag in found if not version or version in flag["appliesTo"]]


def tiers() -> list[Json]:
    sizes = {
        "db-f1-micro": 0.6,
        "db-g1-small": 1.7,
        "db-n1-standard-1": 3.75,
        "db-n1-standard-2": 7.5,
        "db-n1-standard-4": 15,
    }
    return [
        {
            "kind": "sql#tier",
            "tier": name,
            "RAM": str(int(ram * 2**30)),
            "DiskQuota": "3289376014336",
            "region": ["us-central1", "europe-west1"],
        }
        for name, ram in sizes.items()
    ]
