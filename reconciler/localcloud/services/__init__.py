"""How each Google service behaves beyond what the discovery documents say: one thin file per service.

A file here maps discovery method ids to functions of a Call (METHODS) and names the ends of its operations
(FINISHERS); nothing here may know about HTTP, files or the clock.
"""

from __future__ import annotations

import importlib
from functools import cache

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.operations import Finisher
from reconciler.localcloud.services import generic

# To add a service: a file of this name, and its name here. Everything else is answered by `generic`.
OWN = (
    "artifactregistry", "cloudbilling", "cloudbuild", "cloudresourcemanager", "iam", "run", "secretmanager",
    "serviceusage", "sqladmin", "storage",
)  # fmt: skip


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


@cache
def finishers() -> dict[str, Finisher]:
    """All ends of operations, by name (`run.service_ready`)."""
    table: dict[str, Finisher] = {}
    for service in (*OWN, "generic"):
        table |= getattr(importlib.import_module(f"reconciler.localcloud.services.{service}"), "FINISHERS", {})
    return table
