"""What holds for one environment: its own overrides, else the tenant's, else the tier's, else what is built in.

Every value keeps the line that gives it, and whether the tenant's own file does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from pydantic.alias_generators import to_camel

from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.spec import Environment, TenantDocument, TierDocument
from reconciler.model.strict import Strict

BUILT_IN = "built in"
"""The origin of a value that no document gives."""

LAST_RESORT: Mapping[str, Any] = {
    "runtime.php": "8.3",
    "runtime.wordpress": "6.8",
    "runtime.cpu": "1",
    "runtime.memory": "512Mi",
    "runtime.concurrency": 20,
    "runtime.timeoutSeconds": 300,
    "runtime.scaling.min": 0,
    "runtime.scaling.max": 5,
    "database.charset": "utf8mb4",
    "database.collation": "utf8mb4_unicode_ci",
    "database.connections": 20,
    "media.mount": True,
}
"""Values for a tier that says nothing: a small site that scales to zero (platform.md's bronze)."""

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Setting(Generic[T_co]):
    """One value in force. `origin` is "file:line" or BUILT_IN; `inherited`: the tenant's own file does not give it."""

    value: T_co
    origin: str
    inherited: bool


@dataclass(frozen=True, slots=True)
class EffectiveEnvironment:
    """Everything in force for one environment. `domains`: the canonical one first, the others sorted."""

    tenant: str
    environment: str
    php: Setting[str]
    wordpress: Setting[str]
    cpu: Setting[str]
    memory: Setting[str]
    concurrency: Setting[int]
    timeout_seconds: Setting[int]
    scaling_min: Setting[int]
    scaling_max: Setting[int]
    env: Mapping[str, Setting[str]]
    charset: Setting[str]
    collation: Setting[str]
    connections: Setting[int]
    mount: Setting[bool]
    ref: Setting[str]
    domains: tuple[Setting[str], ...]

    def inherited(self) -> tuple[str, ...]:
        """Names of the values that the tenant's own file does not give, sorted; environment variables as env.NAME."""
        settings = {f.name: getattr(self, f.name) for f in fields(self)}
        named = {name: value for name, value in settings.items() if isinstance(value, Setting)}
        named |= {f"env.{name}": value for name, value in self.env.items()}
        return tuple(sorted(name for name, value in named.items() if value.inherited))


@dataclass(frozen=True, slots=True)
class _Layer:
    """One place that may give a value: a mapping in a document."""

    written: Written[Any]
    path: Path
    block: Strict | None
    inherited: bool

    def value(self, names: Sequence[str]) -> Any:
        value: Any = self.block
        for name in names:
            value = getattr(value, name) if value is not None else None
        return value

    def at(self, names: Sequence[str]) -> str:
        return self.written.at(*self.path, *(to_camel(name) for name in names))


def environments(tenant: Written[TenantDocument]) -> Mapping[str, Environment]:
    """The environments that a tenant's document writes down, by name."""
    chosen = tenant.document.spec.environments
    written = {"production": chosen.production, "staging": chosen.staging}
    return {name: value for name, value in written.items() if value is not None}


def resolve(fleet: Fleet, tenant: Written[TenantDocument], environment: str) -> EffectiveEnvironment:
    """What holds for one environment. Raises InputError when the tier is not there, KeyError without environment."""
    spec, own = tenant.document.spec, environments(tenant)[environment]
    tier = fleet.tiers.get(spec.tier)
    if tier is None:
        raise InputError(f"{tenant.at('spec', 'tier')}: there is no valid tier `{spec.tier}`", "see its own message")
    path: Path = ("spec", "environments", environment)
    runtime = _Layer(tenant, (*path, "runtime"), own.runtime, False)

    def pick(block: str, *names: str) -> Setting[Any]:
        layers = _layers(tenant, tier, block)
        return _pick([runtime, *layers] if block == "runtime" else layers, block, names)

    return EffectiveEnvironment(
        tenant=tenant.document.metadata.name, environment=environment, php=pick("runtime", "php"),
        wordpress=pick("runtime", "wordpress"), cpu=pick("runtime", "cpu"), memory=pick("runtime", "memory"),
        concurrency=pick("runtime", "concurrency"), timeout_seconds=pick("runtime", "timeout_seconds"),
        scaling_min=pick("runtime", "scaling", "min"), scaling_max=pick("runtime", "scaling", "max"),
        env=_env([runtime, *_layers(tenant, tier, "runtime")]), charset=pick("database", "charset"),
        collation=pick("database", "collation"), connections=pick("database", "connections"),
        mount=pick("media", "mount"), ref=Setting(own.ref, tenant.at(*path, "ref"), False),
        domains=_domains(tenant, environment),
    )  # fmt: skip


def _layers(tenant: Written[TenantDocument], tier: Written[TierDocument], block: str) -> list[_Layer]:
    return [
        _Layer(tenant, ("spec", block), getattr(tenant.document.spec, block), False),
        _Layer(tier, ("spec", "defaults", block), getattr(tier.document.spec.defaults, block), True),
    ]


def _pick(layers: Sequence[_Layer], block: str, names: Sequence[str]) -> Setting[Any]:
    for layer in layers:
        value = layer.value(names)
        if value is not None:
            return Setting(value, layer.at(names), layer.inherited)
    return Setting(LAST_RESORT[".".join((block, *(to_camel(n) for n in names)))], BUILT_IN, True)


def _env(layers: Sequence[_Layer]) -> dict[str, Setting[str]]:
    """Merged name by name, the most special layer last and so on top."""
    merged: dict[str, Setting[str]] = {}
    for layer in reversed(layers):
        for name, value in (layer.value(("env",)) or {}).items():
            merged[name] = Setting(value, layer.written.at(*layer.path, "env", name), layer.inherited)
    return dict(sorted(merged.items()))


def _domains(tenant: Written[TenantDocument], environment: str) -> tuple[Setting[str], ...]:
    names = environments(tenant)[environment].domains or []
    at = {name: tenant.at("spec", "environments", environment, "domains", n) for n, name in enumerate(names)}
    primary = tenant.document.spec.primary_domain if environment == "production" else None
    first = primary if primary in at else next(iter(names), None)
    if first is None:
        return ()
    origin = tenant.at("spec", "primaryDomain") if first == primary else at[first]
    rest = [Setting(name, at[name], False) for name in sorted(at) if name != first]
    return (Setting(first, origin, False), *rest)
