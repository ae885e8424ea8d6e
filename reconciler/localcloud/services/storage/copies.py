"""Objects made of other objects: copy, rewrite in steps, compose, move."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage import encryption, generations
from reconciler.localcloud.services.storage.generations import WRITABLE, Target, content_of, find, save, store
from reconciler.localcloud.services.storage.objects import seen
from reconciler.localcloud.services.storage.rules import bucket_of, check, no_object, refused, unmet
from reconciler.localcloud.values import Json, hexadecimal

_STEP = 1024 * 1024
_MOST_PARTS = 32


def _source(call: Call) -> Json:
    row = find(call, call.params["sourceBucket"], call.params["sourceObject"], call.query("sourceGeneration"))
    check(call, row, "ifSource")
    return row


def _written(call: Call, source: Json) -> Json:
    """The metadata of the source unless the request has its own; the class is the destination bucket's."""
    encryption.must_open(call, source, source="customerEncryption" in source)
    kept = {name: source[name] for name in WRITABLE if name in source and name not in ("retention", "temporaryHold")}
    kept.pop("eventBasedHold", None)
    kept.pop("storageClass", None)
    meta = {**kept, **{name: value for name, value in call.body.items() if name in (*WRITABLE, "acl")}}
    target = Target(call.params["destinationBucket"], call.params["destinationObject"])
    row = store(call, target, meta, content_of(call, source))
    if "componentCount" in source:
        row["componentCount"] = source["componentCount"]
        row.pop("md5Hash", None)
        save(call, row)
    return row


def _copy(call: Call) -> Answer:
    return seen(call, _written(call, _source(call)), "full" if call.body.get("acl") else "noAcl")


def _rewrite(call: Call) -> Answer:
    """At once, or in the steps that `maxBytesRewrittenPerCall` asks for, with a token in between."""
    source = _source(call)
    size, most = int(source["size"]), call.whole("maxBytesRewrittenPerCall", 0)
    if most and most % _STEP:
        raise refused("The maxBytesRewrittenPerCall parameter must be a multiple of 1 MiB (1048576 bytes).")
    token = call.query("rewriteToken")
    done, key = 0, f"storage.rewrites/{token}"
    if token:
        progress = call.state.get(key)
        if progress is None or progress["source"] != source["id"]:
            raise refused("Invalid rewrite token.")
        done = progress["done"]
    answer: Json = {"kind": "storage#rewriteResponse", "objectSize": str(size)}
    if most and done + most < size:
        token = token or hexadecimal(call.rng, 48)
        call.state.put(f"storage.rewrites/{token}", {"source": source["id"], "done": done + most})
        return {**answer, "totalBytesRewritten": str(done + most), "done": False, "rewriteToken": token}
    row = _written(call, source)
    if token:
        call.state.delete(key)
    return {**answer, "totalBytesRewritten": str(size), "done": True, "resource": seen(call, row)}


def _compose(call: Call) -> Answer:
    bucket, asked = call.params["destinationBucket"], call.body.get("sourceObjects") or []
    bucket_of(call, bucket)
    if not asked:
        raise refused("You must provide at least one source component.")
    if len(asked) > _MOST_PARTS:
        raise refused(f"The number of source components provided ({len(asked)}) exceeds the maximum ({_MOST_PARTS})")
    parts, count, rows = [], 0, []
    for source in asked:
        try:
            row = find(call, bucket, source.get("name", ""), source.get("generation", ""))
        except GoogleError as error:
            raise no_object(bucket, source.get("name", "")) from error
        wanted = source.get("objectPreconditions", {}).get("ifGenerationMatch")
        if wanted and wanted != row["generation"]:
            raise unmet()
        encryption.must_open(call, row)
        parts.append(content_of(call, row))
        rows.append(row)
        count += int(row.get("componentCount", 1))
    meta = {name: value for name, value in (call.body.get("destination") or {}).items() if name in (*WRITABLE, "acl")}
    meta.setdefault("contentType", rows[0].get("contentType"))
    made = store(call, Target(bucket, call.params["destinationObject"]), meta, b"".join(parts))
    made = {name: value for name, value in made.items() if name != "md5Hash"} | {"componentCount": count}
    save(call, made)
    if call.body.get("deleteSourceObjects"):
        owner = bucket_of(call, bucket)
        for row in rows:
            if row["name"] != made["name"]:
                generations.remove(call, owner, row, forever=False)
    return seen(call, made)


def _move(call: Call) -> Answer:
    bucket = call.params["bucket"]
    owner = bucket_of(call)
    source = find(call, bucket, call.params["sourceObject"])
    check(call, source, "ifSource")
    if call.params["sourceObject"] == call.params["destinationObject"]:
        raise refused("The source and destination object names must be different.")
    generations.unprotected(call, source)
    row = store(call, Target(bucket, call.params["destinationObject"]), source, content_of(call, source))
    for name in ("timeCreated", "customerEncryption", "kmsKeyName", "acl"):
        if name in source:
            row[name] = source[name]
    save(call, row)
    generations.remove(call, owner, source, forever=False)
    return seen(call, row)


_O = "storage.objects."
METHODS = {f"{_O}copy": _copy, f"{_O}rewrite": _rewrite, f"{_O}compose": _compose, f"{_O}move": _move}
