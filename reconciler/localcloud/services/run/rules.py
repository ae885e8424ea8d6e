"""What Cloud Run refuses in a service, worker pool or job, checked on the v2 form whichever door it came through.

Sources of the words: public bug reports (named beside the rule) and the limits in Cloud Run's documentation; where
only the limit is known, the message is ours, in the same form (`<field>: <what>`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.services.run.kinds import Kind
from reconciler.localcloud.values import Json

_RESERVED = ("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION")
_JOB_RESERVED = ("CLOUD_RUN_JOB", "CLOUD_RUN_EXECUTION", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_ATTEMPT",
                 "CLOUD_RUN_TASK_COUNT")  # fmt: skip
_SYSTEM = ("run.googleapis.com/", "cloud.googleapis.com/", "serving.knative.dev/", "autoscaling.knative.dev/")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(k|M|G|Ki|Mi|Gi)?")
_CPU = re.compile(r"(\d+)m|(\d+(?:\.\d+)?)")
# CPUs: least and most memory (https://cloud.google.com/run/docs/configuring/services/memory-limits).
_MEMORY = {1.0: ("128Mi", "4Gi"), 2.0: ("128Mi", "8Gi"), 4.0: ("2Gi", "16Gi"), 6.0: ("4Gi", "24Gi"),
           8.0: ("4Gi", "32Gi")}  # fmt: skip
_TAG = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration: tag and service name together.
_LONGEST_TAGGED = 46


@dataclass(frozen=True)
class Words:
    """How a complaint calls the fields: of the resource, of its template, and of what a template means as a whole."""

    head: str
    template: str
    inner: str
    traffic: str = "traffic"

    def env(self, index: int) -> str:
        return f"{self.inner}.containers[{index}].env"


def v2_words(kind: Kind, verb: str) -> Words:
    head = f"Violation in {verb}{kind.message}Request.{kind.word}"
    inner = {"Job": "template.template", "Instance": kind.word}.get(kind.message, "template")
    return Words(head, head if kind.message == "Instance" else f"{head}.{inner}", inner)


def v1_words(kind: Kind) -> Words:
    inner = "spec.template.spec" + (".template.spec" if kind.message == "Job" else "")
    return Words("metadata", inner, inner, "spec.traffic")


def refusal(where: str, what: str) -> GoogleError:
    return invalid(f"{where}: {what}", (where, what))


def check(words: Words, kind: Kind, body: Json) -> None:
    """Raise GoogleError 400 for the first thing that is wrong with a resource as it was asked for."""
    for field in ("labels", "annotations"):
        for key in body.get(field) or {}:
            if key.startswith(_SYSTEM):
                raise refusal(f"{words.head}.{field}", f"{key} is in a namespace that is reserved for the system.")
    _check_labels(f"{words.head}.labels", body.get("labels") or {})
    if len(body.get("description") or "") > 512:
        raise refusal(f"{words.head}.description", "must be at most 512 characters.")
    template = _runner(kind, body)
    if not template:
        whole = words.template.removesuffix(".template") if not body.get("template") else words.template
        raise refusal(whole if kind.message == "Job" else words.template, "required field not present.")
    where = words.template
    _check_containers(words, where, kind, template)
    access = template.get("vpcAccess")
    if access is not None and bool(access.get("connector")) == bool(access.get("networkInterfaces")):
        # googleapis/google-cloud-node#4731
        raise refusal(
            f"{where}.vpc_access.connector", "one and only one of connector and network_interfaces must be set."
        )
    _check_volumes(where, template)
    _check_numbers(words, kind, body, template)


def _runner(kind: Kind, body: Json) -> Json:
    template: Json = body if kind.message == "Instance" else body.get("template") or {}
    return (template.get("template") or {}) if kind.message == "Job" else template


def _check_labels(where: str, labels: Json) -> None:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key.rsplit("/", 1)[-1]) or not _LABEL_VALUE.fullmatch(str(value)):
            raise refusal(
                where,
                f"{key}: {value}: keys and values may hold only lowercase letters, numbers, '_' and '-', and at most "
                "63 characters; a key begins with a letter.",
            )


def _check_containers(words: Words, where: str, kind: Kind, template: Json) -> None:
    containers = template.get("containers") or []
    if not containers:
        raise refusal(f"{where}.containers", "should contain 1 or more containers.")
    for index, container in enumerate(containers):
        at = f"{where}.containers[{index}]"
        if not container.get("image"):
            raise refusal(f"{at}.image", "required field not present.")
        if container.get("name") and not _CONTAINER.fullmatch(container["name"]):
            raise refusal(f"{at}.name", "must be a DNS label (RFC 1123).")
        _check_ports(at, container.get("ports") or [])
        _check_env(words, index, kind, container)
        _check_probes(at, container)
    listening = [container for container in containers if container.get("ports")]
    if kind.message == "Service" and len(containers) > 1 and len(listening) != 1:
        # terraform-google-cloud-run#345: every service with sidecars names its one ingress container by a port.
        raise refusal(
            f"{words.inner}.containers",
            "Revision template should contain exactly one container with an exposed port.",
        )
    _check_names(where, containers)


def _check_ports(where: str, ports: list[Json]) -> None:
    if len(ports) > 1:
        raise refusal(f"{where}.ports", "ports should contain 0 or 1 port.")  # magic-modules#10173
    for port in ports:
        if not 0 < (port.get("containerPort") or 8080) < 65536:
            raise refusal(f"{where}.ports[0].container_port", "must be between 1 and 65535.")
        if port.get("name") not in (None, "", "http1", "h2c"):
            raise refusal(f"{where}.ports[0].name", "must be one of http1, h2c.")


def _check_names(where: str, containers: list[Json]) -> None:
    names = [container["name"] for container in containers if container.get("name")]
    if len(set(names)) < len(names):
        raise refusal(f"{where}.containers", "container names must be unique.")
    for index, container in enumerate(containers):
        for other in container.get("dependsOn") or []:
            if other not in names:
                raise refusal(f"{where}.containers[{index}].depends_on", f"there is no container named {other}.")


def _check_env(words: Words, index: int, kind: Kind, container: Json) -> None:
    variables = container.get("env") or []
    reserved = _RESERVED if kind.message == "Service" else _JOB_RESERVED if kind.message == "Job" else ()
    taken = [variable["name"] for variable in variables if variable.get("name") in reserved]
    if taken:
        # hashicorp/terraform-provider-google#26877
        raise refusal(
            words.env(index),
            f"The following reserved env names were provided: {', '.join(taken)}. These values are automatically set "
            "by the system.",
        )
    for position, variable in enumerate(variables):
        at = f"{words.env(index)}[{position}]"
        if not variable.get("name"):
            raise refusal(f"{at}.name", "required field not present.")
        if "=" in variable["name"] or len(variable["name"]) > 32768:
            raise refusal(f"{at}.name", "must not contain '=' and must not exceed 32768 characters.")
        source = (variable.get("valueSource") or {}).get("secretKeyRef")
        if source is not None and not source.get("secret"):
            raise refusal(f"{at}.value_source.secret_key_ref.secret", "required field not present.")


def _check_probes(where: str, container: Json) -> None:
    """Limits from the discovery document."""
    for name, longest in (("startupProbe", 240), ("livenessProbe", 3600)):
        probe = container.get(name)
        if not probe:
            continue
        at = f"{where}.{'startup_probe' if name == 'startupProbe' else 'liveness_probe'}"
        if sum(kind in probe for kind in ("httpGet", "tcpSocket", "grpc")) > 1:
            raise refusal(at, "exactly one of httpGet, tcpSocket, or grpc must be specified.")
        period, timeout = probe.get("periodSeconds") or 10, probe.get("timeoutSeconds") or 1
        if not 0 <= probe.get("initialDelaySeconds", 0) <= longest:
            raise refusal(f"{at}.initial_delay_seconds", f"must be between 0 and {longest}.")
        if not 1 <= period <= longest:
            raise refusal(f"{at}.period_seconds", f"must be between 1 and {longest}.")
        if not 1 <= timeout <= min(longest, period):
            raise refusal(f"{at}.timeout_seconds", "must be at least 1 and must not exceed period_seconds.")
        if probe.get("failureThreshold", 3) < 0:
            raise refusal(f"{at}.failure_threshold", "must be at least 1.")


def _check_volumes(where: str, template: Json) -> None:
    volumes = template.get("volumes") or []
    for index, volume in enumerate(volumes):
        if not volume.get("name"):
            raise refusal(f"{where}.volumes[{index}].name", "required field not present.")
    names = [volume["name"] for volume in volumes]
    if len(set(names)) < len(names):
        raise refusal(f"{where}.volumes", "volume names must be unique.")
    for index, container in enumerate(template["containers"]):
        for position, mount in enumerate(container.get("volumeMounts") or []):
            at = f"{where}.containers[{index}].volume_mounts[{position}]"
            if mount.get("name") not in names:
                raise refusal(f"{at}.name", f"Volume '{mount.get('name', '')}' is not defined.")
            if not mount.get("mountPath", "").startswith("/"):
                raise refusal(f"{at}.mount_path", "must be an absolute path.")


def _check_numbers(words: Words, kind: Kind, body: Json, template: Json) -> None:
    total = 0.0
    for index, container in enumerate(template["containers"]):
        total += _check_limits(words, index, container, template)
    longest = 168 * 3600 if kind.message == "Job" else 3600
    seconds = float(str(template.get("timeout") or "1s").removesuffix("s"))
    if not 0 < seconds <= longest:
        raise refusal(f"{words.inner}.timeout", f"must be between 1 and {longest} seconds.")
    if kind.message == "Job":
        _check_tasks(words, body["template"], template)
    if kind.message != "Service":
        return
    concurrency = template.get("maxInstanceRequestConcurrency") or 0
    if not 0 <= concurrency <= 1000:
        raise refusal(f"{words.inner}.max_instance_request_concurrency", "must be between 1 and 1000.")
    if total < 1 and concurrency > 1:
        what = "Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1."
        raise refusal(f"{words.inner}.containers.resources.limits.cpu", what)
    scaling = template.get("scaling") or {}
    least, most = scaling.get("minInstanceCount") or 0, scaling.get("maxInstanceCount") or 100
    if least < 0 or most < 0 or least > most:
        raise refusal(
            f"{words.inner}.scaling.min_instance_count", f"minimum {least} must not exceed the maximum {most}."
        )


def _check_tasks(words: Words, execution: Json, task: Json) -> None:
    """https://cloud.google.com/run/quotas: 10,000 tasks a job; retries 0 to 10 (recalled)."""
    if not 0 <= execution.get("taskCount", 1) <= 10_000:
        raise refusal("template.task_count", "must be between 1 and 10000.")
    if not 0 <= task.get("maxRetries", 3) <= 10:
        raise refusal(f"{words.inner}.max_retries", "must be between 0 and 10.")


def _check_limits(words: Words, index: int, container: Json, template: Json) -> float:
    """CPUs of one container; refuses what does not fit together."""
    limits = (container.get("resources") or {}).get("limits") or {}
    at = f"{words.inner}.containers[{index}].resources.limits"
    for key in limits:
        if key not in ("cpu", "memory", "nvidia.com/gpu"):
            raise refusal(at, f"{key}: only cpu, memory and nvidia.com/gpu are supported.")
    cpu = cpus(str(limits.get("cpu", "1")))
    alone = len(template["containers"]) == 1
    if cpu is None or (alone and (cpu < 0.08 or (cpu > 1 and cpu not in _MEMORY))):
        raise refusal(f"{at}.cpu", "Invalid value specified for cpu. Supported values are 0.08 to 1, 2, 4, 6 and 8.")
    memory = size(str(limits.get("memory", "512Mi")))
    if memory is None:
        raise refusal(f"{at}.memory", "Invalid value specified for memory.")
    second = template.get("executionEnvironment") == "EXECUTION_ENVIRONMENT_GEN2"
    low, high = _MEMORY.get(max(cpu, 1.0), ("128Mi", "32Gi"))
    low = "512Mi" if second and low == "128Mi" else low
    if alone and "memory" in limits and not (size(low) or 0) <= memory <= (size(high) or 0):
        gen = " with gen2 execution environment" if second else ""
        raise refusal(
            f"{at}.memory",
            f"Invalid value specified for memory{gen}. For {cpu} CPU, memory must be between {low} and {high} "
            "inclusive.",
        )
    return cpu


def cpus(text: str) -> float | None:
    found = _CPU.fullmatch(text)
    return None if not found else int(found[1]) / 1000 if found[1] else float(found[2])


def size(text: str) -> int | None:
    found = _QUANTITY.fullmatch(text)
    return int(float(found[1]) * _UNITS[found[2] or ""]) if found else None


def check_traffic(words: Words, service: str, targets: list[Json]) -> None:
    """Percentages, tags and types; that a revision exists is found out by the roll-out."""
    at = words.traffic
    percents = [target.get("percent") or 0 for target in targets]
    if targets and (sum(percents) != 100 or min(percents) < 0):
        raise refusal(at, f"Traffic targets must sum to 100 percent, they sum to {sum(percents)}.")
    for index, target in enumerate(targets):
        pinned = target.get("type", "").endswith("_REVISION")
        if pinned != bool(target.get("revision")) and target.get("type"):
            what = "required for the type REVISION." if pinned else "must be empty for the type LATEST."
            raise refusal(f"{at}[{index}].revision", what)
        tag = target.get("tag", "")
        if tag and (not _TAG.fullmatch(tag) or len(tag) + len(service) > _LONGEST_TAGGED):
            what = "tags hold lowercase letters, numbers and '-'; with the service's name at most 46 characters."
            raise refusal(f"{at}[{index}].tag", f"{tag}: {what}")
    for tag in _repeated(target["tag"] for target in targets if target.get("tag")):
        raise refusal(at, f"Tag '{tag}' is used by more than one target.")


def _repeated(values: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield value
        seen.add(value)
