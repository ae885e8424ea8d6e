"""The pure core: `handle(state, request, now, rng)` answers one request and records what it changed.

It touches nothing but the state it is given: no clock, no files, no network. A door commits `state.writes`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from reconciler.localcloud import operations, projects, services
from reconciler.localcloud.api.bodies import checked, snake
from reconciler.localcloud.api.discovery import Api, Library, Method
from reconciler.localcloud.api.enums import numbered
from reconciler.localcloud.call import Call, Moment, Settings
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, Request, Response

MAXIMUM_BODY = 32 * 1024 * 1024
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

    library: Library = field(default_factory=Library)
    settings: Settings = field(default_factory=Settings)

    def handle(self, state: State, request: Request, now: float, rng: random.Random) -> Response:
        """Answer `request` at virtual time `now` (seconds since the epoch); writes stay in `state.writes`."""
        moment = Moment(state, now, rng, self.settings)
        operations.settle(moment, services.finishers())
        settled = dict(state.writes)
        service = request.path.lstrip("/").partition("/")[0]
        try:
            route = self.route(request)
            service = route.service
            return self._answer(moment, route, request)
        except GoogleError as error:
            state.drop(settled)
            return error.response(service)

    def route(self, request: Request) -> Route:
        """The method that a request addresses. Raises GoogleError 404 for what Google does not have either."""
        service, rest, media = addressed(request.path)
        api = self.library.find(service, rest)
        verb = "POST" if media == "upload" else request.verb
        found = api.match(verb, rest) if api else None
        if api is None or found is None:
            raise GoogleError(404, f"The requested URL {request.path} was not found on this server.")
        return Route(api.name, api, found[0], found[1], media)

    def _answer(self, moment: Moment, route: Route, request: Request) -> Response:
        body = {} if route.media == "upload" else _body(route, request)
        call = Call(
            moment.state, moment.now, moment.rng, moment.settings,
            service=route.service, api=route.api, method=route.method, params=dict(route.params),
            request=request, body=body, media=route.media,
        )  # fmt: skip
        _require(call)
        project = _project(call)
        if project:
            projects.admit(call.state, call.api, project, _permission(call), strict=self.settings.strict_services)
        behaviour = services.methods(route.service).get(route.method.id) or services.fallback(route.service)
        answer = behaviour(call)
        response = answer if isinstance(answer, Response) else Response(200, answer)
        return _encoded(call, response)


def addressed(path: str) -> tuple[str, str, str]:
    """`/run/v2/…` -> ("run", "v2/…", ""). Cloud Storage answers also without a host in front, as its client asks."""
    head, _, rest = path.lstrip("/").partition("/")
    if head in ("upload", "download", "resumable"):
        return "storage", rest, head
    if head == "storage":
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
    name = route.method.request
    known = route.api.schema(name).get("properties", {})
    if isinstance(parsed, dict):
        # A body may repeat what the path already says (`parent`, `name`), although the body's schema lacks it.
        parsed = {key: value for key, value in parsed.items() if key in known or key not in route.params}
    tail = _SCHEMA_PREFIX.sub("", name)
    prefix = (
        "body" if route.service == "sqladmin" else "" if tail.endswith("Request") else snake(tail[0].lower() + tail[1:])
    )
    return checked(route.api, name, parsed, prefix)


def _require(call: Call) -> None:
    for name, parameter in call.method.query_parameters.items():
        if parameter.get("required") and not call.query(name):
            raise GoogleError(400, f"Required parameter: {name}", reason="required")


def _project(call: Call) -> str:
    for name in ("project", "projectId"):
        if name in call.params:
            return call.params[name]
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
