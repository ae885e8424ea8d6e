"""The XML API of Cloud Storage, as far as signed URLs and public objects need it: `/<bucket>/<object>`.

GET, HEAD, PUT, DELETE, and resumable uploads by POST; each is answered by the JSON API's own behaviour. Errors are
those of https://cloud.google.com/storage/docs/xml-api/reference-status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote
from xml.sax.saxutils import escape

from reconciler.localcloud.api.discovery import Api
from reconciler.localcloud.call import Call, Moment
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage import access, objects, signatures, uploads
from reconciler.localcloud.services.storage.generations import host_of
from reconciler.localcloud.services.storage.rules import bucket_key
from reconciler.localcloud.services.storage.signatures import RefusedError
from reconciler.localcloud.values import Json, Request, Response

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_API = re.compile(r"(storage|upload|download|resumable|batch|v\d\w*)$")
_CODES = {
    400: ("InvalidArgument", "Invalid argument."), 403: ("AccessDenied", "Access denied."),
    404: ("NoSuchKey", "The specified key does not exist."), 405: ("MethodNotAllowed", "The method is not allowed."),
    409: ("Conflict", "Conflict."), 412: ("PreconditionFailed", "At least one of the pre-conditions did not hold."),
    416: ("InvalidRange", "The requested range cannot be satisfied."),
    501: ("NotImplemented", "A header or query you provided requested a function that is not implemented."),
}  # fmt: skip
# Headers of an upload that become metadata.
_FIELDS = {
    "cache-control": "cacheControl", "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding", "content-language": "contentLanguage", "content-type": "contentType",
    "x-goog-storage-class": "storageClass", "x-goog-custom-time": "customTime",
}  # fmt: skip
_CANNED = {"public-read": "publicRead", "private": "private", "project-private": "projectPrivate",
           "authenticated-read": "authenticatedRead", "bucket-owner-read": "bucketOwnerRead",
           "bucket-owner-full-control": "bucketOwnerFullControl"}  # fmt: skip


def claims(request: Request) -> bool:
    """Whether a path that is no API's is an object's: below `/storage/`, or signed, or a session's."""
    head, _, rest = request.path.lstrip("/").partition("/")
    if head == "storage":
        first = rest.partition("/")[0]
        return bool(_BUCKET.fullmatch(first)) and not _API.match(first)
    return bool(_BUCKET.fullmatch(head) and rest) and (signatures.signed(request) or "upload_id" in request.query)


def answer(moment: Moment, request: Request, api: Api) -> Response:
    """Answer a request of the XML API; errors come as XML."""
    path = "/" + request.path.lstrip("/").removeprefix("storage/")
    bucket, _, name = path.lstrip("/").partition("/")
    try:
        if signatures.signed(request):
            hosted = request.headers.get("host", "").startswith(f"{bucket}.storage.")
            signatures.check(moment, request, "/" + name if hosted else path)
        elif "authorization" not in request.headers and "upload_id" not in request.query:
            _public(moment, request, api, (bucket, unquote(name)))
        return _answered(moment, request, api, (bucket, unquote(name)))
    except RefusedError as error:
        return _refused(error)
    except GoogleError as error:
        moment.state.drop()
        return _refused(_as_xml(error))


def _call(moment: Moment, request: Request, api: Api, own: str, params: Mapping[str, str]) -> Call:
    method = next(method for method in api.methods if method.id == own)
    return Call(
        moment.state, moment.now, moment.rng, moment.settings, service="storage", api=api, method=method,
        params=dict(params), request=request, media="upload" if own.endswith("insert") else "",
    )  # fmt: skip


def _public(moment: Moment, request: Request, api: Api, target: tuple[str, str]) -> None:
    """Raises RefusedError unless everybody may read the object."""
    bucket, name = target
    owner = moment.state.get(bucket_key(bucket))
    if owner is None:
        raise _no_bucket()
    call = _call(moment, request, api, "storage.objects.get", {"bucket": bucket, "object": name})
    row = moment.state.get(f"storage.o/{bucket}/{name}") or {}
    listed = any(entry["entity"] == "allUsers" for entry in row.get("acl", []))
    if request.verb not in ("GET", "HEAD") or not (listed or access.public(call, owner)):
        right = {"PUT": "create", "POST": "create", "DELETE": "delete"}.get(request.verb, "get")
        raise RefusedError(
            403,
            "AccessDenied",
            "Access denied.",
            f"Anonymous caller does not have storage.objects.{right} access to the Google Cloud Storage object. "
            f"Permission 'storage.objects.{right}' denied on resource (or it may not exist).",
        )


def _answered(moment: Moment, request: Request, api: Api, target: tuple[str, str]) -> Response:
    bucket, name = target
    if moment.state.get(bucket_key(bucket)) is None:
        raise _no_bucket()
    query = _conditions(request)
    if "upload_id" in request.query:
        return _session(moment, request, api, bucket)
    if not name:
        raise GoogleError(501, "The local cloud's XML API knows objects only, no buckets.")
    params = {"bucket": bucket, "object": name}
    if request.verb in ("GET", "HEAD"):
        call = _call(moment, replace(request, query={**query, "alt": ["media"]}), api, "storage.objects.get", params)
        found = objects.METHODS["storage.objects.get"](call)
        return _overridden(request, found)
    if request.verb == "DELETE":
        call = _call(moment, replace(request, query=query), api, "storage.objects.delete", params)
        objects.METHODS["storage.objects.delete"](call)
        return Response(204, None)
    insert = _call(moment, replace(request, query={**query, "name": [name]}), api, "storage.objects.insert",
                   {"bucket": bucket})  # fmt: skip
    meta = _meta(request)
    if request.verb == "POST" and request.headers.get("x-goog-resumable") == "start":
        own = uploads.begin(insert, bucket, name, meta)
        place = f"{host_of(insert)}{request.path}?upload_id={own}"
        return Response(201, None, {"location": place, "x-guploader-uploadid": own})
    if request.verb == "PUT":
        for part in request.headers.get("x-goog-hash", "").split(","):
            kind, _, value = part.strip().partition("=")
            if kind in ("crc32c", "md5"):
                meta["md5Hash" if kind == "md5" else "crc32c"] = value
        if request.headers.get("content-md5"):
            meta["md5Hash"] = request.headers["content-md5"]
        return _stored(objects.stored(insert, uploads.Upload(bucket, name, meta, request.body)))
    raise GoogleError(405, "The method is not allowed.")


def _session(moment: Moment, request: Request, api: Api, bucket: str) -> Response:
    call = _call(moment, request, api, "storage.objects.insert", {"bucket": bucket})
    upload = uploads.continued(call, request.query["upload_id"][0], bucket)
    if isinstance(upload, Response):
        return upload if upload.status != 200 else _stored(upload.body)
    return _stored(objects.stored(call, upload))


def _overridden(request: Request, found: Response | Json) -> Response:
    """What `response-content-type` and `response-content-disposition` ask for; errors of a download become XML."""
    if not isinstance(found, Response):
        return Response(200, found)
    if found.status >= 400:
        text = found.body.decode() if isinstance(found.body, bytes) else ""
        raise GoogleError(found.status, text, headers=dict(found.headers))
    headers = dict(found.headers)
    for name in ("content-type", "content-disposition"):
        if request.query.get(f"response-{name}"):
            headers[name] = request.query[f"response-{name}"][0]
    return Response(found.status, found.body, headers)


def _conditions(request: Request) -> dict[str, list[str]]:
    """Preconditions from headers, and the generation from the query."""
    found = {"generation": request.query["generation"]} if request.query.get("generation") else {}
    for header, name in (
        ("x-goog-if-generation-match", "ifGenerationMatch"),
        ("x-goog-if-metageneration-match", "ifMetagenerationMatch"),
    ):
        if request.headers.get(header):
            found[name] = [request.headers[header]]
    canned = _CANNED.get(request.headers.get("x-goog-acl", ""))
    return found | ({"predefinedAcl": [canned]} if canned else {})


def _meta(request: Request) -> Json:
    meta: Json = {field: request.headers[name] for name, field in _FIELDS.items() if request.headers.get(name)}
    own = {name.removeprefix("x-goog-meta-"): value for name, value in request.headers.items()
           if name.startswith("x-goog-meta-")}  # fmt: skip
    return meta | ({"metadata": own} if own else {})


def _stored(row: Json) -> Response:
    headers = {
        "etag": f'"{row["etag"]}"', "x-goog-generation": row["generation"],
        "x-goog-metageneration": row["metageneration"], "x-goog-hash": f"crc32c={row['crc32c']}",
        "x-goog-stored-content-length": row["size"], "x-goog-stored-content-encoding": "identity",
        "content-type": "text/html; charset=UTF-8",
    }  # fmt: skip
    return Response(200, b"", headers)


def _no_bucket() -> RefusedError:
    return RefusedError(404, "NoSuchBucket", "The specified bucket does not exist.")


def _as_xml(error: GoogleError) -> RefusedError:
    if error.status == 404 and "bucket" in error.message:
        return _no_bucket()
    code, message = _CODES.get(error.status, ("InternalError", "We encountered an internal error. Please try again."))
    return RefusedError(error.status, code, message, error.message)


def _refused(error: RefusedError) -> Response:
    details = f"<Details>{escape(error.details)}</Details>" if error.details else ""
    text = (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>{details}</Error>"
    )
    return Response(error.status, text.encode(), {"content-type": "application/xml; charset=UTF-8"})
