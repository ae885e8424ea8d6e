"""Blocks that are accepted and that no kind of cloud object manages yet: said in the plan, so that nobody waits."""

from collections.abc import Iterable
from typing import Any

from pydantic.alias_generators import to_camel

from reconciler.desired.effective import environments
from reconciler.model.fleet import Path, Written
from reconciler.model.ids import FLEET, Target, shard_target, tenant_target
from reconciler.model.spec import (
    FLEET_UNMANAGED,
    SHARD_UNMANAGED,
    TENANT_UNMANAGED,
    UNMANAGED_BLOCKS,
    FleetDocument,
    ShardDocument,
    TenantBlocks,
    TenantDocument,
    TierDocument,
)
from reconciler.model.strict import Strict

Row = tuple[Target, str, str]
"""(target, "spec.cdn", "file:line")."""


def fleet_unmanaged(written: Written[FleetDocument]) -> Iterable[Row]:
    yield from _written(FLEET, written, written.document.spec, FLEET_UNMANAGED)


def tier_unmanaged(written: Written[TierDocument]) -> Iterable[Row]:
    """A tier's own blocks are told once, with the fleet's, not with each tenant that inherits them."""
    defaults: Path = ("spec", "defaults")
    yield from _blocks(FLEET, written, written.document.spec.defaults, defaults)
    yield from _written(FLEET, written, written.document.spec.defaults, UNMANAGED_BLOCKS, defaults)


def shard_unmanaged(written: Written[ShardDocument]) -> Iterable[Row]:
    target = shard_target(written.document.metadata.name)
    yield from _written(target, written, written.document.spec, SHARD_UNMANAGED)


def tenant_unmanaged(written: Written[TenantDocument]) -> Iterable[Row]:
    target, spec = tenant_target(written.document.metadata.name), written.document.spec
    yield from _written(target, written, spec, TENANT_UNMANAGED)
    yield from _blocks(target, written, spec, ("spec",))
    for name, environment in environments(written).items():
        if environment.runtime is not None and environment.runtime.secrets is not None:
            path: Path = ("spec", "environments", name, "runtime", "secrets")
            yield target, ".".join(map(str, path)), written.at(*path)


def _blocks(target: Target, written: Written[Any], blocks: TenantBlocks, path: Path) -> Iterable[Row]:
    """The unmanaged fields inside managed blocks."""
    runtime, database = blocks.runtime, blocks.database
    inner: dict[Path, object] = {
        ("runtime", "secrets"): runtime.secrets if runtime else None,
        ("database", "dedicated"): database.dedicated if database else None,
    }
    for names, value in inner.items():
        if value is not None:
            where: Path = (*path, *names)
            yield target, ".".join(map(str, where)), written.at(*where)


def _written(
    target: Target, written: Written[Any], block: Strict, names: Iterable[str], path: Path = ("spec",)
) -> Iterable[Row]:
    for name in names:
        if getattr(block, name) is not None:
            where: Path = (*path, to_camel(name))
            yield target, ".".join(map(str, where)), written.at(*where)
