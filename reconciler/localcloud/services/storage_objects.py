"""Objects of Cloud Storage: metadata, contents, generations, soft delete, copies and listings.

A live object stands under `storage.o/<bucket>/<name>`, earlier generations of a versioned bucket under
`storage.old/…#<generation>`, soft-deleted ones under `storage.soft/…#<generation>`; contents by generation.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from urllib.parse import quote

from reconciler.localcloud import crc32c
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic, storage_uploads
from reconciler.localcloud.services.storage_rules import check, no_bucket, no_object, unmet
from reconciler.localcloud.values import Json, Response, milliseconds, seconds_of

_WRITABLE = (
    "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "customTime", "metadata",
    "eventBasedHold", "temporaryHold", "storageClass", "retention", "contexts",
)  # fmt: skip
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def bucket_of(call: Call, name: str) -> Json:
    row = call.state.get(f"storage.b/{name}")
    if row is None:
        raise no_bucket()
    return row


def find(call: Call, bucket: str, name: str, generation: str = "") -> Json:
    """The live object, or the generation asked for. GoogleError 404."""
    bucket_of(call, bucket)
    row = call.state.get(f"storage.o/{bucket}/{name}")
    if generation and (row is None or row["generation"] != generation):
        row = call.state.get(f"storage.old/{bucket}/{name}#{generation}")
    if row is None:
        raise no_object(bucket, name)
    return row


def content_of(call: Call, row: Json) -> bytes:
    stored = call.state.get(f"storage.content/{row['bucket']}/{row['name']}#{row['generation']}") or {"data": ""}
    return base64.b64decode(stored["data"])


def store(call: Call, bucket: str, name: str, meta: Json, content: bytes) -> Json:
    """Write a new generation after the preconditions held; an earlier one is archived, soft-deleted or gone."""
    owner = bucket_of(call, bucket)
    if not name or len(name.encode()) > 1024:
        raise GoogleError(400, "Required" if not name else "The specified object name is too long.", reason="required")
    before = call.state.get(f"storage.o/{bucket}/{name}")
    check(call, before)
    checksum = base64.b64encode(crc32c.of(content).to_bytes(4, "big")).decode()
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    for field, actual in (("crc32c", checksum), ("md5Hash", digest)):
        if meta.get(field, actual) != actual:
            raise GoogleError(
                400, f'Provided {field} "{meta[field]}" doesn\'t match calculated {field} "{actual}".', reason="invalid"
            )
    if before is not None:
        _retire(call, owner, before)
    generation = str(max(int(call.now * 1_000_000), int((before or {"generation": 0})["generation"]) + 1))
    stamp, tail = milliseconds(call.now), f"{bucket}/o/{quote(name, safe='')}"
    link = f"https://www.googleapis.com/storage/v1/b/{tail}"
    row: Json = {
        "storageClass": owner["storageClass"], **{field: meta[field] for field in _WRITABLE if field in meta},
        "kind": "storage#object", "id": f"{bucket}/{name}/{generation}", "name": name, "bucket": bucket,
        "selfLink": link,
        "mediaLink": f"{_host(call)}/download/storage/v1/b/{tail}?generation={generation}&alt=media",
        "generation": generation, "metageneration": "1", "size": str(len(content)), "md5Hash": digest,
        "crc32c": checksum,
        "etag": base64.b64encode(generation.encode()).decode(), "timeCreated": stamp, "updated": stamp,
        "timeStorageClassUpdated": stamp, "timeFinalized": stamp,
    }  # fmt: skip
    call.state.put(f"storage.o/{bucket}/{name}", row)
    call.state.put(f"storage.content/{bucket}/{name}#{generation}", {"data": base64.b64encode(content).decode()})
    return row


def _host(call: Call) -> str:
    """Where the caller reached us: the client downloads from `mediaLink` whatever endpoint it was given."""
    host = call.request.headers.get("host", "storage.googleapis.com")
    return f"https://{host}" if host.endswith(".googleapis.com") else f"http://{host}"


def _retire(call: Call, owner: Json, row: Json) -> None:
    """What becomes of a generation that is replaced or deleted."""
    tail = f"{row['bucket']}/{row['name']}#{row['generation']}"
    if owner.get("versioning", {}).get("enabled"):
        call.state.put(f"storage.old/{tail}", {**row, "timeDeleted": milliseconds(call.now)})
        return
    _soften(call, owner, row, tail)


def _soften(call: Call, owner: Json, row: Json, tail: str) -> None:
    kept_for = int(owner["softDeletePolicy"]["retentionDurationSeconds"])
    if kept_for:
        times = {"softDeleteTime": milliseconds(call.now), "hardDeleteTime": milliseconds(call.now + kept_for)}
        call.state.put(f"storage.soft/{tail}", {**row, **times})
    else:
        call.state.delete(f"storage.content/{tail}")


def _insert(call: Call) -> Answer:
    upload = storage_uploads.answer(call)
    if isinstance(upload, Response):
        return upload
    return store(call, upload.bucket, upload.name, upload.meta, upload.content)


def _get(call: Call) -> Answer:
    bucket, name = call.params["bucket"], call.params["object"]
    if call.flag("softDeleted"):
        row = call.state.get(f"storage.soft/{bucket}/{name}#{call.query('generation')}")
        if row is None:
            raise no_object(bucket, name)
        return row
    row = find(call, bucket, name, call.query("generation"))
    check(call, row)
    return _download(call, row) if call.query("alt") == "media" or call.media == "download" else row


def _download(call: Call, row: Json) -> Response:
    content = content_of(call, row)
    headers = {
        "content-type": row.get("contentType", "application/octet-stream"), "etag": row["etag"],
        "x-goog-hash": f"crc32c={row['crc32c']},md5={row['md5Hash']}", "x-goog-generation": row["generation"],
        "x-goog-metageneration": row["metageneration"], "x-goog-stored-content-length": row["size"],
        "x-goog-stored-content-encoding": "identity", "accept-ranges": "bytes",
    }  # fmt: skip
    wanted = _RANGE.fullmatch(call.request.headers.get("range", ""))
    if not wanted or wanted[0] == "bytes=-":
        return Response(200, content, headers)
    size = len(content)
    first = int(wanted[1]) if wanted[1] else max(size - int(wanted[2]), 0)
    last = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
    if first >= size:
        raise GoogleError(
            416,
            "The requested range cannot be satisfied.",
            reason="requestedRangeNotSatisfiable",
            headers={"content-range": f"bytes */{size}"},
        )
    return Response(206, content[first : last + 1], {**headers, "content-range": f"bytes {first}-{last}/{size}"})


def _change(call: Call) -> Answer:
    row = find(call, call.params["bucket"], call.params["object"], call.query("generation"))
    check(call, row)
    wish = {name: value for name, value in call.body.items() if name in _WRITABLE}
    kept = (
        row
        if call.method.name == "patch"
        else {name: value for name, value in row.items() if name not in _WRITABLE or name == "storageClass"}
    )
    changed = merged(kept, wish)
    changed |= {"metageneration": str(int(row["metageneration"]) + 1), "updated": milliseconds(call.now)}
    call.state.put(f"storage.o/{row['bucket']}/{row['name']}", changed)
    return changed


def _delete(call: Call) -> Answer:
    bucket, name, generation = call.params["bucket"], call.params["object"], call.query("generation")
    row = find(call, bucket, name, generation)
    check(call, row)
    if row.get("temporaryHold") or row.get("eventBasedHold"):
        message = (
            f"Object '{bucket}/{name}' is under active Temporary hold and cannot be deleted, overwritten or archived "
            "until hold is removed."
        )
        raise GoogleError(403, message)
    live = call.state.get(f"storage.o/{bucket}/{name}")
    if live and live["generation"] == row["generation"]:
        call.state.delete(f"storage.o/{bucket}/{name}")
    owner, tail = bucket_of(call, bucket), f"{bucket}/{name}#{row['generation']}"
    if generation:
        call.state.delete(f"storage.old/{tail}")
        _soften(call, owner, row, tail)
    else:
        _retire(call, owner, row)
    return Response(204, None)


def _restore(call: Call) -> Answer:
    bucket, name, generation = call.params["bucket"], call.params["object"], call.query("generation")
    key = f"storage.soft/{bucket}/{name}#{generation}"
    gone = call.state.get(key)
    if gone is None or seconds_of(gone["hardDeleteTime"]) < call.now:
        raise no_object(bucket, name)
    content = content_of(call, gone)
    call.state.delete(key)
    return store(call, bucket, name, gone, content)


# --- listings --------------------------------------------------------------------------------------------------


def _rows(call: Call, bucket: str) -> Iterator[tuple[str, Json]]:
    """Objects in name order, from the page token on; with `versions`, each object's generations oldest first."""
    prefix, after = call.query("prefix"), generic.start_of(call)
    if call.flag("softDeleted"):
        for key, row in call.state.scan(f"storage.soft/{bucket}/{prefix}"):
            if key > after and seconds_of(row["hardDeleteTime"]) >= call.now:
                yield key, row
        return
    live: Iterator[tuple[str, Json]] = (
        (f"{row['name']}#{row['generation']}", row) for _, row in call.state.scan(f"storage.o/{bucket}/{prefix}")
    )
    if call.flag("versions"):
        old = (
            (f"{row['name']}#{row['generation']}", row) for _, row in call.state.scan(f"storage.old/{bucket}/{prefix}")
        )
        live = iter(sorted([*live, *old], key=lambda item: (item[1]["name"], int(item[1]["generation"]))))
    first, last = call.query("startOffset"), call.query("endOffset")
    start_name = after.rpartition("#")[0]
    for key, row in live:
        name = row["name"]
        if (after and (name < start_name or key == after or (name == start_name and key < after))) or name < first:
            continue
        if last and name >= last:
            return
        yield key, row


def _list(call: Call) -> Answer:
    bucket = call.params["bucket"]
    bucket_of(call, bucket)
    prefix, delimiter = call.query("prefix"), call.query("delimiter")
    size = min(call.whole("maxResults", 1000) or 1000, 1000)
    items: list[Json] = []
    prefixes: dict[str, None] = {}
    result: Json = {"kind": "storage#objects"}
    last = ""
    for key, row in _rows(call, bucket):
        common = _common(row["name"], prefix, delimiter)
        if common in prefixes:
            last = key
            continue
        if len(items) + len(prefixes) == size:
            result["nextPageToken"] = base64.urlsafe_b64encode(last.encode()).decode()
            break
        last = key
        if common:
            prefixes[common] = None
        else:
            items.append(row)
    if call.flag("includeFoldersAsPrefixes") and delimiter == "/":
        for _, folder in call.state.scan(f"storage.managedFolders/{bucket}/{prefix}"):
            common = _common(folder["name"], prefix, delimiter)
            if common:
                prefixes[common] = None
    return result | ({"prefixes": sorted(prefixes)} if prefixes else {}) | ({"items": items} if items else {})


def _common(name: str, prefix: str, delimiter: str) -> str:
    if not delimiter:
        return ""
    position = name.find(delimiter, len(prefix))
    return name[: position + len(delimiter)] if position >= 0 else ""


# --- copies ----------------------------------------------------------------------------------------------------


def _copied(call: Call) -> Json:
    source = find(call, call.params["sourceBucket"], call.params["sourceObject"], call.query("sourceGeneration"))
    check(call, source, "ifSource")
    meta = {**{name: source[name] for name in _WRITABLE if name in source}, **call.body}
    meta.pop("crc32c", None)
    meta.pop("md5Hash", None)
    return store(
        call, call.params["destinationBucket"], call.params["destinationObject"], meta, content_of(call, source)
    )


def _rewrite(call: Call) -> Answer:
    row = _copied(call)
    return {
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": row["size"],
        "objectSize": row["size"],
        "done": True,
        "resource": row,
    }


def _compose(call: Call) -> Answer:
    bucket, parts = call.params["destinationBucket"], []
    for source in call.body.get("sourceObjects", []):
        row = find(call, bucket, source["name"], source.get("generation", ""))
        wanted = source.get("objectPreconditions", {}).get("ifGenerationMatch")
        if wanted and wanted != row["generation"]:
            raise unmet()
        parts.append(content_of(call, row))
    if not 1 <= len(parts) <= 32:
        raise GoogleError(400, "The number of source components provided must be between 1 and 32.", reason="invalid")
    row = store(call, bucket, call.params["destinationObject"], call.body.get("destination", {}), b"".join(parts))
    row = {name: value for name, value in row.items() if name != "md5Hash"} | {"componentCount": len(parts)}
    call.state.put(f"storage.o/{bucket}/{row['name']}", row)
    return row


_O = "storage.objects."
METHODS = {
    f"{_O}insert": _insert, f"{_O}get": _get, f"{_O}patch": _change, f"{_O}update": _change, f"{_O}delete": _delete,
    f"{_O}list": _list, f"{_O}restore": _restore, f"{_O}copy": _copied, f"{_O}rewrite": _rewrite,
    f"{_O}compose": _compose,
}  # fmt: skip
