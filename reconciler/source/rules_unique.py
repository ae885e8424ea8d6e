"""What may stand only once in a fleet: tenant names, uids, domains, project ids, buckets. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.spec import State
from reconciler.source.notes import error
from reconciler.source.paths import place

Claim = tuple[Written[Any], Path]
"""A document, and where in it the value stands."""

Kept = Collection[tuple[str, str, str]]
"""(code, value, path): files that had a contested value first, and so keep it."""
CONTESTED = frozenset({"AP204", "AP209"})
"""Codes of what a tenant can take from another by writing it."""


def claims(fleet: Fleet) -> Iterator[tuple[str, str, str]]:
    """What each tenant of a fleet has that nobody else may: (code, value, path)."""
    tenants = frozenset(written.path for written in fleet.tenants.values())
    for code, every in (("AP204", _uids(fleet)), ("AP209", _domains(fleet))):
        yield from ((code, value, written.path) for value, (written, _) in every if written.path in tenants)


def unique(fleet: Fleet, kept: Kept = frozenset()) -> Iterator[Diagnostic]:
    yield from _tenant_names(fleet)
    yield from _once("AP204", "uid", _uids(fleet), "a copied file needs a uid of its own: delete the line and run "
                     "`aipress validate --fix`", kept)  # fmt: skip
    yield from _once("AP209", "domain", _domains(fleet), "a domain leads to one environment of one tenant", kept)
    yield from _once("AP210", "project id", _projects(fleet), "project ids are global: choose another")
    yield from _once("AP211", "bucket name", _buckets(fleet), "bucket names are global: choose another")


def _tenant_names(fleet: Fleet) -> Iterator[Diagnostic]:
    """By the files in the tree, so that a shard that was not loaded counts too."""
    seen: dict[str, list[str]] = defaultdict(list)
    for path in fleet.files:
        if path.endswith("/tenant.yaml"):
            where = place(path)
            if where is not None:
                seen[where.name].append(path)
    for name, paths in seen.items():
        for path in paths if len(paths) > 1 else ():
            others = ", ".join(other for other in paths if other != path)
            message = f"The tenant `{name}` stands under another shard too: {others}"
            help_ = "names are unique in the fleet; to move a tenant, take it out of its old shard in the same commit"
            yield Diagnostic("AP202", Severity.ERROR, message, path, help=help_, target=f"tenant/{name}")


def _once(
    code: str, noun: str, every: Iterable[tuple[str, Claim]], help_: str, kept: Kept = frozenset()
) -> Iterator[Diagnostic]:
    by_value: dict[str, list[Claim]] = defaultdict(list)
    for value, claim in every:
        by_value[value].append(claim)
    for value, holders in by_value.items():
        if len(holders) < 2:
            continue
        holders.sort(key=lambda claim: _rank(claim[0]))
        lowest = _rank(holders[-1][0])
        first = next((claim for claim in holders if (code, value, claim[0].path) in kept), None)
        for index, (written, path) in enumerate(holders):
            if _rank(written) < lowest:
                continue  # a tenant that claims what is its shard's must not freeze the shard
            if first is not None and written.path == first[0].path:
                continue  # whose it was keeps going, whatever a newcomer writes
            other, other_path = first or holders[1 if index == 0 else 0]
            message = f"The {noun} `{value}` stands at {other.at(*other_path)} too" + (
                ", which had it first" * bool(first)
            )
            yield error(written, code, message, path, help_)


def _rank(written: Written[Any]) -> int:
    where = place(written.path)
    return ("Fleet", "Tier", "Shard", "Tenant").index(where.kind if where else "Fleet")


def _uids(fleet: Fleet) -> Iterator[tuple[str, Claim]]:
    documents: list[Written[Any]] = [*fleet.shards.values(), *fleet.tenants.values(), *fleet.tiers.values()]
    for written in [fleet.fleet, *documents] if fleet.fleet else documents:
        uid = written.document.metadata.uid
        if uid is not None:
            yield uid, (written, ("metadata", "uid"))


def _domains(fleet: Fleet) -> Iterator[tuple[str, Claim]]:
    """Of all that serves; a deleted tenant or environment has let go of its domains."""
    for written in fleet.tenants.values():
        spec = written.document.spec
        if spec.state is State.DELETED:
            continue
        for name in ("production", "staging"):
            environment = getattr(spec.environments, name)
            if environment is None or environment.state == "deleted":
                continue
            for index, domain in enumerate(environment.domains or ()):
                yield domain.lower(), (written, ("spec", "environments", name, "domains", index))


def _projects(fleet: Fleet) -> Iterator[tuple[str, Claim]]:
    if fleet.fleet is not None:
        yield fleet.fleet.document.spec.control_project.id, (fleet.fleet, ("spec", "controlProject", "id"))
    for written in fleet.shards.values():
        yield written.document.spec.project.id, (written, ("spec", "project", "id"))


def _buckets(fleet: Fleet) -> Iterator[tuple[str, Claim]]:
    """Two default names are the same only where the project is: that is told already."""
    defaults: dict[str, Claim] = {}
    for written in fleet.shards.values():
        spec = written.document.spec
        if spec.bucket.name is not None:
            yield spec.bucket.name, (written, ("spec", "bucket", "name"))
        else:
            defaults[f"{spec.project.id}-media"] = (written, ("spec", "project", "id"))
    yield from defaults.items()
