"""One change as a state machine: `step(change, state, response, rules) -> (state, request)`.

    re-read and judge -> record intent -> call -> poll -> classify -> (pause, re-read, judge again) -> confirm -> close

After any answer that leaves the outcome of a write unknown, the next step is to look, never to repeat blindly; so a
crash at any point is the same as an answer that was lost. What the state holds is plain data.
"""

from dataclasses import replace

from reconciler.applying.calling import call_of
from reconciler.applying.exchange import (
    Aged,
    Answered,
    Begin,
    Broken,
    Close,
    Deferred,
    Finish,
    Observed,
    Poll,
    RecordIntent,
    Refused,
    Request,
    Reread,
    Response,
    Stopped,
    Wait,
)
from reconciler.applying.judge import Case, End, Hold, earlier, judge, over, remaining, unreadable
from reconciler.applying.pace import FRESH, NOT_TAKEN, Rules, jitter, poll_pause
from reconciler.applying.state import Phase, State
from reconciler.kinds.catalog import kind_of
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.outcome import ItemOutcome, Result
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Answer, Call, Done, Failed, Pending
from reconciler.model.resource import Absent, Found, Observation, Unknown

Step = tuple[State, Request]


def step(change: Change, state: State, response: Response | None, rules: Rules) -> Step:
    """The next state and request. `response` answers the last request; None only for the first step.

    Raises ValueError for a response that does not fit the state: a bug in the driver.
    """
    if state.end is not None:
        return _finish(state, state.end)
    if isinstance(response, Broken):
        return _end(change, state, End(Result.FAILED, f"{response.message}{_unsure(state)}"))
    if isinstance(response, Stopped):
        return _end(
            change, state, End(Result.INTERRUPTED, f"stopped before it was done: {response.reason}{_unsure(state)}")
        )
    if state.phase is Phase.NEW:
        return _read(state)
    if state.phase is Phase.PAUSING:
        return _resume(state)
    if state.phase is Phase.RECORDING and state.call is not None:
        return _begin(replace(state, recorded=True), state.call)
    if state.phase is Phase.READING and isinstance(response, Observed):
        looked = replace(state, looked=response.at, generation=response.generation)
        return _judged(change, looked, response.seen, rules)
    if state.phase is Phase.CONFIRMING and isinstance(response, Observed):
        return _confirm(change, state, response.seen, rules)
    if state.phase is Phase.READING and isinstance(response, Refused):
        return _end(change, state, End(Result.SKIPPED, f"{response.why}{_unsure(state)}"))
    if state.phase is Phase.CALLING and isinstance(response, Deferred | Refused | Aged):
        return _not_made(change, replace(state, calls=state.calls - 1), response, rules)
    if state.phase in (Phase.CALLING, Phase.POLLING) and isinstance(response, Answered):
        return _answered(change, state, response.answer, rules)
    raise ValueError(f"{type(response).__name__} does not answer what {state.phase} asked for")


# --- looking --------------------------------------------------------------------------------------------------------


def _read(state: State) -> Step:
    return replace(state, phase=Phase.READING), Reread()


def _judged(change: Change, state: State, seen: Observation, rules: Rules) -> Step:
    if isinstance(seen, Unknown):
        return _unreadable(change, state, seen, rules)
    if isinstance(seen, Absent) and change.action is Action.DELETE and not (state.calls or state.confirmations):
        # One look is not enough to forget an object that a version recorded (DESIGN §6, live).
        once = replace(state, confirmations=1)
        return _pause(once, poll_pause(4, rules), "it seems to be gone; looking once more", Phase.READING)
    judgement = judge(_case(change, state), seen)
    if isinstance(judgement, End):
        return _end(change, state, judgement)
    if isinstance(judgement, Hold):
        return _hold(change, state, judgement.why, rules)
    found = seen if isinstance(seen, Found) else None
    replaced = change.action is Action.REPLACE and judgement.action is Action.CREATE
    leg = Action.CREATE if replaced else state.leg
    call = call_of(_case(change, replace(state, leg=leg)), state.key, judgement.action, found)
    made = replace(state, leg=leg, call=call, operation="", uncertain=False)
    if not made.recorded:
        return replace(made, phase=Phase.RECORDING), RecordIntent(made.key)
    return _begin(made, call)


def _unreadable(change: Change, state: State, seen: Unknown, rules: Rules) -> Step:
    """What comes with a parent made in this very plan may be refused until permissions and APIs have spread."""
    fresh = bool(change.after) and state.waited < rules.settling
    if not fresh and state.tries >= rules.retries:
        message = f"it cannot be read: {seen.reason}{_unsure(state)}"
        return _end(change, state, End(Result.FAILED, message, forbidden=seen.forbidden))
    pause = poll_pause(state.waits + 4, rules) if fresh else jitter(state.key, state.tries, rules)
    counted = state if fresh else replace(state, tries=state.tries + 1)
    return _pause(counted, pause, f"it cannot be read yet: {seen.reason}", Phase.READING)


def _hold(change: Change, state: State, why: str, rules: Rules, then: Phase = Phase.READING) -> Step:
    if state.waited >= rules.patience:
        minutes = int(state.waited // 60)
        return _end(
            change, state, End(Result.FAILED, f"gave up after {minutes} minutes of waiting: {why}{_unsure(state)}")
        )
    return _pause(state, poll_pause(state.waits, rules), why, then)


# --- calling --------------------------------------------------------------------------------------------------------


def _answered(change: Change, state: State, answer: Answer, rules: Rules) -> Step:
    if isinstance(answer, Pending):
        return _pending(change, state, answer, rules)
    if isinstance(answer, Done):
        return _done(change, state, answer.found, rules)
    return _failed(change, state, answer, rules)


def _begin(state: State, call: Call) -> Step:
    if state.looked is None:
        raise ValueError("a call follows from a look")
    return replace(state, phase=Phase.CALLING, calls=state.calls + 1), Begin(call, state.looked)


def _not_made(change: Change, state: State, said: Deferred | Refused | Aged, rules: Rules) -> Step:
    """Something stood before the call: look again, now or later, or leave this change out."""
    if isinstance(said, Aged):
        if state.looks < rules.looks:
            return _read(replace(state, looks=state.looks + 1))
        message = (
            f"between the look and the call pass more than {FRESH.seconds} seconds, {state.looks + 1} times over; "
            f"this host is too busy, or its clock jumps{_unsure(state)}; run again"
        )
        return _end(change, state, End(Result.FAILED, message))
    if isinstance(said, Refused):
        return _end(change, state, End(Result.SKIPPED, f"{said.why}{_unsure(state)}"))
    if state.waited >= rules.patience:
        why = f"its turn did not come in {int(state.waited // 60)} minutes ({said.why}); run again to go on"
        return _end(change, state, End(Result.SKIPPED, f"{why}{_unsure(state)}"))
    return _pause(state, said.seconds, said.why, Phase.READING)


def _pending(change: Change, state: State, answer: Pending, rules: Rules) -> Step:
    if state.waited >= rules.longest:
        minutes = int(state.waited // 60)
        message = f"the operation is still going on after {minutes} minutes ({answer.operation}); run again later"
        return _end(change, state, End(Result.FAILED, message))
    polls = state.polls + 1 if state.operation == answer.operation else 0
    going = replace(state, operation=answer.operation, polls=polls, uncertain=True)
    return _pause(going, poll_pause(polls, rules), answer.message or "in progress", Phase.POLLING)


def _failed(change: Change, state: State, answer: Failed, rules: Rules) -> Step:
    failure = answer.failure
    polling = state.phase is Phase.POLLING
    failed = replace(state, trouble=failure)
    if failure.next is Next.WAIT:
        if not polling:  # nothing happened: it is as if the call had not been made
            failed = replace(failed, calls=failed.calls - 1)
        then = Phase.POLLING if polling else Phase.READING
        if failed.waited >= rules.patience:
            return _hold(change, failed, failure.message, rules)
        pause = max(poll_pause(failed.waits, rules), failure.retry_after)
        return _pause(failed, pause, failure.message, then)
    if failure.next in (Next.PERSON, Next.BUG):
        message = failure.message if failure.next is Next.PERSON else f"unexpected answer: {failure.message}"
        return _end(change, failed, End(Result.FAILED, message, forbidden=failure.forbidden))
    return _again(change, failed, failure, rules)


def _again(change: Change, state: State, failure: Failure, rules: Rules) -> Step:
    """RETRY and REPLAN: look again after a pause, and let the judgement decide; at most `rules.retries` times."""
    if state.tries >= rules.retries:
        return _end(change, state, End(_spent(failure), _gave_up(change, state, failure), forbidden=failure.forbidden))
    transient = failure.next is Next.RETRY
    unheard = state.unheard + (transient and state.phase is Phase.CALLING and failure.status != NOT_TAKEN)
    if unheard >= rules.sendings and unreadable(change):
        return _end(change, state, End(Result.FAILED, _unheard(unheard, failure)))
    pause = max(jitter(state.key, state.tries, rules), failure.retry_after)
    tried = replace(state, tries=state.tries + 1, uncertain=state.uncertain or transient, unheard=unheard)
    polling = transient and state.phase is Phase.POLLING and tried.tries < rules.retries - 1
    return _pause(tried, pause, failure.message, Phase.POLLING if polling else Phase.READING)


def _spent(failure: Failure) -> Result:
    return Result.STALE if failure.next is Next.REPLAN and not failure.exists else Result.FAILED


def _gave_up(change: Change, state: State, failure: Failure) -> str:
    kind = kind_of(change.address.kind)
    if failure.exists and kind.if_taken:
        return f"{change.name} is taken by something we cannot see ({failure.message}); {kind.if_taken}"
    if failure.exists:
        return (
            f"the name is taken by something we cannot see ({failure.message}); "
            "it may belong to somebody else or be deleted and not yet free. Choose another name, or wait and run again"
        )
    return f"gave up after {state.tries + 1} tries: {failure.message}{_unsure(state)}"


def _unheard(times: int, failure: Failure) -> str:
    return (
        f"sent {times} times, and no answer came: {failure.message}; what was sent cannot be read back, so whether "
        "it is set is not known; the next run sends the same again"
    )


# --- afterwards -----------------------------------------------------------------------------------------------------


def _done(change: Change, state: State, found: Found | None, rules: Rules) -> Step:
    settled = replace(state, operation="", uncertain=False, tries=0)
    if state.leg is Action.DELETE and change.action is Action.REPLACE:
        return _read(replace(settled, leg=Action.CREATE, polls=0))
    if state.leg is Action.DELETE:
        return _end(change, settled, End(Result.DONE, ""))
    if found is None:
        return replace(settled, phase=Phase.CONFIRMING), Reread()
    return _confirm(change, settled, found, rules)


def _confirm(change: Change, state: State, seen: Observation, rules: Rules) -> Step:
    """The object after the write: ready, and as asked for. Reads may lag behind, so a wrong one is looked at again."""
    if isinstance(seen, Found) and earlier(_case(change, state), seen):
        seen = Absent(seen.read_at)
    if isinstance(seen, Found) and not seen.ready:
        return _hold(change, state, "done; the object is not ready yet", rules, Phase.CONFIRMING)
    left = remaining(_case(change, state), seen) if isinstance(seen, Found) else ()
    if isinstance(seen, Found) and not left:
        return _end(change, state, over(seen, ""))
    if state.confirmations < rules.confirmations:
        counted = replace(state, confirmations=state.confirmations + 1)
        return _pause(counted, poll_pause(3 * state.confirmations + 2, rules), "reading it back", Phase.CONFIRMING)
    if isinstance(seen, Unknown):
        message = f"the cloud said done, and it cannot be read back: {seen.reason}; run again"
        return _end(change, state, End(Result.FAILED, message, forbidden=seen.forbidden))
    if isinstance(seen, Absent):
        return _end(change, state, End(Result.FAILED, "the cloud said done, and it is not there; run again"))
    paths = ", ".join(f"`{path}`" for path in left[:3])
    if change.action is Action.UPDATE:
        message = f"the cloud said done, and {paths} still reads otherwise; plan again to see it"
        return _end(change, state, End(Result.FAILED, message, seen))
    return _end(change, state, End(Result.DONE, f"made, but {paths} reads otherwise: the next plan shows it", seen))


# --- the end --------------------------------------------------------------------------------------------------------


def _end(change: Change, state: State, end: End) -> Step:
    item = ItemOutcome(change, end.result, end.message)
    if end.result is Result.DONE:
        live: Body = end.found.body if end.found is not None else {}
        item = replace(item, live=live, uid=end.found.uid if end.found is not None else "", body=state.body)
    item = replace(item, attempts=max(1, state.calls), forbidden=end.forbidden)
    return _finish(replace(state, end=item), item)


def _finish(state: State, item: ItemOutcome) -> Step:
    """Close the intent if one was recorded, then the end. A failing close changes nothing: the journal is a hint."""
    if state.recorded and state.phase is not Phase.CLOSING:
        return replace(state, phase=Phase.CLOSING), Close(state.key)
    return replace(state, phase=Phase.FINISHED), Finish(item)


def _pause(state: State, seconds: float, why: str, then: Phase) -> Step:
    paused = replace(state, phase=Phase.PAUSING, then=then, waits=state.waits + 1, waited=state.waited + seconds)
    return paused, Wait(seconds, why, stoppable=then is Phase.READING)


def _resume(state: State) -> Step:
    if state.then is Phase.POLLING and state.call is not None:
        return replace(state, phase=Phase.POLLING), Poll(state.operation, state.call)
    return replace(state, phase=state.then), Reread()


def _case(change: Change, state: State) -> Case:
    return Case(change, state.body or {}, state.leg, began=state.calls > 0, generation=state.generation)


def _unsure(state: State) -> str:
    return "; whether the last call took effect is not known, the next run looks" if state.uncertain else ""
