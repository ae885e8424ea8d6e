"""The fleet at a commit, with what two tenants claim at once decided by the history: who had it first keeps going.

A uid or a domain that a newcomer writes too is an error of both files, as far as the files alone can tell (`validate`
is offline); the newest versions know whose it was.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from reconciler.cycle.world import Texts, World, read_fleet
from reconciler.model.errors import HistoryUnreachableError
from reconciler.model.fleet import Fleet
from reconciler.model.ports import History
from reconciler.source.load import load_files
from reconciler.source.overlay import NoFiles, OverlayFiles
from reconciler.source.rules_unique import CONTESTED, Kept, claims


def fleet_at(world: World, commit: str, shards: frozenset[str] | None, texts: Texts) -> Fleet:
    """Read again only where something is contested. Raises what `read_fleet` does, CorruptError."""
    fleet = read_fleet(world.repository, commit, shards, texts)
    paths = {d.file for d in fleet.errors if d.code in CONTESTED and d.file.endswith("/tenant.yaml")}
    kept = first_come(_recorded(world.history, paths), paths) if paths else frozenset()
    return read_fleet(world.repository, commit, shards, texts, kept) if kept else fleet


def first_come(recorded: Iterable[Fleet], paths: Iterable[str]) -> Kept:
    """What exactly one of these files had in the versions, as a fleet of applied documents for each shard."""
    had: dict[tuple[str, str], list[str]] = defaultdict(list)
    chosen = frozenset(paths)
    for then in recorded:
        for code, value, path in claims(then):
            if path in chosen:
                had[code, value].append(path)
    return frozenset((code, value, where[0]) for (code, value), where in had.items() if len(set(where)) == 1)


def _recorded(history: History, paths: Iterable[str]) -> Iterator[Fleet]:
    """Nothing where the history cannot be reached: then both wait, as offline."""
    try:
        for shard in sorted({path.split("/")[1] for path in paths}):
            head = history.head(shard)
            if head is not None:
                yield load_files(OverlayFiles(NoFiles(), head.documents))
    except HistoryUnreachableError:
        return
