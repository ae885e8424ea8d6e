"""Who wrote the approval of a purge, and the deletion that it lets go for good: asked of git, line by line."""

from collections.abc import Iterable, Iterator, Mapping

from reconciler.model.authorship import Author, Authorship
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.ports import Repository
from reconciler.model.resource import Removal


def authorship(repository: Repository, fleet: Fleet, removals: Iterable[Removal]) -> Mapping[str, Authorship]:
    """By approval ("purges/TENANT/UID/LAST-DAY"), of those that a plan makes use of. Nothing for what git does not tell
    (a shallow clone, a working tree)."""
    approvals = sorted({removal.approval for removal in removals if removal.approval})
    found = {approval: Authorship(tuple(_wrote(repository, fleet, approval))) for approval in approvals}
    return {approval: known for approval, known in found.items() if known.wrote}


def writer(repository: Repository, commit: str, line: str) -> Author | None:
    """Who wrote one "file:line" as it stands at a commit."""
    path, _, number = line.rpartition(":")
    if not number.isdigit() or not commit:
        return None
    return repository.written_by(commit, path, [int(number)]).get(int(number))


def _wrote(repository: Repository, fleet: Fleet, approval: str) -> Iterator[tuple[Author, str]]:
    _, tenant, uid, expires = approval.split("/")
    if fleet.fleet is None or not fleet.commit:
        return
    purges = fleet.fleet.document.spec.purges
    for index, one in enumerate(purges):
        if (one.tenant, one.uid, one.expires) == (tenant, uid, expires):
            yield from _lines(repository, fleet.commit, fleet.fleet, [("spec", "purges", index)], "the approval")
    written = fleet.tenants.get(tenant)
    if written is not None:
        places: list[Path] = [("spec", "state"), ("spec", "deletion")]
        places += [("spec", "environments", name, "state") for name in ("production", "staging")]
        yield from _lines(repository, fleet.commit, written, places, "the deletion")


def _lines(
    repository: Repository, commit: str, written: Written[object], places: Iterable[Path], what: str
) -> Iterator[tuple[Author, str]]:
    chosen = tuple(places)
    lines = {
        position.line
        for path, position in written.positions.items()
        if any(path[: len(place)] == place for place in chosen)
    }
    authors = repository.written_by(commit, written.path, sorted(lines))
    yield from ((author, what) for author in dict.fromkeys(authors[line] for line in sorted(authors)))
