"""Batches: many calls in one multipart/mixed request, each part an HTTP request of its own.

The format is that of https://cloud.google.com/storage/docs/batch and of `new_batch_http_request` in
google-api-python-client: answers come in the order of the calls, `Content-ID: <x>` is answered by `<response-x>`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesParser, HeaderParser
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from reconciler.localcloud.errors import GoogleError, invalid

PATH = re.compile(r"(/[^/]+)??/batch(?:/.*)?")
# https://developers.google.com/api-client-library/python/guide/batch: "limited to 1000 calls in a single batch".
_MOST = 1000


@dataclass(frozen=True)
class Part:
    """One call in a batch. `target` is as written: a path, or a whole URL; header names are lower case."""

    verb: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    own: str


def is_batch(verb: str, path: str, content_type: str) -> re.Match[str] | None:
    """A match whose first group is the prefix in front of `/batch`. The Batch API's own paths are no batches."""
    return PATH.fullmatch(path) if verb == "POST" and content_type.startswith("multipart/mixed") else None


def parts(content_type: str, body: bytes) -> list[Part]:
    """The calls of a batch. Raises GoogleError 400 for what is none."""
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    try:
        found = BytesParser().parsebytes(head + body)
    except RecursionError as error:
        raise invalid("Failed to parse batch request, error: parts within parts.") from error
    inner: Any = found.get_payload()
    if not found.is_multipart():
        raise invalid("Failed to parse batch request, error: 0 items. Received batch body: (0) bytes redacted")
    if len(inner) > _MOST:
        raise GoogleError(
            400, f"The batch request could not be processed: it has {len(inner)} calls, the limit is {_MOST}."
        )
    return [_part(str(message.get("content-id", "")), message.get_payload(decode=True)) for message in inner]


def _part(own: str, raw: object) -> Part:
    content = (raw if isinstance(raw, bytes) else b"").lstrip()
    head, gap, body = content.partition(b"\r\n\r\n")
    if not gap:
        head, gap, body = content.partition(b"\n\n")
    line, _, rest = head.decode("latin-1").partition("\n")
    words = line.split()
    if len(words) not in (2, 3):
        raise invalid(f"Failed to parse batch request, error: malformed request line {line.strip()!r}.")
    try:
        urlsplit(words[1])
    except ValueError as error:
        raise invalid(f"Failed to parse batch request, error: malformed request line {line.strip()!r}.") from error
    headers = {name.lower(): str(value).strip() for name, value in HeaderParser().parsestr(rest).items()}
    length = headers.get("content-length", "")
    body = body[: int(length)] if length.isdecimal() and len(length) < 20 else body.rstrip(b"\r\n")
    return Part(words[0], words[1], headers, body, own.strip())


@dataclass(frozen=True)
class Printed:
    """One answer as it goes over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def printed(answers: Sequence[tuple[Part, Printed]]) -> tuple[bytes, str]:
    """The body of a batch's answer, and its content type."""
    pieces = [_piece(part, answer) for part, answer in answers]
    boundary = "batch_" + hashlib.sha256(b"".join(pieces)).hexdigest()[:32]
    edge = b"--" + boundary.encode()
    body = b"".join(edge + b"\r\n" + piece + b"\r\n" for piece in pieces) + edge + b"--\r\n"
    return body, f"multipart/mixed; boundary={boundary}"


def _piece(part: Part, answer: Printed) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    outer = ["Content-Type: application/http"]
    if part.own:
        inner = part.own[1:-1] if part.own.startswith("<") and part.own.endswith(">") else part.own
        outer.append(f"Content-ID: <response-{inner}>")
    names = {**answer.headers, "content-length": str(len(answer.body))}
    lines = [*outer, "", f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {names[name]}" for name in names), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + answer.body
