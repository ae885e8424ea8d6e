"""`aipress place`: a shard for a new tenant, and its uid. Proposes; Git holds the answer."""

from dataclasses import dataclass

from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ports import Repository
from reconciler.model.spec import TenantDocument
from reconciler.source.check import check
from reconciler.source.document import parse
from reconciler.source.fix import fixed, new_uid
from reconciler.source.load import load, require_fleet
from reconciler.source.placement import Proposal, Wish, candidates, propose

ANYWHERE = "shards/new-shard/tenants/new-tenant/tenant.yaml"
"""A path under which a file is read as a tenant, before it is known where it belongs."""


@dataclass(frozen=True, slots=True)
class Placed:
    """`path` under the fleet root where the file belongs; `text` with the uid in it."""

    name: str
    uid: str
    path: str
    text: str
    proposal: Proposal


def place(repository: Repository, content: bytes, region: str = "") -> Placed:
    """Raises InputError for no valid tenant or a name that is taken, RefusedError when no shard fits."""
    fleet = load(repository, repository.resolve("HEAD"))
    require_fleet(fleet)
    uid = new_uid()
    text = fixed(content, ANYWHERE, uid) or content.decode(errors="replace")
    parsed = parse(text.encode(), ANYWHERE)
    document, found = check(parsed)
    problem = next((d for d in (*parsed.diagnostics, *found) if d.severity == "error"), None)
    if problem is not None or not isinstance(document, TenantDocument):
        what = f"line {problem.position.line}: {problem.message}" if problem else "it is not a Tenant"
        raise InputError(f"the tenant cannot be placed: {what}", problem.help if problem else "kind: Tenant")
    name = document.metadata.name
    if name in fleet.where:
        raise InputError(f"tenant/{name} is on shard {fleet.where[name]} already", "choose another metadata.name")
    waiting = next((p for p in repository.edited() if p.endswith(f"/{name}/tenant.yaml")), "")
    if waiting:
        raise InputError(f"tenant/{name} is placed already, in {waiting}", "commit that file, or remove it first")
    owner = document.metadata.uid or uid
    proposal = propose(Wish(owner, document.spec.tier, region), candidates(fleet))
    if not proposal.shard:
        raise RefusedError("no shard has room for this tenant", "add a shard: shards/NAME/shard.yaml")
    return Placed(name, owner, f"shards/{proposal.shard}/tenants/{name}/tenant.yaml", text, proposal)
