"""`aipress audit`: what was decided and written, by whom, from which commit; and whether the log of it is whole.
Offline: the audit log of this state folder and the history are all that is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.actions.holds import UNITS, until_from
from reconciler.model.audit import Anchor, Broken, Checked, Recorded, check, recorded
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.ports import Audit, Clock, History, Repository
from reconciler.model.version import shard_label
from reconciler.source.scope import placed


@dataclass(frozen=True, slots=True)
class Records:
    """What can be read without a cloud. `log`: the id of this state folder's audit log."""

    repository: Repository
    history: History
    audit: Audit
    clock: Clock
    log: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: from `since` on, before `until` (None: no bound), about `target` (None: all)."""

    since: datetime | None = None
    until: datetime | None = None
    target: Target | None = None
    shard: str = ""
    """Of the target, where it is a tenant: what was done to its whole shard counts."""


def read(records: Records, wanted: Wanted) -> Iterator[Recorded]:
    """Oldest first. What is no record is passed over: `verify` tells it."""
    for line in records.audit.lines():
        try:
            found = recorded(line.content)
        except ValueError:
            continue  # half a line, or a foreign one: `verify` says which
        if (wanted.since and found.at < wanted.since) or (wanted.until and found.at >= wanted.until):
            continue
        if wanted.target is None or concerns(found, wanted.target, wanted.shard):
            yield found


def concerns(found: Recorded, target: Target, shard: str = "") -> bool:
    """Whether a record is about a target: its own, one of its resources', or about what holds it."""
    note = found.note
    if target.kind is TargetKind.FLEET:
        return True
    if target.kind is TargetKind.SHARD:
        return note.shard == target.name or note.target in ("fleet", str(target))
    about = [text for text in (note.resource, *_listed(note.detail.get("resources"))) if "/" in text]
    if any(_is_of(text, target) for text in about):
        return True
    names = {note.target, *_listed(note.detail.get("targets"))}
    whole = {str(target), str(target.whole)} if not target.environment else {str(target)}
    return bool(names & whole) or (bool(shard) and shard_label(shard) in names)


def _listed(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else ()


def _is_of(text: str, target: Target) -> bool:
    try:
        return Address.parse(text).belongs_to(target)
    except ValueError:
        return False


def shard_at(records: Records, target: Target) -> str:
    """The shard that holds a target at HEAD; "" for the fleet, and for a tenant that is nowhere."""
    if target.kind is TargetKind.TENANT:
        return placed(records.repository, records.repository.resolve("HEAD")).get(target.name, "")
    return target.name if target.kind is TargetKind.SHARD else ""


def back_to(text: str, now: datetime) -> datetime:
    """ "2h", "3d" ago, or a time such as 2026-12-01T08:00Z. Raises UsageError."""
    ahead = until_from(text, now)
    return now - (ahead - now) if text[:-1].isdigit() and text[-1:] in UNITS else ahead


def verify(records: Records) -> Checked:
    """Against itself, and against what the versions of the history say of it. Raises CorruptError for a history that
    does not hold together, AipressError for a log that cannot be read."""
    anchors: list[tuple[str, Anchor]] = []
    wrong: list[Broken] = []
    with records.history.still():
        for shard in records.history.heads():
            for version in records.history.versions(shard):
                try:
                    if version.audit:
                        anchors.append((version.label, Anchor.parse(version.audit)))
                except ValueError:
                    wrong.append(Broken(version.label, f"it names no record: {version.audit[:80]}"))
    anchors.sort(key=lambda row: row[1].number)
    found = check(records.log, records.audit.lines(), anchors)
    broken = (*wrong, *found.broken)
    return Checked(found.records, found.head, found.anchors, found.torn, found.elsewhere, broken)
