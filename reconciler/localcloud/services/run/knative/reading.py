"""Resources as people send them in v1, in the v2 form in which they are judged and stored."""

from __future__ import annotations

from reconciler.localcloud.services.run.knative import templates
from reconciler.localcloud.services.run.knative.templates import RUN, foreign, parsed, whole
from reconciler.localcloud.values import Json

INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL", "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "none": "INGRESS_TRAFFIC_NONE",
}  # fmt: skip
BUILD = {
    "sourceLocation": f"{RUN}build-source-location", "functionTarget": f"{RUN}build-function-target",
    "imageUri": f"{RUN}build-image-uri", "baseImage": f"{RUN}build-base-image", "workerPool": f"{RUN}build-worker-pool",
    "serviceAccount": f"{RUN}build-service-account",
}  # fmt: skip
_TRAFFIC = "TRAFFIC_TARGET_ALLOCATION_TYPE_"
_SPLIT = "INSTANCE_SPLIT_ALLOCATION_TYPE_"


def _common(body: Json) -> Json:
    metadata = body.get("metadata") or {}
    notes = metadata.get("annotations") or {}
    found: Json = {
        "labels": foreign(metadata.get("labels") or {}), "annotations": foreign(notes),
        "description": notes.get(f"{RUN}description", ""), "client": notes.get(f"{RUN}client-name", ""),
        "clientVersion": notes.get(f"{RUN}client-version", ""), "launchStage": notes.get(f"{RUN}launch-stage", ""),
        "binaryAuthorization": _authorization(notes),
    }  # fmt: skip
    return found


def _authorization(notes: Json) -> Json:
    policy = notes.get(f"{RUN}binary-authorization", "")
    found: Json = {"useDefault": True} if policy == "default" else {"policy": policy} if policy else {}
    reason = notes.get(f"{RUN}binary-authorization-breakglass", "")
    return found | ({"breakglassJustification": reason} if reason else {})


def _compact(found: Json) -> Json:
    return {name: value for name, value in found.items() if value not in ("", {}, [], None, False)}


def _scaling(notes: Json) -> Json:
    numbers = {
        "minInstanceCount": "minScale",
        "maxInstanceCount": "maxScale",
        "manualInstanceCount": "manualInstanceCount",
    }
    found: Json = {name: whole(notes.get(RUN + key, "")) for name, key in numbers.items()}
    mode = notes.get(f"{RUN}scalingMode", "").upper()
    found = {name: value for name, value in found.items() if value}
    return found | ({"scalingMode": mode} if mode in ("AUTOMATIC", "MANUAL") else {})


def service(body: Json, project: tuple[str, str]) -> Json:
    notes = (body.get("metadata") or {}).get("annotations") or {}
    spec = body.get("spec") or {}
    template = spec.get("template") or {}
    build = {name: notes.get(key, "") for name, key in BUILD.items() if notes.get(key)}
    found = _common(body) | {
        "ingress": INGRESS.get(notes.get(f"{RUN}ingress", ""), ""), "scaling": _scaling(notes),
        "customAudiences": parsed(notes.get(f"{RUN}custom-audiences", ""), []), "buildConfig": build,
        "invokerIamDisabled": notes.get(f"{RUN}invoker-iam-disabled", "") == "true",
        "defaultUriDisabled": notes.get(f"{RUN}default-url-disabled", "") == "true",
        "iapEnabled": notes.get(f"{RUN}iap-enabled", "") == "true",
        "template": templates.read(template.get("metadata") or {}, template.get("spec") or {}, project),
        "traffic": [_target(one) for one in spec.get("traffic") or []],
    }  # fmt: skip
    return _compact(found)


def _target(one: Json) -> Json:
    kind = "REVISION" if one.get("revisionName") else "LATEST"
    found = {
        "type": _TRAFFIC + kind,
        "revision": one.get("revisionName"),
        "percent": one.get("percent"),
        "tag": one.get("tag"),
    }
    return {name: value for name, value in found.items() if value}


def pool(body: Json, project: tuple[str, str]) -> Json:
    notes = (body.get("metadata") or {}).get("annotations") or {}
    spec = body.get("spec") or {}
    template = spec.get("template") or {}
    read = templates.read(template.get("metadata") or {}, template.get("spec") or {}, project)
    for name in ("maxInstanceRequestConcurrency", "timeout", "scaling", "sessionAffinity", "executionEnvironment"):
        read.pop(name, None)
    scaling = _scaling(notes)
    splits = [_split(one) for one in spec.get("instanceSplits") or [] if one.get("percent") or one.get("revisionName")]
    found = _common(body) | {
        "template": read, "instanceSplits": splits,
        "scaling": {name: scaling[name] for name in ("manualInstanceCount",) if name in scaling},
    }  # fmt: skip
    return _compact(found)


def _split(one: Json) -> Json:
    kind = "REVISION" if one.get("revisionName") else "LATEST"
    found = {"type": _SPLIT + kind, "revision": one.get("revisionName"), "percent": one.get("percent")}
    return {name: value for name, value in found.items() if value}


def job(body: Json, project: tuple[str, str]) -> Json:
    spec = body.get("spec") or {}
    execution = spec.get("template") or {}
    metadata, wanted = execution.get("metadata") or {}, execution.get("spec") or {}
    task_spec = (wanted.get("template") or {}).get("spec") or {}
    # In v1 the annotations of the execution say what v2 has in the task's template.
    read = templates.read({"annotations": metadata.get("annotations")}, task_spec, project)
    task: Json = {
        name: value
        for name, value in read.items()
        if name not in ("annotations", "labels", "client", "clientVersion", "scaling", "sessionAffinity", "revision")
    }
    if task_spec.get("maxRetries") is not None:
        task["maxRetries"] = task_spec["maxRetries"]
    for container in task.get("containers", []):
        (container.get("resources") or {}).pop("cpuIdle", None)
    template: Json = {
        **{name: read[name] for name in ("annotations", "client", "clientVersion") if name in read},
        "labels": foreign(metadata.get("labels") or {}), "taskCount": wanted.get("taskCount"),
        "parallelism": wanted.get("parallelism"), "template": task,
    }  # fmt: skip
    tokens = {name: spec.get(name) for name in ("startExecutionToken", "runExecutionToken")}
    return _compact(_common(body) | {"template": _compact(template)} | tokens)


_RESTART = {"Always": "ALWAYS", "OnFailure": "ON_FAILURE", "Never": "NEVER"}


def instance(body: Json, project: tuple[str, str]) -> Json:
    """An instance has no template: its own annotations say what those of a template say."""
    metadata, spec = body.get("metadata") or {}, body.get("spec") or {}
    notes = metadata.get("annotations") or {}
    read = templates.read({"annotations": notes}, spec, project)
    dropped = (
        "revision",
        "scaling",
        "sessionAffinity",
        "maxInstanceRequestConcurrency",
        "timeout",
        "healthCheckDisabled",
    )
    found = _common(body) | {name: value for name, value in read.items() if name not in (*dropped, "annotations")}
    found |= {
        "ingress": INGRESS.get(notes.get(f"{RUN}ingress", ""), ""),
        "invokerIamDisabled": notes.get(f"{RUN}invoker-iam-disabled", "") == "true",
        "restartPolicy": _RESTART.get(spec.get("restartPolicy", ""), ""),
    }  # fmt: skip
    found.pop("executionEnvironment", None)
    return _compact(found)


def overrides(body: Json) -> Json:
    """The overrides of a run."""
    found = {**(body.get("overrides") or {})}
    seconds = found.pop("timeoutSeconds", None)
    if seconds:
        found["timeout"] = f"{seconds}s"
    return found
