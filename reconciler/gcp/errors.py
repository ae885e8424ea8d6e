"""One translation of everything a Google client can raise into a Failure: named by what the caller does next."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.errors import Failure, Next

_CODES = {
    # google.rpc.Code of a failed operation -> the HTTP status that Google maps it to (google/rpc/code.proto)
    1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500,
    14: 503, 15: 500, 16: 401,
}  # fmt: skip
_STATUSES = {6: "ALREADY_EXISTS", 9: "FAILED_PRECONDITION", 10: "ABORTED"}
_RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quotaExceeded"})
_DISABLED = frozenset({"SERVICE_DISABLED", "accessNotConfigured"})
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")
_CAUSE = "no answer from the cloud:"
"""What stands before a cause that we know and that quotes nothing."""
LONGEST_PAUSE = 3_600.0
"""Seconds that an answer may ask us to wait; a change gives up by itself after half of that."""
_BUSY = frozenset({"operationInProgress", "instanceNotRunning", "invalidState"})


class RefusedCall(Exception):  # noqa: N818 - an answer of ours that travels like Google's errors
    """An adapter says no by itself."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Google answered. `code` is the canonical status ("ABORTED"), `reason` the machine-readable reason."""

    status: int
    message: str
    code: str = ""
    reason: str = ""
    retry_after: float = 0.0

    @property
    def disabled(self) -> bool:
        """The API is not enabled in that project."""
        return self.status == 403 and self.reason in _DISABLED


class FailedOperationError(Exception):
    """A long-running operation that ended with an error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refusal_of(error: BaseException) -> Refusal:
    """Read any error of a Google client. Status 0: the call got no answer."""
    if isinstance(error, FailedOperationError):
        return error.refusal
    status = _status(error)
    if status == 0:
        return Refusal(0, _no_answer(error))
    document = _document(error)
    inner = document.get("error", document) if document is not None else {}
    inner = inner if isinstance(inner, Mapping) else {}
    message = str(inner.get("message") or getattr(error, "message", "") or error)
    if document is None:  # a page for people, or half an answer: its words are nobody's
        message = f"{status}, with a body that is not the API's"
    return Refusal(status, clean(message), _word(inner.get("status")), _reason(inner), _retry_after(error))


def failure_of(error: BaseException, quiet: bool = False) -> Failure:
    """`quiet`: leave Google's words out, because the call carried a secret that they may quote."""
    if isinstance(error, RefusedCall):
        return error.failure
    if isinstance(error, FailedOperationError):
        return classify(error.refusal, quiet)
    if _status(error) == 0 and not _unanswered(error):
        told = type(error).__name__ if quiet else f"{type(error).__name__}: {clean(str(error))}"
        if _unreadable(error):
            return Failure(Next.RETRY, f"the answer cannot be read ({told}); whether the call took effect is not known")
        return Failure(Next.BUG, told)  # ours: a body that does not encode
    return classify(refusal_of(error), quiet)


def polled(error: BaseException, quiet: bool = False) -> Failure:
    """Of a question after an operation. Who may not ask, for a moment or from now on, has not heard that it failed: it
    is asked again, and then the object itself is looked at."""
    failure = failure_of(error, quiet)
    if failure.forbidden and not isinstance(error, FailedOperationError):
        return replace(failure, next=Next.RETRY)
    return failure


def operation_failure(error: Mapping[str, Any]) -> FailedOperationError:
    """Of a google.rpc.Status (code, message) that a long-running operation ended with. A code from 400 on is no
    google.rpc.Code but an HTTP status: the body of an error that came as an operation."""
    code = int(error.get("code", 2))
    status = code if 400 <= code < 600 else _CODES.get(code, 500)
    return FailedOperationError(
        Refusal(status, clean(str(error.get("message", ""))), _STATUSES.get(code, ""), _reason(error))
    )


def classify(refusal: Refusal, quiet: bool = False) -> Failure:
    """The table. What Google words in several ways is matched by its machine-readable reason first."""
    said = refusal.message
    if quiet and refusal.status:
        # a reason is a word of Google's own making; anything longer may be what the call carried
        reason = _word(refusal.reason) or _word(refusal.code) or "no reason given"
        said = f"Google refused the call ({refusal.status} {reason}); its words are left out, they may quote a secret"
    status, reason = refusal.status, refusal.reason
    if status == 0:
        return Failure(Next.RETRY, "no answer from the cloud" if quiet and _CAUSE not in refusal.message else said)
    if status == 429 or reason in _RATE:
        return Failure(Next.RETRY, f"too many calls: {said}", status, refusal.retry_after)
    if refusal.disabled:
        return Failure(Next.WAIT, said, status, refusal.retry_after)
    if status in (401, 403):
        return Failure(Next.PERSON, said, status, forbidden=True)
    if status == 404:
        return Failure(Next.REPLAN, said, status, missing=True)
    if status == 409:
        return _conflict(refusal, said)
    if status == 412:
        return Failure(Next.REPLAN, said, status)
    if status == 501:
        return Failure(Next.BUG, said, status)
    if status >= 500 or status in (408, 499):
        return Failure(Next.RETRY, said, status, refusal.retry_after)
    if status == 400:
        return _invalid(refusal, said)
    return Failure(Next.PERSON if 400 < status < 500 else Next.BUG, said, status)


def _conflict(refusal: Refusal, said: str) -> Failure:
    if refusal.reason in _BUSY or "already in progress" in refusal.message.lower():
        return Failure(Next.WAIT, said, 409, refusal.retry_after)
    if refusal.code == "ABORTED" or "etag" in refusal.message.lower() or "concurrent" in refusal.message.lower():
        return Failure(Next.REPLAN, said, 409)
    return Failure(Next.REPLAN, said, 409, exists=True)


def _invalid(refusal: Refusal, said: str) -> Failure:
    text = refusal.message.lower()
    if refusal.reason in _BUSY or "instance is not running" in text:
        return Failure(Next.WAIT, said, 400)
    if "etag" in text:
        return Failure(Next.REPLAN, said, 400)
    if "already exists" in text or "database exists" in text:
        return Failure(Next.REPLAN, said, 400, exists=True)
    if "service account" in text.replace("_", " ") and "does not exist" in text:
        # IAM tells its other halves about a new account after seconds to minutes
        return Failure(Next.RETRY, said, 400)
    return Failure(Next.PERSON, said, 400)


# --- reading the many shapes ----------------------------------------------------------------------------------------


def _status(error: BaseException) -> int:
    for holder, name in ((error, "code"), (error, "status_code"), (getattr(error, "resp", None), "status")):
        value = getattr(holder, name, None)
        if callable(value):
            continue
        try:
            number = int(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):  # no number: the next place may hold it
            continue
        if 400 <= number < 600:
            return number
    return 401 if _unauthenticated(error) else 0


def _unauthenticated(error: BaseException) -> bool:
    """No credentials, or ones that cannot be refreshed; a refresh that got no answer is the network's fault."""
    ours = type(error).__module__ == "google.auth.exceptions" and type(error).__name__ != "TransportError"
    return ours and not getattr(error, "retryable", False)


def _unanswered(error: BaseException) -> bool:
    """The network's fault: requests' errors are OSErrors; httplib2, urllib3 and google.auth have their own."""
    return isinstance(error, OSError) or type(error).__module__.startswith(
        ("httplib2", "urllib3", "http.", "google.auth")
    )


def _unreadable(error: BaseException) -> bool:
    """Whether it is the answer that makes no sense: no JSON, JSON of another shape, or too deep."""
    from google.protobuf.json_format import ParseError

    return isinstance(error, ParseError | json.JSONDecodeError | UnicodeDecodeError | RecursionError)


def _document(error: BaseException) -> Mapping[str, Any] | None:
    """The JSON of an error's body; empty when there is no body, None when it is of no shape that Google has."""
    content: Any = getattr(error, "content", None)
    response = getattr(error, "response", None)
    if content is None and response is not None:
        content = getattr(response, "content", None)
    if not content or not isinstance(content, bytes | str):
        return {}
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    document = document[0] if isinstance(document, list) and document else document
    return document if isinstance(document, Mapping) else None


def _reason(inner: Mapping[str, Any]) -> str:
    """ErrorInfo.reason where there is one, else the first `errors[].reason` of the older APIs."""
    rows: list[Any] = []
    for key in ("details", "errors"):
        value = inner.get(key)
        rows += value if isinstance(value, Sequence) and not isinstance(value, str) else []
    return next((word for r in rows if isinstance(r, Mapping) and (word := _word(r.get("reason")))), "")


def _word(value: Any) -> str:
    """A machine-readable word of Google's ("ABORTED", "rateLimitExceeded"); anything else is none."""
    return value if isinstance(value, str) and _WORD.match(value) else ""


def _retry_after(error: BaseException) -> float:
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or getattr(error, "resp", None) or {}
    try:
        seconds = float(headers.get("Retry-After") or headers.get("retry-after") or 0)
    except (AttributeError, TypeError, ValueError):
        return 0.0
    return min(seconds, LONGEST_PAUSE) if seconds > 0 else 0.0  # NaN is not above 0


def _no_answer(error: BaseException) -> str:
    words = clean(str(error))
    cause = re.search(r"(Connection refused|timed out|Connection reset[^'\")]*|Remote end closed[^'\")]*)", words)
    if cause:
        return f"{_CAUSE} {clean(cause[1])}"
    return f"no answer from the cloud ({words or type(error).__name__})"


def clean(text: str) -> str:
    """One printable line of bounded length, whatever an answer says."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text[:5_000].split()))[:600]
