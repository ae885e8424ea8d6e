"""The generations of an object: written, archived, soft-deleted, gone; and what protects them from that.

A live object stands under `storage.o/<bucket>/<name>`, earlier generations of a versioned bucket under
`storage.old/…#<generation>`, soft-deleted ones under `storage.soft/…#<generation>`; contents by generation.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from reconciler.localcloud import crc32c
from reconciler.localcloud.call import Call, Moment
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage import acls, encryption, notices
from reconciler.localcloud.services.storage.rules import (
    LINK,
    bucket_of,
    check,
    no_object,
    object_etag,
    refused,
    required,
    uniform,
)
from reconciler.localcloud.values import Json, milliseconds, seconds_of

WRITABLE = (
    "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "customTime", "metadata",
    "eventBasedHold", "temporaryHold", "storageClass", "retention", "contexts",
)  # fmt: skip
_UNIFORM_ACL = (
    "Cannot insert legacy ACL for an object when uniform bucket-level access is enabled. Read more at "
    "https://cloud.google.com/storage/docs/uniform-bucket-level-access"
)
_BAD_NAME = re.compile(r"[\r\n]|^\.\.?$|^\.well-known/acme-challenge/")


@dataclass(frozen=True)
class Target:
    """Where an object is written to."""

    bucket: str
    name: str


def live_key(row: Json) -> str:
    return f"storage.o/{row['bucket']}/{row['name']}"


def tail_of(row: Json) -> str:
    return f"{row['bucket']}/{row['name']}#{row['generation']}"


def find(call: Call, bucket: str, name: str, generation: str = "") -> Json:
    """The live object, or the generation asked for. GoogleError 404."""
    bucket_of(call, bucket)
    row = call.state.get(f"storage.o/{bucket}/{name}")
    if generation and (row is None or row["generation"] != generation):
        row = call.state.get(f"storage.old/{bucket}/{name}#{generation}")
    if row is None:
        raise no_object(bucket, name)
    return row


def save(call: Call, row: Json) -> Json:
    """Write changed metadata back to where this generation stands."""
    live = call.state.get(live_key(row))
    same = live is not None and live["generation"] == row["generation"]
    call.state.put(live_key(row) if same else f"storage.old/{tail_of(row)}", row)
    return row


def content_of(call: Call, row: Json) -> bytes:
    stored = call.state.get(f"storage.content/{tail_of(row)}") or {"data": ""}
    return base64.b64decode(stored["data"])


def checked_name(name: str) -> str:
    """https://cloud.google.com/storage/docs/objects#naming. GoogleError 400."""
    if not name:
        raise required()
    if len(name.encode()) > 1024:
        raise refused(f"The specified object name is too long: its length in UTF-8 is {len(name.encode())} bytes.")
    if _BAD_NAME.search(name):
        raise refused(f"Disallowed unicode characters present in object name '{name}'")
    return name


@dataclass(frozen=True)
class Written:
    """A new generation before it has a number. `extra` are fields beyond the caller's: keys, the access list."""

    owner: Json
    name: str
    meta: Json
    content: bytes
    extra: Json = field(default_factory=dict)


def store(call: Call, target: Target, meta: Json, content: bytes) -> Json:
    """Write what a caller sends, after the preconditions held and the checksums were right."""
    owner = bucket_of(call, target.bucket)
    name = checked_name(target.name)
    before = call.state.get(f"storage.o/{target.bucket}/{name}")
    check(call, before)
    _checksums(meta, content)
    extra = {**encryption.declared(call, owner), "acl": _first_acl(call, owner, meta)}
    extra["mediaLink"] = f"{host_of(call)}/download/storage/v1/b/"
    return write(call, Written(owner, name, meta, content, extra))


def write(moment: Moment, new: Written) -> Json:
    """Write a new generation; an earlier one is archived, soft-deleted or gone. GoogleError 403 if it is protected."""
    owner, bucket = new.owner, new.owner["name"]
    before = moment.state.get(f"storage.o/{bucket}/{new.name}")
    if before is not None:
        unprotected(moment, before)
    generation, stamp, path = _next(moment), milliseconds(moment.now), f"{bucket}/o/{quote(new.name, safe='')}"
    media = new.extra.get("mediaLink", "https://storage.googleapis.com/download/storage/v1/b/")
    row: Json = {
        "storageClass": owner["storageClass"],
        **{name: new.meta[name] for name in WRITABLE if new.meta.get(name) not in (None, "", {})},
        "kind": "storage#object", "id": f"{bucket}/{new.name}/{generation}", "name": new.name, "bucket": bucket,
        "selfLink": LINK + path, "generation": generation, "metageneration": "1", "size": str(len(new.content)),
        **_checksums(new.meta, new.content), "etag": object_etag(generation, "1"), "timeCreated": stamp,
        "updated": stamp, "timeStorageClassUpdated": stamp, "timeFinalized": stamp, "acl": owner["defaultObjectAcl"],
        **new.extra, "mediaLink": f"{media}{path}?generation={generation}&alt=media",
    }  # fmt: skip
    if owner.get("defaultEventBasedHold"):
        row.setdefault("eventBasedHold", True)
    retained(owner, row)
    if before is not None:
        retire(moment, owner, before, overwritten_by=generation)
    moment.state.put(live_key(row), row)
    moment.state.put(f"storage.content/{tail_of(row)}", {"data": base64.b64encode(new.content).decode()})
    notices.send(moment, "OBJECT_FINALIZE", row, **({"overwroteGeneration": before["generation"]} if before else {}))
    return row


def _next(moment: Moment) -> str:
    """A generation: the time in microseconds, and larger than every one before."""
    last = (moment.state.get("storage.counter/generation") or {"last": 0})["last"]
    number = max(int(moment.now * 1_000_000), last + 1)
    moment.state.put("storage.counter/generation", {"last": number})
    return str(number)


def _checksums(meta: Json, content: bytes) -> Json:
    """The real checksums. GoogleError 400 when the caller declared others."""
    checksum = base64.b64encode(crc32c.of(content).to_bytes(4, "big")).decode()
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    for name, shown, actual in (("crc32c", "CRC32C", checksum), ("md5Hash", "MD5 hash", digest)):
        if meta.get(name, actual) != actual:
            raise refused(f'Provided {shown} "{meta[name]}" doesn\'t match calculated {shown} "{actual}".')
    return {"md5Hash": digest, "crc32c": checksum}


def _first_acl(call: Call, owner: Json, meta: Json) -> list[Json]:
    predefined = call.query("predefinedAcl") or call.query("destinationPredefinedAcl")
    if uniform(owner):
        if predefined or meta.get("acl"):
            raise refused(_UNIFORM_ACL)
        return []
    if predefined:
        team = f"project-owners-{owner['projectNumber']}"
        return acls.predefined_object(predefined, owner["projectNumber"], team if predefined == "private" else "")
    if meta.get("acl"):
        return acls.checked(meta["acl"], acls.OBJECT_ROLES)
    found: list[Json] = owner["defaultObjectAcl"]
    return found


def host_of(call: Call) -> str:
    """Where the caller reached us: the client downloads from `mediaLink` whatever endpoint it was given."""
    host = call.request.headers.get("host", "storage.googleapis.com")
    return f"https://{host}" if host.endswith(".googleapis.com") else f"http://{host}"


# --- protection ------------------------------------------------------------------------------------------------


def retained(owner: Json, row: Json) -> None:
    """Compute until when the bucket's or the object's retention keeps this generation."""
    policy, own = owner.get("retentionPolicy"), str((row.get("retention") or {}).get("retainUntilTime") or "")
    ends: list[str] = []
    if policy and not row.get("eventBasedHold"):
        begin = str(row.get("holdReleasedTime") or row["timeCreated"])
        ends.append(milliseconds(seconds_of(begin) + float(policy["retentionPeriod"])))
    if own:
        ends.append(milliseconds(seconds_of(own)))
    row.pop("retentionExpirationTime", None)
    if ends:
        row["retentionExpirationTime"] = max(ends)


def unprotected(moment: Moment, row: Json) -> None:
    """GoogleError 403 while a hold or a retention forbids deleting or overwriting this generation."""
    shown = f"Object '{row['bucket']}/{row['name']}'"
    for name, hold in (("temporaryHold", "Temporary"), ("eventBasedHold", "Event-Based")):
        if row.get(name):
            raise GoogleError(
                403,
                f"{shown} is under active {hold} hold and cannot be deleted, overwritten or archived until hold is "
                "removed.",
            )
    owner = moment.state.get(f"storage.b/{row['bucket']}") or {}
    fresh = dict(row)
    retained(owner, fresh)
    until = fresh.get("retentionExpirationTime", "")
    if until > milliseconds(moment.now):
        raise GoogleError(
            403,
            f"{shown} is subject to bucket's retention policy or object retention and cannot be deleted or overwritten "
            f"until {until}",
            reason="retentionPolicyNotMet",
        )


# --- going away ------------------------------------------------------------------------------------------------


def retire(moment: Moment, owner: Json, row: Json, overwritten_by: str = "") -> None:
    """What becomes of a live generation that is replaced or deleted."""
    more = {"overwrittenByGeneration": overwritten_by} if overwritten_by else {}
    if owner.get("versioning", {}).get("enabled"):
        moment.state.put(f"storage.old/{tail_of(row)}", {**row, "timeDeleted": milliseconds(moment.now)})
        notices.send(moment, "OBJECT_ARCHIVE", row, **more)
        return
    soften(moment, owner, row)
    notices.send(moment, "OBJECT_DELETE", row, **more)


def soften(moment: Moment, owner: Json, row: Json) -> None:
    """Soft-delete a generation, or forget it where soft delete is off."""
    kept_for = int(owner["softDeletePolicy"]["retentionDurationSeconds"])
    if kept_for:
        times = {"softDeleteTime": milliseconds(moment.now), "hardDeleteTime": milliseconds(moment.now + kept_for)}
        moment.state.put(f"storage.soft/{tail_of(row)}", {**row, **times})
    else:
        moment.state.delete(f"storage.content/{tail_of(row)}")


def remove(call: Call, owner: Json, row: Json, *, forever: bool) -> None:
    """Delete a generation; a live one is archived in a versioned bucket unless `forever`."""
    live = call.state.get(live_key(row))
    if live is not None and live["generation"] == row["generation"]:
        call.state.delete(live_key(row))
    if not forever:
        retire(call, owner, row)
        return
    call.state.delete(f"storage.old/{tail_of(row)}")
    soften(call, owner, row)
    notices.send(call, "OBJECT_DELETE", row)
