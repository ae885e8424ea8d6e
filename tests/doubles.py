"""A cloud in memory behind the Cloud port, with scripted failures, for tests of the rooms above `gcp`.

cloud = FakeCloud(objects={("secret", "projects/p/secrets/s"): {"labels": {}}})
cloud.script(Script("begin", kind="run.service", failure=Failure(Next.RETRY, "reset", 503), times=2))
cloud.effects   # [("create", kind, name), ...]: what really changed, in order; "nothing made twice" reads this
"""

import copy
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from reconciler.engine.effects import Effects
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.hold import Hold
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome
from reconciler.model.plan import Action, Change
from reconciler.model.ports import (
    Answer,
    Call,
    Clock,
    Cloud,
    Done,
    Failed,
    Fence,
    Gate,
    Halt,
    Journal,
    Later,
    Listing,
    No,
    Pending,
    Seen,
)
from reconciler.model.resource import Absent, Found, Observation, Unknown
from reconciler.model.visit import Visit

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here. Not an Exception, so that nothing under test swallows it."""


@dataclass(slots=True)
class Script:
    """What happens to the next calls that match (fnmatch patterns). The first matching script with `times` left wins.

    `method`: list, get, begin or poll. `after`: let that many matching calls pass first.
    `failure`: the call fails with it; a read answers Unknown. `lost`: a write's effect happens all the same.
    `kill`: "before" or "after" the effect, raise Killed. `absent`: a read answers Absent (a stale list).
    """

    method: str
    kind: str = "*"
    name: str = "*"
    failure: Failure | None = None
    lost: bool = False
    kill: str = ""
    absent: bool = False
    times: int = 1
    after: int = 0


@dataclass(slots=True)
class Stored:
    """One object: `pending` polls until it is ready; `fails` is the failure its operation ends with."""

    body: dict[str, Any]
    uid: str
    parent: str = ""
    pending: int = 0
    fails: Failure | None = None
    orphan: bool = False
    """Whoever began its operation lost the handle: it goes on with every get instead of every poll."""
    trouble: str = ""


class FakeCloud:
    """`polls`: how many polls a write takes (0: done at once). `fill`: what the server adds to a written body.
    `clock` dates what is read (without one it is always the same moment).

    Updates are refused with REPLAN when `call.live` is not the object as it is now, as etags do.
    """

    def __init__(
        self,
        identity: str = "local:http://127.0.0.1:1",
        objects: Mapping[tuple[str, str], Body] | None = None,
        polls: int = 0,
        fill: Callable[[str, str, dict[str, Any]], dict[str, Any]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._identity = identity
        self.polls = polls
        self.fill = fill
        self._clock = clock
        self.stored: dict[tuple[str, str], Stored] = {}
        self.calls: list[tuple[str, str, str]] = []
        """(method, kind, name or parent); for begin the method is "begin:ACTION"."""
        self.effects: list[tuple[str, str, str]] = []
        """(action, kind, name) of every write that changed something."""
        self.requests: list[Call] = []
        """Every Call given to begin, whole."""
        self._scripts: list[Script] = []
        self._deletes: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self.whole_process = False
        """Once a script kills, no other thread of that process writes any more, until `reborn`."""
        self._dead = False
        for (kind, name), body in (objects or {}).items():
            self.put(kind, name, body)

    # --- for the test -----------------------------------------------------------------------------------------------

    def put(self, kind: str, name: str, body: Body, parent: str = "", uid: str = "") -> None:
        """Lay an object there (or change it behind our back: its uid stays)."""
        with self._lock:
            old = self.stored.get((kind, name))
            uid = uid or (old.uid if old else f"uid-{next(self._numbers)}")
            parent = parent or (old.parent if old else "")
            self.stored[kind, name] = Stored(copy.deepcopy(dict(body)), uid, parent)

    def remove(self, kind: str, name: str) -> None:
        with self._lock:
            self.stored.pop((kind, name), None)

    def body(self, kind: str, name: str) -> dict[str, Any]:
        """Raises KeyError when it is not there."""
        return copy.deepcopy(self.stored[kind, name].body)

    @property
    def now(self) -> datetime:
        return self._clock.now() if self._clock else EPOCH

    @property
    def objects(self) -> dict[tuple[str, str], dict[str, Any]]:
        with self._lock:
            return {key: copy.deepcopy(item.body) for key, item in self.stored.items()}

    def reborn(self) -> "FakeCloud":
        """The same cloud for a new process; what is left of the old one goes on speaking to this one, in vain."""
        with self._lock:
            new = copy.copy(self)
            self._dead, new._dead, new._lock = True, False, threading.RLock()
            return new

    def script(self, *scripts: Script) -> None:
        self._scripts.extend(scripts)

    def count(self, method: str) -> int:
        return sum(1 for called, _, _ in self.calls if called.startswith(method))

    # --- the port ---------------------------------------------------------------------------------------------------

    @property
    def identity(self) -> str:
        return self._identity

    def list(self, kind: str, parent: str, names: Sequence[str] = ()) -> Listing:
        with self._lock:
            self.calls.append(("list", kind, parent))
            scripted = self._read(self._matching("list", kind, parent))
            if scripted is not None:
                return scripted
            inside = {
                name: self._found(item)
                for (at, name), item in self.stored.items()
                if at == kind and (name in names or item.parent == parent or name.startswith(parent + "/"))
            }
            hidden = {name for name in inside if self._hides(kind, name)}
            return Seen({name: found for name, found in inside.items() if name not in hidden}, self.now)

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        with self._lock:
            self.calls.append(("get", kind, name))
            scripted = self._read(self._matching("get", kind, name))
            if scripted is not None:
                return scripted
            item = self.stored.get((kind, name))
            if item is None:
                return Absent(self.now, "get")
            found = self._found(item)
            if item.orphan:
                item.pending = max(0, item.pending - 1)
            return found

    def begin(self, call: Call) -> Answer:
        with self._lock:
            if self._dead:
                raise Killed
            self.calls.append((f"begin:{call.action}", call.kind, call.name))
            self.requests.append(call)
            script = self._matching("begin", call.kind, call.name)
            if script is not None:
                self._dead = bool(script.kill) and self.whole_process
                if script.kill == "before":
                    raise Killed
                if script.failure is not None and not script.lost:
                    return Failed(script.failure)
            answer = self._write(call)
            if script is not None:
                if (call.kind, call.name) in self.stored:
                    self.stored[call.kind, call.name].orphan = True
                if script.kill:
                    raise Killed
                if script.failure is not None:
                    return Failed(script.failure)
            return answer

    def poll(self, kind: str, operation: str, call: Call) -> Answer:
        with self._lock:
            self.calls.append(("poll", kind, call.name))
            script = self._matching("poll", kind, call.name)
            if script is not None and script.kill:
                if (kind, call.name) in self.stored:
                    self.stored[kind, call.name].orphan = True
                raise Killed
            if script is not None and script.failure is not None:
                return Failed(script.failure)
            if operation in self._deletes:
                self._deletes[operation] -= 1
                return Done(None) if self._deletes[operation] <= 0 else Pending(operation)
            item = self.stored.get((kind, call.name))
            if item is None:
                return Failed(Failure(Next.REPLAN, f"{call.name} is gone", 404, missing=True))
            item.pending = max(0, item.pending - 1)
            if item.pending:
                return Pending(operation, "in progress")
            return Failed(item.fails) if item.fails else Done(self._found(item))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _matching(self, method: str, kind: str, name: str) -> Script | None:
        for script in self._scripts:
            if script.times <= 0 or script.method != method:
                continue
            if fnmatchcase(kind, script.kind) and fnmatchcase(name, script.name):
                if script.after > 0:
                    script.after -= 1
                    continue
                script.times -= 1
                return script
        return None

    def _hides(self, kind: str, name: str) -> bool:
        """A list that is short: a Script("list", absent=True, name=NAME of an object)."""
        return any(
            s.method == "list" and s.absent and s.times > 0 and fnmatchcase(kind, s.kind) and s.name == name
            for s in self._scripts
        )

    def _read(self, script: Script | None) -> Absent | Unknown | None:
        if script is None:
            return None
        if script.kill:
            raise Killed
        if script.failure is not None:
            return Unknown(script.failure.message, self.now, script.failure.forbidden)
        return Absent(self.now, script.method) if script.absent else None

    def _found(self, item: Stored) -> Found:
        return Found(copy.deepcopy(item.body), item.uid, self.now, item.pending == 0, item.trouble)

    def _write(self, call: Call) -> Answer:
        key = (call.kind, call.name)
        item = self.stored.get(key)
        if call.action is Action.DELETE:
            return self._delete(call, item)
        if call.action in (Action.CREATE, Action.RUN):
            again = (
                call.action is Action.RUN and item is not None and call.live is not None and call.live.uid == item.uid
            )
            if item is not None and not again:
                return Failed(Failure(Next.REPLAN, f"{call.name} already exists", 409, exists=True))
            item = Stored({}, f"uid-{next(self._numbers)}", call.parent)
        elif item is None:
            return Failed(Failure(Next.REPLAN, f"{call.name} is not there", 404, missing=True))
        elif call.live is not None and (call.live.uid != item.uid or dict(call.live.body) != item.body):
            return Failed(Failure(Next.REPLAN, f"{call.name} changed since it was read", 412))
        elif item.pending:
            return Failed(Failure(Next.WAIT, f"{call.name}: an operation is in progress", 409))
        body = copy.deepcopy(dict(call.body))
        item.body = self.fill(call.kind, call.name, body) if self.fill else body
        item.pending, item.orphan, item.trouble = self.polls, False, ""
        self.stored[key] = item
        self.effects.append((str(call.action), *key))
        return Pending(f"operations/{next(self._numbers)}") if self.polls else Done(self._found(item))

    def _delete(self, call: Call, item: Stored | None) -> Answer:
        if item is None:
            return Failed(Failure(Next.REPLAN, f"{call.name} is not there", 404, missing=True))
        del self.stored[call.kind, call.name]
        self.effects.append(("delete", call.kind, call.name))
        if not self.polls:
            return Done(None)
        operation = f"operations/{next(self._numbers)}"
        self._deletes[operation] = self.polls
        return Pending(operation)


class Unclaimed:
    """The Tenure of who runs no daemon."""

    def claim(self, *, take_over: bool) -> None: ...

    def stopped(self) -> str:
        return ""

    def leave(self) -> None: ...


class Unfenced:
    """The Fence of one process that is alone with its cloud (tests)."""

    def walking(self, parents: Mapping[str, str | None]) -> AbstractContextManager[None]:
        return nullcontext()

    def enter(self, shard: str) -> int:
        return 0

    def keep(self, shard: str) -> None:
        return None

    def tend(self, shard: str) -> None:
        return None

    def leave(self, shard: str) -> None:
        return None


class Unlimited:
    """The Limits of what counts nothing (tests)."""

    def opened(self, order: Order) -> None: ...

    def stopped(self) -> str:
        return ""

    def ask(self, change: Change, call: Call) -> Later | No | Halt | None:
        return None

    def heard(self, change: Change, call: Call, answer: Answer) -> None: ...

    def over(self, change: Change) -> None: ...

    def settled(self, order: Order, outcome: Outcome) -> Sequence[Hold]:
        return ()


def plain_effects(
    cloud: Cloud, journal: Journal, clock: Clock, gates: tuple[Gate, ...] = (), fence: Fence | None = None
) -> Effects:
    """The one door, with nothing asked before a write but these."""
    return Effects(cloud, journal, clock, gates, fence or Unfenced(), Unlimited())


class FakeVisitor:
    """Meets what a test says: URL -> the statuses of its next answers, the last of them for good; else silence."""

    def __init__(self) -> None:
        self.answers: dict[str, list[int]] = {}
        self.asked: list[str] = []

    def visit(self, urls: Sequence[str], seconds: float) -> Sequence[Visit]:
        return [self._one(url) for url in urls]

    def _one(self, url: str) -> Visit:
        self.asked.append(url)
        said = self.answers.get(url, [0])
        status = said.pop(0) if len(said) > 1 else said[0]
        return Visit(url, status) if status else Visit(url, why="no connection")
