"""Containers, volumes and probes in both forms. They differ in the names of secrets and in a few spellings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.localcloud.values import Json

_SAME = ("image", "name", "command", "args", "ports", "volumeMounts", "workingDir", "livenessProbe", "startupProbe",
         "readinessProbe")  # fmt: skip
SQL_VOLUME = "cloudsql"
_GCSFUSE = "gcsfuse.run.googleapis.com"


@dataclass
class Secrets:
    """Secrets of other projects have an alias in v1: `alias:projects/N/secrets/S,…` in an annotation."""

    project: str
    number: str
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, project: str, number: str, annotation: str) -> Secrets:
        pairs = [pair.strip().partition(":") for pair in annotation.split(",") if ":" in pair]
        return cls(project, number, {alias: path for alias, _, path in pairs})

    def path(self, name: str) -> str:
        return self.aliases.get(name, name)

    def name(self, path: str) -> str:
        if not path.startswith("projects/"):
            return path
        _, owner, _, own = [*path.split("/"), "", "", ""][:4]
        if owner in (self.project, self.number):
            return own
        alias = f"secret-{len(self.aliases) + 1}"
        alias = next((known for known, there in self.aliases.items() if there == path), alias)
        self.aliases[alias] = path
        return alias

    @property
    def annotation(self) -> str:
        return ",".join(f"{alias}:{path}" for alias, path in self.aliases.items())


def container_read(container: Json, secrets: Secrets) -> Json:
    """v1 -> v2."""
    result = _kept(container)
    if container.get("env"):
        result["env"] = [_variable_read(variable, secrets) for variable in container["env"]]
    limits = (container.get("resources") or {}).get("limits")
    if limits:
        result["resources"] = {"limits": limits}
    return result


def container_printed(container: Json, secrets: Secrets) -> Json:
    """v2 -> v1."""
    result = _kept(container)
    if container.get("env"):
        result["env"] = [_variable_printed(variable, secrets) for variable in container["env"]]
    result["resources"] = {"limits": (container.get("resources") or {}).get("limits") or {}}
    mounts = [mount for mount in container.get("volumeMounts") or [] if mount.get("name") != SQL_VOLUME]
    result.pop("volumeMounts", None)
    return result | ({"volumeMounts": mounts} if mounts else {})


def _kept(container: Json) -> Json:
    return {name: container[name] for name in _SAME if container.get(name)}


def _variable_read(variable: Json, secrets: Secrets) -> Json:
    reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
    if not reference:
        return {name: variable[name] for name in ("name", "value") if name in variable}
    named = reference.get("name") or (reference.get("localObjectReference") or {}).get("name", "")
    found = {"secret": secrets.path(named), "version": reference.get("key", "latest")}
    return {"name": variable.get("name", ""), "valueSource": {"secretKeyRef": found}}


def _variable_printed(variable: Json, secrets: Secrets) -> Json:
    reference = (variable.get("valueSource") or {}).get("secretKeyRef")
    if not reference:
        return variable
    found = {"key": reference.get("version", "latest"), "name": secrets.name(reference.get("secret", ""))}
    return {"name": variable["name"], "valueFrom": {"secretKeyRef": found}}


def volume_read(volume: Json, secrets: Secrets) -> Json:
    """v1 -> v2."""
    result: Json = {"name": volume.get("name", "")}
    if volume.get("secret"):
        secret = volume["secret"]
        items = [
            {"version": item.get("key", "latest"), "path": item.get("path", ""), **_only(item, "mode")}
            for item in secret.get("items") or []
        ]
        result["secret"] = {"secret": secrets.path(secret.get("secretName", "")), **_only(secret, "defaultMode")}
        if items:
            result["secret"]["items"] = items
    elif volume.get("emptyDir") is not None:
        result["emptyDir"] = {"medium": "MEMORY", **_only(volume["emptyDir"], "sizeLimit")}
    elif volume.get("nfs"):
        result["nfs"] = volume["nfs"]
    elif (volume.get("csi") or {}).get("driver") == _GCSFUSE:
        attributes = volume["csi"].get("volumeAttributes") or {}
        options = [option for option in attributes.get("mountOptions", "").split(",") if option]
        bucket: Json = {"bucket": attributes.get("bucketName", ""), **_only(volume["csi"], "readOnly")}
        result["gcs"] = bucket | ({"mountOptions": options} if options else {})
    return result


def volume_printed(volume: Json, secrets: Secrets) -> Json:
    """v2 -> v1."""
    result: Json = {"name": volume["name"]}
    if volume.get("secret"):
        secret = volume["secret"]
        items = [
            {"key": item.get("version", "latest"), "path": item.get("path", ""), **_only(item, "mode")}
            for item in secret.get("items") or []
        ]
        result["secret"] = {"secretName": secrets.name(secret.get("secret", "")), **_only(secret, "defaultMode")}
        if items:
            result["secret"]["items"] = items
    elif "emptyDir" in volume:
        result["emptyDir"] = {"medium": "Memory", **_only(volume["emptyDir"], "sizeLimit")}
    elif volume.get("nfs"):
        result["nfs"] = volume["nfs"]
    elif volume.get("gcs"):
        attributes = {"bucketName": volume["gcs"].get("bucket", "")}
        if volume["gcs"].get("mountOptions"):
            attributes["mountOptions"] = ",".join(volume["gcs"]["mountOptions"])
        result["csi"] = {"driver": _GCSFUSE, **_only(volume["gcs"], "readOnly"), "volumeAttributes": attributes}
    return result


def _only(source: Json, name: str) -> Json:
    return {name: source[name]} if source.get(name) else {}


def all_of(rows: list[Json] | None, one: Callable[[Json, Secrets], Json], secrets: Secrets) -> list[Json]:
    return [one(row, secrets) for row in rows or []]
