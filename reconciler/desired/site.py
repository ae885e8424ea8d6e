"""One environment of one tenant while it is compiled: what its resources have in common."""

from dataclasses import dataclass

from reconciler.desired.author import Author, labels_of, marks, root, uid_of
from reconciler.desired.effective import EffectiveEnvironment, resolve
from reconciler.desired.naming import EnvironmentNames, environment_name
from reconciler.desired.shard import Shard
from reconciler.model.fleet import Fleet, Written
from reconciler.model.ids import Address, tenant_target
from reconciler.model.spec import State, TenantDocument


@dataclass(frozen=True, slots=True)
class Site:
    """The documents it comes from, who owns it, its cloud names and the values in force."""

    fleet: Fleet
    shard: Shard
    tenant: Written[TenantDocument]
    author: Author
    names: EnvironmentNames
    settings: EffectiveEnvironment

    @property
    def environment(self) -> str:
        return self.settings.environment

    @property
    def state(self) -> State:
        return self.tenant.document.spec.state or State.ACTIVE

    @property
    def deleted(self) -> bool:
        return self.state is State.DELETED

    def address(self, kind: str) -> Address:
        return self.author.address(kind, self.environment)


def open_site(fleet: Fleet, shard: Shard, tenant: Written[TenantDocument], environment: str) -> Site:
    """Raises InputError when the tenant has no uid or its tier is not there."""
    metadata = tenant.document.metadata
    uid = uid_of(tenant, metadata)
    own, at = labels_of(tenant, metadata)
    labels = own | marks(
        root(fleet).document.metadata.name, uid, shard=shard.author.shard, tenant=metadata.name, environment=environment
    )
    author = Author(
        target=tenant_target(metadata.name), shard=shard.author.shard, owner=uid,
        source=tenant.at("spec", "environments", environment), labels=labels, label_origins=at,
    )  # fmt: skip
    base = environment_name(metadata.name, uid, environment)
    names = EnvironmentNames(shard.names, base, shard.instance.name, shard.bucket.name)
    return Site(fleet, shard, tenant, author, names, resolve(fleet, tenant, environment))
