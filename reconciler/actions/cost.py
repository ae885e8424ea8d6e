"""`aipress cost`: what a fleet costs a month, as it is written at a commit. No cloud is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.desired.compile import compile_fleet, compile_shard
from reconciler.desired.cost import Costing, FleetCost
from reconciler.kinds.pricebook import Book, book_of
from reconciler.kinds.prices import Pricer, traffic_of
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import InputError
from reconciler.model.ids import Scope, Target
from reconciler.model.money import Micros
from reconciler.model.ports import Repository
from reconciler.source.load import load
from reconciler.source.scope import require_environments, scope_of, shards_in


@dataclass(frozen=True, slots=True)
class Costed:
    """`errors`: what is wrong, so that its targets are in no sum. `tenants`: those asked for, none: all of the shards.
    `before`: tenant or shard -> what it costs at the base, millionths; None without a base."""

    commit: str
    cost: FleetCost
    book: Book
    errors: tuple[Diagnostic, ...] = ()
    tenants: frozenset[str] = frozenset()
    before: Mapping[str, Micros] | None = None
    regions: tuple[str, ...] = ()
    """Those of the shards."""


def cost(repository: Repository, targets: Sequence[Target], revision: str = "HEAD", base: str = "") -> Costed:
    """Whole shards are compiled, also for one tenant: what is shared is divided among all of them. With a base, both
    are counted with the prices of `revision`. Raises InputError."""
    made, book = _cost(repository, targets, revision, None)
    if not base:
        return made
    earlier, _ = _cost(repository, targets, base, book)
    before = {f"shard/{s.shard}": s.whole.whole for s in earlier.cost.shards}
    before |= {f"tenant/{t.tenant}": t.whole.whole for t in earlier.cost.tenants}
    return replace(made, before=before)


def _cost(repository: Repository, targets: Sequence[Target], revision: str, book: Book | None) -> tuple[Costed, Book]:
    commit, scope = repository.resolve(revision), scope_of(targets)
    fleet = load(repository, commit, shards=shards_in(repository, commit, scope))
    require_environments(fleet, scope)
    if fleet.fleet is None:
        raise InputError("there is no valid fleet.yaml, so nothing can be priced", "run `aipress validate`")
    chosen = book or book_of(fleet.fleet.document.spec.prices)
    costing, wrong = Costing(fleet, Pricer(chosen, traffic_of(fleet))), list(fleet.errors)
    if scope.fleet:
        costing.own(compile_fleet(fleet, Scope(shards=frozenset())).resources.values())
    for name in sorted(fleet.shards):
        desired = compile_shard(fleet, name)
        costing.shard(name, desired)
        wrong += [d for d in desired.diagnostics if d.severity is Severity.ERROR]
    tenants = frozenset(name.partition("@")[0] for name in scope.tenants)
    regions = tuple(sorted({written.document.spec.region for written in fleet.shards.values()}))
    return Costed(commit, costing.done(), chosen, tuple(wrong), tenants, regions=regions), chosen
