"""Everything outside, as Protocols, on one page. A test double of any of them is one class."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reconciler.model.audit import Anchor, Line, Note
from reconciler.model.authorship import Author, Committed
from reconciler.model.canonical import Body
from reconciler.model.effect import Row
from reconciler.model.errors import Failure
from reconciler.model.fence import Grant, Store
from reconciler.model.hold import Hold, Poison
from reconciler.model.ids import Address
from reconciler.model.observing import CloudCall, Operated
from reconciler.model.order import Order
from reconciler.model.outcome import Event, Outcome
from reconciler.model.plan import Action, Change
from reconciler.model.resource import Absent, Found, Observation, Unknown
from reconciler.model.version import Version
from reconciler.model.visit import Visit
from reconciler.model.wave import Waves


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


@dataclass(frozen=True, slots=True)
class Authored:
    """One commit: who wrote it, as git is told, and its parents."""

    author: Author
    parents: tuple[str, ...]


class Repository(Protocol):
    """A fleet repository, read as git objects. Errors are InputError with what to do."""

    def resolve(self, revision: str) -> str:
        """Full commit id of a branch, tag, HEAD, or abbreviated id."""

    def files(self, commit: str) -> Sequence[TreeFile]:
        """Every entry below the fleet root that a fleet file could be (fleet.yaml, tiers/, shards/), any mode."""

    def is_behind(self, older: str, newer: str) -> bool:
        """Whether a commit is `newer` or an ancestor of it; False for one that is not there (any more)."""

    def written_by(self, commit: str, path: str, lines: Sequence[int]) -> Mapping[int, Author]:
        """Who wrote these lines of a file, as they stand at a commit; nothing where git does not tell."""

    def told(self, commit: str) -> Committed:
        """Raises InputError for what is no commit."""

    def since(self, base: str, head: str) -> Sequence[Authored]:
        """The commits that `head` has and `base` has not, newest first."""

    def fork_point(self, base: str, head: str) -> str:
        """Their newest common ancestor."""

    def blob(self, commit: str, path: str) -> str:
        """The blob of one file below the fleet root; "" when the commit has no plain file there."""

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
    """Append-only versions per shard ("" for the fleet's own objects); the holds and waves everyone must see."""

    def still(self) -> AbstractContextManager[None]:
        """What is read until the block ends is of one moment, which costs one look elsewhere. Writing is no part of it:
        it compares with what stands there then."""

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
        """Lift every hold on exactly this target; the holds that were lifted."""

    def drop_holds(self, holds: Sequence[Hold], actor: str, why: str) -> Sequence[Hold]:
        """Take exactly these off; those that were still there as they are."""

    def poisons(self) -> Sequence[Poison]:
        """States that rollbacks left behind."""

    def set_poisons(self, poisons: Sequence[Poison]) -> None:
        """Set or replace these marks, all or none."""

    def drop_poisons(self, poisons: Sequence[Poison], actor: str, why: str) -> Sequence[Poison]: ...

    def waves(self) -> Sequence[Waves]:
        """Those that stand, and some that are over; oldest first."""

    def move_waves(self, moved: Sequence[Waves]) -> None:
        """Compare-and-swap, all or none: each is new, or has the stored log and moves behind it. Raises RefusedError
        when somebody else's move came first."""


# --- the sites ------------------------------------------------------------------------------------------------------


class Visitor(Protocol):
    """Asks sites' public URLs as anybody could."""

    def visit(self, urls: Sequence[str], seconds: float) -> Sequence[Visit]:
        """What each answers, in their order; `seconds`: for one answer. Never raises for what a site does."""


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

    def open_intents(self) -> Sequence[Intent]:
        """For who writes, under the lease."""

    def seen(self) -> Sequence[Intent]:
        """The same for who only looks, beside another process that writes."""


class Ledger(Protocol):
    """What this host did, row by row, kept a week and more: limits are counted from it after a restart too."""

    def append(self, row: Row, *, sync: bool) -> None:
        """Returns when a killed process leaves the row behind (`sync`: a power cut too). Raises AipressError when it
        cannot be written: do not act then."""

    def rows(self, since: datetime) -> Sequence[Row]:
        """Oldest first."""


class Audit(Protocol):
    """What was decided and written here, for ever; each record names the one before it. Asked from any thread."""

    def note(self, note: Note, *, sync: bool = True) -> None:
        """Returns when a killed process leaves the record behind (`sync`: a power cut too). Raises AipressError when it
        cannot be written: do not act then."""

    def anchor(self) -> Anchor | None:
        """The newest record, once all are on disk; None where nothing was recorded yet."""

    def news(self, key: str) -> bool:
        """Whether this process was not asked about this key lately: what a daemon meets again at every look is told
        once."""

    def lines(self) -> Iterator[Line]:
        """Oldest first, as they lie there. Raises AipressError when they cannot be read."""


class StopSwitch(Protocol):
    def stopped(self) -> str:
        """ "" to go on, else the reason to stop; asked before each effect. Unreadable means stop."""


@dataclass(frozen=True, slots=True)
class Later:
    """A gate's word: not now; look again after so many seconds (a velocity limit)."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class No:
    """A gate's word: not this change; the others go on (a cap, a quarantine, an open breaker)."""

    why: str


@dataclass(frozen=True, slots=True)
class Halt:
    """A gate's word: nothing any more (the stop switch, a lease that is lost)."""

    why: str


class Gate(Protocol):
    """Asked right before each write to the cloud, from any thread."""

    def stopped(self) -> str:
        """Why nothing at all may start now; "" when it may."""

    def ask(self, change: Change, call: Call) -> Later | No | Halt | None:
        """What stands against this write now; None: nothing does."""


class LeaseBook(Protocol):
    """What leases need of the history. Errors are AipressError (unreachable, forbidden, corrupt)."""

    def lease(self, shard: str) -> Grant | None:
        """As it stands; None: nobody ever held it."""

    def swap_lease(self, before: Grant | None, after: Grant) -> bool:
        """Compare-and-swap: False when something else than `before` stands there by now."""

    def newest(self, shard: str) -> str | None:
        """The id of its newest version."""

    def store(self) -> Store | None:
        """Whose daemon owns the fleet; None: nobody's."""

    def swap_store(self, before: Store | None, after: Store) -> bool:
        """Compare-and-swap, as with leases."""


class Fence(Protocol):
    """Which shards this process may write to, and under which generation. Asked from any thread."""

    def walking(self, parents: Mapping[str, str | None]) -> AbstractContextManager[None]:
        """One apply: `parents` are its plan's. Leases that are still held are let run out at the end."""

    def enter(self, shard: str) -> int | No | Halt:
        """The generation (0: there are no leases here), from before the first look until `leave`; or why not."""

    def keep(self, shard: str) -> No | Halt | None:
        """Right before a write or a publish: why it must not happen; None when the lease outlives it."""

    def tend(self, shard: str) -> None:
        """Something is under way there; never raises."""

    def leave(self, shard: str) -> None:
        """It is settled, with nothing under way; never raises."""


class Tenure(Protocol):
    """Which engine store's daemon owns the fleet."""

    def claim(self, *, take_over: bool) -> None:
        """From now on it is ours. Raises RefusedError while another one's daemon is there, unless told to take over."""

    def stopped(self) -> str:
        """Why this daemon must stop ("" : go on, or nothing was claimed). Tells the others that it is still there."""

    def leave(self) -> None:
        """Ours ends: the next one need not wait. Never raises."""


class Limits(Protocol):
    """Counts what is done, and says when it is too much. Asked after every Gate, from any thread."""

    def opened(self, order: Order) -> None:
        """This order is walked now: its bounds hold for the shards it looked at."""

    def stopped(self) -> str:
        """Why nothing at all may start now; "" when it may."""

    def ask(self, change: Change, call: Call) -> Later | No | Halt | None:
        """What stands against this write; None: nothing does, and it is counted as made."""

    def heard(self, change: Change, call: Call, answer: Answer) -> None:
        """What the cloud said to a write, or to a question after one."""

    def over(self, change: Change) -> None:
        """A change is at its end, however it ended."""

    def settled(self, order: Order, outcome: Outcome) -> Sequence[Hold]:
        """The tenants of a settled shard that fail so often at this commit that they are to be held."""


Progress = Callable[[Event], None]
Settled = Callable[[Order, str, Outcome], None]
"""Called once per shard of an order when its last change is settled: the place where a version is published."""

Current = Callable[[Order], bool]
"""Whether an order's plan may still be walked: its parents are the newest versions, but for those it made itself."""


class Engine(Protocol):
    def apply(self, order: Order, progress: Progress, settled: Settled) -> Outcome:
        """Walk an order's plan; items in its `skip` are not run, nor what depends on them."""

    def resume(self, current: Current, progress: Progress, settled: Settled) -> Sequence[tuple[Order, Outcome]]:
        """Go on with what killed processes left half done, while its plan is current, and drop the rest; nothing where
        the engine keeps no journal of steps. A shard may be handed over that was handed over before the process died.
        """

    def begun(self) -> Mapping[Address, Body]:
        """What earlier runs on this host sent, and nobody knows what came of it: a hint, like the journal's."""

    def abandoned(self) -> bool:
        """Whether another process died and left an apply that `resume` would see to now. Cheap; False where it cannot
        be told."""


class Observer(Protocol):
    """Hears what a cycle does while it does it, from any thread. Nothing of it raises, waits or decides."""

    def phase(self, name: str) -> AbstractContextManager[None]:
        """Around a part of a cycle: "look", "plan", "apply"."""

    def working(self, change: Change) -> AbstractContextManager[None]:
        """Around a step of a change: what this thread calls meanwhile is called for it."""

    def called(self, call: CloudCall) -> None: ...

    def waited(self, api: str, seconds: float) -> None:
        """A call was put off so that it stays within our share of an API's quota."""

    def operated(self, operation: Operated) -> None: ...


class Lease(Protocol):
    def hold(self, name: str) -> AbstractContextManager[None]:
        """Exclusive until the block ends or the process dies. Raises RefusedError when another holds it."""


__all__ = [
    "Answer", "Audit", "Call", "Change", "Clock", "Cloud", "Current", "Done", "Engine", "Failed", "Fence", "Gate",
    "Grant", "Halt", "History", "Intent", "Journal", "Later", "Lease", "LeaseBook", "Ledger", "Limits", "Listing", "No",
    "Observer", "Pending", "Progress", "Repository", "Seen", "Settled", "StopSwitch", "Tenure", "TreeFile",
    "Visitor",
]  # fmt: skip
