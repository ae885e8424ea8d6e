"""HTTP to a code host: waits where it asks us to, tries again what may pass, and shows the token to nobody else.

httpx2 alone: gidgethub (asynchronous) and python-gitlab leave waiting, bounds and errors to their callers, and we make
a dozen calls. Both speak to the tests' code host, unmodified, so that it is held to what the real ones answer.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from reconciler.model.errors import (
    AipressError,
    ForbiddenError,
    ForgeUnreachableError,
    InputError,
    TooLongError,
    UsageError,
)
from reconciler.model.ports import Clock

TRIES = 5
LONGEST_WAIT = 120.0
"""Seconds that one wait may take; a host that asks for more is left alone."""
SECONDARY_WAIT = 60.0
"""What GitHub wants after a secondary limit that names no time."""
SECONDS = 30.0
"""For one answer."""
PAGES = 100
"""A hundred rows each."""
_REMEMBERED = 256
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TRY_AGAIN = frozenset({500, 502, 503, 504})
_TOO_LONG = ("too long", "too large", "too_long")


@dataclass(frozen=True, slots=True)
class Door:
    """Where a code host answers and as whom. `base` ends without a slash ("https://api.github.com")."""

    host: str
    """What people call it ("GitHub")."""
    base: str
    token: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    next: str = ""
    """The URL of the page after this one."""


class Calls:
    """Calls of one host. Not for several threads at once."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door, self._clock = door, clock
        self._origin = _origin(door)
        self._seen: dict[str, tuple[str, Answer]] = {}
        headers = {**door.headers, "Authorization": f"Bearer {_sendable(door)}", "User-Agent": "aipress"}
        loopback = urlsplit(door.base).hostname in _LOOPBACK
        self._client = httpx2.Client(headers=headers, timeout=SECONDS, trust_env=not loopback)

    def get(self, path: str, **query: str | int) -> Any:
        return self.call("GET", path, query=query).body

    def rows(self, path: str, **query: str | int) -> Iterator[Mapping[str, Any]]:
        """Every row of a list, page after page. A page elsewhere is not asked for: our token would go with it."""
        answer = self.call("GET", path, query={"per_page": 100, **query})
        for _ in range(PAGES):
            if not isinstance(answer.body, list):
                raise AipressError(f"{self._door.host} answered {path} with something that is no list")
            yield from answer.body
            if not answer.next:
                return
            answer = self.call("GET", answer.next)
        raise AipressError(f"{self._door.host} lists more than {PAGES * 100:,} rows of {path}", "nobody reads so many")

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, str | int] | None = None) -> Answer:
        """One answer below 300; everything else is raised, in words (see model.forge.Forge)."""
        url = self._door.base + path if path.startswith("/") else path
        if _origin_of(url) != self._origin:
            raise AipressError(f"{self._door.host} sends us to another address", "see whether the API's URL is right")
        for tried in range(1, TRIES + 1):
            response = self._once(method, url, body, query)
            wait = _wait(response, tried, self._clock)
            if wait is None:
                return self._read(method, path, response)
            if tried == TRIES or wait > LONGEST_WAIT:
                break
            self._clock.sleep(wait)
        raise ForgeUnreachableError(*_given_up(self._door.host, response, wait))

    def _once(
        self, method: str, url: str, body: Any, query: Mapping[str, str | int] | None
    ) -> httpx2.Response | httpx2.TransportError:
        known = self._seen.get(_key(url, query)) if method == "GET" else None
        headers = {"If-None-Match": known[0]} if known else {}
        try:
            return self._client.request(method, url, params=query or None, json=body, headers=headers)
        except httpx2.TransportError as error:
            return error
        except httpx2.InvalidURL as error:
            raise AipressError(f"{self._door.host}: {url[:200]} is no URL") from error

    def _read(self, method: str, path: str, response: Any) -> Answer:
        """What asked us to wait, or did not come at all, does not get here."""
        key = str(response.request.url)
        if response.status_code == 304 and key in self._seen:
            return self._seen[key][1]
        if response.status_code >= 300:
            raise _refused(self._door.host, path, response)
        following = urljoin(key, str(response.links.get("next", {}).get("url", ""))) if response.links else ""
        answer = Answer(response.status_code, _json(response, self._door.host), following)
        if method == "GET" and "etag" in response.headers and len(self._seen) < _REMEMBERED:
            self._seen[key] = (response.headers["etag"], answer)
        return answer


@contextmanager
def understood(host: str) -> Iterator[None]:
    """Rows that are not shaped as documented are said in words. As a decorator: for everything a method reads."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise AipressError(
            f"{host} answered something that we do not understand ({type(error).__name__}: {str(error)[:100]})",
            "is this the API's address, and a version that we know?",
        ) from error


def _key(url: str, query: Mapping[str, str | int] | None) -> str:
    return str(httpx2.URL(url, params=dict(query)) if query else httpx2.URL(url))


def _sendable(door: Door) -> str:
    if not door.token or not door.token.isascii() or not door.token.isprintable() or " " in door.token:
        raise UsageError(
            f"the token for {door.host} is no token: it is empty or holds characters no token has",
            "write it into the variable or file alone, without quotes",
        )
    return door.token


def _origin(door: Door) -> str:
    origin = _origin_of(door.base)
    host = urlsplit(door.base).hostname if origin else ""
    if not origin or (origin.startswith("http:") and host not in _LOOPBACK):
        raise UsageError(
            f"{door.base[:200]!r} is not where {door.host} may answer: the token would travel in the open",
            "give the API's address with https://",
        )
    return origin


def _origin_of(url: str) -> str:
    """ "https://api.github.com", or "" for what is no web address. Names and passwords in it are refused."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    fine = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return f"{parts.scheme}://{parts.netloc.rpartition(':')[0] if port else parts.netloc}{port}" if fine else ""


def _wait(response: httpx2.Response | httpx2.TransportError, tried: int, clock: Clock) -> float | None:
    """Seconds until the same call may be made again; None: this is the answer."""
    pause = float(2 ** (tried - 1))
    if isinstance(response, httpx2.TransportError):
        return pause
    if response.status_code in _TRY_AGAIN:
        return max(pause, _number(response.headers.get("retry-after")) or 0.0)
    if response.status_code not in (403, 429):
        return None
    asked = _number(response.headers.get("retry-after"))
    if asked is not None:
        return max(asked, 1.0)
    left = response.headers.get("x-ratelimit-remaining", response.headers.get("ratelimit-remaining"))
    until = _number(response.headers.get("x-ratelimit-reset", response.headers.get("ratelimit-reset")))
    if left == "0" and until is not None:
        return max(until - clock.now().timestamp(), 1.0)
    limited = response.status_code == 429 or "secondary rate limit" in response.text[:2000].lower()
    return SECONDARY_WAIT if limited else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text and len(text) < 20 else None
    except ValueError:
        return None


def _given_up(host: str, response: httpx2.Response | httpx2.TransportError, wait: float | None) -> tuple[str, str]:
    again = "run the same command again later; it goes on from there"
    if isinstance(response, httpx2.TransportError):
        kind = type(response).__name__
        return f"{host} does not answer ({kind}), {TRIES} times", "is the API's address right, and a proxy needed?"
    if response.status_code in _TRY_AGAIN:
        return f"{host} answers {response.status_code}, {TRIES} times", again
    return f"{host} limits how often we may ask, and wants {wait or 0:,.0f} s of silence", again


def _refused(host: str, path: str, response: httpx2.Response) -> AipressError:
    said = _said(response)
    words = f"{host} answers {response.status_code} to {path.partition('?')[0]}{f': {said}' if said else ''}"
    status = response.status_code
    if status == 401:
        return ForbiddenError(f"{host} does not accept the token{f': {said}' if said else ''}", "make a new one")
    if status == 403:
        return ForbiddenError(words, "give the token the permission that this needs (see examples/ci)")
    if status in (404, 410):
        return InputError(words, "it is not there, or the token may not see it")
    if status == 413 or (status in (400, 422) and any(sign in response.text.lower() for sign in _TOO_LONG)):
        return TooLongError(words, "this is a bug of ours: bodies are kept short")
    if status < 400:
        return InputError(f"{words}: it has moved", "give the repository's new name")
    return AipressError(words)


def _said(response: httpx2.Response) -> str:
    """The host's own message, short."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ""
    said = (body.get("message") or body.get("error")) if isinstance(body, dict) else ""
    return str(said or "")[:200]


def _json(response: httpx2.Response, host: str) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise AipressError(f"{host} answered with something that is no JSON", "is this the API's address?") from error
