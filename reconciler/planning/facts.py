"""What planning is given: one frozen value, and small questions about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.resource import Desired, Found, Live, Observation, Resource
from reconciler.model.version import Applied, Hold, Version


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan is computed from. `history` holds the newest version per shard in scope ("" : the fleet's own).

    `context` are resources that are looked at because others need them: they are made when absent, never changed.
    `live_sites` counts sites visitors can reach; `base` is the commit compared with ("" when everything is observed).
    """

    desired: Desired
    live: Live
    fleet: Fleet
    history: Mapping[str, Version | None]
    cloud: str
    now: datetime
    holds: tuple[Hold, ...] = ()
    scope: tuple[str, ...] = ("fleet",)
    base: str = ""
    context: frozenset[Address] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """tenant uid -> shard whose history records it, for tenants recorded in another shard than they are written in."""
    two_way: bool = False

    def applied(self, resource: Resource) -> Applied | None:
        version = self.history.get(resource.shard)
        return version.resources.get(resource.address) if version else None

    def seen(self, address: Address) -> Observation | None:
        return self.live.of(address)

    def found(self, address: Address) -> Found | None:
        observation = self.live.of(address)
        return observation if isinstance(observation, Found) else None

    def recorded(self) -> Mapping[Address, tuple[str, Applied]]:
        """Every recorded resource of the shards in scope: address -> (shard, as applied)."""
        return {
            address: (shard, applied)
            for shard, version in sorted(self.history.items())
            if version
            for address, applied in version.resources.items()
        }

    def live_tenants(self) -> frozenset[str]:
        """Tenants that a version records as active: those visitors reach today."""
        return frozenset(
            name
            for version in self.history.values()
            if version
            for name, tenant in version.tenants.items()
            if tenant.state == "active"
        )

    def leaves_now(self, resource: Resource) -> bool:
        """Whether this is the last backup of something that no version records as deleted yet."""
        version, environment = self.history.get(resource.shard), resource.address.key.removeprefix("final-")
        tenant = version.tenants.get(resource.address.target.name) if version else None
        if resource.kind != "sql.backup" or tenant is None:
            return False
        return tenant.state != "deleted" and environment in tenant.environments

    def shard_of(self, target: Target) -> str:
        if target.kind is TargetKind.SHARD:
            return target.name
        return self.fleet.where.get(target.name, "") if target.kind is TargetKind.TENANT else ""
