"""What must hold between documents of one fleet. Pure: a Fleet in, diagnostics out; a target in one freezes it.

Not here: what needs a clock (expiry of purge approvals: the guards) or cloud names (collisions: desired/naming).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from reconciler.kinds.database_flags import PLATFORM_FLAGS
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.spec import (
    FleetDocument,
    Runtime,
    Scaling,
    ShardDocument,
    State,
    TenantBlocks,
    TenantDocument,
    TierDocument,
)  # fmt: skip
from reconciler.source.notes import about, error, not_yet_managed, warning
from reconciler.source.paths import place
from reconciler.source.rules_policies import policies
from reconciler.source.rules_unique import Kept, unique
from reconciler.source.rules_waves import waves

RESERVED_PREFIXES = ("AIPRESS_", "WORDPRESS_")
RESERVED = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "WP_HOME", "WP_SITEURL"})
"""Variables that the platform sets; PORT and K_* are Cloud Run's own."""

_REGIONS = """
    africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
    asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe-central2 europe-north1
    europe-north2 europe-southwest1 europe-west1 europe-west10 europe-west12 europe-west2 europe-west3 europe-west4
    europe-west6 europe-west8 europe-west9 me-central1 me-central2 me-west1 northamerica-northeast1
    northamerica-northeast2 northamerica-south1 southamerica-east1 southamerica-west1 us-central1 us-east1 us-east4
    us-east5 us-south1 us-west1 us-west2 us-west3 us-west4
"""
REGIONS = frozenset(_REGIONS.split())
"""Regions of Cloud Run as recalled in 2026; an unknown one is only a warning."""

_UNITS = {"Mi": 1, "Gi": 1024}


def rules(fleet: Fleet, kept: Kept = frozenset()) -> Iterator[Diagnostic]:
    """Everything that is wrong, or worth a note, between the documents that were loaded. `kept`: what is contested and
    whose it is, where that is known."""
    if fleet.fleet is not None:
        yield from _fleet(fleet.fleet)
        yield from _purges(fleet, fleet.fleet)
        yield from waves(fleet, fleet.fleet)
        yield from policies(fleet, fleet.fleet)
    for tier in fleet.tiers.values():
        yield from _tier(fleet, tier)
    placed = Counter(fleet.where.values())
    for name, shard in fleet.shards.items():
        yield from _shard(fleet, shard)
        yield from _capacity(shard, placed[name])
    for tenant in fleet.tenants.values():
        yield from _tenant(fleet, tenant)
    yield from unique(fleet, kept)
    yield from not_yet_managed(fleet)


# --- one document with what it names --------------------------------------------------------------------------------


def _fleet(written: Written[FleetDocument]) -> Iterator[Diagnostic]:
    spec = written.document.spec
    if written.document.metadata.uid is None:
        yield _no_uid(written)
    key = spec.control_project.folder or "control"
    if key not in spec.folders:
        path: Path = ("spec", "controlProject", "folder") if spec.control_project.folder else ("spec", "folders")
        yield error(written, "AP215", f"There is no folder `{key}` for the control project", path, _folders(written))
    yield from _region(written, spec.control_project.region, ("spec", "controlProject", "region"))


def _purges(fleet: Fleet, written: Written[FleetDocument]) -> Iterator[Diagnostic]:
    for index, purge in enumerate(written.document.spec.purges):
        path: Path = ("spec", "purges", index)
        try:
            date.fromisoformat(purge.expires)
        except ValueError:
            message = f"The calendar has no day {purge.expires}"
            yield error(written, "AP216", message, (*path, "expires"), "write YYYY-MM-DD")
        if len({name.casefold() for name in purge.approvers}) < 2:
            yield error(written, "AP221", "The approvers of a purge are two different people", (*path, "approvers"))
        tenant = fleet.tenants.get(purge.tenant)
        if tenant is None:
            continue
        meta = tenant.document.metadata
        if meta.uid != purge.uid:
            message = f"The purge names uid {purge.uid}, but {purge.tenant} is {meta.uid}: another owner of the name"
            yield warning(written, "AP221", message, (*path, "uid"), "it purges nothing; remove it, or name the uid")
        elif tenant.document.spec.state is not State.DELETED:
            message = f"The purge names {purge.tenant}, which is not deleted"
            yield warning(written, "AP221", message, (*path, "tenant"), f"set `state: deleted` in {tenant.path} first")


def _tier(fleet: Fleet, written: Written[TierDocument]) -> Iterator[Diagnostic]:
    spec = written.document.spec
    yield from _name(written, written.document.metadata.name)
    at: Path = ("spec", "defaults")
    runtime = spec.defaults.runtime or Runtime()
    yield from _limits(written, runtime, written, (*at, "runtime"))
    yield from _environment_names(written, runtime, (*at, "runtime"))
    yield from _php(fleet, written, runtime, (*at, "runtime"))
    yield from _scaling(written, (runtime,), (*at, "runtime", "scaling"))
    yield from _database(written, (spec.defaults,), (*at, "database"))


def _shard(fleet: Fleet, written: Written[ShardDocument]) -> Iterator[Diagnostic]:
    spec, meta = written.document.spec, written.document.metadata
    yield from _name(written, meta.name)
    if meta.uid is None:
        yield _no_uid(written)
    if fleet.fleet is not None:
        key = spec.project.folder or "shards"
        if key not in fleet.fleet.document.spec.folders:
            path: Path = ("spec", "project", "folder")
            yield error(written, "AP215", f"fleet.yaml has no folder `{key}`", path, _folders(fleet.fleet))
    yield from _region(written, spec.region, ("spec", "region"))
    for index, tier in enumerate(spec.tiers or ()):
        if f"tiers/{tier}.yaml" not in fleet.files:
            help_ = f"there are {_listed(fleet.tiers)}"
            yield warning(written, "AP205", f"There is no tier `{tier}`", ("spec", "tiers", index), help_)
    for name, value in PLATFORM_FLAGS.items():
        if spec.sql.flags.get(name, value) != value:
            message = f"The platform sets `{name}` to {value} itself: without it no tenant's grants can be set"
            yield error(written, "AP225", message, ("spec", "sql", "flags", name), "remove this line")


def _capacity(written: Written[ShardDocument], count: int) -> Iterator[Diagnostic]:
    """Freezes nobody: which of the tenants is one too many is the guards' question."""
    most = written.document.spec.capacity.tenants
    if count > most:
        message = f"{count} tenants on a shard that takes {most}"
        help_ = "place the newest elsewhere with `aipress place`; the capacity guard refuses to create them here"
        yield about(written, "AP208", message, ("spec", "capacity", "tenants"), help_)


def _tenant(fleet: Fleet, written: Written[TenantDocument]) -> Iterator[Diagnostic]:
    spec, meta = written.document.spec, written.document.metadata
    yield from _name(written, meta.name)
    if meta.uid is None:
        yield _no_uid(written)
    yield from _tenant_state(written)
    if f"tiers/{spec.tier}.yaml" not in fleet.files:
        yield error(written, "AP205", f"There is no tier `{spec.tier}`", ("spec", "tier"),
                    f"write one of {_listed(fleet.tiers)}, or add tiers/{spec.tier}.yaml")  # fmt: skip
    shard = fleet.shards.get(fleet.where.get(meta.name, ""))
    tiers = shard.document.spec.tiers if shard else None
    if shard is not None and tiers is not None and spec.tier not in tiers:
        message = f"Shard {shard.document.metadata.name} does not take tier `{spec.tier}`"
        yield error(written, "AP207", message, ("spec", "tier"), f"it takes {', '.join(tiers)}; see `aipress place`")
    yield from _tenant_blocks(fleet, written)
    domains = spec.environments.production.domains or []
    if spec.primary_domain is not None and spec.primary_domain not in domains:
        message = f"`{spec.primary_domain}` is not one of production's domains"
        yield error(written, "AP213", message, ("spec", "primaryDomain"), f"write one of {', '.join(domains) or '-'}")


def _tenant_state(written: Written[TenantDocument]) -> Iterator[Diagnostic]:
    spec = written.document.spec
    if spec.state is State.DELETED and spec.deletion is None:
        message = "A deleted tenant says why"
        yield error(written, "AP212", message, ("spec", "state"), "add `deletion: { reason: … }` beside it")
    if spec.deletion is not None and spec.state is not State.DELETED:
        message = "`deletion` is written, and the tenant is not deleted"
        yield warning(written, "AP212", message, ("spec", "deletion"), "remove it, or write `state: deleted`")
    if spec.environments.production.state == "deleted":
        path: Path = ("spec", "environments", "production", "state")
        message = "production cannot be deleted on its own"
        yield error(written, "AP223", message, path, "write `state: deleted` under spec to delete the tenant")


def _tenant_blocks(fleet: Fleet, written: Written[TenantDocument]) -> Iterator[Diagnostic]:
    spec = written.document.spec
    tier = fleet.tiers.get(spec.tier)
    inherited = tier.document.spec.defaults if tier else TenantBlocks()
    runtimes: list[tuple[Runtime | None, Path]] = [(spec.runtime, ("spec", "runtime"))]
    for name in ("production", "staging"):
        environment = getattr(spec.environments, name)
        if environment is not None:
            runtimes.append((environment.runtime, ("spec", "environments", name, "runtime")))
    own = spec.runtime or Runtime()
    yield from _database(written, (inherited, spec), ("spec", "database"))
    for runtime, path in runtimes:
        if runtime is not None:
            if tier is not None:
                yield from _limits(written, runtime, tier, path)
            yield from _environment_names(written, runtime, path)
            yield from _php(fleet, written, runtime, path)
        chain = (inherited.runtime or Runtime(), own, runtime or Runtime())
        if runtime is not None and runtime.scaling is not None:
            yield from _scaling(written, chain, (*path, "scaling"))


# --- blocks that tiers and tenants share ----------------------------------------------------------------------------


def _limits(
    written: Written[TierDocument] | Written[TenantDocument], runtime: Runtime, tier: Written[TierDocument], path: Path
) -> Iterator[Diagnostic]:
    limits, name = tier.document.spec.limits, tier.document.metadata.name
    if runtime.memory is not None and mebibytes(runtime.memory) > mebibytes(limits.max_memory):
        message = f"{runtime.memory} is more than tier {name} allows ({limits.max_memory})"
        yield error(written, "AP206", message, (*path, "memory"), "ask for less, or change the tier")
    most = runtime.scaling.max if runtime.scaling else None
    if most is not None and most > limits.max_instances:
        message = f"{most} instances are more than tier {name} allows ({limits.max_instances})"
        yield error(written, "AP206", message, (*path, "scaling", "max"), "ask for less, or change the tier")


def _scaling(
    written: Written[TierDocument] | Written[TenantDocument], chain: tuple[Runtime, ...], path: Path
) -> Iterator[Diagnostic]:
    """Fewest against most, each from the last block that says it."""
    scalings = [runtime.scaling or Scaling() for runtime in chain]
    fewest = next((s.min for s in reversed(scalings) if s.min is not None), None)
    most = next((s.max for s in reversed(scalings) if s.max is not None), None)
    if fewest is not None and most is not None and fewest > most:
        message = f"At least {fewest} and at most {most} instances"
        help_ = "raise `max` or lower `min`; what is not written here comes from the tier"
        yield error(written, "AP214", message, (*path, "min" if (*path, "min") in written.positions else "max"), help_)


def _environment_names(
    written: Written[TierDocument] | Written[TenantDocument], runtime: Runtime, path: Path
) -> Iterator[Diagnostic]:
    for name in runtime.env or ():
        if name.startswith(RESERVED_PREFIXES) or name in RESERVED:
            message = f"The platform sets `{name}` itself"
            help_ = f"choose a name that does not start with {' or '.join(RESERVED_PREFIXES)}"
            yield error(written, "AP217", message, (*path, "env", name), help_)


def _php(
    fleet: Fleet, written: Written[TierDocument] | Written[TenantDocument], runtime: Runtime, path: Path
) -> Iterator[Diagnostic]:
    images = fleet.fleet.document.spec.images.wordpress if fleet.fleet else None
    if images is not None and runtime.php is not None and runtime.php not in images:
        message = f"fleet.yaml has no base image for PHP {runtime.php}"
        help_ = f"write one of {', '.join(images)}, or add it under images.wordpress"
        yield error(written, "AP218", message, (*path, "php"), help_)


def _database(
    written: Written[TierDocument] | Written[TenantDocument], chain: tuple[TenantBlocks, ...], path: Path
) -> Iterator[Diagnostic]:
    if path not in written.positions:
        return
    blocks = [b.database for b in reversed(chain) if b.database is not None]
    charset = next((b.charset for b in blocks if b.charset is not None), None)
    collation = next((b.collation for b in blocks if b.collation is not None), None)
    if charset and collation and not collation.startswith(f"{charset}_"):
        message = f"The collation {collation} is not one of the character set {charset}"
        yield error(written, "AP222", message, (*path, "collation"), f"write one that starts with {charset}_")


def mebibytes(memory: str) -> int:
    """ "512Mi" -> 512, "1Gi" -> 1024. The model allows no other unit."""
    return int(Decimal(memory[:-2])) * _UNITS[memory[-2:]]


def _name(
    written: Written[TierDocument] | Written[ShardDocument] | Written[TenantDocument], name: str
) -> Iterator[Diagnostic]:
    where = place(written.path)
    if where is not None and where.name != name:
        noun = "file" if where.kind == "Tier" else "folder"
        message = f"The name `{name}` is not the {noun}'s name `{where.name}`"
        help_ = f"write `name: {where.name}`, or rename the {noun}; a copied file also needs a uid of its own"
        yield error(written, "AP201", message, ("metadata", "name"), help_)


def _no_uid(written: Written[FleetDocument] | Written[ShardDocument] | Written[TenantDocument]) -> Diagnostic:
    where = place(written.path)
    help_ = "`aipress validate --fix` writes one; it never changes afterwards"
    return about(written, "AP203", "`metadata.uid` is missing: every cloud name carries it", ("metadata",), help_,
                 target=where.target if where else "", fixable=True)  # fmt: skip


def _region(written: Written[FleetDocument] | Written[ShardDocument], region: str, path: Path) -> Iterator[Diagnostic]:
    if region not in REGIONS:
        yield warning(written, "AP224", f"`{region}` is no region that this release knows", path, "check its spelling")


def _folders(written: Written[FleetDocument]) -> str:
    return f"spec.folders has {_listed(written.document.spec.folders)}"


def _listed(names: object) -> str:
    return ", ".join(sorted(map(str, names))) or "none" if hasattr(names, "__iter__") else ""
