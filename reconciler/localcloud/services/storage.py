"""Cloud Storage JSON API v1: buckets, their IAM policies, and managed folders with theirs."""

from __future__ import annotations

import re

from reconciler.localcloud import policies, projects
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic, storage_objects
from reconciler.localcloud.services.storage_rules import at_least_one, check, no_bucket
from reconciler.localcloud.values import Json, Response, etag_like, milliseconds

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_MULTI = {"US", "EU", "ASIA"}
_DUAL = {"NAM4", "EUR4", "ASIA1", "EUR5", "EUR7", "EUR8"}
_WEEK = 604800
_LINK = "https://www.googleapis.com/storage/v1/b/"
_SERVER_SET = (
    "id", "selfLink", "projectNumber", "timeCreated", "updated", "metageneration", "generation", "locationType", "kind",
    "name", "location", "etag", "hardDeleteTime", "softDeleteTime",
)  # fmt: skip


def key_of(name: str) -> str:
    return f"storage.b/{name}"


def load(call: Call) -> Json:
    row = call.state.get(key_of(call.params["bucket"]))
    if row is None:
        raise no_bucket()
    return row


def _insert(call: Call) -> Answer:
    own = call.body.get("name", "")
    if not _NAME.fullmatch(own) or ".." in own or (len(own) > 63 and "." not in own) or own.startswith("goog"):
        raise GoogleError(400, f"Invalid bucket name: '{own}'", reason="invalid")
    project = projects.find(call.state, call.query("project")) or {}
    there = call.state.get(key_of(own))
    if there is not None:
        mine = there["projectNumber"] == project["number"]
        message = "Your previous request to create the named bucket succeeded and you already own it."
        other = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again."
        )
        raise GoogleError(409, message if mine else other, reason="conflict")
    stamp = milliseconds(call.now)
    place = call.body.get("location", "US").upper()
    row: Json = {
        **call.body, "kind": "storage#bucket", "id": own, "name": own, "selfLink": _LINK + own, "location": place,
        "projectNumber": project["number"], "timeCreated": stamp, "updated": stamp, "metageneration": "1",
        "generation": str(int(call.now * 1_000_000)), "satisfiesPZI": True,
        "locationType": "multi-region" if place in _MULTI else "dual-region" if place in _DUAL else "region",
    }  # fmt: skip
    row.setdefault("storageClass", "STANDARD")
    _complete(call, row)
    call.state.put(key_of(own), row)
    call.state.put(f"storage.ofproject/{project['number']}/{own}", {})
    return row


def _complete(call: Call, row: Json) -> None:
    """Server-filled parts that depend on what is declared."""
    stamp = milliseconds(call.now)
    access: Json = {"publicAccessPrevention": "inherited", **row.get("iamConfiguration", {})}
    uniform: Json = {"enabled": False, **access.get("uniformBucketLevelAccess", {})}
    uniform.pop("lockedTime", None) if not uniform["enabled"] else uniform.setdefault(
        "lockedTime", milliseconds(call.now + 90 * 86400)
    )
    row["iamConfiguration"] = {**access, "uniformBucketLevelAccess": uniform, "bucketPolicyOnly": dict(uniform)}
    if row["locationType"] != "region":
        row.setdefault("rpo", "DEFAULT")
    soft: Json = {"retentionDurationSeconds": str(_WEEK), **row.get("softDeletePolicy", {})}
    soft.setdefault("effectiveTime", stamp)
    row["softDeletePolicy"] = soft
    for name in ("lifecycle", "cors", "labels"):
        if name in row and not (row[name].get("rule") if name == "lifecycle" else row[name]):
            del row[name]
    row["etag"] = etag_like(call.rng, 2)


def _get(call: Call) -> Answer:
    if call.flag("softDeleted"):
        row = call.state.get(f"storage.softbucket/{call.params['bucket']}/{call.query('generation')}")
        if row is None:
            raise no_bucket()
        return row
    row = load(call)
    check(call, row)
    return row


def _list(call: Call) -> Answer:
    number = (projects.find(call.state, call.query("project")) or {})["number"]
    prefix = f"storage.ofproject/{number}/"
    rows = (
        (key, call.state.get(key_of(key.removeprefix(prefix))) or {})
        for key, _ in call.state.scan(prefix + call.query("prefix"), generic.start_of(call))
    )
    found, token = generic.page(call, rows, default=1000)
    return (
        {"kind": "storage#buckets"} | ({"items": found} if found else {}) | ({"nextPageToken": token} if token else {})
    )


def _change(call: Call) -> Answer:
    """patch merges, update replaces; both count the metageneration up."""
    row = load(call)
    check(call, row)
    wish = {name: value for name, value in call.body.items() if name not in _SERVER_SET}
    if "location" in call.body and call.body["location"].upper() != row["location"]:
        raise GoogleError(400, "Cannot change the location of a bucket.", reason="invalid")
    kept = {name: row[name] for name in _SERVER_SET if name in row}
    changed = (
        merged(row, {**call.body, **wish})
        if call.method.name == "patch"
        else {**kept, "storageClass": row["storageClass"], **wish}
    )
    changed |= kept
    changed |= {"metageneration": str(int(row["metageneration"]) + 1), "updated": milliseconds(call.now)}
    _complete(call, changed)
    call.state.put(key_of(row["name"]), changed)
    return changed


def _delete(call: Call) -> Answer:
    row = load(call)
    check(call, row)
    own = row["name"]
    if at_least_one(call.state, f"storage.o/{own}/") or at_least_one(call.state, f"storage.old/{own}/"):
        raise GoogleError(409, "The bucket you tried to delete is not empty.", reason="conflict")
    for collection in ("managedFolders", "iamFolder", "content"):
        for key, _ in list(call.state.scan(f"storage.{collection}/{own}/")):
            call.state.delete(key)
    kept_for = int(row["softDeletePolicy"]["retentionDurationSeconds"])
    if kept_for:
        gone = {**row, "softDeleteTime": milliseconds(call.now), "hardDeleteTime": milliseconds(call.now + kept_for)}
        call.state.put(f"storage.softbucket/{own}/{row['generation']}", gone)
    call.state.delete(key_of(own))
    call.state.delete(f"storage.ofproject/{row['projectNumber']}/{own}")
    call.state.delete(policies.key_of(call, f"b/{own}"))
    return Response(204, None)


def _restore(call: Call) -> Answer:
    own, generation = call.params["bucket"], call.query("generation")
    key = f"storage.softbucket/{own}/{generation}"
    row = call.state.get(key)
    if row is None or call.state.get(key_of(own)) is not None:
        raise no_bucket()
    back = {name: value for name, value in row.items() if name not in ("softDeleteTime", "hardDeleteTime")}
    call.state.delete(key)
    call.state.put(key_of(own), back)
    call.state.put(f"storage.ofproject/{row['projectNumber']}/{own}", {})
    return back


# --- IAM -------------------------------------------------------------------------------------------------------


def _policy(call: Call, row: Json, resource: str, shown: str) -> Json:
    stored = call.state.get(policies.key_of(call, resource))
    if stored is None and resource.count("/") == 1:
        number = row["projectNumber"]
        owners = [f"projectEditor:{number}", f"projectOwner:{number}"]
        stored = {"version": 1, "etag": "CAE=", "bindings": [
            {"role": "roles/storage.legacyBucketOwner", "members": owners},
            {"role": "roles/storage.legacyBucketReader", "members": [f"projectViewer:{number}"]},
        ]}  # fmt: skip
        call.state.put(policies.key_of(call, resource), stored)
    return {"kind": "storage#policy", "resourceId": f"projects/_/{shown}", **(stored or {"version": 1, "etag": "CAE="})}


def _get_policy(call: Call) -> Answer:
    own = call.params["bucket"]
    return _policy(call, load(call), f"b/{own}", f"buckets/{own}")


def _set_policy(call: Call) -> Answer:
    own = call.params["bucket"]
    before = _get_policy(call)
    _same_etag(call, before)
    policies.write(call, f"b/{own}", {**call.body, "etag": None})
    return _get_policy(call)


def _same_etag(call: Call, before: Answer) -> None:
    sent = call.body.get("etag")
    if sent and isinstance(before, dict) and sent.rstrip("=") != before["etag"].rstrip("="):
        raise GoogleError(
            412, "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet"
        )


def _test(call: Call) -> Answer:
    load(call)
    return {"kind": "storage#testIamPermissionsResponse", "permissions": call.request.query.get("permissions", [])}


# --- managed folders -------------------------------------------------------------------------------------------


def _folder_name(call: Call) -> str:
    own = call.params.get("managedFolder") or call.body.get("name", "")
    return own if own.endswith("/") else own + "/"


def _folder_key(call: Call) -> str:
    return f"storage.managedFolders/{call.params['bucket']}/{_folder_name(call)}"


def _folder(call: Call) -> Json:
    load(call)
    row = call.state.get(_folder_key(call))
    if row is None:
        raise GoogleError(404, "The specified managed folder does not exist.", reason="notFound")
    return row


def _insert_folder(call: Call) -> Answer:
    bucket = load(call)
    if not bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"]:
        raise GoogleError(
            400,
            "Cannot create managed folders in a bucket without uniform bucket-level access enabled.",
            reason="invalid",
        )
    if call.state.get(_folder_key(call)) is not None:
        raise GoogleError(409, "The managed folder already exists.", reason="conflict")
    own, stamp = _folder_name(call), milliseconds(call.now)
    row: Json = {
        "kind": "storage#managedFolder", "id": f"{bucket['name']}/{own}", "name": own, "bucket": bucket["name"],
        "selfLink": f"{_LINK}{bucket['name']}/managedFolders/{own.replace('/', '%2F')}", "metageneration": "1",
        "createTime": stamp, "updateTime": stamp,
    }  # fmt: skip
    call.state.put(_folder_key(call), row)
    return row


def _get_folder(call: Call) -> Answer:
    row = _folder(call)
    check(call, row)
    return row


def _list_folders(call: Call) -> Answer:
    load(call)
    rows = call.state.scan(
        f"storage.managedFolders/{call.params['bucket']}/{call.query('prefix')}", generic.start_of(call)
    )
    found, token = generic.page(call, rows, default=1000)
    return (
        {"kind": "storage#managedFolders"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


def _delete_folder(call: Call) -> Answer:
    row = _folder(call)
    check(call, row)
    if not call.flag("allowNonEmpty") and at_least_one(call.state, f"storage.o/{row['bucket']}/{row['name']}"):
        raise GoogleError(409, "The managed folder you tried to delete is not empty.", reason="conflict")
    call.state.delete(_folder_key(call))
    call.state.delete(policies.key_of(call, f"b/{row['bucket']}/managedFolders/{row['name']}"))
    return Response(204, None)


def _get_folder_policy(call: Call) -> Answer:
    row = _folder(call)
    shown = f"buckets/{row['bucket']}/managedFolders/{row['name']}"
    return _policy(call, row, f"b/{row['bucket']}/managedFolders/{row['name']}", shown)


def _set_folder_policy(call: Call) -> Answer:
    row = _folder(call)
    _same_etag(call, _get_folder_policy(call))
    policies.write(call, f"b/{row['bucket']}/managedFolders/{row['name']}", {**call.body, "etag": None})
    return _get_folder_policy(call)


_B, _M = "storage.buckets.", "storage.managedFolders."
METHODS = {
    f"{_B}insert": _insert, f"{_B}get": _get, f"{_B}list": _list, f"{_B}patch": _change, f"{_B}update": _change,
    f"{_B}delete": _delete, f"{_B}restore": _restore, f"{_B}getIamPolicy": _get_policy,
    f"{_B}setIamPolicy": _set_policy,
    f"{_B}testIamPermissions": _test, f"{_M}insert": _insert_folder, f"{_M}get": _get_folder,
    f"{_M}list": _list_folders,
    f"{_M}delete": _delete_folder, f"{_M}getIamPolicy": _get_folder_policy, f"{_M}setIamPolicy": _set_folder_policy,
    f"{_M}testIamPermissions": _test, **storage_objects.METHODS,
}  # fmt: skip
