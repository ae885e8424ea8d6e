"""From everything compiled to what one cycle is about: the resources in scope, and those they need."""

from reconciler.model.ids import Address, Scope, TargetKind
from reconciler.model.resource import Desired
from reconciler.planning.order import needs


def narrow(desired: Desired, scope: Scope) -> tuple[Desired, frozenset[Address]]:
    """The desired resources in scope and, as context, all that they need (looked at; made only when absent)."""
    chosen = {a for a, resource in desired.resources.items() if in_scope(a, resource.shard, scope)}
    context: set[Address] = set()
    todo = list(chosen)
    while todo:
        for need in needs(desired.resources[todo.pop()]):
            if need in desired.resources and need not in chosen and need not in context:
                context.add(need)
                todo.append(need)
    kept = {a: r for a, r in desired.resources.items() if a in chosen or a in context}
    shards = {a.target.name: r.shard for a, r in desired.resources.items() if a.target.kind is TargetKind.TENANT}
    removals = tuple(r for r in desired.removals if in_scope(r.address, shards.get(r.address.target.name, ""), scope))
    unmanaged = tuple(row for row in desired.unmanaged if scope.everything or _named(str(row[0]), scope))
    return Desired(kept, removals, unmanaged, desired.diagnostics), frozenset(context)


def in_scope(address: Address, shard: str, scope: Scope) -> bool:
    """Whether a scope names this resource's target, its shard, or its environment."""
    target = address.target
    if target.kind is TargetKind.FLEET:
        return scope.fleet
    if scope.shards is None or shard in scope.shards:
        return True
    if target.kind is TargetKind.SHARD:
        return target.name in scope.shards or target.name in scope.own
    return target.name in scope.tenants or f"{target.name}@{address.environment}" in scope.tenants


def _named(target: str, scope: Scope) -> bool:
    kind, _, name = target.partition("/")
    if kind == "tenant":
        return any(t.partition("@")[0] == name for t in scope.tenants)
    return kind == "shard" and (name in scope.own or name in (scope.shards or ()))
