"""What Cloud Run fills into what people send (https://cloud.google.com/run/docs/reference/rest/v2; recorded jobs)."""

from __future__ import annotations

from reconciler.localcloud.services.run import names
from reconciler.localcloud.services.run.kinds import INSTANCE, JOB, POOL, SERVICE, Kind
from reconciler.localcloud.services.run.rules import cpus
from reconciler.localcloud.values import Json

_STARTUP: Json = {"timeoutSeconds": 240, "periodSeconds": 240, "failureThreshold": 1, "tcpSocket": {}}
_LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
_LATEST_SPLIT = "INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST"
# Fields that proto JSON leaves out when they hold their default.
_EMPTY = ("description", "invokerIamDisabled", "defaultUriDisabled", "iapEnabled", "labels", "annotations", "client",
          "clientVersion", "customAudiences", "sshEnabled")  # fmt: skip


def complete(kind: Kind, row: Json, number: str) -> None:
    """Fill the defaults of a resource in place, what it shares with others left alone; `number` is the project's."""
    if kind is not INSTANCE:
        row["template"] = {**row["template"]}
    if kind is JOB:
        row["template"]["template"] = {**row["template"]["template"]}
    _fill_access(row if kind is INSTANCE else row["template"]["template"] if kind is JOB else row["template"])
    {SERVICE.word: _service, POOL.word: _pool, JOB.word: _job, INSTANCE.word: _instance}[kind.word](row, number)
    row.setdefault("launchStage", "GA")
    for name in _EMPTY:
        if not row.get(name, True):
            del row[name]


def _fill_access(template: Json) -> None:
    """Egress is to private ranges, and the subnetwork is called as the network, unless said (discovery document)."""
    access = template.get("vpcAccess")
    if not access:
        return
    filled = {"egress": "PRIVATE_RANGES_ONLY", **access}
    if access.get("networkInterfaces"):
        filled["networkInterfaces"] = [
            {**one, "subnetwork": one.get("subnetwork") or one["network"].rsplit("/", 1)[-1]}
            if one.get("network")
            else one
            for one in access["networkInterfaces"]
        ]
    template["vpcAccess"] = filled


def _account(number: str) -> str:
    return f"{number}-compute@developer.gserviceaccount.com"


def _service(row: Json, number: str) -> None:
    template = row["template"]
    template["containers"] = _containers(template["containers"], serving=True)
    template.setdefault("timeout", "300s")
    total = sum(cpus(str(found["resources"]["limits"]["cpu"])) or 0 for found in template["containers"])
    if not template.get("maxInstanceRequestConcurrency"):
        template["maxInstanceRequestConcurrency"] = 80 if total >= 1 else 1
    template["serviceAccount"] = template.get("serviceAccount") or _account(number)
    # The default maximum is 100 per revision: https://cloud.google.com/run/docs/configuring/max-instances.
    scaling = {name: value for name, value in (template.get("scaling") or {}).items() if value}
    template["scaling"] = {"maxInstanceCount": 100, **scaling}
    row.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
    if not row.get("traffic"):
        row["traffic"] = [{"type": _LATEST, "percent": 100}]
    for target in row["traffic"]:
        if target.get("type", "").endswith("UNSPECIFIED"):
            del target["type"]
        target.setdefault("type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION" if target.get("revision") else _LATEST)
    row["urls"] = names.addresses(names.own(row["name"]), number, names.region_in(row["name"]))
    row["uri"] = row["urls"][0]


def _pool(row: Json, number: str) -> None:
    template = row["template"]
    template["containers"] = _containers(template["containers"])
    template["serviceAccount"] = template.get("serviceAccount") or _account(number)
    row["scaling"] = {"manualInstanceCount": 1, **(row.get("scaling") or {})}
    if not row.get("instanceSplits"):
        row["instanceSplits"] = [{"type": _LATEST_SPLIT, "percent": 100}]


def _instance(row: Json, number: str) -> None:
    row["containers"] = _containers(row["containers"], serving=True)
    row["serviceAccount"] = row.get("serviceAccount") or _account(number)
    row.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
    row["urls"] = names.addresses(names.own(row["name"]), number, names.region_in(row["name"]))


def _job(row: Json, number: str) -> None:
    execution = row["template"]
    task = execution["template"]
    execution["taskCount"] = execution.get("taskCount") or 1
    task.setdefault("timeout", "600s")
    task.setdefault("maxRetries", 3)
    task["serviceAccount"] = task.get("serviceAccount") or _account(number)
    task.setdefault("executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2")
    task["containers"] = _containers(task["containers"])


def _containers(containers: list[Json], *, serving: bool = False) -> list[Json]:
    """Of several containers the one with a port takes the requests; one alone does so without naming a port.

    A container among others gets half the memory of one alone (recorded for a job with three).
    """
    alone = len(containers) == 1
    memory = "512Mi" if alone else "256Mi"
    return [
        _container(container, memory, ingress=serving and (alone or bool(container.get("ports"))), serving=serving)
        for container in containers
    ]


def _container(container: Json, memory: str, *, ingress: bool, serving: bool) -> Json:
    result: Json = {**container}
    resources: Json = {**(container.get("resources") or {})}
    if serving:
        resources = {"cpuIdle": True, **resources}
    resources["limits"] = {"cpu": "1000m", "memory": memory, **(resources.get("limits") or {})}
    result["resources"] = {name: value for name, value in resources.items() if value is not False}
    if ingress:
        ports = container.get("ports") or [{}]
        result["ports"] = [
            {"name": "http1", "containerPort": 8080, **{k: v for k, v in port.items() if v}} for port in ports
        ]
        result["startupProbe"] = container.get("startupProbe") or _STARTUP
    port = (result.get("ports") or [{}])[0].get("containerPort", 8080)
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        if result.get(name):
            result[name] = _probe(result[name], port)
        else:
            result.pop(name, None)
    return result


def _probe(probe: Json, port: int) -> Json:
    wished = {name: value for name, value in probe.items() if value not in (0, None)}
    result: Json = {"timeoutSeconds": 1, "periodSeconds": 10, "failureThreshold": 3, **wished}
    for kind in ("tcpSocket", "httpGet", "grpc"):
        if kind in result:
            result[kind] = {"port": port, **{name: value for name, value in result[kind].items() if value}}
    if "httpGet" in result:
        result["httpGet"] = {"path": "/", **result["httpGet"]}
    return result
