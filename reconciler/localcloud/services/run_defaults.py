"""What Cloud Run fills into services and jobs (https://cloud.google.com/run/docs/reference/rest/v2)."""

from __future__ import annotations

from reconciler.localcloud.values import Json

_STARTUP: Json = {"timeoutSeconds": 240, "periodSeconds": 240, "failureThreshold": 1, "tcpSocket": {}}


def complete_service(row: Json, number: str) -> None:
    """Fill the defaults of a service in place; `number` is the project's number, for the address."""
    template = row["template"] = {**row.get("template", {})}
    template.setdefault("timeout", "300s")
    template.setdefault("maxInstanceRequestConcurrency", 80)
    template.setdefault("serviceAccount", f"{number}-compute@developer.gserviceaccount.com")
    # The default maximum is 100 per revision: https://cloud.google.com/run/docs/configuring/max-instances.
    template["scaling"] = {"maxInstanceCount": 100, **template.get("scaling", {})}
    if not template["scaling"].get("minInstanceCount", 1):
        del template["scaling"]["minInstanceCount"]
    template["containers"] = [
        _container(container, first=not index) for index, container in enumerate(template["containers"])
    ]
    row.setdefault("launchStage", "GA")
    row.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
    if not row.get("traffic"):
        row["traffic"] = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    for target in row["traffic"]:
        pinned = target.get("revision")
        target.setdefault("type", "TRAFFIC_TARGET_ALLOCATION_TYPE_" + ("REVISION" if pinned else "LATEST"))
    for name in ("description", "invokerIamDisabled", "defaultUriDisabled"):
        if not row.get(name, True):
            del row[name]
    parts = row["name"].split("/")
    row["uri"] = f"https://{parts[5]}-{number}.{parts[3]}.run.app"
    row["urls"] = [row["uri"]]


def _container(container: Json, *, first: bool) -> Json:
    result: Json = {**container}
    resources: Json = {"cpuIdle": True, "startupCpuBoost": False, **container.get("resources", {})}
    resources["limits"] = {"cpu": "1000m", "memory": "512Mi", **resources.get("limits", {})}
    result["resources"] = {name: value for name, value in resources.items() if value is not False}
    if first:
        ports = container.get("ports") or [{}]
        result["ports"] = [
            {"name": "http1", "containerPort": 8080, **{k: v for k, v in port.items() if v}} for port in ports
        ]
        result["startupProbe"] = _probe(container.get("startupProbe") or _STARTUP, result["ports"])
        if container.get("livenessProbe"):
            result["livenessProbe"] = _probe(container["livenessProbe"], result["ports"])
    return result


def _probe(probe: Json, ports: list[Json]) -> Json:
    result: Json = {"timeoutSeconds": 1, "periodSeconds": 10, "failureThreshold": 3, **probe}
    for kind in ("tcpSocket", "httpGet", "grpc"):
        if kind in result:
            result[kind] = {"port": ports[0]["containerPort"], **result[kind]}
    if "httpGet" in result:
        result["httpGet"] = {"path": "/", **result["httpGet"]}
    return result


def revision_of(service: Json, path: str, stamp: str, uid: str) -> Json:
    """The revision that the service's template makes; not ready yet."""
    template = service["template"]
    copied = (
        "labels", "annotations", "scaling", "vpcAccess", "serviceAccount", "timeout", "containers", "volumes",
        "executionEnvironment", "encryptionKey", "maxInstanceRequestConcurrency", "sessionAffinity", "nodeSelector",
    )  # fmt: skip
    kept = {name: template[name] for name in copied if name in template}
    fixed: Json = {
        "name": path, "uid": uid, "generation": "1", "createTime": stamp, "updateTime": stamp, "reconciling": True,
        "launchStage": service["launchStage"], "service": service["name"].rsplit("/", 1)[1],
        "conditions": [{"type": "Ready", "state": "CONDITION_RECONCILING", "lastTransitionTime": stamp}],
    }  # fmt: skip
    return {**kept, **fixed, "etag": f'"{uid[:12]}"'}


def complete_job(row: Json, number: str) -> None:
    """Fill the defaults of a job in place (as recorded); `number` is the project's number."""
    execution = row["template"] = {**row.get("template", {})}
    task = execution["template"] = {**execution.get("template", {})}
    execution.setdefault("taskCount", 1)
    task.setdefault("timeout", "600s")
    task.setdefault("maxRetries", 3)
    task.setdefault("serviceAccount", f"{number}-compute@developer.gserviceaccount.com")
    task.setdefault("executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2")
    for container in task.get("containers", []):
        resources = container["resources"] = {**container.get("resources", {})}
        resources["limits"] = {"cpu": "1000m", "memory": "512Mi", **resources.get("limits", {})}
        if container.get("startupProbe"):
            container["startupProbe"] = _probe(
                container["startupProbe"], container.get("ports") or [{"containerPort": 8080}]
            )
    row.setdefault("launchStage", "GA")
