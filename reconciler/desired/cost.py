"""What a fleet costs a month, as it is written: by tenant, by shard, in all.

What a shard shares (its instance, its images) is told as it is, and divided among its tenants by the database
connections that each may hold at most; the parts add up to the whole. What the fleet itself owns is divided by nobody.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.kinds.prices import Price, Pricer
from reconciler.model.fleet import Fleet
from reconciler.model.ids import TargetKind
from reconciler.model.money import Micros, shares
from reconciler.model.resource import Desired, Resource


@dataclass(frozen=True, slots=True)
class Amount:
    """Millionths of a USD a month: while nobody visits, and what use adds by estimate."""

    fixed: Micros = 0
    use: Micros = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.fixed + other.fixed, self.use + other.use)

    @property
    def whole(self) -> Micros:
        return self.fixed + self.use


@dataclass(frozen=True, slots=True)
class TenantCost:
    """`own`: of its own objects. `shared`: its part of what its shard shares; `connections` is the weight of it."""

    tenant: str
    shard: str
    tier: str
    own: Amount
    shared: Amount
    connections: int

    @property
    def whole(self) -> Amount:
        return self.own + self.shared


@dataclass(frozen=True, slots=True)
class ShardCost:
    """`shared`: of the shard's own objects, all of it; `sites`: of its tenants' own objects together."""

    shard: str
    shared: Amount
    sites: Amount
    tenants: tuple[TenantCost, ...]

    @property
    def whole(self) -> Amount:
        return self.shared + self.sites


@dataclass(frozen=True, slots=True)
class FleetCost:
    """`own`: of the fleet's own objects; 0 when only a part was asked for. `unpriced`: what has no price -> how many
    objects; it is in no sum. `basis`: how sure the prices of the whole are -> millionths. `origin`: what they are."""

    own: Amount
    shards: tuple[ShardCost, ...]
    unpriced: Mapping[str, int]
    basis: Mapping[str, Micros]
    origin: str

    @property
    def whole(self) -> Amount:
        total = self.own
        for shard in self.shards:
            total = total + shard.whole
        return total

    @property
    def tenants(self) -> tuple[TenantCost, ...]:
        return tuple(tenant for shard in self.shards for tenant in shard.tenants)


@dataclass(slots=True)
class Costing:
    """Adds up shard by shard, so that no more than one needs to be compiled at a time."""

    fleet: Fleet
    pricer: Pricer
    _own: Amount = field(default_factory=Amount)
    _shards: list[ShardCost] = field(default_factory=list)
    _unpriced: Counter[str] = field(default_factory=Counter)
    _basis: Counter[str] = field(default_factory=Counter)

    def own(self, resources: Iterable[Resource]) -> None:
        """The fleet's own objects; others are passed over."""
        for resource in resources:
            if resource.address.target.kind is TargetKind.FLEET:
                self._own = self._own + self._amount(resource)

    def shard(self, name: str, desired: Desired) -> None:
        """One compiled shard with all its tenants. One of which nothing could be compiled is left out."""
        shared, own, weights = Amount(), dict[str, Amount](), Counter[str]()
        for address, resource in desired.resources.items():
            if resource.shard != name:
                continue
            amount = self._amount(resource)
            if address.target.kind is TargetKind.TENANT:
                tenant = address.target.name
                own[tenant] = own.get(tenant, Amount()) + amount
                weights[tenant] += _connections(resource)
            else:
                shared = shared + amount
        if not desired.resources:
            return
        names = sorted(own)
        by = [weights[tenant] for tenant in names]
        parts = zip(shares(shared.fixed, by), shares(shared.use, by), strict=True)
        tenants = tuple(
            TenantCost(tenant, name, self._tier(tenant), own[tenant], Amount(*part), weights[tenant])
            for tenant, part in zip(names, parts, strict=True)
        )
        sites = Amount()
        for amount in own.values():
            sites = sites + amount
        self._shards.append(ShardCost(name, shared, sites, tenants))

    def done(self) -> FleetCost:
        shards = tuple(sorted(self._shards, key=lambda s: s.shard))
        unpriced, origin = dict(sorted(self._unpriced.items())), self.pricer.book.origin
        return FleetCost(self._own, shards, unpriced, dict(self._basis), origin)

    def _amount(self, resource: Resource) -> Amount:
        price: Price = self.pricer.price(resource.kind, resource.name, resource.body)
        if price.unpriced:
            self._unpriced[price.unpriced] += 1
        for line in price.lines:
            self._basis[str(line.basis)] += line.micros
        return Amount(price.fixed, price.use)

    def _tier(self, tenant: str) -> str:
        written = self.fleet.tenants.get(tenant)
        return written.document.spec.tier if written else ""


def _connections(resource: Resource) -> int:
    most = resource.body.get("maxUserConnections") if resource.kind == "sql.grant" else 0
    return most if isinstance(most, int) else 0
