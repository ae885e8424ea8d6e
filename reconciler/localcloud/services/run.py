"""Cloud Run v2: services with their revisions, and jobs.

Shapes from the discovery document and the recorded jobs; defaults of services from the Knative samples and the
documentation (there are no recordings of v2 services). Revisions are made by the template: a change makes a new one.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, exists, failed_precondition, invalid
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run_defaults import complete_job, complete_service, revision_of
from reconciler.localcloud.values import Json, etag_like, hexadecimal, timestamp, uuid_like

_TYPE = "type.googleapis.com/google.cloud.run.v2."
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services: fewer than 50 characters.
_LONGEST_NAME = 49


def _condition(state: str, stamp: str, kind: str = "Ready", **more: str) -> Json:
    return {"type": kind, "state": state, "lastTransitionTime": stamp, **more}


def _number(call: Call, path: str) -> str:
    return str((projects.find(call.state, projects.of(path)) or {})["number"])


def _missing(path: str) -> GoogleError:
    parts = path.split("/")
    kind = {"services": "SERVICE", "jobs": "JOB", "revisions": "REVISION", "executions": "EXECUTION"}.get(
        parts[-2], "RESOURCE"
    )
    project = parts[1]
    return GoogleError(
        404, f"Resource '{parts[-1]}' of kind '{kind}' in region '{parts[3]}' in project '{project}' does not exist."
    )


def _load(call: Call, path: str) -> Json:
    stored = call.state.get(generic.key_of(call, path))
    if stored is None:
        raise _missing(path)
    return stored


def _new_name(call: Call, collection: str, word: str) -> str:
    chosen = call.query(f"{word}Id")
    if not chosen:
        raise invalid(
            f"Violation in Create{word.capitalize()}Request.{word}_id: a name is required", (f"{word}_id", "required")
        )
    if not _NAME.fullmatch(chosen) or len(chosen) > _LONGEST_NAME:
        where = f"Create{word.capitalize()}Request.{word}_id"
        rule = (
            "must contain only lowercase alphanumeric characters and hyphens, begin with a letter, not end with a "
            "hyphen, and be at most 49 characters long"
        )
        raise invalid(f"Violation in {where}: {chosen} {rule}", (f"{word}_id", "invalid name"))
    path = projects.with_id(call.state, f"{call.subject}/{collection}/{chosen}")
    if call.state.get(generic.key_of(call, path)) is not None:
        raise exists(f"Resource '{chosen}' already exists.")
    return path


def _stamped(call: Call, body: Json, path: str) -> Json:
    return {
        **{name: value for name, value in body.items() if name not in ("name", "etag")}, "name": path,
        "uid": uuid_like(call.rng), "generation": "1", "createTime": call.stamp, "updateTime": call.stamp,
        "creator": "user@example.com", "lastModifier": "user@example.com",
    }  # fmt: skip


# --- services --------------------------------------------------------------------------------------------------


def _create(call: Call) -> Answer:
    path = _new_name(call, "services", "service")
    _check_template(call.body)
    row = _stamped(call, call.body, path)
    complete_service(row, _number(call, path))
    _begin(call, row, None)
    if not call.flag("validateOnly"):
        call.state.put(generic.key_of(call, path), row)
    return _operation(call, row, "run.service_ready")


def _check_template(body: Json) -> None:
    template = body.get("template") or {}
    containers = template.get("containers") or []
    if not containers or not all(container.get("image") for container in containers):
        where = "service.template.containers" + ("[0].image" if containers else "")
        raise invalid(f"Violation in CreateServiceRequest.{where}: value is required", (where, "required"))
    percents = [target.get("percent", 0) for target in body.get("traffic") or []]
    if percents and sum(percents) != 100:
        raise invalid(
            "Violation in Service.traffic: The sum of traffic percentages must be 100.",
            ("service.traffic", f"sum is {sum(percents)}"),
        )


def _begin(call: Call, row: Json, before: Json | None) -> None:
    """The state while a rollout runs: a new revision if the template changed, and not ready."""
    row["etag"] = f'"{etag_like(call.rng, 20)}"'
    row["reconciling"] = True
    row["terminalCondition"] = _condition("CONDITION_RECONCILING", call.stamp)
    row["conditions"] = [
        _condition("CONDITION_RECONCILING", call.stamp, kind) for kind in ("RoutesReady", "ConfigurationsReady")
    ]
    if before is None or before["template"] != row["template"]:
        wanted = row["template"].get("revision")
        own = wanted or f"{row['name'].rsplit('/', 1)[1]}-{int(row['generation']):05d}-{hexadecimal(call.rng, 3)}"
        path = f"{row['name']}/revisions/{own}"
        if call.state.get(generic.key_of(call, path)) is not None:
            raise exists(f"Revision named '{own}' with different configuration already exists.")
        call.state.put(generic.key_of(call, path), revision_of(row, path, call.stamp, uuid_like(call.rng)))
        row["latestCreatedRevision"] = path


def _operation(call: Call, row: Json, finisher: str, kind: str = "Service") -> Json:
    metadata = {"@type": _TYPE + kind, **row}
    name = operations.location_name(call, row["name"])
    work = Work(
        name,
        finisher,
        {"key": generic.key_of(call, row["name"]), "generation": row["generation"]},
        metadata,
        _TYPE + kind,
    )
    return operations.rendered(operations.start(call, work))


def _service_ready(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is None:
        return
    if row["generation"] != ending.args["generation"]:
        _tell(ending, row, "Service")
        return
    row["reconciling"] = False
    revision_key = "run.revisions/" + projects.canonical(ending.state, row["latestCreatedRevision"])
    revision = ending.state.get(revision_key) or {}
    if ending.failed:
        message = ending.failed.rpartition(": ")[2]
        row["terminalCondition"] = _condition("CONDITION_FAILED", ending.stamp, message=message)
        row["conditions"] = [_condition("CONDITION_FAILED", ending.stamp, "ConfigurationsReady", message=message)]
    else:
        row["latestReadyRevision"] = row["latestCreatedRevision"]
        row["observedGeneration"] = row["generation"]
        row["terminalCondition"] = _condition("CONDITION_SUCCEEDED", ending.stamp)
        row["conditions"] = [
            _condition("CONDITION_SUCCEEDED", ending.stamp, kind) for kind in ("RoutesReady", "ConfigurationsReady")
        ]
        row["trafficStatuses"] = _traffic(row)
        if revision:
            ready = [
                _condition("CONDITION_SUCCEEDED", ending.stamp, kind)
                for kind in ("Ready", "ContainerReady", "ResourcesAvailable")
            ]
            revision |= {"reconciling": False, "conditions": ready, "observedGeneration": "1"}
            ending.state.put(revision_key, revision)
    ending.state.put(ending.args["key"], row)
    _tell(ending, row, "Service")


def _tell(ending: Ending, row: Json, kind: str) -> None:
    """Response and metadata of a finished operation are both the resource as it is now (recordings)."""
    ending.response = row
    ending.row["metadata"] = {"@type": _TYPE + kind, **row}


def _traffic(row: Json) -> list[Json]:
    found = []
    for target in row["traffic"]:
        own = row["latestReadyRevision"].rsplit("/", 1)[1]
        status = {**target} if target["type"].endswith("REVISION") else {**target, "revision": own}
        if target["type"] == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST":
            status.pop("revision", None)
        if target.get("tag"):
            status["uri"] = row["uri"].replace("https://", f"https://{target['tag']}---")
        found.append(status)
    return found


def _patch(call: Call) -> Answer:
    path = call.subject
    before = call.state.get(generic.key_of(call, path))
    if before is None:
        if not call.flag("allowMissing"):
            raise _missing(path)
        parent, _, own = path.rpartition("/services/")
        call.params = {"parent": parent}
        call.request = type(call.request)(
            call.request.verb, call.request.path, {**call.request.query, "serviceId": [own]}, call.request.headers
        )
        return _create(call)
    generic.check_etag(call, before)
    row = _changed(call, before)
    _check_template(row)
    complete_service(row, _number(call, path))
    if _settings(row) == _settings(before):
        work = Work(
            operations.location_name(call, row["name"]),
            "",
            metadata={"@type": _TYPE + "Service", **before},
            response_type=_TYPE + "Service",
        )
        return operations.rendered(operations.finished(call, work, before))
    row |= {"generation": str(int(row["generation"]) + 1), "updateTime": call.stamp, "lastModifier": "user@example.com"}
    _check_revisions(call, row)
    _begin(call, row, before)
    if not call.flag("validateOnly"):
        call.state.put(generic.key_of(call, path), row)
    return _operation(call, row, "run.service_ready")


def _changed(call: Call, before: Json) -> Json:
    """The service with the masked fields from the body; without a mask the body replaces all that is declared."""
    body = {name: value for name, value in call.body.items() if name not in _SERVER_SET}
    if call.query("updateMask"):
        known = call.api.schema(call.method.request)["properties"]
        result = masked(before, body, call.query("updateMask"), known)
        return {**result, **{name: before[name] for name in _SERVER_SET if name in before}}
    return {**{name: before[name] for name in _SERVER_SET if name in before}, **body}


_SERVER_SET = (
    "name", "uid", "generation", "createTime", "updateTime", "creator", "lastModifier", "observedGeneration", "uri",
    "urls", "terminalCondition", "conditions", "latestReadyRevision", "latestCreatedRevision", "trafficStatuses",
    "reconciling", "etag", "satisfiesPzs",
)  # fmt: skip


def _settings(row: Json) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _SERVER_SET}


def _check_revisions(call: Call, row: Json) -> None:
    for target in row["traffic"]:
        own = target.get("revision")
        if own and call.state.get(generic.key_of(call, f"{row['name']}/revisions/{own}")) is None:
            raise failed_precondition(f"Revision '{own}' referenced by traffic target does not exist.")


def _get(call: Call) -> Answer:
    return _load(call, call.subject)


def _delete(call: Call) -> Answer:
    row = _load(call, call.subject)
    generic.check_etag(call, row)
    key = generic.key_of(call, call.subject)
    for child, _ in list(call.state.scan("run.revisions/" + key.split("/", 1)[1] + "/revisions/")):
        call.state.delete(child)
    call.state.delete(key)
    call.state.delete(policies.key_of(call, call.subject))
    # A deleted resource can be seen in its operation only; expireTime is thirty days on (recordings).
    gone = {
        **row,
        "deleteTime": call.stamp,
        "expireTime": timestamp(call.now + 30 * 86400),
        "etag": f'"{etag_like(call.rng, 20)}"',
    }
    gone["generation"] = str(int(row.get("generation", "0")) + 1)
    kind = "Job" if "/jobs/" in call.subject else "Revision" if "/revisions/" in call.subject else "Service"
    work = Work(
        operations.location_name(call, row["name"]),
        "generic.done",
        {"response": gone},
        {"@type": _TYPE + kind, **gone},
        _TYPE + kind,
    )
    return operations.rendered(operations.start(call, work))


def _delete_revision(call: Call) -> Answer:
    service = _load(call, call.subject.rpartition("/revisions/")[0])
    own = call.subject.rsplit("/", 1)[1]
    serving = [target.get("revision") for target in service["traffic"]]
    if own in serving or service.get("latestCreatedRevision", "").endswith(f"/{own}"):
        raise failed_precondition(
            f"Revision '{own}' cannot be deleted because it is the latest created Revision or serves traffic."
        )
    return _delete(call)


def _get_policy(call: Call) -> Answer:
    _load(call, call.subject)
    return policies.read(call, call.subject)


def _set_policy(call: Call) -> Answer:
    _load(call, call.subject)
    return policies.write(call, call.subject, call.body.get("policy", {}))


# --- jobs ------------------------------------------------------------------------------------------------------


def _create_job(call: Call) -> Answer:
    path = _new_name(call, "jobs", "job")
    row = _stamped(call, call.body, path)
    complete_job(row, _number(call, path))
    row["etag"] = f'"{etag_like(call.rng, 20)}"'
    row |= {"reconciling": True, "terminalCondition": {"state": "CONDITION_PENDING"}, "latestCreatedExecution": {}}
    call.state.put(generic.key_of(call, path), row)
    return _operation(call, row, "run.job_ready", "Job")


def _job_ready(ending: Ending) -> None:
    row = ending.state.get(ending.args["key"])
    if row is None:
        return
    row |= {
        "observedGeneration": row["generation"],
        "terminalCondition": _condition("CONDITION_SUCCEEDED", ending.stamp),
    }
    row.pop("reconciling", None)
    row["conditions"] = [_condition("CONDITION_SUCCEEDED", ending.stamp, "ResourcesAvailable")]
    if ending.failed:
        row["terminalCondition"] = _condition(
            "CONDITION_FAILED", ending.stamp, message=ending.failed.rpartition(": ")[2]
        )
    ending.state.put(ending.args["key"], row)
    _tell(ending, row, "Job")


def _patch_job(call: Call) -> Answer:
    before = _load(call, call.subject)
    generic.check_etag(call, before)
    row = _changed(call, before)
    row["latestCreatedExecution"] = before.get("latestCreatedExecution", {})
    complete_job(row, _number(call, call.subject))
    row |= {
        "reconciling": True,
        "terminalCondition": {"state": "CONDITION_PENDING", "type": "Ready", "lastTransitionTime": call.stamp},
    }
    row |= {
        "generation": str(int(row["generation"]) + 1),
        "updateTime": call.stamp,
        "etag": f'"{etag_like(call.rng, 20)}"',
    }
    call.state.put(generic.key_of(call, call.subject), row)
    return _operation(call, row, "run.job_ready", "Job")


_ID = "run.projects.locations."
METHODS = {
    f"{_ID}services.create": _create, f"{_ID}services.get": _get, f"{_ID}services.patch": _patch,
    f"{_ID}services.delete": _delete, f"{_ID}services.getIamPolicy": _get_policy,
    f"{_ID}services.setIamPolicy": _set_policy,
    f"{_ID}services.revisions.get": _get, f"{_ID}services.revisions.delete": _delete_revision,
    f"{_ID}jobs.create": _create_job, f"{_ID}jobs.get": _get, f"{_ID}jobs.patch": _patch_job,
    f"{_ID}jobs.delete": _delete,
    f"{_ID}jobs.getIamPolicy": _get_policy, f"{_ID}jobs.setIamPolicy": _set_policy,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"run.service_ready": _service_ready, "run.job_ready": _job_ready}
