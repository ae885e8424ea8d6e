"""Targets that people type, as the scope of a cycle, resolved against the tree (no file is read)."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Scope, Target, TargetKind
from reconciler.model.ports import Repository

_OWN = " (own objects)"
OWN_OBJECTS = Scope(fleet=True, shards=frozenset())
"""The fleet's own objects alone: what `bootstrap` is about."""


def scope_of(targets: Iterable[Target]) -> Scope:
    """No target, or `fleet`, is everything."""
    chosen = tuple(targets)
    if not chosen or any(t.kind is TargetKind.FLEET for t in chosen):
        return Scope()
    shards = frozenset(t.name for t in chosen if t.kind is TargetKind.SHARD)
    tenants = frozenset(
        f"{t.name}@{t.environment}" if t.environment else t.name for t in chosen if t.kind is TargetKind.TENANT
    )
    return Scope(fleet=False, shards=shards, tenants=tenants)


def describe(scope: Scope) -> tuple[str, ...]:
    """The scope as targets, sorted: what a plan records."""
    if scope.everything:
        return ("fleet",)
    shards = [f"shard/{name}" for name in scope.shards or ()]
    shards += [f"shard/{name}{_OWN}" for name in scope.own]
    fleet = [f"fleet{_OWN}"] if scope.fleet else []
    return tuple(sorted([*fleet, *shards, *(f"tenant/{name}" for name in scope.tenants)]))


def own_objects(target: str) -> str:
    """How `describe` names a shard or the fleet of which only its own objects are in scope."""
    return target + _OWN


def scope_from(described: Iterable[str]) -> Scope:
    """The scope that `describe` wrote."""
    names = frozenset(described)
    if "fleet" in names:
        return Scope()
    alone = frozenset(name.removesuffix(_OWN) for name in names if name.endswith(_OWN))
    chosen = scope_of(Target.parse(name) for name in names if not name.endswith(_OWN))
    if all(name.endswith(_OWN) for name in names):
        chosen = OWN_OBJECTS
    own = frozenset(name.removeprefix("shard/") for name in alone - {"fleet"})
    return Scope("fleet" in alone, chosen.shards, chosen.tenants, own)


def placed(repository: Repository, commit: str) -> Mapping[str, str]:
    """tenant -> shard, from the paths of the tree alone."""
    parts = (file.path.split("/") for file in repository.files(commit))
    return {
        p[3]: p[1] for p in parts if len(p) == 5 and p[0] == "shards" and p[2] == "tenants" and p[4] == "tenant.yaml"
    }


def shards_in(repository: Repository, commit: str, scope: Scope) -> frozenset[str] | None:
    """Shards whose files a scope needs; None for all. Raises InputError for a target that is not at this commit."""
    if scope.shards is None:
        return None
    where = placed(repository, commit)
    known = {file.path.split("/")[1] for file in repository.files(commit) if file.path.startswith("shards/")}
    for name in sorted((scope.shards | scope.own) - known):
        raise InputError(f"there is no shard/{name} at {commit[:12]}", _suggestion("shard/", name, known))
    tenants = {name.partition("@")[0] for name in scope.tenants}
    for name in sorted(tenants - where.keys()):
        raise InputError(f"there is no tenant/{name} at {commit[:12]}", _suggestion("tenant/", name, where))
    return scope.shards | scope.own | frozenset(where[name] for name in tenants)


def require_environments(fleet: Fleet, scope: Scope) -> None:
    """Raises InputError for `tenant@environment` where the tenant's file is right and names no such environment."""
    for name in sorted(name for name in scope.tenants if "@" in name):
        tenant, _, environment = name.partition("@")
        written = fleet.tenants.get(tenant)
        if written is None:
            continue
        there = [found for found, value in written.document.spec.environments if value is not None]
        if environment not in there:
            raise InputError(
                f"there is no tenant/{name} at {fleet.commit[:12]}", f"its environments: {', '.join(there)}"
            )


def _suggestion(prefix: str, name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {prefix}{close[0]}?" if close else "`aipress status` lists what there is"
