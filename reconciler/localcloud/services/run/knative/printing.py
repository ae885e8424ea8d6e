"""Stored resources in v1 form. Shapes from real services, revisions and jobs (samples), the rest from gcloud."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass

from reconciler.localcloud.services.run import names
from reconciler.localcloud.services.run.knative import templates
from reconciler.localcloud.services.run.knative.reading import BUILD, INGRESS
from reconciler.localcloud.services.run.knative.templates import RUN
from reconciler.localcloud.values import Json

SERVING, RUNNING = "serving.knative.dev/v1", "run.googleapis.com/v1"
_KNATIVE = "serving.knative.dev/"
_STATES = {"CONDITION_SUCCEEDED": "True", "CONDITION_FAILED": "False"}
# v2's reasons in v1's spelling, where it is not just the same words in camel case.
_REASONS = {"REVISION_FAILED": "RevisionFailed"}


@dataclass(frozen=True)
class Home:
    """The project of what is printed, and the id of the resource's last operation."""

    project: str
    number: str
    operation: str = ""

    @property
    def both(self) -> tuple[str, str]:
        return self.project, self.number


def derived(uid: str, part: str) -> str:
    """The uid of what v2 does not show: a service's route and configuration."""
    return str(uuid.uuid5(uuid.UUID(int=0), f"{uid}/{part}"))


def version(row: Json) -> str:
    """`AAX4MAndusc`: microseconds, eight bytes, in base64 (samples); the same change as the etag's."""
    return base64.urlsafe_b64encode(names.changed_at(row.get("etag", "")).to_bytes(8, "big")).decode().rstrip("=")


def metadata(row: Json, home: Home, collection: str, notes: Json, labels: Json) -> Json:
    own, group = names.own(row["name"]), RUNNING if collection in _OF_JOBS else SERVING
    notes = {**(row.get("annotations") or {}), **{key: value for key, value in notes.items() if value}}
    here = {"cloud.googleapis.com/location": names.region_in(row["name"])}
    return {
        "annotations": dict(sorted(notes.items())), "creationTimestamp": row["createTime"],
        "generation": int(row["generation"]),
        "labels": dict(sorted({**(row.get("labels") or {}), **here, **labels}.items())),
        "name": own, "namespace": home.number, "resourceVersion": version(row),
        "selfLink": f"/apis/{group}/namespaces/{home.number}/{collection}/{own}", "uid": row["uid"],
    }  # fmt: skip


_OF_JOBS = ("jobs", "executions", "tasks", "workerpools", "instances")


def client_notes(row: Json) -> Json:
    return {f"{RUN}client-name": row.get("client"), f"{RUN}client-version": row.get("clientVersion")}


def condition(found: Json) -> Json:
    """One condition; what is still going on is Unknown."""
    reason = found.get("reason") or found.get("revisionReason") or found.get("executionReason")
    result = {
        "lastTransitionTime": found.get("lastTransitionTime"), "message": found.get("message"),
        "reason": _REASONS.get(reason or "", _camel(reason or "")), "severity": (found.get("severity") or "").title(),
        "status": _STATES.get(found.get("state", ""), "Unknown"), "type": found.get("type", "Ready"),
    }  # fmt: skip
    return {name: value for name, value in result.items() if value}


def _camel(reason: str) -> str:
    return "".join(part.title() for part in reason.split("_"))


def _seen(row: Json) -> int:
    """v1's observedGeneration follows as soon as the outcome is known, good or bad."""
    return int(
        row["observedGeneration"] if row.get("reconciling") and "observedGeneration" in row else row["generation"]
    )


def status_of(row: Json) -> Json:
    ready = {"type": "Ready", **row.get("terminalCondition", {})}
    # In the order of the samples: by name, with Ready in front.
    parts = sorted(row.get("conditions", []), key=lambda one: str(one["type"]))
    found: Json = {"conditions": [condition(one) for one in (ready, *parts)]}
    if not row.get("reconciling") or "observedGeneration" in row:
        found["observedGeneration"] = _seen(row)
    return found


def service(row: Json, home: Home) -> Json:
    template, spec = templates.printed(row["template"], home.both)
    return {
        "apiVersion": SERVING, "kind": "Service",
        "metadata": metadata(row, home, "services", _service_notes(row, home), {}),
        "spec": {"template": {"metadata": template, "spec": spec}, "traffic": [_target(one) for one in row["traffic"]]},
        "status": _service_status(row),
    }  # fmt: skip


def _service_notes(row: Json, home: Home) -> Json:
    ingress = next((key for key, there in INGRESS.items() if there == row.get("ingress")), "all")
    scaling = row.get("scaling") or {}
    numbers = {
        "minScale": "minInstanceCount",
        "maxScale": "maxInstanceCount",
        "manualInstanceCount": "manualInstanceCount",
    }
    policy = row.get("binaryAuthorization") or {}
    notes: Json = {RUN + key: str(scaling.get(name) or "") for key, name in numbers.items()}
    notes |= {key: (row.get("buildConfig") or {}).get(name) for name, key in BUILD.items()}
    notes |= client_notes(row) | stage_note(row) | {
        f"{RUN}ingress": ingress, f"{RUN}ingress-status": ingress, f"{RUN}operation-id": home.operation,
        f"{RUN}urls": json.dumps(row["urls"], separators=(",", ":")) if row.get("urls") else "",
        f"{RUN}description": row.get("description"),
        f"{RUN}custom-audiences": json.dumps(row["customAudiences"]) if row.get("customAudiences") else "",
        f"{RUN}invoker-iam-disabled": "true" if row.get("invokerIamDisabled") else "",
        f"{RUN}default-url-disabled": "true" if row.get("defaultUriDisabled") else "",
        f"{RUN}iap-enabled": "true" if row.get("iapEnabled") else "",
        f"{RUN}scalingMode": (scaling.get("scalingMode") or "").lower(),
        f"{RUN}binary-authorization": "default" if policy.get("useDefault") else policy.get("policy"),
        f"{RUN}binary-authorization-breakglass": policy.get("breakglassJustification"),
        f"{_KNATIVE}creator": row.get("creator"), f"{_KNATIVE}lastModifier": row.get("lastModifier"),
    }  # fmt: skip
    return notes


def stage_note(row: Json) -> Json:
    return {f"{RUN}launch-stage": row["launchStage"] if row.get("launchStage", "GA") != "GA" else ""}


def _target(one: Json) -> Json:
    found: Json = {"latestRevision": True} if one["type"].endswith("LATEST") else {"revisionName": one.get("revision")}
    if one.get("percent"):
        found["percent"] = one["percent"]
    return found | ({"tag": one["tag"]} if one.get("tag") else {})


def _service_status(row: Json) -> Json:
    found = status_of(row) | {
        "address": {"url": row["uri"]}, "url": row["uri"], "traffic": _routed(row),
        "latestCreatedRevisionName": names.own(row.get("latestCreatedRevision", "")),
        "latestReadyRevisionName": names.own(row.get("latestReadyRevision", "")),
    }  # fmt: skip
    if "latestReadyRevision" not in row:
        # Nothing serves yet, so there is no address (discovery document, Service.reconciling).
        for name in ("address", "url", "traffic"):
            del found[name]
    return {name: value for name, value in found.items() if value}


def _routed(row: Json) -> list[Json]:
    latest = names.own(row.get("latestReadyRevision", ""))
    targets = []
    for status in row.get("trafficStatuses") or []:
        found: Json = {"revisionName": status.get("revision") or latest}
        if status["type"].endswith("LATEST"):
            found["latestRevision"] = True
        found |= {name: status[name] for name in ("percent", "tag") if status.get(name)}
        targets.append(found | ({"url": status["uri"]} if "uri" in status else {}))
    return targets


def configuration(row: Json, home: Home) -> Json:
    """The part of a service that makes revisions."""
    whole = service(row, home)
    status = {name: value for name, value in whole["status"].items() if name.startswith(("latest", "observed"))}
    ready = [one for one in whole["status"]["conditions"] if one["type"] == "ConfigurationsReady"]
    meta = _part(whole, row, "configurations") | {"uid": derived(row["uid"], "configuration")}
    status["conditions"] = [{**one, "type": "Ready"} for one in ready]
    return {
        "apiVersion": SERVING, "kind": "Configuration", "metadata": meta,
        "spec": {"template": whole["spec"]["template"]}, "status": status,
    }  # fmt: skip


def route(row: Json, home: Home) -> Json:
    """The part of a service that sends requests to revisions."""
    whole = service(row, home)
    kept = ("address", "url", "traffic", "observedGeneration")
    status = {name: value for name, value in whole["status"].items() if name in kept}
    ready = [one for one in whole["status"]["conditions"] if one["type"] == "RoutesReady"]
    status["conditions"] = [{**one, "type": "Ready"} for one in ready]
    meta = _part(whole, row, "routes") | {"uid": derived(row["uid"], "route")}
    return {
        "apiVersion": SERVING, "kind": "Route", "metadata": meta, "spec": {"traffic": whole["spec"]["traffic"]},
        "status": status,
    }  # fmt: skip


def _part(whole: Json, row: Json, collection: str) -> Json:
    meta: Json = {**whole["metadata"]}
    meta["labels"] = {**meta["labels"], f"{_KNATIVE}service": meta["name"], f"{_KNATIVE}serviceUid": row["uid"]}
    meta["selfLink"] = meta["selfLink"].replace("/services/", f"/{collection}/")
    meta["ownerReferences"] = [owned_by("Service", meta["name"], row["uid"])]
    return meta


def owned_by(kind: str, own: str, uid: str, api: str = SERVING) -> Json:
    return {
        "apiVersion": api, "blockOwnerDeletion": True, "controller": True, "kind": kind, "name": own, "uid": uid,
    }  # fmt: skip


def revision(row: Json, home: Home, owner: Json) -> Json:
    """`owner` is the service or worker pool."""
    pooled = "/workerPools/" in row["name"]
    own = names.own(owner["name"])
    made_by = names.own(row["name"]).removeprefix(f"{own}-").split("-")[0]
    generation = str(int(made_by)) if made_by.isdecimal() and len(made_by) < 10 else owner.get("generation", "1")
    template, spec = templates.printed(row, home.both)
    if pooled:
        labels: Json = {f"{RUN}workerPool": own, f"{RUN}workerPoolUid": owner["uid"]}
        reference = owned_by("WorkerPool", own, owner["uid"], RUNNING)
    else:
        labels = {
            f"{_KNATIVE}configuration": own, f"{_KNATIVE}configurationGeneration": generation,
            f"{_KNATIVE}route": own, f"{_KNATIVE}service": own, f"{_KNATIVE}serviceUid": owner["uid"],
            f"{RUN}startupProbeType": _probe_type(row),
        }  # fmt: skip
        reference = owned_by("Configuration", own, derived(owner["uid"], "configuration"))
    notes = {**template["annotations"], f"{RUN}operation-id": home.operation, f"{_KNATIVE}creator": row.get("creator")}
    meta = metadata(row, home, "revisions", notes, {key: value for key, value in labels.items() if value})
    meta["ownerReferences"] = [reference]
    status: Json = {"conditions": [condition(one) for one in row.get("conditions", [])], "logUrl": row.get("logUri")}
    if not row.get("reconciling"):
        # v2 has the digests as containerStatuses, a field newer than the clients, which break on such in operations.
        digests = [{"name": one.get("name", ""), "imageDigest": one["image"]} for one in row["containers"]]
        status |= {"imageDigest": digests[0]["imageDigest"], "containerStatuses": digests}
    if "observedGeneration" in row:
        status["observedGeneration"] = int(row["observedGeneration"])
    return {"apiVersion": SERVING, "kind": "Revision", "metadata": meta, "spec": spec, "status": status}


def _probe_type(row: Json) -> str:
    """Whether anybody chose the start-up probe of the container that takes the requests."""
    serving: Json = next((one for one in row.get("containers") or [] if one.get("ports")), {})
    probe = serving.get("startupProbe") or {}
    plain = ("tcpSocket" in probe, probe.get("periodSeconds"), probe.get("failureThreshold")) == (True, 240, 1)
    return "Default" if plain else "Custom"


def instance(row: Json, home: Home) -> Json:
    template, spec = templates.printed(row, home.both)
    notes = {**template["annotations"], **_service_notes(row, home)}
    restart = {"ALWAYS": "Always", "ON_FAILURE": "OnFailure", "NEVER": "Never"}.get(row.get("restartPolicy", ""))
    status = status_of(row) | {"urls": row["urls"]}
    return {
        "apiVersion": RUNNING, "kind": "Instance", "metadata": metadata(row, home, "instances", notes, {}),
        "spec": spec | ({"restartPolicy": restart} if restart else {}), "status": status,
    }  # fmt: skip


def pool(row: Json, home: Home) -> Json:
    template, spec = templates.printed(row["template"], home.both)
    notes = _service_notes(row, home)
    for name in ("ingress", "ingress-status", "urls"):
        notes.pop(RUN + name)
    splits = [_target(one) for one in row.get("instanceSplits") or []]
    latest = names.own(row.get("latestReadyRevision", ""))
    status = status_of(row) | {
        "latestCreatedRevisionName": names.own(row.get("latestCreatedRevision", "")),
        "latestReadyRevisionName": latest,
        "instanceSplits": [
            {**_target(one), "revisionName": one.get("revision") or latest}
            for one in row.get("instanceSplitStatuses") or []
        ],
    }  # fmt: skip
    return {
        "apiVersion": RUNNING, "kind": "WorkerPool", "metadata": metadata(row, home, "workerpools", notes, {}),
        "spec": {"template": {"metadata": template, "spec": spec}, "instanceSplits": splits},
        "status": {name: value for name, value in status.items() if value},
    }  # fmt: skip
