"""The three ways to upload to Cloud Storage: media, multipart, resumable (sessions live in the state)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import orjson

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.services.storage_rules import no_bucket
from reconciler.localcloud.values import Json, Response, hexadecimal

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')


@dataclass(frozen=True)
class Upload:
    """A finished upload."""

    bucket: str
    name: str
    meta: Json
    content: bytes


def answer(call: Call) -> Upload | Response:
    """The finished upload, or what the protocol says on the way (a session's address, 308)."""
    bucket, kind = call.params["bucket"], call.query("uploadType")
    if call.state.get(f"storage.b/{bucket}") is None:
        raise no_bucket()
    if call.query("upload_id"):
        return _continued(call, bucket)
    if kind == "multipart":
        meta, content = _multipart(call)
    elif kind == "resumable":
        return _opened(call, bucket)
    elif kind == "media" or call.media == "upload":
        meta, content = (
            {"contentType": call.request.headers.get("content-type", "application/octet-stream")},
            call.request.body,
        )
    else:
        raise GoogleError(
            400,
            "Upload requests must include an uploadType URL parameter and a URL path beginning with /upload/",
            reason="wrongUrlForUpload",
        )
    return Upload(bucket, call.query("name") or str(meta.get("name", "")), meta, content)


def _json(raw: bytes) -> Json:
    try:
        value = orjson.loads(raw) if raw.strip() else {}
    except ValueError as error:
        raise invalid(f"Parse Error: {error}") from error
    return value if isinstance(value, dict) else {}


def _multipart(call: Call) -> tuple[Json, bytes]:
    found = _BOUNDARY.search(call.request.headers.get("content-type", ""))
    if not found:
        raise invalid("Missing boundary in multipart body.")
    marker = b"--" + found[1].encode()
    parts = call.request.body.split(b"\r\n" + marker)
    if not call.request.body.startswith(marker) or len(parts) < 3:
        raise invalid("Malformed multipart body.")
    first = parts[0].removeprefix(marker)
    meta = _json(first.partition(b"\r\n\r\n")[2])
    head, _, content = parts[1].partition(b"\r\n\r\n")
    kind = re.search(rb"(?i)content-type:\s*([^\r\n]+)", head)
    if kind:
        meta.setdefault("contentType", kind[1].decode())
    return meta, content


def _opened(call: Call, bucket: str) -> Response:
    meta = _json(call.request.body)
    meta.setdefault("contentType", call.request.headers.get("x-upload-content-type", "application/octet-stream"))
    name = call.query("name") or str(meta.get("name", ""))
    own = "A" + hexadecimal(call.rng, 40)
    kept = {key: values for key, values in call.request.query.items() if key.startswith("if")}
    call.state.put(f"storage.uploads/{own}", {"bucket": bucket, "name": name, "meta": meta, "query": kept, "data": ""})
    host = call.request.headers.get("host", "127.0.0.1")
    place = f"http://{host}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={own}"
    return Response(200, None, {"location": place, "x-guploader-uploadid": own})


def _continued(call: Call, bucket: str) -> Upload | Response:
    key = f"storage.uploads/{call.query('upload_id')}"
    session = call.state.get(key)
    if session is None or session["bucket"] != bucket:
        raise GoogleError(404, "No such upload session.", reason="notFound")
    if call.request.verb == "DELETE":
        call.state.delete(key)
        return Response(499, None)
    content, total = base64.b64decode(session["data"]), "*"
    found = _CONTENT_RANGE.fullmatch(call.request.headers.get("content-range", ""))
    if found is None:
        content, total = call.request.body, str(len(call.request.body))
    else:
        total = found[3]
        if found[1]:
            first = int(found[1])
            if first > len(content):
                raise GoogleError(
                    503,
                    "Invalid request. The upload offset in Content-Range is past what was received.",
                )
            content = content[:first] + call.request.body
    if total == "*" or len(content) < int(total):
        call.state.put(key, {**session, "data": base64.b64encode(content).decode()})
        return Response(308, None, {"range": f"bytes=0-{len(content) - 1}"} if content else {})
    call.state.delete(key)
    call.request = type(call.request)(
        call.request.verb, call.request.path, {**call.request.query, **session["query"]}, call.request.headers
    )
    return Upload(bucket, session["name"], session["meta"], content)
