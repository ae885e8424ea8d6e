"""What an adapter is: one kind's four calls. Adapters raise whatever Google's client raises; cloud.py translates."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from reconciler.gcp.errors import RefusedCall, operation_failure
from reconciler.gcp.session import TIMEOUT, Session
from reconciler.kinds.paths import value_at
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


MOST_PAGES = 5_000
"""Of one list: a hundred objects a page, at the least."""
ONCE: Mapping[str, Any] = {"retry": None, "timeout": TIMEOUT}
"""For every GAPIC call: one attempt."""


def found(session: Session, body: dict[str, Any], uid: str, ready: bool = True, trouble: str = "") -> Found:
    return Found(body, uid, session.clock.now(), ready, trouble)


def refuse(next_step: Next, message: str) -> RefusedCall:
    return RefusedCall(Failure(next_step, message))


def taken(name: str) -> Failed:
    return Failed(Failure(Next.REPLAN, f"{name} already exists", 409, exists=True))


def condition(call: Call, field: str = "etag") -> str:
    """What Google shall compare before it writes. Refused when the object was read without it: that write would
    overwrite whatever somebody else has written since."""
    value = value_at(call.live.body, field) if call.live is not None else None
    if value in (None, ""):
        raise refuse(Next.REPLAN, f"{call.name} was read without its {field}, so it is not written; plan again")
    return str(value)


def spelled(row: Mapping[str, Any], key: str = "name") -> str:
    """A text that every object of its kind has. Refused when an answer comes without it."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise refuse(Next.RETRY, f"an answer came without `{key}`; it is not believed")
    return value


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
    """The write is over: the object as it is now; one that does not show yet is read back by who asked, never made
    again."""
    return Done(None) if call.action is Action.DELETE else Done(adapter.get(call.name, call.parent, call.body))


def begun(adapter: Adapter, call: Call, operation: Any) -> Answer:
    """What a long-running operation of google.longrunning begins with: it may be over at once."""
    return _progress(adapter, call, operation)


def poll_operation(adapter: Adapter, call: Call, client: Any, operation: str) -> Answer:
    """Ask once for a google.longrunning operation. One that is gone: the object itself tells what came of it."""
    from google.api_core.exceptions import NotFound

    try:
        current = client.transport.operations_client.get_operation(operation, **ONCE)
    except (NotFound, ValueError) as error:
        if not forgotten(error):
            raise
        return settle(adapter, call)
    if current.name != operation:
        raise refuse(Next.RETRY, f"{call.name}: asked for one operation, and told of another; it is not believed")
    return _progress(adapter, call, current)


def forgotten(error: Exception) -> bool:
    """Whether there is no such operation (any more), or the handle is none that an operation of this API can have: a
    plain ValueError of Google's client (its errors about credentials are ValueErrors too)."""
    return type(error) is ValueError or not isinstance(error, ValueError)


def _progress(adapter: Adapter, call: Call, operation: Any) -> Answer:
    if operation.HasField("error"):  # done or not: an error body that came with 200 reads as one that is not
        raise operation_failure({"code": operation.error.code, "message": operation.error.message})
    if not operation.done and not operation.name:
        raise refuse(Next.RETRY, f"{call.name}: the answer is no operation; whether it began is not known")
    if not operation.done:
        return Pending(operation.name)
    return settle(adapter, call)


def whole_pages(pager: Any) -> Iterator[Any]:
    """Every page, or the error of the page that failed: a list is complete or it is none. Refused when the pages go in
    a circle or do not end."""
    seen: set[str] = set()
    for page in pager.pages:
        yield page
        turn(seen, page.next_page_token)


def turn(seen: set[str], token: Any) -> None:
    """Remember the token of a next page. Refused when it came before, or after more pages than any list has."""
    if not token:
        return
    if not isinstance(token, str) or token in seen or len(seen) >= MOST_PAGES:
        raise refuse(Next.RETRY, "the list does not come to an end: its pages go in a circle; it is not believed")
    seen.add(token)


def rows_of(page: Any, field: str, what: str) -> list[dict[str, Any]]:
    """The rows of a page that came as JSON. Refused when there are none to tell from an error."""
    rows = page.get(field, []) if isinstance(page, dict) and "error" not in page else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise refuse(Next.RETRY, f"{what} is not answered with a list; it is not believed")
    return rows


def paged(pager: Any, field: str) -> list[Any]:
    """The rows of every page. `field`: the name of the rows in a page."""
    return [row for page in whole_pages(pager) for row in getattr(page, field)]
