"""The pure core: `handle(state, request, now, rng)` answers one request and records what it changed.

It touches nothing but the state it is given: no clock, no files, no network. A door commits `state.writes`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from reconciler.localcloud import limits, operations, projects, services, unrouted
from reconciler.localcloud.api.bodies import checked, snake
from reconciler.localcloud.api.discovery import Api, Library, Method, documents
from reconciler.localcloud.api.enums import numbered
from reconciler.localcloud.call import Call, Moment, Settings
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, Request, Response

_DEEPEST = 100
MAXIMUM_BODY = 32 * 1024 * 1024
_WHOLE = {form: f"TYPE_{form.upper()}" for form in ("int32", "uint32", "int64", "uint64")}
_INTEGER = re.compile(r"-?\d{1,20}")
_SCHEMA_PREFIX = re.compile(r"^Google(?:Cloud|Devtools|Api)?[A-Za-z]*?V\d+(?:beta\d+)?(?=[A-Z])")
_RESOURCE_MANAGER_VERBS = {"insert": "create", "patch": "update"}


@dataclass(frozen=True)
class Route:
    """Where a request goes: the method of the API, its path parameters, and `upload` or `download` for media."""

    service: str
    api: Api
    method: Method
    params: Mapping[str, str]
    media: str = ""


@dataclass
class Cloud:
    """The core with its API model loaded; `state` is passed in, so one Cloud can serve many states."""

    library: Library = field(default_factory=documents)
    settings: Settings = field(default_factory=Settings)

    def settle(self, state: State, now: float, rng: random.Random) -> dict[tuple[str, str], int]:
        """Bring about what time alone brings about; returns the counters of limits that it changed."""
        self.settle_some(state, now, rng)
        return limits.count(state)

    def settle_some(self, state: State, now: float, rng: random.Random, most: int = operations.ALL) -> bool:
        """Settle at most so many operations; whether there may be more. All, after long, would fill the memory."""
        return operations.settle(Moment(state, now, rng, self.settings), services.finishers(), most)

    def handle(
        self, state: State, request: Request, now: float, rng: random.Random, route: Route | None = None
    ) -> Response:
        """Answer `request` at virtual time `now` (seconds since the epoch); writes stay in `state.writes`.

        `route` spares finding it again.
        """
        counts = self.settle(state, now, rng)
        moment = Moment(state, now, rng, self.settings)
        state.settled = dict(state.writes)
        service = request.path.lstrip("/").partition("/")[0]
        try:
            route = route or self._route(request)
            if route is None:
                other = unrouted.found(request, self.library)
                if other is None:
                    raise GoogleError(404, f"The requested URL {request.path} was not found on this server.")
                return other(moment)
            service = route.service
            response = self._answer(moment, route, request)
            limits.enforce(state, self.settings, counts)
        except GoogleError as error:
            state.drop()
            response = error.response(service)
        # What time brought about is kept even when the request is refused, so it is looked at as well.
        for watcher in services.watchers() if state.writes else ():
            watcher(moment)
        return response

    def route(self, request: Request) -> Route:
        """The method that a request addresses. Raises GoogleError 404 for what Google does not have either."""
        found = self._route(request)
        if found is None:
            raise GoogleError(404, f"The requested URL {request.path} was not found on this server.")
        return found

    def _route(self, request: Request) -> Route | None:
        service, rest, media = addressed(request.path)
        api = self.library.find(service, rest)
        verb = "POST" if media == "upload" else request.verb
        # A slash at the end is forgiven, as by Google's front end (recordings: `GET /v3/tagBindings/`).
        found = (api.match(verb, rest) or api.match(verb, rest.rstrip("/"))) if api else None
        return None if api is None or found is None else Route(api.name, api, found[0], found[1], media)

    def _answer(self, moment: Moment, route: Route, request: Request) -> Response:
        body = {} if route.media == "upload" else _body(route, request)
        own = services.methods(route.service)
        call = Call(
            moment.state, moment.now, moment.rng, moment.settings,
            service=route.service, api=route.api, method=route.method, params=dict(route.params),
            request=request, body=body, media=route.media, own=own,
        )  # fmt: skip
        _require(call)
        project = _project(call)
        if project:
            asked = projects.Asked(project, _permission(call), call.subject)
            projects.admit(call.state, call.api, asked, strict=self.settings.strict_services)
        behaviour = own.get(route.method.id) or services.fallback(route.service)
        answer = behaviour(call)
        response = answer if isinstance(answer, Response) else Response(200, answer)
        return _encoded(call, response)


def addressed(path: str) -> tuple[str, str, str]:
    """`/run/v2/…` -> ("run", "v2/…", ""). Cloud Storage answers also without a host in front, as its client asks."""
    head, _, rest = path.lstrip("/").partition("/")
    if head in ("upload", "download", "resumable"):
        # gcloud opens a resumable upload at `/resumable/upload/…`.
        return "storage", rest.removeprefix("upload/"), "download" if head == "download" else "upload"
    if head == "storage":
        rest = rest.removeprefix("resumable/")
        for media in ("upload", "download"):
            if rest.startswith(f"{media}/"):
                return head, rest.removeprefix(f"{media}/"), media
        if not rest.startswith("storage/"):
            rest = f"storage/{rest}"
    return head, rest, ""


def _body(route: Route, request: Request) -> Json:
    if not route.method.request or not request.body:
        return {}
    if len(request.body) > MAXIMUM_BODY:
        raise GoogleError(413, "Request payload size exceeds the limit: 33554432 bytes.", "INVALID_ARGUMENT")
    try:
        parsed = orjson.loads(request.body)
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}".split(": line")[0]) from error
    _check_depth(request.body, parsed)
    name = route.method.request
    known = route.api.schema(name).get("properties", {})
    if isinstance(parsed, dict):
        # A body may repeat what the path already says (`parent`, `name`), although the body's schema lacks it.
        parsed = {key: value for key, value in parsed.items() if key in known or key not in route.params}
    return checked(route.api, name, parsed, _field_of(route.service, name))


def _check_depth(raw: bytes, parsed: Any) -> None:
    """Google's reader of JSON goes a hundred levels down (protobuf's json_stream_parser.cc, from which the words are).

    What is deeper could be read here, but not written again.
    """
    if raw.count(b"{") + raw.count(b"[") <= _DEEPEST:
        return
    level = [("", parsed)]
    for _ in range(_DEEPEST + 1):
        level = [
            (str(key), inner)
            for name, value in level
            for key, inner in (value.items() if isinstance(value, dict) else ((name, one) for one in value))
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise invalid(f"Message too deep. Max recursion depth reached for key '{level[0][0]}'")


@cache
def _field_of(service: str, schema_name: str) -> str:
    """The field of the request message that the body is, as complaints name it; empty when it is the whole message."""
    tail = _SCHEMA_PREFIX.sub("", schema_name)
    if service == "sqladmin":
        return "body"
    return "" if tail.endswith("Request") else snake(tail[0].lower() + tail[1:])


def _require(call: Call) -> None:
    """GoogleError 400 for a query parameter that is missing, or no number where the API has one."""
    for name in call.method.required:
        if not call.query(name):
            raise GoogleError(400, f"Required parameter: {name}", reason="required")
    for name, values in call.request.query.items():
        form = call.method.query_parameters.get(name, {}).get("format", "")
        if form in _WHOLE and values and values[0] and not _INTEGER.fullmatch(values[0]):
            where = snake(name)
            said = f"Invalid value at '{where}' ({_WHOLE[form]}), \"{values[0]}\""
            raise invalid(said, (where, said))


def _project(call: Call) -> str:
    for name in ("project", "projectId"):
        if name in call.params:
            # Pub/Sub's `{+project}` is a whole name (`projects/acme`), the others hold the id.
            return projects.of(call.params[name]) or call.params[name]
    return projects.of(call.subject) or (call.query("project") if call.service == "storage" else "")


def _permission(call: Call) -> str:
    collection = call.method.id.split(".")[-2]
    verb = _RESOURCE_MANAGER_VERBS.get(call.method.name, call.method.name)
    return f"{call.service}.{collection}.{verb}"


def _encoded(call: Call, response: Response) -> Response:
    if not isinstance(response.body, dict) or not call.query("$alt").endswith("enum-encoding=int"):
        return response
    body: Any = numbered(call.api, call.api.schema(call.method.response), response.body)
    return Response(response.status, body, response.headers)
