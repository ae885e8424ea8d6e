"""Every call to the cloud, told to an observer: which method, what answer, how long it took. Decides nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

from reconciler.kinds.catalog import kind_of
from reconciler.model.canonical import Body
from reconciler.model.errors import Next
from reconciler.model.observing import CloudCall, Operated
from reconciler.model.ports import Answer, Call, Clock, Cloud, Failed, Listing, Observer, Pending
from reconciler.model.resource import Observation

MOST_OPERATIONS = 10_000
"""Under way at once whose beginning is remembered."""
_OTHER = ("other", "other")
_ASKED: ContextVar[tuple[str, str]] = ContextVar("asked", default=_OTHER)
"""(API, method) that this thread calls the cloud for: a few for each kind, whatever the URL says."""


class Http(Protocol):
    """A requests session."""

    send: Callable[..., Any]


def hear(http: Http, observer: Observer, clock: Clock) -> None:
    """From now on the observer hears of each exchange of this session, also of one that nobody answered."""
    send = http.send

    def heard(*given: Any, **named: Any) -> Any:
        (api, method), began, status = _ASKED.get(), clock.now(), 0
        try:
            answer = send(*given, **named)
            status = int(answer.status_code)
            return answer
        finally:
            ended = clock.now()
            observer.called(CloudCall(api, method, status, _seconds(began, ended), ended))

    http.send = heard


class ObservedCloud:
    """The Cloud port, and the observer knows what each call is for and how long operations take."""

    def __init__(self, inner: Cloud, observer: Observer, clock: Clock) -> None:
        self._inner = inner
        self._observer = observer
        self._clock = clock
        self._began: dict[str, datetime] = {}

    @property
    def identity(self) -> str:
        return self._inner.identity

    def list(self, kind: str, parent: str, names: Sequence[str] = ()) -> Listing:
        with _asking(kind, "list"):
            return self._inner.list(kind, parent, names)

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        with _asking(kind, "get"):
            return self._inner.get(kind, name, parent, body)

    def begin(self, call: Call) -> Answer:
        began = self._clock.now()
        with _asking(call.kind, str(call.action)):
            answer = self._inner.begin(call)
        if isinstance(answer, Pending) and len(self._began) < MOST_OPERATIONS:
            self._began[answer.operation] = began
        return answer

    def poll(self, kind: str, operation: str, call: Call) -> Answer:
        with _asking(kind, "poll"):
            answer = self._inner.poll(kind, operation, call)
        again = isinstance(answer, Failed) and answer.failure.next in (Next.RETRY, Next.WAIT)
        if isinstance(answer, Pending) or again:
            return answer
        began, ended = self._began.pop(operation, None), self._clock.now()
        if began is not None:
            ok = not isinstance(answer, Failed)
            self._observer.operated(Operated(kind, operation, ok, _seconds(began, ended), ended))
        return answer


@contextmanager
def _asking(kind: str, verb: str) -> Iterator[None]:
    token = _ASKED.set((kind_of(kind).api, f"{kind}.{verb}"))
    try:
        yield
    finally:
        _ASKED.reset(token)


def _seconds(began: datetime, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds())
