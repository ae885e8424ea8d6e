"""A tenant: the resources of each environment in each state, and the deletions that somebody wrote down.

Deleted means escrow: traffic off, a last backup, everything kept and nothing made anew (`only_if`), until fleet.yaml
names the tenant and its uid under `purges`; only then are there removals. The same holds for one deleted environment,
whose service alone goes at once. Nothing is removed by being left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.desired.author import root
from reconciler.desired.database import database_resources, last_backup
from reconciler.desired.effective import environments
from reconciler.desired.runtime import run_service
from reconciler.desired.security import security_resources
from reconciler.desired.shard import Shard
from reconciler.desired.site import Site, open_site
from reconciler.model.fleet import Fleet, Written
from reconciler.model.ids import Address
from reconciler.model.resource import Removal, Resource
from reconciler.model.spec import PurgeApproval, TenantDocument


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one tenant's document asks for."""

    resources: tuple[Resource, ...]
    removals: tuple[Removal, ...] = ()


def tenant_wanted(fleet: Fleet, shard: Shard, tenant: Written[TenantDocument]) -> Wanted:
    """Resources and removals of all environments. Raises InputError: this tenant has to be left out."""
    wanted = [_environment(open_site(fleet, shard, tenant, name)) for name in environments(tenant)]
    return Wanted(tuple(r for w in wanted for r in w.resources), tuple(r for w in wanted for r in w.removals))


def _environment(site: Site) -> Wanted:
    parts = [*security_resources(site), *database_resources(site), run_service(site)]
    gone = environments(site.tenant)[site.environment].state == "deleted"
    if not (gone or site.deleted):
        return Wanted(tuple(parts))
    approval = _approval(site)
    if approval is not None:
        return _purge(site, parts, approval)
    if gone:
        kept = [r for r in parts if r.kind != "run.service"]
        service = [r for r in parts if r.kind == "run.service"]
        at = site.tenant.at("spec", "environments", site.environment, "state")
        removals = tuple(Removal(r.address, f"{site.environment} is written as deleted", at) for r in service)
        return Wanted(_escrow(site, kept), removals)
    return Wanted(_escrow(site, parts))


def _escrow(site: Site, parts: Iterable[Resource]) -> tuple[Resource, ...]:
    """Kept as it is where it is, never made, and one last backup when the traffic is off."""
    kept = tuple(replace(part, only_if=part.address) for part in parts)
    off = [part.address for part in kept if part.kind == "run.service"]
    return (*kept, _backup(site, off))


def _purge(site: Site, parts: Iterable[Resource], approval: PurgeApproval) -> Wanted:
    """Everything goes but the last backup, which comes first. Guards judge the approval's date and the escrow."""
    backup = _backup(site, ())
    written = root(site.fleet)
    source = written.at("spec", "purges", written.document.spec.purges.index(approval))
    text = f"purges/{approval.tenant}/{approval.uid}/{approval.expires}"
    reason = f"purge of what is deleted, approved by {', '.join(approval.approvers)}"
    removals = (Removal(part.address, reason, source, text, after=(backup.address,)) for part in parts)
    return Wanted((backup,), tuple(removals))


def _backup(site: Site, after: Iterable[Address]) -> Resource:
    return replace(last_backup(site, after), only_if=site.address("sql.database"))


def _approval(site: Site) -> PurgeApproval | None:
    """The purge that names this tenant by name and uid: a name may come back, an owner does not."""
    purges, wanted = root(site.fleet).document.spec.purges, (site.settings.tenant, site.author.owner)
    return next((p for p in purges if (p.tenant, p.uid) == wanted), None)
