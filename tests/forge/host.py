"""A code host on loopback: GitHub's and GitLab's REST for one repository, and its git over HTTP.

host = CodeHost(); host.user("bot-token", 41, "aipress[bot]"); host.pull(1, head=commit); host.url
host.fail(Fault("PATCH", status=502, times=2))   # the next two; the log in host.asked tells what came

The shapes are those of the public API documentation; gidgethub and python-gitlab, unmodified, are held to it in
test_the_code_host.py, so that it is not our own adapters alone that believe it.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

LONGEST = 65_536


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]
    user: int
    """0: no token, or one that is not known."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """Answers instead of the host, `times` times. `lost`: the call is carried out first."""

    method: str
    path: str = ""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=lambda: {"message": "planted"})
    times: int = 1
    lost: bool = False


@dataclass
class Pull:
    number: int
    head: Callable[[], str]
    base: str = "main"
    author: int = 500
    fork: bool = False
    labels: tuple[str, ...] = ()
    state: str = "open"


Row = dict[str, Any]
Route = tuple[str, str, Callable[["CodeHost", Asked, "re.Match[str]"], Reply]]


class CodeHost:
    """State of one repository: `org/fleet` with number 7. Rows are kept neutral; the two APIs dress them."""

    repository, number = "org/fleet", 7

    def __init__(self, git: Path | None = None) -> None:
        self.git = git
        self.url = ""
        self.tokens: dict[str, int] = {}
        self.logins: dict[int, str] = {}
        self.apps: set[int] = set()
        self.levels: dict[int, str] = {}
        self.read_only: set[int] = set()
        self.pulls: dict[int, Pull] = {}
        self.comments: list[Row] = []
        self.reviews: list[Row] = []
        self.versions: list[Row] = []
        self.checks: list[Row] = []
        self.statuses: list[Row] = []
        self.reactions: list[Row] = []
        self.asked: list[Asked] = []
        self.longest = LONGEST
        self._faults: list[Fault] = []
        self._last = 1000
        self._lock = threading.RLock()

    def user(self, token: str, number: int, login: str, *, app: bool = False, level: str = "write") -> int:
        self.tokens[token], self.logins[number], self.levels[number] = number, login, level
        if app:
            self.apps.add(number)
        return number

    def pull(self, number: int, head: str | Callable[[], str], **more: Any) -> Pull:
        self.pulls[number] = Pull(number, head if callable(head) else (lambda: head), **more)
        return self.pulls[number]

    def fail(self, fault: Fault) -> None:
        self._faults.append(fault)

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def say(self, number: int, author: int, body: str) -> Row:
        row = {"id": self.next_id(), "pull": number, "author": author, "body": body}
        self.comments.append(row)
        return row

    def of(self, number: int) -> list[Row]:
        return [row for row in self.comments if row["pull"] == number]

    # --- one request ------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            for fault in self._faults:
                if fault.times and fault.method == asked.method and fault.path in asked.path:
                    fault.times -= 1
                    if fault.lost:
                        self._route(asked)
                    return Reply(fault.status, fault.body, fault.headers)
            return self._tagged(asked, self._paged(asked, self._route(asked)))

    def _route(self, asked: Asked) -> Reply:
        from tests.forge import github_api, gitlab_api

        for method, pattern, function in (*github_api.ROUTES, *gitlab_api.ROUTES):
            found = re.fullmatch(pattern, asked.path)
            if found and method == asked.method:
                if not asked.user:
                    return Reply(401, {"message": "Bad credentials"})
                if asked.user in self.read_only and method != "GET":
                    return Reply(403, {"message": "Resource not accessible by integration"})
                return function(self, asked, found)
        return Reply(404, {"message": "Not Found"})

    def _paged(self, asked: Asked, reply: Reply) -> Reply:
        if not isinstance(reply.body, list):
            return reply
        size, page = min(int(asked.query.get("per_page", "30")), 100), int(asked.query.get("page", "1"))
        rows = reply.body[(page - 1) * size : page * size]
        links = []
        if page * size < len(reply.body):
            query = urlencode({**asked.query, "page": page + 1})
            links.append(f'<{self.url}{asked.path}?{query}>; rel="next"')
        return Reply(reply.status, rows, {**reply.headers, **({"Link": ", ".join(links)} if links else {})})

    def _tagged(self, asked: Asked, reply: Reply) -> Reply:
        if asked.method != "GET" or reply.status != 200:
            return reply
        tag = f'"{hashlib.sha256(json.dumps(reply.body).encode()).hexdigest()[:32]}"'
        if asked.headers.get("if-none-match") == tag:
            return Reply(304, None, {"ETag": tag})
        return Reply(200, reply.body, {**reply.headers, "ETag": tag})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: CodeHost

    def log_message(self, format: str, *args: Any) -> None: ...

    def _any(self) -> None:
        parts = urlsplit(self.path)
        body = self._body()
        if self.host.git is not None and parts.path.startswith("/git/"):
            from tests.forge.git_http import serve

            serve(self, self.host.git, parts, body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = headers.get("authorization", "")
        token = headers.get("private-token") or said.removeprefix("Bearer ").removeprefix("token ").removeprefix(
            "bearer "
        )
        given = json.loads(body) if body else None
        asked = Asked(
            self.command, parts.path, dict(parse_qsl(parts.query)), given, headers, self.host.tokens.get(token, 0)
        )
        reply = self.host.answer(asked)
        text = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any


@contextmanager
def listening(host: CodeHost) -> Iterator[CodeHost]:
    """Answers on a free port of loopback until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
