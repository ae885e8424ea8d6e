"""Revisions: made by the template of a service or worker pool, never changed, deleted when nothing points at them."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call, Moment
from reconciler.localcloud.errors import exists
from reconciler.localcloud.services.run import conditions, names
from reconciler.localcloud.services.run.conditions import Problem
from reconciler.localcloud.services.run.kinds import Kind
from reconciler.localcloud.services.run.rules import refusal
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, uuid_like

_COPIED = (
    "labels", "annotations", "scaling", "vpcAccess", "serviceAccount", "timeout", "containers", "volumes",
    "executionEnvironment", "encryptionKey", "encryptionKeyRevocationAction", "encryptionKeyShutdownDuration",
    "maxInstanceRequestConcurrency", "sessionAffinity", "nodeSelector", "serviceMesh", "client", "clientVersion",
    "gpuZonalRedundancyDisabled",
)  # fmt: skip
# https://cloud.google.com/run/quotas: the oldest that serve nothing go when there are more.
_KEPT = 1000


def key_of(state: State, path: str) -> str:
    return "run.revisions/" + projects.canonical(state, path)


def named(call: Call, row: Json) -> str:
    """The path of the revision that the row's template makes. Raises GoogleError for a wrong or a taken name."""
    owner = names.own(row["name"])
    wanted = row["template"].get("revision", "")
    if not wanted:
        wanted = names.revision_name(call.rng, owner, int(row["generation"]))
    elif not wanted.startswith(f"{owner}-"):
        # hashicorp/terraform-provider-google#6491
        raise refusal(
            "template.revision",
            "The revision name must be prefixed by the name of the enclosing Service or Configuration with a trailing "
            "-",
        )
    path = f"{row['name']}/revisions/{wanted}"
    if call.state.get(key_of(call.state, path)) is not None:
        raise exists(f"Revision named '{wanted}' with different configuration already exists.")
    return path


def make(call: Call, kind: Kind, row: Json, path: str) -> Json:
    """The revision of the row's template; not ready yet."""
    template, owner = row["template"], names.own(row["name"])
    made: Json = {name: template[name] for name in _COPIED if name in template}
    made["containers"] = [
        {"name": f"{owner}-{index}", **container, "image": resolved(container["image"])}
        for index, container in enumerate(template["containers"], 1)
    ]
    made |= {
        "name": path, "uid": uuid_like(call.rng), "generation": "1", "createTime": call.stamp,
        "updateTime": call.stamp, "launchStage": row["launchStage"], "creator": "user@example.com",
        "reconciling": True,
        "conditions": conditions.waiting(call.stamp, "Ready"), "etag": names.etag(call.now, call.rng, path),
    }  # fmt: skip
    if kind.message == "Service":
        made["service"] = owner
    project = projects.of(projects.with_id(call.state, path))
    made["logUri"] = log_uri(project, owner, names.own(path))
    return made


def resolved(image: str) -> str:
    """The image by digest, as a revision runs it (sample); of a tag the digest is made up, always the same one."""
    if "@sha256:" in image:
        return image
    name = image if ":" not in image.rsplit("/", 1)[-1] else image.rpartition(":")[0]
    return f"{name}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def log_uri(project: str, service: str, revision: str) -> str:
    """As in the sample."""
    wanted = (
        f'resource.type="cloud_run_revision"\nresource.labels.service_name="{service}"\n'
        f'resource.labels.revision_name="{revision}"'
    )
    return (
        f"https://console.cloud.google.com/logs/viewer?project={project}&resource=cloud_run_revision/service_name/"
        f"{service}/revision_name/{revision}&advancedFilter={quote(wanted, safe='')}"
    )


def settle(moment: Moment, path: str, problem: Problem | None) -> Problem | None:
    """The revision is ready, or says why not; returns the problem as its owner tells it."""
    key = key_of(moment.state, path)
    row = moment.state.get(key)
    if row is None:
        return problem
    row["observedGeneration"] = "1"
    row.pop("reconciling", None)
    if problem is None:
        ready, healthy = conditions.succeeded(moment.stamp, "Ready", "ContainerHealthy")
        active = conditions.condition("Active", "CONDITION_SUCCEEDED", moment.stamp, severity="INFO")
        there = conditions.condition("ResourcesAvailable", "CONDITION_SUCCEEDED", moment.stamp, severity="ERROR")
        row["conditions"] = [ready, active, healthy, there]
    else:
        blamed = "ResourcesAvailable" if problem.reason in _RESOURCES else "ContainerHealthy"
        row["conditions"] = [
            conditions.failed("Ready", moment.stamp, problem), conditions.failed(blamed, moment.stamp, problem),
        ]  # fmt: skip
    moment.state.put(key, row)
    return None if problem is None else _told(path, problem)


def _told(path: str, problem: Problem) -> Problem:
    """A revision's problem as its owner tells it."""
    said = f"Revision '{names.own(path)}' is not ready and cannot serve traffic. {problem.message}"
    return Problem(said, "REVISION_FAILED", problem.code)


def waits(state: State, path: str) -> bool:
    """Whether a revision has still to become ready or fail."""
    return bool((state.get(key_of(state, path)) or {}).get("reconciling"))


def standing(state: State, path: str) -> Problem | None:
    """The problem with which a revision has failed before."""
    row = state.get(key_of(state, path)) or {}
    failed = [found for found in row.get("conditions", []) if found["state"] == "CONDITION_FAILED"]
    ready: Json = next((found for found in failed if found["type"] == "Ready"), {})
    return _told(path, Problem(ready["message"], ready.get("reason", ""))) if ready else None


def activate(moment: Moment, owner: str, before: set[str], after: set[str]) -> None:
    """A revision that no longer gets requests is retired, and one that does again is active again."""
    for own, active in [*((own, True) for own in after - before), *((own, False) for own in before - after)]:
        key = key_of(moment.state, f"{owner}/revisions/{own}")
        row = moment.state.get(key)
        if row is None:
            continue
        state = "CONDITION_SUCCEEDED" if active else "CONDITION_FAILED"
        why = {} if active else {"revisionReason": "RETIRED", "message": "Revision retired."}
        told = conditions.condition("Active", state, moment.stamp, severity="INFO", **why)
        row["conditions"] = [told if found["type"] == "Active" else found for found in row["conditions"]]
        moment.state.put(key, row)


_RESOURCES = ("SECRETS_ACCESS_CHECK_FAILED", "VPC_NETWORK_NOT_FOUND")


def trim(state: State, row: Json) -> None:
    """Forget the oldest revisions beyond the limit that nothing points at."""
    prefix = key_of(state, f"{row['name']}/revisions/")
    found = [key for key, _ in state.scan(prefix)]
    serving = {target.get("revision") for target in row.get("traffic") or []}
    for key in found[: max(0, len(found) - _KEPT)]:
        if names.own(key) not in serving:
            state.delete(key)
