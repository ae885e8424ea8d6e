"""What an adapter is: one kind's four calls. Adapters raise whatever Google's client raises; cloud.py translates."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from reconciler.gcp.errors import RefusedCall, operation_failure
from reconciler.gcp.session import TIMEOUT, Session
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed, Pending
from reconciler.model.resource import Found


class Adapter(Protocol):
    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:
        """All objects under a parent, every page, by full name. A 404 raised here means: the parent is not there."""

    def get(self, name: str, parent: str, body: Body) -> Found | None:
        """One object by the kind's second method; None or a 404: not there."""

    def begin(self, call: Call) -> Answer: ...

    def poll(self, operation: str, call: Call) -> Answer: ...


ONCE: Mapping[str, Any] = {"retry": None, "timeout": TIMEOUT}
"""For every GAPIC call: one attempt."""


def found(session: Session, body: dict[str, Any], uid: str, ready: bool = True) -> Found:
    return Found(body, uid, session.clock.now(), ready)


def refuse(next_step: Next, message: str) -> RefusedCall:
    return RefusedCall(Failure(next_step, message))


def taken(name: str) -> Failed:
    return Failed(Failure(Next.REPLAN, f"{name} already exists", 409, exists=True))


def never(noun: str, name: str) -> Failed:
    """The never-list: there is no code here that deletes these, whatever a plan says."""
    return Failed(
        Failure(
            Next.PERSON,
            f"{name}: AIPress never deletes a {noun}; if it must go, a person deletes it in the console, "
            "after its tenants have moved",
        )
    )


def settle(adapter: Adapter, call: Call) -> Answer:
    """The write is over: the object as it is now."""
    if call.action is Action.DELETE:
        return Done(None)
    now = adapter.get(call.name, call.parent, call.body)
    if now is None:
        return Failed(Failure(Next.RETRY, f"{call.name} was made, but cannot be read yet", 404, missing=True))
    return Done(now)


def begun(adapter: Adapter, call: Call, operation: Any) -> Answer:
    """What a long-running operation of google.longrunning begins with: it may be over at once."""
    return _progress(adapter, call, operation)


def poll_operation(adapter: Adapter, call: Call, client: Any, operation: str) -> Answer:
    """Ask once for a google.longrunning operation. One that is gone: the object itself tells what came of it."""
    from google.api_core.exceptions import NotFound

    try:
        current = client.transport.operations_client.get_operation(operation, **ONCE)
    except NotFound:
        return settle(adapter, call)
    return _progress(adapter, call, current)


def _progress(adapter: Adapter, call: Call, operation: Any) -> Answer:
    if not operation.done:
        return Pending(operation.name)
    if operation.HasField("error"):
        return Failed(operation_failure({"code": operation.error.code, "message": operation.error.message}))
    return settle(adapter, call)


def paged(items: Iterable[Any]) -> list[Any]:
    """Every page, or the error of the page that failed: a list is complete or it is none."""
    return list(items)
