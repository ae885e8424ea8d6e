"""The responses of reliability.md T5 and the shapes of long-running operations of T6, each as something done to a call.

A response is given instead of the call (`before` the effect) or after the call has had its effect.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from reconciler.localcloud.values import Request
from tests.simulation.binding import Binding, LostError

Answer = tuple[int, dict[str, str], bytes]
JSON = {"content-type": "application/json; charset=UTF-8"}
PAGE = b"<!DOCTYPE html><html lang=en><title>Error 502 (Server Error)!!1</title>"


class TimedOutError(Exception):
    """No answer in time; what a client makes of it depends on the client."""


class BrokenTlsError(Exception):
    """The other side's certificate is not believed."""


@dataclass(frozen=True)
class Response:
    """`applied`: the call has had its effect. `answer` gets the true answer (None when the call was not made) and may
    raise. `of`: which calls it can come to ("any", "list", "poll")."""

    id: str
    told: str
    answer: Callable[[Answer | None], Answer]
    applied: bool = False
    of: str = "any"


def error(status: int, word: str, message: str, reason: str = "", **headers: str) -> Callable[[Answer | None], Answer]:
    inner: dict[str, Any] = {"code": status, "status": word, "message": message}
    if reason:
        inner["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
        inner["errors"] = [{"reason": reason}]
    return lambda _: (status, {**JSON, **headers}, json.dumps({"error": inner}).encode())


def _raises(error_: Exception) -> Callable[[Answer | None], Answer]:
    def answer(_: Answer | None) -> Answer:
        raise error_

    return answer


def _document(given: Answer | None) -> dict[str, Any]:
    assert given is not None
    document: Any = json.loads(given[2]) if given[2] else {}
    return document if isinstance(document, dict) else {}


def _changed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Answer | None], Answer]:
    """The true answer with something done to its JSON."""

    def answer(given: Answer | None) -> Answer:
        assert given is not None
        return given if given[0] >= 400 else (given[0], given[1], json.dumps(change(_document(given))).encode())

    return answer


def _unknown_enums(document: dict[str, Any]) -> dict[str, Any]:
    """Every word in capitals that says a state or a type becomes one that no client knows."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, key) for inner in value]
        return (
            "SOMETHING_NEW"
            if isinstance(value, str) and key in ("launchStage", "executionEnvironment", "kindOf")
            else value
        )

    return {**walk(document), "somethingNew": "SOMETHING_NEW"}


_NAMING = ("name", "projectId", "instance", "bucket")


def _halved(given: Answer | None) -> Answer:
    assert given is not None
    return given[0], given[1], given[2][: len(given[2]) // 2] or b"{"


def _without_end(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("response", "error")}


RESPONSES: tuple[Response, ...] = (
    Response("400", "invalid argument", error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")),
    Response("401", "not signed in", error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")),
    Response("403", "forbidden", error(403, "PERMISSION_DENIED", "The caller does not have permission")),
    Response("403 not enabled yet", "an API that was just enabled", error(
        403, "PERMISSION_DENIED", "API has not been used in project before or it is disabled.", "SERVICE_DISABLED")),
    Response("404", "not found", error(404, "NOT_FOUND", "Requested entity was not found.")),
    Response("409 exists", "the name is taken", error(409, "ALREADY_EXISTS", "Requested entity already exists")),
    Response("409 in progress", "another operation is going on", error(
        409, "ABORTED", "Operation failed because another operation was already in progress.", "operationInProgress")),
    Response("412", "a precondition does not hold", error(412, "FAILED_PRECONDITION", "Precondition Failed")),
    Response("429", "too many calls", error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED")),
    Response("429 Retry-After", "too many calls, come back in 7 s", error(
        429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED", **{"retry-after": "7"})),
    Response("500", "internal error", error(500, "INTERNAL", "Internal error encountered.")),
    Response("500 applied", "internal error after the effect", error(500, "INTERNAL", "Internal error."), True),
    Response("502", "bad gateway", error(502, "UNKNOWN", "Bad Gateway")),
    Response("503", "unavailable", error(503, "UNAVAILABLE", "The service is currently unavailable.")),
    Response("504", "deadline exceeded", error(504, "DEADLINE_EXCEEDED", "Deadline expired.")),
    Response("HTML page", "an error page of a proxy", lambda _: (502, {"content-type": "text/html"}, PAGE)),
    Response("reset", "connection reset before the effect", _raises(LostError("Connection aborted."))),
    Response("reset applied", "connection reset after the effect", _raises(LostError("Connection aborted.")), True),
    Response("time-out", "no answer in time, no effect", _raises(TimedOutError())),
    Response("time-out applied", "no answer in time, and an effect", _raises(TimedOutError()), True),
    Response("TLS error", "the certificate is not believed", _raises(BrokenTlsError())),
    Response("truncated JSON", "half an answer, after the effect",
             _halved, True),
    Response("no JSON", "an answer of another language, after the effect", lambda _: (200, JSON, b"<ok/>"), True),
    Response("wrong content type", "a page for people with 200, after the effect",
             lambda _: (200, {"content-type": "text/html"}, b"<html>login</html>"), True),
    Response("200 with an error", "an error that calls itself a success",
             lambda _: (200, JSON, b'{"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}')),
    Response("200 and nothing", "an empty object, after the effect", lambda _: (200, JSON, b"{}"), True),
    Response("unknown enum", "words of a newer API, after the effect", _changed(_unknown_enums), True),
    Response("another object", "the answer about somebody else's object, after the effect", _changed(
        lambda d: {**d, **{k: "projects/other/things/theirs" for k in _NAMING if k in d}}),
             True),
    Response("repeated page", "a list whose next page is itself", _changed(lambda d: {**d, "nextPageToken": "again"}),
             True, "list"),
    Response("expired page token", "a second page that is gone", _changed(lambda d: {**d, "nextPageToken": "gone"}),
             True, "list"),
)  # fmt: skip
"""What may come back from any call (T5)."""

SHAPES: tuple[Response, ...] = (
    Response("never finishes", "an operation that goes on for days", _changed(
        lambda d: _without_end(d) | {"done": False, "status": "RUNNING"}), True, "poll"),
    Response("error after the effect", "an operation that failed, and has done it all the same", _changed(
        lambda d: _ended(d, 13, "INTERNAL_ERROR", "Internal error")), True, "poll"),
    Response("invalid after all", "an operation that ends with what nobody retries", _changed(
        lambda d: _ended(d, 3, "INVALID", "The image was not found")), True, "poll"),
    Response("vanishes", "an operation that nobody knows any more", error(404, "NOT_FOUND", "not found"), True, "poll"),
    Response("done at once", "done, and the object is not ready yet", _changed(
        lambda d: _without_end(d) | {"done": True, "status": "DONE"}), True, "poll"),
    Response("cancelled by another", "somebody cancelled it", _changed(
        lambda d: _ended(d, 1, "CANCELLED", "Operation was cancelled")), True, "poll"),
    Response("somebody else's", "the answer about another operation", _changed(
        lambda d: {**d, "name": "projects/other/operations/9", "targetId": "other"}), True, "poll"),
)  # fmt: skip
"""What may become of a long-running operation (T6). "Done twice" is every poll after "done at once"."""


def _ended(document: dict[str, Any], code: int, word: str, message: str) -> dict[str, Any]:
    if "operationType" in document:  # Cloud SQL's own shape
        return {**document, "status": "DONE", "error": {"errors": [{"code": word, "message": message}]}}
    bare = {k: v for k, v in document.items() if k != "response"}
    return {**bare, "done": True, "error": {"code": code, "message": message}}


@dataclass
class Faulty(Binding):
    """The wire with one response planted at one method: at its first call, or at every one."""

    house: Any = None
    method: str = ""
    response: Response | None = None
    always: bool = False
    struck: int = 0
    seen: list[str] = field(default_factory=list)
    effects: dict[str, int] = field(default_factory=dict)

    def plant(self, method: str = "", response: Response | None = None, always: bool = False) -> None:
        self.method, self.response, self.always = method, response, always
        self.struck, self.seen, self.effects = 0, [], {}

    def carry(self, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path, _, query = target.partition("?")
        method = self.house.cloud.route(Request(verb, path, {}, headers, body)).method.id
        self.seen.append(method)
        if self.response is None or method != self.method or (self.struck and not self.always):
            return self._through(method, (verb, target, headers, body))
        if self.response.id == "expired page token" and "pageToken=gone" in query:
            return error(400, "INVALID_ARGUMENT", "The page token is expired.")(None)
        self.struck += 1
        given = (
            self._through(method, (verb, target.replace("pageToken=again", ""), headers, body))
            if self.response.applied
            else None
        )
        try:
            return self.response.answer(given)
        except TimedOutError as error_:
            raise requests.exceptions.ReadTimeout("timed out") from error_
        except BrokenTlsError as error_:
            raise requests.exceptions.SSLError("certificate verify failed") from error_

    def _through(self, method: str, call: tuple[str, str, Mapping[str, str], bytes]) -> Answer:
        given = super().carry(*call)
        if given[0] < 300:
            self.effects[method] = self.effects.get(method, 0) + 1
        return given
