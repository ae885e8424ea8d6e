"""The recorder: every call with who asked, on what condition, what came of it and what it wrote. No secrets.

Bodies, query values other than preconditions, and tokens are not kept (a token only as a hash, to tell callers apart).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import orjson

from reconciler.localcloud.values import Json, Request

_REMEMBERED_BYTES = 32 * 1024 * 1024
_LISTED_KEYS = 50
# Query parameters, body fields and headers by which a caller makes a write conditional or repeatable.
_QUERY = (
    "etag", "requestId", "updateMask", "ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch",
    "ifMetagenerationNotMatch", "ifSourceGenerationMatch", "generation", "validateOnly", "allowMissing", "force",
)  # fmt: skip
_BODY = ("etag", "requestId", "fingerprint", "updateMask", "settingsVersion")
_BODY_BYTES = tuple(name.encode() for name in _BODY)
_HEADERS = ("if-match", "if-none-match")
# Kept for ourselves: no caller thinks of them as things in the cloud.
HOUSEKEEPING = ("count/", "pending/", "timers/", "expiry/", "meta/")


@dataclass
class Recorder:
    """The last calls as JSON bytes, bounded in memory; the oldest are forgotten."""

    most: int = _REMEMBERED_BYTES
    _calls: deque[bytes] = field(default_factory=deque)
    _bytes: int = 0

    def add(self, entry: Json) -> None:
        raw = orjson.dumps(entry)
        self._calls.append(raw)
        self._bytes += len(raw) + 80
        while self._bytes > self.most:
            self._bytes -= len(self._calls.popleft()) + 80

    def since(self, number: int) -> list[bytes]:
        """The entries after a number, as JSON; cheap when that is recent."""
        found = []
        for raw in reversed(self._calls):
            if raw.startswith(b'{"n":') and int(raw[5 : raw.index(b",")]) <= number:
                break
            found.append(raw)
        return found[::-1]

    def clear(self) -> None:
        self._calls.clear()
        self._bytes = 0


FILTERS = ("since", "method", "service", "mutating", "resource", "caller", "status", "limit")


def filtered(entries: Iterable[bytes], query: Mapping[str, list[str]]) -> list[bytes]:
    """The entries that a query of the admin door asks for. Raises ValueError for a filter that is not known."""
    if unknown := sorted(set(query) - set(FILTERS)):
        raise ValueError(f"no filter is named {', '.join(unknown)}; known are: {', '.join(FILTERS)}")
    asked = {name: values[0] for name, values in query.items()}
    most = int(asked.pop("limit", "0"))
    asked.pop("since", None)
    # One entry at a time is decoded, as all of them would fill the memory.
    found = [raw for raw in entries if not asked or _meets(orjson.loads(raw), asked)]
    return found[-most:] if most > 0 else found


def _meets(entry: Json, asked: Mapping[str, str]) -> bool:
    return (
        fnmatchcase(entry["method"], asked.get("method", "*"))
        and fnmatchcase(entry["resource"], asked.get("resource", "*"))
        and asked.get("service", entry["service"]) == entry["service"]
        and asked.get("status", str(entry["status"])) == str(entry["status"])
        and asked.get("mutating", str(entry["mutating"]).lower()) == str(entry["mutating"]).lower()
        and asked.get("caller", "") in said(entry["caller"])
    )


def caller_of(headers: Mapping[str, str]) -> Json:
    """Who asks: token (as a hash), quota project, user agent; what was not sent is left out."""
    found: Json = {}
    if token := headers.get("authorization"):
        found["token"] = _hashed(token)
    if project := headers.get("x-goog-user-project"):
        found["project"] = project
    if agent := headers.get("user-agent"):
        found["agent"] = agent[:120]
    return found


@lru_cache(maxsize=1024)
def _hashed(token: str) -> str:
    return "sha256:" + hashlib.sha256(token.removeprefix("Bearer ").encode()).hexdigest()[:12]


def said(caller: Json) -> str:
    """A caller as one text, for matching."""
    return " ".join(caller.values())


def preconditions(request: Request) -> Json:
    """What the request makes itself conditional on, from query, headers and body."""
    found: Json = {name: request.query[name][0] for name in _QUERY if name in request.query}
    found |= {name: request.headers[name] for name in _HEADERS if name in request.headers}
    if request.body and len(request.body) < 1_000_000 and any(name in request.body for name in _BODY_BYTES):
        try:
            body: Any = orjson.loads(request.body)
        except ValueError:
            return found
        for part in (body, body.get("policy"), body.get("settings")) if isinstance(body, dict) else ():
            if isinstance(part, dict):
                found |= {name: part[name] for name in _BODY if isinstance(part.get(name), str | int)}
    return found


def resource_of(request: Request, method: str) -> str:
    """The name of what the request is about: the path after the version, and the id a create was given."""
    _, _, rest = request.path.lstrip("/").partition("/")
    parts = rest.split("/")
    while parts and (parts[0] in ("storage", "upload", "download", "sql", "compute", "dns") or _is_version(parts[0])):
        parts.pop(0)
    path = unquote("/".join(parts))
    head, slash, last = path.rpartition("/")
    name = path if path.startswith("b/") else f"{head}{slash}{last.partition(':')[0]}"
    if method.endswith((".create", ".insert")):
        own = next(
            (values[0] for key, values in request.query.items() if key.endswith("Id") and key != "requestId"), ""
        )
        own = own or request.query.get("name", [""])[0]
        return f"{name}/{own}" if own else name
    return name


def _is_version(part: str) -> bool:
    return len(part) > 1 and part[0] == "v" and part[1].isdigit()


def wrote(keys: Iterable[str]) -> list[str]:
    """The keys that a caller's write changed, ours left out, as many as are worth keeping."""
    found = sorted(key for key in keys if not key.startswith(HOUSEKEEPING))
    return [*found[:_LISTED_KEYS], f"… {len(found) - _LISTED_KEYS} more"] if len(found) > _LISTED_KEYS else found
