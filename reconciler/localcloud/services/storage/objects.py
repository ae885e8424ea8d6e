"""Objects: read, changed, deleted, restored; their contents in parts and unpacked; their access control lists."""

from __future__ import annotations

import gzip
import re
import zlib

from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.storage import acls, encryption, folders, generations, notices, uploads
from reconciler.localcloud.services.storage.generations import WRITABLE, Target, content_of, find, save, store
from reconciler.localcloud.services.storage.globs import glob
from reconciler.localcloud.services.storage.lifecycle import swept
from reconciler.localcloud.services.storage.object_access import entry_of, touched
from reconciler.localcloud.services.storage.rules import (
    bucket_of,
    check,
    no_object,
    refused,
    required,
    uniform,
    with_nulls,
)
from reconciler.localcloud.values import Json, Request, Response, milliseconds, seconds_of

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def seen(call: Call, row: Json, default: str = "noAcl") -> Json:
    """The object by its projection, without what is only kept; no checksums while its key is missing."""
    shown = {name: value for name, value in row.items() if name not in ("acl", "holdReleasedTime")}
    if (call.query("projection") or default) == "full":
        owner = call.state.get(f"storage.b/{row['bucket']}")
        if owner is not None and not uniform(owner):
            shown["acl"] = [entry_of(row, entry) for entry in row.get("acl", [])]
            shown["owner"] = {"entity": f"project-owners-{owner['projectNumber']}"}
    if "customerEncryption" in row and call.request.verb == "GET" and not encryption.unlocked(call, row):
        shown = {name: value for name, value in shown.items() if name not in ("crc32c", "md5Hash")}
    return shown


def _insert(call: Call) -> Answer:
    upload = uploads.answer(call)
    if isinstance(upload, Response):
        return upload
    row = stored(call, upload)
    return seen(call, row, "full" if upload.meta.get("acl") else "noAcl")


def stored(call: Call, upload: uploads.Upload) -> Json:
    """The object that a finished upload makes."""
    row = store(call, Target(upload.bucket, upload.name), upload.meta, upload.content)
    uploads.finished(call, upload, row)
    return row


def _get(call: Call) -> Answer:
    bucket, name = call.params["bucket"], call.params["object"]
    media = call.query("alt") == "media" or call.media == "download"
    if call.flag("softDeleted"):
        if not call.query("generation"):
            raise required()
        row = call.state.get(f"storage.soft/{bucket}/{name}#{call.query('generation')}")
        if row is None or seconds_of(row["hardDeleteTime"]) < call.now:
            raise no_object(bucket, name)
        return seen(call, row)
    try:
        swept(call)
        row = find(call, bucket, name, call.query("generation"))
        check(call, row)
        if media:
            encryption.must_open(call, row)
            return download(call.request, row, content_of(call, row))
    except GoogleError as error:
        if not media or error.status == 304:
            raise
        # The download host answers with the message alone.
        kind = {"content-type": "text/html; charset=UTF-8"}
        return Response(error.status, error.message.encode(), {**kind, **error.headers})
    return seen(call, row)


def download(request: Request, row: Json, content: bytes) -> Response:
    """The content, or the part that a Range header asks for; gzip is unpacked for who does not take it."""
    headers = {
        "content-type": row.get("contentType", "application/octet-stream"), "etag": row["etag"],
        "x-goog-hash": f"crc32c={row['crc32c']}" + (f",md5={row['md5Hash']}" if "md5Hash" in row else ""),
        "x-goog-generation": row["generation"], "x-goog-metageneration": row["metageneration"],
        "x-goog-stored-content-length": row["size"], "accept-ranges": "bytes",
        "x-goog-stored-content-encoding": row.get("contentEncoding") or "identity",
        "x-goog-storage-class": row["storageClass"],
    }  # fmt: skip
    for field, header in (
        ("cacheControl", "cache-control"), ("contentDisposition", "content-disposition"),
        ("contentLanguage", "content-language"), ("contentEncoding", "content-encoding"),
    ):  # fmt: skip
        if row.get(field):
            headers[header] = row[field]
    for name, value in (row.get("metadata") or {}).items():
        if re.fullmatch(r"[\w-]+", name) and str(value).isascii() and "\n" not in str(value):
            headers[f"x-goog-meta-{name.lower()}"] = str(value)
    if row.get("contentEncoding") == "gzip" and _unpacks(request, row):
        try:
            content = gzip.decompress(content)
            headers.pop("content-encoding")
            headers["warning"] = "214 UploadServer gunzipped"
            return Response(200, content, headers)  # a range is ignored when transcoding (documentation)
        except (gzip.BadGzipFile, EOFError, zlib.error):  # it only says that it is gzip: given as it is
            pass
    return _ranged(request, content, headers)


def _unpacks(request: Request, row: Json) -> bool:
    """https://cloud.google.com/storage/docs/transcoding#decompressive_transcoding."""
    accepts = "gzip" in request.headers.get("accept-encoding", "")
    return not accepts and "no-transform" not in row.get("cacheControl", "")


def _ranged(request: Request, content: bytes, headers: dict[str, str]) -> Response:
    wanted, size = _RANGE.fullmatch(request.headers.get("range", "")), len(content)
    if not wanted or wanted[0] == "bytes=-":
        return Response(200, content, headers)
    first = int(wanted[1]) if wanted[1] else max(size - int(wanted[2]), 0)
    last = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
    if first >= size:
        raise GoogleError(
            416,
            "The requested range cannot be satisfied.",
            reason="requestedRangeNotSatisfiable",
            headers={"content-range": f"bytes */{size}"},
        )
    if last < first:
        return Response(200, content, headers)
    return Response(206, content[first : last + 1], {**headers, "content-range": f"bytes {first}-{last}/{size}"})


# --- changes ---------------------------------------------------------------------------------------------------


def _change(call: Call) -> Answer:
    """patch merges, update replaces. The storage class stays: only a rewrite changes it (documentation)."""
    row = find(call, call.params["bucket"], call.params["object"], call.query("generation"))
    check(call, row)
    owner = bucket_of(call, row["bucket"])
    patch = call.method.name == "patch"
    body = with_nulls(call) if patch else call.body
    wish = {name: value for name, value in body.items() if name in WRITABLE and name != "storageClass"}
    kept = (
        row if patch else {name: value for name, value in row.items() if name not in WRITABLE or name == "storageClass"}
    )
    changed = merged(kept, wish)
    _retention(call, owner, row, changed)
    if changed.get("customTime") and changed["customTime"] < row.get("customTime", ""):
        raise refused("Custom time cannot be set to an earlier time or be removed.")
    if row.get("eventBasedHold") and not changed.get("eventBasedHold"):
        changed["holdReleasedTime"] = milliseconds(call.now)
    if not changed.get("metadata"):
        changed.pop("metadata", None)
    if call.query("predefinedAcl") or body.get("acl"):
        changed["acl"] = _redeclared(call, owner, body.get("acl") or [])
    generations.retained(owner, changed)
    touched(call, changed)
    save(call, changed)
    notices.send(call, "OBJECT_METADATA_UPDATE", changed)
    return seen(call, changed, "full")


def _redeclared(call: Call, owner: Json, wished: list[Json]) -> list[Json]:
    if uniform(owner):
        message = "Cannot update access control for an object when uniform bucket-level access is enabled."
        raise refused(f"{message} Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access")
    if call.query("predefinedAcl"):
        return acls.predefined_object(call.query("predefinedAcl"), owner["projectNumber"], "")
    return acls.checked(wished, acls.OBJECT_ROLES)


def _retention(call: Call, owner: Json, before: Json, changed: Json) -> None:
    """An object's own retention: only where the bucket allows it, locked ones only ever grow."""
    old, new = before.get("retention") or {}, changed.get("retention") or {}
    if new == old:
        return
    if new and not owner.get("objectRetention"):
        raise refused("Object retention cannot be set: the bucket does not have object retention enabled.")
    if not new.get("mode") and not new.get("retainUntilTime"):
        changed.pop("retention", None)
        new = {}
    elif new.get("mode") not in ("Locked", "Unlocked") or not new.get("retainUntilTime"):
        raise refused("Object retention requires both a mode and a retain until time.")
    shorter = bool(old) and (not new or new["retainUntilTime"] < old["retainUntilTime"])
    locked = old.get("mode") == "Locked"
    if locked and (shorter or new.get("mode") != "Locked"):
        raise GoogleError(403, f"Object '{before['bucket']}/{before['name']}' has a locked retention configuration.")
    if shorter and not call.flag("overrideUnlockedRetention"):
        raise GoogleError(
            403, "The overrideUnlockedRetention parameter must be true to reduce or remove an unlocked retention."
        )


def _delete(call: Call) -> Answer:
    bucket, name, generation = call.params["bucket"], call.params["object"], call.query("generation")
    owner = swept(call)
    row = find(call, bucket, name, generation)
    check(call, row)
    generations.unprotected(call, row)
    generations.remove(call, owner, row, forever=bool(generation))
    return Response(204, None)


def _restore(call: Call) -> Answer:
    bucket, name, generation = call.params["bucket"], call.params["object"], call.query("generation")
    bucket_of(call, bucket)
    gone = call.state.get(f"storage.soft/{bucket}/{name}#{generation}")
    if gone is None or seconds_of(gone["hardDeleteTime"]) < call.now:
        raise no_object(bucket, name)
    return seen(call, _back(call, gone, call.flag("copySourceAcl")), "full")


def _back(call: Call, gone: Json, same_acl: bool) -> Json:
    content = content_of(call, gone)
    call.state.delete(f"storage.soft/{generations.tail_of(gone)}")
    row = store(call, Target(gone["bucket"], gone["name"]), {**gone, "acl": None}, content)
    if same_acl:
        row["acl"] = gone.get("acl", [])
    row["storageClass"] = gone["storageClass"]
    call.state.delete(f"storage.content/{generations.tail_of(gone)}")
    return save(call, row)


def _bulk(call: Call) -> Answer:
    """Restores the newest soft-deleted generation of every object that is asked for; here at once."""
    bucket = bucket_of(call)["name"]
    wanted = [glob(pattern) for pattern in call.body.get("matchGlobs") or []]
    newest: dict[str, Json] = {}
    for _, row in list(call.state.scan(f"storage.soft/{bucket}/")):
        alive = seconds_of(row["hardDeleteTime"]) >= call.now
        matches = not wanted or any(pattern.fullmatch(row["name"]) for pattern in wanted)
        if alive and matches and _between(call, row["softDeleteTime"]):
            newest[row["name"]] = row
    done = 0
    for row in newest.values():
        if call.state.get(generations.live_key(row)) is None or call.body.get("allowOverwrite"):
            _back(call, row, bool(call.body.get("copySourceAcl")))
            done += 1
    return folders.operation(
        call, "storage.bulk_restored", {"count": done}, "type.googleapis.com/google.protobuf.Empty"
    )


def _between(call: Call, when: str) -> bool:
    first, last = call.body.get("softDeletedAfterTime"), call.body.get("softDeletedBeforeTime")
    return (not first or seconds_of(when) > seconds_of(first)) and (not last or seconds_of(when) < seconds_of(last))


def _bulk_done(ending: Ending) -> None:
    ending.response = {}


_O = "storage.objects."
METHODS = {
    f"{_O}insert": _insert, f"{_O}get": _get, f"{_O}patch": _change, f"{_O}update": _change, f"{_O}delete": _delete,
    f"{_O}restore": _restore, f"{_O}bulkRestore": _bulk,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"storage.bulk_restored": _bulk_done}
