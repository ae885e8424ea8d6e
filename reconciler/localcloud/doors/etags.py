"""ETags in headers, as Cloud Storage has them: https://cloud.google.com/storage/docs/request-preconditions#etags.

A read with If-None-Match that still matches is 304 without a body; a change with If-Match that does not is 412.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from reconciler.localcloud.core import addressed
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Request, Response

_PLACES = ("/storage/", "/upload/", "/download/", "/resumable/")


def answer(house: House, request: Request, perform: Callable[[Request], Outcome]) -> Outcome:
    """Perform a request under the conditions in its headers, and name the ETag of what is answered."""
    if not request.path.startswith(_PLACES):
        return perform(request)
    match, none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    reads = request.verb == "GET"
    if (match or none_match) and not (reads and request.query.get("alt") != ["media"]):
        seen = _seen(house, request)
        if refused := _refusal(seen, match, none_match, reads=reads):
            return Outcome(refused)
    outcome = perform(request)
    response = outcome.response
    if not isinstance(response.body, dict) or response.status != 200 or "etag" not in response.body:
        return outcome
    own = str(response.body["etag"])
    if reads and (refused := _refusal(own, match, none_match, reads=True)):
        return replace(outcome, response=refused)
    return replace(outcome, response=replace(response, headers={"etag": own, **response.headers}))


def _seen(house: House, request: Request) -> str:
    """The ETag of the resource that a request is about, "" when it is not there. Nobody is told that we looked."""
    if addressed(request.path)[0] != "storage":
        return ""
    query = {name: value for name, value in request.query.items() if name == "generation"}
    look = Request("GET", request.path, query, {"host": request.headers.get("host", "")})
    found = house.cloud.handle(State(house.rows), look, house.now, random.Random(0))  # noqa: S311 - only reads
    return str(found.body.get("etag", "")) if isinstance(found.body, dict) else ""


def _refusal(etag: str, match: str | None, none_match: str | None, *, reads: bool) -> Response | None:
    if none_match is not None and _among(etag, none_match):
        return Response(304, None, {"etag": etag}) if reads else _failed("If-None-Match")
    return _failed("If-Match") if match is not None and not _among(etag, match) else None


def _among(etag: str, listed: str) -> bool:
    names = [name.strip().removeprefix("W/").strip('"') for name in listed.split(",")]
    return bool(etag) and (etag.strip('"') in names or "*" in names)


def _failed(header: str) -> Response:
    message = "At least one of the pre-conditions you specified did not hold."
    return GoogleError(412, message, location=header).response("storage")
