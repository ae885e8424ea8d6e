"""What the audit log holds, how its records are chained, and how a log that was cut or edited is told.

A record is one line of JSON (ASCII: hostile text stands escaped in it). It names the sha256 of the line before it, so a
line that was changed, removed or put in breaks the chain at that place; and every version of the history names the
newest record of its day (an Anchor), so a log that was rewritten or cut from its end on does not fit the history.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model.shape import NUMBER, OBJECT, TEXT, shaped

FORMAT = "aipress.audit/1"
OPENED, TORN = "log.opened", "log.torn"
MOST_TEXT, MOST_NAMED = 1_000, 50
"""Characters of one text, and rows of one list, that a record holds: a line stays below 64 KiB."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was decided, or written to the cloud. `what`: a dotted name ("write.begun", "hold.set");
    `target` and `resource` as they print; `detail`: texts, numbers and lists of texts by name, never a body, never a
    secret."""

    what: str
    actor: str = ""
    trigger: str = ""
    commit: str = ""
    plan: str = ""
    shard: str = ""
    target: str = ""
    resource: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Anchor:
    """One record of one log: its number (from 1) and the digest of its line."""

    log: str
    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.log}/{self.number}/{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Raises ValueError for what is none."""
        log, number, value = text.split("/")
        return cls(log, int(number), value)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record as it is read back."""

    number: int
    at: datetime
    log: str
    before: str
    note: Note

    def to_json(self) -> dict[str, Any]:
        return _row(self.note, self.number, self.at, Anchor(self.log, self.number - 1, self.before))


def line_of(note: Note, at: datetime, before: Anchor) -> bytes:
    """The line of the record that follows `before` (number 0 and digest "" : the first one), without a line feed."""
    row = _row(note, before.number + 1, at, before)
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest_of(line: bytes) -> str:
    return "sha256:" + hashlib.sha256(line).hexdigest()


def recorded(line: bytes) -> Recorded:
    """Raises ValueError for what is no record."""
    try:
        row = shaped(json.loads(line), _SHAPE)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    note = Note(**{name: row[name] for name in _TEXTS}, detail=row["detail"])
    at = datetime.fromisoformat(row["at"])
    if at.tzinfo is None or not isinstance(row["n"], int):
        raise ValueError("a record has a number and a time with a zone")
    return Recorded(row["n"], at, row["log"], row["prev"], note)


def _row(note: Note, number: int, at: datetime, before: Anchor) -> dict[str, Any]:
    texts = {name: _cut(getattr(note, name)) for name in _TEXTS}
    detail = {str(name)[:100]: _bounded(value) for name, value in note.detail.items()}
    return {"n": number, "at": at.isoformat(), "log": before.log, "prev": before.digest, **texts, "detail": detail}


def _bounded(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str):
        return _cut(value)
    more = [f"and {len(value) - MOST_NAMED} more"] if len(value) > MOST_NAMED else []
    return [_cut(str(one)) for one in list(value)[:MOST_NAMED]] + more


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


_TEXTS = ("what", "actor", "trigger", "commit", "plan", "shard", "target", "resource")
_SHAPE = {"n": NUMBER, "at": TEXT, "log": TEXT, "prev": TEXT, "detail": OBJECT, **dict.fromkeys(_TEXTS, TEXT)}


# --- whether a log is whole -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it lies in a file: `where` is "FILE:NUMBER"; `whole`: it ends in a line feed."""

    where: str
    content: bytes
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Broken:
    """`where`: the file and line, or the version, that tells it; `what`: in words."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """`head`: the newest record (None: an empty log); `torn`: lines that a killed process left half written, each told
    by the record behind it; `elsewhere`: log -> the newest anchor of a log that is not this one (another host's)."""

    records: int
    head: Anchor | None
    anchors: int
    torn: int
    elsewhere: Mapping[str, str]
    broken: tuple[Broken, ...]


def check(log: str, lines: Iterable[Line], anchors: Sequence[tuple[str, Anchor]]) -> Checked:
    """Whether the lines are the log called `log`, whole and unchanged, as far as the anchors ("version label", anchor)
    can tell."""
    wanted = {anchor.number for _, anchor in anchors if anchor.log == log}
    reading = _Reading(log, wanted)
    for line in lines:
        reading.take(line)
    mine = [(label, anchor) for label, anchor in anchors if anchor.log == log]
    reading.broken += _unanchored(reading, mine)
    elsewhere = {anchor.log: f"{label}, record {anchor.number}" for label, anchor in anchors if anchor.log != log}
    head = reading.last if reading.last.number else None
    return Checked(reading.records, head, len(mine), reading.torn, elsewhere, tuple(reading.broken))


@dataclass
class _Reading:
    """Where a reader of a log is. `last`: the record before; `left`: the digest of a half line behind it."""

    log: str
    wanted: set[int]
    last: Anchor = Anchor("", 0, "")
    left: str = ""
    left_at: str = ""
    seen: dict[int, str] = field(default_factory=dict)
    records: int = 0
    torn: int = 0
    broken: list[Broken] = field(default_factory=list)

    def take(self, line: Line) -> None:
        try:
            found = recorded(line.content)
        except ValueError as error:
            self.left, self.left_at = digest_of(line.content), f"{line.where}: {error}"
            self.torn += 1
            return
        self.records += 1
        self.broken += [Broken(line.where, why) for why in self._wrong(found)]
        self.left = ""
        self.last = Anchor(found.log, found.number, digest_of(line.content))
        if found.number in self.wanted:
            self.seen.setdefault(found.number, self.last.digest)

    def _wrong(self, found: Recorded) -> Iterator[str]:
        before = self.last
        if found.log != self.log:
            yield f"record {found.number} is of another log ({found.log[:12]})"
        if not before.number and (found.number, found.before) != (1, ""):
            yield f"the log begins with record {found.number}: what was before it is not here"
        if before.number and found.number != before.number + 1:
            yield f"record {found.number} stands behind record {before.number}"
        if self.left and (found.note.what, found.before) != (TORN, self.left):
            yield f"the line before record {found.number} is no record ({self.left_at}), and nothing says why"
        elif not self.left and before.number and found.before != before.digest:
            yield (
                f"record {found.number} does not follow from record {before.number}: one of the two was changed, or "
                "records between them were taken out"
            )


def _unanchored(reading: _Reading, anchors: Sequence[tuple[str, Anchor]]) -> Iterator[Broken]:
    for label, anchor in anchors:
        found = reading.seen.get(anchor.number)
        if anchor.number > reading.last.number:
            end = f"ends at record {reading.last.number}" if reading.last.number else "is not here"
            yield Broken(label, f"it names record {anchor.number}, and the log {end}: its end was cut off")
        elif found is None:
            yield Broken(label, f"it names record {anchor.number}, which is not in the log any more")
        elif found != anchor.digest:
            yield Broken(label, f"it names another record {anchor.number} than stands in the log: it was rewritten")


class Unrecorded:
    """ports.Audit: nothing is kept (tests of other things, and what never writes)."""

    def note(self, note: Note, *, sync: bool = True) -> None:
        """Nobody keeps it."""

    def anchor(self) -> Anchor | None:
        return None

    def news(self, key: str) -> bool:  # noqa: ARG002
        return True

    def lines(self) -> Iterator[Line]:
        return iter(())


UNRECORDED = Unrecorded()
