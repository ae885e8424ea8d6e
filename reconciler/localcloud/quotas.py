"""Rate quotas: so many calls a minute for a project, a region or a user, then Google's 429. Off unless asked for.

Buckets refill in the time of the cloud, so a time scale shortens the minute too. They live in memory: a restart fills
them, as it does not matter a minute later. The figures are Google's defaults; sources are in the table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reconciler.localcloud import projects
from reconciler.localcloud.core import Route
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, Request

_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [
        {
            "description": "Request a higher quota limit.",
            "url": "https://cloud.google.com/docs/quotas/help/request_increase",
        }
    ],
}
_REMEMBERED_BUCKETS = 100_000


@dataclass(frozen=True)
class Quota:
    """`most` calls in `window` seconds for each `per`. `methods` are globs, `but` those that it leaves out.

    `metric` and `limit` are Google's ids, `title` and `limit_title` the words of its message; an older API has a
    `message` of its own instead. `costs` are methods that count more than once.
    """

    service: str
    metric: str
    limit: str
    title: str
    limit_title: str
    most: int
    methods: tuple[str, ...]
    source: str
    but: tuple[str, ...] = ()
    per: tuple[str, ...] = ("project",)
    window: float = 60.0
    costs: Mapping[str, int] = field(default_factory=dict)
    mutating: bool | None = None
    message: str = ""

    @property
    def name(self) -> str:
        return f"{self.service}.{self.metric}"

    def covers(self, asked: Asked) -> bool:
        return (
            self.service == asked.service
            and self.mutating in (None, asked.mutating)
            and any(fnmatchcase(asked.method, glob) for glob in self.methods)
            and not any(fnmatchcase(asked.method, glob) for glob in self.but)
        )


@dataclass(frozen=True)
class Asked:
    """A call as the quotas see it: `project` is the number of the one that pays, `about` the bucket or the like."""

    service: str
    method: str
    mutating: bool
    project: str
    location: str = "global"
    user: str = ""
    about: str = ""


# The project of the caller pays where the resource is not in one, or the API is about projects.
_CALLER_PAYS = frozenset({"serviceusage", "cloudresourcemanager", "cloudbilling", "cloudasset"})
_LOCATION = re.compile(r"/(?:locations|regions)/([^/]+)")


def asked_of(state: State, route: Route, request: Request, caller: Json) -> Asked:
    """The call as the quotas see it."""
    params = route.params
    bucket = params.get("bucket", "") if route.service == "storage" else ""
    subject = next(iter(params.values()), "")
    named = params.get("project") or params.get("projectId") or projects.of(subject)
    if route.service in _CALLER_PAYS:
        named = caller.get("project") or named
    if bucket:
        row = state.look(f"storage.b/{bucket}")
        named = row["projectNumber"] if row else named
    named = named or "".join(request.query.get("project", [""])[:1]) or caller.get("project", "")
    found = projects.find(state, named) if named else None
    place = _LOCATION.search(subject)
    return Asked(
        route.service, route.method.id, route.method.mutating, found["number"] if found else named,
        place[1] if place else params.get("region", "global"), caller.get("token") or caller.get("agent", ""), bucket,
    )  # fmt: skip


_ALL = ("*",)
_RUN, _SQL = "https://cloud.google.com/run/quotas", "https://cloud.google.com/sql/docs/mysql/quotas"
_SECRETS, _IAM = "https://cloud.google.com/secret-manager/quotas", "https://cloud.google.com/iam/quotas"
_ASSETS = "https://cloud.google.com/asset-inventory/docs/quota"
_USAGE = "https://cloud.google.com/service-usage/docs/quotas"
_BUCKETS = "https://cloud.google.com/storage/quotas; the message, also for a patch: python-docs-samples#4033"
_TOO_MANY_BUCKETS = "The project exceeded the rate limit for creating and deleting buckets."
_REGION, _USER = ("project", "location"), ("project", "location", "user")
_OBJECTS_TOO_FAST = (
    "The bucket exceeded the rate limit for object mutation operations (create, update, and delete). "
    "Please reduce your request rate."
)


def _minute(service: str, word: str, most: int, source: str, *, mutating: bool, **more: object) -> Quota:
    """The usual pair of an API: `read_requests` or `write_requests` per minute and project."""
    limit, title = f"{word}RequestsPerMinutePerProject", f"{word} requests"
    metric = f"{word.lower()}_requests"
    return Quota(service, metric, limit, title, f"{title} per minute", most, _ALL, source, mutating=mutating, **more)  # type: ignore[arg-type]  # the fields of Quota, passed on


QUOTAS: tuple[Quota, ...] = (
    # Words from repo-automation-bots#4469; figures seen in projects: 600 reads, 60 writes (30 in little-used ones).
    Quota("run", "read_regional", "ReadPerMinutePerProjectRegion", "Read requests",
          "Read requests per minute per region", 600, _ALL, _RUN, per=_REGION, mutating=False),
    Quota("run", "write_regional", "WritePerMinutePerProjectRegion", "Write requests",
          "Write requests per minute per region", 60, _ALL, _RUN, per=_REGION, mutating=True),
    Quota("sqladmin", "get", "GetPerMinutePerUserPerRegion", "Get", "Get per minute per user per region", 500,
          ("*.get", "*.getConfig"), _SQL, per=_USER, mutating=False, but=("sql.connect.*",)),
    Quota("sqladmin", "list", "ListPerMinutePerUserPerRegion", "List", "List per minute per user per region", 500,
          ("*.list", "*.listServerCas"), _SQL, per=_USER, mutating=False),
    Quota("sqladmin", "mutate", "MutatePerMinutePerUserPerRegion", "Mutate", "Mutate per minute per user per region",
          180, _ALL, _SQL, per=_USER, mutating=True, but=("sql.connect.*",)),
    Quota("sqladmin", "connect", "ConnectPerMinutePerUserPerRegion", "Connect",
          "Connect per minute per user per region", 1000, ("sql.connect.*",), _SQL, per=_USER),
    _minute("secretmanager", "Read", 600, _SECRETS, mutating=False, but=("*.versions.access",)),
    _minute("secretmanager", "Write", 600, _SECRETS, mutating=True),
    Quota("secretmanager", "access_requests", "AccessRequestsPerMinutePerProject", "Access requests",
          "Access requests per minute", 90_000, ("*.versions.access",), _SECRETS),
    Quota("storage", "bucket_changes", "", "", "", 1, ("storage.buckets.insert", "storage.buckets.delete"), _BUCKETS,
          window=2.0, message=_TOO_MANY_BUCKETS),
    Quota("storage", "bucket_updates", "", "", "", 1, ("storage.buckets.patch", "storage.buckets.update"), _BUCKETS,
          window=1.0, per=("about",), message=_TOO_MANY_BUCKETS),
    Quota("storage", "object_writes", "", "", "", 1000, ("storage.objects.*",), "https://cloud.google.com/storage/quotas",
          window=1.0, per=("about",), mutating=True, message=_OBJECTS_TOO_FAST),
    _minute("iam", "Read", 6000, _IAM, mutating=False),
    _minute("iam", "Write", 600, _IAM, mutating=True),
    _minute("cloudscheduler", "Read", 1250, "https://cloud.google.com/scheduler/quotas", mutating=False),
    _minute("cloudscheduler", "Write", 500, "https://cloud.google.com/scheduler/quotas", mutating=True),
    _minute("serviceusage", "Read", 240, _USAGE, mutating=False),
    _minute("serviceusage", "Write", 60, _USAGE, mutating=True, costs={"serviceusage.services.batchEnable": 5}),
    # The figure of the rate of writes is not published; the words are of marketing-analytics-jumpstart#163.
    _minute("cloudresourcemanager", "Read", 600, "https://cloud.google.com/resource-manager/docs/limits",
            mutating=False),
    Quota("cloudasset", "list_assets", "ListAssetsPerMinutePerProject", "List assets requests",
          "List assets requests per minute", 100, ("cloudasset.assets.list",), _ASSETS),
    Quota("cloudasset", "search_all_resources", "SearchAllResourcesPerMinutePerProject",
          "Search all resources requests", "Search all resources requests per minute", 400,
          ("cloudasset.searchAll*",), _ASSETS),
    Quota("cloudasset", "export_assets", "ExportAssetsPerMinutePerProject", "Export assets requests",
          "Export assets requests per minute", 60, ("cloudasset.exportAssets",), _ASSETS),
    # 300 a minute for everything: google-cloud-cpp#11866; the ids: leonardo#619.
    Quota("cloudbilling", "standard_quota", "StandardQuotaPerMinutePerProject",
          "cloudbilling.googleapis.com/standard_quota", "StandardQuotaPerMinutePerProject", 300, _ALL,
          "https://cloud.google.com/billing/quotas"),
)  # fmt: skip


@dataclass
class Quotas:
    """Buckets by quota and by whom they are for: what is left, and as of when."""

    on: bool = False
    changed: dict[str, int] = field(default_factory=dict)
    _left: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)

    def take(self, asked: Asked, now: float, time_scale: float) -> None:
        """Take what a call costs. Raises GoogleError 429 when a bucket has not enough, and takes nothing then."""
        if not self.on:
            return
        taken: list[tuple[tuple[str, ...], float]] = []
        for quota in QUOTAS:
            if not quota.covers(asked):
                continue
            most = self.changed.get(quota.name, quota.most)
            key = (quota.name, *(getattr(asked, word) for word in quota.per))
            left, since = self._left.get(key, (float(most), now))
            rate = most * time_scale / quota.window
            left = min(float(most), left + max(0.0, now - since) * rate) - quota.costs.get(asked.method, 1)
            if left < 0:
                raise _exceeded(quota, asked, most, -left / rate if rate else 60.0)
            taken.append((key, left))
        for key, left in taken:
            self._left[key] = (left, now)
        if len(self._left) > _REMEMBERED_BUCKETS:
            self._left.clear()  # all full again: rarer than once in a hundred thousand projects

    def fill(self) -> None:
        self._left.clear()

    def set_from(self, wish: Json) -> None:
        """`{"on": true, "most": {"run.write_regional": 30}}`. Raises ValueError with what is known."""
        known = {quota.name for quota in QUOTAS}
        most = wish.get("most", {})
        if set(wish) - {"on", "most"} or not isinstance(wish.get("on", True), bool) or not isinstance(most, dict):
            raise ValueError('quotas are set by {"on": true or false, "most": {"run.write_regional": 30}}')
        if unknown := sorted(set(most) - known):
            raise ValueError(f"no quota is named {', '.join(unknown)}; known are: {', '.join(sorted(known))}")
        if wrong := {name: value for name, value in most.items() if type(value) is not int or value < 1}:
            raise ValueError(f"a quota is a whole number above 0; got {wrong}")
        self.on = wish.get("on", self.on)
        self.changed |= most

    def printed(self) -> Json:
        most = {quota.name: self.changed.get(quota.name, quota.most) for quota in QUOTAS}
        return {"on": self.on, "most": most}


def _exceeded(quota: Quota, asked: Asked, most: int, wait: float) -> GoogleError:
    headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    if quota.message:
        return GoogleError(429, quota.message, reason="rateLimitExceeded", headers=headers)
    host = f"{quota.service}.googleapis.com"
    message = (
        f"Quota exceeded for quota metric '{quota.title}' and limit '{quota.limit_title}' of service '{host}' for "
        f"consumer 'project_number:{asked.project}'."
    )
    where = asked.location if "location" in quota.per else "global"
    unit = "1/min/{project}" + "".join(f"/{{{_UNITS[word]}}}" for word in quota.per if word in _UNITS)
    metadata = {
        "service": host, "consumer": f"projects/{asked.project}", "quota_metric": f"{host}/{quota.metric}",
        "quota_limit": quota.limit, "quota_limit_value": str(most), "quota_location": where, "quota_unit": unit,
    }  # fmt: skip
    info = {"@type": _ERROR_INFO, "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com", "metadata": metadata}
    return GoogleError(429, message, reason="rateLimitExceeded", details=[info, _HELP], headers=headers)


_UNITS = {"location": "region", "user": "user"}
