"""Buckets: one namespace for everybody, patched or replaced under preconditions, soft-deleted and restored."""

from __future__ import annotations

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.storage import access
from reconciler.localcloud.services.storage.defaults import check_name, complete, placed
from reconciler.localcloud.services.storage.rules import (
    LINK,
    at_least_one,
    bucket_key,
    bucket_of,
    check,
    no_bucket,
    refused,
    required,
    with_nulls,
)
from reconciler.localcloud.values import Json, Response, milliseconds, seconds_of

_SERVER_SET = (
    "id", "selfLink", "projectNumber", "timeCreated", "updated", "metageneration", "generation", "locationType", "kind",
    "name", "location", "etag", "hardDeleteTime", "softDeleteTime", "satisfiesPZI", "satisfiesPZS", "owner",
    "customPlacementConfig", "hierarchicalNamespace", "objectRetention", "acl", "defaultObjectAcl",
)  # fmt: skip


def _insert(call: Call) -> Answer:
    own = call.body.get("name", "")
    if not own:
        raise required()
    check_name(own)
    project = projects.find(call.state, call.query("project")) or {}
    there = call.state.get(bucket_key(own))
    if there is not None:
        mine = there["projectNumber"] == project["number"]
        message = "Your previous request to create the named bucket succeeded and you already own it."
        other = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again."
        )
        raise GoogleError(409, message if mine else other, reason="conflict")
    stamp = milliseconds(call.now)
    row: Json = {
        **call.body, "kind": "storage#bucket", "id": own, "name": own, "selfLink": LINK + own,
        "projectNumber": project["number"], "timeCreated": stamp, "updated": stamp, "metageneration": "1",
        "generation": str(int(call.now * 1_000_000) * 1000 + call.rng.randrange(1000)),
    }  # fmt: skip
    if call.flag("enableObjectRetention"):
        row["objectRetention"] = {"mode": "Enabled"}
    placed(row)
    full = bool(row.get("acl") or row.get("defaultObjectAcl"))
    wished = row.pop("acl", None), row.pop("defaultObjectAcl", None)
    complete(call.now, row, {})
    access.begin(call, row, *wished)
    call.state.put(bucket_key(own), row)
    call.state.put(f"storage.ofproject/{project['number']}/{own}", {})
    return access.seen_bucket(call, row, "full" if full else "noAcl")


def _get(call: Call) -> Answer:
    if call.flag("softDeleted"):
        row = call.state.get(f"storage.softbucket/{call.params['bucket']}/{call.query('generation')}")
        if row is None or seconds_of(row["hardDeleteTime"]) < call.now:
            raise no_bucket()
        return access.seen_bucket(call, row, "noAcl")
    row = bucket_of(call)
    check(call, row)
    return access.seen_bucket(call, row, "noAcl")


def _list(call: Call) -> Answer:
    number = (projects.find(call.state, call.query("project")) or {})["number"]
    start = generic.start_of(call)
    if call.flag("softDeleted"):
        prefix = f"storage.softbucket/{call.query('prefix')}"
        rows = (
            (key, row)
            for key, row in call.state.scan(prefix, start)
            if row["projectNumber"] == number and seconds_of(row["hardDeleteTime"]) >= call.now
        )
    else:
        owned = f"storage.ofproject/{number}/"
        rows = (
            (key, call.state.get(bucket_key(key.removeprefix(owned))) or {})
            for key, _ in call.state.scan(owned + call.query("prefix"), start)
        )
    found, token = generic.page(call, rows, default=1000)
    items = [access.seen_bucket(call, row, "noAcl") for row in found]
    return (
        {"kind": "storage#buckets"} | ({"items": items} if items else {}) | ({"nextPageToken": token} if token else {})
    )


def _change(call: Call) -> Answer:
    """patch merges, update replaces; both count the metageneration up."""
    row = bucket_of(call)
    check(call, row)
    wish = with_nulls(call) if call.method.name == "patch" else call.body
    if (wish.get("location") or row["location"]).upper() != row["location"]:
        raise refused("Cannot change the location of a bucket.")
    kept = {name: row[name] for name in _SERVER_SET if name in row}
    body = {name: value for name, value in wish.items() if name not in _SERVER_SET}
    changed = merged(row, body) if call.method.name == "patch" else {"storageClass": row["storageClass"], **body}
    changed |= kept
    if row["locationType"] != "region":
        changed["rpo"] = changed.get("rpo") or "DEFAULT"
    _bump(call, changed)
    complete(call.now, changed, row)
    access.redeclare(call, changed, row, wish)
    call.state.put(bucket_key(row["name"]), changed)
    return access.seen_bucket(call, changed, "full")


def _bump(call: Call, row: Json) -> None:
    row |= {"metageneration": str(int(row["metageneration"]) + 1), "updated": milliseconds(call.now)}


def _lock(call: Call) -> Answer:
    row = bucket_of(call)
    check(call, row)
    if not row.get("retentionPolicy"):
        raise refused(f"Bucket '{row['name']}' does not have a retention policy.")
    row["retentionPolicy"]["isLocked"] = True
    _bump(call, row)
    complete(call.now, row, row)
    call.state.put(bucket_key(row["name"]), row)
    return access.seen_bucket(call, row, "full")


def _delete(call: Call) -> Answer:
    row = bucket_of(call)
    check(call, row)
    own = row["name"]
    if at_least_one(call.state, f"storage.o/{own}/"):
        raise GoogleError(409, "The bucket you tried to delete is not empty.", reason="conflict")
    if at_least_one(call.state, f"storage.old/{own}/"):
        versions = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        raise GoogleError(409, versions, reason="conflict")
    kept_for = int(row["softDeletePolicy"]["retentionDurationSeconds"])
    gone = ["managedFolders", "folders", "notifications", "anywhereCaches", "sweep", *([] if kept_for else ["content"])]
    for collection in gone:
        for key, _ in list(call.state.scan(f"storage.{collection}/{own}/")):
            call.state.delete(key)
    if kept_for:
        dead = {**row, "softDeleteTime": milliseconds(call.now), "hardDeleteTime": milliseconds(call.now + kept_for)}
        call.state.put(f"storage.softbucket/{own}/{row['generation']}", dead)
    call.state.delete(bucket_key(own))
    call.state.delete(f"storage.ofproject/{row['projectNumber']}/{own}")
    call.state.delete(policies.key_of(call, f"b/{own}"))
    return Response(204, None)


def _restore(call: Call) -> Answer:
    own, generation = call.params["bucket"], call.query("generation")
    key = f"storage.softbucket/{own}/{generation}"
    row = call.state.get(key)
    if row is None or seconds_of(row["hardDeleteTime"]) < call.now:
        raise no_bucket()
    if call.state.get(bucket_key(own)) is not None:
        raise GoogleError(409, f"A bucket named '{own}' exists; it must be deleted first.", reason="conflict")
    back = {name: value for name, value in row.items() if name not in ("softDeleteTime", "hardDeleteTime")}
    call.state.delete(key)
    call.state.put(bucket_key(own), back)
    call.state.put(f"storage.ofproject/{row['projectNumber']}/{own}", {})
    return access.seen_bucket(call, back, "noAcl")


def _layout(call: Call) -> Answer:
    row = bucket_of(call)
    kept = ("location", "locationType", "customPlacementConfig", "hierarchicalNamespace")
    return {
        "kind": "storage#storageLayout", "bucket": row["name"], "hierarchicalNamespace": {"enabled": False},
        **{name: row[name] for name in kept if name in row},
    }  # fmt: skip


_B = "storage.buckets."
METHODS = {
    f"{_B}insert": _insert, f"{_B}get": _get, f"{_B}list": _list, f"{_B}patch": _change, f"{_B}update": _change,
    f"{_B}delete": _delete, f"{_B}restore": _restore, f"{_B}lockRetentionPolicy": _lock,
    f"{_B}getStorageLayout": _layout,
}  # fmt: skip
