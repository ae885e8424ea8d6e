"""What must hold whatever went wrong (reliability.md §2.1): of the end state, and of the history of calls."""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pygit2

from reconciler.kinds.methods import METHODS, Precondition
from tests.simulation.realm import CANARY, Point, Realm
from tests.simulation.state import PAST, cloud_state, differences, history_state, names_of, payloads, plain

CONDITIONS: Mapping[str, str] = {
    method.id: method.sent_at.rpartition(".")[2] for method in METHODS if method.precondition is not Precondition.NONE
}
"""Method -> the condition that Google honours there; a write without it overwrites blindly."""
RETRIES = 20
"""Calls of one method about one object beyond those of the undisturbed run (I7)."""
_CLEAN: set[pygit2.Oid] = set()
"""Objects of git that were looked through and hold no secret: an id is its content."""
_DELETES = (".delete", ".destroy")
_MARKS = (CANARY.encode(), *(base64.b64encode(b"x" * n + CANARY.encode())[n + 1 : n + 8] for n in (0, 1, 2)))


@dataclass
class Watched:
    """What was seen while a schedule ran. `touched`: keys that somebody changed in the console."""

    stopped_at: Point | None = None
    touched: set[str] = field(default_factory=set)
    late: list[str] = field(default_factory=list)

    def after_stop(self, point: Point) -> None:
        """A call after the stop switch was thrown: only an effect that had begun before may go on."""
        assert self.stopped_at is not None
        begun = point.effect <= self.stopped_at.effect and self.stopped_at.phase not in ("before intent",)
        if not begun:
            self.late.append(f"{point.method} for {point.address} after the stop switch was thrown")


@dataclass(frozen=True)
class Golden:
    """The undisturbed run. `writes`: how often each (method, object) was changed; `keys`: what was written."""

    cloud: Mapping[str, str]
    history: Mapping[str, str]
    writes: Mapping[tuple[str, str], int]
    keys: frozenset[str]

    @classmethod
    def of(cls, realm: Realm) -> "Golden":
        names = names_of(realm.house.rows)
        history = history_state(realm.process(realm.hosts[0]).history, names, realm.place.stood)
        calls = logged(realm)
        return cls(cloud_state(realm.house.rows), history, writes(calls, names), written(calls, names))

    def unlike(self, other: "Golden") -> list[str]:
        """In what another undisturbed run ended otherwise, or came to the same by other writes."""
        return [
            *differences(self.cloud, other.cloud), *differences(self.history, other.history),
            *(f"{what} took effect {count} times, or {other.writes.get(what, 0)}"
              for what, count in self.writes.items() if other.writes.get(what, 0) != count),
            *(f"only one of them wrote {key}" for key in sorted(self.keys ^ other.keys)),
        ]  # fmt: skip

    def differences(self, realm: Realm) -> list[str]:
        names = names_of(realm.house.rows)
        found = differences(self.cloud, cloud_state(realm.house.rows))
        return found + differences(
            self.history, history_state(realm.process(realm.hosts[0]).history, names, realm.place.stood)
        )


def broken(
    realm: Realm, golden: Golden, watched: Watched, wrong: Sequence[Mapping[str, Any]], *, alike: bool
) -> list[str]:
    """Every invariant that does not hold, in words. `alike`: the end must be that of the undisturbed run."""
    names, kinds = names_of(realm.house.rows), {one["kind"] for one in wrong}
    calls = [call for call in logged(realm) if "simulation" not in str(call["caller"])]
    return [
        *(golden.differences(realm) if alike else ()),
        *watched.late,
        *_outside(calls, names, golden, watched),
        *_unconditional(calls),
        *_unapproved(calls, names, golden),
        *_too_often(calls, names, golden, exact=kinds <= {"death", "twice", "missed", "forget"}),
        *realm.outdated,
        *(f"run again although it is on record: {step}" for host in realm.hosts for step in host.kept.repeated),
        *_chain(realm),
        *_shown(realm),
    ]


# --- the history of calls ---------------------------------------------------------------------------------------------


def logged(realm: Realm) -> list[dict[str, Any]]:
    return [orjson.loads(raw) for raw in realm.house.calls.since(0)]


def _changes(calls: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Calls that changed something that lasts."""
    for call in calls:
        if call["mutating"] and any(not key.startswith(PAST) for key in call["wrote"]):
            yield call


def writes(calls: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Counter[tuple[str, str]]:
    return Counter((call["method"], plain(call["resource"], names)) for call in _changes(calls))


def written(calls: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> frozenset[str]:
    return frozenset(plain(key, names) for call in _changes(calls) for key in call["wrote"] if not key.startswith(PAST))


def _outside(
    calls: Sequence[Mapping[str, Any]], names: Mapping[str, str], golden: Golden, watched: Watched
) -> list[str]:
    extra = written(calls, names) - golden.keys - watched.touched
    return [f"written, and nothing of it was edited: {key}" for key in sorted(extra)]


def _unconditional(calls: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"unconditional: {call['method']} of {call['resource']}"
        for call in calls
        if call["status"] < 300
        and call["method"] in CONDITIONS
        and call["preconditions"].get(CONDITIONS[call["method"]]) in (None, "")
    ]


def _unapproved(calls: Sequence[Mapping[str, Any]], names: Mapping[str, str], golden: Golden) -> list[str]:
    found = []
    for call in _changes(calls):
        what = (call["method"], plain(call["resource"], names))
        if call["method"].endswith(_DELETES) and what not in golden.writes:
            found.append(f"deleted, and nobody asked for it: {call['method']} of {call['resource']}")
    return found


def _too_often(calls: Sequence[Mapping[str, Any]], names: Mapping[str, str], golden: Golden, exact: bool) -> list[str]:
    """Deaths alone never make a write happen twice; nothing makes it happen for ever."""
    found = []
    for what, count in writes(calls, names).items():
        least = golden.writes.get(what, 0)
        if count > (max(1, least) if exact and what[0] != "sql.instances.executeSql" else least + RETRIES):
            found.append(f"{what[0]} of {what[1]} took effect {count} times, {least} without a disturbance")
    return found


# --- history and secrets ----------------------------------------------------------------------------------------------


def _chain(realm: Realm) -> list[str]:
    """Every shard's versions from the newest to the first; each read whole, which verifies it."""
    history, found = realm.process(realm.hosts[0]).history, []
    for shard in history.heads():
        numbers = [version.number for version in history.versions(shard)]
        if numbers != list(range(len(numbers), 0, -1)):
            found.append(f"the history of {shard or 'fleet'} has the versions {numbers}")
    return found


def _shown(realm: Realm) -> list[str]:
    """Generated secrets in anything but the cloud's secret versions."""
    assert all(CANARY.encode() in payload for payload in payloads(realm.house.rows)), "the canary is not in the secrets"
    found = [f"a secret is in {where}" for where, text in _sinks(realm) if any(mark in text for mark in _MARKS)]
    return sorted(set(found))


def _sinks(realm: Realm) -> Iterator[tuple[str, bytes]]:
    for host in realm.hosts:
        for path in host.folder.rglob("*"):
            if path.is_file():
                yield f"the file {path.name}", path.read_bytes()
    for report in realm.reports:
        if report.error is not None:
            yield "an error", f"{report.error} {report.error.hint} {report.error.__cause__}".encode()
        if report.applied is not None:
            yield "a plan", orjson.dumps(report.applied.plan.to_json())
            for item in report.applied.outcome.items.values():
                yield "an outcome", f"{item.message} {item.live} {item.body}".encode()
    for event in realm.events:
        yield "an event", event.message.encode()
    yield "the log", "\n".join(realm.told).encode()
    path = realm.folder / "history.git"
    if path.exists():
        repository = pygit2.Repository(str(path))
        for oid in repository:
            if oid in _CLEAN:
                continue
            found = repository[oid]
            if not any(mark in found.read_raw() for mark in _MARKS):
                _CLEAN.add(oid)
            if isinstance(found, pygit2.Blob):
                yield "the history", found.data
