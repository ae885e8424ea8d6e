"""Where the machine for one change stands: plain data, and what can be said of it without an answer from outside."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from reconciler.applying.resolve import UnresolvedError, resolve
from reconciler.model.canonical import Body, digest
from reconciler.model.errors import Failure
from reconciler.model.ids import Address
from reconciler.model.outcome import ItemOutcome, Result
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Call


class Phase(StrEnum):
    """What the machine waits for."""

    NEW = "new"
    READING = "reading"
    RECORDING = "recording"
    CALLING = "calling"
    POLLING = "polling"
    PAUSING = "pausing"
    CONFIRMING = "confirming"
    CLOSING = "closing"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class State:
    """`key` identifies this change of this plan (intent, request ids, jitter). Counts are budgets used. `looked`: when
    the last look began, `looks` how many were too old for their call. `generation`: the lease's under which it looked.

    `unheard`: calls that may have taken effect, and were not answered. `then`: the phase that a pause leads to. `end`:
    how it ends, once that is known. `trouble`: the last failure.
    """

    key: str
    leg: Action
    body: Body | None
    phase: Phase = Phase.NEW
    then: Phase = Phase.READING
    call: Call | None = None
    operation: str = ""
    recorded: bool = False
    calls: int = 0
    tries: int = 0
    waits: int = 0
    polls: int = 0
    confirmations: int = 0
    waited: float = 0.0
    looked: datetime | None = None
    looks: int = 0
    generation: int = 0
    trouble: Failure | None = None
    uncertain: bool = False
    unheard: int = 0
    end: ItemOutcome | None = None


def begin(change: Change, results: Mapping[Address, Body], plan: str) -> State:
    """The first state. `results`: live bodies of this plan's finished changes; `plan`: the plan's digest."""
    key = digest([plan, str(change.address), str(change.action)]).removeprefix("sha256:")[:32]
    leg = Action.DELETE if change.action is Action.REPLACE else change.action
    try:
        body = {} if change.action is Action.DELETE else resolve(change.body, results)
    except UnresolvedError as error:
        return State(key, leg, None, end=ItemOutcome(change, Result.FAILED, str(error)))
    return State(key, leg, body)


def leave(change: Change, state: State) -> ItemOutcome:
    """The outcome when nobody waits any longer; what is under way goes on in the cloud and is found by the next run."""
    what = f"{change.address} goes on in the cloud" if state.operation else "nothing is under way"
    if state.phase is Phase.CALLING or (state.uncertain and not state.operation):
        what = "whether the last call took effect is not known"
    return replace(
        ItemOutcome(change, Result.INTERRUPTED, f"left before it was done: {what}; the next run looks and continues"),
        attempts=max(1, state.calls),
    )


def must_go_on(change: Change, state: State) -> bool:
    """Between the two halves of a replacement: the old object is gone, so an interrupt waits for the new one."""
    return change.action is Action.REPLACE and state.leg is Action.CREATE
