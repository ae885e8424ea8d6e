"""Raw git objects from bytes: whatever stands in them, a fleet or a history that holds them is read or refused."""

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pygit2

from reconciler.history.layout import HEADING, OUTCOME, brief, files, whole
from tests.fuzz import seeds_git, seeds_history
from tests.fuzz.repositories import fleet_repository, read_fleet
from tests.fuzz.worlds import ACME

KINDS = (b"blob", b"tree", b"commit", b"tag")
_BASE: list[tempfile.TemporaryDirectory[str]] = []


def git_object(content: bytes) -> None:
    """The first byte chooses the kind and the place of an object made of the rest."""
    if not content:
        return
    kind, where = KINDS[content[0] % 4], content[0] // 4 % 3
    with _object(kind, content[1:]) as (repository, name):
        if kind in (b"commit", b"tag"):
            read_fleet(Path(repository.path), name)
            return
        mode = seeds_git.FOLDER if kind == b"tree" else seeds_git.FILE
        places = (ACME, ACME.rpartition("/")[0], "shards/us-001")
        read_fleet(Path(repository.path), seeds_git.grown(repository, {places[where]: (mode, name)}))


@contextmanager
def _object(kind: bytes, content: bytes) -> Iterator[tuple[pygit2.Repository, str]]:
    """In one repository that all inputs share; the object is taken away afterwards."""
    if not _BASE:
        _BASE.append(tempfile.TemporaryDirectory())
        fleet_repository(Path(_BASE[0].name, "r.git"))
    repository = pygit2.Repository(str(Path(_BASE[0].name, "r.git")))
    raw = kind + b" %d\0" % len(content) + content
    name = hashlib.sha1(raw).hexdigest()
    file = Path(repository.path, "objects", name[:2], name[2:])
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(raw, 1))
    try:
        yield repository, name
    finally:
        file.unlink(missing_ok=True)


def version_files(content: bytes) -> None:
    """The first byte chooses which file of a version is made of the rest."""
    good = files(seeds_history.version("eu-001", 2, "1" * 40))
    if not content:
        return
    name = sorted(good)[content[0] % len(good)]
    given: Mapping[str, bytes] = {**good, name: content[1:]}
    attempts: tuple[Callable[[], object], ...] = (
        lambda: brief("2" * 40, "1" * 40, given[HEADING], given[OUTCOME]), lambda: whole("2" * 40, "1" * 40, given),
    )  # fmt: skip
    for attempt in attempts:
        try:
            attempt()
        except ValueError:
            continue
