"""The fleet at one commit: what was written, with where every value stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.spec import FleetDocument, ShardDocument, TenantDocument, TierDocument

D_co = TypeVar("D_co", covariant=True)
Path = tuple[str | int, ...]
"""A place in a document: ("spec", "runtime", "memory")."""


@dataclass(frozen=True, slots=True)
class Written(Generic[D_co]):
    """One valid document. `positions` maps a path to where its *value* stands (its key for mappings and lists)."""

    path: str
    document: D_co
    positions: Mapping[Path, Position]
    text: str
    blob: str = ""
    """Git object id of the text ("" when read from the working tree)."""

    def at(self, *path: str | int) -> str:
        """ "file:line" of the nearest written ancestor of a path."""
        where = path
        while where and where not in self.positions:
            where = where[:-1]
        position = self.positions.get(where, Position())
        return f"{self.path}:{position.line}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything one fleet repository declares, at one commit.

    `frozen` holds tenants ("tenant/NAME") and shards ("shard/NAME") whose files are there but wrong: they keep their
    last good state. `where` maps each tenant to its shard, frozen ones too. `partial`: only the scope asked for was
    loaded (tiers and fleet.yaml always are); `tenants_total`/`shards_total` count the files in the tree.
    """

    commit: str
    fleet: Written[FleetDocument] | None
    tiers: Mapping[str, Written[TierDocument]]
    shards: Mapping[str, Written[ShardDocument]]
    tenants: Mapping[str, Written[TenantDocument]]
    where: Mapping[str, str]
    frozen: frozenset[str] = frozenset()
    diagnostics: tuple[Diagnostic, ...] = ()
    tenants_total: int = 0
    shards_total: int = 0
    partial: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    """path -> git blob id of every fleet file in the tree (cheap: tree entries only)."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    def tenants_of(self, shard: str) -> tuple[str, ...]:
        """Names of the valid tenants placed on a shard, sorted."""
        return tuple(sorted(name for name in self.tenants if self.where.get(name) == shard))
