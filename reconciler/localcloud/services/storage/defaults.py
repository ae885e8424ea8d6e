"""What a bucket is given when it is made or changed. Sources: recordings, samples, discovery document; else said."""

from __future__ import annotations

import re

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage.rules import bucket_etag, refused
from reconciler.localcloud.values import Json, milliseconds

MULTI = frozenset({"US", "EU", "ASIA"})
# Predefined dual regions (https://cloud.google.com/storage/docs/locations); custom ones name US, EU, ASIA and a pair.
DUAL = frozenset({"NAM4", "EUR4", "EUR5", "EUR7", "EUR8", "ASIA1"})
_REGION = re.compile(r"(AFRICA|ASIA|AUSTRALIA|EUROPE|ME|NORTHAMERICA|SOUTHAMERICA|US)-[A-Z]+\d+(-[A-Z])?")
_CLASSES = frozenset(
    {"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY"}
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_WEEK = 604_800
_LOCK_DAYS = 90
_SOFT_LIMITS = (7 * 86_400, 90 * 86_400)
# Containers that mean nothing when they are empty, and are then not shown.
_DROPPED_EMPTY = ("cors", "labels", "logging", "website", "encryption", "billing", "ipFilter")


def check_name(name: str) -> None:
    """The rules of https://cloud.google.com/storage/docs/buckets#naming. GoogleError 400."""
    parts = name.split(".")
    fits = 3 <= len(name) <= (222 if len(parts) > 1 else 63) and all(0 < len(part) <= 63 for part in parts)
    if not fits or not _NAME.fullmatch(name) or _ADDRESS.fullmatch(name) or name.startswith("goog"):
        raise refused(f"Invalid bucket name: '{name}'")


def placed(row: Json) -> None:
    """Location, its type and the storage class."""
    place = str(row.get("location") or "US").upper()
    pair = (row.get("customPlacementConfig") or {}).get("dataLocations")
    if not (place in MULTI or place in DUAL or _REGION.fullmatch(place)):
        raise refused("The specified location constraint is not valid.")
    row["location"] = place
    if pair:
        if place not in MULTI or len(pair) != 2:
            raise refused("The specified location constraint is not valid.")
        row["customPlacementConfig"] = {"dataLocations": sorted(one.upper() for one in pair)}
    row["locationType"] = "dual-region" if pair or place in DUAL else "multi-region" if place in MULTI else "region"
    if row["locationType"] == "region":
        row["satisfiesPZI"] = True
        if row.get("rpo"):
            raise refused("Rpo is only supported for dual-region and multi-region buckets.")
    else:
        row.setdefault("rpo", "DEFAULT")
    row["storageClass"] = row.get("storageClass") or "STANDARD"


def complete(now: float, row: Json, before: Json) -> None:
    """Server-filled parts that depend on what is declared and on how the bucket was `before` (empty: it is new)."""
    if row.get("storageClass") not in _CLASSES:
        raise refused("Invalid argument.")
    _access(now, row, before.get("iamConfiguration", {}))
    _soft_delete(now, row, before.get("softDeletePolicy"))
    _retention(now, row, before.get("retentionPolicy"))
    _autoclass(now, row, before.get("autoclass", {}))
    for rule in (row.get("lifecycle") or {}).get("rule", []):
        kind = rule.get("action", {}).get("type")
        if kind not in ("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"):
            raise refused("Invalid argument.")
        if kind == "SetStorageClass" and rule["action"].get("storageClass") not in _CLASSES:
            raise refused("Invalid argument.")
    if "lifecycle" in row and not (row["lifecycle"] or {}).get("rule"):
        del row["lifecycle"]
    for name in _DROPPED_EMPTY:
        if name in row and not row[name]:
            del row[name]
    if row.get("logging", {}).get("logBucket"):  # terraform's documentation: the prefix is the bucket's name by default
        row["logging"] = {"logObjectPrefix": row["name"], **row["logging"]}
    if row.get("hierarchicalNamespace", {}).get("enabled") and not _is_uniform(row):
        raise refused("Hierarchical namespace buckets must use uniform bucket-level access.")
    row["etag"] = bucket_etag(row["metageneration"])


def _is_uniform(row: Json) -> bool:
    return bool(row["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"])


def _access(now: float, row: Json, before: Json) -> None:
    access: Json = {**(row.get("iamConfiguration") or {})}
    mode = access.get("publicAccessPrevention") or "inherited"
    # `unspecified` is the older word for `inherited` (documentation).
    access["publicAccessPrevention"] = "inherited" if mode == "unspecified" else mode
    if access["publicAccessPrevention"] not in ("inherited", "enforced"):
        raise refused("Invalid argument.")
    # Both names are accepted; the one that changed counts.
    new, old, was = (
        part.get(name) or {}
        for part, name in (
            (access, "uniformBucketLevelAccess"), (access, "bucketPolicyOnly"), (before, "uniformBucketLevelAccess")
        )
    )  # fmt: skip
    then = bool(was.get("enabled"))
    now_on = bool(new.get("enabled", then))
    if now_on == then and "enabled" in old:
        now_on = bool(old["enabled"])
    uniform: Json = {"enabled": now_on}
    if now_on:
        uniform["lockedTime"] = was.get("lockedTime") if then else milliseconds(now + _LOCK_DAYS * 86_400)
    elif then and was.get("lockedTime", "9") < milliseconds(now):
        raise GoogleError(
            412,
            "Uniform bucket-level access can no longer be disabled on this bucket: its locked time has passed.",
            reason="conditionNotMet",
        )
    row["iamConfiguration"] = {**access, "uniformBucketLevelAccess": uniform, "bucketPolicyOnly": dict(uniform)}


def _soft_delete(now: float, row: Json, before: Json | None) -> None:
    """Seven days unless said otherwise; with 0 it is off, and then has no effective time (Config Connector's note)."""
    soft: Json = {"retentionDurationSeconds": str(_WEEK), **(row.get("softDeletePolicy") or {})}
    length = int(soft["retentionDurationSeconds"])
    if length and not _SOFT_LIMITS[0] <= length <= _SOFT_LIMITS[1]:
        raise refused("Soft delete policy retention duration must be 0 or between 7 and 90 days.")
    same = before is not None and before["retentionDurationSeconds"] == soft["retentionDurationSeconds"]
    soft.pop("effectiveTime", None)
    if length:
        soft["effectiveTime"] = before["effectiveTime"] if same and before else milliseconds(now)
    row["softDeletePolicy"] = soft


def _retention(now: float, row: Json, before: Json | None) -> None:
    policy = row.get("retentionPolicy")
    locked = bool((before or {}).get("isLocked"))
    if not policy or not policy.get("retentionPeriod") or policy["retentionPeriod"] == "0":
        if locked:
            raise GoogleError(403, f"Cannot remove a locked Retention Policy for bucket '{row['name']}'.")
        row.pop("retentionPolicy", None)
        return
    kept: Json = {"retentionPeriod": str(policy["retentionPeriod"])}
    if before and locked and int(kept["retentionPeriod"]) < int(before["retentionPeriod"]):
        raise GoogleError(
            403, f"Cannot reduce retention duration of a locked Retention Policy for bucket '{row['name']}'."
        )
    same = before is not None and before["retentionPeriod"] == kept["retentionPeriod"]
    kept["effectiveTime"] = before["effectiveTime"] if same and before else milliseconds(now)
    row["retentionPolicy"] = kept | ({"isLocked": True} if locked else {})


def _autoclass(now: float, row: Json, before: Json) -> None:
    wish = row.get("autoclass")
    if not wish:
        row.pop("autoclass", None)
        return
    stamp = milliseconds(now)
    kept: Json = {"enabled": bool(wish.get("enabled"))}
    toggled = before.get("enabled") != kept["enabled"]
    kept["toggleTime"] = stamp if toggled or not before else before["toggleTime"]
    if kept["enabled"]:
        kept["terminalStorageClass"] = wish.get("terminalStorageClass") or "NEARLINE"
        if kept["terminalStorageClass"] not in ("NEARLINE", "ARCHIVE"):
            raise refused("Invalid argument.")
        same = before.get("terminalStorageClass") == kept["terminalStorageClass"]
        kept["terminalStorageClassUpdateTime"] = before["terminalStorageClassUpdateTime"] if same else stamp
    row["autoclass"] = kept
