"""What a template says beside its containers: v1 keeps in annotations what v2 has as fields.

The names of the annotations are those of the v1 discovery document and of gcloud.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.localcloud.services.run.knative.containers import (
    SQL_VOLUME,
    Secrets,
    all_of,
    container_printed,
    container_read,
    volume_printed,
    volume_read,
)
from reconciler.localcloud.values import Json

RUN = "run.googleapis.com/"
_SCALE = "autoscaling.knative.dev/"
SYSTEM = (RUN, "serving.knative.dev/", _SCALE, "cloud.googleapis.com/")
_SWITCHES = {
    "sessionAffinity": f"{RUN}sessionAffinity", "healthCheckDisabled": f"{RUN}health-check-disabled",
    "gpuZonalRedundancyDisabled": f"{RUN}gpu-zonal-redundancy-disabled",
}  # fmt: skip
_TEXTS = {
    "client": f"{RUN}client-name", "clientVersion": f"{RUN}client-version", "encryptionKey": f"{RUN}encryption-key",
}  # fmt: skip
_ENVIRONMENTS = {"gen1": "EXECUTION_ENVIRONMENT_GEN1", "gen2": "EXECUTION_ENVIRONMENT_GEN2"}
_EGRESS = {"all-traffic": "ALL_TRAFFIC", "all": "ALL_TRAFFIC", "private-ranges-only": "PRIVATE_RANGES_ONLY"}
_REVOCATION = {"prevent-new": "PREVENT_NEW", "shut-down": "SHUTDOWN"}
_ACCELERATOR = f"{RUN}accelerator"


def foreign(pairs: Json) -> Json:
    """The labels or annotations that are people's own."""
    return {key: value for key, value in pairs.items() if not key.startswith(SYSTEM)}


def parsed(text: str, otherwise: Any) -> Any:
    """The JSON in an annotation; anything that is not JSON of that shape counts as not there."""
    try:
        value = json.loads(text) if text else otherwise
    except ValueError:
        return otherwise
    return value if isinstance(value, type(otherwise)) else otherwise


def whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def read(metadata: Json, spec: Json, project: tuple[str, str]) -> Json:
    """A v1 template (of a revision, or with the task's spec of an execution) in v2 form; `project` is id and number."""
    notes: Json = metadata.get("annotations") or {}
    secrets = Secrets.read(*project, notes.get(f"{RUN}secrets", ""))
    result: Json = {
        "labels": foreign(metadata.get("labels") or {}), "annotations": foreign(notes),
        "containers": all_of(spec.get("containers"), container_read, secrets),
        "volumes": all_of(spec.get("volumes"), volume_read, secrets),
        "revision": metadata.get("name", ""), "serviceAccount": spec.get("serviceAccountName", ""),
        "vpcAccess": _access_read(notes),
        "executionEnvironment": _ENVIRONMENTS.get(notes.get(f"{RUN}execution-environment", ""), ""),
        "encryptionKeyRevocationAction": _REVOCATION.get(notes.get(f"{RUN}post-key-revocation-action-type", ""), ""),
    }  # fmt: skip
    result |= {name: notes.get(key, "") for name, key in _TEXTS.items()}
    result |= {name: notes.get(key, "").lower() == "true" for name, key in _SWITCHES.items()}
    if spec.get("containerConcurrency"):
        result["maxInstanceRequestConcurrency"] = spec["containerConcurrency"]
    if spec.get("timeoutSeconds"):
        result["timeout"] = f"{spec['timeoutSeconds']}s"
    scaling = {
        "minInstanceCount": notes.get(f"{_SCALE}minScale", ""),
        "maxInstanceCount": notes.get(f"{_SCALE}maxScale", ""),
    }
    result["scaling"] = {name: whole(text) for name, text in scaling.items() if whole(text)}
    hours = whole(notes.get(f"{RUN}encryption-key-shutdown-hours", ""))
    if hours:
        result["encryptionKeyShutdownDuration"] = f"{hours * 3600}s"
    accelerator = (spec.get("nodeSelector") or {}).get(_ACCELERATOR)
    if accelerator:
        result["nodeSelector"] = {"accelerator": accelerator}
    _containers_read(result, notes)
    return {name: value for name, value in result.items() if value not in ("", {}, [], None, False)}


def _containers_read(template: Json, notes: Json) -> None:
    """The annotations that v2 has as fields of containers and volumes."""
    order: Json = parsed(notes.get(f"{RUN}container-dependencies", ""), {})
    idle, boost = notes.get(f"{RUN}cpu-throttling", ""), notes.get(f"{RUN}startup-cpu-boost", "")
    for container in template["containers"]:
        if order.get(container.get("name", "")):
            container["dependsOn"] = order[container["name"]]
        resources = {**(container.get("resources") or {})}
        if idle:
            resources["cpuIdle"] = idle.lower() == "true"
        if boost.lower() == "true":
            resources["startupCpuBoost"] = True
        if resources:
            container["resources"] = resources
    instances = [name.strip() for name in notes.get(f"{RUN}cloudsql-instances", "").split(",") if name.strip()]
    if instances and template["containers"]:
        template["volumes"].append({"name": SQL_VOLUME, "cloudSqlInstance": {"instances": instances}})
        first = template["containers"][0]
        first["volumeMounts"] = [*first.get("volumeMounts", []), {"name": SQL_VOLUME, "mountPath": "/cloudsql"}]


def _access_read(notes: Json) -> Json:
    found: Json = {}
    if notes.get(f"{RUN}vpc-access-connector"):
        found["connector"] = notes[f"{RUN}vpc-access-connector"]
    interfaces = [one for one in parsed(notes.get(f"{RUN}network-interfaces", ""), []) if isinstance(one, dict)]
    if interfaces:
        found["networkInterfaces"] = [
            {name: one[name] for name in ("network", "subnetwork", "tags") if one.get(name)} for one in interfaces
        ]
    egress = _EGRESS.get(notes.get(f"{RUN}vpc-access-egress", ""))
    return found | ({"egress": egress} if egress and found else {})


def printed(template: Json, project: tuple[str, str], labels: Json | None = None) -> tuple[Json, Json]:
    """Metadata (annotations, labels, name) and spec of a v1 template."""
    secrets = Secrets(*project)
    volumes = [volume for volume in template.get("volumes") or [] if volume["name"] != SQL_VOLUME]
    spec: Json = {
        "containerConcurrency": template.get("maxInstanceRequestConcurrency"),
        "containers": all_of(template.get("containers"), container_printed, secrets),
        "serviceAccountName": template.get("serviceAccount"),
        "volumes": all_of(volumes, volume_printed, secrets),
    }  # fmt: skip
    if template.get("timeout"):
        spec["timeoutSeconds"] = round(float(template["timeout"].removesuffix("s")))
    if (template.get("nodeSelector") or {}).get("accelerator"):
        spec["nodeSelector"] = {_ACCELERATOR: template["nodeSelector"]["accelerator"]}
    notes = {**(template.get("annotations") or {}), **_notes(template)}
    if secrets.aliases:
        notes[f"{RUN}secrets"] = secrets.annotation
    metadata: Json = {"annotations": notes}
    labels = {**(template.get("labels") or {}), **(labels or {})}
    if labels:
        metadata["labels"] = labels
    if template.get("revision"):
        metadata["name"] = template["revision"]
    return metadata, {name: value for name, value in spec.items() if value not in (None, "", [])}


def _notes(template: Json) -> Json:
    scaling = template.get("scaling") or {}
    resources = (template.get("containers") or [{}])[0].get("resources") or {}
    notes: Json = {key: template.get(name) for name, key in _TEXTS.items()}
    notes |= {key: "true" if template.get(name) else "" for name, key in _SWITCHES.items()}
    notes |= {
        f"{_SCALE}maxScale": str(scaling.get("maxInstanceCount") or ""),
        f"{_SCALE}minScale": str(scaling.get("minInstanceCount") or ""),
        f"{RUN}startup-cpu-boost": "true" if resources.get("startupCpuBoost") else "",
        f"{RUN}execution-environment": _back(_ENVIRONMENTS, template.get("executionEnvironment")),
        f"{RUN}post-key-revocation-action-type": _back(_REVOCATION, template.get("encryptionKeyRevocationAction")),
    }  # fmt: skip
    if "ports" in (template.get("containers") or [{}])[0]:
        notes[f"{RUN}cpu-throttling"] = "true" if resources.get("cpuIdle") else "false"
    if template.get("encryptionKeyShutdownDuration"):
        seconds = float(template["encryptionKeyShutdownDuration"].removesuffix("s"))
        notes[f"{RUN}encryption-key-shutdown-hours"] = str(round(seconds / 3600))
    order = {one["name"]: one["dependsOn"] for one in template.get("containers") or [] if one.get("dependsOn")}
    if order:
        notes[f"{RUN}container-dependencies"] = json.dumps(order, separators=(",", ":"))
    instances = [
        name
        for volume in template.get("volumes") or []
        for name in (volume.get("cloudSqlInstance") or {}).get("instances", [])
    ]
    notes[f"{RUN}cloudsql-instances"] = ",".join(instances)
    notes |= _access_notes(template.get("vpcAccess") or {})
    return {key: value for key, value in notes.items() if value}


def _access_notes(access: Json) -> Json:
    notes: Json = {f"{RUN}vpc-access-connector": access.get("connector", "")}
    if access.get("networkInterfaces"):
        notes[f"{RUN}network-interfaces"] = json.dumps(access["networkInterfaces"], separators=(",", ":"))
    return notes | {f"{RUN}vpc-access-egress": _back(_EGRESS, access.get("egress"))}


def _back(table: dict[str, str], value: object) -> str:
    return next((key for key, there in table.items() if there == value), "")
