"""The three ways to upload to Cloud Storage: media, multipart, resumable (sessions live in the state)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace

import orjson

from reconciler.localcloud.api.bodies import checked
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage.generations import checked_name, host_of
from reconciler.localcloud.services.storage.rules import bucket_of, check, refused
from reconciler.localcloud.values import Json, Response, hexadecimal

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18}|\*)|\*)/(\d{1,18}|\*)")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|\'([^\']+)\'|([^;\s]+))')
_CHUNK = 256 * 1024
_ENCRYPTION = "x-goog-encryption-"


@dataclass(frozen=True)
class Upload:
    """A finished upload; `session` is the resumable session that brought it."""

    bucket: str
    name: str
    meta: Json
    content: bytes
    session: str = ""


def answer(call: Call) -> Upload | Response:
    """The finished upload, or what the protocol says on the way (a session's address, 308)."""
    bucket, kind = bucket_of(call)["name"], call.query("uploadType") or call.query("upload_protocol")
    if call.query("upload_id"):
        return continued(call, call.query("upload_id"), bucket)
    if kind == "multipart":
        meta, content = _multipart(call)
    elif kind == "resumable":
        return _opened(call, bucket)
    elif kind == "media" or call.media == "upload":
        meta, content = {}, call.request.body
        if call.request.headers.get("content-type"):
            meta["contentType"] = call.request.headers["content-type"]
    else:
        raise GoogleError(
            400,
            "Upload requests must include an uploadType URL parameter and a URL path beginning with /upload/",
            reason="wrongUrlForUpload",
        )
    _declared(call, meta)
    return Upload(bucket, call.query("name") or str(meta.get("name", "")), meta, content)


def _declared(call: Call, meta: Json) -> None:
    """Take over checksums and the encoding that came beside the metadata."""
    for part in call.request.headers.get("x-goog-hash", "").split(","):
        name, _, value = part.strip().partition("=")
        field = {"crc32c": "crc32c", "md5": "md5Hash"}.get(name)
        if field and value:
            meta[field] = value
    if call.query("contentEncoding"):
        meta["contentEncoding"] = call.query("contentEncoding")


def _json(raw: bytes) -> Json:
    try:
        value = orjson.loads(raw) if raw.strip() else {}
    except ValueError as error:
        raise GoogleError(400, "Parse Error", reason="parseError") from error
    return value if isinstance(value, dict) else {}


def _judged(call: Call, meta: Json) -> Json:
    """What an upload says of its object, held against the same schema as every other body."""
    return checked(call.api, "Object", meta, "object")


def _multipart(call: Call) -> tuple[Json, bytes]:
    found = _BOUNDARY.search(call.request.headers.get("content-type", ""))
    if not found:
        raise refused("Missing boundary in multipart body.")
    marker = b"--" + (found[1] or found[2] or found[3]).encode()
    parts = call.request.body.lstrip(b"\r\n").split(b"\n" + marker)
    if not parts[0].startswith(marker) or len(parts) < 3:
        raise refused("Malformed multipart body.")
    meta = _judged(call, _json(_split(parts[0].removeprefix(marker))[1]))
    head, content = _split(parts[1])
    content = content.removesuffix(b"\r")
    kind = re.search(rb"(?i)content-type:\s*([^\r\n]+)", head)
    if kind:
        meta.setdefault("contentType", kind[1].decode("latin-1"))
    return meta, content


def _split(part: bytes) -> tuple[bytes, bytes]:
    """Headers and content of a part; lines may end in CR LF or, as gsutil sends them, in LF."""
    found = re.search(rb"\r?\n\r?\n", part)
    return (part[: found.start()], part[found.end() :]) if found else (part, b"")


# --- resumable -------------------------------------------------------------------------------------------------


def begin(call: Call, bucket: str, name: str, meta: Json) -> str:
    """Open a session; returns its id. Preconditions are checked now and again at the end, as Google does."""
    checked_name(name)
    check(call, call.state.get(f"storage.o/{bucket}/{name}"))
    own = "A" + hexadecimal(call.rng, 40)
    kept = {key: values for key, values in call.request.query.items() if key not in ("uploadType", "name", "upload_id")}
    headers = {key: value for key, value in call.request.headers.items() if key.startswith(_ENCRYPTION)}
    session: Json = {"bucket": bucket, "name": name, "meta": meta, "query": kept, "headers": headers, "size": 0}
    call.state.put(f"storage.uploads/{own}", {**session, "parts": 0, "opened": call.now})
    return own


def _opened(call: Call, bucket: str) -> Response:
    meta = _judged(call, _json(call.request.body))
    if call.request.headers.get("x-upload-content-type"):
        meta.setdefault("contentType", call.request.headers["x-upload-content-type"])
    _declared(call, meta)
    own = begin(call, bucket, call.query("name") or str(meta.get("name", "")), meta)
    place = f"{host_of(call)}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={own}"
    return Response(200, None, {"location": place, "x-guploader-uploadid": own})


def continued(call: Call, own: str, bucket: str) -> Upload | Response:
    """A chunk, a question how far it is, or the end of a session."""
    key = f"storage.uploads/{own}"
    session = call.state.get(key)
    if session is None or session["bucket"] != bucket:
        raise GoogleError(404, "No such upload session.", reason="notFound")
    if call.request.verb == "DELETE":
        _forget(call, key, session)
        return Response(499, None)
    if "object" in session:  # a client that lost the last answer asks again
        row = call.state.get(f"storage.o/{bucket}/{session['name']}")
        return Response(200, {name: value for name, value in (row or {}).items() if name != "acl"})
    _declared(call, session["meta"])
    total, chunk = _chunk(call, session)
    if chunk:
        call.state.put(f"{key}/{session['parts']:06d}", {"data": base64.b64encode(chunk).decode()})
        session |= {"parts": session["parts"] + 1, "size": session["size"] + len(chunk)}
    if total == "*" or session["size"] < int(total):
        call.state.put(key, session)
        done = {"range": f"bytes=0-{session['size'] - 1}"} if session["size"] else {}
        return Response(308, None, {**done, "x-guploader-uploadid": own})
    parts = [call.state.get(f"{key}/{number:06d}") or {"data": ""} for number in range(session["parts"])]
    content = b"".join(base64.b64decode(part["data"]) for part in parts)
    _forget(call, key, session)
    headers = {**call.request.headers, **session["headers"]}
    call.request = replace(call.request, query={**call.request.query, **session["query"]}, headers=headers, body=b"")
    call.state.put(key, {**session, "parts": 0})
    return Upload(bucket, session["name"], session["meta"], content, key)


def _chunk(call: Call, session: Json) -> tuple[str, bytes]:
    """The declared total and the bytes that are new in this request."""
    body = call.request.body
    sent = call.request.headers.get("content-range", "")
    found = _CONTENT_RANGE.fullmatch(sent)
    if found is None:
        if sent:
            raise refused(f"Failed to parse Content-Range header: {sent}")
        return str(session["size"] + len(body)), body
    if not found[1]:
        return found[3], b""
    first = int(found[1])
    if found[2] != "*" and int(found[2]) - first + 1 != len(body):
        raise refused("Invalid request. The number of bytes in the body does not match the Content-Range header.")
    if first > session["size"]:
        raise GoogleError(503, "Invalid request. The upload offset in Content-Range is past what was received.")
    if found[2] == "*":  # Node's client streams `0-*/*`: the end of the body is the end
        return str(first + len(body)) if found[3] == "*" else found[3], body[session["size"] - first :]
    last = found[3] != "*" and first + len(body) == int(found[3])
    if not last and len(body) < _CHUNK:
        raise refused(
            "Invalid request.  The number of bytes uploaded is required to be equal or greater than 262144, except for "
            "the final request (it's recommended to be the exact multiple of 262144).  The received request contained "
            f"{len(body)} bytes, which does not meet this requirement."
        )
    return found[3], body[session["size"] - first :]


def _forget(call: Call, key: str, session: Json) -> None:
    for number in range(session["parts"]):
        call.state.delete(f"{key}/{number:06d}")
    call.state.delete(key)


def finished(call: Call, upload: Upload, row: Json) -> None:
    """Remember which object a session made."""
    if upload.session:
        call.state.put(upload.session, {"bucket": row["bucket"], "name": row["name"], "object": row["id"], "parts": 0})
