"""Consumer quotas, v1beta1: the metrics of an API, their limits for a project, and overrides of them.

The metrics are those that the local cloud itself enforces: rates of `quotas`, counts of `limits`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from reconciler.localcloud import limits, operations, quotas
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid, not_found
from reconciler.localcloud.operations import Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.serviceusage.enabled import check, name_of, number_of
from reconciler.localcloud.values import Json, hexadecimal, uuid_like

_TYPE = "type.googleapis.com/google.api.serviceusage.v1beta1."
_HALF = 0.5  # an override may take away this much without `force`; the documentation says 10 % of usage is checked too


@dataclass(frozen=True)
class Metric:
    name: str
    title: str
    unit: str
    most: int


def _metrics(call: Call, service: str) -> dict[str, Metric]:
    own = service.removesuffix(".googleapis.com")
    found: dict[str, Metric] = {}
    for rate in quotas.QUOTAS:
        if rate.service == own and rate.limit:
            unit = "1/min/{project}" + ("/{region}" if "location" in rate.per else "")
            unit += "/{user}" if "user" in rate.per else ""
            metric = f"{service}/{rate.metric}"
            found[metric] = Metric(metric, rate.title, unit, rate.most)
    for collection, limit in limits.LIMITS.items():
        owner, _, kind = collection.partition(".")
        most = call.settings.limits.get(collection, limit.most)
        if owner == own and kind and most:
            metric = f"{service}/{re.sub(r'([A-Z])', lambda letter: '_' + letter[1].lower(), kind)}"
            unit = "1/{project}" + ("/{region}" if limit.depth >= 4 else "")
            found[metric] = Metric(metric, kind, unit, most)
    return found


def _place(call: Call) -> tuple[str, str, str]:
    """The consumer's service, and, as far as the name goes, the metric and the limit's unit (`/project/region`)."""
    number, service = number_of(call), name_of(call)
    check(service)
    rest = unquote(call.subject).partition("/consumerQuotaMetrics")[2]
    metric, _, unit = rest.strip("/").partition("/limits")
    unit = re.sub(r"/(adminOverrides|consumerOverrides).*$", "", unit)
    return f"projects/{number}/services/{service}", metric, unit.strip("/")


def _metric(call: Call) -> tuple[str, Metric]:
    parent, name, _ = _place(call)
    found = _metrics(call, name_of(call)).get(name)
    if found is None:
        raise not_found()
    return parent, found


def _unit_path(unit: str) -> str:
    """`1/min/{project}/{region}` -> `/min/project/region`, as in a limit's name."""
    return "/" + "/".join(part.strip("{}") for part in unit.split("/")[1:])


def _metric_name(parent: str, metric: Metric) -> str:
    return f"{parent}/consumerQuotaMetrics/{quote(metric.name, safe='')}"


def _limit_name(parent: str, metric: Metric) -> str:
    return f"{_metric_name(parent, metric)}/limits/{quote(_unit_path(metric.unit), safe='')}"


def _override_key(limit: str, kind: str, own: str = "") -> str:
    return f"serviceusage.{kind}/{limit}/{own}"


def _limit(call: Call, parent: str, metric: Metric) -> Json:
    name = _limit_name(parent, metric)
    buckets: list[Json] = [{"effectiveLimit": str(metric.most), "defaultLimit": str(metric.most)}]
    for kind, shown in (("consumerOverrides", "consumerOverride"), ("adminOverrides", "adminOverride")):
        for _, row in call.state.scan(_override_key(name, kind)):
            bucket = _bucket(buckets, row.get("dimensions") or {}, metric)
            bucket |= {shown: row, "effectiveLimit": row.get("overrideValue", "0")}
    return {
        "name": name, "metric": metric.name, "unit": metric.unit, "isPrecise": True, "allowsAdminOverrides": True,
        "quotaBuckets": buckets,
    }  # fmt: skip


def _bucket(buckets: list[Json], dimensions: Json, metric: Metric) -> Json:
    for bucket in buckets:
        if bucket.get("dimensions", {}) == dimensions:
            return bucket
    buckets.append({"defaultLimit": str(metric.most), "dimensions": dimensions})
    return buckets[-1]


def _shown(call: Call, parent: str, metric: Metric) -> Json:
    return {
        "name": _metric_name(parent, metric), "displayName": metric.title, "metric": metric.name, "unit": "1",
        "consumerQuotaLimits": [_limit(call, parent, metric)],
    }  # fmt: skip


def _list(call: Call) -> Answer:
    parent, _, _ = _place(call)
    start = generic.start_of(call)
    rows = [
        (name, _shown(call, parent, metric))
        for name, metric in sorted(_metrics(call, name_of(call)).items())
        if name > start
    ]
    found, token = generic.page(call, rows)
    return ({"metrics": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _get(call: Call) -> Answer:
    return _shown(call, *_metric(call))


def _get_limit(call: Call) -> Answer:
    parent, metric = _metric(call)
    if _place(call)[2] != _unit_path(metric.unit).strip("/"):
        raise not_found()
    return _limit(call, parent, metric)


# --- overrides -------------------------------------------------------------------------------------------------


def _kind(call: Call) -> str:
    return call.method.id.split(".")[-2]


def _check_value(call: Call, metric: Metric, value: str) -> None:
    """A large cut of a quota needs `force`; -1 is no limit."""
    wanted = int(value)
    if wanted < -1:
        raise invalid("Request contains an invalid argument.", ("override_value", "-1 or more"))
    if 0 <= wanted < metric.most * _HALF and not (call.flag("force") or call.body.get("force")):
        raise GoogleError(400, "The quota would decrease by too much; use force.", "FAILED_PRECONDITION")


def _create(call: Call) -> Answer:
    parent, metric = _metric(call)
    limit, kind = _limit_name(parent, metric), _kind(call)
    _check_value(call, metric, call.body.get("overrideValue") or "0")
    own = f"Cg{hexadecimal(call.rng, 18)}"
    row: Json = {
        **call.body, "name": f"{limit}/{kind}/{own}", "metric": metric.name, "unit": metric.unit,
        "overrideValue": call.body.get("overrideValue") or "0",
    }  # fmt: skip
    call.state.put(_override_key(limit, kind, own), row)
    return _done(call, row)


def _done(call: Call, row: Json) -> Json:
    kind = "type.googleapis.com/google.protobuf.Empty" if not row else _TYPE + "QuotaOverride"
    work = Work(f"operations/quf.{uuid_like(call.rng)}", "", response_type=kind)
    return operations.rendered(operations.finished(call, work, row))


def _load(call: Call) -> tuple[str, Metric, Json]:
    parent, metric = _metric(call)
    key = _override_key(_limit_name(parent, metric), _kind(call), call.subject.rpartition("/")[2])
    row = call.state.get(key)
    if row is None:
        raise not_found()
    return key, metric, row


def _patch(call: Call) -> Answer:
    key, metric, row = _load(call)
    value = call.body.get("overrideValue") or "0"
    _check_value(call, metric, value)
    row |= {"overrideValue": value}
    call.state.put(key, row)
    return _done(call, row)


def _delete(call: Call) -> Answer:
    call.state.delete(_load(call)[0])
    return _done(call, {})


def _list_overrides(call: Call) -> Answer:
    parent, metric = _metric(call)
    rows = call.state.scan(_override_key(_limit_name(parent, metric), _kind(call)), generic.start_of(call))
    found, token = generic.page(call, rows)
    return ({"overrides": found} if found else {}) | ({"nextPageToken": token} if token else {})


_BASE = "serviceusage.services.consumerQuotaMetrics."
_OVERRIDES: dict[str, Behaviour] = {
    "create": _create, "patch": _patch, "delete": _delete, "list": _list_overrides,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    f"{_BASE}list": _list, f"{_BASE}get": _get, f"{_BASE}limits.get": _get_limit,
} | {
    f"{_BASE}limits.{kind}.{verb}": behaviour
    for kind in ("adminOverrides", "consumerOverrides")
    for verb, behaviour in _OVERRIDES.items()
}  # fmt: skip
