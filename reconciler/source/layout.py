"""A fleet repository laid out on the disk: files, schemas for editors, settings, `git init` and one commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from reconciler.model.errors import InputError, RefusedError
from reconciler.source import schema
from reconciler.source.git_commit import Committer

SETTINGS = 'cloud = "local"\n'
IGNORED = ".aipress/\n*.plan.json\n"


@dataclass(frozen=True, slots=True)
class FirstCommit:
    """`at` is epoch seconds: a fleet generated twice is the same commit."""

    message: str
    author: str = "aipress <aipress@localhost.invalid>"
    at: int = 1_767_225_600  # 2026-01-01T00:00:00Z


def lay_out(directory: Path, files: Mapping[str, str], first: FirstCommit) -> str:
    """Make a git repository of fleet files with one commit, beside them schemas/, aipress.toml (`cloud = "local"`) and
    .gitignore. Returns the commit id. Raises RefusedError when the folder holds anything already."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise RefusedError(f"{directory} is not empty; nothing was written", "name a new or an empty folder")
    everything = {**files, "aipress.toml": SETTINGS, ".gitignore": IGNORED}
    everything |= {f"schemas/{name}": text for name, text in schema.files().items()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in everything.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        repository = pygit2.init_repository(str(directory), initial_head="main")
    except (OSError, pygit2.GitError) as error:
        raise InputError(
            f"{directory} cannot be written ({error})", "check the folder's rights and the disk"
        ) from error
    return Committer(repository).first(everything, first.message, first.author, first.at)


def export_schemas(directory: Path) -> tuple[Path, ...]:
    """Write the JSON Schemas there. Raises InputError when that cannot be done."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        written = []
        for name, text in schema.files().items():
            (directory / name).write_text(text, encoding="utf-8")
            written.append(directory / name)
    except OSError as error:
        raise InputError(f"{directory} cannot be written ({error.strerror})", "choose another folder") from error
    return tuple(written)


def sample() -> Mapping[str, str]:
    """The small fleet that comes with the package (fleet/ beside it, or bundled in it), ready to be laid out.

    Raises InputError when the package came without it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "bundled" / "fleet", package.parent / "fleet"):
        if (folder / "fleet.yaml").is_file():
            return {
                file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8").replace(
                    "$schema=../", "$schema=", 1
                )
                for file in sorted(folder.rglob("*.yaml"))
            }
    raise InputError("this installation has no sample fleet", "use `aipress fleet init` or `aipress fleet generate`")
