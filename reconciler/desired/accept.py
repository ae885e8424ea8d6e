"""The way back: which field of which document asks for a body path, and how a live value is written there.

Used to accept drift. A body path that no field asks for cannot be accepted: it is the platform's own choice.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.kinds.database_flags import PLATFORM_FLAGS
from reconciler.kinds.spelling import duration, integer
from reconciler.model.ids import Address, TargetKind

Spec = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """`path` in the target's own document (tenant.yaml or shard.yaml); `value` as YAML says it."""

    path: Spec
    value: Any


@dataclass(frozen=True, slots=True)
class _Way:
    kind: str
    body: str
    spec: str
    """Dotted; `{key}` is the address key (the environment), `{name}` what `[...]` matched."""
    write: Callable[[Any], Any] = lambda value: value


_WAYS = (
    _Way("run.service", "template.containers[0].resources.limits.memory", "spec.environments.{key}.runtime.memory"),
    _Way("run.service", "template.containers[0].resources.limits.cpu", "spec.environments.{key}.runtime.cpu"),
    _Way("run.service", "template.containers[0].env[*].value", "spec.environments.{key}.runtime.env.{name}"),
    _Way(
        "run.service", "template.maxInstanceRequestConcurrency", "spec.environments.{key}.runtime.concurrency", integer
    ),
    _Way("run.service", "template.timeout", "spec.environments.{key}.runtime.timeoutSeconds", duration),
    _Way("run.service", "template.scaling.minInstanceCount", "spec.environments.{key}.runtime.scaling.min", integer),
    _Way("run.service", "template.scaling.maxInstanceCount", "spec.environments.{key}.runtime.scaling.max", integer),
    _Way("sql.grant", "maxUserConnections", "spec.database.connections", integer),
    _Way("sql.database", "collation", "spec.database.collation"),
    _Way("sql.instance", "settings.tier", "spec.sql.tier"),
    _Way("sql.instance", "settings.availabilityType", "spec.sql.availability"),
    _Way("sql.instance", "settings.dataDiskSizeGb", "spec.sql.diskGb", integer),
    _Way("sql.instance", "settings.deletionProtectionEnabled", "spec.sql.deletionProtection", bool),
    _Way("sql.instance", "settings.databaseFlags[*].value", "spec.sql.flags.{name}", str),
    _Way("sql.instance", "settings.databaseFlags[*]", "spec.sql.flags.{name}", lambda flag: flag["value"]),
    _Way("sql.instance", "settings.backupConfiguration.startTime", "spec.sql.backups.startTime"),
    _Way("sql.instance", "settings.backupConfiguration.enabled", "spec.sql.backups.enabled", bool),
    _Way("storage.bucket", "versioning.enabled", "spec.bucket.versioning", bool),
)

_OURS = re.compile(r"^(AIPRESS_|WORDPRESS_|WP_HOME$|WP_SITEURL$)")


def way_back(address: Address, path: str, live: Any) -> Written | None:
    """Where and how a live value is written, or None when no field of the YAML asks for this path."""
    names = re.findall(r"\[([^\]]*)\]", path)
    for way in _WAYS:
        if way.kind != address.kind or not _matches(way.body, path):
            continue
        name = names[-1] if names else ""
        if "runtime.env" in way.spec and _OURS.match(name):
            return None
        if "sql.flags" in way.spec and name in PLATFORM_FLAGS:
            return None
        steps = tuple(step.format(key=address.key, name=name) for step in way.spec.split("."))
        value = None if live is None else way.write(live)
        return Written(steps, value if address.target.kind is not TargetKind.FLEET else None)
    return None


def _matches(pattern: str, path: str) -> bool:
    regular = re.escape(pattern).replace(r"\[\*\]", r"\[[^\]]*\]")
    return re.fullmatch(regular, path) is not None
