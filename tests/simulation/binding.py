"""The real gcp adapters and Google's real clients over the local cloud's own pure core, in one process.

    house = new_house(clock)
    cloud = bound(Binding(house), clock)          # a GoogleCloud: list, get, begin, poll
    house.faults.add({"kind": "lost_response", "method": "run.*.create"}); house.calls.since(0)

Nothing of Google's libraries is replaced but the socket: requests sends through an adapter that is mounted on it. A
`quick` binding also leaves out requests' own machinery (proxies, cookies, redirects, the anonymous credentials), which
takes a fifth of a call.

`Binding.house` may be exchanged between calls (a snapshot), and so the clients, which cost a second to make, serve a
whole worker. `Binding.before` and `Binding.after` see every call; what they raise reaches whoever called the client,
as a BaseException does.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from reconciler.gcp.cloud import GoogleCloud
from reconciler.gcp.session import CloudSetting, Session
from reconciler.localcloud.call import Settings
from reconciler.localcloud.doors import front
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.state import MemoryRows
from reconciler.localcloud.values import Request
from reconciler.model.ports import Clock

URL = "http://127.0.0.1:1"
"""Nobody listens there: a call that went past the binding would fail."""


def new_house(clock: Clock, seed: int = 1, rows: MemoryRows | None = None, **settings: Any) -> House:
    """A local cloud over memory whose time is the virtual clock's. `settings`: as `localcloud.call.Settings`."""
    return House(rows or MemoryRows(), Settings(**settings), seed, lambda: clock.now().timestamp())  # type: ignore[arg-type]


def copied(rows: MemoryRows) -> MemoryRows:
    """The same state again: values are immutable bytes, so only the index is copied."""
    twin = MemoryRows()
    twin._values, twin._keys = dict(rows._values), list(rows._keys)
    return twin


class LostError(ConnectionError):
    """The connection broke: nobody knows whether the other side did it."""


@dataclass
class Binding:
    """The wire under one Session: `mount` is what Session asks of it."""

    house: House
    quick: bool = False
    before: Callable[[Request], None] = lambda _request: None
    after: Callable[[Request, Outcome], Outcome] = lambda _request, outcome: outcome
    calls: int = 0

    def mount(self, http: requests.Session) -> None:
        http.adapters.clear()
        http.mount(URL, _Mounted(self))
        if self.quick:
            http.request = _Quick(self)  # type: ignore[method-assign]

    def carry(
        self, verb: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One call, with what the front end of the local cloud does to it. Raises LostError."""
        self.calls += 1
        path, _, query = target.partition("?")
        parsed = parse_qs(query, keep_blank_values=True) if query else {}
        request = Request(verb, path, parsed, headers, body)
        self.before(request)
        try:
            outcome = front.answer(self.house, request)
        except GoogleError as error:
            outcome = Outcome(error.response(""))
        outcome = self.after(request, outcome)
        if outcome.lost:
            raise LostError("Connection aborted.")
        content, kind = front.printed(outcome.response)
        answered = {key.lower(): str(value) for key, value in outcome.response.headers.items()}
        return outcome.response.status, {"content-type": kind, **answered}, content


def bound(binding: Binding, clock: Clock) -> GoogleCloud:
    return GoogleCloud(session_over(binding, clock))


def session_over(binding: Binding, clock: Clock) -> Session:
    return Session(CloudSetting(url=URL), clock, binding)


def sharing_clients(session: Session, clock: Clock) -> Session:
    """A session of another process of ours, with its own clock, over clients that are made already."""
    twin = Session(session.setting, clock, session._wire)
    twin._made = session._made
    return twin


@dataclass
class _Mounted(BaseAdapter):
    binding: Binding

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        headers = {key.lower(): _text(value) for key, value in request.headers.items()}
        assert request.url is not None and request.method is not None
        try:
            status, answered, content = self.binding.carry(request.method, request.url[len(URL) :], headers, body)
        except LostError as error:
            raise requests.exceptions.ConnectionError(error, request=request) from error
        response = requests.Response()
        response.status_code, response.headers = status, CaseInsensitiveDict(answered)
        response._content, response._content_consumed = content, True  # type: ignore[attr-defined]
        response.encoding, response.url, response.request = "utf-8", request.url, request
        response.reason, response.raw = _reason(status), io.BytesIO(b"")
        return response

    def close(self) -> None:
        pass


@dataclass
class _Quick:
    """In place of Session.request: the request that it would have prepared goes straight to the adapter."""

    binding: Binding

    def __call__(
        self, method: str, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any
    ) -> requests.Response:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.body = method.upper(), data
        prepared.url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url
        prepared.headers = CaseInsensitiveDict(headers or {})
        return _Mounted(self.binding).send(prepared)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
