"""The public price list: a few services with the SKUs that a WordPress fleet pays for.

Service ids of Cloud Run, Cloud SQL, Cloud Storage and Compute Engine are Google's; SKU ids are made from the text.
Prices are list prices in USD of europe-west1, recalled: good for a rehearsal, not for a bill.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import invalid, not_found
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json

_REGIONS = ("europe-west1", "europe-west4", "us-central1", "us-east1")
_EFFECTIVE = "2026-11-01T00:00:00Z"


@dataclass(frozen=True)
class _Price:
    """`nanos` of a dollar for one `unit`; `free` of them come first and cost nothing."""

    text: str
    group: str
    unit: str
    nanos: int
    free: float = 0.0
    family: str = "Compute"


_UNITS = {
    "s": ("second", "s", 1), "GiBy.s": ("gibibyte second", "By.s", 2**30), "h": ("hour", "s", 3600),
    "GiBy.h": ("gibibyte hour", "By.s", 2**30 * 3600), "GiBy.mo": ("gibibyte month", "By.s", 2**30 * 2_592_000),
    "count": ("count", "count", 1), "mo": ("month", "s", 2_592_000), "GiBy": ("gibibyte", "By", 2**30),
}  # fmt: skip
_SERVICES: dict[str, tuple[str, tuple[_Price, ...]]] = {
    "149C-F9EC-3994": ("Artifact Registry", (
        _Price("Artifact Registry Storage", "Storage", "GiBy.mo", 100_000_000, 0.5, "Storage"),
    )),
    "152E-C115-5142": ("Cloud Run", (
        _Price("Services CPU (Request-based billing)", "CPU", "s", 24_000, 180_000),
        _Price("Services CPU (Instance-based billing)", "CPU", "s", 18_000, 240_000),
        _Price("Services Memory (Request-based billing)", "Memory", "GiBy.s", 2_500, 360_000),
        _Price("Services Memory (Instance-based billing)", "Memory", "GiBy.s", 2_000, 450_000),
        _Price("Services Min Instance CPU (Request-based billing)", "CPU", "s", 2_500),
        _Price("Services Min Instance Memory (Request-based billing)", "Memory", "GiBy.s", 2_500),
        _Price("Services Requests", "Requests", "count", 400, 2_000_000),
        _Price("Jobs CPU", "CPU", "s", 18_000, 240_000),
        _Price("Jobs Memory", "Memory", "GiBy.s", 2_000, 450_000),
    )),
    "6F81-5844-456A": ("Compute Engine", (
        _Price("External IP Charge on a Standard VM", "IpAddress", "h", 5_000_000, family="Network"),
        _Price("Cloud Load Balancer Forwarding Rule Minimum", "LoadBalancing", "h", 25_000_000, family="Network"),
        _Price("Network Internet Egress", "PremiumInternetEgress", "GiBy", 120_000_000, 1.0, "Network"),
    )),
    "95FF-2EF5-5EA3": ("Cloud Storage", (
        _Price("Standard Storage", "RegionalStorage", "GiBy.mo", 20_000_000, 5.0, "Storage"),
        _Price("Nearline Storage", "NearlineStorage", "GiBy.mo", 10_000_000, family="Storage"),
        _Price("Class A Request Standard Storage", "RegionalOps", "count", 5_000, 5_000, "Storage"),
        _Price("Class B Request Standard Storage", "RegionalOps", "count", 400, 50_000, "Storage"),
    )),
    "9662-B51E-5089": ("Cloud SQL", (
        _Price("Cloud SQL for MySQL: Zonal - vCPU", "SQLGen2InstancesCPU", "h", 41_300_000,
               family="ApplicationServices"),
        _Price("Cloud SQL for MySQL: Zonal - RAM", "SQLGen2InstancesRAM", "GiBy.h", 7_000_000,
               family="ApplicationServices"),
        _Price("Cloud SQL for MySQL: Regional - vCPU", "SQLGen2InstancesCPU", "h", 82_600_000,
               family="ApplicationServices"),
        _Price("Cloud SQL for MySQL: Regional - RAM", "SQLGen2InstancesRAM", "GiBy.h", 14_000_000,
               family="ApplicationServices"),
        _Price("Cloud SQL for MySQL: Zonal - Standard storage", "PDSnapshot", "GiBy.mo", 170_000_000,
               family="ApplicationServices"),
        _Price("Cloud SQL for MySQL: Backups", "PDSnapshot", "GiBy.mo", 80_000_000, family="ApplicationServices"),
    )),
    "EE82-7A5E-871C": ("Secret Manager", (
        _Price("Secret version replica storage", "SecretManager", "mo", 60_000_000, 6.0, "ApplicationServices"),
        _Price("Secret access operations", "SecretManager", "count", 3_000, 10_000, "ApplicationServices"),
    )),
}  # fmt: skip


def _list(call: Call) -> Answer:
    start = generic.start_of(call)
    rows = [
        (own, {
            "name": f"services/{own}", "serviceId": own, "displayName": name,
            "businessEntityName": "businessEntities/GCP",
        })
        for own, (name, _) in sorted(_SERVICES.items())
        if own > start
    ]  # fmt: skip
    found, token = generic.page(call, rows, default=5000, most=5000)
    return {"services": found, "nextPageToken": token}


def _sku(service: str, name: str, price: _Price) -> Json:
    sum_of = hashlib.sha256(f"{service} {price.text}".encode()).hexdigest().upper()
    own = f"{sum_of[:4]}-{sum_of[4:8]}-{sum_of[8:12]}"
    words, base, factor = _UNITS[price.unit]
    paid = {"units": "0", "nanos": price.nanos, "currencyCode": "USD"}
    free: Json = {"startUsageAmount": 0, "unitPrice": {"units": "0", "nanos": 0, "currencyCode": "USD"}}
    tiers = [free] if price.free else []
    expression = {
        "usageUnit": price.unit, "usageUnitDescription": words, "baseUnit": base, "baseUnitDescription": base,
        "baseUnitConversionFactor": factor, "displayQuantity": 1,
        "tieredRates": [*tiers, {"startUsageAmount": price.free, "unitPrice": paid}],
    }  # fmt: skip
    category = {
        "serviceDisplayName": name, "resourceFamily": price.family, "resourceGroup": price.group,
        "usageType": "OnDemand",
    }  # fmt: skip
    return {
        "name": f"services/{service}/skus/{own}", "skuId": own, "description": price.text, "category": category,
        "serviceRegions": list(_REGIONS), "serviceProviderName": "Google",
        "geoTaxonomy": {"type": "MULTI_REGIONAL", "regions": list(_REGIONS)},
        "pricingInfo": [{
            "summary": "", "pricingExpression": expression, "currencyConversionRate": 1, "effectiveTime": _EFFECTIVE,
        }],
    }  # fmt: skip


def _skus(call: Call) -> Answer:
    own = call.subject.removeprefix("services/")
    if own not in _SERVICES:
        raise not_found()
    if call.query("currencyCode", "USD") != "USD":
        raise invalid("Request contains an invalid argument.", ("currency_code", "the local cloud has USD only"))
    start, (name, table) = generic.start_of(call), _SERVICES[own]
    rows = sorted((sku["name"], sku) for sku in (_sku(own, name, price) for price in table))
    found, token = generic.page(call, [row for row in rows if row[0] > start], default=5000, most=5000)
    return {"skus": found, "nextPageToken": token}


METHODS: dict[str, Behaviour] = {"cloudbilling.services.list": _list, "cloudbilling.services.skus.list": _skus}
