"""The stage: a commit (or a working tree, or the index) -> Fleet.

One wrong file freezes its own tenant or shard and nothing else; a wrong tier freezes its tenants; a wrong fleet.yaml
leaves `Fleet.fleet` None, which stops everything. All diagnostics come together, in the order of file and line.
"""

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet, Written
from reconciler.model.guards import Guards
from reconciler.model.ids import TENANT_NAME, Scope
from reconciler.model.ports import Repository, TreeFile
from reconciler.model.spec import Escrow, FleetDocument
from reconciler.model.spec_prices import Prices
from reconciler.model.spec_waves import WavesSpec
from reconciler.source.check import check
from reconciler.source.document import MAX_BYTES, parse
from reconciler.source.paths import (
    EXECUTABLE,
    FLEET_FILE,
    PLAIN,
    SUBMODULE,
    SYMLINK,
    TREE,
    Place,
    holder,
    near_miss,
    odd,
    place,
)  # fmt: skip
from reconciler.source.rules import rules
from reconciler.source.rules_unique import Kept
from reconciler.source.tree import CommitFiles, Files

Known = Mapping[str, Written[Any]]
"""path -> a document of an earlier load; used again where the blob is the same."""

MAX_STRAYS = 200
"""Diagnostics about entries that are no fleet files; of a folder full of them the first are enough."""
_MEMO_SIZE = 4096
"""Documents kept for this process beside `known`: about 80 MB at most."""


def load(
    repository: Repository, commit: str, shards: Collection[str] | None = None, known: Known | None = None
) -> Fleet:
    """The fleet at a commit. `shards` None: everything; else fleet.yaml, the tiers and those shards with their
    tenants (tenant names are still unique over the whole tree). `known`: `documents()` of an earlier load."""
    return load_files(CommitFiles(repository, repository.resolve(commit)), shards, known)


def load_files(
    files: Files, shards: Collection[str] | None = None, known: Known | None = None, kept: Kept = frozenset()
) -> Fleet:
    """The same for any set of files: tree.WorkingFiles, tree.StagedFiles, tree.CommitFiles. `kept`: who had first what
    two tenants claim (no file tells)."""
    reading = _Reading(files, known or {}, kept)
    wanted: list[tuple[TreeFile, Place]] = []
    for file, where in reading.sorted_out(files.files()):
        if shards is None or not where.shard or where.shard in shards:
            wanted.append((file, where))
    for file, where in wanted:
        reading.take(file, where)
    return reading.fleet(partial=shards is not None)


def documents(fleet: Fleet) -> Known:
    """Every document of a fleet by path, for the `known` of the next load."""
    found: dict[str, Written[Any]] = {FLEET_FILE: fleet.fleet} if fleet.fleet else {}
    for group in (fleet.tiers, fleet.shards, fleet.tenants):
        found |= {written.path: written for written in group.values()}
    return found


def affected(repository: Repository, base: str, head: str) -> Scope:
    """What a difference between two commits may touch: `tenants` whose file differs, and `shards` that hold them, whose
    shard.yaml differs, or that inherit from a tier or fleet.yaml that differs (None: every shard)."""
    paths = repository.changed(base, head)
    if any(path.startswith("tiers/") for path in paths):
        return Scope(fleet=FLEET_FILE in paths, shards=None)
    touched = [where for path in paths if (where := _touched(path)) is not None]
    tenants = {where.name for where in touched if where.kind == "Tenant"}
    shards = {where.shard for where in touched}
    if FLEET_FILE in paths:
        before, after = (_fleet_file(repository, commit) for commit in (base, head))
        if before is None or after is None or _inherited(before) != _inherited(after):
            return Scope(fleet=True, shards=None, tenants=frozenset(tenants))
        tenants |= {purge.tenant for purge in (*before.spec.purges, *after.spec.purges)}
        held = {w.shard for f in repository.files(head) if (w := place(f.path)) and w.name in tenants and w.shard}
        shards |= held
    return Scope(fleet=FLEET_FILE in paths, shards=frozenset(shards), tenants=frozenset(tenants))


def _touched(path: str) -> Place | None:
    """What a changed path is about; a link or folder in the place of a shard or tenant is about that."""
    where = place(path)
    if where is None and holder(path):
        kind, _, name = holder(path).partition("/")
        return Place(kind.capitalize(), name, path.split("/")[1])
    return where if where is not None and where.shard else None


def _fleet_file(repository: Repository, commit: str) -> FleetDocument | None:
    fleet = load(repository, commit, shards=()).fleet
    return fleet.document if fleet else None


def _inherited(document: FleetDocument) -> FleetDocument:
    """The parts of fleet.yaml that shards and tenants are made from: not the limits a plan is held to."""
    empty = {
        "guards": Guards(), "escrow": Escrow(), "purges": [], "waves": WavesSpec(), "prices": Prices(), "policies": [],
        "ownership": None,
    }  # fmt: skip
    return document.model_copy(update={"spec": document.spec.model_copy(update=empty)})


@dataclass(slots=True)
class _Reading:
    files: Files
    known: Known
    kept: Kept = frozenset()
    found: list[Diagnostic] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)
    by_kind: dict[str, dict[str, Written[Any]]] = field(default_factory=lambda: {
        "Fleet": {}, "Tier": {}, "Shard": {}, "Tenant": {},
    })  # fmt: skip
    where: dict[str, str] = field(default_factory=dict)
    broken_tiers: set[str] = field(default_factory=set)

    def sorted_out(self, entries: Collection[TreeFile]) -> Iterator[tuple[TreeFile, Place]]:
        """The plain files at the contract's paths; the rest gets its diagnostic here."""
        twice = _twice(entries)
        for file in entries:
            where = place(file.path)
            doubled = file.path in twice
            refusal = _doubled(file, where) if doubled else _refusal(file, where)
            if refusal is not None and not (doubled and file.path in self.blobs):
                self.found.append(refusal)
            if where is None or (refusal is not None and refusal.code == "AP016" and not doubled):
                continue
            self.blobs[file.path] = file.blob
            if where.kind == "Tenant":
                self.where.setdefault(where.name, where.shard)
            if refusal is None:
                yield file, where
            elif where.kind == "Tier":
                self.broken_tiers.add(where.name)
        self.found = _bounded(self.found)

    def take(self, file: TreeFile, where: Place) -> None:
        """Read one file into its kind, or into the diagnostics."""
        written, found = self.written(file)
        self.found += found
        if written is not None:
            self.by_kind[where.kind][file.path] = written
        elif where.kind == "Tier":
            self.broken_tiers.add(where.name)

    def written(self, file: TreeFile) -> tuple[Written[Any] | None, tuple[Diagnostic, ...]]:
        earlier = self.known.get(file.path)
        if earlier is not None and file.blob and earlier.blob == file.blob:
            return earlier, ()
        remembered = _memo.get(file)
        if remembered is not None:
            return remembered
        try:
            content = self.files.read(file, MAX_BYTES)
        except (OSError, InputError) as error:  # InputError: a damaged or forged object of the repository
            where = place(file.path)
            message = f"The file cannot be opened: {getattr(error, 'strerror', '') or error}"
            help_, target = getattr(error, "hint", ""), where.target if where else ""
            return None, (Diagnostic("AP017", Severity.ERROR, message, file.path, help=help_, target=target),)
        parsed = parse(content, file.path)
        document, found = check(parsed)
        written = Written(file.path, document, parsed.positions, parsed.text, file.blob) if document else None
        _memo.put(file, (written, found))
        return written, found

    def fleet(self, partial: bool) -> Fleet:
        by_name = {
            kind: {place_.name: written for path, written in sorted(group.items()) if (place_ := place(path))}
            for kind, group in self.by_kind.items()
        }
        first = Fleet(
            self.files.commit, by_name["Fleet"].get(""), by_name["Tier"], by_name["Shard"], by_name["Tenant"],
            self.where, files=self.blobs,
        )  # fmt: skip
        found = [*self.found, *self.missing(), *rules(first, self.kept)]
        found.sort(key=lambda d: (d.file, d.position.line, d.position.column, d.code, d.message))
        wrong = {d.file for d in found if d.severity is Severity.ERROR}
        tiers = {name: tier for name, tier in first.tiers.items() if tier.path not in wrong}
        frozen = self.frozen(first, found, self.broken_tiers | (first.tiers.keys() - tiers.keys()))
        return Fleet(
            commit=self.files.commit,
            fleet=None if FLEET_FILE in wrong else first.fleet,
            tiers=tiers,
            shards={name: shard for name, shard in first.shards.items() if f"shard/{name}" not in frozen},
            tenants={name: tenant for name, tenant in first.tenants.items() if f"tenant/{name}" not in frozen},
            where=self.where,
            frozen=frozen,
            diagnostics=tuple(found),
            tenants_total=len(self.where),
            shards_total=sum(1 for path in self.blobs if path.endswith("/shard.yaml")),
            partial=partial,
            files=self.blobs,
        )

    def frozen(self, fleet: Fleet, found: Collection[Diagnostic], broken_tiers: Collection[str]) -> frozenset[str]:
        """Targets of errors, the tenants of a frozen shard, and the tenants of a broken tier."""
        frozen = {d.target for d in found if d.severity is Severity.ERROR and d.target}
        shards = {target.removeprefix("shard/") for target in frozen if target.startswith("shard/")}
        frozen |= {f"tenant/{name}" for name, shard in self.where.items() if shard in shards}
        frozen |= {
            f"tenant/{name}" for name, tenant in fleet.tenants.items() if tenant.document.spec.tier in broken_tiers
        }
        return frozenset(frozen)

    def missing(self) -> Iterator[Diagnostic]:
        """Files that must be there and are not."""
        if FLEET_FILE not in self.blobs:
            help_ = "every fleet has one at its root: see `aipress fleet init`"
            yield Diagnostic("AP220", Severity.ERROR, "fleet.yaml is missing", FLEET_FILE, help=help_)
        for shard in sorted(set(self.where.values())):
            path = f"shards/{shard}/shard.yaml"
            if path not in self.blobs:
                message = f"Shard `{shard}` has tenants and no shard.yaml"
                yield Diagnostic(
                    "AP219", Severity.ERROR, message, path, help="bring the file back: absence deletes nothing",
                    target=f"shard/{shard}",
                )  # fmt: skip


def _twice(entries: Collection[TreeFile]) -> frozenset[str]:
    """Paths that a forged tree holds more than once: which of them counts would be anybody's guess."""
    paths = Counter(file.path for file in entries)
    return frozenset(path for path, count in paths.items() if count > 1)


def _bounded(found: list[Diagnostic]) -> list[Diagnostic]:
    """What freezes somebody, and the first of what freezes nobody."""
    strays = [diagnostic for diagnostic in found if not diagnostic.target and place(diagnostic.file) is None]
    if len(strays) <= MAX_STRAYS:
        return found
    left_out = frozenset(map(id, strays[MAX_STRAYS:]))
    message = f"{len(left_out):,} more files that nothing reads are not shown"
    rest = Diagnostic("AP111", Severity.ERROR, message, help="take them out of the repository")
    return [*(diagnostic for diagnostic in found if id(diagnostic) not in left_out), rest]


def _doubled(file: TreeFile, where: Place | None) -> Diagnostic:
    message = f"{file.path[:200]!r} stands more than once in its folder, which git itself never writes"
    help_, target = "the commit is forged or damaged: run `git fsck`", where.target if where else ""
    return Diagnostic("AP016", Severity.ERROR, message, file.path, help=help_, target=target)


def _refusal(file: TreeFile, where: Place | None) -> Diagnostic | None:
    """Why an entry of the tree is not read, when its author should know."""
    if odd(file.path) or (where is not None and where.kind in ("Tenant", "Shard") and not _good_names(where)):
        message = f"{file.path[:200]!r} is no name for a fleet file"
        help_ = "names are 3 to 30 lower-case letters, digits and hyphens, and start with a letter"
        return Diagnostic("AP016", Severity.ERROR, message, file.path, help=help_)
    if file.mode == PLAIN:
        return None if where is not None else _unread(file)
    if where is None and (file.mode == EXECUTABLE or (file.mode == TREE and not _on_the_way(file.path))):
        return None
    message, help_ = _MODES.get(file.mode, ("is neither a file nor a folder", "replace it by a plain file"))
    target = where.target if where is not None else holder(file.path) if _on_the_way(file.path) else ""
    severity = Severity.ERROR if where is not None or target or _on_the_way(file.path) else Severity.WARNING
    return Diagnostic("AP014", severity, f"{file.path} {message}", file.path, help=help_, target=target)


_MODES: Mapping[int, tuple[str, str]] = {
    SYMLINK: ("is a symlink, and links are not followed", "put the file itself there"),
    SUBMODULE: ("is a submodule or a repository of its own, and is not read", "put the files themselves there"),
    EXECUTABLE: ("is executable, and a fleet file is only text", "`chmod -x` it (`git update-index --chmod=-x`)"),
    TREE: ("is a folder that cannot be read, or stands where a file should", "put a plain file there"),
}


def _unread(file: TreeFile) -> Diagnostic | None:
    if not file.path.endswith((".yaml", ".yml")) or file.path.startswith("edges/"):
        return None
    meant = near_miss(file.path)
    help_ = f"did you mean {meant}?" if meant else "fleet files are tiers/TIER.yaml, shards/SHARD/shard.yaml and "
    help_ += "" if meant else "shards/SHARD/tenants/TENANT/tenant.yaml"
    return Diagnostic("AP015", Severity.WARNING, f"Nothing reads {file.path}", file.path, help=help_)


def _good_names(where: Place) -> bool:
    return all(TENANT_NAME.fullmatch(name) for name in (where.name, where.shard))


def _on_the_way(path: str) -> bool:
    """Whether a path is a folder that fleet files lie in: tiers, shards, shards/S, shards/S/tenants(/T)."""
    parts = path.split("/")
    return parts[0] in ("tiers", "shards") and (
        len(parts) == 1 or (parts[0] == "shards" and (len(parts) == 2 or (parts[2] == "tenants" and len(parts) <= 4)))
    )


class _Memo:
    """Documents by path and blob id. A blob never changes, so neither does what was made of it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[Written[Any] | None, tuple[Diagnostic, ...]]] = {}
        self._lock = threading.Lock()

    def get(self, file: TreeFile) -> tuple[Written[Any] | None, tuple[Diagnostic, ...]] | None:
        return self._kept.get((file.path, file.blob)) if file.blob else None

    def put(self, file: TreeFile, made: tuple[Written[Any] | None, tuple[Diagnostic, ...]]) -> None:
        if not file.blob:
            return
        with self._lock:
            if len(self._kept) >= _MEMO_SIZE:
                del self._kept[next(iter(self._kept))]
            self._kept[file.path, file.blob] = made


_memo = _Memo()


def require_fleet(fleet: Fleet) -> None:
    """Raises InputError when fleet.yaml is missing or wrong: then nothing can be planned."""
    if fleet.fleet is None:
        first = next((d for d in fleet.diagnostics if d.file == FLEET_FILE), None)
        what = f": {first.where}: {first.message}" if first else ""
        raise InputError(f"fleet.yaml cannot be used{what}", "run `aipress validate` and mend what it shows")
