"""Everything outside, as Protocols, on one page. A test double of any of them is one class."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reconciler.model.canonical import Body
from reconciler.model.errors import Failure
from reconciler.model.ids import Address
from reconciler.model.outcome import Event, Outcome
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.resource import Absent, Found, Observation, Unknown
from reconciler.model.version import Hold, Version


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""

    def sleep(self, seconds: float) -> None: ...


# --- the cloud ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A list of one kind under one parent: full cloud name -> object. Complete, or it would not be a Seen."""

    objects: Mapping[str, Found]
    read_at: datetime


Listing = Seen | Absent | Unknown
"""Absent: the parent itself is not there. Unknown: no answer that can be trusted (never "nothing there")."""


@dataclass(frozen=True, slots=True)
class Call:
    """One write. `body` has no Ref left in it. `mask` are the exact changed body paths, dotted, lists whole.

    `live` is the object as just re-read (None when absent): adapters take etags and full objects from it.
    `request_id` is stable for this change, for APIs that de-duplicate.
    """

    action: Action
    kind: str
    name: str
    parent: str
    body: Body
    mask: tuple[str, ...] = ()
    live: Found | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The write is complete; `found` the object now (None after a delete)."""

    found: Found | None


@dataclass(frozen=True, slots=True)
class Pending:
    """The write goes on in the cloud; `operation` is its handle for Cloud.poll."""

    operation: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    failure: Failure


Answer = Done | Pending | Failed


class Cloud(Protocol):
    """Google Cloud, or the local cloud behind the same clients. No method raises for an answer of the cloud."""

    @property
    def identity(self) -> str:
        """What a plan records and an apply compares: "local:http://127.0.0.1:8085" or "gcp:ORGANIZATION"."""

    def list(self, kind: str, parent: str, names: Sequence[str] = ()) -> Listing:
        """All objects of a kind under a parent. `names`: full names that matter; kinds that have no list API
        (IAM policies, newest secret versions) read exactly these."""

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        """One object, by the kind's second method. `body` is the desired body, for kinds whose name the cloud gives."""

    def begin(self, call: Call) -> Answer: ...

    def poll(self, kind: str, operation: str, call: Call) -> Answer: ...


# --- git ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TreeFile:
    """`mode` is git's (0o100644 …); `path` relative to the fleet root."""

    path: str
    blob: str
    mode: int


class Repository(Protocol):
    """A fleet repository, read as git objects. Errors are InputError with what to do."""

    def resolve(self, revision: str) -> str:
        """Full commit id of a branch, tag, HEAD, or abbreviated id."""

    def files(self, commit: str) -> Sequence[TreeFile]:
        """Every entry below the fleet root that a fleet file could be (fleet.yaml, tiers/, shards/), any mode."""

    def changed(self, base: str, head: str) -> Sequence[str]:
        """Paths below the fleet root that differ, from the tree difference (not the history)."""

    def read(self, blob: str, limit: int) -> bytes:
        """At most limit + 1 bytes of a blob."""

    def edited(self) -> Sequence[str]:
        """Fleet files edited in the working tree and not committed (empty for a bare repository)."""

    def commit(self, files: Mapping[str, str], message: str, author: str) -> str:
        """Commit these texts on top of the branch (working tree too where there is one). Returns the commit id.
        Raises RefusedError when the branch moved or a touched file has uncommitted edits."""


# --- history and holds ----------------------------------------------------------------------------------------------


class History(Protocol):
    """Append-only versions per shard ("" for the fleet's own objects), and the holds everyone must see."""

    def head(self, shard: str) -> Version | None: ...

    def heads(self) -> Mapping[str, str]:
        """shard -> version id, for every shard that has one."""

    def versions(self, shard: str, limit: int = 0) -> Sequence[Version]:
        """Newest first, without their resources and documents unless read by `version`."""

    def version(self, reference: str) -> Version:
        """By "<shard>/<number>" or (abbreviated) id, whole. Raises InputError when there is none."""

    def publish(self, version: Version) -> Version:
        """Compare-and-swap on the shard's ref. Raises RefusedError when `version.parent` is not the head."""

    def holds(self) -> Sequence[Hold]: ...

    def set_hold(self, hold: Hold) -> None: ...

    def clear_hold(self, target: str, actor: str) -> Sequence[Hold]:
        """The holds that were lifted."""


# --- applying -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done, written before it is done."""

    id: str
    plan: str
    change: Mapping[str, Any]
    at: datetime


class Journal(Protocol):
    """Write-ahead intents of this host; never the truth, only a hint for what an interrupted apply began."""

    def record(self, intent: Intent) -> None: ...

    def close(self, intent_id: str) -> None: ...

    def open_intents(self) -> Sequence[Intent]: ...


class StopSwitch(Protocol):
    def stopped(self) -> str:
        """ "" to go on, else the reason to stop; asked before each effect. Unreadable means stop."""


Progress = Callable[[Event], None]
Settled = Callable[[str, Outcome], None]
"""Called once per shard when its last change is settled: the place where a version is published."""


class Engine(Protocol):
    def apply(self, plan: Plan, skip: Mapping[Address, str], progress: Progress, settled: Settled) -> Outcome:
        """Walk a plan's changes; those in `skip` (address -> why) are not run, nor what depends on them."""


class Lease(Protocol):
    def hold(self, name: str) -> AbstractContextManager[None]:
        """Exclusive until the block ends or the process dies. Raises RefusedError when another holds it."""


__all__ = [
    "Answer", "Call", "Change", "Clock", "Cloud", "Done", "Engine", "Failed", "History", "Intent", "Journal", "Lease",
    "Listing", "Pending", "Progress", "Repository", "Seen", "Settled", "StopSwitch", "TreeFile",
]  # fmt: skip
