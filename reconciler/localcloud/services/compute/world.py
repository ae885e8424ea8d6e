"""Google's regions and zones, and the way it writes times.

Regions: the subnetworks of an auto-mode network in the recordings. Their ranges:
https://cloud.google.com/vpc/docs/subnets#ip-ranges.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache

# region: (second octets' range of the automatic subnetwork, zone letters)
REGIONS: dict[str, tuple[str, str]] = {
    "africa-south1": ("10.218.0.0/20", "abc"), "asia-east1": ("10.140.0.0/20", "abc"),
    "asia-east2": ("10.170.0.0/20", "abc"), "asia-northeast1": ("10.146.0.0/20", "abc"),
    "asia-northeast2": ("10.174.0.0/20", "abc"), "asia-northeast3": ("10.178.0.0/20", "abc"),
    "asia-south1": ("10.160.0.0/20", "abc"), "asia-south2": ("10.190.0.0/20", "abc"),
    "asia-southeast1": ("10.148.0.0/20", "abc"), "asia-southeast2": ("10.184.0.0/20", "abc"),
    "australia-southeast1": ("10.152.0.0/20", "abc"), "australia-southeast2": ("10.192.0.0/20", "abc"),
    "europe-central2": ("10.186.0.0/20", "abc"), "europe-north1": ("10.166.0.0/20", "abc"),
    "europe-north2": ("10.226.0.0/20", "abc"), "europe-southwest1": ("10.204.0.0/20", "abc"),
    "europe-west1": ("10.132.0.0/20", "bcd"), "europe-west10": ("10.214.0.0/20", "abc"),
    "europe-west12": ("10.210.0.0/20", "abc"), "europe-west2": ("10.154.0.0/20", "abc"),
    "europe-west3": ("10.156.0.0/20", "abc"), "europe-west4": ("10.164.0.0/20", "abc"),
    "europe-west6": ("10.172.0.0/20", "abc"), "europe-west8": ("10.198.0.0/20", "abc"),
    "europe-west9": ("10.200.0.0/20", "abc"), "me-central1": ("10.212.0.0/20", "abc"),
    "me-west1": ("10.208.0.0/20", "abc"), "northamerica-northeast1": ("10.162.0.0/20", "abc"),
    "northamerica-northeast2": ("10.188.0.0/20", "abc"), "northamerica-south1": ("10.224.0.0/20", "abc"),
    "southamerica-east1": ("10.158.0.0/20", "abc"), "southamerica-west1": ("10.194.0.0/20", "abc"),
    "us-central1": ("10.128.0.0/20", "abcf"), "us-east1": ("10.142.0.0/20", "bcd"),
    "us-east4": ("10.150.0.0/20", "abc"), "us-east5": ("10.202.0.0/20", "abc"),
    "us-south1": ("10.206.0.0/20", "abc"), "us-west1": ("10.138.0.0/20", "abc"),
    "us-west2": ("10.168.0.0/20", "abc"), "us-west3": ("10.180.0.0/20", "abc"), "us-west4": ("10.182.0.0/20", "abc"),
}  # fmt: skip


@cache
def zones() -> dict[str, str]:
    """Zone -> region."""
    return {f"{region}-{letter}": region for region, (_, letters) in REGIONS.items() for letter in letters}


@cache
def scopes() -> tuple[str, ...]:
    """All scopes of an aggregated list, in the order of their names."""
    return ("global", *(f"regions/{name}" for name in REGIONS), *(f"zones/{name}" for name in sorted(zones())))


def pacific(now: float) -> str:
    """A time as compute writes it: milliseconds, and the hours of California (recorded in the details of peerings)."""
    when = datetime.fromtimestamp(now, UTC)
    # Summer time: from ten o'clock UTC of March's second Sunday to nine o'clock of November's first.
    begins = _sunday(when.year, 3, 8) + timedelta(hours=10)
    ends = _sunday(when.year, 11, 1) + timedelta(hours=9)
    zone = timezone(timedelta(hours=-7 if begins <= when < ends else -8))
    return when.astimezone(zone).isoformat(timespec="milliseconds")


def _sunday(year: int, month: int, day: int) -> datetime:
    """The first Sunday at or after a day."""
    first = datetime(year, month, day, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7)
