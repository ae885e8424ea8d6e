"""Which versions Cloud SQL has: what is installed for each, and what each can be upgraded to.

Installed minors and maintenance versions are those of the recordings (most of mid 2024); for versions that no recording
has, the minor of the same release is recalled. What an instance can be upgraded to: recordings of MySQL 5.7 and 8.0,
PostgreSQL 15 and SQL Server 2019 Express, the others by the same rule (later majors, later minors, larger editions).
"""

from __future__ import annotations

from reconciler.localcloud.values import Json

_INSTALLED = {
    "MYSQL_5_6": "MYSQL_5_6_51", "MYSQL_5_7": "MYSQL_5_7_44", "MYSQL_8_0": "MYSQL_8_0_31", "MYSQL_8_4": "MYSQL_8_4_4",
    "POSTGRES_10": "POSTGRES_10_23", "POSTGRES_11": "POSTGRES_11_22", "POSTGRES_12": "POSTGRES_12_19",
    "POSTGRES_13": "POSTGRES_13_15", "POSTGRES_14": "POSTGRES_14_12", "POSTGRES_15": "POSTGRES_15_7",
    "POSTGRES_16": "POSTGRES_16_3", "POSTGRES_17": "POSTGRES_17_2", "POSTGRES_18": "POSTGRES_18_1",
}  # fmt: skip
# The cumulative update of each SQL Server release, by year.
_UPDATES = {"2017": "CU31_GDR", "2019": "CU26", "2022": "CU12_GDR"}
# The release of Cloud SQL's own software, where it is not the one of its engine.
_RELEASES = {"POSTGRES_9_6": "POSTGRES_9_6_24.R20250302.00_31", "POSTGRES_15": "POSTGRES_15_7.R20240514.00_12"}
_ENGINE_RELEASES = {"MYSQL": "R20240527.01_12", "POSTGRES": "R20240527.01_12", "SQLSERVER": "R20240501.00_08"}

MYSQL_8_0_MINORS = (18, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 39, 40, 41, 42, 43, 44)
_POSTGRES_MAJORS = (10, 11, 12, 13, 14, 15, 16, 17, 18)
_SQLSERVER_YEARS = ("2017", "2019", "2022")
# Editions in the order in which an upgrade list names them, and which of them an edition can become.
_SQLSERVER_EDITIONS = ("STANDARD", "ENTERPRISE", "EXPRESS", "WEB")
_LARGER = {
    "EXPRESS": ("STANDARD", "ENTERPRISE", "WEB"), "WEB": ("STANDARD", "ENTERPRISE"), "STANDARD": ("ENTERPRISE",),
    "ENTERPRISE": (),
}  # fmt: skip


def engine(version: str) -> str:
    """`MYSQL`, `POSTGRES` or `SQLSERVER`."""
    return version.partition("_")[0]


def installed(version: str) -> str:
    if engine(version) == "SQLSERVER":
        return "_".join([version, *([_UPDATES[version.split("_")[1]]] if version.split("_")[1] in _UPDATES else [])])
    return _INSTALLED.get(version, version)


def maintenance(version: str) -> str:
    """The software that an instance of `version` runs: engine minor, release date and build."""
    return _RELEASES.get(version) or f"{installed(version)}.{_ENGINE_RELEASES.get(engine(version), 'R20240527.01_12')}"


def upgrades(version: str) -> list[Json]:
    """`upgradableDatabaseVersions` of an instance of `version`."""
    if engine(version) == "MYSQL":
        return _mysql_upgrades(version)
    parts = version.split("_")
    if engine(version) == "POSTGRES":
        # The recording of 9.6 offers nothing.
        own = int(parts[1]) if len(parts) == 2 and parts[1].isdigit() else 99
        return [_entry(f"POSTGRES_{major}", f"PostgreSQL {major}") for major in _POSTGRES_MAJORS if major > own]
    if engine(version) == "SQLSERVER" and len(parts) == 3 and parts[2] in _LARGER:
        return _sqlserver_upgrades(parts[1], parts[2])
    return []


def _entry(name: str, shown: str, major: str = "") -> Json:
    return {"majorVersion": major or name, "name": name, "displayName": shown}


def _mysql_upgrades(version: str) -> list[Json]:
    if version == "MYSQL_5_7":
        first, after, last = [_entry("MYSQL_8_0", "MySQL 8.0")], 0, []
    elif version.startswith("MYSQL_8_0"):
        after = int(installed(version).rpartition("_")[2])
        first, last = [], [_entry("MYSQL_8_4", "MySQL 8.4")]
    else:
        return []
    minors = [
        _entry(f"MYSQL_8_0_{minor}", f"MySQL 8.0.{minor}", "MYSQL_8_0") for minor in MYSQL_8_0_MINORS if minor > after
    ]
    return [*first, *minors, *last]


def _sqlserver_upgrades(year: str, edition: str) -> list[Json]:
    found = [_entry(f"SQLSERVER_{year}_{larger}", f"SQL Server {year} {larger.title()}") for larger in _LARGER[edition]]
    for later in _SQLSERVER_YEARS:
        if later > year:
            kept = (name for name in _SQLSERVER_EDITIONS if name == edition or name in _LARGER[edition])
            found += [_entry(f"SQLSERVER_{later}_{name}", f"SQL Server {later} {name.title()}") for name in kept]
    return found
