"""`aipress validate`: offline. Everything wrong at once, with positions; `--fix` mends what needs no thought."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.cycle.laws import flaws_of, trespasses_of
from reconciler.desired.compile import compile_fleet
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InputError, UsageError
from reconciler.model.fleet import Fleet, Written
from reconciler.model.policies import UNANSWERED, Base, Expressions
from reconciler.model.spec import FleetDocument
from reconciler.source.fix import fixes
from reconciler.source.git import GitRepository
from reconciler.source.load import load, load_files
from reconciler.source.rules_policies import changed_laws
from reconciler.source.tree import CommitFiles, Files, StagedFiles, WorkingFiles


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """`paths` under the fleet root narrow what is reported (never what is checked). One of `staged`, `revision`. With a
    `base`, who changed what is judged too, by the commits from there to `revision` or HEAD; `author` as in PlanRequest.
    """

    paths: tuple[str, ...] = ()
    staged: bool = False
    revision: str = ""
    fix: bool = False
    base: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Validated:
    """`files` counts the fleet files that were asked about; `fixed` are the paths that were mended."""

    diagnostics: tuple[Diagnostic, ...]
    files: int
    fixed: tuple[str, ...] = ()
    commit: str = ""
    fleet: Written[FleetDocument] | None = None

    @property
    def ok(self) -> bool:
        return all(d.severity != "error" for d in self.diagnostics)


def validate(repository: GitRepository, request: ValidateRequest, expressions: Expressions = UNANSWERED) -> Validated:
    """Raises InputError for a revision that is not there, UsageError for a path that names nothing."""
    files = _files(repository, request)
    _require(repository, files, request.paths)
    fleet = load_files(files)
    fixed: Mapping[str, str] = fixes(fleet, files) if request.fix else {}
    if fixed:
        _write(repository, fixed)
        fleet = load_files(files)
    found = (
        *fleet.diagnostics, *_compiled(fleet), *flaws_of(fleet.fleet, expressions),
        *_by_the_base(repository, fleet, request),
    )  # fmt: skip
    chosen = tuple(d for d in found if not request.paths or _under(d.file, request.paths))
    read = [file.path for file in files.files() if not request.paths or _under(file.path, request.paths)]
    return Validated(chosen, len(read), tuple(sorted(fixed)), files.commit, fleet.fleet)


def _require(repository: GitRepository, files: Files, paths: tuple[str, ...]) -> None:
    """A path that names nothing would look as if it were valid."""
    for path in paths:
        on_disk = repository.folder is not None and (repository.folder / path).exists()
        if path and not on_disk and not any(_under(file.path, (path,)) for file in files.files()):
            raise UsageError(f"there is no {path} in this fleet: nothing was checked", "name a file or folder below it")


def _files(repository: GitRepository, request: ValidateRequest) -> Files:
    if request.revision:
        return CommitFiles(repository, repository.resolve(request.revision))
    if request.staged:
        return StagedFiles(repository)
    if repository.folder is None:
        return CommitFiles(repository, repository.resolve("HEAD"))
    return WorkingFiles(repository.folder, repository.executable_bits)


def _compiled(fleet: Fleet) -> tuple[Diagnostic, ...]:
    """What only shows when names are made: collisions, a missing image."""
    try:
        return compile_fleet(fleet).diagnostics
    except InputError:
        return ()


def _by_the_base(repository: GitRepository, fleet: Fleet, request: ValidateRequest) -> tuple[Diagnostic, ...]:
    """What the head makes of the laws, and who changed what is not theirs by those of the base."""
    if not request.base:
        return ()
    base = Base(repository.resolve(request.base), request.author)
    there = load(repository, base.commit, shards=())
    head = repository.resolve(request.revision or "HEAD")
    found = tuple(d for one in trespasses_of(repository, there, base, head) for d in one.diagnostics)
    return (*changed_laws(there.fleet, fleet.fleet, base.commit), *found)


def _write(repository: GitRepository, texts: Mapping[str, str]) -> None:
    if repository.folder is None:
        raise InputError("--fix needs a working tree; this repository is bare", "fix it in a clone and push")
    for path, text in texts.items():
        (repository.folder / PurePosixPath(path)).write_text(text, encoding="utf-8")


def _under(file: str, paths: tuple[str, ...]) -> bool:
    return any(file == path or Path(file).is_relative_to(path) for path in paths)
