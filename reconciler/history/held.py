"""Holds, and states that were left behind: a ref of their own for each kind of entry, one file per entry, changed by
compare-and-swap; `git log` on it tells who held what."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from reconciler.history.shelf import DamagedError, Entry, MovedError, Shelf
from reconciler.model.canonical import digest
from reconciler.model.errors import RefusedError
from reconciler.model.hold import Hold, Poison
from reconciler.model.shape import shaped

TURNS = 50
"""Times a change is made again because somebody else's came first."""

TOLD = 40
"""Entries that a commit message names; all are in its files."""


class Written(Protocol):
    @property
    def target(self) -> str: ...
    def to_json(self) -> dict[str, Any]: ...


W = TypeVar("W", bound=Written)


@dataclass(frozen=True, slots=True)
class Sort(Generic[W]):
    """What entries of one kind are: how one is read, the file it lies in, and what a person calls it."""

    noun: str
    read: Callable[[Mapping[str, Any]], W]
    path: Callable[[W], str]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who changes a board, when (Unix seconds), and what the log says."""

    actor: str
    at: int
    message: str


class Board(Generic[W]):
    def __init__(self, shelf: Shelf, ref: str, sort: Sort[W]) -> None:
        self._shelf = shelf
        self._ref = ref
        self._sort = sort

    def all(self) -> Sequence[W]:
        """In the order of their files. Raises DamagedError or ValueError for what is none."""
        return self._at(self._shelf.head(self._ref))

    def put(self, entries: Sequence[W], stamp: Stamp) -> None:
        """Add these; what lies in the same files is replaced."""
        where = {self._sort.path(entry) for entry in entries}
        self._change(stamp, lambda there: [*(e for e in there if self._sort.path(e) not in where), *entries])

    def drop(self, gone: Callable[[W], bool], stamp: Stamp) -> Sequence[W]:
        """Take these off. Returns them; when there are none, nothing is written."""
        dropped: list[W] = []

        def edit(there: Sequence[W]) -> list[W] | None:
            dropped[:] = [e for e in there if gone(e)]
            return [e for e in there if not gone(e)] if dropped else None

        self._change(stamp, edit)
        return dropped

    def _at(self, identity: str | None) -> list[W]:
        if identity is None:
            return []
        entries = []
        for path, content in sorted(self._shelf.files(self._shelf.commit(identity)).items()):
            try:
                entries.append(self._sort.read(shaped(json.loads(content), {})))
            except (ValueError, RecursionError) as error:
                raise DamagedError(f"{path} is no {self._sort.noun}: {error!r}") from error
        return sorted(entries, key=lambda entry: (entry.target, self._sort.path(entry)))

    def _change(self, stamp: Stamp, edit: Callable[[Sequence[W]], Sequence[W] | None]) -> None:
        for _ in range(TURNS):
            head = self._shelf.head(self._ref)
            wanted = edit(self._at(head))
            if wanted is None:
                return
            files = {self._sort.path(entry): _content(entry) for entry in wanted}
            try:
                self._shelf.put(self._ref, head, Entry(files, stamp.message, stamp.actor, stamp.at))
            except MovedError:  # somebody was quicker: read again, TURNS times
                continue
            return
        raise RefusedError(
            f"the {self._sort.noun}s keep changing under us",
            f"Somebody else changes {self._sort.noun}s right now: try again.",
        )


HOLD = Sort("hold", Hold.from_json, lambda hold: f"holds/{hold.target}/{hold.kind}.json")
POISON = Sort("poison", Poison.from_json, lambda one: f"poisoned/{one.target}/{_key(one)}.json")


def hold_message(hold: Hold) -> str:
    until = f" until {hold.until.isoformat()}" if hold.until else ""
    return f"{hold.kind} {hold.target}{until}: {_one_line(hold.reason)}\n"


def poison_message(poisons: Sequence[Poison]) -> str:
    """One line for each; of a whole wave, the first of them."""
    rows = [f"poisoned {one.target}: {_one_line(one.told())}" for one in poisons[:TOLD]]
    more = [f"and {len(poisons) - TOLD} more"] if len(poisons) > TOLD else []
    return "\n".join([*rows, *more, ""])


def _key(poison: Poison) -> str:
    """The same states left again are one entry: who left them last, and until when."""
    return digest(poison.states).removeprefix("sha256:")[:16]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _content(entry: Written) -> bytes:
    return (json.dumps(entry.to_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
