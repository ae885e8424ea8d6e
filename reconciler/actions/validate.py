"""`aipress validate`: offline. Everything wrong at once, with positions; `--fix` mends what needs no thought."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.desired.compile import compile_fleet
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InputError, UsageError
from reconciler.model.fleet import Fleet
from reconciler.source.fix import fixes
from reconciler.source.git import GitRepository
from reconciler.source.load import load_files
from reconciler.source.tree import CommitFiles, Files, StagedFiles, WorkingFiles


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """`paths` under the fleet root narrow what is reported (never what is checked). One of `staged`, `revision`."""

    paths: tuple[str, ...] = ()
    staged: bool = False
    revision: str = ""
    fix: bool = False


@dataclass(frozen=True, slots=True)
class Validated:
    """`files` counts the fleet files that were asked about; `fixed` are the paths that were mended."""

    diagnostics: tuple[Diagnostic, ...]
    files: int
    fixed: tuple[str, ...] = ()
    commit: str = ""

    @property
    def ok(self) -> bool:
        return all(d.severity != "error" for d in self.diagnostics)


def validate(repository: GitRepository, request: ValidateRequest) -> Validated:
    """Raises InputError for a revision that is not there, UsageError for a path that names nothing."""
    files = _files(repository, request)
    _require(repository, files, request.paths)
    fleet = load_files(files)
    fixed: Mapping[str, str] = fixes(fleet, files) if request.fix else {}
    if fixed:
        _write(repository, fixed)
        fleet = load_files(files)
    found = (*fleet.diagnostics, *_compiled(fleet))
    chosen = tuple(d for d in found if not request.paths or _under(d.file, request.paths))
    read = [file.path for file in files.files() if not request.paths or _under(file.path, request.paths)]
    return Validated(chosen, len(read), tuple(sorted(fixed)), files.commit)


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


def _write(repository: GitRepository, texts: Mapping[str, str]) -> None:
    if repository.folder is None:
        raise InputError("--fix needs a working tree; this repository is bare", "fix it in a clone and push")
    for path, text in texts.items():
        (repository.folder / PurePosixPath(path)).write_text(text, encoding="utf-8")


def _under(file: str, paths: tuple[str, ...]) -> bool:
    return any(file == path or Path(file).is_relative_to(path) for path in paths)
