"""The one door to the outside while a plan is walked: whatever drives the machines carries its requests out here.

No other module calls `Cloud.begin` or `Cloud.poll` (tests/architecture holds the code to it). Right before each write
every gate is asked (stop switch, owner of the fleet), then the limits, then the lease. What they say is an answer to
the machine, never an exception.
"""

from dataclasses import dataclass, field

from reconciler.applying.exchange import (
    Aged,
    Answered,
    Begin,
    Close,
    Closed,
    Deferred,
    Observed,
    Poll,
    Recorded,
    RecordIntent,
    Refused,
    Request,
    Reread,
    Response,
    Stopped,
)
from reconciler.applying.pace import aged
from reconciler.applying.state import Phase, State
from reconciler.engine.trail import Trail
from reconciler.model.observing import NOBODY
from reconciler.model.order import Order
from reconciler.model.plan import Change
from reconciler.model.ports import (
    Answer,
    Call,
    Clock,
    Cloud,
    Fence,
    Gate,
    Halt,
    Intent,
    Journal,
    Later,
    Limits,
    No,
    Observer,
    StopSwitch,
)


@dataclass(frozen=True, slots=True)
class Effects:
    """`gates` are asked in this order, then `limits`, which counts what it admits; the first that objects is heard.
    `fence` comes after them: what it says must hold when the call leaves."""

    cloud: Cloud
    journal: Journal
    clock: Clock
    gates: tuple[Gate, ...]
    fence: Fence
    limits: Limits
    observer: Observer = NOBODY
    trail: Trail = field(default_factory=Trail)

    def opened(self, order: Order) -> None:
        """For a driver, before it walks an order or goes on with one: its bounds hold from now on."""
        self.limits.opened(order)
        self.trail.opened(order)

    def carry_out(self, change: Change, state: State, request: Request, plan: str) -> Response:
        """One request in, its response out. `plan`: the digest of the plan that is walked.

        Raises what the ports raise (a journal that cannot be written); TypeError for Wait and Finish, which are the
        driver's own.
        """
        with self.observer.working(change):
            return self._carried(change, state, request, plan)

    def _carried(self, change: Change, state: State, request: Request, plan: str) -> Response:
        if isinstance(request, Reread):
            return self._look(change, state)
        if isinstance(request, RecordIntent):
            self.journal.record(Intent(request.intent, plan, change.to_json(), self.clock.now()))
            return Recorded()
        if isinstance(request, Begin):
            return self._objection(change, request, plan) or self._begun(change, request.call, plan)
        if isinstance(request, Poll):
            self.fence.tend(change.shard)
            answer = self.cloud.poll(change.address.kind, request.operation, request.call)
            self.trail.answered(change, request.call, answer, plan, request.operation)
            return self._heard(change, request.call, answer)
        if isinstance(request, Close):
            self.journal.close(request.intent)
            self.limits.over(change)
            return Closed()
        raise TypeError(f"not a request to carry out: {request!r}")

    def _look(self, change: Change, state: State) -> Response:
        """Under the lease of its shard, but for the look that only confirms what was done under it."""
        generation = state.generation
        if state.phase is not Phase.CONFIRMING:
            entered = self.fence.enter(change.shard)
            if not isinstance(entered, int):
                return _word(entered)
            generation = entered
        body, at = state.body or change.body, self.clock.now()
        return Observed(self.cloud.get(change.address.kind, change.name, change.parent, body), at, generation)

    def stopped(self) -> str:
        """Why nothing at all may start ("" : it may): what gates say that stop whatever the change."""
        return next((why for gate in (*self.gates, self.limits) if (why := gate.stopped())), "")

    def _begun(self, change: Change, call: Call, plan: str) -> Answered:
        """What cannot be recorded first is not sent; what cannot be recorded afterwards was begun, and its intent is
        open."""
        self.trail.begun(change, call, plan)
        answer = self.cloud.begin(call)
        self.trail.answered(change, call, answer, plan)
        return self._heard(change, call, answer)

    def _heard(self, change: Change, call: Call, answer: Answer) -> Answered:
        self.limits.heard(change, call, answer)
        return Answered(answer)

    def _objection(self, change: Change, request: Begin, plan: str) -> Response | None:
        for gate in self.gates:
            if (said := gate.ask(change, request.call)) is not None:
                return self._told(change, request, said, plan)
        if aged(request.looked, self.clock.now()):
            return Aged()  # before it is counted
        if (limited := self.limits.ask(change, request.call)) is not None:
            return self._told(change, request, limited, plan)
        if (kept := self.fence.keep(change.shard)) is not None:
            return self._told(change, request, kept, plan)
        return Aged() if aged(request.looked, self.clock.now()) else None

    def _told(self, change: Change, request: Begin, said: Later | No | Halt, plan: str) -> Response:
        self.trail.stopped(change, request.call, said, plan)
        return _word(said)


def _word(said: Later | No | Halt) -> Response:
    if isinstance(said, Halt):
        return Stopped(said.why)
    return Deferred(said.seconds, said.why) if isinstance(said, Later) else Refused(said.why)


@dataclass(frozen=True, slots=True)
class StopGate:
    """The stop switch as a gate."""

    switch: StopSwitch

    def stopped(self) -> str:
        return self.switch.stopped()

    def ask(self, change: Change, call: Call) -> Halt | None:  # noqa: ARG002 - the switch stops everything
        why = self.switch.stopped()
        return Halt(why) if why else None
