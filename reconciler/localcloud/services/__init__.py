"""How each Google service behaves beyond what the discovery documents say: a file or a package per service.

Each maps discovery method ids to functions of a Call (METHODS) and names the ends of its operations (FINISHERS); what
is shared by rule is in `generic`, `lro` and `places`. Nothing here may know about HTTP, files or the clock.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache

from reconciler.localcloud.api.discovery import Api, Method
from reconciler.localcloud.call import Behaviour, Moment
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services import generic

Watcher = Callable[[Moment], None]

# To add a service: a file of this name, and its name here. Everything else is answered by `generic`.
OWN = (
    "artifactregistry",
    "bigquery",
    "billingbudgets",
    "certificatemanager",
    "cloudasset",
    "cloudbilling",
    "cloudbuild",
    "cloudkms",
    "cloudresourcemanager",
    "cloudscheduler",
    "compute",
    "dns",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "orgpolicy",
    "pubsub",
    "redis",
    "run",
    "secretmanager",
    "servicenetworking",
    "serviceusage",
    "spanner",
    "sqladmin",
    "storage",
    "workflowexecutions",
    "workflows",
)

# The APIs that are served, by the name of their discovery document, with the versions that clients speak.
SERVED: Mapping[str, tuple[str, ...]] = {
    "artifactregistry": ("v1",), "bigquery": ("v2",), "billingbudgets": ("v1",), "certificatemanager": ("v1",),
    "cloudasset": ("v1",), "cloudbilling": ("v1",), "cloudbuild": ("v1", "v2"), "cloudkms": ("v1",),
    "cloudresourcemanager": ("v1", "v2", "v3"), "cloudscheduler": ("v1",), "compute": ("v1", "beta"),
    "dns": ("v1", "v1beta2"), "iam": ("v1", "v2"), "iamcredentials": ("v1",), "logging": ("v2",),
    "monitoring": ("v1", "v3"), "orgpolicy": ("v2",), "pubsub": ("v1",), "recommender": ("v1",),
    "redis": ("v1", "v1beta1"), "run": ("v1", "v2"), "secretmanager": ("v1",), "servicenetworking": ("v1",),
    "serviceusage": ("v1", "v1beta1"), "spanner": ("v1",), "sqladmin": ("v1", "v1beta4"), "storage": ("v1",),
    "workflowexecutions": ("v1",), "workflows": ("v1",),
}  # fmt: skip


@cache
def methods(service: str) -> dict[str, Behaviour]:
    """The behaviours of a service that differ from the generic ones, by discovery method id."""
    if service not in OWN:
        return {}
    found: dict[str, Behaviour] = importlib.import_module(f"reconciler.localcloud.services.{service}").METHODS
    return found


@cache
def fallback(service: str) -> Behaviour:
    """What answers the methods that a service does not list: its own FALLBACK, or `generic.answer`."""
    owner = service if service in OWN else "generic"
    module = importlib.import_module(f"reconciler.localcloud.services.{owner}")
    found: Behaviour = getattr(module, "FALLBACK", generic.answer)
    return found


def standing(api: Api, method: Method) -> str:
    """How a method is answered: `behaviour`, `generic` (by rule from the API model), or `missing` (501)."""
    if method.id in methods(api.name):
        return "behaviour"
    owner = importlib.import_module(f"reconciler.localcloud.services.{api.name if api.name in OWN else 'generic'}")
    by_rule: Callable[[Api, Method], bool] | None = getattr(owner, "BY_RULE", None)
    if by_rule is None:
        by_rule = generic.by_rule if fallback(api.name) is generic.answer else _never
    return "generic" if by_rule(api, method) else "missing"


def _never(_: Api, __: Method) -> bool:
    return False


@cache
def watchers() -> tuple[Watcher, ...]:
    """What looks at the writes of every request before they are committed: the WATCHER of a service that has one."""
    modules = (importlib.import_module(f"reconciler.localcloud.services.{service}") for service in OWN)
    return tuple(module.WATCHER for module in modules if hasattr(module, "WATCHER"))


@cache
def finishers() -> dict[str, Finisher]:
    """All ends of operations, by name (`run.service_ready`)."""
    table: dict[str, Finisher] = {}
    for service in (*OWN, "generic"):
        table |= getattr(importlib.import_module(f"reconciler.localcloud.services.{service}"), "FINISHERS", {})
    return table
