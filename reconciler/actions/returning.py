"""What a rollback is computed from: the texts of today, and what texts compile to, before anything is written."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.desired.compile import compile_fleet
from reconciler.history.rollback import tenant_of
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Scope, Target, TargetKind
from reconciler.model.ports import Repository
from reconciler.model.resource import Desired
from reconciler.model.version import Version
from reconciler.planning.narrow import in_scope
from reconciler.planning.states import about, states
from reconciler.source.load import load_files
from reconciler.source.overlay import NoFiles, OverlayFiles
from reconciler.source.scope import OWN_OBJECTS, placed, scope_of
from reconciler.source.tree import CommitFiles

_LIMIT = 256 * 1024


class OneLeg(Protocol):
    @property
    def target(self) -> Target: ...
    @property
    def chosen(self) -> Version: ...


@dataclass(slots=True)
class Texts:
    """The fleet files of one commit, each read once, when it is asked for."""

    repository: Repository
    commit: str
    _blobs: dict[str, str] = field(default_factory=dict)
    _read: dict[str, str] = field(default_factory=dict)
    _where: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._blobs = {file.path: file.blob for file in self.repository.files(self.commit)}
        self._where = placed(self.repository, self.commit)

    def text(self, path: str) -> str:
        """ "" for a file that is not there."""
        if path not in self._read and path in self._blobs:
            self._read[path] = self.repository.read(self._blobs[path], _LIMIT).decode(errors="replace")
        return self._read.get(path, "")

    def shared(self) -> dict[str, str]:
        """What every shard inherits from: fleet.yaml and the tiers."""
        return {path: self.text(path) for path in self._blobs if path == "fleet.yaml" or path.startswith("tiers/")}

    def of(self, then: Version) -> dict[str, str]:
        """What a version is compared with: its shard's files, what they inherit from, and the files of those of its
        tenants that have moved since."""
        moved = [name for path in then.documents if (name := tenant_of(path)) in self._where]
        paths = [f"shards/{self._where[name]}/tenants/{name}/tenant.yaml" for name in moved]
        own = [path for path in self._blobs if path.startswith(f"shards/{then.shard}/")] if then.shard else []
        return {**self.shared(), **{path: self.text(path) for path in (*own, *paths)}}


@dataclass(frozen=True, slots=True)
class Compiled:
    """What texts ask for. `wrong`: why they cannot be compiled, of the texts that were put in place."""

    desired: Desired
    where: Mapping[str, str]
    wrong: tuple[str, ...] = ()

    @classmethod
    def after(
        cls, repository: Repository, commit: str, files: Mapping[str, str], shards: Collection[str]
    ) -> "Compiled":
        """A commit's files with others in their place, of some shards."""
        fleet = load_files(OverlayFiles(CommitFiles(repository, commit), files), shards)
        return cls._made(fleet, files)

    @classmethod
    def of_version(cls, version: Version) -> "Compiled":
        """The documents that a version has applied."""
        return cls._made(load_files(OverlayFiles(NoFiles(), version.documents)), {})

    @classmethod
    def _made(cls, fleet: Fleet, files: Mapping[str, str]) -> "Compiled":
        wrong = [f"{d.where}: {d.message}" for d in fleet.errors if d.file in files]
        try:
            return cls(compile_fleet(fleet), fleet.where, tuple(wrong))
        except InputError as error:
            return cls(Desired({}), fleet.where, tuple(wrong) or (str(error),))

    def states(self, legs: Sequence[OneLeg]) -> dict[str, str]:
        """unit -> digest of its state, of the units that these legs are about."""
        every = states(self.desired)
        return {unit: state for unit, state in every.items() if any(_moves(unit, leg, self.where) for leg in legs)}


def differences(compiled: Compiled, target: Target, then: Version) -> Iterator[str]:
    """Where what is asked for would not equal a version: values that no file of the target can say."""
    scope = _scope(target)
    there = {a: r for a, r in then.resources.items() if in_scope(a, then.shard, scope)}
    known = {name for path in then.documents if (name := tenant_of(path))}
    wanted = {
        a: r
        for a, r in compiled.desired.resources.items()
        if in_scope(a, r.shard, scope) and r.only_if is None
        and (a.target.kind is not TargetKind.TENANT or a.target.name in known)  # one that came later stays as it is
    }  # fmt: skip
    for address in sorted(wanted.keys() & there.keys()):
        fields = difference(kind_of(address.kind), there[address].body, wanted[address].body, there[address].body)
        for f in fields:
            if f.unknown is None and not f.sensitive:
                yield f"{address} {f.path}: {f.before} then, {f.after} now"
    yield from (f"{address} was not there then" for address in sorted(wanted.keys() - there.keys()))


def _moves(unit: str, leg: OneLeg, where: Mapping[str, str]) -> bool:
    """Whether a unit is among what a leg returns: the fleet's leg is about its own objects alone."""
    if leg.target.kind is TargetKind.FLEET:
        return unit == str(leg.target)
    return about(unit, leg.target, where)


def _scope(target: Target) -> Scope:
    return OWN_OBJECTS if target.kind is TargetKind.FLEET else scope_of([target])
