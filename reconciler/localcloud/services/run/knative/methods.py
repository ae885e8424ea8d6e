"""Which method of v1 is answered by what. Methods of projects share their ids with v2, so those go by version."""

from __future__ import annotations

from reconciler.localcloud.call import Behaviour
from reconciler.localcloud.services.run import jobs, locations, resources
from reconciler.localcloud.services.run.kinds import INSTANCE, JOB, POOL, SERVICE
from reconciler.localcloud.services.run.knative import views
from reconciler.localcloud.services.run.knative.printing import RUNNING, SERVING

_LISTS = {
    "services": ("ServiceList", SERVING), "revisions": ("RevisionList", SERVING), "routes": ("RouteList", SERVING),
    "configurations": ("ConfigurationList", SERVING), "jobs": ("JobList", RUNNING),
    "executions": ("ExecutionList", RUNNING), "tasks": ("TaskList", RUNNING),
    "workerpools": ("WorkerPoolList", RUNNING), "instances": ("InstanceList", RUNNING),
}  # fmt: skip
_WRITTEN = {
    "services": (SERVICE, "replaceService"), "jobs": (JOB, "replaceJob"), "workerpools": (POOL, "replaceWorkerPool"),
    "instances": (INSTANCE, "replaceInstance"),
}  # fmt: skip


def _methods(prefix: str) -> dict[str, Behaviour]:
    found: dict[str, Behaviour] = {}
    for collection, (kind, api) in _LISTS.items():
        found[f"{prefix}{collection}.get"] = views.get(collection)
        found[f"{prefix}{collection}.list"] = views.listed(collection, kind, api)
    for collection, (written, verb) in _WRITTEN.items():
        found[f"{prefix}{collection}.create"] = views.create(written)
        found[f"{prefix}{collection}.{verb}"] = views.replace(written)
    for collection in (*_WRITTEN, "revisions", "executions"):
        found[f"{prefix}{collection}.delete"] = views.delete
    found |= {
        f"{prefix}instances.start": views.switch(jobs.started), f"{prefix}instances.stop": views.switch(jobs.stopped),
        f"{prefix}jobs.run": views.run, f"{prefix}executions.cancel": views.cancel,
        f"{prefix}domainmappings.create": views.mapped, f"{prefix}domainmappings.get": views.mapping,
        f"{prefix}domainmappings.list": views.mappings, f"{prefix}domainmappings.delete": views.unmapped,
        f"{prefix}authorizeddomains.list": views.domains,
    }  # fmt: skip
    return found


_POLICED = ("services", "jobs", "workerpools", "instances")
METHODS: dict[str, Behaviour] = {
    **_methods("run.namespaces."), **_methods("run.projects.locations."),
    **{f"run.projects.locations.{name}.getIamPolicy": views.get_policy for name in _POLICED},
    **{f"run.projects.locations.{name}.setIamPolicy": views.set_policy for name in _POLICED},
    **{f"run.projects.locations.{name}.testIamPermissions": resources.test_permissions for name in _POLICED},
    "run.projects.locations.operations.get": views.operation, "run.projects.locations.operations.wait": views.operation,
    "run.projects.locations.operations.list": views.list_operations,
    "run.projects.locations.operations.delete": resources.delete_operation,
    "run.projects.locations.list": locations.listed, "run.projects.authorizeddomains.list": views.domains,
}  # fmt: skip
