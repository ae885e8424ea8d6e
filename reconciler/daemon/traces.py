"""Spans of what the daemon does: commit, cycle, plan, change, call, operation. Which ids they have follows from what
they are about (model/trace.py), so whoever has the commit has the trace.

A cycle that found nothing to do makes no spans: a trace is what became of a commit, not a clock.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.daemon.beside import Hearer
from reconciler.daemon.commits import Commits
from reconciler.daemon.serve import Begun, Reported
from reconciler.model.observing import CloudCall, Operated
from reconciler.model.outcome import Event, EventKind
from reconciler.model.plan import Change
from reconciler.model.ports import Clock
from reconciler.model.trace import change_span, cycle_span, span_of, trace_of
from reconciler.report.progress import doing, subject

MOST = 50_000
"""Spans of one cycle; what is more is counted at the cycle's own."""
MOST_READS = 2_000
"""Of these, calls of the look at everything."""
_READS = (".list", ".get")
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """One of a trace; `parent` "" : it has none. `error`: why it ended badly ("" : it did not)."""

    name: str
    trace: str
    id: str
    parent: str
    began: datetime
    ended: datetime
    error: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class _Cycle:
    """What is traced of the cycle at hand. `loud`: something happened, so its spans go out."""

    begun: Begun
    trace: str
    id: str
    plan: str
    looks: list[str] = field(default_factory=list)
    started: dict[str, datetime] = field(default_factory=dict)
    writes: dict[str, str] = field(default_factory=dict)
    held: list[Span] = field(default_factory=list)
    calls: int = 0
    reads: int = 0
    left_out: int = 0
    loud: bool = False


class Traces(Hearer):
    """beside.Hearing and ports.Observer. `export` takes a span at once and never raises. Any thread may call."""

    def __init__(
        self, fleet: str, committed: Callable[[str], datetime | None], clock: Clock, export: Callable[[Span], None]
    ) -> None:
        self._fleet, self._clock, self._export = fleet, clock, export
        self._committed = committed
        self._commits = Commits(committed)
        self._lock = threading.Lock()
        self._here = threading.local()
        self._cycle: _Cycle | None = None

    # --- beside the loop --------------------------------------------------------------------------------------------

    def begins(self, cycle: Begun) -> None:
        self._commits.begins(cycle)
        trace = trace_of(cycle.commit)
        own = cycle_span(trace, cycle.number, cycle.at.timestamp())
        with self._lock:
            self._cycle = _Cycle(cycle, trace, own, span_of(own, "plan")) if trace else None

    def happened(self, event: Event) -> None:
        with self._lock:
            cycle, address = self._cycle, str(event.change.address)
            if cycle is None:
                return
            if event.kind is EventKind.START:
                cycle.started[address] = event.at
                self._speak(cycle)
            elif event.kind in (EventKind.COMPLETE, EventKind.ERRORED):
                self._changed(cycle, event)

    def told(self, reported: Reported) -> None:
        now, live = self._clock.now(), self._commits.told(reported, self._clock.now())
        with self._lock:
            cycle, self._cycle = self._cycle, None
            if cycle is None:
                return
            if live or reported.error is not None or (reported.applied and reported.applied.outcome.items):
                self._speak(cycle)
            self._ended(cycle, reported, now)
        for commit in live:
            began = commit.committed if commit.since_committed is not None and commit.committed else commit.seen
            trace = trace_of(commit.commit)
            told: dict[str, Value] = {"vcs.ref.head.revision": commit.commit, "aipress.fleet": self._fleet}
            name = f"commit {commit.commit[:12]}"
            self._export(Span(name, trace, _root(trace), "", began, commit.live, attributes=told))

    # --- within a cycle ---------------------------------------------------------------------------------------------

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        cycle, began = self._cycle, self._clock.now()
        if cycle is None or name == "apply":  # the changes are the plan's own
            yield
            return
        with self._lock:
            cycle.calls += 1
            span = span_of(cycle.plan, name, cycle.calls)
            cycle.looks.append(span)
        try:
            yield
        finally:
            with self._lock:
                cycle.looks.remove(span)
                self._add(cycle, Span(name, cycle.trace, span, cycle.plan, began, self._clock.now()))

    @contextmanager
    def working(self, change: Change) -> Iterator[None]:
        before, self._here.change = getattr(self._here, "change", ""), str(change.address)
        try:
            yield
        finally:
            self._here.change = before

    def called(self, call: CloudCall) -> None:
        address: str = getattr(self._here, "change", "")
        with self._lock:
            cycle = self._cycle
            if cycle is None:
                return
            cycle.calls += 1
            reads = call.method.endswith(_READS)
            if reads and not address:
                cycle.reads += 1
                if cycle.reads > MOST_READS:
                    cycle.left_out += 1
                    return
            parent = self._parent(cycle, address, polls=call.method.endswith(".poll"))
            span = span_of(parent, call.method, cycle.calls)
            if address and not reads and not call.method.endswith(".poll"):
                cycle.writes[address] = span
            bad = call.status == 0 or call.status >= 400
            error = ("no answer" if call.status == 0 else f"HTTP {call.status}") if bad else ""
            attributes: dict[str, Value] = {"aipress.api": call.api, "rpc.method": call.method}
            if call.status:
                attributes["http.response.status_code"] = call.status
            began = call.ended - timedelta(seconds=call.seconds)
            self._add(cycle, Span(call.method, cycle.trace, span, parent, began, call.ended, error, attributes))

    def waited(self, api: str, seconds: float) -> None:
        address: str = getattr(self._here, "change", "")
        with self._lock:
            cycle, now = self._cycle, self._clock.now()
            if cycle is None:
                return
            cycle.calls += 1
            parent = self._parent(cycle, address, polls=False)
            span = span_of(parent, "wait", cycle.calls)
            began = now - timedelta(seconds=seconds) if not address else now
            self._add(cycle, Span("quota wait", cycle.trace, span, parent, began, now,
                                  attributes={"aipress.api": api, "aipress.seconds": seconds}))  # fmt: skip

    def operated(self, operation: Operated) -> None:
        address: str = getattr(self._here, "change", "")
        with self._lock:
            cycle = self._cycle
            write = cycle.writes.get(address) if cycle is not None else None
            if cycle is None or write is None:
                return
            began = operation.ended - timedelta(seconds=operation.seconds)
            error = "" if operation.ok else "the operation failed"
            told: dict[str, Value] = {"aipress.kind": operation.kind, "aipress.operation": operation.name}
            self._add(cycle, Span(f"operation {operation.kind}", cycle.trace, _operation(write), write, began,
                                  operation.ended, error, told))  # fmt: skip

    # --- under the lock ---------------------------------------------------------------------------------------------

    def _parent(self, cycle: _Cycle, address: str, *, polls: bool) -> str:
        if address and polls and address in cycle.writes:
            return _operation(cycle.writes[address])
        if address:
            return change_span(cycle.id, address)
        return cycle.looks[-1] if cycle.looks else cycle.id

    def _changed(self, cycle: _Cycle, event: Event) -> None:
        change = event.change
        target = change.address.target
        began = cycle.started.pop(str(change.address), event.at - timedelta(seconds=event.elapsed))
        attributes: dict[str, Value] = {
            "aipress.resource": str(change.address), "aipress.action": str(change.action),
            "aipress.shard": change.shard, "aipress.target": str(target), "aipress.source": change.source,
        }  # fmt: skip
        error = event.message or "failed" if event.kind is EventKind.ERRORED else ""
        self._speak(cycle)
        name, own = f"{doing(change)} {subject(change.address)}", change_span(cycle.id, change.address)
        self._add(cycle, Span(name, cycle.trace, own, cycle.plan, began, event.at, error, attributes))

    def _ended(self, cycle: _Cycle, reported: Reported, now: datetime) -> None:
        begun, applied = cycle.begun, reported.applied
        error = str(reported.error) if reported.error is not None else ""
        ok = not error and applied is not None and applied.outcome.ok
        plan: dict[str, Value] = {"aipress.plan": applied.plan.digest} if applied and applied.plan.changes else {}
        if applied is not None:
            plan |= {f"aipress.plan.{name}": n for name, n in applied.plan.summary().items()}
        self._add(cycle, Span("plan", cycle.trace, cycle.plan, cycle.id, begun.at, now, error, plan), always=True)
        told: dict[str, Value] = {
            "cicd.pipeline.name": "aipress serve", "cicd.pipeline.run.id": str(begun.number),
            "cicd.pipeline.result": "success" if ok else "failure", "vcs.ref.head.revision": begun.commit,
            "aipress.trigger": begun.trigger, "aipress.fleet": self._fleet, "aipress.spans_left_out": cycle.left_out,
        }  # fmt: skip
        name = f"cycle {begun.number} ({begun.trigger})"
        self._add(cycle, Span(name, cycle.trace, cycle.id, _root(cycle.trace), begun.at, now, error, told), always=True)

    def _add(self, cycle: _Cycle, span: Span, *, always: bool = False) -> None:
        if not always and cycle.calls > MOST:
            cycle.left_out += 1
        elif cycle.loud:
            self._export(span)
        else:
            cycle.held.append(span)

    def _speak(self, cycle: _Cycle) -> None:
        if not cycle.loud:
            cycle.loud = True
            for span in cycle.held:
                self._export(span)
            cycle.held.clear()


def _root(trace: str) -> str:
    return span_of(trace, "commit")


def _operation(write: str) -> str:
    return span_of(write, "operation")
