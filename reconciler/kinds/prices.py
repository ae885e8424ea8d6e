"""What an object costs a month while nobody visits: list prices, for the cost line of a plan and its ceiling.

Source: Google Cloud's public price lists as recalled (google-facts "Money", R), checked against its two worked
figures: db-custom-16-65536 with 2 TB is about 1,160 USD, an idle minimum instance of 1 vCPU and 512 MiB about 10.
Traffic, requests, storage of media and builds depend on use and are not in here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.kinds.spelling import integer, quantity
from reconciler.model.canonical import Body

HOURS = 730
"""Hours of a month, as price lists count them."""

SQL_VCPU_HOUR, SQL_GB_HOUR, SQL_SSD_GB_MONTH = 0.0413, 0.0070, 0.17
"""Cloud SQL for MySQL, Enterprise, Iowa (R). A standby doubles all three."""

SQL_SHARED = {"db-f1-micro": 0.0105 * HOURS, "db-g1-small": 0.0350 * HOURS}

RUN_IDLE_SECOND, RUN_CPU_SECOND, RUN_GIB_SECOND = 0.0000025, 0.000018, 0.0000020
"""Cloud Run, tier 1 (R): an idle minimum instance per vCPU and per GiB; one with the CPU always on."""

SECRET_VERSION_MONTH = 0.06
"""Secret Manager, one active version in one location (R)."""

_CUSTOM = re.compile(r"db-custom-([0-9]+)-([0-9]+)")
_SECONDS = HOURS * 3600
_GIB = 2**30


def monthly_usd(kind: str, body: Body) -> float:
    """List price in USD a month of one object as wanted or as seen; 0.0 for kinds that cost nothing at rest."""
    price = _PRICES.get(kind)
    return round(price(body), 2) if price else 0.0


def _instance(body: Body) -> float:
    settings = _inner(body, "settings")
    tier = str(settings.get("tier", ""))
    custom = _CUSTOM.fullmatch(tier)
    machine = SQL_SHARED.get(tier, 0.0)
    if custom:
        machine = HOURS * (int(custom[1]) * SQL_VCPU_HOUR + int(custom[2]) / 1024 * SQL_GB_HOUR)
    disk = integer(settings.get("dataDiskSizeGb", 0))
    total = machine + (disk if isinstance(disk, int) else 0) * SQL_SSD_GB_MONTH
    return total * 2 if settings.get("availabilityType") == "REGIONAL" else total


def _service(body: Body) -> float:
    template = _inner(body, "template")
    kept = integer(_inner(template, "scaling").get("minInstanceCount", 0))
    containers = template.get("containers")
    if not isinstance(kept, int) or not isinstance(containers, list | tuple):
        return 0.0
    return kept * sum(_container(c) for c in containers if isinstance(c, Mapping))


def _container(container: Mapping[str, Any]) -> float:
    resources = _inner(container, "resources")
    limits = _inner(resources, "limits")
    cpu, memory = _number(limits.get("cpu", "1")), _number(limits.get("memory", "512Mi")) / _GIB
    if resources.get("cpuIdle"):
        return _SECONDS * (cpu + memory) * RUN_IDLE_SECOND
    return _SECONDS * (cpu * RUN_CPU_SECOND + memory * RUN_GIB_SECOND)


def _number(value: object) -> float:
    plain = quantity(value)
    try:
        return float(plain)
    except (TypeError, ValueError):
        return 0.0


def _inner(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _version(_body: Body) -> float:
    return SECRET_VERSION_MONTH


_PRICES: Mapping[str, Callable[[Body], float]] = {
    "sql.instance": _instance, "run.service": _service, "secret.version": _version,
}  # fmt: skip
