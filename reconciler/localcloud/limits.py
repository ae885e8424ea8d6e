"""Soft limits: how many of a thing a project, a region or a parent may have, counted in one row per parent.

The core counts every write of a collection named here, and refuses the request that goes past a limit; a behaviour
that wants to refuse earlier calls `check`. Counting never scans: a counter changes with the write that it counts.
Limits are settings (`Settings.limits`, `/_aipress/limits`): 0 means none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from reconciler.localcloud.call import Settings
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

# Google's message where the service's own is not known to us.
_EXHAUSTED = "Resource has been exhausted (e.g. check quota)."
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


@dataclass(frozen=True)
class Limit:
    """`depth` path segments after the collection are the parent that has at most `most` of them (0: no limit).

    `only` names a field of the row that must be true for the row to count.
    """

    depth: int
    most: int
    source: str
    message: str = _EXHAUSTED
    status: int = 429
    retry: str = ""
    only: str = ""


_SERVICE_ACCOUNTS = "https://cloud.google.com/iam/quotas"
LIMITS: Mapping[str, Limit] = {
    "run.services": Limit(4, 1000, "https://cloud.google.com/run/quotas: services per project and region"),
    "run.jobs": Limit(4, 1000, "https://cloud.google.com/run/quotas: jobs per project and region"),
    "sqladmin.instances": Limit(2, 1000, "https://cloud.google.com/sql/quotas: instances per project"),
    # Both messages, and the delay of a day and a second, as in kubeflow/pipelines#1052 and k8s-service-catalog#228.
    "iam.serviceAccounts": Limit(
        2, 100, _SERVICE_ACCOUNTS, "Maximum number of service accounts on project reached.", retry="86401s"
    ),
    "iam.keys": Limit(4, 10, _SERVICE_ACCOUNTS, "Maximum number of keys on account reached.", retry="86401s"),
    "iam.roles": Limit(2, 300, "https://cloud.google.com/iam/quotas: custom roles per project or organisation"),
    "cloudscheduler.jobs": Limit(4, 1000, "https://cloud.google.com/scheduler/quotas: jobs per project and region"),
    "pubsub.topics": Limit(2, 10_000, "https://cloud.google.com/pubsub/quotas"),
    "pubsub.subscriptions": Limit(2, 10_000, "https://cloud.google.com/pubsub/quotas"),
    # Google tells nobody the figure (it is per account and caller), and documents none for secrets: off until set.
    "secretmanager.secrets": Limit(2, 0, "settable only; https://cloud.google.com/secret-manager/quotas names none"),
    "project": Limit(
        0, 0, "settable only", "The project cannot be created because you have exceeded your allotted project quota."
    ),
    "cloudbilling.projects": Limit(0, 0, "settable only", "Precondition check failed.", 400, only="billingEnabled"),
}


def parent_of(key: str) -> tuple[str, str] | None:
    """The limited collection and the parent that a key counts for; None for what has no limit."""
    collection, _, path = key.partition("/")
    limit = LIMITS.get(collection)
    if limit is None:
        return None
    return collection, "/".join(path.split("/", limit.depth)[: limit.depth])


def counted(state: State, collection: str, parent: str) -> int:
    """How many there are, the writes of the request in hand left out."""
    row = state.get(f"count/{collection}/{parent}")
    return row["n"] if row else 0


def check(state: State, settings: Settings, collection: str, parent: str, adding: int = 1) -> None:
    """Refuse (GoogleError, nearly always 429 RESOURCE_EXHAUSTED) what would make more than the limit."""
    limit = LIMITS[collection]
    most = settings.limits.get(collection, limit.most)
    if most and counted(state, collection, parent) + adding > most:
        raise _refused(collection, limit)


def _refused(collection: str, limit: Limit) -> GoogleError:
    details: list[Json] = [{"@type": _RETRY_INFO, "retryDelay": limit.retry}] if limit.retry else []
    if collection == "cloudbilling.projects":
        # Words of k8s.io#884 and terraform-provider-google#1892.
        violation = {
            "subject": "billingAccounts",
            "description": "Cloud billing quota exceeded: https://support.google.com/code/contact/billing_quota_increase",
        }
        details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}]
        return GoogleError(400, limit.message, "FAILED_PRECONDITION", "failedPrecondition", details)
    return GoogleError(limit.status, limit.message, details=details)


def count(state: State) -> dict[tuple[str, str], int]:
    """Bring the counters up to date with every write since the last commit; returns those that changed."""
    found: dict[tuple[str, str], int] = {}
    for key in list(state.writes):
        place = parent_of(key)
        if place is not None:
            only = LIMITS[place[0]].only
            before, now = (_counts(row, only) for row in (state.raw_before(key), state.writes[key]))
            found[place] = found.get(place, 0) + now - before
    for (collection, parent), change in found.items():
        key = f"count/{collection}/{parent}"
        there = (state.before(key) or {"n": 0})["n"] + change
        if there != counted(state, collection, parent):
            state.put(key, {"n": there})
        found[collection, parent] = there
    return found


def _counts(raw: bytes | None, only: str) -> int:
    return int(raw is not None and (not only or bool(orjson.loads(raw).get(only))))


def enforce(state: State, settings: Settings, settled: Mapping[tuple[str, str], int]) -> None:
    """Count, and refuse the request if it made more than a limit; `settled` are the counters before it."""
    for (collection, parent), now in count(state).items():
        was = settled.get((collection, parent))
        if was is None:
            was = (state.before(f"count/{collection}/{parent}") or {"n": 0})["n"]
        if now > was:
            check(state, settings, collection, parent, adding=0)


def recounted(collection: str, keys: Iterable[str]) -> dict[str, bytes | None]:
    """The counter rows of a collection from all its keys: after a bulk load, which counts nothing."""
    found: Counter[str] = Counter()
    for key in keys:
        if place := parent_of(key):
            found[place[1]] += 1
    return {f"count/{collection}/{parent}": orjson.dumps({"n": number}) for parent, number in found.items()}


def set_from(wish: Json, current: Mapping[str, int]) -> dict[str, int]:
    """The limits with those of `wish` in place. Raises ValueError with what is known."""
    unknown = sorted(set(wish) - set(LIMITS))
    if unknown:
        raise ValueError(f"no limit is named {', '.join(unknown)}; known are: {', '.join(sorted(LIMITS))}")
    for name, most in wish.items():
        if not isinstance(most, int) or isinstance(most, bool) or most < 0:
            raise ValueError(f"the limit of {name} must be a whole number, 0 for none; got {most!r}")
    return {**current, **wish}


def printed(settings: Settings) -> Json:
    return {name: settings.limits.get(name, limit.most) for name, limit in sorted(LIMITS.items())}
