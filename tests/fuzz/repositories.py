"""Hostile git repositories, made in a folder and then read as the reconciler reads them."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pygit2

from reconciler.history.store import GitHistory
from reconciler.model.errors import AipressError
from reconciler.model.ids import Target
from reconciler.source.git import GitRepository
from reconciler.source.load import affected, load
from reconciler.source.scope import placed
from tests.fuzz import seeds_git, seeds_history
from tests.fuzz.targets import bounded, said
from tests.fuzz.worlds import NOW, VALID, StillClock


def fleet_repository(folder: Path) -> pygit2.Repository:
    """A bare repository with the valid fleet on main."""
    repository = pygit2.init_repository(str(folder), bare=True, initial_head="main")
    index = pygit2.Index()
    for path, text in VALID.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(text.encode()), pygit2.enums.FileMode.BLOB))
    who = seeds_git.WHO
    repository.create_commit("refs/heads/main", who, who, "valid", index.write_tree(repository), [])
    return repository


def hostile_fleet(folder: Path, name: str) -> str:
    """The seed of that name in a folder; returns the commit to read. Needs `folder` to be new."""
    return seeds_git.SEEDS[name](fleet_repository(folder))


def read_fleet(folder: Path, commit: str) -> bool:
    """All that source does with a commit. Returns whether it was read; it may be refused in words, and only so."""
    try:
        repository = GitRepository(folder)
        head = repository.resolve(commit)
        main = repository.resolve("main")
        fleet = load(repository, head)
    except AipressError as error:
        bounded(str(error))
        bounded(error.hint)
        return False
    for diagnostic in fleet.diagnostics:
        said(diagnostic)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: repository.changed(main, head), lambda: repository.changed(head, main), repository.edited,
        lambda: affected(repository, main, head), lambda: placed(repository, head), repository.staged,
        lambda: GitRepository.discover(folder), lambda: repository.person, lambda: repository.executable_bits,
    )  # fmt: skip
    for attempt in attempts:
        with suppress(AipressError):
            attempt()
    return True


def hostile_history(folder: Path, name: str) -> None:
    """A history with two good versions of two shards and a hold, and then the damage of that name."""
    seeds_history.made(folder)
    seeds_history.SEEDS[name](folder)


def read_history(folder: Path) -> None:
    """All that is ever read from a history, and what is written. Refused in words, and only so."""
    history = GitHistory(folder, StillClock())

    def _told() -> None:
        for hold in history.holds():
            hold.told(NOW), hold.covers(Target.parse("tenant/acme-bakery"), "eu-001"), hold.told_of(NOW)
        for poison in history.poisons():
            poison.told(), poison.active(NOW), poison.units({"u": "sha256:1"})

    attempts: list[Callable[[], object]] = [history.heads, history.holds, history.poisons, _told]
    for shard in ("", "eu-001", "us-001", "nobody"):
        attempts += [
            lambda shard=shard: history.head(shard), lambda shard=shard: history.versions(shard),  # type: ignore[misc]
            lambda shard=shard: history.versions(shard, 1), lambda shard=shard: history.version(f"{shard}/1"),  # type: ignore[misc]
        ]  # fmt: skip
    for reference in seeds_history.REFERENCES:
        attempts.append(lambda reference=reference: history.version(reference))  # type: ignore[misc]
    attempts += [
        lambda: history.set_poisons([seeds_history.POISON]),
        lambda: history.set_hold(seeds_history.HOLD),
        lambda: history.clear_hold("fleet", "jo"),
        lambda: history.publish(seeds_history.version("us-001", 3, None)),
    ]
    for attempt in attempts:
        try:
            attempt()
        except AipressError as error:
            bounded(str(error))
            bounded(error.hint)
