"""What Google's front end does to every JSON request, whatever the API: `fields`, `alt`, `prettyPrint`, HEAD, gzip.

The system parameters are listed at https://cloud.google.com/apis/docs/system-parameters.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import replace

import orjson

from reconciler.localcloud.api.bodies import camel
from reconciler.localcloud.core import MAXIMUM_BODY
from reconciler.localcloud.doors import etags, partial
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.house import House, Outcome
from reconciler.localcloud.values import Request, Response

JSON = "application/json; charset=UTF-8"
# Packing costs more than it saves on loopback, so only answers that are large anyway show a client how Google's look.
_WORTH_PACKING = 64 * 1024


def answer(house: House, request: Request) -> Outcome:
    """Answer a request that has the core's path. Raises GoogleError for a wrong system parameter, before any effect."""
    if request.verb == "HEAD":
        request = replace(request, verb="GET")
    query, headers = request.query, request.headers
    if (
        "alt" not in query
        and "fields" not in query
        and "prettyPrint" not in query
        and "x-goog-fieldmask" not in headers
    ):
        return etags.answer(house, request, house.answer)
    alt = query.get("alt", ["json"])[0]
    if alt.partition(";")[0] not in ("json", "media"):
        raise invalid(f"Invalid value {alt!r} for alt: the local cloud answers json and media.")
    mask = next(iter(query.get("fields", ())), "") or camel(headers.get("x-goog-fieldmask", ""))
    tree = partial.parsed(mask) if mask and alt != "media" else {}
    if tree:
        _check(house, request, tree)
    outcome = etags.answer(house, request, house.answer)
    response = outcome.response
    if isinstance(response.body, dict) and response.status < 400:
        response = replace(response, body=partial.part(tree, response.body))
    if isinstance(response.body, dict) and query.get("prettyPrint") == ["true"]:
        text = orjson.dumps(response.body, option=orjson.OPT_INDENT_2) + b"\n"
        response = replace(response, body=text, headers={"content-type": JSON, **response.headers})
    return replace(outcome, response=response)


def _check(house: House, request: Request, tree: partial.Tree) -> None:
    try:
        route = house.cloud.route(request)
    except GoogleError:
        return  # the core says what is wrong with the request itself
    if route.method.response:
        partial.check(route.api, route.api.schema(route.method.response), tree)


def unpacked(raw: bytes) -> bytes:
    """The body of a request with Content-Encoding: gzip. Raises GoogleError: not gzip, or far larger than it looks."""
    reader = zlib.decompressobj(wbits=31)
    try:
        body = reader.decompress(raw, MAXIMUM_BODY + 1)
    except zlib.error as error:
        raise GoogleError(400, f"Invalid gzip body: {error}") from error
    if len(body) > MAXIMUM_BODY:
        raise GoogleError(413, f"Request payload size exceeds the limit: {MAXIMUM_BODY} bytes.", "INVALID_ARGUMENT")
    if not reader.eof:
        raise GoogleError(400, "Invalid gzip body: it ends too early")
    return body


def printed(response: Response) -> tuple[bytes, str]:
    """The body's bytes and their content type, unless the response names one itself."""
    body = response.body
    if body is None:
        return b"", JSON
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    return orjson.dumps(body), JSON


def packed(response: Response, body: bytes, asked: Mapping[str, str]) -> bytes | None:
    """A large JSON answer for a client that takes gzip; None where it goes as it is."""
    if len(body) < _WORTH_PACKING or isinstance(response.body, bytes):
        return None
    return gzip.compress(body, 1) if "gzip" in asked.get("accept-encoding", "") else None
