"""What planning is given: one frozen value, and small questions about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.authorship import Authorship
from reconciler.model.canonical import Body
from reconciler.model.fleet import Fleet
from reconciler.model.hold import Hold, Poison
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.policies import Expressions, Laws, Unanswered
from reconciler.model.resource import Desired, Found, Live, Observation, Resource
from reconciler.model.spec import FleetSpec
from reconciler.model.version import Applied, Version
from reconciler.model.wave import Waves


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
    poisons: tuple[Poison, ...] = ()
    scope: tuple[str, ...] = ("fleet",)
    base: str = ""
    rules: Fleet | None = None
    """The fleet whose guards, waves and limits judge: that of `base`. None: this one."""
    context: frozenset[Address] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """tenant uid -> shard whose history records it, for tenants recorded in another shard than they are written in."""
    vanished: Mapping[str, str] = field(default_factory=dict)
    """tenant -> shard, in shards out of scope: recorded and not deleted, and their file went since the last version."""
    healed: Mapping[Address, frozenset[str]] = field(default_factory=dict)
    """Fields that were put back lately, after somebody had changed them outside Git."""
    sent: Mapping[Address, Body] = field(default_factory=dict)
    """What an earlier run here sent and could not record, because it died: resource -> body. A hint."""
    two_way: bool = False
    waves: tuple[Waves, ...] = ()
    """Those that stand (see model/wave.py), whatever their scope."""
    authors: Mapping[str, Authorship] = field(default_factory=dict)
    """approval of a purge -> who wrote it, and the deletion."""
    former: Mapping[str, tuple[str, str, bool]] = field(default_factory=dict)
    """tenant name -> (shard, uid, whether in escrow) of another owner whom another shard's history records."""
    laws: Laws = field(default_factory=Laws)
    """What people wrote that this plan is held to: policies, and who may change which field."""
    expressions: Expressions = field(default_factory=Unanswered)
    author: str = ""
    """The pull request's author at the code host, where that is known."""

    @property
    def ruling(self) -> FleetSpec | None:
        """The fleet.yaml that judges: a pull request is not judged by rules of its own."""
        fleet = (self.rules or self.fleet).fleet
        return fleet.document.spec if fleet else None

    def applied(self, resource: Resource) -> Applied | None:
        """As it was applied last; never what an earlier owner of the name had."""
        version = self.history.get(resource.shard)
        applied = version.resources.get(resource.address) if version else None
        return applied if applied is None or applied.owner == resource.owner else None

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
        version, environment = self.history.get(resource.shard), resource.address.environment
        tenant = version.tenants.get(resource.address.target.name) if version else None
        if resource.kind != "sql.backup" or tenant is None:
            return False
        return tenant.state != "deleted" and environment in tenant.environments

    def keeper(self, tenant: str) -> str:
        """The shard in scope whose history records a tenant by this name; "" for none."""
        return next((s for s, v in sorted(self.history.items()) if v and tenant in v.tenants), "")

    def shard_of(self, target: Target) -> str:
        if target.kind is TargetKind.SHARD:
            return target.name
        return self.fleet.where.get(target.name, "") if target.kind is TargetKind.TENANT else ""
